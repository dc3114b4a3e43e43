"""The lines of tables, forms and riddles: too thick, or too few, for rules that fade, they are known by their length.

What the page's other looks leave of them are pieces like 1s, dashes and 4s, which would be read, or speak against the
digits beside them.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.ink import ink_share
from camdigits.rules import SLOPES
from camdigits.types import Candidate, Image

TALL, LONG = 24, 2.5
"""Lines are looked for in a picture whose digits are so many pixels high; they are so many times as long."""

SQUEEZED = 2
"""Along lines, pictures are reduced so many times; by more, numbers of composed frames are lost."""

OF_INK, FAINTEST = 0.6, 6
"""A line has this share of the ink's strength there, and so many grey levels."""

PIECES = (0.7, 0.5), (0.95, 0.9)
"""What has more of its ink on lines than the first share, and is less likely a digit than the second, is a piece …"""

STROKE, SHORT = 0.8, 0.75
"""… and so is, however like a 1, a standing stroke with that share which is lower than that part of a line's length."""


def pieces_of_lines(
    image: Image, candidates: Sequence[Candidate], digit: NDArray[np.floating], height: float
) -> NDArray[np.bool_]:
    """Say which candidates in a (h, w, 3) BGR picture are pieces of straight lines, and no marks that someone made.

    digit: (N,) how likely each is a digit. height: of digits, in pixels; lines are LONG times as long.
    """
    share = _on_lines(image, candidates, height)
    low = SHORT * LONG * height
    strokes = np.array([box.is_bare and box.w < box.h < low for box in (c.box for c in candidates)], bool)
    pieces: NDArray[np.bool_] = strokes & (share > STROKE)
    for of_ink, likely in PIECES:
        pieces |= (share > of_ink) & (digit < likely)
    return pieces


def _on_lines(image: Image, candidates: Sequence[Candidate], height: float) -> NDArray[np.float64]:
    """Return which share of each candidate's ink, 0 to 1, lies on lines."""
    scale = min(1.0, TALL / height)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    size = max(1, round(scale * grey.shape[1])), max(1, round(scale * len(grey)))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    around = 2 * round(scale * height) + 1
    strength = cv2.blur(cv2.absdiff(cv2.blur(grey, (around, around)), grey), (3, 3))
    strength = cv2.dilate(strength, np.ones((3, 3), np.uint8))
    length = round(LONG * scale * height)
    lines = cv2.max(_long_lines(strength, length), cv2.transpose(_long_lines(cv2.transpose(strength), length)))
    there = np.where((lines > OF_INK * strength) & (lines > FAINTEST), 255, 0).astype(np.uint8)
    return np.array([ink_share(candidate, there, image.shape[:2]) for candidate in candidates])


def _long_lines(strength: MatLike, length: int) -> MatLike:
    """Return how strong lines of at least that length are that lie at SLOPES: as strong as their weakest pixel."""
    h, w = strength.shape
    lines = np.zeros_like(strength)
    if w < length:
        return lines
    squeezed = cv2.resize(strength, (w // SQUEEZED, h), interpolation=cv2.INTER_AREA)
    w, lines = squeezed.shape[1], np.zeros_like(squeezed)
    for slope in SLOPES:
        level = np.array([[1, 0, 0], [SQUEEZED * slope, 1, max(0.0, -SQUEEZED * slope * w)]], np.float32)
        lying = cv2.warpAffine(squeezed, level, (w, h + int(abs(SQUEEZED * slope) * w) + 1))
        opened = _opened(lying, length // SQUEEZED)
        back = cv2.warpAffine(opened, level, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        cv2.max(lines, back, dst=lines)
    return cv2.resize(lines, strength.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _opened(rows: MatLike, length: int) -> MatLike:
    """Return the morphological opening of rows by so many pixels in a row.

    In steps that double: OpenCV's own takes as many as there are pixels.
    """
    least = rows
    for step in _doubling(length):
        least = cv2.min(least[:, :-step], least[:, step:])
    most = cv2.copyMakeBorder(least, 0, 0, length - 1, length - 1, cv2.BORDER_CONSTANT, value=0)
    for step in _doubling(length):
        most = cv2.max(most[:, :-step], most[:, step:])
    return most


def _doubling(length: int) -> Iterator[int]:
    """Yield the steps by which one pixel grows to so many."""
    have = 1
    while have < length:
        step = min(have, length - have)
        yield step
        have += step
