"""Where digits are in ink, and which, whatever they touch.

Pieces of ink are digits only where nothing joins or breaks them. So a small network looks at the ink around each place
and says at once whether a digit's middle is there, which one, and how far it reaches (Tian et al. 2019, "FCOS: fully
convolutional one-stage object detection"), as a space displacement neural network does along a line (Matan, Burges,
LeCun and Denker 1992).
"""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.network import LOCATE, Network, open_helper
from camdigits.types import Candidate, Probabilities, overlap

Floats = NDArray[np.float32]

STEP, MULTIPLE = 4, 16
"""The network answers for each STEP-th pixel. The file's contract: `ink` (N, H, W) float32, 0 to 255, H and W of a
MULTIPLE, to `digits` (N, H / STEP, W / STEP, SAID): the chances of each digit and of none, and how far the digit
reaches to the left, top, right and bottom, in pixels."""

NO_DIGIT = 10
"""The class after the digits."""

SAID = NO_DIGIT + 1 + 4

LIKELY = 0.3
"""A place that is less likely a digit's middle is none."""

SAME = 0.35
"""Places whose boxes share so much of what they cover together are of one digit."""

OWN = 0.45
"""A digit that is found is a candidate's where their boxes share so much of what they cover together."""

OF_PLACE = 0.7
"""The power by which the chances of what is found count beside a candidate's own. Chosen, as MISSED, on 230 composed
frames, the photos to tune on, the pictures without a number and 72 composed pages of letters."""

MISSED = 2.0
"""Log-odds that a digit loses where none is found …"""

LOW, HIGH = 10.0, 75.0
"""… although the network was shown it, being so many pixels high."""

LEAST = 1e-4
"""What is less likely counts no less."""


def weighed(
    size: tuple[int, ...],
    candidates: Sequence[Candidate],
    probabilities: Probabilities,
    looks: Sequence[NDArray[np.uint8]],
) -> Probabilities:
    """Return the probabilities of candidates with what is found where they are.

    size: (height, width) of the picture. probabilities: (N, 11), of the digits in order and of `not a digit`. looks:
    how likely each pixel of it is ink, as inked.at_sizes has it. Raises ModelError.
    """
    boxes = np.array([candidate.box for candidate in candidates], np.float32).reshape(-1, 4)
    shown, share = np.zeros(len(boxes), bool), np.full(len(boxes), OWN)
    told = np.ones((len(boxes), NO_DIGIT + 1))
    for ink in looks:
        down, across = size[0] / ink.shape[0], size[1] / ink.shape[1]
        shown |= (LOW * down < boxes[:, 3]) & (boxes[:, 3] < HIGH * down)
        found, chances = locate(ink)
        if len(found):
            found *= np.array([across, down, across, down], np.float32)
            shares = overlap(boxes, found)
            own, of_own = shares.argmax(1), shares.max(1)
            better = of_own > share
            share[better], told[better] = of_own[better], chances[own[better]]
    together = probabilities * np.maximum(told, LEAST) ** OF_PLACE
    together[shown & (share == OWN), :-1] *= np.exp(-MISSED)
    return np.asarray(together / together.sum(1, keepdims=True), np.float32)


def locate(ink: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return the digits in (H, W) uint8 ink, 255 where there is surely some: (N, 4) x, y, w, h, and (N, 11) chances.

    Best where digits are 14 to 60 pixels high. Raises ModelError.
    """
    h, w = ink.shape
    whole = cv2.copyMakeBorder(ink, 0, -h % MULTIPLE, 0, -w % MULTIPLE, cv2.BORDER_CONSTANT, value=0)
    (answers,) = _network().run(["digits"], {"ink": whole[None].astype(np.float32)})
    return located(answers[0])


def located(answer: Floats) -> tuple[Floats, Floats]:
    """Return the digits of (h, w, SAID) answers: (N, 4) x, y, w, h in pixels of the ink, and (N, 11) chances.

    Places that mean one digit speak together, each as likely as it is one.
    """
    digit = 1 - answer[..., NO_DIGIT]
    rows, columns = np.nonzero(digit > LIKELY)
    digit, told = digit[rows, columns], answer[rows, columns]
    chances, reach = told[:, : NO_DIGIT + 1], told[:, NO_DIGIT + 1 :]
    middles = (np.stack([columns, rows], axis=1) * STEP + (STEP - 1) / 2).astype(np.float32)
    every = np.hstack([middles - reach[:, :2], reach[:, :2] + reach[:, 2:]])
    boxes, together = [], []
    left = np.ones(len(told), bool)
    for i in np.argsort(-chances[:, :NO_DIGIT].max(1, initial=0), kind="stable"):
        if left[i]:
            same = left & (overlap(every[i : i + 1], every)[0] > SAME)
            same[i] = True
            left &= ~same
            boxes.append(np.average(every[same], axis=0, weights=digit[same]))
            mean = np.exp(np.average(np.log(chances[same] + 1e-6), axis=0, weights=digit[same]))
            together.append(mean / mean.sum())
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(together, np.float32).reshape(-1, NO_DIGIT + 1)


def check() -> None:
    """Raise ModelError where the network is missing or another: what runs for hours asks before it begins."""
    _network()


@cache
def _network() -> Network:
    return open_helper(LOCATE, "ink", (None, None), "digits")
