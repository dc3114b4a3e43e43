"""Probabilities over candidates to numbers in reading order.

Candidates overlap and most are no digits. The surest explanation of each piece of ink is kept, lines are cut into
numbers where their spacing says so, and a number counts only if its digits outweigh the marks around it that are none.
"""

import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from camdigits.framed import sides_of_frames
from camdigits.lines import Seen, height_of, lines_of, runs_of, slope_of, trend_of, without_slashes
from camdigits.types import Box, Candidate, Digit, Number, Probabilities, are_digits, shared_area, size_of

SHARED = 0.4
"""Two candidates are the same ink where they share this much of the smaller one's box."""

FRAMED = 0.6
"""Digits lower than this share of what surrounds them are framed by it, and not its parts."""

SIMILAR = 2.2
"""Digits of a line differ in height by less than this factor …"""

SIMILAR_SIGNS = 3.0
"""… and in size where there are other signs too: a dash is short."""

EVIDENCE, NOTHING_ELSE = 3.3, 2.0
"""Log-odds that the digits of a number must have together: one digit alone needs 96.5 %, or 88 % where nothing else is
written."""

BARE = 3.0
"""Log-odds that a bare stroke adds at most among other marks: never enough alone."""

GAP = 0.15
"""One digit ends where another begins, where they are nearer than so many heights."""

FEW = 5
"""So many other marks make no crowd."""

CLUTTER, MORE_CLUTTER = 1.5, 0.75
"""Log-odds that a mark beside a number which is no digit takes away, and the power by which several take more."""

OPERANDS, BETWEEN, OPERATOR, ALONE = 0.97, 1.6, 0.85, 0.5
"""A mark speaks against no number where there are digits on both sides of it, each so sure and no more than so many
heights away, of which it is lower than this share, and no other mark stands nearer than so many heights."""

JOINED, WORD = 0.3, 2
"""Digits and marks as high stand in one word where they are nearer than so many heights, and the marks so many."""

IN_WORD, FOR_EACH = 4.6, 0.15
"""Log-odds of digits on average at least, for two together to be a number among letters: 99 %. For each more it is so
much less: few long words are like digits throughout."""

DASH, LOW = 2.0, 0.8
"""What is so many times wider than high, and lower than this share of the usual digit, is a minus, a dash or a rule:
people write them beside numbers."""

AROUND = 2.5
"""How far from a number marks are beside it, in heights."""

OF_DIGITS, OF_MARK, MOST_MARKS, LONE, REST = 0.638, 0.337, 4, 0.781, -0.482
"""The log-odds that a number is right and whole: a share of what its digits have together, less for each mark beside
it, which may be a digit that was not read, and less for one digit alone, which may be a part of something. By logistic
regression (Platt 1999) on 1,038 numbers read in 230 composed frames: tests/benchmarks/confidence.py fits it anew."""

SUREST = 0.9999
"""What is surer counts no more."""

FAINT = 0.6
"""What has less than this share of the usual digit's contrast is a crease, a shadow or the other side's writing: no
digit, and no mark beside one. …"""

LARGER = 1.4
"""… Of a digit, that is beside those no larger by this factor: fine pencil on a note before bold print is no shadow of
it."""

SMALL = 0.6
"""A line of one digit, or bare strokes alone, lower than this share of the usual digit are specks, or pieces of a
rule."""


def decode(
    candidates: Sequence[Candidate],
    probabilities: Probabilities,
    labels: Sequence[str],
    min_confidence: float,
    quarter_turns: int = 0,
    clutter: float = CLUTTER,
) -> list[Number]:
    """Return the numbers, line by line from the top and from left to right.

    probabilities: (len(candidates), len(labels) + 1), the last column `not a digit`. min_confidence: digits less sure
    than this are left out. quarter_turns: how often the page must be turned by 90 degrees counterclockwise to be
    upright; the probabilities are those of the patches so turned. clutter: what a mark beside a number takes away, 0 to
    take what may be a number for one.
    """
    turned = [_turn(candidate.box, quarter_turns) for candidate in candidates]
    said = [labels[best] for best in probabilities[:, :-1].argmax(1)]
    sizes = [size_of(label, box) for label, box in zip(said, turned, strict=True)]
    chosen = _surest(candidates, turned, said, probabilities, min_confidence)
    if not chosen:
        return []
    boxes = [turned[i] for i in chosen]
    similar = SIMILAR if are_digits(labels) else SIMILAR_SIGNS
    slope = slope_of(boxes, [sizes[i] for i in chosen], similar)
    cosine, sine = math.cos(slope), math.sin(slope)
    seen = []
    for i, box in zip(chosen, boxes, strict=True):
        digit = Digit(said[i], float(probabilities[i, :-1].max()), candidates[i].box)
        x, y = box.center
        seen.append(Seen(digit, x * cosine - y * sine, x * sine + y * cosine, box.w, sizes[i]))
    usual = median(candidates[i].contrast for i in chosen)
    tall = median(sizes[i] for i in chosen)
    written = [box for box, candidate in zip(turned, candidates, strict=True) if candidate.contrast > FAINT * usual]
    marks = []
    for box in _apart(_without_dashes(written, tall), boxes):
        x, y = box.center
        marks.append((x * cosine - y * sine, x * sine + y * cosine, box.w, box.h))
    digits, slashes = without_slashes(seen)
    lines = _credible(lines_of(digits, similar), slashes, np.array(marks).reshape(-1, 4), clutter)
    lines.sort(key=lambda line: fmean(s.y for word, _ in line for s in word))
    angle = math.degrees(slope)
    return [_number(word, row, angle, quarter_turns, beside) for row, line in enumerate(lines) for word, beside in line]


def _turn(box: Box, quarter_turns: int) -> Box:
    """Return a box turned about the origin by 90 degrees counterclockwise, so many times."""
    x, y, w, h = box
    for _ in range(quarter_turns % 4):
        x, y, w, h = y, -(x + w), h, w
    return Box(x, y, w, h)


def _surest(
    candidates: Sequence[Candidate],
    boxes: Sequence[Box],
    said: Sequence[str],
    probabilities: Probabilities,
    min_confidence: float,
) -> list[int]:
    """Return the indices of digits that share no ink: the surest first, larger pieces before their parts.

    said: what each candidate would be.
    """
    confidence = probabilities[:, :-1].max(1, initial=0)
    digits = [i for i, c in enumerate(candidates) if confidence[i] >= min_confidence and not c.cut]
    sides = sides_of_frames(candidates, [candidates[i].box for i in digits])
    digits = [i for i in digits if candidates[i].box not in sides]
    if not digits:
        return []
    confidence = confidence[digits]
    contrast = np.array([candidates[i].contrast for i in digits])
    box = np.array([boxes[i] for i in digits])
    size = np.array([size_of(said[i], boxes[i]) for i in digits])
    overlap = shared_area(box, box)
    area = box[:, 2] * box[:, 3]
    shared = overlap / np.minimum(area[:, None], area)
    # boxes of digits taken from one piece of ink overlap, their ink does not
    wholes = [id(candidates[i].whole) if candidates[i].whole else -i for i in digits]
    first = {whole: at for at, whole in enumerate(wholes)}
    of = np.array([first[whole] for whole in wholes])
    shared[of[:, None] == of] = 0
    # inside[i, j]: all of j lies in i, lower and not much fainter
    inside = (overlap == area) & (size < FRAMED * size[:, None]) & (contrast > FAINT * contrast[:, None])
    digit = np.array([not _frames(confidence, i, inside[i], overlap) for i in range(len(digits))])
    # a sign may be as long as its part, as = is: it is larger by its area
    extent = np.array([boxes[i].h if said[i].isdigit() else math.sqrt(boxes[i].w * boxes[i].h) for i in digits])
    order = np.argsort(-confidence * extent**0.2, kind="stable")
    order = order[digit[order]]
    usual = _usual(contrast, size, _first_come(order, shared))
    return [digits[i] for i in _first_come(order[contrast[order] > FAINT * usual[order]], shared)]


def _usual(contrast: NDArray[np.float64], size: NDArray[np.int_], first: Sequence[int]) -> NDArray[np.float64]:
    """Return the usual contrast of what is written beside each digit, and no larger hand. first: the surest digits."""
    strongest = contrast[first].max(initial=0.0)
    usual = np.zeros(len(contrast))
    # hardly any: the rest is strong beside whatever is written
    for i in np.flatnonzero(contrast <= FAINT * strongest):
        as_large = contrast[first][size[first] < LARGER * size[i]]
        usual[i] = np.median(as_large) if len(as_large) else 0.0
    return usual


def _first_come(order: NDArray[np.int_], shared: NDArray[np.float64]) -> list[int]:
    """Return the indices, first come first served, which share little with those before."""
    chosen, free = [], np.ones(len(shared), bool)
    for i in order:
        if free[i]:
            chosen.append(int(i))
            free &= shared[i] < SHARED
    return chosen


def _frames(confidence: NDArray[np.float32], outer: int, inside: NDArray[np.bool_], overlap: NDArray[np.int_]) -> bool:
    """Say whether digits inside explain the ink better.

    Three or more make it the edge of their sheet, or a frame; two do if both are surer: they only stand close together.
    """
    apart: list[int] = []
    for i in np.flatnonzero(inside):
        if not overlap[i, apart].any():
            apart.append(int(i))
    return len(apart) > 2 or (len(apart) == 2 and bool(confidence[apart].min() > confidence[outer]))


def _without_dashes(boxes: Sequence[Box], tall: float) -> list[Box]:
    """Return the marks beside digits so tall but for what lies as a dash does, or is made of such above one another."""
    every = np.array(boxes, int).reshape(-1, 4)
    low = every[:, 3] < LOW * tall
    is_dash = low & (every[:, 2] > DASH * every[:, 3])
    dashes = every[is_dash]
    inside = shared_area(every, dashes) == dashes[:, 2:].prod(1)
    middle = dashes[:, 1] + dashes[:, 3] / 2
    highest = np.where(inside, middle, np.inf).min(1, initial=np.inf)
    lowest = np.where(inside, middle, -np.inf).max(1, initial=-np.inf)
    is_equals = low & (lowest - highest > every[:, 3] / 3)
    return [boxes[int(i)] for i in np.flatnonzero(~is_dash & ~is_equals)]


def _apart(boxes: Sequence[Box], digits: Sequence[Box]) -> list[Box]:
    """Return the largest boxes that touch neither a digit nor one another: one for each mark that is no digit."""
    every = np.array(boxes, int).reshape(-1, 4)
    free: NDArray[np.bool_] = shared_area(every, np.array(digits)).sum(1) == 0
    apart: list[Box] = []
    for i in np.argsort(-every[:, 2] * every[:, 3], kind="stable"):
        if free[i]:
            apart.append(boxes[i])
            free &= shared_area(every, every[i : i + 1])[:, 0] == 0
    return apart


def _credible(
    lines: Sequence[list[Seen]], slashes: Sequence[Seen], marks: NDArray[np.float64], clutter: float
) -> list[list[tuple[list[Seen], int]]]:
    """Return, line by line, the numbers that outweigh what surrounds them, and how many marks are beside each.

    Numbers that stand near one another are weighed together. slashes: they hold numbers apart. marks: (N, 4) x, y,
    width and height of what is no digit; texture and scribbles have many of them, paper has few.
    """
    usual = median([s.height for line in lines if len(line) > 1 for s in line] or [0])
    marks = _without_operators(marks, lines)
    crowded = len(marks) > FEW
    least = EVIDENCE if len(marks) or len(lines) > 1 or len(lines[0]) > 1 else NOTHING_ELSE
    kept = []
    for line in lines:
        words: list[tuple[list[Seen], int]] = []
        for run in runs_of(line, slashes):
            near = [digit for word in run for digit in word]
            if all(s.height < SMALL * usual and (s.bare or len(line) == 1) for s in near):
                continue
            doubtful = crowded or _fills_a_gap(near, lines)
            if _evidence(near, doubtful) - clutter * _beside(near, marks) ** MORE_CLUTTER >= least:
                words += [(word, _beside(word, marks)) for word in run if not (clutter and _in_word(word, marks))]
        if words:
            kept.append(words)
    return kept


def _without_operators(marks: NDArray[np.float64], lines: Sequence[list[Seen]]) -> NDArray[np.float64]:
    """Return the marks but for what stands alone between two sure digits of a line and is lower, as a plus or times."""
    sure = [s for line in lines for s in line if s.digit.confidence > OPERANDS]
    digit_x, digit_y, width, height = np.array([(s.x, s.y, s.width, s.height) for s in sure]).reshape(-1, 4).T
    x, y, w, h = marks.T[:, :, None]
    level = (np.abs(digit_y - y) < 0.5 * height) & (h < OPERATOR * height)
    near = level & (np.abs(digit_x - x) - (width + w) / 2 < BETWEEN * height)
    kept = np.ones(len(marks), bool)
    for i in np.flatnonzero((near & (digit_x < x)).any(1) & (near & (digit_x > x)).any(1)):
        tall = np.median(height[near[i]])
        aside = np.abs(marks[:, 0] - x[i]) - (marks[:, 2] + w[i]) / 2
        kept[i] = np.count_nonzero((np.abs(marks[:, 1] - y[i]) < tall) & (aside < ALONE * tall)) > 1
    return marks[kept]


def _fills_a_gap(word: Sequence[Seen], lines: Sequence[list[Seen]]) -> bool:
    """Say whether one digit alone reaches from one above it to one below it: it is their paper, seen as ink."""
    stroke, *more = word
    if more:
        return False
    near = [
        s
        for line in lines
        for s in line
        if abs(s.x - stroke.x) < (s.width + stroke.width) / 2
        and abs(s.y - stroke.y) < (s.height + stroke.height) / 2 + GAP * stroke.height
    ]
    return any(s.y < stroke.y for s in near) and any(s.y > stroke.y for s in near)


def _beside(word: Sequence[Seen], marks: NDArray[np.float64]) -> int:
    """Return how many marks are beside a number."""
    height = height_of(word)
    x, y, half = np.array([(s.x, s.y, s.width / 2) for s in word]).T
    aside = np.abs(marks[:, :1] - x) - half
    above = np.abs(marks[:, 1:2] - y) - height / 2
    near = np.maximum(aside, above).min(1) < AROUND * height
    return int(np.count_nonzero(near & (marks[:, 2:].max(1) > 0.4 * height)))


def _in_word(digits: Sequence[Seen], marks: NDArray[np.float64]) -> bool:
    """Say whether what reads as a number is a part of a word: joined to several marks as high, and not sure enough.

    One such mark alone is a sign, or a letter of its own. One digit alone is never sure enough.
    """
    least = IN_WORD - FOR_EACH * (len(digits) - 2)
    if len(digits) > 1 and fmean(_odds(s, True) for s in digits) > least:
        return False
    tall = height_of(digits)
    reached = [(s.x, s.y, s.width) for s in digits]
    left = [(x, y, w) for x, y, w, h in marks.tolist() if 0.6 * tall < h < 1.8 * tall]
    joined = 0
    while reached and joined < WORD:
        x, y, w = reached.pop()
        near = [
            mark
            for mark in left
            if abs(mark[1] - y) < 0.6 * tall and -0.1 * tall < abs(mark[0] - x) - (mark[2] + w) / 2 < JOINED * tall
        ]
        left = [mark for mark in left if mark not in near]
        reached += near
        joined += len(near)
    return joined >= WORD


def _evidence(word: Sequence[Seen], crowded: bool) -> float:
    """Return the log-odds that digits have together. Texture repeats itself: the n-th of a kind adds an n-th."""
    odds = [(_odds(s, crowded), s.digit.label) for s in word]
    count: Counter[str] = Counter()
    total = 0.0
    for value, label in sorted(odds, reverse=True):
        count[label] += 1
        total += value / count[label]
    return total


def _odds(seen: Seen, crowded: bool) -> float:
    """Return the log-odds that a digit brings."""
    return min(seen.digit.log_odds, BARE) if seen.bare and crowded else seen.digit.log_odds


def _number(word: Sequence[Seen], row: int, angle: float, quarter_turns: int, beside: int) -> Number:
    """Return a number. angle: of the page's lines, in degrees; three digits or more have their own. beside: marks."""
    digits = tuple(s.digit for s in word)
    box = Box.around(digit.box for digit in digits)
    if len(word) > 2:
        angle -= math.degrees(math.atan(trend_of(word)[2]))
    angle = (angle - 90 * quarter_turns + 180) % 360 - 180
    confidence = _chance([digit.confidence for digit in digits], beside)
    # words run together would be none: plus minus, but 7.5
    between = " " if any(len(digit.label) > 1 for digit in digits) else ""
    return Number(between.join(digit.label for digit in digits), confidence, row, angle, box, digits)


def _chance(confidences: Sequence[float], beside: int) -> float:
    """Return how sure a number is of so sure digits with so many marks beside it; no surer than any of its digits."""
    together = min(math.prod(confidences), SUREST)
    odds = math.log(together / (1 - together)) if together else -math.inf
    odds = OF_DIGITS * odds - OF_MARK * min(beside, MOST_MARKS) - LONE * (len(confidences) == 1) + REST
    return min(1 / (1 + math.exp(-odds)), *confidences)
