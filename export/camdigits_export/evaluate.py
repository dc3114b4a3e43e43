"""How good a model file is, by the same classifier that reads the camera: shares with intervals, and how fast."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from camdigits.classify import Classifier
from camdigits.types import MIN_CONFIDENCE, Probabilities
from camdigits_export import metrics
from camdigits_export.augment import as_input
from camdigits_export.datasets import COME_SPLIT, DIGITS, NOT_A_DIGIT, DataError, Labels, load
from camdigits_export.metrics import Answered, Bin, ClassFigures
from camdigits_export.mistakes import Confusion, confusions
from camdigits_export.patches import PatchSet, clean, held_rejects, validation
from camdigits_export.to_onnx import stated


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """How a model read N patches. truth: (N,) uint8, its right columns. probabilities: (N, K) float32."""

    truth: Labels
    probabilities: Probabilities

    @property
    def count(self) -> int:
        """Return N."""
        return len(self.truth)

    @property
    def said(self) -> NDArray[np.int64]:
        """Return the (N,) columns that the model took."""
        columns: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return columns

    @property
    def right(self) -> int:
        """Return how many were read right; a rejected digit is not."""
        return int(np.sum(self.said == self.truth))

    @property
    def rejected(self) -> int:
        """Return how many were taken for no digit."""
        return int(np.sum(self.said == self.probabilities.shape[1] - 1))


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that is said of a model; shares of 0 to 1, intervals of 95 %.

    confidence: the mean. macro, classes: precision, recall and F1. calibration_error: expected (ECE). answered: at the
    reader's own threshold. milliseconds: for ten patches on one thread. matrix: a row for each true name, a column for
    each name read. reliability, coverage: as metrics has them.
    """

    model: str
    dataset: str
    names: tuple[str, ...]
    count: int
    right: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    rejected: int
    rejected_interval: tuple[float, float]
    confidence: float
    macro: ClassFigures
    calibration_error: float
    answered: Answered
    milliseconds: float
    microseconds_a_digit: float
    classes: tuple[ClassFigures, ...]
    matrix: tuple[tuple[int, ...], ...]
    confusions: tuple[Confusion, ...]
    reliability: tuple[Bin, ...]
    coverage: tuple[Answered, ...]


def dataset(name: str, report: Callable[[str], None], recipe: Mapping[str, Any] | None = None) -> PatchSet:
    """Return what a model is judged on, and report which part that is. Raises DataError.

    name: `validation`, `rejects`, or as datasets.load takes it. recipe: the model's, MNIST's by default. Of the data
    set that it learnt from it is judged on the signs kept back; of a folder, or OpenCV's digits, that it did not learn
    from, on all.
    """
    recipe = recipe or {}
    trained = recipe.get("dataset", "mnist")
    match name:
        case "validation":
            part, patches = f"validation signs of {trained}", validation(trained, report)
        case "rejects":
            if set(recipe.get("labels", DIGITS)) != set(DIGITS):
                raise DataError("rejects: what is no digit may be one of the model's signs; name its own data set")
            part, patches = "held-out rejects", held_rejects(report)
        case _ if name in COME_SPLIT or learnt_from(name, [recipe]) is not None:
            part, patches = f"test signs of {name}", clean(name, "test", report)
            if name not in COME_SPLIT and recipe.get("fingerprint") not in (
                None,
                _fingerprint(name, Path(name).resolve()),
            ):
                report(
                    f"{name}: changed since the model learnt from it, which may have seen some of what it is judged on"
                )
        case _:
            part, patches = f"signs of {name}, all: not those that the model learnt from", clean(name, "all", report)
    report(f"judged on {len(patches)} {part}")
    return patches


def learnt_from(name: str, recipes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the recipe of a model that learnt from this folder, or OpenCV's digits; None if none did.

    It is told by its path, or, wherever it lies, by its pictures, as long as all are there and no others.
    """
    for recipe in recipes:
        if Path(name).resolve() == Path(recipe.get("dataset", "mnist")).resolve():
            return recipe
    learnt = {recipe["fingerprint"]: recipe for recipe in recipes if "fingerprint" in recipe}
    return learnt.get(_fingerprint(name, Path(name).resolve())) if learnt else None


@cache
def _fingerprint(name: str, _place: Path) -> str:
    """Return the fingerprint of what a data set teaches, empty where that is too little; a folder is read once.

    _place: what the name means where we stand.
    """
    try:
        return load(name, "train").fingerprint()
    except DataError:
        return ""


def truth(model: Classifier, patches: PatchSet) -> Labels:
    """Return (N,) uint8: the column of the model in which each patch's own label stands, the last for no digit.

    Raises DataError where the model does not know a label, or reads more than what rejects are none of.
    """
    present = np.unique(patches.labels[patches.labels < len(patches.names)])
    unknown = [patches.names[i] for i in present if patches.names[i] not in model.labels]
    if unknown:
        raise DataError(
            f"{model.path}: does not know {', '.join(unknown)}; it reads {', '.join(model.labels)}; "
            "name its own data set with --dataset"
        )
    if (patches.labels == len(patches.names)).any() and set(model.labels) != set(patches.names):
        raise DataError(
            f"{model.path}: reads {', '.join(model.labels)}; "
            f"what is none of {', '.join(patches.names)} may be one of them"
        )
    columns = [model.labels.index(name) if name in model.labels else 0 for name in patches.names]
    return np.array([*columns, len(model.labels)], np.uint8)[patches.labels]


def score(model: Classifier, patches: PatchSet) -> Score:
    """Return how a model reads patches. Raises DataError as `truth` does."""
    return Score(truth(model, patches), model(as_input(patches.patches)))


def judge(model: Classifier, name: str, patches: PatchSet, found: Score) -> Judgement:
    """Return all that is said of a model that read a data set's patches so; name: the data set's."""
    names = (*model.labels, NOT_A_DIGIT)
    matrix = metrics.confusion(found.probabilities, found.truth)
    classes = metrics.by_class(found.probabilities, found.truth)
    bins = metrics.reliability(found.probabilities, found.truth)
    time_of_ten = milliseconds(model, patches)
    return Judgement(
        model=model.path.name,
        dataset=name,
        names=names,
        count=found.count,
        right=found.right,
        accuracy=found.right / found.count,
        accuracy_interval=metrics.wilson(found.right, found.count),
        rejected=found.rejected,
        rejected_interval=metrics.wilson(found.rejected, found.count),
        confidence=float(found.probabilities.max(axis=1).mean()),
        macro=metrics.macro(classes),
        calibration_error=metrics.calibration_error(bins),
        answered=metrics.coverage(found.probabilities, found.truth, [MIN_CONFIDENCE])[0],
        milliseconds=time_of_ten,
        microseconds_a_digit=time_of_ten * 100,
        classes=tuple(classes),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        confusions=tuple(confusions(matrix, patches.patches, found.truth, found.said, names, recipe(model))),
        reliability=tuple(bins),
        coverage=tuple(metrics.coverage(found.probabilities, found.truth, np.linspace(0, 0.999, 112))),
    )


def summary(judged: Judgement) -> list[str]:
    """Return the lines that tell the most of it."""
    shares = (
        ("right", judged.right, judged.accuracy_interval),
        ("rejected", judged.rejected, judged.rejected_interval),
    )
    lines = [
        f"{title}: {hits} of {judged.count}, {hits / judged.count:.2%} (95 %: {low:.2%} to {high:.2%})"
        for title, hits, (low, high) in shares
    ]
    macro, answered = judged.macro, judged.answered
    lines += [
        f"mean of the classes: precision {macro.precision:.2%}, recall {macro.recall:.2%}, F1 {macro.f1:.2%}",
        f"mean confidence: {judged.confidence:.2%}",
        f"calibration error: {judged.calibration_error:.2%} (ECE, {metrics.BINS} bins)",
        f"at {answered.threshold:.0%} confidence: {answered.share:.2%} answered, {answered.error:.2%} of these wrong",
        f"ten patches, one thread: {judged.milliseconds:.2f} ms (median), {judged.microseconds_a_digit:.0f} us a digit",
    ]
    if judged.confusions:
        most = (f"{c.true} as {c.read} ({c.count})" for c in judged.confusions[:5])
        lines.append(f"confused most: {', '.join(most)}")
    return lines


def milliseconds(model: Classifier, patches: PatchSet) -> float:
    """Return the median time of classifying ten patches, on the one thread that reading uses too."""
    return times([model], patches)[0]


def times(models: Sequence[Classifier], patches: PatchSet, rounds: int = 200) -> list[float]:
    """Return `milliseconds` of each model; they take turns, so a machine's other work slows them all alike."""
    ten = as_input(patches.patches[np.arange(10) % len(patches)])
    taken = np.empty((rounds, len(models)))
    for turn in taken:
        for at, model in enumerate(models):
            start = time.perf_counter()
            model(ten)
            turn[at] = time.perf_counter() - start
    return [1000 * float(median) for median in np.median(taken, axis=0)]


def recipe(model: Classifier) -> dict[str, Any]:
    """Return the recipe that a model file states, with whether it is int8; empty where it states none."""
    training = stated(model.path).get("training", {})
    found: dict[str, Any] = training.get("recipe", {})
    return found | {"int8": True} if training.get("int8") else found
