"""A second look around the digits that were found: their size and the strength of their ink are known now.

The first look has to find out both at once. Beside black squares pencil seems to be nothing, on grain its strokes
break, small digits run together. Those that were read tell how high the others are and how strong, so the place around
them is reduced, or enlarged, until digits are TALL pixels high, and what is half as strong as their ink is ink.
"""

from collections.abc import Sequence
from statistics import median, median_high

import cv2
import numpy as np
from cv2.typing import MatLike

from camdigits.ink import DARKEST, LIGHTEST, Stroke, filled, groups_of, is_solid, is_step, soft_ink, strokes_of, unlike
from camdigits.rules import find_rules, without_rules
from camdigits.types import Box, Candidate, Image

TALL = 36
"""Pixels to which digits are reduced or enlarged …"""

LARGEST, MOST_PIXELS = 2.0, 1_000_000
"""… enlarged at most so many times, and until the place around them has so many: on a large page digits stay lower."""

SIMILAR = 1.7
"""Digits whose heights differ by less than this factor are looked at together."""

SIZES, FEWEST = 2, 2
"""So many sizes are looked at, those with most digits, and each has so many digits at least."""

ASIDE, ABOVE = 3.0, 2.0
"""How far around the digits, in their heights: to the sides, and above and below."""

PAPER = 0.6
"""Marks narrower than so many heights are ink: a digit's strokes are, a shadow is not."""

SAMPLE = 24
"""So many digits tell how strong their ink is."""

STROKES = 0.88
"""Where pixels of a digit's box are ordered by strength, its strokes are past this share of them."""

OF_INK = 0.5
"""What is as strong as this share of the digits' ink is ink."""

LOWEST, HIGHEST = 0.5, 1.7
"""What is lower or higher than so many digits' heights is none."""

LONG = 3.0
"""What is longer than so many heights may be a rule."""

MOST = 300
"""So many strokes are looked at, the largest first, and as many pairs."""


def look_closer(image: Image, digits: Sequence[Box], any_sign: bool = False) -> list[Candidate]:
    """Return what else may be a digit around some that were found in a (height, width, 3) BGR picture.

    any_sign: they may be other signs than digits, as large as their longer side, whose parts need not touch.
    """
    return [candidate for alike in _sizes(digits, any_sign) for candidate in _around(image, alike, any_sign)]


def heights_of(digits: Sequence[Box], any_sign: bool = False) -> list[float]:
    """Return how high digits usually are, of each size that is looked at."""
    return [median(_size(box, any_sign) for box in alike) for alike in _sizes(digits, any_sign)]


def _size(box: Box, any_sign: bool) -> int:
    return box.side if any_sign else box.h


def _sizes(digits: Sequence[Box], any_sign: bool) -> list[list[Box]]:
    """Return digits of like height together, those of which there are most first."""
    sizes = []
    left = list(digits)
    while left:
        height = median_high(_size(box, any_sign) for box in left)
        alike = [box for box in left if height / SIMILAR < _size(box, any_sign) < SIMILAR * height]
        left = [box for box in left if box not in alike]
        sizes.append(alike)
    return [alike for alike in sorted(sizes, key=len, reverse=True) if len(alike) >= FEWEST][:SIZES]


def _around(image: Image, digits: Sequence[Box], any_sign: bool) -> list[Candidate]:
    """Return the candidates around digits of like height."""
    height = median(_size(box, any_sign) for box in digits)
    place = _place(digits, height, image.shape)
    scale = min(TALL / height, LARGEST, (MOST_PIXELS / (place.w * place.h)) ** 0.5)
    known = [box.moved(-place.x, -place.y).scaled(scale) for box in digits]
    sample = known[:: len(known) // SAMPLE + 1]
    near = cv2.cvtColor(image[place.y : place.bottom, place.x : place.right], cv2.COLOR_BGR2GRAY)
    near = cv2.blur(_resized(near, scale), (3, 3))
    light = _are_light(near, sample)
    if light:
        near = cv2.bitwise_not(near)
    tall = height * scale
    window = int(PAPER * tall) | 1
    paper = cv2.blur(cv2.morphologyEx(near, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8)), (window, window))
    strength = cv2.subtract(paper, near)
    strength, mask, strokes = _unruled(strength, OF_INK * _of_strokes(strength, sample), LONG * tall)
    boxes = np.array(known)
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    candidates = []
    groups = groups_of(strokes, MOST, any_sign)
    for i in unlike([group.box for group in groups], known):
        group = groups[i]
        box = group.box
        # what the place's edge cuts is no whole digit
        inside = min(box.x, box.y) > 0 and box.right < near.shape[1] and box.bottom < near.shape[0]
        several = ((middles > box[:2]) & (middles < (box.right, box.bottom))).all(1).sum() > 1
        of_size = LOWEST * tall < _size(box, any_sign) < HIGHEST * tall
        if several or not (inside and of_size):
            continue
        piece = filled(group, mask)
        if not (is_solid(box, piece) or is_step(box, piece, near)):
            mean = cv2.mean(strength[box.y : box.bottom, box.x : box.right], piece)[0]
            x, y = box.center
            room = max(float(paper[int(y), int(x)]), LIGHTEST if light else DARKEST)
            found = box.scaled(1 / scale).moved(place.x, place.y)
            candidates.append(Candidate(found, soft_ink(strength, box, piece, mean), min(mean / room, 1.0)))
    return candidates


def _unruled(strength: MatLike, least: float, long: float) -> tuple[MatLike, MatLike, list[Stroke]]:
    """Return the strength of ink without any rules, what of it is stronger than least, and its strokes."""
    _, mask = cv2.threshold(strength, least, 255, cv2.THRESH_BINARY)
    strokes = strokes_of(mask, MOST)
    if any(box.side > long for box, _ in strokes):
        rules = find_rules(strength)
        if rules is not None:
            strength = without_rules(strength, rules)
            _, mask = cv2.threshold(strength, least, 255, cv2.THRESH_BINARY)
            strokes = strokes_of(mask, MOST)
    return strength, mask, strokes


def _place(digits: Sequence[Box], height: float, shape: tuple[int, ...]) -> Box:
    """Return the part of the picture around digits."""
    around = Box.around(digits)
    left, top = max(0, int(around.x - ASIDE * height)), max(0, int(around.y - ABOVE * height))
    right = min(shape[1], int(around.right + ASIDE * height))
    bottom = min(shape[0], int(around.bottom + ABOVE * height))
    return Box(left, top, right - left, bottom - top)


def _resized(grey: MatLike, scale: float) -> MatLike:
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    while scale <= 0.5:  # halves are quick; other means over areas are not
        grey = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        scale *= 2
    return cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)


def _are_light(grey: MatLike, boxes: Sequence[Box]) -> bool:
    """Say whether most digits are lighter than what is beside them."""
    lighter = 0
    for x, y, w, h in boxes:
        pad = max(2, h // 4)
        inside = grey[y : y + h, x : x + w]
        around = grey[max(0, y - pad) : y + h + pad, max(0, x - pad) : x + w + pad]
        lighter += cv2.mean(inside)[0] > cv2.mean(around)[0]  # the digit is in both
    return 2 * lighter > len(boxes)


def _of_strokes(strength: MatLike, boxes: Sequence[Box]) -> float:
    """Return how strong the ink of digits usually is."""
    inside = (strength[box.y : box.bottom, box.x : box.right].ravel() for box in boxes)
    ranks = ((part, int(STROKES * part.size)) for part in inside if part.size)
    return median(float(np.partition(part, rank)[rank]) for part, rank in ranks)
