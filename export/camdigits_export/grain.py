"""Smooth and rough noise, as paper, cloth and light have it."""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits.types import Image
from camdigits_export.scenes import Colour, Floats


def clouds(shape: tuple[int, ...], size: float, rng: Generator) -> Floats:
    """Return (height, width) float32 smooth noise of about unit variance, its blobs about `size` pixels."""
    height, width = shape[:2]
    # Cubic interpolation between cells loses about a third of the spread.
    coarse = 1.4 * rng.standard_normal((int(height / size) + 3, int(width / size) + 3), np.float32)
    scale = np.array([[1 / size, 0, rng.uniform(0, 1)], [0, 1 / size, rng.uniform(0, 1)]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return floats(cv2.warpAffine(coarse, scale, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT))


def fibres(shape: tuple[int, ...], rng: Generator) -> Floats:
    """(height, width) float32: the short hairs and specks of recycled paper, darker and lighter."""
    hairs = np.zeros(shape, np.float32)
    for _ in range(shape[0] * shape[1] // 1500):
        x, y = rng.uniform(0, 16 * shape[1]), rng.uniform(0, 16 * shape[0])
        angle, length = rng.uniform(0, np.pi), 16 * rng.uniform(2, 11)
        end = (int(x + length * np.cos(angle)), int(y + length * np.sin(angle)))
        cv2.line(hairs, (int(x), int(y)), end, float(rng.normal(0, 0.07)), 1, cv2.LINE_AA, 4)
    return floats(cv2.GaussianBlur(hairs, (0, 0), 0.7))


def streaks(shape: tuple[int, ...], rng: Generator) -> Floats:
    """(height, width) float32: long smears, about unit variance."""
    rows = max(2, shape[0] // 6)
    narrow = rng.standard_normal((rows, max(2, shape[1] // 160)), np.float32)
    return floats(cv2.resize(narrow, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def bgr(colour: Colour) -> Floats:
    """Return (3,) float32, which leaves pictures float32."""
    return np.array(colour, np.float32)


def floats(pixels: NDArray[Any]) -> Floats:
    """Say to the type checker what OpenCV gave back; copies only what is not float32."""
    return np.asarray(pixels, np.float32)


def rounded(pixels: Floats) -> Image:
    """Round to (…) uint8, clipped."""
    return np.asarray(np.clip(pixels + 0.5, 0, 255), np.uint8)
