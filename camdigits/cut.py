"""Candidates that are several digits joined: what each of them is, and whether they read so.

Recognition-based segmentation (Matan, Burges, LeCun and Denker 1992, "Multi-digit recognition using a space
displacement neural network"): from a piece of ink that the reader takes for no digit, and that is wide enough for two,
one digit after the other is taken away from the left. All of these are read in one batch, and those that are digits
most surely are the explanation of the whole.
"""

import math
from collections.abc import Callable, Sequence
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

MOST = 40
"""So many candidates are taken apart, the largest first."""

TALLEST = 96
"""Pixels to which ink is reduced for that."""

LONGEST = 12
"""Digits that are taken from one candidate at most."""

CRUMB = 0.12
"""Of ink: less than this share of what was there is no digit."""

SOLID = 64
"""What is paler than this, a quarter of full, is the edge of ink."""

LOW, BROAD = 0.35, 2.0
"""A digit is higher than this share of the whole, and narrower than so many times its own height."""

SUREST = 0.9999
"""What is surer counts no more."""

WHOLE = 0.9995
"""What is read as one digit with this confidence is not cut."""

SURE = 0.3
"""Each piece must be a digit with this confidence."""

OF_ASPECT, OF_ONES, OF_OTHERS, LEAST = 1.53, 0.67, 0.47, 3.64
"""What speaks for several digits rather than a letter (W is no 1111): how many times as wide as high it is, less for
the share of its pieces that are 1, and the log-odds of those that are not, must reach LEAST. By logistic regression on
297 candidates of 183 composed frames: tests/benchmarks/confidence.py fits it anew."""


Ink = NDArray[np.uint8]

Leftmost = Callable[[Sequence[Ink]], list[NDArray[np.bool_]]]
"""Says which pixels of each ink, cropped to itself, are the leftmost digit's."""


class Piece(NamedTuple):
    """A part of a candidate: before which of its digits it begins and ends, and the candidate that it makes."""

    start: int
    end: int
    candidate: Candidate


def apart(
    candidates: Sequence[Candidate],
    probabilities: Probabilities,
    read: Callable[[Sequence[Candidate]], Probabilities],
    leftmost: Leftmost,
    labels: Sequence[str],
) -> tuple[list[Candidate], Probabilities]:
    """Return the candidates and their probabilities, and after them the pieces of those that read best taken apart.

    read: gives the probabilities of some candidates. leftmost: says which of their ink is the leftmost digit's. labels:
    of the columns.
    """
    wide = joined(candidates, probabilities)
    found = taken_apart([candidates[i] for i in wide], leftmost, read)
    more: list[Candidate] = []
    told = [probabilities]
    for i, (pieces, of_pieces) in zip(wide, found, strict=True):
        way = best(pieces, of_pieces)
        if evidence(candidates[i].box, of_pieces[way], labels) >= LEAST:
            more += [pieces[at].candidate for at in way]
            told.append(of_pieces[way])
    return [*candidates, *more], np.concatenate(told)


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


def pieces(wholes: Sequence[Candidate], leftmost: Leftmost) -> list[list[Piece]]:
    """Return, for each candidate, its digits as they are taken away from the left, and each two neighbours as one."""
    return [found for found, _ in taken_apart(wholes, leftmost, lambda some: np.ones((len(some), 2), np.float32))]


def taken_apart(
    wholes: Sequence[Candidate], leftmost: Leftmost, read: Callable[[Sequence[Candidate]], Probabilities]
) -> list[tuple[list[Piece], Probabilities]]:
    """Return, for each candidate, its pieces and their probabilities.

    Once no digits lead to the end of its pieces, no more are taken: of scribbles most are never made, and best finds no
    way through those that are, as through all.
    """
    takings = [_Taking(whole, _reduced(whole.ink)) for whole in wholes]
    going = [taking for taking in takings if taking.rest.any()]
    while going:
        crops = [taking.rest[rows, columns] for taking in going for rows, columns in [_inside(taking.rest)]]
        new = [taking.take(first) for taking, first in zip(going, leftmost(crops), strict=True)]
        told = read([piece.candidate for made in new for piece in made])
        ends = np.cumsum([len(made) for made in new])[:-1]
        for taking, made, of_made in zip(going, new, np.split(told, ends), strict=True):
            taking.hear(made, of_made)
        going = [taking for taking in going if taking.goes_on]
    return [taking.found() for taking in takings]


class _Taking:
    """A candidate from which digits are taken. rest: what is left of its ink, all of it with its last digit."""

    def __init__(self, whole: Candidate, ink: Ink) -> None:
        self.rest = ink
        self._whole = whole
        self._digits: list[Ink] = []
        self._is_done = False
        self._pieces: list[Piece] = []
        self._told: list[Probabilities] = []
        self._reached = {0}  # before which digit, from the left end on, pieces that are digits lead

    @property
    def goes_on(self) -> bool:
        """Whether there are digits left to take, and pieces may still lead to the last one; none is longer than two."""
        count = len(self._digits)
        last = max((piece.end for piece in self._pieces), default=0)  # a tail makes no pieces
        return not self._is_done and not self._reached.isdisjoint((count - 1, count, last))

    def take(self, first: NDArray[np.bool_]) -> list[Piece]:
        """Take the leftmost digit, which is there inside what is left, and return the pieces that it ends."""
        ink, other = self.rest, self.rest.copy()
        other[_inside(ink)][first] = 0
        # what is small beside the digit taken away fell off it
        other = _without_parts(other, CRUMB * (_amount(ink) - _amount(other)))
        is_last = len(self._digits) + 1 == LONGEST or _amount(other) < CRUMB * _amount(ink)
        self._is_done = is_last or _amount(other) == _amount(ink)
        self._digits.append(ink if self._is_done else ink - other)
        self.rest = ink if self._is_done else other
        end = len(self._digits)
        made = []
        for start in range(max(0, end - 2), end):
            if start > 0 or not self._is_done:  # else it is the whole
                piece = _piece(np.maximum.reduce(self._digits[start:end]), self._whole)
                if piece:
                    made.append(Piece(start, end, piece))
        return made

    def hear(self, made: Sequence[Piece], told: Probabilities) -> None:
        """Take the probabilities of pieces."""
        self._pieces += made
        self._told += list(told)
        self._reached |= {
            piece.end
            for piece, of_piece in zip(made, told, strict=True)
            if piece.start in self._reached and of_piece[:-1].max() >= SURE
        }

    def found(self) -> tuple[list[Piece], Probabilities]:
        """Return the pieces, from the left, and their probabilities."""
        order = sorted(range(len(self._pieces)), key=lambda at: self._pieces[at][:2])
        told = np.stack([self._told[at] for at in order]) if order else np.zeros((0, 1), np.float32)
        return [self._pieces[at] for at in order], told


def best(found: Sequence[Piece], probabilities: Probabilities) -> list[int]:
    """Return the indices of the pieces, from the left end on, that are digits most surely; none if any is not.

    What is too low for a digit at the right end, a tail or a dash, is left out. probabilities: of the pieces' patches.
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


def _reduced(ink: Ink) -> Ink:
    """Return ink no higher than TALLEST."""
    if ink.shape[0] <= TALLEST:
        return ink
    width = max(1, round(ink.shape[1] * TALLEST / ink.shape[0]))
    return np.asarray(cv2.resize(ink, (width, TALLEST), interpolation=cv2.INTER_AREA), np.uint8)


def _inside(ink: Ink) -> tuple[slice, slice]:
    """Return the rows and the columns that ink covers."""
    x, y, w, h = cv2.boundingRect(ink)
    return slice(y, y + h), slice(x, x + w)


def _amount(ink: Ink) -> int:
    """Return how many pixels are ink."""
    return int(np.count_nonzero(ink > SOLID))


def _without_parts(ink: Ink, least: float) -> Ink:
    """Return ink without its connected parts of no more pixels than that."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats((ink > SOLID).view(np.uint8))
    keep = stats[:, cv2.CC_STAT_AREA] > least
    keep[0] = False
    return np.where(keep[parts], ink, 0).astype(np.uint8)


def _piece(ink: Ink, whole: Candidate) -> Candidate | None:
    """Return a part of a candidate's ink as a candidate, or None where its shape is no digit's."""
    inside = _without_parts(ink, CRUMB * _amount(ink))
    x, y, w, h = cv2.boundingRect(inside)
    if h < LOW * ink.shape[0] or w > BROAD * h:
        return None
    box = whole.box
    down, across = box.h / ink.shape[0], box.w / ink.shape[1]
    left, top, right, bottom = round(x * across), round(y * down), round((x + w) * across), round((y + h) * down)
    found = Box(box.x + left, box.y + top, max(1, right - left), max(1, bottom - top))
    return Candidate(found, inside[y : y + h, x : x + w], whole.contrast, whole=whole.box)
