"""A perceptron with one hidden layer on the features."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from camdigits_export import classical
from camdigits_export.datasets import DataError, Labels
from camdigits_export.features import Floats
from camdigits_export.graph import Graph

TINY = 1e-30
"""Keeps the logarithm of a share that is too small for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(classical.Recipe):
    """All that a fit is made of, beside what every recipe has.

    hidden: units of the hidden layer. epochs: passes over the examples. batch: examples a step. rate: Adam's learning
    rate. decay: weight of the squared weights in the loss (alpha).
    """

    kind: ClassVar[str] = "mlp"
    hidden: int = 256
    epochs: int = 15
    batch: int = 256
    rate: float = 1e-3
    decay: float = 1e-4

    def fit(self, described: Floats, labels: Labels, reject: int) -> "Mlp":  # noqa: ARG002 - it is a label as any other
        """Return scikit-learn's perceptron. Raises DataError where its weights are no longer numbers."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        mean = described.mean(axis=0)
        scale = float(1 / described.std())
        classifier = MLPClassifier(
            self.hidden,
            batch_size=min(self.batch, len(labels)),
            learning_rate_init=self.rate,
            alpha=self.decay,
            max_iter=self.epochs,
            random_state=self.seed,
        )
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            # it ends after its epochs, as asked
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                classifier.fit((described - mean) * np.float32(scale), labels)
            except ValueError as error:  # scikit-learn's for weights that are no longer numbers
                raise DataError(f"the perceptron's weights are no longer numbers ({error}); lower --rate") from error
        return Mlp(mean, scale, classifier)


@dataclass(frozen=True, slots=True, eq=False)
class Mlp:
    """A fitted model: mean (F,) and scale that make descriptions even, scikit-learn's MLPClassifier."""

    mean: Floats
    scale: float
    classifier: Any

    def logits(self, described: Floats) -> Floats:
        """Return the logarithms of the shares that scikit-learn gives."""
        shares = self.classifier.predict_proba((described - self.mean) * np.float32(self.scale))
        logits: Floats = np.log(shares.astype(np.float64) + TINY).astype(np.float32)
        return logits

    def add(self, graph: Graph, described: str) -> str:
        """Add both layers to a graph."""
        hidden, last = (weights.astype(np.float32) for weights in self.classifier.coefs_)
        hidden_bias, last_bias = (bias.astype(np.float32) for bias in self.classifier.intercepts_)
        even = graph.add("Mul", graph.add("Sub", described, self.mean), self.scale)
        units = graph.add("Relu", graph.add("Gemm", even, hidden, hidden_bias))
        return graph.add("Gemm", units, last, last_bias)
