"""What neighbours, support vectors, forest and perceptron share: examples, features, calibration, one ONNX file.

scikit-learn fits, ONNX serves. A fitted model gives logits of described patches, once by scikit-learn and once as ONNX
nodes; before a file is written, the two are compared.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from camdigits_export import runs
from camdigits_export.augment import as_input
from camdigits_export.calibrate import fit_temperature
from camdigits_export.datasets import DataError, Labels
from camdigits_export.features import Features, Floats, Kind
from camdigits_export.graph import Graph
from camdigits_export.patches import Workshop
from camdigits_export.to_onnx import Agreement, agreement, finish, run, write

ROUNDING = 1e-4
"""The most that a feature may differ between numpy and ONNX: setting a patch upright magnifies roundings."""


class Model(Protocol):
    """A fitted model, for described patches (N, F)."""

    def logits(self, described: Floats) -> Floats:
        """Return (N, C + 1) float32 by scikit-learn, not yet calibrated."""

    def add(self, graph: Graph, described: str) -> str:
        """Add the nodes that do the same and return the name of the logits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(ABC):
    """What every fit is made of.

    dataset: whose patches, as datasets.load takes it. features, deskew: as Features has them. seen: digits as a camera
    sees them, rare, rejects: drawn digits and what is none, that are added to the clean digits.
    """

    kind: ClassVar[str]
    dataset: str = "mnist"
    features: str = Kind.HOG.value
    deskew: bool = True
    seen: int = 8000
    rare: int = 3000
    rejects: int = 6000
    seed: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError where `features` is none of Kind: a recipe.json may say anything."""
        Kind(self.features)

    @abstractmethod
    def fit(self, described: Floats, labels: Labels, reject: int) -> Model:
        """Return a model fitted to (N, F) descriptions with (N,) labels, of which `reject` is `not a sign`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A model fitted and calibrated; figures: how it does on what is for choosing, as Workshop.figures has them."""

    features: Features
    model: Model
    temperature: float
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training wrote. path: the file. agreement: with scikit-learn, on validation signs, clean and seen."""

    path: Path
    agreement: Agreement


Report = Callable[[str, float], None]
"""Called with what goes on and the share of all that is done."""


def train(workshop: Workshop, folder: Path, recipe: Recipe, report: Report) -> Trained:
    """Fit in a new folder and write its model.onnx, compared with scikit-learn. Raises DataError or ModelError."""
    runs.check_free(folder)
    start = time.perf_counter()
    fitted = fit(workshop, recipe, report)
    seconds = time.perf_counter() - start
    report("writing and comparing", 0.9)
    settings = runs.begin(folder, recipe, workshop)
    proto = to_graph(fitted.features, fitted.model, fitted.temperature, workshop.reject + 1)
    data = finish(proto, workshop.names, {"recipe": settings}, fitted.figures)
    patches = np.concatenate([workshop.validation.patches, workshop.validation_seen.patches])
    agreed = compare(data, fitted, patches)
    write(data, folder / "model.onnx")
    # how long it took is no property of the model: the same recipe gives the same bytes
    runs.log(folder, fitted.figures | {"seconds": seconds})
    report("done", 1.0)
    return Trained(folder / "model.onnx", agreed)


def fit(workshop: Workshop, recipe: Recipe, report: Report = lambda *_: None) -> Fit:
    """Fit a model to a workshop's examples and calibrate it. Raises DataError where there are too few kinds of them."""
    patches, labels = examples(workshop, recipe)
    if len(np.unique(labels)) <= workshop.reject:
        raise DataError(f"{recipe.dataset}: needs examples of every label, and rejects")
    features = Features(Kind(recipe.features), recipe.deskew)
    report("describing", 0.0)
    described = features.of(patches)
    report("fitting", 0.1)
    model = recipe.fit(described, labels, workshop.reject)
    report("calibrating on validation", 0.8)
    choosing = workshop.choosing()
    logits = model.logits(features.of(choosing.patches))
    temperature = fit_temperature(logits, choosing.labels)
    figures = workshop.figures(logits.argmax(axis=1)) | {"temperature": temperature}
    return Fit(features, model, temperature, figures)


def examples(workshop: Workshop, recipe: Recipe) -> tuple[NDArray[np.uint8], Labels]:
    """Return the (M, 28, 28) uint8 patches that a recipe learns from, and their (M,) labels."""
    rng = np.random.default_rng(recipe.seed)
    clean, rare = workshop.clean, workshop.rare
    seen_at = rng.permutation(len(clean))[: recipe.seen]
    rare_at = rng.permutation(len(rare))[: recipe.rare]
    rejects = workshop.rejects.patches[rng.permutation(len(workshop.rejects))[: recipe.rejects]]
    seen = workshop.seen[rng.integers(len(workshop.seen), size=len(seen_at)), seen_at]
    reject = np.full(len(rejects), workshop.reject, np.uint8)
    return (
        np.concatenate([clean.patches, seen, rare.patches[rare_at], rejects]),
        np.concatenate([clean.labels, clean.labels[seen_at], rare.labels[rare_at], reject]),
    )


def to_graph(features: Features, model: Model, temperature: float, columns: int) -> onnx.ModelProto:
    """Return features, model and calibration as one graph."""
    graph = Graph()
    logits = model.add(graph, features.add(graph))
    return graph.model(graph.add("Softmax", graph.add("Div", logits, temperature), axis=1), columns)


def shares(logits: Floats, temperature: float) -> Floats:
    """Return (N, C + 1) float32 probabilities."""
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def compare(data: bytes, fitted: Fit, patches: NDArray[np.uint8]) -> Agreement:
    """Return how far a file and scikit-learn agree on patches. Raises ModelError where they, or descriptions, differ.

    Two steps, because a tree may turn on a last digit: scikit-learn reads what the graph describes.
    """
    ink = as_input(patches)
    expected = fitted.features.of(patches)
    graph = Graph()
    alone = graph.model(fitted.features.add(graph), expected.shape[1]).SerializeToString()
    agreement(alone, expected, ink, ROUNDING)
    return agreement(data, shares(fitted.model.logits(run(alone, ink)), fitted.temperature), ink)
