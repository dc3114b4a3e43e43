"""Support vectors: principal components of the features, a radial kernel, every label against every other."""

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from camdigits_export import classical
from camdigits_export.datasets import Labels
from camdigits_export.features import Floats
from camdigits_export.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(classical.Recipe):
    """All that a fit is made of, beside what every recipe has.

    components: principal components kept. cost: of an example on the wrong side (C). reject_weight: of a reject's
    cost, a digit's being 1; fewer digits are rejected below 1. gamma: how near an example must be to count, in inverse
    squared distance of components, whose mean variance is one.
    """

    kind: ClassVar[str] = "svm"
    components: int = 100
    cost: float = 8.0
    reject_weight: float = 0.2
    gamma: float = 0.005

    def fit(self, described: Floats, labels: Labels, reject: int) -> "Svm":
        """Return scikit-learn's support vectors."""
        from sklearn.decomposition import PCA
        from sklearn.svm import SVC

        pca = PCA(min(self.components, *described.shape), svd_solver="covariance_eigh").fit(described)
        scale = np.sqrt(pca.explained_variance_.mean())
        axes = (pca.components_.T / scale).astype(np.float32)
        mean = pca.mean_.astype(np.float32)
        classifier = SVC(
            C=self.cost,
            gamma=self.gamma,
            class_weight={reject: self.reject_weight},
            decision_function_shape="ovo",
            cache_size=1000,
        )
        return Svm(mean, axes, classifier.fit((described - mean) @ axes, labels), reject + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Svm:
    """A fitted model: mean (F,) and axes (F, D) of the projection, scikit-learn's SVC, columns: how many logits.

    Thousands of vectors with weights of either sign cancel one another: float32 would leave errors of 1e-4, so all is
    summed as float64.
    """

    mean: Floats
    axes: Floats
    classifier: Any
    columns: int

    def logits(self, described: Floats) -> Floats:
        """Return for each label how surely it wins against every other, each contest worth -1 to 1."""
        point = (described - self.mean).astype(np.float64) @ self.axes
        contests = self.classifier.decision_function(point)
        logits: Floats = (np.clip(contests, -1, 1) @ self._contests()).astype(np.float32)
        return logits

    def add(self, graph: Graph, described: str) -> str:
        """Add projection, kernel and contests to a graph."""

        def double(value: str | Floats) -> str:
            return graph.add("Cast", value, to=TensorProto.DOUBLE)

        classifier = self.classifier
        point = graph.add("MatMul", double(graph.add("Sub", described, self.mean)), double(self.axes))
        own = graph.add("ReduceSumSquare", point, [1], keepdims=1)
        doubled = graph.add("Mul", point, np.array(-2.0))
        weighed = []
        ends = np.cumsum([0, *classifier.n_support_])
        for start, end in pairwise(ends):
            vectors = classifier.support_vectors_[start:end].T.astype(np.float32)
            products = graph.add("MatMul", doubled, double(vectors))
            lengths = np.square(vectors, dtype=np.float64).sum(axis=0)
            distances = graph.add("Add", graph.add("Add", products, lengths), own)
            kernel = graph.add("Exp", graph.add("Mul", distances, np.array(-classifier.gamma)))
            weighed.append(graph.add("MatMul", kernel, classifier.dual_coef_[:, start:end].T))
        contests = graph.add("MatMul", graph.add("Concat", *weighed, axis=1), self._rivals())
        contests = graph.add("Cast", graph.add("Add", contests, classifier.intercept_), to=TensorProto.FLOAT)
        return graph.add("MatMul", graph.add("Clip", contests, -1.0, 1.0), self._contests())

    def _rivals(self) -> NDArray[np.float64]:
        """Return ((C + 1) * C, P): which labels' vectors, weighed against which rival, count in which contest."""
        rivals = self.columns - 1
        counted = np.zeros((self.columns * rivals, self.columns * rivals // 2))
        for at, (one, other) in enumerate(combinations(range(self.columns), 2)):
            # scikit-learn keeps a label's weights in the order of its rivals, without itself
            counted[one * rivals + other - 1, at] = counted[other * rivals + one, at] = 1
        return counted

    def _contests(self) -> Floats:
        """Return (P, C + 1): to whom each contest counts, and from whom."""
        pairs = list(combinations(range(self.columns), 2))
        contests = np.zeros((len(pairs), self.columns), np.float32)
        for at, (one, other) in enumerate(pairs):
            contests[at, one], contests[at, other] = 1, -1
        return contests
