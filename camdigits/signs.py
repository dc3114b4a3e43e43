"""Points, commas and minus signs: small ink beside the digits of a number, which no patch shows.

Between two digits of a number, ink at their feet is a decimal point or comma, and any other mark holds them apart: 7.5
is never 75, nor is 3-4 34. Only what hangs high, with nothing below it, is a piece of a broken digit. A stroke lying
before the first digit is its minus.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.types import Box, Digit, Image, Number

LEVEL = 30.0
"""Degrees by which lines may slope; beside steeper ones signs are not looked for."""

HEIGHT = 24
"""Digits are reduced towards so many pixels before their surroundings are looked at."""

STRONG = 0.92
"""What share of the pixels in digits' boxes have less contrast than the middle of their strokes."""

LEAST = 0.05
"""A sign's longer side, in heights of the digits beside it, at least."""

POINT = 0.28, 0.55
"""Width and height of a point or comma at most."""

FEET = 0.62
"""How far below the top of the digits the middle of a point lies at least, in their heights."""

HIGH = 0.3
"""How far below the top of the digits the middle of what hangs high lies at most, in their heights."""

BELOW = 0.35
"""How far a comma may reach below the digits' feet."""

MINUS = 0.2, 1.0
"""Least and most width of a minus, in heights of the digit after it."""

OWN, APART = 3.0, 0.5
"""A minus stands so many times nearer to its number than to the one before it, which is so many heights away."""

FLAT = 0.6
"""A stroke that lies is lower than this share of its width."""

LONG, LOW = 1.7, 1.3
"""A comma is so many times longer than wide, one that hangs below the digits' feet by the latter; a point of a few
pixels may be longer than one would think."""

POINTS, MOST_POINTS = (".", ","), 2
"""Between the digits of a date stand two points; more are dirt."""

MESS = 2
"""More marks than this between two digits are paper, not signs."""

ALONE = 0.04
"""Around a sign there is no other ink within so many heights."""

RIM = 0.15
"""What is weaker than this share of a mark is paper."""

CELL, NUMBER = 0.3, 1.2
"""Where a line is drawn between two digits, numbers end at gaps of so many heights and so many times the usual gap."""

THROUGH, LINE = 0.95, 0.3
"""A line is there in this share of the rows, and is narrower than so many heights."""

FAINTEST = 3
"""Grey levels that ink differs from its paper at least."""

PEN = 0.4
"""A point is wider than this share of the digits' strokes."""

SURE = 127
"""Where it is known how likely each pixel is ink, of 255, a mark has one that is likelier than this."""

WEAKEST = 0.35
"""Ink, and the blurred edge of a small point, has at least this share of the contrast of the digits' ink."""

AS_STRONG = 0.6
"""The strongest ink of a sign has at least this share of it."""


class _Mark(NamedTuple):
    """Ink near digits: its box in the reduced pixels, its share of the digits' contrast, and each pixel's own."""

    box: Box
    strength: float
    spot: NDArray[np.float32]


def with_signs(image: Image, numbers: Sequence[Number], looks: Sequence[NDArray[np.uint8]] = ()) -> list[Number]:
    """Return the numbers of a picture with their points and minus signs in the text, parted where a mark stands.

    looks: how likely each pixel of the picture is ink, in copies of it of any size; without any, by contrast alone.
    """
    found = []
    for number in numbers:
        if abs(number.angle) > LEVEL:
            found.append(number)
        else:
            found += _signed(image, number, numbers, looks)
    return found


def _signed(
    image: Image, number: Number, numbers: Sequence[Number], looks: Sequence[NDArray[np.uint8]]
) -> list[Number]:
    """Return one number with its signs, or the several that it is. numbers: all of the picture."""
    full = median(digit.box.h for digit in number.digits)
    reduced = max(1, int(full / HEIGHT))  # a whole number: OpenCV averages those far faster
    scale = 1 / reduced
    height = scale * full
    region = _region(image, number.box, full)
    grey = cv2.cvtColor(image[region.y : region.bottom, region.x : region.right], cv2.COLOR_BGR2GRAY)
    grey = grey[: max(1, len(grey) // reduced * reduced), : max(1, grey.shape[1] // reduced * reduced)]
    size = max(1, grey.shape[1] // reduced), max(1, len(grey) // reduced)
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    boxes = [digit.box.moved(-region.x, -region.y).scaled(scale) for digit in number.digits]
    inside = np.zeros(grey.shape, bool)
    for box in boxes:
        inside[box.y : box.bottom, box.x : box.right] = True
    share = _ink(np.asarray(grey, np.uint8), inside, height)
    marks = [
        mark
        for mark in _marks(share, inside, height)
        if _is_inked(mark.box.scaled(reduced).moved(region.x, region.y), image.shape, looks)
    ]
    signs = [
        " " if ruled else _between(marks, left, right, height)
        for ruled, (left, right) in zip(_ruled(share, boxes, height), pairwise(boxes), strict=True)
    ]
    points = sum(sign in POINTS for sign in signs)
    if points > MOST_POINTS:
        return [number]
    if points > 1:  # of a date; one number has one point
        signs = [" " if sign in POINTS else sign for sign in signs]
    first = number.digits[0]
    parts = [[first]]
    before = _before(number, numbers) - region.x
    texts = [("-" if _minus(marks, boxes[0], scale * before, height) else "") + first.label]
    for digit, sign in zip(number.digits[1:], signs, strict=True):
        if sign == " ":
            parts.append([digit])
            texts.append(digit.label)
        else:
            parts[-1].append(digit)
            texts[-1] += sign + digit.label
    if len(parts) == 1:
        return [replace(number, text=texts[0])]
    return [_part(number, text, part) for text, part in zip(texts, parts, strict=True)]


def _region(image: Image, box: Box, height: float) -> Box:
    """Return what of the picture may hold a number's signs."""
    left, top = max(0, int(box.x - 2.5 * height)), max(0, int(box.y - 0.1 * height))
    right = min(image.shape[1], int(box.right + 0.3 * height))
    bottom = min(image.shape[0], int(box.bottom + (BELOW + 0.1) * height) + 1)
    return Box(left, top, right - left, bottom - top)


def _ink(grey: NDArray[np.uint8], inside: NDArray[np.bool_], height: float) -> NDArray[np.float32]:
    """Return how much each pixel differs from the paper, as a share of what ink of digits so high does.

    inside: which pixels are in a digit's box.
    """
    side = 2 * int(height) + 1
    paper = cv2.blur(grey, (side, side))
    darker, lighter = cv2.subtract(paper, grey), cv2.subtract(grey, paper)
    dark, light = (_strong(away[inside]) for away in (darker, lighter))
    ink, away = (dark, darker) if dark >= light else (light, lighter)
    return np.divide(away, max(ink, FAINTEST), dtype=np.float32)


def _ruled(share: NDArray[np.float32], digits: Sequence[Box], height: float) -> list[bool]:
    """Say of each gap between two digits whether a line is drawn there, as tables have them, and there is room for it.

    Digits on squared paper stand no farther apart where a line is.
    """
    gaps = [right.x - left.right for left, right in pairwise(digits)]
    usual = sorted(gaps)[round(0.4 * (len(gaps) - 1))] if len(gaps) > 1 else CELL * height
    least = CELL * height + NUMBER * max(usual, 0)
    found = []
    for gap, (left, right) in zip(gaps, pairwise(digits), strict=True):
        strong = share[:, left.right : right.x] > AS_STRONG
        is_line = gap > least and strong.any(1).mean() > THROUGH and strong.sum(1).mean() < LINE * height
        found.append(bool(is_line))
    return found


def _marks(share: NDArray[np.float32], inside: NDArray[np.bool_], height: float) -> list[_Mark]:
    """Return the connected ink beside digits of that height that is no paper's. share, inside: as _ink has them."""
    mask = (share > WEAKEST).astype(np.uint8)
    strokes = cv2.distanceTransform(mask, cv2.DIST_L2, 3)[inside & (mask > 0)]
    pen = 2 * float(np.median(strokes)) if len(strokes) else 1.0
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    left, top, wide, tall, area = stats.T
    # what reaches the edge is a rule, a grid, the next line
    within = (left > 0) & (top > 0) & (left + wide < mask.shape[1]) & (top + tall < mask.shape[0])
    sized = (np.maximum(wide, tall) >= max(LEAST * height, PEN * pen)) & (area >= 0.3 * (PEN * pen) ** 2)
    within[0] = False  # the paper itself
    pad = max(1, round(ALONE * height))
    marks = []
    for at in np.flatnonzero(within & sized):
        x, y, w, h, _ = stats[at].tolist()
        there = slice(max(y - pad, 0), y + h + pad), slice(max(x - pad, 0), x + w + pad)
        around = parts[there]
        if max(w, h) < height / 2 and ((around != 0) & (around != at)).any():
            continue
        marks.append(_Mark(Box(x, y, w, h), float(share[there][around == at].max()), share[there]))
    return marks


def _is_inked(box: Box, size: tuple[int, ...], looks: Sequence[NDArray[np.uint8]]) -> bool:
    """Say whether something in a box is surely ink. size: (height, width) of the picture."""
    there = [box.in_copy(size, shares.shape) for shares in looks]
    return not looks or any(
        shares[b.y : b.bottom, b.x : b.right].max() > SURE for b, shares in zip(there, looks, strict=True)
    )


def _before(number: Number, numbers: Sequence[Number]) -> float:
    """Return where the digit ends that stands before a number in its line; far away without one."""
    first = number.digits[0].box
    return max(
        (
            digit.box.right
            for other in numbers
            for digit in other.digits
            if digit.box.right <= first.x and digit.box.y < first.center[1] < digit.box.bottom
        ),
        default=-math.inf,
    )


def _elongation(share: NDArray[np.float32]) -> float:
    """Return how many times longer than wide a spot is, of any direction, by the moments of its contrast.

    Hu 1962, "Visual pattern recognition by moment invariants".
    """
    of = cv2.moments(np.maximum(share - RIM * share.max(), 0))
    middle, apart = (of["mu20"] + of["mu02"]) / 2, math.hypot((of["mu20"] - of["mu02"]) / 2, of["mu11"])
    return math.sqrt((middle + apart) / max(middle - apart, 1e-3 * middle, 1e-9))


def _strong(contrast: MatLike) -> float:
    """Return what STRONG of the pixels have less of, 0 of none."""
    return (
        float(np.partition(contrast, int(STRONG * len(contrast)))[int(STRONG * len(contrast))])
        if len(contrast)
        else 0.0
    )


def _between(marks: Sequence[_Mark], left: Box, right: Box, height: float) -> str:
    """Return "." or "," or "" between two digits, or " " where something else stands there."""
    top = (left.y + right.y) / 2
    tall = (left.h + right.h) / 2
    feet = top + tall
    # under the arm of a 7 too, but not in the arc of a digit
    between = [
        mark
        for mark in marks
        if left.center[0] < mark.box.center[0] < right.center[0]
        and mark.strength > AS_STRONG
        and not (_is_of(mark.box, left, right) and not _is_under(mark.box, left))
    ]
    if len(between) > MESS:
        return ""
    sign, hangs = "", False
    for mark in between:
        box = mark.box
        deep = (box.center[1] - top) / tall
        small = box.w < POINT[0] * height and box.h < POINT[1] * height
        if small and deep > FEET and box.h > FLAT * box.w:
            is_low = box.bottom - feet > 0.6 * box.h
            sign = "," if _elongation(mark.spot) > (LOW if is_low else LONG) else "."
        elif left.right - 0.1 * height < box.center[0] < right.x + 0.1 * height and box.h < 1.6 * height:
            if deep > HIGH:
                return " "
            hangs = True
    return " " if sign and hangs else sign


def _is_under(box: Box, left: Box) -> bool:
    """Say whether ink lies in the lower right corner of a digit's box, as a point under the arm of a 7 or a 9."""
    x, y = box.center
    small = box.w < 0.35 * left.w and box.h < 0.35 * left.h
    return small and left.x + 0.7 * left.w < x < left.right and y > left.y + 0.75 * left.h


def _is_of(box: Box, *digits: Box) -> bool:
    """Say whether ink is a digit's own: most of the digit's height, or mostly inside its box."""
    for digit in digits:
        w = min(box.right, digit.right) - max(box.x, digit.x)
        h = min(box.bottom, digit.bottom) - max(box.y, digit.y)
        if w > 0 and h > 0 and (h > 0.6 * digit.h or w * h > 0.7 * box.w * box.h):
            return True
    return False


def _minus(marks: Sequence[_Mark], box: Box, before: float, height: float) -> bool:
    """Say whether a minus stands before a digit, and nothing else does. before: where the digit before it ends."""
    lying = None
    for mark in marks:
        if mark.box.right > box.x + 0.15 * box.w or mark.strength < AS_STRONG or _is_of(mark.box, box):
            continue
        gap = (box.x - mark.box.right) / height
        deep = (mark.box.center[1] - box.y) / box.h
        if gap > 1:
            continue
        low, high = MINUS
        if low * height < mark.box.w < high * height and mark.box.h < FLAT * mark.box.w and 0.2 < deep < 0.85:
            if lying is not None:  # an equals sign
                return False
            lying = mark.box
        elif mark.box.h > 0.4 * height:
            return False
    if lying is None:
        return False
    # near another digit it is an operator, or a dash, unless it stands much nearer to its own
    room = max(OWN * (box.x - lying.right), APART * height)
    return lying.x - before >= room and not any(
        mark.box.h > 0.4 * height
        and 0 < lying.center[0] - mark.box.center[0] < 2 * height
        and lying.x - mark.box.right < room
        for mark in marks
    )


def _part(number: Number, text: str, digits: Sequence[Digit]) -> Number:
    """Return some of a number's digits as a number of their own, as sure as all of them were."""
    box = Box.around(digit.box for digit in digits)
    return replace(number, text=text, box=box, digits=tuple(digits))
