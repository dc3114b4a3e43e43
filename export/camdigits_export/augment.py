"""From a clean digit to what a camera sees of one on paper: turned, slanted, another pen, broken, blurred, small.

Everything ends in normalize_ink, the one place that makes patches: the network trains on what the reader will show it.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.normalize import SIDE, normalize_ink

Ink = NDArray[np.uint8]

CANVAS = 128
"""Inks are warped onto a canvas of this side, about four pixels for each of the patch."""

MARGIN = 3
"""Pixels of paper around what is photographed."""


def camera_patch(
    ink: Ink, rng: np.random.Generator, degrees: float = 15, neighbour: Ink | None = None
) -> NDArray[np.uint8]:
    """Return (28, 28) uint8: (h, w) uint8 soft ink as a camera might have seen it.

    degrees: how far it may be turned, either way. neighbour: an ink of which a fragment may stick to this one.
    """
    warped = warp(ink, rng, degrees)
    if rng.random() < 0.75:
        warped = repen(warped, rng)
    if neighbour is not None and rng.random() < 0.06:
        warped = _stick(warped, neighbour, rng)
    if rng.random() < 0.15:
        warped = _break(warped, rng)
    return to_patch(photograph(warped, rng))


def to_patch(ink: Ink) -> NDArray[np.uint8]:
    """Return normalize_ink's patch as (28, 28) uint8, exactly."""
    return np.round(normalize_ink(ink) * 255).astype(np.uint8)


def jitter(patches: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return (N, 28, 28) uint8 patches each turned, slanted, stretched, shifted and bent a little.

    Cheap enough to make every epoch's patches new: up to 12 degrees, a tenth in size, a pixel and a half, and bent
    smoothly by about as much (Simard et al. 2003, on a coarse grid).
    """
    count = len(patches)
    angle = np.deg2rad(np.clip(rng.normal(0, 5, count), -12, 12))
    shear, size = rng.normal(0, 0.08, count), np.exp(rng.normal(0, 0.04, (count, 2)))
    shift = np.clip(rng.normal(0, 0.5, (count, 2)), -1.5, 1.5)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    slant = np.zeros((count, 2, 2))
    slant[:, 0, 0], slant[:, 0, 1], slant[:, 1, 1] = size[:, 0], shear, size[:, 1]
    linear = (turn @ slant).astype(np.float32)
    middle = (SIDE - 1) / 2
    from_middle = np.stack(np.meshgrid(*[np.arange(SIDE, dtype=np.float32) - middle] * 2), axis=-1)
    strength = rng.uniform(0, 1.0, (count, 1, 1, 1))
    bends = (strength * rng.normal(0, 1, (count, 5, 5, 2)) + shift[:, None, None] + middle).astype(np.float32)
    jittered = np.empty_like(patches)
    for patch, matrix, bend, out in zip(patches, linear, bends, jittered, strict=True):
        source = from_middle @ matrix.T + cv2.resize(bend, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        x, y = cv2.split(source)
        cv2.remap(patch, x, y, cv2.INTER_LINEAR, dst=out)
    return jittered


def as_input(patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return uint8 patches as a model takes them: float32, ink 1.0 on 0.0."""
    scaled: NDArray[np.float32] = np.divide(patches, 255, dtype=np.float32)
    return scaled


def warp(ink: Ink, rng: np.random.Generator, degrees: float = 15) -> Ink:
    """Turn, slant, stretch and bend (h, w) ink; (CANVAS, CANVAS) uint8."""
    h, w = ink.shape
    angle = np.deg2rad(np.clip(rng.normal(0, degrees / 2), -degrees, degrees))
    shear, aspect = rng.normal(0, 0.12), np.exp(rng.normal(0, 0.12))
    scale = 0.8 * CANVAS / max(h, w)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * turn @ np.array([[aspect, shear], [0, 1 / aspect]])
    inverse = np.linalg.inv(matrix)
    y, x = np.mgrid[:CANVAS, :CANVAS].astype(np.float32) - CANVAS / 2
    # bending: a coarse grid of random shifts, enlarged, is smooth
    bend = rng.normal(0, CANVAS * rng.uniform(0, 0.02), (2, 5, 5)).astype(np.float32)
    x += cv2.resize(bend[0], (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    y += cv2.resize(bend[1], (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    map_x = (inverse[0, 0] * x + inverse[0, 1] * y + w / 2).astype(np.float32)
    map_y = (inverse[1, 0] * x + inverse[1, 1] * y + h / 2).astype(np.float32)
    return np.asarray(cv2.remap(ink, map_x, map_y, cv2.INTER_CUBIC), np.uint8)


def repen(ink: Ink, rng: np.random.Generator) -> Ink:
    """Write the same line with another pen, from a hard pencil to a felt pen; edges are hard."""
    mask = (ink > 127).view(np.uint8)
    box = cv2.boundingRect(mask)
    height = max(box[2:])
    if height < 8:
        return ink
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    # the middle of the line: no neighbour lies deeper inside
    middle: Any = ((depth > 1) & (depth + 0.7 >= cv2.dilate(depth, _SQUARE))).view(np.uint8)
    middle = cv2.morphologyEx(middle, cv2.MORPH_CLOSE, _SQUARE)
    width = round(height * float(np.exp(rng.uniform(np.log(0.03), np.log(0.2)))))
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(width, 1), max(width, 1)))
    return np.multiply(cv2.dilate(middle, pen), 255, dtype=np.uint8)


def photograph(ink: Ink, rng: np.random.Generator, digits: int = 1) -> Ink:
    """See the ink at a camera's size and sharpness: reduced to between 16 pixels and its own size, blurred, uneven.

    digits: in a row, which make it as many times as large. The picture is cropped to the ink, with MARGIN around it.
    """
    x, y, w, h = cv2.boundingRect((ink > 32).view(np.uint8))
    if not w:
        return ink
    soft: Any = ink[y : y + h, x : x + w]
    side = max(w, h)
    target = digits * int(np.exp(rng.uniform(np.log(16), np.log(110))))
    if target < side:
        size = max(1, round(w * target / side)), max(1, round(h * target / side))
        soft = cv2.resize(soft, size, interpolation=cv2.INTER_AREA)
    seen: Any = np.pad(soft, MARGIN).astype(np.float32)
    if rng.random() < 0.6:
        seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 0.3 + min(target, side) / 50))
    if rng.random() < 0.3:
        seen += rng.normal(0, rng.uniform(2, 20), seen.shape)
    # soft ink is stretched between paper and the darkest ink: anything from a ramp to a step
    low = float(rng.uniform(0, 70))
    high = max(rng.uniform(0.45, 1.0) * float(seen.max()), low + 20)
    stretched: Ink = np.clip((seen - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return stretched


def _break(ink: Ink, rng: np.random.Generator) -> Ink:
    """Lift the pen in a few small places, or drop specks of dirt."""
    ink = ink.copy()
    ys, xs = np.nonzero(ink > 127)
    if not len(xs):
        return ink
    radius = max(1, round(ink.shape[0] * rng.uniform(0.01, 0.025)))
    for at in rng.integers(len(xs), size=int(rng.integers(1, 4))):
        cv2.circle(ink, (int(xs[at]), int(ys[at])), radius, 0, -1)
    if rng.random() < 0.3:
        x, y = rng.integers(CANVAS // 5, CANVAS - CANVAS // 5, 2)
        cv2.circle(ink, (int(x), int(y)), radius, 255, -1)
    return ink


def _stick(ink: Ink, neighbour: Ink, rng: np.random.Generator) -> Ink:
    """Let the edge of a neighbour's ink appear beside this one."""
    x, y, w, h = cv2.boundingRect((ink > 127).view(np.uint8))
    other = warp(neighbour, rng)
    ox, oy, ow, oh = cv2.boundingRect((other > 127).view(np.uint8))
    if not w or not ow:
        return ink
    strip = max(2, round(ow * rng.uniform(0.05, 0.15)))
    left = rng.random() < 0.5
    piece = other[oy : oy + oh, ox + ow - strip : ox + ow] if left else other[oy : oy + oh, ox : ox + strip]
    at = max(0, x - strip) if left else min(CANVAS - strip, x + w)
    top = min(max(0, y + round(rng.normal(0, h / 10))), CANVAS - oh)
    ink = ink.copy()
    region = ink[top : top + oh, at : at + strip]
    np.maximum(region, piece, out=region)
    return ink


_SQUARE = np.ones((3, 3), np.uint8)
