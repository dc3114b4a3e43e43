"""What probabilities are worth beside the truth.

Everywhere probabilities are (N, K) float32, the last column `not a digit`, and truth is (N,) integers below K: the
column that is right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from camdigits.types import Probabilities

Truth = NDArray[np.integer]

BINS = 15
"""Bins of equal width that confidences fall into, as Guo et al. 2017 have it."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of `count` patches of a class, how many were found (recall); of those read as it, how many are it (precision).

    f1: the harmonic mean of both. What has nothing to be measured on is 0.
    """

    count: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Bin:
    """`count` patches with confidences above low, up to high: their mean confidence, and the share that was right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Answered:
    """At a threshold: the share of all patches that get an answer, and the share of the answers that is wrong."""

    threshold: float
    share: float
    error: float


def confusion(probabilities: Probabilities, truth: Truth) -> NDArray[np.int64]:
    """Return (K, K) counts: a row for each true class, a column for what was read."""
    matrix: NDArray[np.int64] = confusion_matrix(truth, probabilities.argmax(axis=1), labels=_classes(probabilities))
    return matrix


def by_class(probabilities: Probabilities, truth: Truth) -> list[ClassFigures]:
    """Return the figures of each of the K classes."""
    said = probabilities.argmax(axis=1)
    found = precision_recall_fscore_support(truth, said, labels=_classes(probabilities), zero_division=0)
    precision, recall, f1, count = (column.tolist() for column in found)
    return [ClassFigures(*row) for row in zip(count, precision, recall, f1, strict=True)]


def _classes(probabilities: Probabilities) -> range:
    return range(probabilities.shape[1])


def macro(classes: Sequence[ClassFigures]) -> ClassFigures:
    """Return all patches' count and the plain mean of the other figures, over the classes that have patches."""
    present = [c for c in classes if c.count]
    means = (fmean(getattr(c, name) for c in present) for name in ("precision", "recall", "f1"))
    return ClassFigures(sum(c.count for c in present), *means)


def reliability(probabilities: Probabilities, truth: Truth, bins: int = BINS) -> list[Bin]:
    """Return the bins that hold patches, from the least sure up (DeGroot and Fienberg 1983)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    at = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(b / bins, (b + 1) / bins, int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for b in range(bins)
        if (inside := at == b).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error (ECE, Naeini et al. 2015): the bins' mean gap, weighed by patches."""
    return sum(b.count * abs(b.confidence - b.right) for b in bins) / sum(b.count for b in bins)


def coverage(probabilities: Probabilities, truth: Truth, thresholds: ArrayLike) -> list[Answered]:
    """Return what is answered at each of T thresholds (El-Yaniv and Wiener 2010's risk and coverage).

    A patch is answered where a label stands above `not a digit` with at least this confidence, as the reader does it.
    """
    said, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    label = said < probabilities.shape[1] - 1
    answers = []
    # float32, as confidences are: 0.9 is to answer at 0.9
    for threshold in np.asarray(thresholds, np.float32):
        taken = label & (confidence >= threshold)
        wrong = np.sum(taken & (said != truth))
        answers.append(Answered(round(float(threshold), 6), float(taken.mean()), float(wrong / max(np.sum(taken), 1))))
    return answers


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval (Wilson 1927) of a share of hits in count, 0 to 1."""
    z = 1.96
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def span(hits: int, count: int) -> str:
    """Return `wilson`'s interval in percent, as cards and reports write it."""
    low, high = wilson(hits, count)
    return f"{100 * low:.2f} to {100 * high:.2f}"
