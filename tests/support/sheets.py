"""Sheets of drawn digits in rows, to be shown to teach; the 1 of this hand is a roof, which no model reads."""

from collections.abc import Sequence

import cv2
import numpy as np

from camdigits.types import Image
from camdigits_export.strokes import Shape, Stroke, draw, draw_digit

ROOF: Shape = (Stroke(((0.05, 1), (0.5, 0), (0.95, 1))),)


def draw_sheet(rows: Sequence[str], seed: int = 0, width: int = 1280, height: int = 720, tilt: float = 0) -> Image:
    """Return paper with rows of signs. tilt: degrees, rising to the right."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width), 215, np.float32)
    pitch = 0.8 * height / len(rows)
    side = min(0.75 * pitch, 60)
    for line, row in enumerate(rows):
        for place, sign in enumerate(row):
            if sign == " ":
                continue
            drawn = draw(ROOF, rng) if sign == "1" else draw_digit(rng, int(sign), 0)
            x, y, w, h = cv2.boundingRect(drawn)
            # one hand draws its roofs alike
            size = round(0.8 * side if sign == "1" else max(3.0, w * side / h)), round(side)
            ink = cv2.resize(drawn[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
            left, top = round(0.25 * width + 1.7 * side * place), round(0.1 * height + pitch * line)
            page[top : top + ink.shape[0], left : left + ink.shape[1]] -= 0.7 * ink.astype(np.float32)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1)
    page = cv2.GaussianBlur(cv2.warpAffine(page, turn, (width, height), borderValue=(215,)), (0, 0), 0.8)
    grey = np.clip(page + rng.normal(0, 3, page.shape), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


TEN = [digit * 5 for digit in "0123456789"]
"""What camdigits teach asks for."""
