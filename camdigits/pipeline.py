"""The whole idea on one screen: a frame goes through once, forward only."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np

from camdigits.classify import Classifier
from camdigits.closer import look_closer
from camdigits.cut import apart
from camdigits.decode import decode
from camdigits.normalize import normalize
from camdigits.segment import segment
from camdigits.signs import with_signs
from camdigits.track import Tracker
from camdigits.turn import in_doubt, likeliest, reads_better, turned, turned_back
from camdigits.types import MIN_CONFIDENCE, Candidate, Frame, Image, Number, Patches, Probabilities, Reading, Trace


def trace_image(image: Image, classifier: Classifier, min_confidence: float = MIN_CONFIDENCE) -> Trace:
    """Read a picture and keep what each stage saw."""
    candidates = segment(image)
    patches = normalize(candidates)
    upright = _trace_upright(image, candidates, patches, classifier, min_confidence)
    if in_doubt(candidates, upright.numbers):
        turns = likeliest(candidates, patches, classifier)
        probabilities = classifier(turned(patches, turns))
        numbers = decode(candidates, probabilities, classifier.labels, min_confidence, turns)
        if reads_better(numbers, upright.numbers):
            image = np.ascontiguousarray(np.rot90(image, turns))
            candidates = segment(image)
            trace = _trace_upright(image, candidates, normalize(candidates), classifier, min_confidence)
            return turned_back(trace, turns, image.shape)
    return upright


def _trace_upright(
    image: Image, candidates: list[Candidate], patches: Patches, classifier: Classifier, min_confidence: float
) -> Trace:
    """Return what an upright page says, with joined digits cut, and after a closer look around those that were read."""

    def read(candidates: Sequence[Candidate]) -> Probabilities:
        return classifier(normalize(candidates))

    candidates, probabilities = apart(candidates, classifier(patches), read)
    numbers = decode(candidates, probabilities, classifier.labels, min_confidence)
    closer = look_closer(image, [digit.box for number in numbers for digit in number.digits])
    if closer:
        closer, of_closer = apart(closer, read(closer), read)
        candidates, probabilities = candidates + closer, np.concatenate([probabilities, of_closer])
        numbers = decode(candidates, probabilities, classifier.labels, min_confidence)
    if all(label.isdigit() for label in classifier.labels):  # other models may know signs of their own
        numbers = with_signs(image, numbers)
    return Trace(tuple(candidates), probabilities, tuple(numbers))


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
