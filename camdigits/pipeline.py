"""The whole idea on one screen: a frame goes through once, forward only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import compress
from statistics import median
from typing import NamedTuple

import numpy as np

from camdigits import context, inked, leftmost, locate
from camdigits.classify import Classifier
from camdigits.closer import FEWEST, heights_of, look_closer
from camdigits.cut import apart
from camdigits.decode import decode
from camdigits.inked import Shares
from camdigits.normalize import normalize
from camdigits.segment import at_full, at_half
from camdigits.signs import with_signs
from camdigits.tables import pieces_of_lines
from camdigits.track import Tracker
from camdigits.turn import MORE, evidence, in_doubt, likeliest, reads_better, turned, turned_back
from camdigits.types import (
    CROP,
    MIN_CONFIDENCE,
    Box,
    Candidate,
    Frame,
    Image,
    Number,
    Probabilities,
    Reading,
    Trace,
    are_digits,
)


def check() -> None:
    """Raise ModelError where a network that helps every model is missing: what runs for hours asks before it begins."""
    for helper in (inked, leftmost, locate, context):
        helper.check()


class Proposals(NamedTuple):
    """What may be digits of an upright page, by their ink, without what stands around them.

    image: the page, its rules faded if it has any. numbers: what they make. alone: the probabilities of the first
    candidates, those of the first look, by nothing but themselves. looks: where ink is, as inked.at_sizes has it; none
    of a plain page.
    """

    image: Image
    candidates: list[Candidate]
    probabilities: Probabilities
    numbers: list[Number]
    alone: Probabilities
    looks: list[Shares]


def trace_image(image: Image, classifier: Classifier, min_confidence: float = MIN_CONFIDENCE) -> Trace:
    """Read a picture and keep what each stage saw."""
    upright = propose(image, classifier, min_confidence)
    trace = _decided(upright, image, classifier, min_confidence)
    first = upright.candidates[: len(upright.alone)]
    if in_doubt(first, trace.numbers):
        patches = normalize(first)
        # first looks are compared, without their surroundings: only the upright page had more
        numbers = decode(first, upright.alone, classifier.labels, min_confidence)
        others = {
            turns: decode(first, classifier(turned(patches, turns)), classifier.labels, min_confidence, turns)
            for turns in likeliest(first, patches, classifier)
        }
        turns = max(others, key=lambda turns: evidence(others[turns]))
        if evidence(others[turns]) > evidence(numbers) + MORE:
            image = np.ascontiguousarray(np.rot90(image, turns))
            other = _decided(propose(image, classifier, min_confidence), image, classifier, min_confidence)
            if reads_better(other.numbers, trace.numbers):
                return turned_back(other, turns, image.shape)
    return trace


def propose(image: Image, classifier: Classifier, min_confidence: float = MIN_CONFIDENCE) -> Proposals:
    """Return what may be digits of an upright page.

    Joined digits are taken apart, and around those that were read is looked closer; where the page is not plain, also
    for ink by what is around it. Pieces of a table's lines are left out: they would speak against the digits beside
    them. The full size, which takes as long as all else, is looked at only where that cannot show the rest: little was
    read, or there is small writing, or signs may have dots.
    """

    def read(candidates: Sequence[Candidate]) -> Probabilities:
        return classifier(normalize(candidates))

    any_sign = not are_digits(classifier.labels)
    half = at_half(image, any_sign)
    first, probabilities = half.candidates, read(half.candidates)
    numbers = decode(first, probabilities, classifier.labels, min_confidence)
    if any_sign or half.is_fine or sum(len(number.digits) for number in numbers) < FEWEST:
        full, others = at_full(half)
        first = full + [first[i] for i in others]
        probabilities = np.concatenate([read(full), probabilities[others]])
    alone = probabilities
    candidates, probabilities = apart(first, probabilities, read, leftmost.leftmost, classifier.labels)
    is_plain = candidates == half.candidates and context.is_plain(candidates, numbers)
    # a closer look does no harm where there is no number
    likely = numbers if is_plain else decode(candidates, probabilities, classifier.labels, min_confidence, clutter=0)
    found = [digit.box for number in likely for digit in number.digits]
    looks = [] if is_plain else inked.at_sizes(image, heights_of(found, any_sign))
    more = look_closer(half.image, found, any_sign) + inked.written(image, looks, any_sign)
    if more:
        more, of_more = apart(more, read(more), read, leftmost.leftmost, classifier.labels)
        candidates, probabilities = candidates + more, np.concatenate([probabilities, of_more])
    if (looks or more) and found:
        tall = median(box.h for box in found)
        kept = ~pieces_of_lines(image, candidates, 1 - probabilities[:, -1], tall)
        candidates = list(compress(candidates, kept))
        probabilities, alone = probabilities[kept], alone[kept[: len(alone)]]
    if looks:
        probabilities = inked.weighed(image, candidates, probabilities, looks)
        if classifier.is_shipped:  # others may know hands that are unlike MNIST's
            probabilities = locate.weighed(image.shape, candidates, probabilities, looks)
    if looks or more:
        numbers = decode(candidates, probabilities, classifier.labels, min_confidence)
    return Proposals(half.image, candidates, probabilities, numbers, alone, looks)


def _decided(page: Proposals, image: Image, classifier: Classifier, min_confidence: float) -> Trace:
    """Return what an upright page says: what stands around digits says which of them are none."""
    probabilities, numbers = page.probabilities, page.numbers
    if are_digits(classifier.labels):  # other models may know letters, and signs of their own
        if max(image.shape[:2]) >= CROP and not context.is_plain(page.candidates, numbers):
            probabilities = context.in_context(page.image, page.candidates, probabilities)
            numbers = decode(page.candidates, probabilities, classifier.labels, min_confidence)
        numbers = with_signs(image, numbers, page.looks)
    return Trace(tuple(page.candidates), probabilities, tuple(numbers))


def trace_parts(image: Image, parts: Sequence[Box], classifier: Classifier, min_confidence: float) -> Trace:
    """Read some parts of a picture, and nothing else; without any, the whole. What lies outside it is left out."""
    if not parts:
        return trace_image(image, classifier, min_confidence)
    candidates: tuple[Candidate, ...] = ()
    probabilities = np.zeros((0, len(classifier.labels) + 1), np.float32)
    numbers: tuple[Number, ...] = ()
    for part in parts:
        inside = image[part.y : part.bottom, part.x : part.right]
        if inside.size:
            trace = trace_image(inside, classifier, min_confidence).moved(part.x, part.y)
            candidates += trace.candidates
            probabilities = np.concatenate([probabilities, trace.probabilities])
            lines = 1 + max((number.line for number in numbers), default=-1)
            numbers += tuple(replace(number, line=lines + number.line) for number in trace.numbers)
    return Trace(candidates, probabilities, numbers)


def read_image(
    image: Image, classifier: Classifier | None = None, min_confidence: float = MIN_CONFIDENCE
) -> list[Number]:
    """Return the numbers in a (height, width, 3) BGR picture, in reading order."""
    return list(trace_image(image, classifier or _shipped(), min_confidence).numbers)


def read_stream(
    frames: Iterable[Frame], classifier: Classifier | None = None, min_confidence: float = MIN_CONFIDENCE
) -> Iterator[tuple[Frame, list[Reading]]]:
    """Yield each frame with the numbers known by then, followed over time, in reading order."""
    classifier, tracker = classifier or _shipped(), Tracker()
    for frame in frames:
        yield frame, tracker.update(trace_image(frame.image, classifier, min_confidence).numbers, frame.time)


@cache
def _shipped() -> Classifier:
    return Classifier("cnn")
