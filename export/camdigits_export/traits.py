"""What can be measured of a patch's ink: slant, stroke width, size, loops, pieces."""

import cv2
import numpy as np
from numpy.typing import NDArray

UNITS = {"slant": "degrees", "stroke": "pixels", "size": "pixels", "loops": "", "pieces": ""}
"""slant: how far upright strokes lean to the right. stroke: the mean width. size: the shorter side of the ink's box;
the longer is 20. loops: holes that ink closes. pieces: of ink that do not touch."""

SPECK = 3
"""Pixels; smaller holes and pieces are noise."""


def traits(patches: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Return each trait of (N, 28, 28) uint8 patches as (N,) float64."""
    rows = [_measure(patch) for patch in patches]
    return dict(zip(UNITS, np.array(rows, np.float64).reshape(-1, len(UNITS)).T, strict=True))


def _measure(patch: NDArray[np.uint8]) -> tuple[float, ...]:
    mask = (patch > 127).view(np.uint8)
    moments = cv2.moments(patch)
    slant = np.degrees(np.arctan2(-moments["mu11"], max(moments["mu02"], 1e-9)))
    inner = cv2.erode(mask, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    area = cv2.countNonZero(mask)
    # a stroke w pixels wide has two border pixels in every cross-section of w
    stroke = 2 * area / max(area - cv2.countNonZero(inner), 1)
    _, _, w, h = cv2.boundingRect(mask)
    # of the paper around the ink, which is one piece, no loop
    loops = _count(np.pad(1 - mask, 1, constant_values=1), 4) - 1
    return float(slant), stroke, min(w, h), loops, _count(mask, 8)


def _count(mask: NDArray[np.uint8], connectivity: int) -> int:
    """Return how many connected areas a mask has, specks left out."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    return int(np.sum(stats[1:, cv2.CC_STAT_AREA] >= SPECK))


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
