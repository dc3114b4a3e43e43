"""Pieces of ink: the connected strokes of a mask, and which of them may be a digit or a sign, alone or together."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.types import BARE_ASPECT, Box, Candidate, overlap

MIN_HEIGHT = 9
"""Pixels; a digit 14 pixels high may lose some to the threshold."""

MAX_ASPECT = 6.0
"""Width over height: a 1 on a page turned sideways is long and low."""

SOLID = 0.4
"""Strokes are narrower than this share of the piece they make."""

GAP = 0.2
"""Broken strokes lie nearer to each other than this share of the height of both."""

LEAST_PART = 0.15
"""… are longer than this share of the other …"""

OVERLAP = 0.4
"""… and share this much of the narrower one's columns."""

OVER, COMPACT = 0.6, 1.6
"""Loose parts of a sign lie over one another, nearer than this share of the larger one's longer side, and are together
no longer than so many of it: the bars of =, a letter's dots. Two lines of writing are longer."""

DOT = 0.35
"""What is smaller than this share of the larger strokes is a dot, and two of them may be as far apart as if they were
such strokes."""

CORNER = 0.15
"""A stroke that lies and one that stands meet at a corner where they are nearer than this share of the larger one …"""

LONGER = 2.0
"""… each being so many times longer than wide: the segments of a display."""

MOST_PARTS = 9
"""What has more parts is texture, or writing, and no sign."""

SAME = 0.75
"""Two pieces are the same where their boxes' intersection over union is at least this."""

DARKEST, LIGHTEST = 64, 128
"""Grey levels that full ink differs from its paper at least, on light paper and on dark."""

STEP = 0.5
"""It is an edge if one side differs from it less than this share of what the other does."""

NEAR = 3
"""Pixels from a stroke to where its blur ends, and what lies beside it begins."""

FULL = 1.25
"""The middle of a stroke is somewhat stronger than its mean: so much of it counts as full ink."""

_SQUARE = np.ones((3, 3), np.uint8)


class Stroke(NamedTuple):
    """A connected piece of ink: its box and its outer contour, in the mask's pixels."""

    box: Box
    contour: MatLike


class Group(NamedTuple):
    """Strokes that may be a digit together, and the box around them."""

    strokes: list[Stroke]
    box: Box


def strokes_of(mask: MatLike, most: int) -> list[Stroke]:
    """Return the connected strokes of a mask without specks, largest first, at most so many."""
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return []
    # what has a parent is the border of a hole, not of ink
    outer = [contour for contour, (*_, parent) in zip(contours, tree[0], strict=True) if parent < 0]
    every = (Stroke(Box(*cv2.boundingRect(contour)), contour) for contour in outer)
    strokes = [stroke for stroke in every if stroke.box.h >= MIN_HEIGHT // 3 and sum(stroke.box[2:]) >= MIN_HEIGHT]
    return sorted(strokes, key=lambda stroke: stroke.box.w * stroke.box.h, reverse=True)[:most]


def groups_of(strokes: list[Stroke], most: int, any_sign: bool = False) -> list[Group]:
    """Return what may be a digit: each stroke alone, and neighbouring strokes together, at most so many pairs.

    any_sign: it may be another sign too, which has loose parts over one another, more than two of them, or is one long
    low stroke.
    """
    groups = [Group([stroke], stroke.box) for stroke in strokes]
    if len(strokes) < 2:
        return [group for group in groups if _plausible(group.box, any_sign)]
    x, y, w, h = np.array([stroke.box for stroke in strokes], np.float32).T
    gap_x = np.maximum(x[:, None], x) - np.minimum((x + w)[:, None], x + w)
    gap_y = np.maximum(y[:, None], y) - np.minimum((y + h)[:, None], y + h)
    both = np.maximum((y + h)[:, None], y + h) - np.minimum(y[:, None], y)
    # a digit's loose stroke lies above, below or inside the rest: side by side they are two digits
    near = (np.maximum(gap_x, gap_y) < GAP * both) & (gap_x < -OVERLAP * np.minimum(w[:, None], w))
    # … and is no dwarf beside it: a digit in a cell of a large grid is not a part of the grid
    side = np.maximum(w, h)
    near &= np.minimum(side[:, None], side) > LEAST_PART * np.maximum(side[:, None], side)
    near &= both >= MIN_HEIGHT
    if any_sign:
        larger = np.maximum(side[:, None], side)
        usual = np.quantile(side, 0.75)
        dot = side < DOT * usual
        reach = np.where(dot[:, None] & dot, usual, larger)
        over = (gap_x < -OVERLAP * np.minimum(w[:, None], w)) & (gap_y < OVER * reach) & (both < COMPACT * reach)
        lies, stands = w > LONGER * h, h > LONGER * w
        crossed = (lies[:, None] & stands) | (stands[:, None] & lies)
        near |= over | (crossed & (np.maximum(gap_x, gap_y) < CORNER * larger))
    pairs = np.argwhere(np.triu(near, 1))[:most]
    together = [*pairs, *_chains(pairs, len(strokes))] if any_sign else pairs
    groups += [group_of([strokes[i] for i in members]) for members in together]
    return [group for group in groups if _plausible(group.box, any_sign)]


def group_of(strokes: list[Stroke]) -> Group:
    """Return one or more strokes as one."""
    return Group(strokes, Box.around(stroke.box for stroke in strokes))


def _chains(pairs: NDArray[np.int_], count: int) -> list[list[int]]:
    """Return which of so many strokes hang together by pairs, where they are three to MOST_PARTS."""
    chains = {i: [i] for i in range(count)}
    for i, j in pairs.tolist():
        if chains[i] is not chains[j]:
            chains[i] += chains[j]
            for member in chains[j]:
                chains[member] = chains[i]
    return [chain for i, chain in chains.items() if chain[0] == i and 2 < len(chain) <= MOST_PARTS]


def filled(group: Group, mask: MatLike) -> MatLike:
    """Return a group's part of a mask: 255 where there is ink inside the outer contours of its strokes."""
    strokes, box = group
    inside: MatLike = np.zeros((box.h, box.w), np.uint8)
    for _, contour in strokes:
        cv2.drawContours(inside, [contour], 0, 255, cv2.FILLED, offset=(-box.x, -box.y))
    return cv2.bitwise_and(inside, mask[box.y : box.bottom, box.x : box.right])


def is_solid(box: Box, piece: MatLike) -> bool:
    """Say whether a piece is a filled shape, a sheet or a blot, and not made of strokes."""
    area, outline = _area_and_outline(piece)
    return 2 * area > SOLID * box.side * outline


def pen_width(piece: MatLike) -> float:
    """Return how wide the strokes of a piece are, in pixels."""
    area, outline = _area_and_outline(piece)
    # a stroke w pixels wide has two border pixels in every cross-section of w
    return 2 * area / max(outline, 1)


def _area_and_outline(piece: MatLike) -> tuple[int, int]:
    """Return how many pixels a piece has, and how many of them at its border."""
    area = cv2.countNonZero(piece)
    inner = cv2.countNonZero(cv2.erode(piece, _SQUARE, borderType=cv2.BORDER_CONSTANT, borderValue=0))
    return area, area - inner


def is_step(box: Box, piece: MatLike, grey: MatLike) -> bool:
    """Say whether a bare stroke is the edge between two surfaces: ink has the same paper on both sides."""
    length, width = max(box.w, box.h), min(box.w, box.h)
    if length < BARE_ASPECT * width:
        return False
    ink = cv2.mean(grey[box.y : box.bottom, box.x : box.right], piece)[0]
    if box.h < box.w:  # as if it stood
        box, grey = Box(box.y, box.x, box.h, box.w), grey.T
    # strips along both sides, past the blur at the stroke's own border
    near, far = NEAR, 4 + width
    before = grey[box.y : box.bottom, max(box.x - far, 0) : max(box.x - near, 0)]
    after = grey[box.y : box.bottom, box.right + near : box.right + far]
    if not before.size or not after.size:
        return False
    steps = sorted(_step(side, ink) for side in (before, after))
    return steps[0] < STEP * steps[1]


def _step(side: MatLike, ink: float) -> float:
    """Return by how much what is beside a standing stroke differs from it; where other ink is near, their gap does."""
    away = cv2.absdiff(side, np.full_like(side, round(ink)))
    return float(np.partition(away, len(away) // 2, axis=0)[len(away) // 2].max())


def unlike(boxes: Sequence[Box], known: Sequence[Box]) -> list[int]:
    """Return which boxes are not among the known ones."""
    if not boxes or not known:
        return list(range(len(boxes)))
    same = (overlap(np.array(boxes), np.array(known)) > SAME).any(1)
    return [int(i) for i in np.flatnonzero(~same)]


def soft_ink(strength: MatLike, box: Box, piece: MatLike, mean: float) -> NDArray[np.uint8]:
    """Return (box.h, box.w) the strength of a piece of ink, of that mean, stretched to 255 on 0."""
    soft = strength[box.y : box.bottom, box.x : box.right]
    stretched = cv2.convertScaleAbs(soft, alpha=255 / (FULL * max(mean, 1)))
    return np.asarray(cv2.bitwise_and(stretched, piece), np.uint8)


def ink_share(candidate: Candidate, shares: MatLike, size: tuple[int, ...]) -> float:
    """Return how much of a candidate's ink, 0 to 1, lies where something is.

    shares: (h, w) uint8, 255 where it surely is, of a copy of the candidate's picture, which has that (height, width).
    """
    box = candidate.box.in_copy(size, shares.shape)
    there = shares[box.y : box.bottom, box.x : box.right]
    own = cv2.resize(candidate.ink, there.shape[1::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    return float((own * there).sum() / max(255 * own.sum(), 1e-6))


def _plausible(box: Box, any_sign: bool) -> bool:
    return box.side >= MIN_HEIGHT and (any_sign or box.w <= MAX_ASPECT * box.h)
