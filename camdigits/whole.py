"""What a number is as a whole: what its digits say one by one, and what the strip it lies in says at once.

Where the two differ, each reading of the number that takes some digits from either is tried, and the one that both
together find likeliest is it: a hypothesis is weighed by all that speaks for it (Bridle 1990's product of experts).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain, product

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.strips import HEIGHT, STEP, Place, columns_of, log_chances, place_of, spikes_of
from camdigits.types import Box, Candidate, Digit, Image, Number, Probabilities

OF_STRIP = 0.8
"""The power by which what a strip says counts beside what its digits say."""

LEAST = 0.01
"""What a digit says against another one, or against itself, counts no more than if it were so unlikely."""

ADDED = 3.0
"""Nats that a digit costs which nothing but the strip shows."""

MOST = 4
"""In so many places readings may differ: else they are tried as they are."""

SURE = 0.7
"""A reading less likely than this changes nothing."""

WIDTH = 0.6
"""Of a digit that only the strip shows, in heights."""


def read_whole(
    image: Image, numbers: Sequence[Number], candidates: Sequence[Candidate], probabilities: Probabilities
) -> list[Number]:
    """Return numbers in an upright (height, width, 3) BGR picture, read once more as a whole.

    candidates, probabilities: (N, 11), what their digits were read from. What is none as a whole is left out. Raises
    ModelError.
    """
    if not numbers:
        return []
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    places = [place_of([digit.box for digit in number.digits], number.angle) for number in numbers]
    columns = columns_of(grey, places)
    spikes = [spikes_of(each) for each in columns]
    readings = [_readings(*each) for each in zip(numbers, spikes, places, strict=True)]
    texts = [["".join(digit.label for digit in digits) for digits in each] for each in readings]
    every = [(column, text) for column, some in zip(columns, texts, strict=True) for text in some]
    chances = iter(log_chances(*map(list, zip(*every, strict=True))).tolist())
    told = {(c.box, int(p[:-1].argmax())): p for c, p in zip(candidates, probabilities, strict=True)}
    read = []
    for number, options, some in zip(numbers, readings, texts, strict=True):
        by_digits = [told[digit.box, int(digit.label)] for digit in number.digits]
        scores = np.array([OF_STRIP * next(chances) - _cost(by_digits, text) for text in some])
        shares = np.exp(scores - np.logaddexp.reduce(scores))
        best = int(shares.argmax())
        if shares[best] < SURE:
            read.append(number)
        elif options[best]:  # else the strip says that there is none
            read.append(_changed(number, options[best], float(shares[best])))
    return read


def _readings(number: Number, spikes: Sequence[tuple[int, float]], place: Place) -> list[list[Digit]]:
    """Return what the number may be: its digits, those of the strip, and what takes some from either."""
    seen = [str(label) for label, _ in spikes]
    matcher = SequenceMatcher(None, [digit.label for digit in number.digits], seen, autojunk=False)
    parts: list[list[list[Digit]]] = []
    for tag, first, last, begin, end in matcher.get_opcodes():
        own = list(number.digits[first:last])
        if tag == "equal":
            parts.append([own])
        elif last - first == end - begin:
            others = [replace(digit, label=label) for digit, label in zip(own, seen[begin:end], strict=True)]
            parts.append([own, others])
        else:
            boxes = [_box(place, column) for _, column in spikes[begin:end]]
            parts.append([own, [Digit(label, 0.0, box) for label, box in zip(seen[begin:end], boxes, strict=True)]])
    differing = sum(len(part) > 1 for part in parts)
    ways = product(*parts) if differing <= MOST else [[part[which] for part in parts] for which in (0, -1)]
    return [list(chain.from_iterable(way)) for way in ways]


def _box(place: Place, column: float) -> Box:
    """Return about where a digit is whose middle is in that column of a strip."""
    back = cv2.invertAffineTransform(place.move)
    x, y = back @ [STEP * (column + 0.5), HEIGHT / 2, 1]
    tall = 21 / np.hypot(*place.move[0, :2])
    return Box(round(x - WIDTH / 2 * tall), round(y - tall / 2), max(1, round(WIDTH * tall)), max(1, round(tall)))


def _cost(by_digits: Sequence[NDArray[np.float32]], text: str) -> float:
    """Return how unlikely digits with these (11,) probabilities are that text, in nats: the least of all alignments."""
    costs = [ADDED * at for at in range(len(text) + 1)]
    for digit in by_digits:
        *labels, none = (-math.log(max(float(chance), LEAST)) for chance in digit)
        before, costs = costs, [costs[0] + none]
        for at, label in enumerate(text):
            costs.append(min(before[at] + labels[int(label)], before[at + 1] + none, costs[at] + ADDED))
    return costs[-1]


def _changed(number: Number, digits: Sequence[Digit], share: float) -> Number:
    own = set(number.digits)
    if own == set(digits):
        return number
    known = tuple(digit if digit in own else replace(digit, confidence=share) for digit in digits)
    box = Box.around(digit.box for digit in known)
    text = "".join(digit.label for digit in known)
    return replace(number, text=text, digits=known, box=box, confidence=min(number.confidence, share))
