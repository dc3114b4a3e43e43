"""Scenes drawn with lines, so that tests know what they must find."""

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.types import Box, Image

# seven-segment strokes in a unit box, as (from, to): plain shapes whose box is known exactly
SEGMENTS = {
    "top": ((0, 0), (1, 0)),
    "upper left": ((0, 0), (0, 0.5)),
    "upper right": ((1, 0), (1, 0.5)),
    "middle": ((0, 0.5), (1, 0.5)),
    "lower left": ((0, 0.5), (0, 1)),
    "lower right": ((1, 0.5), (1, 1)),
    "bottom": ((0, 1), (1, 1)),
}
SHAPES = {
    "0": ("top", "upper left", "upper right", "lower left", "lower right", "bottom"),
    "1": ("upper right", "lower right"),
    "2": ("top", "upper right", "middle", "lower left", "bottom"),
    "3": ("top", "upper right", "middle", "lower right", "bottom"),
    "4": ("upper left", "upper right", "middle", "lower right"),
    "5": ("top", "upper left", "middle", "lower right", "bottom"),
    "6": ("top", "upper left", "middle", "lower left", "lower right", "bottom"),
    "7": ("top", "upper right", "lower right"),
    "8": tuple(SEGMENTS),
    "9": ("top", "upper left", "upper right", "middle", "lower right", "bottom"),
}


def paper(width: int = 640, height: int = 480, level: int = 210, noise: float = 2.0, seed: int = 0) -> Image:
    """Even paper with a sensor's noise."""
    grain = np.random.default_rng(seed).normal(level, noise, (height, width, 1))
    return np.clip(np.repeat(grain, 3, axis=2), 0, 255).astype(np.uint8)


def draw_digit(image: Image, label: str, box: Box, pen: int = 4, level: int = 50) -> None:
    """Draw a seven-segment digit whose ink fills the box."""
    half = pen / 2
    for name in SHAPES[label]:
        ends = [
            (round(box.x + half + u * (box.w - pen)), round(box.y + half + v * (box.h - pen)))
            for u, v in SEGMENTS[name]
        ]
        (x0, y0), (x1, y1) = ends
        low, high = (min(x0, x1) - pen // 2, min(y0, y1) - pen // 2), (max(x0, x1) + pen // 2, max(y0, y1) + pen // 2)
        cv2.rectangle(image, low, (high[0] - 1, high[1] - 1), (level,) * 3, cv2.FILLED)


def shade(image: Image, light: NDArray[np.float32]) -> Image:
    """Multiply by light of (height, width)."""
    return np.clip(image * light[..., None], 0, 255).astype(np.uint8)
