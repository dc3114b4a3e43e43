"""Pages of glyphs as pen strokes on a sheet."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from camdigits_export.grain import clouds, floats
from camdigits_export.scenes import Floats, Glyph, Mask, Page, Pen, Placed, Scene, Writing

OVERLAP = 0.03
"""Strokes that touch run into one another by so much, in digit heights."""

GAP = 0.8
"""A stroke is interrupted so far to both sides, in widths of the pen."""

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
                ink = _print(glyph, size) if glyph.printed else stroke(glyph.ink, size, pen.width, rng, glyph.scale)
                meant = ink
                if hand.broken and glyph.label.isdigit() and rng.random() < hand.broken:
                    ink = ink.copy()
                    _interrupt(ink, pen.width, rng)
                y = baselines[-1] + rng.normal(0, hand.jitter * 0.5) * hand.height - rise * (x - left)
                y += glyph.foot * size
                # a mark parts what is written before it from what comes after
                count += not glyph.label.isdigit()
                digit = _Drawn(ink, meant, x, y - ink.shape[0], glyph.label, row, count)
                if hand.touching and drawn and drawn[-1].number == count and rng.random() < hand.touching:
                    digit = digit._replace(x=_touching(drawn[-1], digit) - OVERLAP * hand.height)
                drawn.append(digit)
                count += not glyph.label.isdigit()
                gap = np.clip(hand.gap + rng.normal(0, hand.jitter), min(0.2, hand.gap), max(0.5, hand.gap))
                x = digit.x + ink.shape[1] + gap * hand.height
            x += (hand.number_gap - hand.gap) * hand.height
            count += 1
        wide = max(wide, x - hand.number_gap * hand.height)
    lift = min(0.0, *(digit.y - 0.3 * top for digit in drawn))  # lines that rise must not leave the sheet
    low = max(digit.y + digit.ink.shape[0] for digit in drawn) - lift
    canvas = np.zeros((int(low + bottom), int(wide + right)), np.float32)
    meant = np.zeros_like(canvas)
    digits = tuple(_place(canvas, meant, digit, lift) for digit in drawn)
    return Writing(canvas * _pressure(canvas.shape, pen, rng), meant, digits, tuple(y - lift for y in baselines))


class _Drawn(NamedTuple):
    ink: Floats
    meant: Floats
    x: float
    y: float
    label: str
    line: int
    number: int


def _touching(left: _Drawn, right: _Drawn) -> float:
    """Return the x at which a digit's strokes just touch those of the one before it.

    Strokes that pass each other by in height keep their distance.
    """
    top, bottom = max(left.y, right.y), min(left.y + left.ink.shape[0], right.y + right.ink.shape[0])
    rows = np.arange(int(top), int(bottom))
    if not len(rows):
        return right.x
    there, here = ((side.ink > 0.5)[(rows - int(side.y)).clip(0, len(side.ink) - 1)] for side in (left, right))
    end = np.where(there.any(axis=1), there.shape[1] - there[:, ::-1].argmax(axis=1), -np.inf)
    begin = np.where(here.any(axis=1), here.argmax(axis=1), np.inf)
    nearest = float((begin - end).min())
    return left.x - nearest if np.isfinite(nearest) else right.x


def _interrupt(ink: Floats, width: float, rng: Generator) -> None:
    """Lift the pen for a moment, somewhere on the stroke."""
    rows, columns = np.nonzero(ink > 0.5)
    at = int(rng.integers(len(rows)))
    cv2.circle(ink, (int(columns[at]), int(rows[at])), max(1, round(GAP * width)), 0, -1)


def _place(canvas: Floats, meant: Floats, digit: _Drawn, lift: float) -> Placed:
    """Draw one digit into the sheet's ink, and into what was meant, and say where it is."""
    ink, x, y = digit.ink, int(digit.x), int(digit.y - lift)
    for sheet, drawn in ((canvas, ink), (meant, digit.meant)):
        patch = sheet[y : y + ink.shape[0], x : x + ink.shape[1]]
        np.maximum(patch, drawn, out=patch)
    rows, columns = np.nonzero(ink > 0.5 * min(1.0, float(ink.max())))
    corners = np.stack([columns, rows], axis=1).astype(np.int32)
    hull = cv2.convexHull(corners).reshape(-1, 2).astype(np.float64)
    return Placed(digit.label, digit.line, digit.number, hull + np.array([x, y]))


def _print(glyph: Glyph, height: float) -> Floats:
    """Return (h, w) float32 opacity: the glyph in the size it has beside digits of that height."""
    scale = height * glyph.scale if glyph.scale else height / glyph.ink.shape[0]
    size = max(1, round(glyph.ink.shape[1] * scale)), max(1, round(glyph.ink.shape[0] * scale))
    printed = cv2.resize(glyph.ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return floats(printed) / np.float32(255)


def stroke(glyph: Mask, height: float, width: float, rng: Generator, glyph_scale: float = 0.0) -> Floats:
    """Return (h, w) float32 opacity: the glyph drawn again by a pen of that width, cropped to its ink.

    height: of a digit; the glyph's own unless glyph_scale, in digit heights for each of its pixels, says otherwise.

    Blown up, a small image looks like blurred pixels. So its middle line is followed instead, with a pen whose pressure
    varies as the original's thickness does.
    """
    solid = _blow_up(glyph, rng)
    spine = thin(solid)
    rows = np.flatnonzero(spine.any(axis=1))
    tall = max(height - width, 0.4 * height)
    scale = tall * glyph_scale / UPSCALE if glyph_scale else tall / (rows[-1] - rows[0] + 1)
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
    return floats(cv2.resize(opacity, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))


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
    """Return the one-pixel spine of a 0/1 shape (Zhang and Suen, 1984); of a dot, what it shrinks to at last."""
    thinned = solid.copy()
    x, y, w, h = cv2.boundingRect(solid)
    spine = thinned[y : y + h, x : x + w]  # a view
    before = 0
    while (count := cv2.countNonZero(spine)) != before:
        before = count
        for kept in _kept():
            around = cv2.filter2D(spine, -1, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
            left = cv2.bitwise_and(spine, cv2.LUT(around, kept))
            if not cv2.countNonZero(left):
                return thinned
            spine[:] = left
    return thinned


_NEIGHBOURS = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)
"""Eight neighbours as the bits of a byte, clockwise from the north."""


@cache
def _kept() -> tuple[Mask, Mask]:
    """Say for each of the two passes, (256,) each, whether a pixel with these neighbours stays, 0 or 1."""
    ring = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count = ring.sum(axis=1)
    rises = ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(axis=1)
    simple = (count >= 2) & (count <= 6) & (rises == 1)
    north, east, south, west = ring[:, 0], ring[:, 2], ring[:, 4], ring[:, 6]
    first = simple & (north * east * south == 0) & (east * south * west == 0)
    second = simple & (north * east * west == 0) & (north * south * west == 0)
    return (~first).astype(np.uint8), (~second).astype(np.uint8)


def _pressure(shape: tuple[int, ...], pen: Pen, rng: Generator) -> Floats:
    """(height, width) float32 opacity of the ink: slow changes along strokes, and the grain of the paper."""
    slow = 1 - 0.07 * np.abs(clouds(shape, 35, rng))
    # Pencil and chalk reach the hills of the paper only; where the grain is weak the pen fills the valleys too.
    rough = 0.7 * clouds(shape, 1.6, rng) + 0.5 * rng.standard_normal(shape, np.float32)
    hills = np.clip(1 - pen.grain * (0.6 + 0.9 * rough), 0, 1)
    return np.clip(pen.opacity * slow * hills, 0, 1).astype(np.float32)
