"""A random forest on the features: many trees, each grown on a sample of its own, whose leaves' shares are averaged."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from camdigits_export import classical
from camdigits_export.datasets import Labels
from camdigits_export.features import Floats
from camdigits_export.graph import Graph

DOUBT = 1e-3
"""The least share of any label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(classical.Recipe):
    """All that a fit is made of, beside what every recipe has.

    trees: how many. depth: of a tree at most. leaf: examples in a leaf at least. tried: features that each branch
    chooses from, as a share of all.
    """

    kind: ClassVar[str] = "forest"
    trees: int = 60
    depth: int = 20
    leaf: int = 2
    tried: float = 0.05

    def fit(self, described: Floats, labels: Labels, reject: int) -> "Forest":
        """Return scikit-learn's forest."""
        from sklearn.ensemble import RandomForestClassifier

        classifier = RandomForestClassifier(
            self.trees,
            max_depth=self.depth,
            min_samples_leaf=self.leaf,
            max_features=self.tried,
            random_state=self.seed,
        )
        return Forest(classifier.fit(described, labels), reject + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A fitted model: scikit-learn's RandomForestClassifier, columns: how many logits."""

    classifier: Any
    columns: int

    def logits(self, described: Floats) -> Floats:
        """Return the logarithms of the leaves' mean shares."""
        shares = self.classifier.predict_proba(described)
        logits: Floats = np.log(shares + DOUBT).astype(np.float32)
        return logits

    def add(self, graph: Graph, described: str) -> str:
        """Add the trees to a graph, leaves' shares as targets that are summed."""
        trees = [estimator.tree_ for estimator in self.classifier.estimators_]
        counts = [tree.node_count for tree in trees]
        left = np.concatenate([tree.children_left for tree in trees])
        right = np.concatenate([tree.children_right for tree in trees])
        leaf = left < 0
        tree_of = np.repeat(np.arange(len(trees)), counts)
        node_of = np.concatenate([np.arange(count) for count in counts])
        shares = np.concatenate([tree.value[:, 0] for tree in trees])[leaf] / len(trees)
        at, target = np.nonzero(shares)
        total = graph.add(
            "TreeEnsembleRegressor",
            described,
            domain="ai.onnx.ml",
            n_targets=self.columns,
            nodes_treeids=tree_of,
            nodes_nodeids=node_of,
            nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
            nodes_featureids=np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])),
            nodes_values=np.where(leaf, 0, _rounded_down(np.concatenate([tree.threshold for tree in trees]))),
            nodes_truenodeids=np.where(leaf, 0, left),
            nodes_falsenodeids=np.where(leaf, 0, right),
            target_treeids=tree_of[leaf][at],
            target_nodeids=node_of[leaf][at],
            target_ids=target,
            target_weights=shares[at, target].astype(np.float32),
        )
        return graph.add("Log", graph.add("Add", total, DOUBT))


def _rounded_down(thresholds: NDArray[np.float64]) -> Floats:
    """Return thresholds as float32, none above what it was: a float32 feature then turns the same way."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
