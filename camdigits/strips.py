"""Numbers read whole: what a digit's own ink does not tell, the strokes beside it and the paper between them do.

A small convolutional network looks at the strip of the picture that a number lies in and says for each of its columns
which digit is written there, if any (Graves, Fernandez, Gomez and Schmidhuber 2006, "Connectionist temporal
classification"; for lines of text as in Shi, Bai and Yao 2015, without recurrence).
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.network import STRIPS, Network, open_helper
from camdigits.types import Box

Floats = NDArray[np.float32]

HEIGHT, STEP = 32, 2
"""Pixels of a strip's height, and of each of its columns. The file's contract: `ink` (N, HEIGHT, W, 1) float32, as
as_ink makes it, W a multiple of 4, to `columns` (N, W / STEP, BLANK + 1), the log-odds of each digit and of BLANK."""

BLANK = 10
"""What a column says after the digits: that it begins none, or goes on with one."""

TALL, MARGIN = 21, 0.55
"""Pixels of the digits in a strip, and how far it reaches beside them, in digit heights."""

ABOVE, FAINTEST = 0.96, 6
"""What so much of a strip is paler than has full ink, differing from the paper by so many grey levels at least."""

DARKEST = 2.0
"""Ink counts no more than so many times the full one."""

TOGETHER = 8
"""So many strips of about one length are shown to the network at once."""


class Place(NamedTuple):
    """Where a strip lies. move: (2, 3), from the picture's pixels to the strip's. width: of the strip, in pixels."""

    move: NDArray[np.float64]
    width: int


def place_of(
    boxes: Sequence[Box], angle: float, height: int = HEIGHT, tall: int = TALL, margin: float = MARGIN
) -> Place:
    """Return the place of the level strip, so high, that holds a number's digits, which are so tall in it.

    boxes: of its digits. angle: degrees of its baseline, as Number has it. margin: how far beside it, in digit heights.
    """
    x, y, w, h = np.array(boxes, float).T
    size = float(np.median(h))
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along = (x + w / 2) * cosine - (y + h / 2) * sine
    below = (x + w / 2) * sine + (y + h / 2) * cosine
    left, right = (along - w / 2).min() - margin * size, (along + w / 2).max() + margin * size
    scale = tall / size
    top = float(np.median(below)) - height / 2 / scale
    move = scale * np.array([[cosine, -sine, -left], [sine, cosine, -top]])
    return Place(move, max(1, round((right - left) * scale)))


def strip_of(grey: NDArray[np.uint8], place: Place, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Return what lies at a place of a (h, w) grey picture: (height, place.width) uint8."""
    seen, move = grey, place.move.copy()
    while np.hypot(*move[0, :2]) < 0.6:  # a step that passes over pixels would see some of them only
        seen = np.asarray(cv2.resize(seen, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        move[:, :2] *= 2
    flat = cv2.warpAffine(seen, move, (place.width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def as_ink(strip: NDArray[np.uint8] | Floats) -> Floats:
    """Return a (h, w) grey strip as the network looks at it: paper 0 and full ink 1, be it dark or light."""
    ink = strip - np.float32(np.median(strip))
    if (ink**3).sum() < 0:  # most of a strip is paper, and what differs from it most is ink
        ink = -ink
    full = max(float(np.quantile(ink, ABOVE)), FAINTEST)
    return np.asarray(np.clip(ink / full, -DARKEST, DARKEST), np.float32)


def together(inks: Sequence[Floats], multiple: int = 4) -> Floats:
    """Return (N, HEIGHT, W, 1): strips in one array, paper behind their ends. multiple: of which W is one."""
    wide = -(-max(ink.shape[1] for ink in inks) // multiple) * multiple
    every = np.zeros((len(inks), HEIGHT, wide, 1), np.float32)
    for ink, place in zip(inks, every, strict=True):
        place[:, : ink.shape[1], 0] = ink
    return every


def columns_of(grey: NDArray[np.uint8], places: Sequence[Place]) -> list[Floats]:
    """Return what the columns of strips of a (h, w) grey picture say: (W / STEP, 11) log-probabilities each.

    Raises ModelError.
    """
    inks = [as_ink(strip_of(grey, place)) for place in places]
    by_length = sorted(range(len(inks)), key=lambda i: inks[i].shape[1])
    said: dict[int, Floats] = {}
    for at in range(0, len(inks), TOGETHER):
        part = by_length[at : at + TOGETHER]
        (odds,) = _network().run(["columns"], {"ink": together([inks[i] for i in part])})
        odds -= np.logaddexp.reduce(odds, axis=2, keepdims=True)
        said |= {i: each[: inks[i].shape[1] // STEP] for i, each in zip(part, odds, strict=True)}
    return [said[i] for i in range(len(inks))]


def text_of(columns: Floats) -> str:
    """Return the digits that (W, 11) columns say, each by its likeliest (best path decoding: Graves et al. 2006)."""
    return "".join(str(digit) for digit, _ in spikes_of(columns))


def spikes_of(columns: Floats) -> list[tuple[int, float]]:
    """Return the digits that (W, 11) columns say, and in which column each is in the middle, from the left."""
    best = columns.argmax(1)
    ends = np.flatnonzero(np.append(True, best[1:] != best[:-1]))
    spans = zip(ends, np.append(ends[1:], len(best)), strict=True)
    return [(int(best[start]), (start + end - 1) / 2) for start, end in spans if best[start] != BLANK]


def log_chances(columns: Sequence[Floats], texts: Sequence[str]) -> NDArray[np.float64]:
    """Return how likely each text is the whole of what (W, 11) columns say, (N,) natural logarithms.

    Of all ways in which columns may say it (the forward algorithm of Graves et al. 2006).
    """
    most = 2 * max(map(len, texts), default=0) + 1
    said = np.full((len(texts), most), BLANK)
    for row, text in zip(said, texts, strict=True):
        row[1 : 2 * len(text) : 2] = [int(digit) for digit in text]
    # a digit may follow another without a blank, not itself
    leap = np.full(said.shape, -np.inf)
    leap[:, 2:][(said[:, 2:] != BLANK) & (said[:, 2:] != said[:, :-2])] = 0
    lengths = np.array([len(each) for each in columns])
    ways = np.full((len(texts), most + 2), -np.inf)  # two places that nothing comes from
    ways[:, 2] = 0
    every = np.full((len(texts), max(lengths, default=0), BLANK + 1), 0.0)
    for place, each in zip(every, columns, strict=True):
        place[: len(each)] = each
    rows = np.arange(len(texts))[:, None]
    for at in range(every.shape[1]):
        come = np.logaddexp(np.logaddexp(ways[:, 2:], ways[:, 1:-1] if at else -np.inf), ways[:, :-2] + leap)
        if not at:
            come[:, 1:2] = 0  # the first column may begin with the first digit
        going = at < lengths
        ways[going, 2:] = (come + every[rows, at, said])[going]
    ends = 2 + 2 * np.array([len(text) for text in texts], int)
    last = ways[np.arange(len(texts)), ends]
    before = np.where(ends > 2, ways[np.arange(len(texts)), ends - 1], -np.inf)
    return np.asarray(np.logaddexp(last, before))


def check() -> None:
    """Raise ModelError where the network is missing or another: what runs for hours asks before it begins."""
    _network()


@cache
def _network() -> Network:
    return open_helper(STRIPS, "ink", (HEIGHT, None, 1), "columns")
