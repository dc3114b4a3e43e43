"""Which digits are written in one line: at whatever slope, bowed, stepped or unevenly spaced, as people write.

Lines are followed from left to right, each digit going to the one that leads to it. What one hand wrote up and down
falls into several, so lines are joined where each leads to the other's digits and none of them stand over one another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

import numpy as np

from camdigits.types import BARE_ASPECT, Box, Digit

MAX_SLOPE = 40.0
"""Degrees; steeper writing is a turned page."""

MOST_VOTES = 1000
"""So many pairs of neighbours say how the lines rise."""

OFF_LINE = 0.7
"""A digit belongs to a line if its middle lies this near to where the line leads, in heights."""

OFF_OTHER = 0.8
"""Two lines are one if their digits lie this near to where the other one leads on average, in heights, …"""

STACKED = 0.4
"""… and no digit's middle is nearer to another's column than this share of the wider one, …"""

ASIDE = 4.0
"""… and the gap between them is no wider than so many heights."""

NEAR, FAR = 3.0, 4.0
"""Heights: digits count less the farther they are; and a line's trend is not trusted farther ahead."""

LAST = 5
"""So many digits, the nearest, tell where a line leads."""

NUMBER, RUN = 1.2, 1.6
"""A gap wider than 0.6 heights and so many times the usual gap ends a number; and a run of digits that stand near."""

ROOM = 0.45
"""A 1 has as much room as if it were this wide, in heights."""

SLASH, SLANT = 1.3, 0.18
"""What looks like a 1, but is so many times higher than the digits beside it and so slanted, its width being this share
of its height, is a slash."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A candidate taken for a digit, and where its middle lies once the page is upright and its lines level.

    height: of signs that are no digits it is the longer side.
    """

    digit: Digit
    x: float
    y: float
    width: int
    height: int

    @property
    def bare(self) -> bool:
        """Whether it is a straight upright stroke: a 1, but so are creases, edges, rules and window frames."""
        return self.height > BARE_ASPECT * self.width


def slope_of(boxes: Sequence[Box], sizes: Sequence[int], similar: float) -> float:
    """Return the angle of the lines in radians, positive where they rise: the commonest between near neighbours.

    Those are neighbours whose sizes differ by less than the factor similar.
    """
    if len(boxes) < 2:
        return 0.0
    x, y = np.array([box.center for box in boxes]).T
    h = np.array(sizes, float)
    dx, dy = x[None, :] - x[:, None], y[:, None] - y[None, :]
    height = np.minimum(h[:, None], h)
    angles = np.degrees(np.arctan2(dy, dx))
    distance = np.hypot(dx, dy) / height
    near = (dx > 0) & (np.abs(angles) <= MAX_SLOPE) & (np.maximum(h[:, None], h) < similar * height) & (distance < 8)
    if not near.any():
        return 0.0
    # of a page full of digits the nearest pairs tell enough: each is compared with each
    nearest = np.argsort(distance[near], kind="stable")[:MOST_VOTES]
    votes, weights = angles[near][nearest], np.exp(-distance[near][nearest] / 2)
    # every pair's angle is tried as the slope; those within some degrees of it support it, level ones a little more
    support = np.exp(-(((votes[:, None] - votes) / 4) ** 2)) @ weights * np.exp(-((votes / 60) ** 2))
    winner = votes[support.argmax()]
    close = np.abs(votes - winner) < 6
    return math.radians(float(np.average(votes[close], weights=weights[close])))


def lines_of(seen: Sequence[Seen], similar: float) -> list[list[Seen]]:
    """Return the digits of each line from left to right; sizes in a line differ by less than the factor similar."""
    lines = _followed(seen, similar)
    offs = {(a, b): _off(lines[a], lines[b], similar) for a, b in combinations(range(len(lines)), 2)}
    left = set(range(len(lines)))
    while offs:
        a, b = min(offs, key=offs.__getitem__)
        if offs[a, b] > OFF_OTHER:
            break
        lines.append(sorted(lines[a] + lines[b], key=lambda s: s.x))
        left -= {a, b}
        offs = {pair: off for pair, off in offs.items() if not {a, b} & {*pair}}
        new = len(lines) - 1
        offs |= {(other, new): _off(lines[other], lines[new], similar) for other in left}
        left.add(new)
    return [lines[i] for i in sorted(left)]


def runs_of(line: Sequence[Seen], slashes: Sequence[Seen] = ()) -> list[list[list[Seen]]]:
    """Cut a line where gaps are wide beside its own spacing: into runs of what stands near, and these into numbers.

    slashes: on the page; between two digits they end a number too.
    """
    height = height_of(line)
    widths = [max(seen.width, ROOM * height) for seen in line]
    gaps = [b.x - a.x - (v + w) / 2 for (a, v), (b, w) in pairwise(zip(line, widths, strict=True))]
    # rather the narrow gaps: those between numbers are wide
    usual = sorted(gaps)[round(0.4 * (len(gaps) - 1))] if len(gaps) > 1 else 0.5 * height
    spacing = min(max(usual, 0.0), 0.9 * height)
    runs = [[[line[0]]]]
    for gap, (last, seen) in zip(gaps, pairwise(line), strict=True):
        slashed = any(last.x < s.x < seen.x and abs(s.y - seen.y) < height for s in slashes)
        if gap > 0.6 * height + RUN * spacing:
            runs.append([[seen]])
        elif slashed or gap > 0.6 * height + NUMBER * spacing:
            runs[-1].append([seen])
        else:
            runs[-1][-1].append(seen)
    return runs


def without_slashes(seen: Sequence[Seen]) -> tuple[list[Seen], list[Seen]]:
    """Return what is seen but for slashes, which look like 1s, and these: higher than the digits on both sides."""
    slashes = []
    for stroke in seen:
        if stroke.digit.label == "1" and stroke.width > SLANT * stroke.height:
            near = [s for s in seen if abs(s.y - stroke.y) < 0.5 * s.height and abs(s.x - stroke.x) < stroke.height]
            before, behind = ([s.height for s in near if (s.x - stroke.x) * side > 0] for side in (-1, 1))
            if before and behind and stroke.height > SLASH * max(median(before), median(behind)):
                slashes.append(stroke)
    return [s for s in seen if s not in slashes], slashes


def height_of(line: Sequence[Seen]) -> float:
    """Return the usual height of a line's digits."""
    return median(s.height for s in line)


def trend_of(seen: Sequence[Seen]) -> tuple[float, float, float]:
    """Return the middle (x, y) of digits and how far y goes for each step of x, by least squares."""
    middle_x = sum(s.x for s in seen) / len(seen)
    middle_y = sum(s.y for s in seen) / len(seen)
    spread = sum((s.x - middle_x) ** 2 for s in seen)
    return middle_x, middle_y, sum((s.x - middle_x) * (s.y - middle_y) for s in seen) / (spread or 1)


def _followed(seen: Sequence[Seen], similar: float) -> list[list[Seen]]:
    """Follow lines from left to right: each digit goes to the line that leads to it, or begins one."""
    lines: list[list[Seen]] = []
    for digit in sorted(seen, key=lambda s: s.x):
        near = []
        for line in lines:
            height = height_of(line)
            if 1 / similar < digit.height / height < similar:
                off = abs(_ahead(line, height, digit.x) - digit.y) / min(digit.height, height)
                if off < OFF_LINE:
                    near.append((off, line))
        if near:
            min(near, key=lambda item: item[0])[1].append(digit)
        else:
            lines.append([digit])
    return lines


def _ahead(line: Sequence[Seen], height: float, x: float) -> float:
    """Return the height at which a line will pass x: the mean of its last digits, and a part of their trend."""
    last = line[-4:]
    middle_x, middle_y, trend = trend_of(last)
    if len(last) < 3:
        return middle_y
    # a few digits' trend is not to be trusted far ahead
    reach = min(x - middle_x, FAR * height)
    return middle_y + 0.7 * trend * reach


def _off(one: Sequence[Seen], other: Sequence[Seen], similar: float) -> float:
    """Return how far digits lie from where the other line leads, in heights; the nearest count most.

    Infinite where the lines cannot be one.
    """
    heights = height_of(one), height_of(other)
    low, high = sorted(heights)
    apart = max(one[0].x, other[0].x) - min(one[-1].x, other[-1].x)
    if high > similar * low or apart > ASIDE * low:
        return math.inf
    if any(abs(a.x - b.x) < STACKED * max(a.width, b.width) for a in one for b in other):
        return math.inf
    offs, weights = 0.0, 0.0
    for line, digits, height in zip((one, other), (other, one), heights, strict=True):
        for digit in digits:
            near = sorted(line, key=lambda s: abs(s.x - digit.x))[:LAST]
            weight = math.exp(-abs(near[0].x - digit.x) / (NEAR * low))
            offs += weight * abs(_passes(near, height, digit.x) - digit.y)
            weights += weight
    return offs / weights / low


def _passes(near: Sequence[Seen], height: float, x: float) -> float:
    """Return the height at which a line passes x, by its digits near there: the nearer, the more they say."""
    distances = [abs(s.x - x) for s in near]
    weights = [math.exp(-(d - distances[0]) / (NEAR * height)) for d in distances]
    total = sum(weights)
    middle_x = sum(w * s.x for w, s in zip(weights, near, strict=True)) / total
    middle_y = sum(w * s.y for w, s in zip(weights, near, strict=True)) / total
    # level, unless digits far apart say otherwise
    spread = (FAR * height) ** 2 + sum(w * (s.x - middle_x) ** 2 for w, s in zip(weights, near, strict=True))
    rise = sum(w * (s.x - middle_x) * (s.y - middle_y) for w, s in zip(weights, near, strict=True))
    reach = min(max(x - middle_x, -FAR * height), FAR * height)
    return middle_y + rise / spread * reach
