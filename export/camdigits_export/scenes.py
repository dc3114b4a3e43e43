"""Composes pictures of handwritten numbers as a camera sees them, with the exact truth beside them.

    page      lines of numbers of glyphs (small ink images with their labels)
    write     page -> Writing: pen strokes on a sheet, and where each digit's ink lies
    aim       camera -> the one homography from the sheet to the frame
    surface   sheet and desk under their light, as far as the camera looks
    expose    surface through the homography, lens, sensor -> frame

`python -m camdigits_export.samples` remakes samples/ with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits.types import Box, Digit, Image, Number

Mask = NDArray[np.uint8]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
Colour = tuple[float, float, float]
"""Blue, green, red, 0 to 255."""

Paper = Literal["plain", "sticky", "ruled", "squared", "recycled", "board"]
Desk = Literal["wood", "cloth", "dark"]
PAPERS: tuple[Paper, ...] = ("plain", "sticky", "ruled", "squared", "recycled", "board")
DESKS: tuple[Desk, ...] = ("wood", "cloth", "dark")


class Glyph(NamedTuple):
    """One handwritten digit. ink: (20, 20) or (28, 28) uint8, 255 on 0."""

    ink: Mask
    label: str


Page = Sequence[Sequence[Sequence[Glyph]]]
"""Lines from the top, in each its numbers from the left, in each its digits."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How the numbers are laid out; lengths are in digit heights, `height` itself in pixels of the sheet.

    gap: between the ink of neighbouring digits. number_gap: between numbers of one line. pitch: from baseline to
    baseline. jitter: how far sizes, gaps and baselines wander. slope: degrees by which lines rise to the right.
    """

    height: float = 90
    gap: float = 0.32
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
    """margin: paper around the writing in digit heights: left, top, right, bottom."""

    paper: Paper = "plain"
    margin: tuple[float, float, float, float] = (1.5, 1.3, 1.5, 1.3)


@dataclass(frozen=True, slots=True)
class Light:
    """Strengths are parts of the light taken away at the darkest place.

    level: of the light where nothing takes any. angle, shadow_angle: where the light and the shadow come from, degrees.
    shadow_softness: of its edge, in pixels of the sheet.
    """

    level: float = 0.85
    gradient: float = 0.2
    angle: float = 40
    vignette: float = 0.15
    shadow: float = 0.0
    shadow_angle: float = 60
    shadow_softness: float = 30


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
    """All that makes a picture except what is written in it."""

    sheet: Sheet = field(default_factory=Sheet)
    hand: Hand = field(default_factory=Hand)
    pen: Pen = field(default_factory=Pen)
    desk: Desk = "wood"
    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A digit on the sheet. outline: (N, 2) float64 corners of its ink's convex hull."""

    label: str
    line: int
    number: int
    outline: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """Ink on a sheet. ink: (height, width) float32 opacity. baselines: y of each line at the sheet's left."""

    ink: Floats
    digits: tuple[Placed, ...]
    baselines: tuple[float, ...]

    @property
    def extent(self) -> Matrix:
        """(N, 2) points around all ink."""
        return np.concatenate([digit.outline for digit in self.digits])


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """A picture and the numbers in it, in the shape a reader reports them (confidence 1)."""

    image: Image
    numbers: tuple[Number, ...]


def compose(scene: Scene, page: Page, rng: Generator) -> Composed:
    """Photograph a page."""
    strokes, textures, sensor = rng.spawn(3)
    writing = write(page, scene, strokes)
    view = aim(scene.camera, writing.extent)
    painted, origin = surface(scene, writing, [view], textures)
    return Composed(expose(painted, view @ origin, scene, sensor), truth(writing, view))


# --- writing -------------------------------------------------------------------------------------------------------


UPSCALE = 8
"""Pixels of the stroke's own resolution for each pixel of a glyph."""


def write(page: Page, scene: Scene, rng: Generator) -> Writing:
    """Lay the page out in lines and draw it with the pen."""
    hand, pen = scene.hand, scene.pen
    left, top, right, bottom = (part * hand.height for part in scene.sheet.margin)
    rise = np.tan(np.radians(hand.slope))
    drawn: list[_Drawn] = []
    baselines = []
    wide, count = 0.0, 0
    for row, line in enumerate(page):
        x = left + max(0.0, rng.normal(0, 2 * hand.jitter)) * hand.height
        baselines.append(top + hand.height * (1 + row * hand.pitch))
        for number in line:
            for glyph in number:
                size = hand.height * (1 + np.clip(rng.normal(0, hand.jitter), -0.15, 0.15))
                ink = stroke(glyph.ink, size, pen.width, rng)
                y = baselines[-1] + rng.normal(0, hand.jitter * 0.5) * hand.height - rise * (x - left)
                drawn.append(_Drawn(ink, x, y - ink.shape[0], glyph.label, row, count))
                gap = np.clip(hand.gap + rng.normal(0, hand.jitter), 0.2, 0.5)
                x += ink.shape[1] + gap * hand.height
            x += (hand.number_gap - hand.gap) * hand.height
            count += 1
        wide = max(wide, x - hand.number_gap * hand.height)
    lift = min(0.0, *(digit.y - 0.3 * top for digit in drawn))  # lines that rise must not leave the sheet
    low = max(digit.y + digit.ink.shape[0] for digit in drawn) - lift
    canvas = np.zeros((int(low + bottom), int(wide + right)), np.float32)
    digits = tuple(_place(canvas, digit, lift) for digit in drawn)
    return Writing(canvas * _pressure(canvas.shape, pen, rng), digits, tuple(y - lift for y in baselines))


class _Drawn(NamedTuple):
    ink: Floats
    x: float
    y: float
    label: str
    line: int
    number: int


def _place(canvas: Floats, digit: _Drawn, lift: float) -> Placed:
    """Draw one digit into the sheet's ink and say where it is."""
    ink, x, y = digit.ink, int(digit.x), int(digit.y - lift)
    patch = canvas[y : y + ink.shape[0], x : x + ink.shape[1]]
    np.maximum(patch, ink, out=patch)
    rows, columns = np.nonzero(ink > 0.5)
    corners = np.stack([columns, rows], axis=1).astype(np.int32)
    hull = cv2.convexHull(corners).reshape(-1, 2).astype(np.float64)
    return Placed(digit.label, digit.line, digit.number, hull + np.array([x, y]))


def stroke(glyph: Mask, height: float, width: float, rng: Generator) -> Floats:
    """Return (about height, w) float32 opacity: the glyph drawn again by a pen of that width, cropped to its ink.

    Blown up, a small image looks like blurred pixels. So its middle line is followed instead, with a pen whose pressure
    varies as the original's thickness does.
    """
    solid = _blow_up(glyph, rng)
    spine = thin(solid)
    rows = np.flatnonzero(spine.any(axis=1))
    scale = max(height - width, 0.4 * height) / (rows[-1] - rows[0] + 1)
    thickness = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    distance, nearest = cv2.distanceTransformWithLabels(1 - spine, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    at_spine = spine > 0
    radius = np.zeros(int(nearest.max()) + 1, np.float32)
    radius[nearest[at_spine]] = thickness[at_spine]
    pressure = cv2.blur((radius[nearest] / np.median(thickness[at_spine])) ** 0.5, (UPSCALE, UPSCALE))
    half = width / 2 / scale * np.clip(pressure, 0.75, 1.4)
    # A blurred distance rounds off the pixel steps of the spine; too much of it would wear thin strokes away.
    rounding = min(UPSCALE / 3, 0.15 * width / scale)
    inside = (half - cv2.GaussianBlur(distance, (0, 0), rounding)) * scale + 0.5
    opacity = np.clip(inside, 0, 1).astype(np.float32)
    rows, columns = np.flatnonzero(opacity.any(axis=1)), np.flatnonzero(opacity.any(axis=0))
    opacity = opacity[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = (max(1, round(opacity.shape[1] * scale)), max(1, round(opacity.shape[0] * scale)))
    return _floats(cv2.resize(opacity, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))


def _blow_up(glyph: Mask, rng: Generator) -> Mask:
    """Return (UPSCALE * padded side) squared 0/1: smooth outlines, a little turned and slanted."""
    pad = 8
    side = (glyph.shape[0] + 2 * pad) * UPSCALE
    angle, slant = np.radians(rng.normal(0, 2.5)), rng.normal(0, 0.04)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, slant], [0, 1]]
    turn *= UPSCALE
    shift = side / 2 - turn @ [(glyph.shape[1] - 1) / 2, (glyph.shape[0] - 1) / 2]
    moved = cv2.warpAffine(glyph, np.column_stack([turn, shift]), (side, side), flags=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(moved.astype(np.float32), (0, 0), UPSCALE * 0.4)
    solid = (smooth > 0.42 * smooth.max()).astype(np.uint8)
    return _largest(solid)


def _largest(solid: Mask) -> Mask:
    """Drop specks beside the digit: parts smaller than a twentieth of all ink."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(solid)
    keep = stats[:, cv2.CC_STAT_AREA] > 0.05 * solid.sum()
    keep[0] = False
    return np.asarray(keep[parts], np.uint8)


def thin(solid: Mask) -> Mask:
    """Return the one-pixel spine of a 0/1 shape (Zhang and Suen, 1984)."""
    spine = solid.copy()
    while True:
        before = int(spine.sum())
        for removable in _removable():
            around = cv2.filter2D(spine, -1, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
            spine[removable[around]] = 0
        if int(spine.sum()) == before:
            return spine


_NEIGHBOURS = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)
"""Eight neighbours as the bits of a byte, clockwise from the north."""


@cache
def _removable() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say for each of the two passes, (256,) each, whether a pixel with these neighbours may go."""
    ring = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count = ring.sum(axis=1)
    rises = ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(axis=1)
    simple = (count >= 2) & (count <= 6) & (rises == 1)
    north, east, south, west = ring[:, 0], ring[:, 2], ring[:, 4], ring[:, 6]
    first = simple & (north * east * south == 0) & (east * south * west == 0)
    second = simple & (north * east * west == 0) & (north * south * west == 0)
    return first, second


def _pressure(shape: tuple[int, ...], pen: Pen, rng: Generator) -> Floats:
    """(height, width) float32 opacity of the ink: slow changes along strokes, and the grain of the paper."""
    slow = 1 - 0.07 * np.abs(clouds(shape, 35, rng))
    # Pencil and chalk reach the hills of the paper only; where the grain is weak the pen fills the valleys too.
    rough = 0.7 * clouds(shape, 1.6, rng) + 0.5 * rng.standard_normal(shape, np.float32)
    hills = np.clip(1 - pen.grain * (0.6 + 0.9 * rough), 0, 1)
    return np.clip(pen.opacity * slow * hills, 0, 1).astype(np.float32)


# --- geometry ------------------------------------------------------------------------------------------------------


def aim(camera: Camera, extent: Matrix) -> Matrix:
    """Return the homography from the sheet to the frame that shows the extent as the camera was told."""
    low, high = extent.min(axis=0), extent.max(axis=0)
    turn, pitch, yaw = np.radians([-camera.turn, -camera.pitch, camera.yaw])
    rolled = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    tipped = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    swung = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    axes = tipped @ swung @ rolled
    # Twice the writing's own size away: near enough for perspective to show.
    away = 2 * float(np.hypot(*(high - low)))
    lens = np.diag([away, away, 1.0])
    middle = np.array([[1, 0, -(low[0] + high[0]) / 2], [0, 1, -(low[1] + high[1]) / 2], [0, 0, 1]])
    view: Matrix = lens @ np.column_stack([axes[:, 0], axes[:, 1], [0, 0, away]]) @ middle
    seen = project(extent, view)
    low, high = seen.min(axis=0), seen.max(axis=0)
    frame = np.array([camera.width, camera.height])
    zoom = camera.fill * float((frame / (high - low)).min())
    shift = frame * camera.center - zoom * (low + high) / 2
    return np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]], [0, 0, 1]]) @ view


def project(points: Matrix, view: Matrix) -> Matrix:
    """Map (N, 2) points by a homography."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ view.T
    return mapped[:, :2] / mapped[:, 2:]


def truth(writing: Writing, view: Matrix) -> tuple[Number, ...]:
    """Return what is written, with boxes in pixels of the frame, in reading order."""
    numbers = []
    for index in sorted({digit.number for digit in writing.digits}):
        placed = [digit for digit in writing.digits if digit.number == index]
        digits = tuple(Digit(digit.label, 1.0, _box(project(digit.outline, view))) for digit in placed)
        box = digits[0].box
        for digit in digits[1:]:
            box = box.union(digit.box)
        text = "".join(digit.label for digit in digits)
        numbers.append(Number(text, 1.0, placed[0].line, _slope(placed, view), box, digits))
    return tuple(numbers)


def _box(points: Matrix) -> Box:
    """Return the smallest box of whole pixels around points at pixel centres."""
    x, y = np.floor(points.min(axis=0) + 0.5).astype(int)
    right, bottom = np.floor(points.max(axis=0) + 0.5).astype(int) + 1
    return Box(int(x), int(y), int(right - x), int(bottom - y))


def _slope(placed: Sequence[Placed], view: Matrix) -> float:
    """Degrees by which the feet of the digits rise to the right; the sheet's own direction for a single digit."""
    feet = np.array([[digit.outline[:, 0].mean(), digit.outline[:, 1].max()] for digit in placed])
    if len(feet) == 1:
        feet = np.concatenate([feet, feet + np.array([1, 0])])
    seen = project(feet, view)
    dx, dy = seen[-1] - seen[0]
    return float(np.degrees(np.arctan2(-dy, dx)))


# --- what lies before the camera -----------------------------------------------------------------------------------


def surface(scene: Scene, writing: Writing, views: Sequence[Matrix], rng: Generator) -> tuple[Image, Matrix]:
    """Paint desk, sheet and ink under their light, as far as the views reach.

    Returns the (h, w, 3) picture and the (3, 3) matrix from its pixels to the sheet's.
    """
    camera = scene.camera
    frame = np.array([[0, 0], [camera.width, 0], [camera.width, camera.height], [0, camera.height]], np.float64)
    reach = np.concatenate([project(frame, np.asarray(np.linalg.inv(view), np.float64)) for view in views])
    x, y = np.floor(reach.min(axis=0)).astype(int) - 2
    width, height = np.ceil(reach.max(axis=0)).astype(int) + 2 - (x, y)
    paint = desk(scene.desk, (height, width), rng)
    covered = _covered((height, width), (-x, -y), writing.ink.shape, rng)
    fallen = cv2.GaussianBlur(np.roll(covered, (5, 4), (0, 1)), (0, 0), 5)[..., None]
    paint *= 1 - 0.45 * fallen  # the sheet's own shadow on the desk
    written = paper(scene, writing, rng)
    ink = writing.ink[..., None]
    written += ink * (_bgr(scene.pen.colour) - written)
    move = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
    laid = cv2.warpAffine(written, move, (int(width), int(height)), borderMode=cv2.BORDER_REPLICATE)
    paint += covered[..., None] * (laid - paint)
    paint *= light(scene.light, (height, width), rng)[..., None]
    origin = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    return _bytes(paint), origin


def _covered(shape: tuple[int, int], corner: tuple[int, int], sheet: tuple[int, ...], rng: Generator) -> Floats:
    """(height, width) float32: 1 where the sheet lies, its edges not quite straight."""
    right, bottom = corner[0] + sheet[1], corner[1] + sheet[0]
    wobble = rng.normal(0, 2.5, (4, 2))
    corners = np.array([corner, (right, corner[1]), (right, bottom), (corner[0], bottom)]) + wobble
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return _floats(mask) / np.float32(255)


def paper(scene: Scene, writing: Writing, rng: Generator) -> Floats:
    """Return the empty sheet, (height, width, 3) float32 BGR, as large as the writing's ink."""
    shape = writing.ink.shape
    kind = scene.sheet.paper
    bare = {
        "plain": (232, 236, 238),
        "sticky": (112, 222, 244),
        "ruled": (226, 234, 236),
        "squared": (234, 236, 236),
        "recycled": (176, 190, 198),
        "board": (62, 70, 52),
    }[kind]
    grain = 0.006 * rng.standard_normal(shape, np.float32) + 0.006 * clouds(shape, 2, rng)
    waves = 0.014 * clouds(shape, 0.35 * max(shape), rng) + 0.006 * clouds(shape, 60, rng)
    if kind == "recycled":
        grain += 0.012 * clouds(shape, 4, rng) + _fibres(shape, rng)
    if kind == "board":
        waves += 0.10 * clouds(shape, 70, rng) + 0.05 * _streaks(shape, rng)  # wiped chalk
    sheet = _bgr(bare) * (1 + grain + waves)[..., None]
    if kind == "sticky":
        # The glued edge lies flat, the free one curls up and turns away from the light.
        sheet *= (1.03 - 0.14 * np.linspace(0, 1, shape[0], dtype=np.float32) ** 3)[:, None, None]
    if kind in ("ruled", "squared"):
        _rule(sheet, scene, writing)
    return _floats(sheet)


def _rule(sheet: Floats, scene: Scene, writing: Writing) -> None:
    """Print rules under the written lines, or squares half a pitch wide."""
    hand = scene.hand
    pitch = hand.pitch * hand.height
    squared = scene.sheet.paper == "squared"
    step = pitch / 3 if squared else pitch
    first = (writing.baselines[0] + 0.24 * hand.height) % step
    ink = np.zeros(sheet.shape[:2], np.uint8)
    for y in np.arange(first, sheet.shape[0], step):
        cv2.line(ink, (0, round(y * 16)), (sheet.shape[1] * 16, round(y * 16)), 255, 2, cv2.LINE_AA, 4)
    if squared:
        for x in np.arange(step / 2, sheet.shape[1], step):
            cv2.line(ink, (round(x * 16), 0), (round(x * 16), sheet.shape[0] * 16), 255, 2, cv2.LINE_AA, 4)
    opacity = (0.42 if squared else 0.5) * ink.astype(np.float32)[..., None] / 255
    sheet += opacity * (_bgr((205, 165, 130)) - sheet)


def _fibres(shape: tuple[int, ...], rng: Generator) -> Floats:
    """(height, width) float32: the short hairs and specks of recycled paper, darker and lighter."""
    hairs = np.zeros(shape, np.float32)
    for _ in range(shape[0] * shape[1] // 1500):
        x, y = rng.uniform(0, 16 * shape[1]), rng.uniform(0, 16 * shape[0])
        angle, length = rng.uniform(0, np.pi), 16 * rng.uniform(2, 11)
        end = (int(x + length * np.cos(angle)), int(y + length * np.sin(angle)))
        cv2.line(hairs, (int(x), int(y)), end, float(rng.normal(0, 0.07)), 1, cv2.LINE_AA, 4)
    return _floats(cv2.GaussianBlur(hairs, (0, 0), 0.7))


def _streaks(shape: tuple[int, ...], rng: Generator) -> Floats:
    """(height, width) float32: long smears, about unit variance."""
    rows = max(2, shape[0] // 6)
    narrow = rng.standard_normal((rows, max(2, shape[1] // 160)), np.float32)
    return _floats(cv2.resize(narrow, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def desk(kind: Desk, shape: tuple[int, int], rng: Generator) -> Floats:
    """Return what the sheet lies on, (height, width, 3) float32 BGR."""
    height, width = shape
    if kind == "wood":
        # Rings of a tree cut lengthwise: a wave over a slowly bent coordinate, with fine pores along it.
        rows = np.arange(height, dtype=np.float32)[:, None]
        bent = rows / 26 + 2.2 * cv2.resize(clouds((height, width // 6 + 1), 90, rng), (width, height))
        rings = 0.5 + 0.5 * np.sin(bent)
        pores = cv2.resize(rng.standard_normal((height, width // 40 + 2), np.float32), (width, height))
        tone = 0.86 + 0.13 * rings**2 + 0.05 * cv2.GaussianBlur(pores, (0, 0), 0.7)
        return _floats(_bgr((78, 118, 160)) * tone[..., None])
    if kind == "cloth":
        weave = np.sin(np.arange(width) * 1.3)[None] * np.sin(np.arange(height) * 1.3)[:, None]
        tone = 1 + 0.09 * weave.astype(np.float32) + 0.05 * clouds(shape, 2, rng) + 0.012 * clouds(shape, 200, rng)
        return _floats(_bgr((150, 128, 112)) * tone[..., None])
    tone = 1 + 0.10 * clouds(shape, 3, rng) + 0.05 * clouds(shape, 350, rng)  # dark: a matt coating
    return _floats(_bgr((46, 44, 48)) * tone[..., None])


def light(lamp: Light, shape: tuple[int, int], rng: Generator) -> Floats:
    """Return (height, width) float32: the part of the light that reaches each place."""
    height, width = shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle = np.radians(lamp.angle)
    slope = 0.5 - 0.5 * (x * np.cos(angle) - y * np.sin(angle)) / (abs(np.cos(angle)) + abs(np.sin(angle)))
    reach = lamp.level * (1 - lamp.gradient * slope) * (1 - lamp.vignette * (x * x + y * y) / 2)
    if lamp.shadow > 0:
        turn = np.radians(lamp.shadow_angle)
        side = (x * width * np.cos(turn) + y * height * np.sin(turn)) / 2
        edge = (side + 14 * clouds(shape, 260, rng)) / lamp.shadow_softness
        reach *= 1 - lamp.shadow / (1 + np.exp(-np.clip(edge, -30, 30)))
    return _floats(reach)


def clouds(shape: tuple[int, ...], size: float, rng: Generator) -> Floats:
    """Return (height, width) float32 smooth noise of about unit variance, its blobs about `size` pixels."""
    height, width = shape[:2]
    # Cubic interpolation between cells loses about a third of the spread.
    coarse = 1.4 * rng.standard_normal((int(height / size) + 3, int(width / size) + 3), np.float32)
    scale = np.array([[1 / size, 0, rng.uniform(0, 1)], [0, 1 / size, rng.uniform(0, 1)]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return _floats(cv2.warpAffine(coarse, scale, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT))


# --- camera --------------------------------------------------------------------------------------------------------


def expose(painted: Image, view: Matrix, scene: Scene, rng: Generator) -> Image:
    """Return the frame a camera makes of a painted surface; view maps the surface's pixels to the frame's."""
    camera = scene.camera
    size = (camera.width, camera.height)
    seen = cv2.warpPerspective(painted, view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if camera.defocus > 0:
        seen = cv2.GaussianBlur(seen, (0, 0), camera.defocus)
    if np.hypot(*camera.motion) >= 1:
        seen = cv2.filter2D(seen, -1, _smear(camera.motion))
    frame = seen.astype(np.float32) * _bgr(camera.balance)
    if camera.noise > 0:
        shades, tints = np.empty(seen.shape[:2], np.float32), np.empty(seen.shape, np.float32)
        rng.standard_normal(dtype=np.float32, out=shades)
        rng.standard_normal(dtype=np.float32, out=tints)
        grain = cv2.GaussianBlur(shades, (0, 0), 0.6)[..., None]
        tint = cv2.GaussianBlur(tints, (0, 0), 1.6)
        # Blur shrinks the spread: by about 2.1 and 5.6.
        frame += camera.noise * (1.9 * grain + 1.4 * tint)
    return _bytes(frame)


def _smear(motion: tuple[float, float]) -> Floats:
    """Return the kernel of a straight motion."""
    reach = np.array(motion) / 2
    side = 2 * int(np.ceil(np.hypot(*reach))) + 3
    kernel = np.zeros((side, side), np.uint8)
    ends = np.round((side // 2 + np.array([-reach, reach])) * 16).astype(int)
    cv2.line(kernel, (int(ends[0, 0]), int(ends[0, 1])), (int(ends[1, 0]), int(ends[1, 1])), 255, 1, cv2.LINE_AA, 4)
    weights = kernel.astype(np.float32)
    return _floats(weights / weights.sum())


def _bgr(colour: Colour) -> Floats:
    """Return (3,) float32, which leaves pictures float32."""
    return np.array(colour, np.float32)


def _floats(pixels: NDArray[Any]) -> Floats:
    """Say to the type checker what OpenCV gave back; copies only what is not float32."""
    return np.asarray(pixels, np.float32)


def _bytes(pixels: Floats) -> Image:
    """Round to (…) uint8, clipped."""
    return np.asarray(np.clip(pixels + 0.5, 0, 255), np.uint8)
