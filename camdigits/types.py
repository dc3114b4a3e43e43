"""The nouns that stages hand to one another: frozen, small, with their shapes and units.

Pixels count from the top left corner, x to the right and y down. Angles are degrees of the baseline, positive where the
writing rises to the right.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: (height, width, 3) uint8 in OpenCV's channel order BGR."""

Patches = NDArray[np.float32]
"""Normalized digits: (N, 28, 28) float32, ink 1.0 on 0.0."""

Probabilities = NDArray[np.float32]
"""(N, C + 1) float32, rows sum to one; C labels, the last column is `not a digit`."""


Event = dict[str, Any]
"""What happened, as it becomes JSON: `event` says what; README's section on live names the rest."""

MIN_CONFIDENCE = 0.5
"""Digits less sure than this are left out, unless the user says otherwise."""

MIN_HITS = 4
"""Frames that must agree before a reading is settled, unless the user says otherwise."""

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"})
"""What a folder is searched for."""


CROP = 160
"""A picture with a longer side below this is a tight crop of a digit: it is enlarged, its edge cuts nothing, and
around it is nothing to see."""

BARE_ASPECT = 2.5
"""A stroke this much longer than wide is straight: a 1, a rule, the edge of a sheet, the side of a frame."""


class Box(NamedTuple):
    """An upright rectangle in pixels: columns x to x + w - 1, rows y to y + h - 1."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        """First column past the box."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """First row past the box."""
        return self.y + self.h

    @property
    def side(self) -> int:
        """The longer of width and height."""
        return max(self.w, self.h)

    @property
    def is_bare(self) -> bool:
        """Whether what fills it is a straight stroke, standing or lying."""
        return self.side > BARE_ASPECT * min(self.w, self.h)

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) of the middle."""
        return self.x + self.w / 2, self.y + self.h / 2

    def contains(self, point: tuple[float, float]) -> bool:
        """Say whether (x, y) lies in it."""
        x, y = point
        return self.x <= x < self.right and self.y <= y < self.bottom

    def union(self, other: "Box") -> "Box":
        """Return the smallest box around both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def moved(self, dx: int, dy: int) -> "Box":
        """Return a box of the same size elsewhere."""
        return Box(self.x + dx, self.y + dy, self.w, self.h)

    def scaled(self, scale: float) -> "Box":
        """Return the box in a picture so many times as large: a pixel wide and high at least."""
        x, y = round(self.x * scale), round(self.y * scale)
        return Box(x, y, max(1, round(self.right * scale) - x), max(1, round(self.bottom * scale) - y))

    def in_copy(self, size: tuple[int, ...], other: tuple[int, ...]) -> "Box":
        """Return where it lies in a copy of its picture: a pixel wide and high at least, and inside.

        size, other: (height, width) of the picture and of the copy.
        """
        x, right = (round(side * other[1] / size[1]) for side in (self.x, self.right))
        y, bottom = (round(side * other[0] / size[0]) for side in (self.y, self.bottom))
        x, y = min(x, other[1] - 1), min(y, other[0] - 1)
        return Box(x, y, max(1, right - x), max(1, bottom - y))

    @staticmethod
    def around(boxes: Iterable["Box"]) -> "Box":
        """Return the smallest box around one or more."""
        return reduce(Box.union, boxes)


def size_of(label: str, box: Box) -> int:
    """Return how large a sign is written: a digit by its height, others, which may be low as a dash, by either side."""
    return box.h if label.isdigit() else box.side


def are_digits(labels: Iterable[str]) -> bool:
    """Say whether a model with these labels knows nothing but digits."""
    return all(label.isdigit() for label in labels)


def shared_area(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return how many pixels each of (N, 4) boxes shares with each of (M, 4) boxes: (N, M), of the boxes' dtype."""
    low = np.maximum(a[:, None, :2], b[:, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], b[:, :2] + b[:, 2:])
    area: NDArray[Any] = np.maximum(high - low, 0).prod(2)
    return area


def overlap(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.floating]:
    """Return how much of what two boxes cover together both cover, 0 to 1: (N, M) for (N, 4) and (M, 4) boxes."""
    both = shared_area(a, b)
    share: NDArray[np.floating] = both / (a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1) - both)
    return share


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    image: (height, width, 3) uint8 BGR.
    index: frames since the first, counting those that were dropped.
    time: seconds since the first frame, on the source's own clock (a file's) or by arrival (a camera's).
    source: what the user called it.
    lost: why the source gives no pictures at present, this being its last one once more; empty for a new one.
    """

    image: Image
    index: int
    time: float
    source: str
    lost: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A piece of ink that may be one digit.

    box: where, in the frame.
    ink: (h, w) uint8 soft ink of this piece alone, 255 on 0, whatever the polarity, at the size it was
    looked at.
    contrast: how much the ink differs from its paper, 0 to 1 of the paper's brightness range.
    cut: it touches the frame's edge, so part of it may lie outside.
    whole: the box of the candidate that it is a piece of, if it is one.
    """

    box: Box
    ink: NDArray[np.uint8]
    contrast: float
    cut: bool = False
    whole: Box | None = None


@dataclass(frozen=True, slots=True)
class Digit:
    """One digit as read. confidence is calibrated: of the digits at 0.9, nine in ten are right."""

    label: str
    confidence: float
    box: Box

    @property
    def log_odds(self) -> float:
        """What it is worth as evidence: surer than 0.999 counts no more."""
        confidence = min(max(self.confidence, 1e-9), 0.999)
        return math.log(confidence / (1 - confidence))

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output says of a digit."""
        return {"label": self.label, "confidence": round(self.confidence, 4), "box": list(self.box)}


@dataclass(frozen=True, slots=True)
class Number:
    """Digits that belong together, in reading order.

    text: the labels of the digits (those of words apart), with a decimal point or comma and a leading minus where there
    is one. confidence:
    the chance that it is right and whole, calibrated: less for each mark beside it, which may be a digit not read.
    line: written lines from the top, from 0; numbers side by side share it. angle: degrees of the baseline.
    """

    text: str
    confidence: float
    line: int
    angle: float
    box: Box
    digits: tuple[Digit, ...]

    @property
    def value(self) -> float:
        """What it is worth, a comma being a point; not a number (nan) where its labels are no digits."""
        try:
            return float(self.text.replace(",", "."))
        except ValueError:
            return math.nan

    def with_boxes(self, change: Callable[[Box], Box]) -> "Number":
        """Return the number with each of its boxes changed."""
        digits = tuple(replace(digit, box=change(digit.box)) for digit in self.digits)
        return replace(self, box=change(self.box), digits=digits)

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output says of a number."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "line": self.line,
            "angle": round(self.angle, 1),
            "box": list(self.box),
            "digits": [digit.to_dict() for digit in self.digits],
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """A number followed over time.

    id: kept while the number stays in sight, never used again. number: what the track's vote says now, where it was
    seen last. settled: enough frames agreed. frames: how many frames it has been followed. stale: its source gives no
    pictures at present; this is what the last one said. region: the name of the part of the picture it lies in, where
    parts are named. held: why it is not believed although it settled, "" where it is. stands: while it is held back,
    the text that was accepted before it in its region, "" where there is none.
    """

    id: int
    number: Number
    settled: bool
    frames: int
    stale: bool = False
    region: str = ""
    held: str = ""
    stands: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it settled and nothing holds it back."""
        return self.settled and not self.held


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What each stage made of one picture: the candidates, what was said of each, the numbers decoded.

    candidates: all that were proposed, at first, by cuts, by the closer look and as ink. probabilities:
    (len(candidates), C + 1), by their ink and, of those that were asked about, by what stands around them.
    numbers: in reading order.
    """

    candidates: tuple[Candidate, ...]
    probabilities: Probabilities
    numbers: tuple[Number, ...]

    def moved(self, dx: int, dy: int) -> "Trace":
        """Return the trace of a part of a picture with its boxes where they lie in the whole."""
        candidates = tuple(
            replace(c, box=c.box.moved(dx, dy), whole=c.whole and c.whole.moved(dx, dy)) for c in self.candidates
        )
        numbers = tuple(number.with_boxes(lambda box: box.moved(dx, dy)) for number in self.numbers)
        return replace(self, candidates=candidates, numbers=numbers)
