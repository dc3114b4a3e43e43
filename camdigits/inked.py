"""Where a pen went: which pixels of a picture are ink, by what is around them.

A threshold takes rules, grids and creases for strokes, and loses pencil beside them. So a small network looks at the
colours around each pixel instead (a U-Net: Ronneberger, Fischer and Brox 2015, "U-Net: convolutional networks for
biomedical image segmentation"). It says nothing of what is written: letters are ink too. What it finds may be digits,
and of what else may be digits it says how much is ink at all.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.ink import DARKEST, LIGHTEST, filled, groups_of, ink_share, is_solid, strokes_of
from camdigits.network import INKED, Network, open_helper
from camdigits.types import CROP, Box, Candidate, Image, Probabilities

Shares = NDArray[np.uint8]
"""(height, width): how likely each pixel of a picture, or of a smaller copy of it, is ink, 255 for surely."""

STEP = 16
"""The network halves a picture four times. The file's contract: `picture` (N, H, W, 3) float32 BGR, 0 to 255, H and W
multiples of STEP, to `ink` (N, H, W), above 0 where a pixel is rather ink than not."""

TALL = 36
"""Pixels to which digits are reduced."""

MOST_PIXELS, FIRST_PIXELS = 1_000_000, 300_000
"""A picture is reduced until it has so many; where nothing was read yet, so few: an empty desk takes little time."""

MOST = 300
"""So many strokes are looked at, the largest first, and as many pairs."""

BARE = 225
"""A bare stroke, which a piece of a rule is too, is at least so surely ink."""

RIM = 3
"""Pixels around a piece of ink where its paper is looked for …"""

PAPER = 60
"""… being what is no likelier ink than this."""

WHOLE = 0.9
"""What is ink by this share, or more, is ink for sure; the rest is rim."""

OF_INK = 3.0
"""Log-odds that a digit loses by being no ink. Chosen on 183 composed frames, the photos to tune on, the pictures
without a number and 72 composed pages of letters."""


def inked(image: Image) -> Shares:
    """Return how likely each pixel of a (height, width, 3) BGR picture is ink.

    Best where digits are 14 to 60 pixels high. Raises ModelError.
    """
    h, w = image.shape[:2]
    whole = cv2.copyMakeBorder(image, 0, -h % STEP, 0, -w % STEP, cv2.BORDER_REPLICATE)
    (odds,) = _network().run(["ink"], {"picture": whole[None].astype(np.float32)})
    return np.asarray(255 / (1 + np.exp(-odds[0, :h, :w])), np.uint8)


def at_sizes(image: Image, heights: Sequence[float]) -> list[Shares]:
    """Return where ink is in a (height, width, 3) BGR picture, looked at so that digits of these heights are TALL.

    Without any height, it is looked at in few pixels. No picture is enlarged. Raises ModelError.
    """
    height, width = image.shape[:2]
    largest, first = (min(1.0, (most / (height * width)) ** 0.5) for most in (MOST_PIXELS, FIRST_PIXELS))
    shares = []
    for scale in dict.fromkeys(min(largest, TALL / tall) for tall in heights) or [first]:
        size = max(1, round(scale * width)), max(1, round(scale * height))
        seen = image if scale == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        shares.append(inked(seen))
    return shares


def written(image: Image, looks: Sequence[Shares], any_sign: bool = False) -> list[Candidate]:
    """Return the pieces of ink in a (height, width, 3) BGR picture that may be digits. looks: what at_sizes returned.

    any_sign: they may be other signs than digits, whose parts need not touch.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return [candidate for shares in looks for candidate in _pieces(grey, shares, any_sign)]


def _pieces(grey: MatLike, shares: Shares, any_sign: bool) -> Iterator[Candidate]:
    """Yield the pieces of ink of one look. grey: the picture, in its own size."""
    (height, width), (h, w) = grey.shape, shares.shape
    if grey.shape != shares.shape:
        grey = cv2.resize(grey, (w, h), interpolation=cv2.INTER_AREA)
    _, mask = cv2.threshold(shares, 127, 255, cv2.THRESH_BINARY)
    for group in groups_of(strokes_of(mask, MOST), MOST, any_sign):
        box, piece = group.box, filled(group, mask)
        own = shares[box.y : box.bottom, box.x : box.right]
        if is_solid(box, piece) or (box.is_bare and cv2.mean(own, piece)[0] < BARE):
            continue
        cut = max(height, width) >= CROP and (min(box.x, box.y) <= 1 or box.right >= w - 1 or box.bottom >= h - 1)
        ink = np.asarray(cv2.bitwise_and(own, piece), np.uint8)
        found = box.in_copy(shares.shape, (height, width))
        yield Candidate(found, ink, _contrast(grey, shares, box, piece), cut)


def _contrast(grey: MatLike, shares: Shares, box: Box, piece: MatLike) -> float:
    """Return how much of what full ink would differ from its paper a piece does."""
    around = slice(max(0, box.y - RIM), box.bottom + RIM), slice(max(0, box.x - RIM), box.right + RIM)
    # where all around is ink too, the least of it is paper
    paper = cv2.mean(grey[around], (shares[around] <= max(PAPER, shares[around].min())).view(np.uint8))[0]
    ink = cv2.mean(grey[box.y : box.bottom, box.x : box.right], piece)[0]
    room = max(paper, DARKEST) if ink < paper else max(255 - paper, LIGHTEST)
    return min(abs(ink - paper) / room, 1.0)


def weighed(
    image: Image, candidates: Sequence[Candidate], probabilities: Probabilities, looks: Sequence[Shares]
) -> Probabilities:
    """Return the probabilities of candidates where ink is known: what has little of it is less likely a digit.

    probabilities: (N, C + 1), the last column `not a digit`. looks: what at_sizes returned for the picture.
    """
    size = image.shape[:2]
    # strokes as a threshold sees them are wider by their rim
    wider = [cv2.dilate(shares, np.ones((3, 3), np.uint8)) for shares in looks]
    known = np.zeros(len(candidates))
    for i, candidate in enumerate(candidates):
        best = min(wider, key=lambda shares: abs(np.log(candidate.box.h * len(shares) / size[0] / TALL)))
        known[i] = min(ink_share(candidate, best, size) / WHOLE, 1.0) ** 2
    digit = 1 - probabilities[:, -1].astype(np.float64)
    odds = digit / np.maximum(1 - digit, 1e-9) * np.exp(OF_INK * (known - 1))
    told = probabilities * (odds / (1 + odds) / np.maximum(digit, 1e-9))[:, None]
    told[:, -1] = 1 / (1 + odds)
    return told.astype(np.float32)


def check() -> None:
    """Raise ModelError where the network is missing or another: what runs for hours asks before it begins."""
    _network()


@cache
def _network() -> Network:
    return open_helper(INKED, "picture", (None, None, 3), "ink")
