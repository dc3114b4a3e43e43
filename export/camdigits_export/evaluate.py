"""How good a model file is: right, rejected and fast, with intervals; by the same classifier that reads the camera."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from camdigits.classify import Classifier
from camdigits_export.augment import as_input
from camdigits_export.datasets import DataError, Labels
from camdigits_export.patches import PatchSet, clean, held_rejects, validation


@dataclass(frozen=True, slots=True)
class Score:
    """Of count patches, how many were right and rejected (a rejected digit is not right); the mean confidence."""

    count: int
    right: int
    rejected: int
    confidence: float


def dataset(name: str, report: Callable[[str], None]) -> PatchSet:
    """Return what a model is judged on: a data set's test signs, `validation` (MNIST's) or `rejects`. Raises DataError.

    name: also as datasets.load takes it.
    """
    match name:
        case "validation":
            return validation("mnist", report)
        case "rejects":
            return held_rejects(report)
        case _:
            return clean(name, "test", report)


def truth(model: Classifier, patches: PatchSet) -> Labels:
    """Return (N,) uint8: the column of the model in which each patch's own label stands, the last for no digit.

    Raises DataError where the model does not know a label.
    """
    present = np.unique(patches.labels[patches.labels < len(patches.names)])
    unknown = [patches.names[i] for i in present if patches.names[i] not in model.labels]
    if unknown:
        raise DataError(f"{model.path}: does not know {', '.join(unknown)}; it reads {', '.join(model.labels)}")
    columns = [model.labels.index(name) if name in model.labels else 0 for name in patches.names]
    return np.array([*columns, len(model.labels)], np.uint8)[patches.labels]


def score(model: Classifier, patches: PatchSet) -> Score:
    """Return how a model reads patches. Raises DataError as `truth` does."""
    wanted = truth(model, patches)
    probabilities = model(as_input(patches.patches))
    said = probabilities.argmax(axis=1)
    return Score(
        count=len(patches),
        right=int(np.sum(said == wanted)),
        rejected=int(np.sum(said == len(model.labels))),
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
