"""What a model gets wrong: its confusions with what goes with them, and its worst mistakes beside what it learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from camdigits.types import Probabilities
from camdigits_export.metrics import Truth
from camdigits_export.patches import PatchSet
from camdigits_export.traits import traits

STANDS_OUT = 2.5
"""Standard errors from the class's usual; of traits that mean nothing, about one in eighty lies further out."""

LEAST = {"slant": 1.0, "stroke": 0.1, "size": 0.5, "loops": 0.1, "pieces": 0.1}
"""The least standard deviation that a class is taken to have: fewer patches than all show too little."""

TRY = {
    ("slant", True): "they lean to the right: train with more such",
    ("slant", False): "they lean to the left: train with more such",
    ("stroke", True): "their strokes are thick: train with more such; write or expose thinner",
    ("stroke", False): "their strokes are thin: train with more such; use a softer pen",
    ("size", True): "they are wide: train with more such",
    ("size", False): "they are narrow: train with more such",
    ("loops", True): "they close loops that should be open: train with more such; sharpen the picture",
    ("loops", False): "their loops are open or filled: train with more such; use another pen",
    ("pieces", True): "they are broken: train with more such; give the picture more contrast",
    ("pieces", False): "their pieces have grown together: train with more such; write further apart",
}
"""By trait, and whether it is more than usual."""

DESKEW = ", or with --deskew"
"""Behind what is tried against slant, for a model that can set ink upright and does not."""

REJECTED = "rejected: train with fewer rejects like them"
LESS_REJECTING = {
    "cnn": ", or raise --reject-bias",
    "knn": ", or lower --reject-weight",
    "svm": ", or lower --reject-weight",
    "forest": ", or lower --rejects",
    "mlp": ", or lower --rejects",
}
"""Behind it, by the kind of model."""

PASSED = "no digits: train with more rejects like them; ask for more confidence when reading"
PLAIN = "nothing measured sets them apart: look at them; train with more of their kind, or correct their labels"


@dataclass(frozen=True, slots=True)
class Trait:
    """The mean of a trait over a confusion's patches, and over all of the true class."""

    name: str
    here: float
    usual: float
    stands_out: bool


@dataclass(frozen=True, slots=True)
class Confusion:
    """`count` patches of one class that were read as another; attempt: what to try against it."""

    true: str
    read: str
    count: int
    traits: tuple[Trait, ...]
    attempt: str


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """Patch number `at`, (28, 28) uint8, read wrong; the nearest of the training patches with their labels."""

    at: int
    true: str
    read: str
    confidence: float
    patch: NDArray[np.uint8]
    nearest: tuple[tuple[str, NDArray[np.uint8]], ...]


def confusions(
    matrix: NDArray[np.int64],
    patches: NDArray[np.uint8],
    truth: Truth,
    said: NDArray[np.integer],
    names: Sequence[str],
    recipe: Mapping[str, Any],
    most: int = 10,
) -> list[Confusion]:
    """Return the `most` frequent confusions of a (K, K) matrix, the most frequent first.

    names: of the K classes, the last `not a digit`. recipe: the model's, as its file states it: of what it has options
    for, these are what is to be tried.
    """
    wrong = np.where(np.eye(len(names), dtype=bool), 0, matrix)
    ranked = [divmod(int(i), len(names)) for i in np.argsort(-wrong.ravel(), kind="stable")[:most]]
    return [_confusion(patches, truth, said, names, recipe, true, read) for true, read in ranked if wrong[true, read]]


def _confusion(
    patches: NDArray[np.uint8],
    truth: Truth,
    said: NDArray[np.integer],
    names: Sequence[str],
    recipe: Mapping[str, Any],
    true: int,
    read: int,
) -> Confusion:
    of_class = truth == true
    here = (said == read)[of_class]
    found, away = [], {}
    for name, values in traits(patches[of_class]).items():
        error = max(float(values.std()), LEAST[name]) / np.sqrt(here.sum())
        away[name] = float(values[here].mean() - values.mean()) / error
        found.append(Trait(name, float(values[here].mean()), float(values.mean()), bool(abs(away[name]) > STANDS_OUT)))
    furthest = max(away, key=lambda name: abs(away[name]))
    reject = len(names) - 1
    advice = [PASSED] if true == reject else []
    if read == reject:
        advice.append(REJECTED + LESS_REJECTING.get(recipe.get("kind", ""), ""))
    if abs(away[furthest]) > STANDS_OUT and true != reject:
        upright = DESKEW if furthest == "slant" and recipe.get("deskew") is False else ""
        advice.append(TRY[furthest, away[furthest] > 0] + upright)
    return Confusion(names[true], names[read], int(here.sum()), tuple(found), "; ".join(advice) or PLAIN)


def worst(
    probabilities: Probabilities,
    truth: Truth,
    patches: NDArray[np.uint8],
    names: Sequence[str],
    training: PatchSet | None,
    most: int = 24,
) -> list[Mistake]:
    """Return the mistakes that the model is surest of, the surest first; training: where to look for neighbours."""
    said, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.nonzero(said != truth)[0]
    at = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    near = nearest(patches[at], training.patches) if training and len(at) else np.zeros((len(at), 0), int)
    return [
        Mistake(
            at=int(i),
            true=names[truth[i]],
            read=names[said[i]],
            confidence=float(confidence[i]),
            patch=patches[i],
            nearest=tuple((training.names[training.labels[j]], training.patches[j]) for j in row) if training else (),
        )
        for i, row in zip(at, near, strict=True)
    ]


def nearest(patches: NDArray[np.uint8], training: NDArray[np.uint8], count: int = 3) -> NDArray[np.int64]:
    """Return (N, count): which training patches are nearest to each patch by Euclidean distance, the nearest first."""
    ours, theirs = (some.reshape(len(some), -1).astype(np.float32) for some in (patches, training))
    index = NearestNeighbors(n_neighbors=min(count, len(theirs)), algorithm="brute").fit(theirs)
    near: NDArray[np.int64] = index.kneighbors(ours, return_distance=False)
    return near
