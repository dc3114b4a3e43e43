"""Frames drawn around numbers, or printed on forms: their sides look like 1s."""

from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.types import Box, Candidate

NEAR = 0.1
"""A bare stroke is the side of a frame, being nearer to it than this share of its length."""

BAND, CLOSED = 0.2, 0.9
"""A frame has ink in this share of its height at the top and at the foot, along this share of its width, and likewise
at its sides."""


def sides_of_frames(candidates: Sequence[Candidate], strokes: Sequence[Box]) -> set[Box]:
    """Return those of some strokes that are a side of a frame among the candidates."""
    bare = [box for box in strokes if box.is_bare]
    # what the picture's edge cuts is the paper itself, seen as light ink
    whole = [candidate for candidate in candidates if not candidate.cut]
    sides: set[Box] = set()
    if not bare or not whole:
        return sides
    near = _at_sides(np.array(bare), np.array([candidate.box for candidate in whole]))
    for at in np.flatnonzero(near.any(axis=0)):
        unknown = {bare[i] for i in np.flatnonzero(near[:, at])} - sides
        if unknown and is_closed(whole[at].ink):
            sides |= unknown
    return sides


def is_closed(ink: MatLike) -> bool:
    """Say whether (h, w) uint8 ink, 255 on 0, is a frame: along each of its four sides there is some."""
    for across in (ink, cv2.transpose(ink)):
        band = max(1, round(BAND * len(across)))
        if any(np.mean(side.max(axis=0) > 0) < CLOSED for side in (across[:band], across[-band:])):
            return False
    return True


def _at_sides(strokes: NDArray[np.int_], frames: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return (N, M) which of N strokes are at a side of which of M frames; all are boxes, (N, 4) and (M, 4)."""
    lying = strokes[:, 2] > strokes[:, 3]
    mirrored = [1, 0, 3, 2]
    return np.where(lying[:, None], _stand_at(strokes[:, mirrored], frames[:, mirrored]), _stand_at(strokes, frames))


def _stand_at(strokes: NDArray[np.int_], frames: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return which strokes stand at the left or right side of what is wider than they are high."""
    x, y, w, h = strokes.T[:, :, None]
    left, top, width, height = frames.T
    near = NEAR * h
    inside = (y >= top - near) & (y + h <= top + height + near)
    away = np.minimum(abs(x - left), abs(left + width - (x + w)))
    return np.asarray(inside & (width > h) & (away < near))
