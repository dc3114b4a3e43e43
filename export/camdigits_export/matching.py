"""What the reader finds in composed frames, matched with what was written there.

Digits as the camera gives them, and everything else, whatever went wrong included, as what is no digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from camdigits import inked
from camdigits.closer import heights_of, look_closer
from camdigits.cut import joined, pieces
from camdigits.leftmost import leftmost
from camdigits.normalize import normalize
from camdigits.segment import segment
from camdigits.turn import box_turned_back
from camdigits.types import Box, Candidate, Image, overlap, shared_area
from camdigits_export.frames import Frame

SAME, OTHER = 0.62, 0.3
"""A candidate is a digit where it shares this much of what both cover, and none where it shares less than that."""

COVERED = 0.6
"""What holds this share of a digit's box holds the digit."""

DOUBT = 0.2
"""What shares so much with a doubtful mark is doubtful."""

FEWEST, EACH = 10, 1.0
"""Rejects that a frame gives at most: so many, and so many for each digit."""


def frame_patches(frame: Frame, reject: int, rng: Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what the reader makes of a frame turned upright: (N, 28, 28) uint8 patches, and (N,) labels.

    These are what all looks find, wide candidates cut; rules are not faded for the closer looks, as they are where the
    reader reads. Left out: what lies between a digit and none, bare strokes that are no digit's (they may be read as
    1), and large parts of digits.
    """
    frame = upright(frame)
    true = _true(frame)
    candidates = _and_pieces(segment(frame.image))
    boxes = _boxes_of(candidates)
    known = [Box(*box) for box in boxes[overlap(boxes, true).max(1, initial=0) > SAME].tolist()]
    looks = inked.at_sizes(frame.image, heights_of(known))
    candidates += _and_pieces(look_closer(frame.image, known) + inked.written(frame.image, looks))
    match = matched(frame, candidates)
    boxes = _boxes_of(candidates)
    bare = boxes[:, 3] > 1.8 * boxes[:, 2]
    fragment = (match.part > 0.5) & ~match.several & match.right_ink
    elsewhere = match.several | (match.best < OTHER) | ((match.best > SAME) & ~match.right_ink)
    other = elsewhere & ~match.is_digit & ~bare & ~match.doubtful & (~fragment | (match.best < 0.12))
    others = np.flatnonzero(other & ~np.array([candidate.cut for candidate in candidates], bool))
    most = int(FEWEST + EACH * len(true))
    if len(others) > most:
        others = rng.choice(others, most, replace=False)
    found = np.flatnonzero(match.is_digit)
    patches = normalize([candidates[at] for at in np.concatenate([found, others])])
    labels = np.append(match.label[found], np.full(len(others), reject))
    return np.round(patches * 255).astype(np.uint8), labels.astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What N candidates of a frame are.

    label: of the digit written there, where it is one. best: what they share with the nearest, of what both cover.
    part: how much of a candidate lies in one digit. right_ink: it is as dark or light as what is written. several: it
    holds several digits. joined: and is rather all of them than one. doubtful: a person may take it for a digit.
    """

    label: NDArray[np.int_]
    best: NDArray[np.float64]
    part: NDArray[np.float64]
    right_ink: NDArray[np.bool_]
    several: NDArray[np.bool_]
    joined: NDArray[np.bool_]
    doubtful: NDArray[np.bool_]

    @property
    def is_digit(self) -> NDArray[np.bool_]:
        """Which of them are digits; the inside of a 0 is as large, but not ink."""
        return (self.best > SAME) & self.right_ink & ~self.joined


def matched(frame: Frame, candidates: Sequence[Candidate]) -> Match:
    """Return what candidates of a frame are, by their boxes."""
    boxes, true = _boxes_of(candidates), _true(frame)
    labels = np.array([int(digit.label) for number in frame.numbers for digit in number.digits], int)
    shared, same = shared_area(boxes, true), overlap(boxes, true)
    area = np.maximum(boxes[:, 2:].prod(1), 1)[:, None]
    return Match(
        labels[same.argmax(1)] if len(true) else np.zeros(len(boxes), int),
        same.max(1, initial=0),
        (shared / area).max(1, initial=0),
        np.array([_is_light(frame.image, candidate) == frame.light_ink for candidate in candidates], bool),
        (shared > COVERED * true[:, 2:].prod(1)).sum(1) > 1,
        are_joined(boxes, true),
        (shared_area(boxes, frame.doubtful) / area).max(1, initial=0) > DOUBT,
    )


def are_joined(boxes: NDArray[np.int_], true: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return which (N, 4) boxes are rather of several of the (T, 4) digits than of one: a 1 hardly widens a 0."""
    covered = shared_area(boxes, true) > COVERED * true[:, 2] * true[:, 3]
    best = overlap(boxes, true).max(1, initial=0)
    joined_up = np.zeros(len(boxes), bool)
    for at in np.flatnonzero(covered.sum(1) > 1):
        together = np.array([Box.around(Box(*box) for box in true[covered[at]].tolist())])
        joined_up[at] = overlap(boxes[at : at + 1], together)[0, 0] > best[at]
    return joined_up


def upright(frame: Frame) -> Frame:
    """Return a frame turned so that its writing is upright."""
    return turned(frame, -frame.turns)


def turned(frame: Frame, quarters: int) -> Frame:
    """Return a frame turned counterclockwise by so many quarters."""

    def there(box: Box) -> Box:
        return box_turned_back(box, -quarters % 4, frame.image.shape)

    return replace(
        frame,
        image=np.ascontiguousarray(np.rot90(frame.image, quarters)),
        numbers=tuple(number.with_boxes(there) for number in frame.numbers),
        turns=(frame.turns + quarters) % 4,
        ink=np.ascontiguousarray(np.rot90(frame.ink, quarters)),
        doubtful=np.array([there(Box(*box)) for box in frame.doubtful.tolist()], int).reshape(-1, 4),
    )


def _and_pieces(candidates: list[Candidate]) -> list[Candidate]:
    """Return candidates, and after them the pieces of those that may be several digits joined."""
    unread = np.zeros((len(candidates), 2), np.float32)
    wide = [candidates[i] for i in joined(candidates, unread)]
    return candidates + [piece.candidate for found in pieces(wide, leftmost) for piece in found]


def _true(frame: Frame) -> NDArray[np.int_]:
    """Return (T, 4) boxes of the digits that were written."""
    return np.array([digit.box for number in frame.numbers for digit in number.digits], int).reshape(-1, 4)


def _boxes_of(candidates: Sequence[Candidate]) -> NDArray[np.int_]:
    return np.array([candidate.box for candidate in candidates], int).reshape(-1, 4)


def _is_light(image: Image, candidate: Candidate) -> bool:
    """Say whether a candidate's ink is lighter than what surrounds it."""
    x, y, w, h = candidate.box
    pad = 2 + max(w, h) // 12
    top, left = max(0, y - pad), max(0, x - pad)
    around = image[top : y + h + pad, left : x + w + pad].mean(axis=2)
    ink = np.zeros(around.shape, bool)
    ink[y - top : y - top + h, x - left : x - left + w] = cv2.resize(candidate.ink, (w, h)) > 127
    return bool(around[ink].mean() > around[~ink].mean()) if ink.any() else False
