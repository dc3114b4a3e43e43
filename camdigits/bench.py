"""How fast the pipeline is, stage by stage, on this machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import cv2
import numpy as np

from camdigits import locate
from camdigits.classify import Classifier
from camdigits.closer import heights_of, look_closer
from camdigits.context import in_context
from camdigits.cut import apart
from camdigits.decode import decode
from camdigits.inked import Shares, at_sizes, weighed, written
from camdigits.leftmost import leftmost
from camdigits.normalize import normalize
from camdigits.pipeline import trace_image
from camdigits.segment import at_half
from camdigits.signs import with_signs
from camdigits.types import MIN_CONFIDENCE, Box, Candidate, Image, Probabilities

WARM_UP = 10
"""Rounds that are not counted: the first ones fill caches."""

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage over all rounds."""

    stage: str
    median: float
    p95: float
    p99: float


def measure(image: Image, model: str, rounds: int) -> tuple[list[Timing], str]:
    """Return the timings of each stage and of the whole pipeline on one thread, and the digits read in the picture.

    model: as Classifier takes it. Raises ModelError. No network may be open yet: it would keep its threads.

    Ink and surroundings are timed in any picture; the pipeline leaves a plain one's unasked.
    """
    stages = "segment", "normalize", "classify", "cut", "decode", "closer", "inked", "locate", "context", "signs", "all"
    times: dict[str, list[float]] = {stage: [] for stage in stages}

    def timed(stage: str, run: Callable[[], Made]) -> Made:
        start = time.perf_counter()
        made = run()
        times[stage].append(1000 * (time.perf_counter() - start))
        return made

    def read(candidates: Sequence[Candidate]) -> Probabilities:
        return classifier(normalize(candidates))

    def by_ink(digits: Sequence[Box], candidates: Sequence[Candidate], alone: Probabilities) -> list[Shares]:
        looks = at_sizes(image, heights_of(digits))
        written(image, looks)
        weighed(image, candidates, alone, looks)
        return looks

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # also of networks that are opened from now on
    try:
        classifier = Classifier(model)
        for _ in range(WARM_UP + rounds):
            half = timed("segment", partial(at_half, image))
            candidates = half.candidates
            patches = timed("normalize", partial(normalize, candidates))
            probabilities = timed("classify", partial(classifier, patches))
            cutting = partial(apart, candidates, probabilities, read, leftmost, classifier.labels)
            candidates, probabilities = timed("cut", cutting)
            reading = partial(decode, candidates, probabilities, classifier.labels, MIN_CONFIDENCE)
            numbers = timed("decode", reading)
            digits = [digit.box for number in numbers for digit in number.digits]
            timed("closer", partial(look_closer, half.image, digits))
            looks = timed("inked", partial(by_ink, digits, candidates, probabilities))
            # which candidates they are takes no time: other models may have other labels
            none = np.zeros((0, locate.NO_DIGIT + 1), np.float32)
            timed("locate", partial(locate.weighed, image.shape, [], none, looks))
            timed("context", partial(in_context, half.image, candidates, probabilities))
            timed("signs", partial(with_signs, image, numbers))
            numbers = list(timed("all", partial(trace_image, image, classifier)).numbers)
    finally:
        cv2.setNumThreads(threads)
    timings = [
        Timing(stage, *np.percentile(series[WARM_UP:], [50, 95, 99]).tolist()) for stage, series in times.items()
    ]
    return timings, " ".join(number.text for number in numbers)


def bench_frame() -> Image:
    """Return a 1280x720 BGR frame of unevenly lit paper with ten digits in two numbers, the same every time."""
    rng = np.random.default_rng(0)
    x = np.linspace(0.6, 1, 1280)
    paper = 215 * x + rng.normal(0, 3, (720, 1280))
    frame = np.repeat(np.clip(paper, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    for text, place in (("31415", (240, 280)), ("92653", (300, 560))):
        for i, label in enumerate(text):
            at = place[0] + 160 * i, place[1]
            cv2.putText(frame, label, at, cv2.FONT_HERSHEY_SIMPLEX, 4, (70, 50, 40), 9, cv2.LINE_AA)
    return frame
