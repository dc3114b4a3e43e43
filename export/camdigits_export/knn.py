"""The nearest neighbours: the examples nearest a patch vote, in directions that tell labels apart.

The directions are those of nonparametric discriminant analysis (Fukunaga and Mantock 1983): differences to the nearest
examples of other labels are large along them, differences to the nearest of one's own small.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from camdigits_export import classical
from camdigits_export.datasets import Labels
from camdigits_export.features import Floats
from camdigits_export.graph import Graph

MOST = 50.0
"""The logarithm of the most that a stranger counts."""

PROBED, PROBED_NEIGHBOURS = 4000, 5
"""Examples, and neighbours of each, whose differences choose the directions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(classical.Recipe):
    """All that a fit is made of, beside what every recipe has.

    components: directions kept. evenness: how much one's own differences count as even in all directions; more is
    nearer to principal components. neighbours: how many vote. reject_weight: of a reject's vote, a digit's being 1;
    fewer digits are rejected below 1. fade: how fast votes fade with squared distance, in medians of what examples
    have to their nearest. stranger: how far, in the same, a reject always stands. doubt: the least vote of any label.
    """

    kind: ClassVar[str] = "knn"
    seen: int = 4000
    rare: int = 2000
    rejects: int = 10_000
    components: int = 80
    evenness: float = 0.3
    neighbours: int = 12
    reject_weight: float = 0.5
    fade: float = 1.0
    stranger: float = 4.0
    doubt: float = 1e-3

    def fit(self, described: Floats, labels: Labels, reject: int) -> "Knn":
        """Return the examples in the directions that tell them apart, and how they vote."""
        rng = np.random.default_rng(self.seed)
        mean = described.mean(axis=0)
        axes = _directions(described - mean, labels, rng, self.components, self.evenness)
        projected = (described - mean) @ axes
        step = float(np.abs(projected).max() / 127)
        examples = np.round(projected / step).astype(np.int8)
        # of the same example more than once, the first counts: nobody could say which of them is nearer
        first = np.sort(np.unique(examples, axis=0, return_index=True)[1])
        examples, labels = examples[first], labels[first]
        weights = np.ones(reject + 1, np.float32)
        weights[reject] = self.reject_weight
        model = Knn(mean, axes, examples, step, labels, weights, min(self.neighbours, len(labels)), self.doubt)
        probed = first[rng.permutation(len(labels))[:PROBED]]
        return model.scaled(described[probed], self.fade, self.stranger)


@dataclass(frozen=True, slots=True, eq=False)
class Knn:
    """A fitted model.

    mean (F,) and axes (F, D): the projection, float32. examples (M, D) int8: the projected examples, each unit worth
    `step`. labels (M,) uint8. weights (C + 1,): of the labels' votes. neighbours: how many vote, each with
    exp(-sharpness * squared distance beyond the nearest). stranger: the squared distance at which a reject always
    stands. doubt: the least vote of any label.
    """

    mean: Floats
    axes: Floats
    examples: NDArray[np.int8]
    step: float
    labels: Labels
    weights: Floats
    neighbours: int
    doubt: float
    sharpness: float = 1.0
    stranger: float = 1.0

    def scaled(self, described: Floats, fade: float, stranger: float) -> "Knn":
        """Return the model with votes that fade by the median distance of these examples from their nearest others."""
        median = float(np.median(self._nearest(described, 2)[0][:, 1]))
        return replace(self, sharpness=fade / median, stranger=stranger * median)

    def logits(self, described: Floats) -> Floats:
        """Return the logarithms of (N, C + 1) votes, neighbours found by scikit-learn."""
        distances, at = self._nearest(described, self.neighbours)
        first = distances[:, :1]
        fading = np.exp(-self.sharpness * (distances - first))
        votes = np.einsum("nk,nkc->nc", fading, np.eye(len(self.weights))[self.labels[at]]) * self.weights
        votes[:, -1] += np.exp(np.minimum(self.sharpness * (first[:, 0] - self.stranger), MOST))
        logits: Floats = np.log(votes + self.doubt).astype(np.float32)
        return logits

    def _nearest(self, described: Floats, count: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return squared distances and places, (N, count) each, of the examples nearest to (N, F) descriptions."""
        from sklearn.neighbors import NearestNeighbors

        index = NearestNeighbors(n_neighbors=count, algorithm="brute")
        index.fit(self.examples.astype(np.float32) * np.float32(self.step))
        distances, at = index.kneighbors((described - self.mean) @ self.axes)
        return (distances**2).astype(np.float32), at

    def add(self, graph: Graph, described: str) -> str:
        """Add projection, search and votes to a graph."""
        # in units of `step`, so that examples are used as they are stored
        axes = self.axes / np.float32(self.step)
        point = graph.add("MatMul", graph.add("Sub", described, self.mean), axes)
        # |a - b|^2 = |a|^2 - 2ab + |b|^2; the nearest is sought without |a|^2
        stored = graph.add("Identity", self.examples.T)
        examples = graph.add("Cast", stored, to=TensorProto.FLOAT)
        half_lengths = graph.add("Mul", graph.add("ReduceSumSquare", examples, [0], keepdims=1), 0.5)
        nearness = graph.add("Sub", graph.add("MatMul", point, examples), half_lengths)
        _, near_at = graph.add_two("TopK", nearness, [self.neighbours], axis=1)
        # measured anew: the difference of such large numbers is not exact enough where examples are few
        near = graph.add("Cast", graph.add("Gather", stored, near_at, axis=1), to=TensorProto.FLOAT)
        away = graph.add("Sub", graph.add("Unsqueeze", point, [2]), graph.add("Transpose", near, perm=[1, 0, 2]))
        distances = graph.add("Mul", graph.add("ReduceSumSquare", away, [1], keepdims=0), self.step**2)
        first = graph.add("ReduceMin", distances, [1], keepdims=1)
        fading = graph.add("Exp", graph.add("Mul", graph.add("Sub", first, distances), self.sharpness))
        # a table of labels, not of one-hot rows: a byte for each example
        said = graph.add("Cast", graph.add("Gather", self.labels, near_at), to=TensorProto.INT64)
        columns = np.arange(len(self.weights))
        table = graph.add("Cast", graph.add("Equal", graph.add("Unsqueeze", said, [2]), columns), to=TensorProto.FLOAT)
        votes = graph.add("Squeeze", graph.add("MatMul", graph.add("Unsqueeze", fading, [1]), table), [1])
        strange = graph.add("Mul", graph.add("Sub", first, self.stranger), self.sharpness)
        reject = (columns == columns[-1]).astype(np.float32)
        stranger = graph.add("Mul", graph.add("Exp", graph.add("Min", strange, MOST)), reject)
        votes = graph.add("Add", graph.add("Mul", votes, self.weights), stranger)
        return graph.add("Log", graph.add("Add", votes, self.doubt))


def _directions(described: Floats, labels: Labels, rng: np.random.Generator, count: int, evenness: float) -> Floats:
    """Return (F, count) axes along which (M, F) descriptions of other labels lie far apart, those of one's own near."""
    asking = rng.permutation(len(labels))[:PROBED]
    own, others = (_scatter(described, labels, asking, same) for same in (True, False))
    whitening = np.linalg.inv(np.linalg.cholesky(own + evenness * np.eye(len(own))))
    spreads, axes = np.linalg.eigh(whitening @ others @ whitening.T)
    kept = np.argsort(spreads)[::-1][:count]
    directions: Floats = (whitening.T @ axes[:, kept] * np.sqrt(np.maximum(spreads[kept], 0))).astype(np.float32)
    return directions


def _scatter(described: Floats, labels: Labels, asking: NDArray[np.int64], same: bool) -> NDArray[np.float64]:
    """Return the (F, F) scatter of differences to the nearest of one's own label, or of others; its mean variance 1."""
    from sklearn.neighbors import NearestNeighbors

    total = np.zeros((described.shape[1],) * 2)
    for label in np.unique(labels[asking]):
        mine = asking[labels[asking] == label]
        pool = np.flatnonzero((labels == label) == same)
        # the nearest of one's own is oneself, and adds nothing
        index = NearestNeighbors(n_neighbors=min(PROBED_NEIGHBOURS + same, len(pool)), algorithm="brute")
        near = pool[index.fit(described[pool]).kneighbors(described[mine], return_distance=False)]
        differences = (described[mine, None] - described[near]).reshape(-1, described.shape[1])
        total += differences.T @ differences
    even: NDArray[np.float64] = total * len(total) / np.trace(total)
    return even
