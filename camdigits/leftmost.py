"""Of digits that have grown together: which of the ink is the leftmost digit's.

A small network looks at the left end of the ink and colours it (a U-Net: Ronneberger, Fischer and Brox 2015, "U-Net:
convolutional networks for biomedical image segmentation"). Unlike a straight cut it follows strokes that lean over or
under those of the next digit.
"""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.network import LEFTMOST, Network, open_helper

HEIGHT, WIDTH = 32, 64
"""Pixels of what the network looks at: ink as high as that, and of its left end so much. The file's contract: `ink`
(N, HEIGHT, WIDTH) float32, 1.0 on 0.0, to `first`, of the same shape, above 0 where ink is rather the leftmost digit's.
"""


def leftmost(inks: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.bool_]]:
    """Return where the leftmost digits are, for each (h, w) uint8 ink, cropped to itself. Raises ModelError."""
    if not inks:
        return []
    shown = np.stack([left_end(ink) for ink in inks])
    (first,) = _network().run(["first"], {"ink": np.divide(shown, 255, dtype=np.float32)})
    return [_as_large(said, ink) for said, ink in zip(first, inks, strict=True)]


def left_end(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (HEIGHT, WIDTH) uint8: (h, w) ink as the network looks at it."""
    seen, width = _looked_at(ink)
    smaller = ink.shape[0] > HEIGHT
    shown = np.zeros((HEIGHT, WIDTH), np.uint8)
    flags = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    shown[:, :width] = cv2.resize(ink[:, :seen], (width, HEIGHT), interpolation=flags)
    return shown


def check() -> None:
    """Raise ModelError where the network is missing or another: what runs for hours asks before it begins."""
    _network()


def _as_large(first: NDArray[np.float32], ink: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where in the (h, w) ink the leftmost digit is: what was not looked at is none of it."""
    seen, width = _looked_at(ink)
    where = np.zeros(ink.shape, bool)
    where[:, :seen] = cv2.resize(first[:, :width], (seen, len(ink)), interpolation=cv2.INTER_LINEAR) > 0
    return where


def _looked_at(ink: NDArray[np.uint8]) -> tuple[int, int]:
    """Return how many columns of ink the network looks at, and how many of its own they become."""
    h, w = ink.shape
    seen = min(w, max(1, h * WIDTH // HEIGHT))
    return seen, min(WIDTH, max(1, round(seen * HEIGHT / h)))


@cache
def _network() -> Network:
    return open_helper(LEFTMOST, "ink", (HEIGHT, WIDTH), "first")
