"""Which way a page is up: told by which way its digits read best."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from camdigits.types import Box, Candidate, Number, Patches, Probabilities, Trace

SURE = 0.9
"""Digits surer than this speak for the way the page is turned."""

READS_WELL = 0.75
"""A page is upright where this share of the ink that is like its digits was read, …"""

SURELY = 0.9
"""… with this share of the log-odds that sure digits have."""

AS_LARGE, AS_STRONG = 2.0, 0.6
"""Ink is like digits if its longer side differs by less than this factor, and its contrast is more than this share."""

SURE_DIGIT = 6.9
"""Log-odds of a sure digit: 99.9 %."""

FEWEST = 3
"""Fewer marks say too little about which way the page is up."""

LONGEST = 3.0
"""A mark this much longer than wide says nothing: a rule turned is a 1."""

SAMPLE = 64
"""So many marks are tried turned."""

MORE, BY_CHANCE = 4.5, 2.7
"""A turned page's digits must have so much more of log-odds than upright, and so much again for each digit more:
letters on their head or side that pass for digits have about three each."""


def in_doubt(candidates: Sequence[Candidate], numbers: Sequence[Number]) -> bool:
    """Say whether a page read upright may be turned: not surely read, or not most of what is like its digits."""
    shapes = [candidate for candidate in candidates if _is_shape(candidate)]
    digits = np.array([digit.box for number in numbers for digit in number.digits]).reshape(-1, 4)
    if len(shapes) < FEWEST:
        return False
    if evidence(numbers) < SURELY * SURE_DIGIT * len(digits) or not len(digits):
        return True
    boxes = np.array([candidate.box for candidate in shapes])
    middle = boxes[:, None, :2] + boxes[:, None, 2:] / 2
    read = ((middle >= digits[:, :2]) & (middle < digits[:, :2] + digits[:, 2:])).all(2).any(1)
    contrast = np.array([candidate.contrast for candidate in shapes])
    strong = contrast > AS_STRONG * (np.median(contrast[read]) if read.any() else 0.0)
    ratio = boxes[:, 2:].max(1) / np.median(digits[:, 2:].max(1))
    unread = np.count_nonzero(~read & strong & (ratio < AS_LARGE) & (ratio > 1 / AS_LARGE))
    return bool(len(digits) < READS_WELL * (len(digits) + unread))


def likeliest(
    candidates: Sequence[Candidate], patches: Patches, classify: Callable[[Patches], Probabilities]
) -> list[int]:
    """Return the two ways a page that is not upright most likely lies: 1, 2 or 3 quarters clockwise."""
    shapes = [i for i, candidate in enumerate(candidates) if _is_shape(candidate)]
    sample = patches[shapes[:: len(shapes) // SAMPLE + 1]]
    return sorted((1, 2, 3), key=lambda turns: _sure(classify(turned(sample, turns))), reverse=True)[:2]


def reads_better(numbers: Sequence[Number], upright: Sequence[Number]) -> bool:
    """Say whether these numbers of a turned page are a better reading than those of the upright one."""
    read, before = (sum(len(number.digits) for number in some) for some in (numbers, upright))
    return evidence(numbers) - evidence(upright) > MORE + BY_CHANCE * max(read - before, 0)


def evidence(numbers: Sequence[Number]) -> float:
    """Return the log-odds of all digits of a reading."""
    return sum(digit.log_odds for number in numbers for digit in number.digits)


def turned(patches: Patches, quarter_turns: int) -> Patches:
    """Return patches turned by 90 degrees counterclockwise, so many times."""
    return np.ascontiguousarray(np.rot90(patches, quarter_turns, axes=(1, 2)))


def turned_back(trace: Trace, quarter_turns: int, shape: tuple[int, ...]) -> Trace:
    """Return what was read in a picture turned counterclockwise by quarters as it lies in the picture itself.

    shape: of the turned picture.
    """

    def back(box: Box) -> Box:
        return box_turned_back(box, quarter_turns, shape)

    candidates = [
        replace(
            candidate,
            box=back(candidate.box),
            ink=np.rot90(candidate.ink, -quarter_turns),
            whole=candidate.whole and back(candidate.whole),
        )
        for candidate in trace.candidates
    ]
    numbers = [
        replace(number.with_boxes(back), angle=(number.angle - 90 * quarter_turns + 180) % 360 - 180)
        for number in trace.numbers
    ]
    return Trace(tuple(candidates), trace.probabilities, tuple(numbers))


def box_turned_back(box: Box, quarter_turns: int, shape: tuple[int, ...]) -> Box:
    """Return where a box of such a turned picture lies in the picture itself; shape: of the turned picture."""
    for at in range(quarter_turns):
        box = Box(shape[at % 2] - box.bottom, box.x, box.h, box.w)
    return box


def _is_shape(candidate: Candidate) -> bool:
    w, h = candidate.box[2:]
    return max(w, h) < LONGEST * min(w, h)


def _sure(probabilities: Probabilities) -> float:
    """Return how many are digits almost surely, of many kinds rather than of one: dirt that passes is all the same."""
    digits = probabilities[:, :-1]
    labels = digits.argmax(1)[digits.max(1, initial=0) > SURE]
    return float(np.sqrt(np.bincount(labels, minlength=1)).sum())
