"""What stands around a candidate: a digit among digits, or the o of a word, a bar of an H, a piece of a grid.

Its own ink does not tell that. So a small convolutional network looks at the frame around what reads like a digit, with
its ink marked, and says how likely a digit is there (context as in Mottaghi et al. 2014, "The role of context for
object detection"). The decoder's evidence is what both say together.
"""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.network import CONTEXT, Network, open_helper
from camdigits.types import Box, Candidate, Image, Number, Probabilities, shared_area

SIDE = 48
"""Pixels of a window. The file's contract: `windows` (N, SIDE, SIDE, 2) float32, 0 to 255, as windows_of makes them, to
`digit` (N,) float32, the log-odds that a candidate is a digit."""

REACH = 3.0
"""A window is so many times as high and wide as a digit …"""

OF_WIDTH = 0.7
"""… or as this share of the width of what is wider than a digit."""

SHARP = 1.5
"""Pixels of the picture for one of the window at most: of larger digits, the picture is reduced first."""

PAPER, INK = 85, 170
"""Grey levels that paper and ink have in a window."""

RIM = 3
"""Pixels of a window around a candidate's box where its paper is looked for."""

PALE = 32
"""Ink up to this value, an eighth of full, is paper too."""

FAINTEST = 8
"""Grey levels of difference between ink and paper that are taken for that."""

LEAST = 0.2
"""What is less likely a digit by its ink alone is none anywhere."""

MOST = 200
"""So many candidates are looked at, the likeliest first."""

FEWEST, SURE = 3, 0.9
"""Where so many digits were read, all so surely, and nothing else is written, there is nothing to ask."""

AS_LARGE, AS_STRONG = 0.4, 0.6
"""What is lower and narrower than this share of a digit, or has less of its contrast than this, is not written."""

OF_INK, OF_CONTEXT, REST = 0.45, 0.5, 0.5
"""The log-odds of a digit: shares of what its ink says, and of what its surroundings say. Chosen on 230 composed
frames, the photos to tune on, the pictures without a number and 72 composed pages of letters."""

SUREST = 0.9999
"""What is surer by its ink counts no more."""


def in_context(image: Image, candidates: Sequence[Candidate], probabilities: Probabilities) -> Probabilities:
    """Return the probabilities of candidates in a (height, width, 3) BGR picture, their surroundings included.

    probabilities: (N, C + 1) by their ink alone, the last column `not a digit`. Raises ModelError.
    """
    digit = 1 - probabilities[:, -1]
    at = np.argsort(-digit, kind="stable")[:MOST]
    at = at[digit[at] >= LEAST]
    if not len(at):
        return probabilities
    windows = windows_of(image, [candidates[i] for i in at]).astype(np.float32)
    (context,) = _network().run(["digit"], {"windows": windows})
    alone = np.minimum(digit[at].astype(np.float64), SUREST)
    odds = OF_INK * np.log(alone / (1 - alone)) + OF_CONTEXT * context + REST
    both = 1 / (1 + np.exp(-odds))
    told = probabilities.copy()
    told[at, :-1] *= (both / digit[at])[:, None]
    told[at, -1] = 1 - both
    return told


def is_plain(candidates: Sequence[Candidate], numbers: Sequence[Number]) -> bool:
    """Say whether surroundings have nothing to tell: digits were read, surely, and nothing else is written."""
    digits = [digit for number in numbers for digit in number.digits]
    if len(digits) < FEWEST or min(digit.confidence for digit in digits) < SURE:
        return False
    read = np.array([digit.box for digit in digits])
    boxes = np.array([candidate.box for candidate in candidates])
    contrast = np.array([candidate.contrast for candidate in candidates])
    beside = shared_area(boxes, read).sum(1) == 0
    large = boxes[:, 2:].max(1) > AS_LARGE * np.median(read[:, 3])
    return not (beside & large & (contrast > AS_STRONG * np.median(contrast[~beside]))).any()


def windows_of(image: Image, candidates: Sequence[Candidate]) -> NDArray[np.uint8]:
    """Return (N, SIDE, SIDE, 2) uint8: what is around candidates in the middle, and their own ink.

    In the first channel a candidate's paper is PAPER and its ink INK, be it dark or light; in the second its ink is 255
    on 0.
    """
    reduced: list[MatLike] = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)]
    windows = np.zeros((len(candidates), SIDE, SIDE, 2), np.uint8)
    for window, candidate in zip(windows, candidates, strict=True):
        scale = REACH * max(candidate.box.h, OF_WIDTH * candidate.box.w) / SIDE
        halves = 0
        while scale > SHARP * 2**halves and min(reduced[halves].shape) > 1:
            halves += 1
            if len(reduced) <= halves:
                reduced.append(cv2.resize(reduced[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        seen = _around(candidate.box, scale, reduced[halves], halves)
        top, left, h, w = _place(candidate.box, scale)
        flags = cv2.INTER_AREA if len(candidate.ink) > h else cv2.INTER_LINEAR
        window[top : top + h, left : left + w, 1] = cv2.resize(candidate.ink, (w, h), interpolation=flags)
        rim = slice(max(0, top - RIM), top + h + RIM), slice(max(0, left - RIM), left + w + RIM)
        ink, paper = _ink_and_paper(seen[rim], window[..., 1][rim])
        gain = (INK - PAPER) / float(np.copysign(max(abs(ink - paper), FAINTEST), ink - paper))
        # saturates, which numpy does not
        window[..., 0] = cv2.addWeighted(seen, gain, seen, 0, PAPER - gain * paper)
    return windows


def check() -> None:
    """Raise ModelError where the network is missing or another: what runs for hours asks before it begins."""
    _network()


def _around(box: Box, scale: float, grey: MatLike, halves: int) -> MatLike:
    """Return (SIDE, SIDE) uint8 around a box, scale of the picture's pixels for each; grey: reduced by so many halves.

    What lies outside of the picture is as its edge.
    """
    to = scale / 2**halves
    x, y = (middle / 2**halves - 0.5 - to * (SIDE - 1) / 2 for middle in box.center)
    view = np.array([[to, 0, x], [0, to, y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grey, view, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _place(box: Box, scale: float) -> tuple[int, int, int, int]:
    """Return where a box lies in its window: top, left, height and width."""
    w, h = (min(SIDE, max(1, round(side / scale))) for side in (box.w, box.h))
    return (SIDE - h) // 2, (SIDE - w) // 2, h, w


def _ink_and_paper(seen: MatLike, own: MatLike) -> tuple[float, float]:
    """Return how bright a candidate's ink and the paper around it are."""
    # a thin stroke, reduced, is pale all over
    ink, paper = (own > own.max() / 2).view(np.uint8), (own < PALE).view(np.uint8)
    return cv2.mean(seen, ink)[0], cv2.mean(seen, paper)[0]


@cache
def _network() -> Network:
    return open_helper(CONTEXT, "windows", (SIDE, SIDE, 2), "digit")
