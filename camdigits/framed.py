"""Frames drawn around numbers, or printed on forms: their sides look like 1s, and so do the edges of their lines."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.types import Box, Candidate, Image, Probabilities

NEAR = 0.1
"""A bare stroke is the side of a frame, being nearer to it than this share of its length."""

BAND, CLOSED = 0.2, 0.9
"""A frame has ink in this share of its height at the top and at the foot, along this share of its width, and likewise
at its sides."""

PLAUSIBLE = 0.2
"""What is less likely a digit is not looked at."""

STRAIGHT = 0.6
"""The ink of a straight stroke strays from its middle by so many times its width at most; an even one's by 0.29."""

PAST = 0.35, 2.0
"""What is beside a stroke begins past its own blur: so many times its width, and so many pixels at least."""

ONE_SIDED = 0.1
"""The edge of something differs from what is on one side by less than this share of what it does from the other, …"""

OF_CONTRAST = 0.5
"""… which is its contrast, or this share of it: else it was not the ink that was looked at."""


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


def without_edges(image: Image, candidates: Sequence[Candidate], probabilities: Probabilities) -> Probabilities:
    """Return the probabilities of candidates in a (height, width, 3) BGR picture, thick lines' edges rejected.

    Where a rule was taken away that is thicker than rules are thought to be, a straight stroke is left of it.
    probabilities: (N, C + 1), the last column `not a digit`.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    told = probabilities.copy()
    for i in np.flatnonzero(probabilities[:, -1] < 1 - PLAUSIBLE).tolist():
        box = candidates[i].box
        if box.is_bare and box.h > box.w and _is_edge(grey, candidates[i]):
            told[i], told[i, -1] = 0, 1
    return told


def _is_edge(grey: MatLike, stroke: Candidate) -> bool:
    """Say whether a standing stroke is straight and as dark, or as light, as what is on one side of it."""
    x, y, w, h = stroke.box
    ink = stroke.ink.astype(np.float64)
    rows, columns = np.arange(len(ink)), np.arange(ink.shape[1])
    mass = ink.sum(axis=1)
    written = mass > 0.2 * mass.max()
    if np.count_nonzero(written) < 3:
        return False
    middle = ink @ columns / np.maximum(mass, 1e-6)
    lean, start = np.polyfit(rows[written], middle[written], 1)
    away = columns - (start + lean * rows)[:, None]
    # pixels of the candidate's ink to those of the picture
    across, down = w / ink.shape[1], h / len(ink)
    pen = max(1.0, across * float(np.median(np.count_nonzero(ink[written] > 100, axis=1))))
    if across * math.sqrt((ink * away**2).sum() / ink.sum()) > STRAIGHT * pen:
        return False
    along = np.linspace(0.1, 0.9, 24)[:, None] * h
    past = pen / 2 + max(PAST[0] * pen, PAST[1])
    beside = np.outer([-1, 0, 1], [past] * 3) + np.outer([0.5, pen / 4, 0.5], [-1, 0, 1])
    columns_at = x + across * (start + lean * (along / down - 0.5) + 0.5) - 0.5 + beside.ravel()
    rows_at = np.broadcast_to(y + along, columns_at.shape)
    at = columns_at.astype(np.float32), rows_at.astype(np.float32)
    seen = cv2.remap(grey, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    left, own, right = np.median(seen.reshape(len(along), 3, 3).mean(axis=2), axis=0)
    less, more = sorted((left - own, right - own), key=abs)
    room = own + more if more > 0 else 255 - own - more
    return bool(less * np.sign(more) < ONE_SIDED * abs(more) and abs(more) > OF_CONTRAST * stroke.contrast * room)
