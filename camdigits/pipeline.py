"""The whole idea on one screen: a frame goes through once, forward only."""

from collections.abc import Iterable, Iterator
from functools import cache

from camdigits.classify import Classifier
from camdigits.decode import decode
from camdigits.normalize import normalize
from camdigits.segment import segment
from camdigits.track import Tracker
from camdigits.types import Frame, Image, Number, Reading, Trace

MIN_CONFIDENCE = 0.5
"""A number less sure than this is not reported."""


def trace_image(image: Image, classifier: Classifier, min_confidence: float = MIN_CONFIDENCE) -> Trace:
    """Read a picture and keep what each stage saw."""
    candidates = segment(image)
    probabilities = classifier(normalize(candidates))
    numbers = decode(candidates, probabilities, classifier.labels, min_confidence)
    return Trace(tuple(candidates), probabilities, tuple(numbers))


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
