"""How good a model file is: right, rejected and fast, with intervals; by the same classifier that reads the camera."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from camdigits.classify import Classifier
from camdigits_export.augment import as_input
from camdigits_export.patches import REJECT, PatchSet, held_rejects, mnist_test, validation

Dataset = Literal["mnist", "validation", "rejects"]


@dataclass(frozen=True, slots=True)
class Score:
    """Of count patches, how many were right and rejected (a rejected digit is not right); the mean confidence."""

    count: int
    right: int
    rejected: int
    confidence: float


def dataset(name: Dataset, report: Callable[[str], None]) -> PatchSet:
    """Return MNIST's test digits, the 5,000 validation digits, or 5,000 held-out rejects. Raises DataError."""
    match name:
        case "mnist":
            return mnist_test()
        case "validation":
            return validation(report)
        case "rejects":
            return held_rejects(report)


def score(model: Classifier, patches: PatchSet) -> Score:
    """Return how a model reads patches."""
    probabilities = model(as_input(patches.patches))
    said = probabilities.argmax(axis=1)
    return Score(
        count=len(patches),
        right=int(np.sum(said == patches.labels)),
        rejected=int(np.sum(said == REJECT)),
        confidence=float(probabilities.max(axis=1).mean()),
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval (Wilson 1927) of a share of hits in count, 0 to 1."""
    z = 1.96
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def milliseconds(model: Classifier, patches: PatchSet, rounds: int = 200) -> float:
    """Return the median time of classifying ten patches, on the one thread that reading uses too."""
    ten = as_input(patches.patches[:10])
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        model(ten)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000
