"""Candidate to patch: the one place that makes a 28x28 patch, for training, pictures, live and web alike.

The recipe is MNIST's own (LeCun et al. 1998, "Gradient-based learning applied to document recognition"): aspect kept,
fitted into 20x20, centre of mass in the middle of 28x28. On top of it, strokes thinner than MNIST's (a hard pencil, a
large digit written with a fine pen) are thickened first, since they would fade away when reduced.
"""

import hashlib
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.types import Candidate, Patches

SIDE = 28
FIT = 20
"""The longer side of the ink, in pixels of the patch."""

WORK = 80
"""Larger ink is reduced to this before its strokes are measured: four pixels for each of the patch."""

PALE = 32
"""Ink up to this value, an eighth of full, does not count when the ink's box is measured."""

STROKE = 2.0
"""The least stroke width in pixels of the patch; MNIST's lie between 2 and 4."""


def normalize(candidates: Sequence[Candidate]) -> Patches:
    """Return the patches of candidates, (N, 28, 28) float32, ink 1.0 on 0.0."""
    patches = np.zeros((len(candidates), SIDE, SIDE), np.float32)
    for patch, candidate in zip(patches, candidates, strict=True):
        patch[:] = normalize_ink(candidate.ink)
    return patches


def normalize_ink(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return one (28, 28) float32 patch of (h, w) uint8 soft ink, 255 on 0. Ink that is all 0 gives an empty patch."""
    patch = np.zeros((SIDE, SIDE), np.float32)
    x, y, w, h = cv2.boundingRect((ink > PALE).view(np.uint8))
    if w:
        soft = ink[y : y + h, x : x + w]
        soft = _thicken(_fit(soft, WORK) if max(w, h) > WORK else soft)
        _center(_fit(soft, FIT), patch)
    return patch


def _fit(soft: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize so that the longer side is `side` pixels, aspect kept."""
    h, w = soft.shape
    scale = side / max(h, w)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    if size == (w, h):
        return soft
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8)


def _thicken(soft: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dilate strokes thinner than STROKE, at the scale that the patch will have."""
    wanted = STROKE * max(soft.shape) / FIT
    if wanted < 3:  # one pixel would be too much
        return soft
    # a stroke w pixels wide has two border pixels in every cross-section of w
    _, mask = cv2.threshold(soft, 127, 1, cv2.THRESH_BINARY)
    area = cv2.countNonZero(mask)
    inner = cv2.erode(mask, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    width = 2 * area / max(area - cv2.countNonZero(inner), 1)
    missing = round(wanted - width)
    if missing < 1:
        return soft
    pad = (missing + 1) // 2
    padded = cv2.copyMakeBorder(soft, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (missing + 1, missing + 1))
    return np.asarray(cv2.dilate(padded, pen), np.uint8)


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def _center(fitted: NDArray[np.uint8], patch: NDArray[np.float32]) -> None:
    """Draw ink of at most 20x20 into the patch with its centre of mass in the middle, as far as it stays inside."""
    h, w = fitted.shape
    moments = cv2.moments(fitted)
    mass = max(moments["m00"], 1.0)  # thin ink may fade to nothing where it is reduced
    # MNIST's middle is between pixels 13 and 14, a hair towards 14
    top = min(max(round(SIDE / 2 - moments["m01"] / mass), 0), SIDE - h)
    left = min(max(round(SIDE / 2 - moments["m10"] / mass), 0), SIDE - w)
    np.divide(fitted, 255, out=patch[top : top + h, left : left + w], dtype=np.float32)


@cache
def normalize_version() -> str:
    """Return a hash of golden patches; a model states the one it was trained with, so a changed recipe is noticed."""
    digest = hashlib.sha256()
    for height, width, stroke in ((20, 14, 3), (37, 37, 2), (240, 120, 5), (90, 200, 24), (18, 4, 4)):
        ink = np.zeros((height, width), np.uint8)
        # integer polygons only: line drawing may differ between OpenCV versions
        ink[:stroke] = ink[-stroke:] = 255
        ink[:, : max(1, stroke // 2)] = 200
        ink[height // 2 :, -stroke:] = 255
        # a coarse step with an odd offset: rounding noise of another processor stays inside it
        digest.update(np.floor(normalize_ink(ink) * 16 + 0.37).astype(np.uint8).tobytes())
    return digest.hexdigest()[:12]
