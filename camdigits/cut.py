"""Candidates that are several digits joined: where to cut them, and which cuts read best.

Recognition-based segmentation (Matan, Burges, LeCun and Denker 1992, "Multi-digit recognition using a space
displacement neural network"): a piece of ink that the reader takes for no digit, and that is wide enough for two, is
cut along straight lines where its outline has valleys. All pieces are read in one batch, and the cuts whose pieces are
digits most surely are the explanation of the whole.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.types import Box, Candidate, Probabilities

WIDEST = 8.0
"""What is wider than so many times its height is no number."""

NARROWEST = 0.5
"""What is narrower than this many times its height is one digit."""

LOWEST = 12
"""Pixels that joined digits are high at least."""

MOST = 20
"""So many candidates are cut, the largest first."""

HEIGHT, TALLEST = 48, 96
"""Pixels to which ink is reduced for finding cuts, and for cutting it."""

SLANTS = (-0.3, 0.0, 0.3)
"""Of a cut: steps to the right for each step down."""

CUTS, EACH = 4, 1.8
"""Places at which a candidate is cut at most: so many, and so many for each time that it is as wide as high."""

APART = 0.1
"""Cuts are as far apart as this share of the height."""

VALLEY = 0.06
"""A valley of an outline is deeper than this share of the height."""

STEEPEST = 0.8
"""The most that a cut may lean: steps to the side for each step down."""

BETWEEN = 0.5
"""Ink that a cut from valley to valley goes through counts so much."""

THICK = 0.65
"""A cut goes through less ink than this share of the height."""

SUREST = 0.9999
"""What is surer counts no more."""

WHOLE = 0.9
"""What is read as one digit with this confidence is not cut."""

SURE = 0.5
"""Each piece must be a digit with this confidence."""

OF_ASPECT, OF_ONES, OF_OTHERS, LEAST = 1.1, 2.26, 0.51, 1.56
"""What speaks for several digits rather than a letter (W is no 1111): how many times as wide as high it is, less for
the share of its pieces that are 1, and the log-odds of those that are not, must reach LEAST. By logistic regression on
486 cut candidates of 465 composed frames: tests/benchmarks/confidence.py fits it anew."""


class Piece(NamedTuple):
    """Ink between two cuts of a candidate: the places where it begins and ends, and the candidate that it makes."""

    start: int
    end: int
    candidate: Candidate


def apart(
    candidates: Sequence[Candidate],
    probabilities: Probabilities,
    read: Callable[[Sequence[Candidate]], Probabilities],
    labels: Sequence[str],
) -> tuple[list[Candidate], Probabilities]:
    """Return the candidates and their probabilities, and after them the pieces of those that read best cut.

    read: gives the probabilities of some candidates. labels: of their columns.
    """
    wide = joined(candidates, probabilities)
    wholes = [pieces(candidates[i]) for i in wide]
    every = [piece.candidate for found in wholes for piece in found]
    if not every:
        return list(candidates), probabilities
    of_pieces = read(every)
    chosen: list[int] = []
    first = 0
    for i, found in zip(wide, wholes, strict=True):
        read_so = of_pieces[first : first + len(found)]
        way = best(found, read_so)
        if evidence(candidates[i].box, read_so[way], labels) >= LEAST:
            chosen += [first + i for i in way]
        first += len(found)
    return [*candidates, *(every[i] for i in chosen)], np.concatenate([probabilities, of_pieces[chosen]])


def joined(candidates: Sequence[Candidate], probabilities: Probabilities) -> list[int]:
    """Return which candidates may be several digits joined."""
    wide = [
        i
        for i, candidate in enumerate(candidates)
        if probabilities[i, :-1].max() < WHOLE
        and candidate.box.h >= LOWEST
        and NARROWEST < candidate.box.w / candidate.box.h < WIDEST
        and not candidate.cut
    ]
    return sorted(wide, key=lambda i: -candidates[i].box.h)[:MOST]


def pieces(candidate: Candidate) -> list[Piece]:
    """Return all that may be one digit between two cuts of a candidate, or between a cut and an end."""
    ink = candidate.ink
    if ink.shape[0] > TALLEST:
        width = max(1, round(ink.shape[1] * TALLEST / ink.shape[0]))
        ink = np.asarray(cv2.resize(ink, (width, TALLEST), interpolation=cv2.INTER_AREA), np.uint8)
    scale = min(1.0, HEIGHT / ink.shape[0])
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    small = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.uint8)
    lines = _cuts(small)
    h, w = small.shape
    # where each cut meets the middle row, and the ends
    places = [(-h, 0.0), *lines, (w + h, 0.0)]
    x, y = np.arange(ink.shape[1])[None], np.arange(ink.shape[0])[:, None]
    sides = [x * scale - (at + slant * (y * scale - h / 2)) for at, slant in places]
    found = []
    for start, end in combinations(range(len(places)), 2):
        wide = places[end][0] - places[start][0] > 3 * h  # no digit, however its cuts lean
        if wide or (start, end) == (0, len(places) - 1):
            continue
        part = np.where((sides[start] >= 0) & (sides[end] < 0), ink, 0).astype(np.uint8)
        piece = _piece(part, candidate)
        if piece:
            found.append(Piece(start, end, piece))
    return found


def best(found: Sequence[Piece], probabilities: Probabilities) -> list[int]:
    """Return the indices of the pieces, from one end to the other, that are digits most surely; none if any is not.

    probabilities: of the pieces' patches.
    """
    last = max((piece.end for piece in found), default=0)
    # the surest way to each place: the logs of its pieces' confidences added up, then the indices
    ways: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for place in range(1, last + 1):
        for i, piece in enumerate(found):
            if piece.end == place and piece.start in ways:
                confidence = float(probabilities[i, :-1].max())
                if confidence >= SURE:
                    before, indices = ways[piece.start]
                    total = before + float(np.log(confidence))
                    if place not in ways or total > ways[place][0]:
                        ways[place] = total, [*indices, i]
    return ways[last][1] if last in ways else []


def evidence(whole: Box, probabilities: Probabilities, labels: Sequence[str]) -> float:
    """Return what speaks for it that a piece of ink is several digits, those that its pieces were read as.

    probabilities: of these pieces; labels: of their columns.
    """
    if not len(probabilities):
        return -math.inf
    aspect, ones, others = traits(whole, probabilities, labels)
    return OF_ASPECT * aspect - OF_ONES * ones + OF_OTHERS * others


def traits(whole: Box, probabilities: Probabilities, labels: Sequence[str]) -> tuple[float, float, float]:
    """Return what evidence weighs: the aspect, the share of pieces that are 1, the log-odds of the others together."""
    digits = probabilities[:, :-1]
    surest = np.minimum(digits.max(1), SUREST)
    is_one = np.array([labels[best] == "1" for best in digits.argmax(1)])
    return whole.w / whole.h, float(is_one.mean()), float(np.log(surest / (1 - surest))[~is_one].sum())


def _cuts(ink: NDArray[np.uint8]) -> list[tuple[float, float]]:
    """Return (x in the middle row, slant) of the lines that go through the least ink, from the left.

    They lead from a valley of the upper outline to one of the lower, or through a valley at one of SLANTS.
    """
    h = ink.shape[0]
    solid = np.pad(ink > 127, ((0, 0), (2, 2)))
    upper = np.where(solid.any(axis=0), solid.argmax(axis=0), h)
    lower = np.where(solid.any(axis=0), h - 1 - solid[::-1].argmax(axis=0), -1)
    above, below = _valleys(upper), _valleys(h - 1 - lower)
    middle = (h - 1) / 2
    rows = np.arange(h)
    options = []

    def add(at: float, slant: float, weight: float) -> None:
        columns = np.round(at + slant * (rows - middle)).astype(int)
        through = int(solid[rows, columns.clip(0, solid.shape[1] - 1)].sum())
        if abs(slant) <= STEEPEST and through < THICK * h:
            options.append((weight * through, at - 2, slant))

    for x, z in product(above, below):
        if lower[z] > upper[x]:
            slant = (z - x) / (lower[z] - upper[x])
            add(x + slant * (middle - upper[x]), slant, BETWEEN)
    for valleys, outline in ((above, upper), (below, lower)):
        for x, slant in product(valleys, SLANTS):
            add(x + slant * (middle - outline[x]), slant, 1.0)
    chosen: list[tuple[float, float]] = []
    for _, at, slant in sorted(options):
        if all(abs(at - other) > APART * h for other, _ in chosen):
            chosen.append((at, slant))
        if len(chosen) >= CUTS + EACH * ink.shape[1] / h:
            break
    return sorted(chosen)


def _valleys(depth: NDArray[np.int_]) -> list[int]:
    """Return where an outline lies deepest between two hills, by more than VALLEY of the height, from the left."""
    high = depth.max()
    left, right = np.minimum.accumulate(depth), np.minimum.accumulate(depth[::-1])[::-1]
    fall = depth - np.maximum(left, right)
    valleys = []
    x = 0
    while x < len(depth):
        if fall[x] > VALLEY * high and left[x] < high:
            end = x
            while end < len(depth) and fall[end] > VALLEY * high:
                end += 1
            valleys.append(x + int(depth[x:end].argmax()))
            x = end
        x += 1
    return valleys


def _piece(ink: NDArray[np.uint8], whole: Candidate) -> Candidate | None:
    """Return what ink of a candidate is left as a candidate, without the crumbs that a cut leaves behind."""
    mask = (ink > 64).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    area = stats[1:, cv2.CC_STAT_AREA]
    keep = np.concatenate([[False], area > 0.12 * area.sum()])
    x, y, w, h = cv2.boundingRect(keep[parts].view(np.uint8))
    if h < 0.45 * ink.shape[0] or w > 1.3 * h:
        return None
    box = whole.box
    scale = box.h / ink.shape[0]
    inside = np.where(keep[parts], ink, 0)[y : y + h, x : x + w].astype(np.uint8)
    left, top = box.x + round(x * scale), box.y + round(y * scale)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return Candidate(Box(left, top, *size), inside, whole.contrast, whole=whole.box)
