"""Probabilities over candidates to numbers in reading order.

Candidates overlap and most are no digits. The surest explanation of each piece of ink is kept, lines are followed from
left to right at whatever slope they have, and a line is cut into numbers where its spacing says so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from camdigits.types import Box, Candidate, Digit, Number, Probabilities

MAX_SLOPE = 40.0
"""Degrees; steeper writing is a turned page."""

SHARED = 0.5
"""Two candidates are the same ink where they share this much of the smaller one's box."""

OFF_LINE = 0.6
"""A digit belongs to a line if its middle lies this near to where the line leads, in heights."""

SIMILAR = 2.2
"""Digits of a line differ in height by less than this factor."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A candidate taken for a digit: where its middle lies in the turned frame in which lines are level."""

    digit: Digit
    contrast: float
    x: float
    y: float

    @property
    def height(self) -> int:
        return self.digit.box.h


def decode(
    candidates: Sequence[Candidate], probabilities: Probabilities, labels: Sequence[str], min_confidence: float
) -> list[Number]:
    """Return the numbers, line by line from the top and from left to right.

    probabilities: (len(candidates), len(labels) + 1), the last column `not a digit`. min_confidence: digits less sure
    than this are left out.
    """
    digits = _surest(candidates, probabilities, labels, min_confidence)
    if not digits:
        return []
    slope = _slope([digit for digit, _ in digits])
    cosine, sine = math.cos(slope), math.sin(slope)
    seen = []
    for digit, contrast in digits:
        x, y = digit.box.center
        seen.append(_Seen(digit, contrast, x * cosine - y * sine, x * sine + y * cosine))
    lines = sorted(_lines(seen), key=lambda line: sum(s.y for s in line) / len(line))
    return [_number(word, row, slope) for row, line in enumerate(lines) for word in _words(line)]


def _surest(
    candidates: Sequence[Candidate], probabilities: Probabilities, labels: Sequence[str], min_confidence: float
) -> list[tuple[Digit, float]]:
    """Return digits that share no ink, each with its contrast: the surest first, larger pieces before their parts."""
    if not candidates:
        return []
    best = probabilities[:, :-1].argmax(1)
    confidence = probabilities[np.arange(len(candidates)), best]
    heights = np.array([candidate.box.h for candidate in candidates])
    chosen: list[int] = []
    for i in np.argsort(-confidence * heights**0.2, kind="stable"):
        if confidence[i] < min_confidence or candidates[i].cut:
            continue
        if all(_shared(candidates[i].box, candidates[j].box) < SHARED for j in chosen):
            chosen.append(int(i))
    return [(Digit(labels[best[i]], float(confidence[i]), candidates[i].box), candidates[i].contrast) for i in chosen]


def _shared(a: Box, b: Box) -> float:
    """Return the intersection as a share of the smaller box."""
    w = min(a.right, b.right) - max(a.x, b.x)
    h = min(a.bottom, b.bottom) - max(a.y, b.y)
    return w * h / min(a.w * a.h, b.w * b.h) if w > 0 and h > 0 else 0.0


def _slope(digits: Sequence[Digit]) -> float:
    """Return the angle of the lines in radians, positive where they rise: the commonest between near neighbours."""
    if len(digits) < 2:
        return 0.0
    x, y = np.array([digit.box.center for digit in digits]).T
    h = np.array([digit.box.h for digit in digits], float)
    dx, dy = x[None, :] - x[:, None], y[:, None] - y[None, :]
    height = np.minimum(h[:, None], h)
    angles = np.degrees(np.arctan2(dy, dx))
    distance = np.hypot(dx, dy) / height
    near = (dx > 0) & (np.abs(angles) <= MAX_SLOPE) & (np.maximum(h[:, None], h) < SIMILAR * height) & (distance < 8)
    if not near.any():
        return 0.0
    votes, weights = angles[near], np.exp(-distance[near] / 2)
    # every pair's angle is tried as the slope; those within some degrees of it support it, level ones a little more
    support = np.exp(-(((votes[:, None] - votes) / 4) ** 2)) @ weights * np.exp(-((votes / 60) ** 2))
    winner = votes[support.argmax()]
    close = np.abs(votes - winner) < 6
    return math.radians(float(np.average(votes[close], weights=weights[close])))


def _lines(seen: Sequence[_Seen]) -> list[list[_Seen]]:
    """Follow lines from left to right: each digit goes to the line that leads to it, or begins one."""
    lines: list[list[_Seen]] = []
    for digit in sorted(seen, key=lambda s: s.x):
        near = [(abs(_ahead(line, digit.x) - digit.y) / min(digit.height, _height(line)), line) for line in lines]
        near = [(off, line) for off, line in near if off < OFF_LINE and _similar(line, digit)]
        if near:
            min(near, key=lambda item: item[0])[1].append(digit)
        else:
            lines.append([digit])
    return lines


def _ahead(line: Sequence[_Seen], x: float) -> float:
    """Return the height at which a line will pass x: the mean of its last digits, and a part of their trend."""
    last = line[-4:]
    middle_x = sum(s.x for s in last) / len(last)
    middle_y = sum(s.y for s in last) / len(last)
    spread = sum((s.x - middle_x) ** 2 for s in last)
    if len(last) < 3 or not spread:
        return middle_y
    trend = sum((s.x - middle_x) * (s.y - middle_y) for s in last) / spread
    # a few digits' trend is not to be trusted far ahead
    reach = min(x - middle_x, 4 * _height(line))
    return middle_y + 0.7 * trend * reach


def _height(line: Sequence[_Seen]) -> float:
    return float(np.median([s.height for s in line]))


def _similar(line: Sequence[_Seen], digit: _Seen) -> bool:
    return 1 / SIMILAR < digit.height / _height(line) < SIMILAR


def _words(line: Sequence[_Seen]) -> list[list[_Seen]]:
    """Cut a line into numbers where a gap is wide beside the line's own spacing."""
    height = _height(line)
    gaps = [b.x - a.x - (a.digit.box.w + b.digit.box.w) / 2 for a, b in pairwise(line)]
    usual = float(np.quantile(gaps, 0.4)) if len(gaps) > 1 else 0.5 * height
    wide = 0.6 * height + 1.6 * min(max(usual, 0.0), 0.9 * height)
    words = [[line[0]]]
    for gap, digit in zip(gaps, line[1:], strict=True):
        if gap > wide:
            words.append([])
        words[-1].append(digit)
    return words


def _number(word: Sequence[_Seen], row: int, slope: float) -> Number:
    digits = tuple(s.digit for s in word)
    box = digits[0].box
    for digit in digits[1:]:
        box = box.union(digit.box)
    angle = math.degrees(slope)
    if len(word) > 2:
        x, y = np.array([digit.box.center for digit in digits]).T
        angle = math.degrees(math.atan(-np.polyfit(x, y, 1)[0]))
    confidence = math.prod(digit.confidence for digit in digits)
    return Number("".join(digit.label for digit in digits), confidence, row, round(angle, 1), box, digits)
