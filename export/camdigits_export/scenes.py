"""What a composed picture is made of: what is written, by which hand and pen, on what sheet, in what light, seen how.

    page      lines of numbers of glyphs (small ink images with their labels)
    writing   page -> Writing: pen strokes on a sheet, and where each digit's ink lies
    surfaces  sheet and desk under their light, as far as the camera looks
    camera    surface through the homography, lens, sensor -> frame, and the truth about it

`python -m camdigits_export.samples` remakes samples/ with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from camdigits.types import Box, Image, Number

Mask = NDArray[np.uint8]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
Colour = tuple[float, float, float]
"""Blue, green, red, 0 to 255."""

Paper = Literal["plain", "sticky", "ruled", "squared", "recycled", "board"]
Desk = Literal["wood", "cloth", "dark", "leather"]
PAPERS: tuple[Paper, ...] = ("plain", "sticky", "ruled", "squared", "recycled", "board")
DESKS: tuple[Desk, ...] = ("wood", "cloth", "dark", "leather")


class Glyph(NamedTuple):
    """One digit, or a mark that is none. ink: (h, w) uint8, 255 on 0; a digit's is 20 or 28 pixels high and wide.

    label: the digit; "" for a mark that is none, DOUBTFUL for one that a person may take for a digit. scale: digit
    heights for each pixel of ink; 0 where its strokes are as high as a digit. foot: how far they reach below the
    line, in digit heights. printed: as it is, not drawn again by the pen. is_word: several letters at once.
    """

    ink: Mask
    label: str
    scale: float = 0.0
    foot: float = 0.0
    printed: bool = False
    is_word: bool = False


DOUBTFUL = "?"


Page = Sequence[Sequence[Sequence[Glyph]]]
"""Lines from the top, in each its numbers from the left, in each its digits."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How the numbers are laid out; lengths are in digit heights, `height` itself in pixels of the sheet.

    gap: between the ink of neighbouring digits. touching: share of neighbours whose strokes run into one another
    instead. broken: share of digits whose stroke is interrupted. number_gap: between numbers of one line. pitch: from
    baseline to baseline. jitter: how far sizes, gaps and baselines wander. slope: degrees by which lines rise to the
    right.
    """

    height: float = 90
    gap: float = 0.32
    touching: float = 0.0
    broken: float = 0.0
    number_gap: float = 2.4
    pitch: float = 1.9
    jitter: float = 0.07
    slope: float = 0.0


@dataclass(frozen=True, slots=True)
class Pen:
    """width: of the stroke, pixels of the sheet. opacity: of the ink, 0 to 1. grain: how rough the paper leaves it."""

    colour: Colour = (60, 40, 35)
    width: float = 7
    opacity: float = 0.92
    grain: float = 0.1


@dataclass(frozen=True, slots=True)
class Sheet:
    """margin: paper around the writing in digit heights: left, top, right, bottom.

    tint: the paper's colour, where it is not the kind's own. rules: colour of the rules, and their opacity, 0 to 1.
    spacing: of the rules, in pitches of the hand; 0 for the kind's own. creases: how many folds. through: how much of
    another page shows through, 0 to 1. grain: how uneven its surface is, a part of its brightness.
    """

    paper: Paper = "plain"
    margin: tuple[float, float, float, float] = (1.5, 1.3, 1.5, 1.3)
    tint: Colour | None = None
    rules: tuple[Colour, float] | None = None
    spacing: float = 0.0
    creases: int = 0
    through: float = 0.0
    grain: float = 0.006


@dataclass(frozen=True, slots=True)
class Light:
    """Strengths are parts of the light taken away at the darkest place.

    level: of the light where nothing takes any. angle, shadow_angle: where the light and the shadow come from, degrees.
    shadow_softness: of its edge, in pixels of the sheet. glare: light that a shiny surface throws back, in one place.
    """

    level: float = 0.85
    gradient: float = 0.2
    angle: float = 40
    vignette: float = 0.15
    shadow: float = 0.0
    shadow_angle: float = 60
    shadow_softness: float = 30
    glare: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera stands and what it does to the light.

    turn, pitch, yaw: degrees; a positive turn lets the writing rise to the right, a positive pitch moves the top of the
    sheet away. fill: the part of the frame, in the tighter direction, that the writing spans. center: where its middle
    lies, in parts of the frame. defocus: blur in pixels. motion: how far the picture moves during the exposure, pixels
    across and down. noise: standard deviation in grey levels. balance: gains of blue, green, red.
    """

    width: int = 1280
    height: int = 720
    turn: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    fill: float = 0.7
    center: tuple[float, float] = (0.5, 0.5)
    defocus: float = 0.8
    motion: tuple[float, float] = (0.0, 0.0)
    noise: float = 2.5
    balance: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that makes a picture except what is written in it. backdrop: seen in place of the desk, BGR."""

    sheet: Sheet = field(default_factory=Sheet)
    hand: Hand = field(default_factory=Hand)
    pen: Pen = field(default_factory=Pen)
    desk: Desk = "wood"
    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)
    backdrop: Image | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A digit on the sheet. outline: (N, 2) float64 corners of its ink's convex hull."""

    label: str
    line: int
    number: int
    outline: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """Ink on a sheet. ink: (height, width) float32 opacity. baselines: y of each line at the sheet's left.

    meant: (height, width) float32, 1.0 where the pen went, also where it left nothing.
    """

    ink: Floats
    meant: Floats
    digits: tuple[Placed, ...]
    baselines: tuple[float, ...]

    @property
    def extent(self) -> Matrix:
        """(N, 2) points around all ink."""
        return np.concatenate([digit.outline for digit in self.digits])


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """A picture and the numbers in it, in the shape a reader reports them (confidence 1).

    ink: (height, width) uint8, how much of each pixel a pen went over, to 255. doubtful: boxes of marks that a person
    may take for digits.
    """

    image: Image
    numbers: tuple[Number, ...]
    ink: Mask
    doubtful: tuple[Box, ...] = ()


def project(points: Matrix, view: Matrix) -> Matrix:
    """Map (N, 2) points by a homography."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ view.T
    return mapped[:, :2] / mapped[:, 2:]
