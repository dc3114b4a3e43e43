"""What lies before the camera: a desk, a sheet on it, the ink, and the light on all of them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from camdigits.types import Image
from camdigits_export.grain import bgr, clouds, fibres, floats, rounded, streaks
from camdigits_export.scenes import Colour, Desk, Floats, Light, Matrix, Paper, Scene, Writing, project

BARE: dict[Paper, Colour] = {
    "plain": (232, 236, 238),
    "sticky": (112, 222, 244),
    "ruled": (226, 234, 236),
    "squared": (234, 236, 236),
    "recycled": (176, 190, 198),
    "board": (62, 70, 52),
}
"""What a sheet looks like that has no tint."""

LARGEST = 60_000_000
"""Pixels that a camera may look over; each takes some hundred bytes."""


def surface(scene: Scene, writing: Writing, views: Sequence[Matrix], rng: Generator) -> tuple[Image, Matrix]:
    """Paint desk, sheet and ink under their light, as far as the views reach.

    Returns the (h, w, 3) picture and the (3, 3) matrix from its pixels to the sheet's. Raises ValueError where that is
    too far: towards the horizon.
    """
    camera = scene.camera
    frame = np.array([[0, 0], [camera.width, 0], [camera.width, camera.height], [0, camera.height]], np.float64)
    reach = np.concatenate([project(frame, np.asarray(np.linalg.inv(view), np.float64)) for view in views])
    x, y = np.floor(reach.min(axis=0)).astype(int) - 2
    width, height = np.ceil(reach.max(axis=0)).astype(int) + 2 - (x, y)
    shape = int(height), int(width)
    if shape[0] * shape[1] > LARGEST:
        raise ValueError(f"the camera looks over {shape[1]}x{shape[0]} pixels of sheet and desk; lean it less")
    paint = desk(scene.desk, shape, rng) if scene.backdrop is None else _backdrop(scene.backdrop, shape)
    covered = _covered((height, width), (-x, -y), writing.ink.shape, rng)
    fallen = cv2.GaussianBlur(np.roll(covered, (5, 4), (0, 1)), (0, 0), 5)[..., None]
    paint *= 1 - 0.45 * fallen  # the sheet's own shadow on the desk
    written = paper(scene, writing, rng)
    ink = writing.ink[..., None]
    written += ink * (bgr(scene.pen.colour) - written)
    move = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
    laid = cv2.warpAffine(written, move, (int(width), int(height)), borderMode=cv2.BORDER_REPLICATE)
    paint += covered[..., None] * (laid - paint)
    paint *= light(scene.light, (height, width), rng)[..., None]
    origin = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    return rounded(paint), origin


def _covered(shape: tuple[int, int], corner: tuple[int, int], sheet: tuple[int, ...], rng: Generator) -> Floats:
    """(height, width) float32: 1 where the sheet lies, its edges not quite straight."""
    right, bottom = corner[0] + sheet[1], corner[1] + sheet[0]
    wobble = rng.normal(0, 2.5, (4, 2))
    corners = np.array([corner, (right, corner[1]), (right, bottom), (corner[0], bottom)]) + wobble
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return floats(mask) / np.float32(255)


def paper(scene: Scene, writing: Writing, rng: Generator) -> Floats:
    """Return the empty sheet, (height, width, 3) float32 BGR, as large as the writing's ink."""
    shape = writing.ink.shape
    kind = scene.sheet.paper
    bare = scene.sheet.tint or BARE[kind]
    grain = scene.sheet.grain * (rng.standard_normal(shape, np.float32) + clouds(shape, 2, rng))
    waves = 0.014 * clouds(shape, 0.35 * max(shape), rng) + 0.006 * clouds(shape, 60, rng)
    if kind == "recycled":
        grain += 0.012 * clouds(shape, 4, rng) + fibres(shape, rng)
    if kind == "board":
        waves += 0.10 * clouds(shape, 70, rng) + 0.05 * streaks(shape, rng)  # wiped chalk
    sheet = bgr(bare) * (1 + grain + waves)[..., None]
    if kind == "sticky":
        # The glued edge lies flat, the free one curls up and turns away from the light.
        sheet *= (1.03 - 0.14 * np.linspace(0, 1, shape[0], dtype=np.float32) ** 3)[:, None, None]
    if kind in ("ruled", "squared"):
        _rule(sheet, scene, writing)
    if scene.sheet.through:
        behind = cv2.GaussianBlur(writing.ink[:, ::-1], (0, 0), 2.5)
        sheet *= 1 - 0.25 * scene.sheet.through * behind[..., None]
    for _ in range(scene.sheet.creases):
        _fold(sheet, rng)
    return floats(sheet)


def _fold(sheet: Floats, rng: Generator) -> None:
    """Fold a sheet along a line and open it again: its sides take the light differently, and the fold shows."""
    height, width = sheet.shape[:2]
    y, x = np.ogrid[:height, :width]
    angle = rng.uniform(0, np.pi)
    away = (x - rng.uniform(0, width)) * np.cos(angle) + (y - rng.uniform(0, height)) * np.sin(angle)
    away = floats(away) + 1.5 * clouds(sheet.shape, 40, rng)
    wide = rng.uniform(0.8, 2.5)
    bend = rng.normal(0, 0.04) * np.tanh(away / 60) + rng.normal(0, 0.12) * np.exp(-((away / wide) ** 2))
    sheet *= 1 + floats(bend)[..., None]


def _rule(sheet: Floats, scene: Scene, writing: Writing) -> None:
    """Print rules under the written lines, or squares, a third of a pitch wide or as the sheet has them."""
    hand = scene.hand
    pitch = hand.pitch * hand.height
    squared = scene.sheet.paper == "squared"
    step = pitch * (scene.sheet.spacing or (1 / 3 if squared else 1))
    first = (writing.baselines[0] + 0.24 * hand.height) % step
    ink = np.zeros(sheet.shape[:2], np.uint8)
    for y in np.arange(first, sheet.shape[0], step):
        cv2.line(ink, (0, round(y * 16)), (sheet.shape[1] * 16, round(y * 16)), 255, 2, cv2.LINE_AA, 4)
    if squared:
        for x in np.arange(step / 2, sheet.shape[1], step):
            cv2.line(ink, (round(x * 16), 0), (round(x * 16), sheet.shape[0] * 16), 255, 2, cv2.LINE_AA, 4)
    colour, strength = scene.sheet.rules or ((205, 165, 130), 0.42 if squared else 0.5)
    sheet += strength * ink.astype(np.float32)[..., None] / 255 * (bgr(colour) - sheet)


def _backdrop(picture: Image, shape: tuple[int, int]) -> Floats:
    """Return the middle of a picture, enlarged or reduced to cover (height, width, 3) float32."""
    scale = max(shape[0] / picture.shape[0], shape[1] / picture.shape[1])
    size = max(shape[1], round(picture.shape[1] * scale)), max(shape[0], round(picture.shape[0] * scale))
    covering = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    top, left = (covering.shape[0] - shape[0]) // 2, (covering.shape[1] - shape[1]) // 2
    return floats(covering[top : top + shape[0], left : left + shape[1]])


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
        return floats(bgr((78, 118, 160)) * tone[..., None])
    if kind == "cloth":
        weave = np.sin(np.arange(width) * 1.3)[None] * np.sin(np.arange(height) * 1.3)[:, None]
        tone = 1 + 0.09 * weave.astype(np.float32) + 0.05 * clouds(shape, 2, rng) + 0.012 * clouds(shape, 200, rng)
        return floats(bgr((150, 128, 112)) * tone[..., None])
    if kind == "leather":
        # cells parted by furrows: where two smooth noises are equal
        furrows = np.exp(-((clouds(shape, 9, rng) - clouds(shape, 7, rng)) ** 2) / 0.05)
        tone = 1 - 0.35 * furrows + 0.08 * clouds(shape, 200, rng)
        return floats(bgr((52, 66, 98)) * tone[..., None])
    tone = 1 + 0.10 * clouds(shape, 3, rng) + 0.05 * clouds(shape, 350, rng)  # dark: a matt coating
    return floats(bgr((46, 44, 48)) * tone[..., None])


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
    if lamp.glare > 0:
        centre, spread = rng.uniform(-0.6, 0.6, 2), rng.uniform(0.15, 0.4, 2)
        reach += lamp.glare * np.exp(-(((x - centre[0]) / spread[0]) ** 2) - ((y - centre[1]) / spread[1]) ** 2)
    return floats(reach)
