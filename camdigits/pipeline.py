"""The whole idea on one screen: a frame goes through once, forward only."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np

from camdigits.classify import Classifier
from camdigits.decode import decode
from camdigits.normalize import normalize
from camdigits.segment import segment
from camdigits.track import Tracker
from camdigits.types import Candidate, Frame, Image, Number, Patches, Probabilities, Reading, Trace

MIN_CONFIDENCE = 0.5
"""A number less sure than this is not reported."""


UPRIGHT_DIGITS = 3
"""A sure number of so many digits says that the page is upright."""

SURE = 0.9
"""Digits surer than this speak for the way the page is turned."""

READS_WELL = 0.6
"""A page of which this share of the marks are sure digits is upright."""

FEWEST_TO_TURN = 6
"""Fewer marks say too little about which way the page is up."""

STROKE_ASPECT = 3.0
"""A mark this much longer than wide is a bare stroke."""

TURNED_SAMPLE = 64
"""So many marks are tried turned."""

TURN_GAINS = 1.5
"""A turned page must read better than upright by this factor."""


def trace_image(image: Image, classifier: Classifier, min_confidence: float = MIN_CONFIDENCE) -> Trace:
    """Read a picture and keep what each stage saw."""
    candidates = segment(image)
    patches = normalize(candidates)
    probabilities = classifier(patches)
    numbers = decode(candidates, probabilities, classifier.labels, min_confidence)
    if not any(len(number.digits) >= UPRIGHT_DIGITS and number.confidence > SURE for number in numbers):
        turns = _quarter_turns(candidates, patches, probabilities, classifier)
        if turns:
            probabilities = classifier(_turned(patches, turns))
            numbers = decode(candidates, probabilities, classifier.labels, min_confidence, turns)
    return Trace(tuple(candidates), probabilities, tuple(numbers))


def _quarter_turns(
    candidates: Sequence[Candidate], patches: Patches, probabilities: Probabilities, classifier: Classifier
) -> int:
    """Return how often the page must be turned by 90 degrees counterclockwise for most of its digits to read well.

    Most pages are upright and read well, and cost nothing here. Where most marks are rejected, a sample of them is
    classified turned as well; bare strokes say nothing, since a rule turned is a 1.
    """
    shapes = [i for i, c in enumerate(candidates) if max(c.box.w, c.box.h) < STROKE_ASPECT * min(c.box.w, c.box.h)]
    sample = shapes[:: len(shapes) // TURNED_SAMPLE + 1]
    if len(shapes) < FEWEST_TO_TURN or np.mean(probabilities[sample, :-1].max(1) > SURE) > READS_WELL:
        return 0
    upright = _sure(probabilities[sample])
    turned = [_sure(classifier(_turned(patches[sample], turns))) for turns in (1, 2, 3)]
    return 1 + int(np.argmax(turned)) if max(turned) > TURN_GAINS * upright else 0


def _sure(probabilities: Probabilities) -> float:
    """Return how many are digits almost surely, of many kinds rather than of one: dirt that passes is all the same."""
    digits = probabilities[:, :-1]
    labels = digits.argmax(1)[digits.max(1, initial=0) > SURE]
    return float(np.sqrt(np.bincount(labels, minlength=1)).sum())


def _turned(patches: Patches, quarter_turns: int) -> Patches:
    return np.ascontiguousarray(np.rot90(patches, quarter_turns, axes=(1, 2)))


def read_image(
    image: Image, classifier: Classifier | None = None, min_confidence: float = MIN_CONFIDENCE
) -> list[Number]:
    """Return the numbers in a (height, width, 3) BGR picture, in reading order."""
    return list(trace_image(image, classifier or _shipped(), min_confidence).numbers)


@cache
def _shipped() -> Classifier:
    return Classifier("cnn")


def read_stream(
    frames: Iterable[Frame], classifier: Classifier | None = None, min_confidence: float = MIN_CONFIDENCE
) -> Iterator[tuple[Frame, list[Reading]]]:
    """Yield each frame with the numbers known by then, followed over time, in reading order."""
    classifier, tracker = classifier or _shipped(), Tracker()
    for frame in frames:
        yield frame, tracker.update(trace_image(frame.image, classifier, min_confidence).numbers, frame.time)
