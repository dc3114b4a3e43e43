"""The whole idea on one screen: a frame goes through once, forward only."""

from collections.abc import Iterable, Iterator
from functools import cache

from camdigits.classify import Classifier
from camdigits.cut import apart
from camdigits.decode import decode
from camdigits.normalize import normalize
from camdigits.segment import segment
from camdigits.signs import with_signs
from camdigits.track import Tracker
from camdigits.turn import in_doubt, likeliest, reads_better, turned
from camdigits.types import MIN_CONFIDENCE, Frame, Image, Number, Reading, Trace


def trace_image(image: Image, classifier: Classifier, min_confidence: float = MIN_CONFIDENCE) -> Trace:
    """Read a picture and keep what each stage saw."""
    candidates = segment(image)
    patches = normalize(candidates)
    probabilities = classifier(patches)
    numbers = decode(candidates, probabilities, classifier.labels, min_confidence)
    if in_doubt(candidates, numbers):
        turns = likeliest(candidates, patches, classifier)
        others = classifier(turned(patches, turns))
        turned_numbers = decode(candidates, others, classifier.labels, min_confidence, turns)
        if reads_better(turned_numbers, numbers):
            return Trace(tuple(candidates), others, tuple(turned_numbers))
    whole = len(candidates)
    candidates, probabilities = apart(candidates, probabilities, lambda joined: classifier(normalize(joined)))
    if len(candidates) > whole:
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
