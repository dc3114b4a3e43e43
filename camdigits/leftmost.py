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

from camdigits.network import Network, models_folder, open_network

FILE = "leftmost.onnx"
"""In the folder of models: `ink` (N, HEIGHT, WIDTH) float32, 1.0 on 0.0, to `first` of the same shape, which is above
0 where a pixel of ink is rather the leftmost digit's."""

HEIGHT, WIDTH = 32, 64
"""Pixels of what the network looks at: ink as high as that, and of its left end so much."""


def leftmost(inks: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.bool_]]:
    """Return where the leftmost digits are, for each (h, w) uint8 ink, cropped to itself. Raises ModelError."""
    if not inks:
        return []
    shown = np.stack([left_end(ink) for ink in inks])
    (first,) = _network().run(["first"], {"ink": np.divide(shown, 255, dtype=np.float32)})
    return [_as_large(said, ink) for said, ink in zip(first, inks, strict=True)]


def left_end(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (HEIGHT, WIDTH) uint8: (h, w) ink as the network looks at it."""
    end = ink[:, : max(1, ink.shape[0] * WIDTH // HEIGHT)]
    width = min(WIDTH, max(1, round(end.shape[1] * HEIGHT / end.shape[0])))
    smaller = end.shape[0] > HEIGHT
    size = width, HEIGHT
    shown = np.zeros((HEIGHT, WIDTH), np.uint8)
    shown[:, :width] = cv2.resize(end, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return shown


def _as_large(first: NDArray[np.float32], ink: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where in the (h, w) ink the leftmost digit is: what was not looked at is none of it."""
    h, w = ink.shape
    seen = min(w, max(1, h * WIDTH // HEIGHT))
    width = min(WIDTH, max(1, round(seen * HEIGHT / h)))
    where = np.zeros((h, w), bool)
    where[:, :seen] = cv2.resize(first[:, :width], (seen, h), interpolation=cv2.INTER_LINEAR) > 0
    return where


@cache
def _network() -> Network:
    return open_network(models_folder() / FILE)
