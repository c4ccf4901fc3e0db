"""Random forest and gradient boosting on functionals, fitted by scikit-learn and kept as arrays of nodes.

``random-forest``: 300 trees on bootstrap samples, each split among sqrt(d) features; the mean of the leaves' class shares.
``gradient-boosting``: 100 rounds of histogram gradient boosting with learning rate 0.1; a tree a class and round, whose leaves
add to the class's score. Its leaves hold at least 20 utterances, less where the training part is smaller than 400 (a
twentieth). Both are current practice, not of a paper of the house.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from featurekit.errors import ParameterError
from featurekit.models import model
from featurekit.models.classical import RECIPE, OnFunctionals, TrainingPart, needed

_NODES = ("feature", "threshold", "left", "right", "value")
_LEAST_SHARE = 1e-6


class Trees(OnFunctionals):
    """Trees walked from their roots: at each node left where x[feature] <= threshold; a leaf's left is -1."""

    def __init__(self, n_classes: int, arrays: Sequence[str] = ()) -> None:
        super().__init__(n_classes, (*_NODES, *arrays))

    @abstractmethod
    def judge_sums(self, sums: Tensor, n_trees: int) -> Tensor:
        """Log-probabilities of the sums of leaf values, (B, K)."""

    def plant(self, trees: Sequence[dict[str, np.ndarray]]) -> None:
        """Keep trees, padded to the largest; each has ``value`` (nodes, K) and the others (nodes,)."""
        most = max(len(tree["left"]) for tree in trees)
        padded = {name: [_padded(np.asarray(tree[name]), most) for tree in trees] for name in _NODES}
        self.keep(**{name: np.stack(arrays) for name, arrays in padded.items()})

    def judge_vectors(self, X: Tensor) -> Tensor:
        """Walk all trees at once."""
        feature, left, right = (self.array(name).long() for name in ("feature", "left", "right"))
        threshold, value = self.array("threshold"), self.array("value")
        trees = torch.arange(len(left)).expand(len(X), -1)  # (B, trees)
        node = torch.zeros_like(trees)
        while True:
            inner = left[trees, node] >= 0
            if not inner.any():
                return self.judge_sums(value[trees, node].sum(dim=1), len(left))
            goes_left = X.gather(1, feature[trees, node].clamp(min=0)) <= threshold[trees, node]
            node = torch.where(inner, torch.where(goes_left, left[trees, node], right[trees, node]), node)


@model("random-forest", recipe=RECIPE, paper="Breiman 2001: Random Forests", features="he2019/functionals")
class RandomForest(Trees):
    """Random forest.

    Parameters
    ----------
    n_classes : int
        K.
    trees : int
        How many.
    """

    def __init__(self, *, n_classes: int, trees: int = 300) -> None:
        super().__init__(n_classes)
        self.trees = trees

    def fit_vectors(self, X: np.ndarray, part: TrainingPart) -> None:
        """Grow the forest on float32, as scikit-learn splits it."""
        forest = needed("sklearn.ensemble").RandomForestClassifier(self.trees, random_state=part.seed)
        grown = [item.tree_ for item in forest.fit(X.astype(np.float32), part.labels).estimators_]
        self.plant([_node_arrays(tree) for tree in grown])

    def judge_vectors(self, X: Tensor) -> Tensor:
        """On float32, as in training."""
        return super().judge_vectors(X.float().double())

    def judge_sums(self, sums: Tensor, n_trees: int) -> Tensor:
        """Log of the mean share."""
        return torch.log((sums / n_trees).clamp(min=_LEAST_SHARE)).log_softmax(dim=1)


@model("gradient-boosting", recipe=RECIPE, paper="Friedman 2001: Greedy Function Approximation", features="he2019/functionals")
class GradientBoosting(Trees):
    """Histogram gradient boosting.

    Parameters
    ----------
    n_classes : int
        K.
    rounds : int
        Of boosting.
    learning_rate : float
        Weight of each round.
    """

    def __init__(self, *, n_classes: int, rounds: int = 100, learning_rate: float = 0.1) -> None:
        super().__init__(n_classes, ("baseline",))
        if not learning_rate > 0:
            raise ParameterError(f"learning_rate is {learning_rate!r}; expected a value above 0")
        self.rounds, self.learning_rate = rounds, learning_rate

    def fit_vectors(self, X: np.ndarray, part: TrainingPart) -> None:
        """Boost. scikit-learn shows the trees of this one only by its private ``_predictors``; a test compares the result."""
        leaf = max(1, min(20, len(X) // 20))
        own = {"max_iter": self.rounds, "learning_rate": self.learning_rate, "random_state": part.seed}
        boosted = needed("sklearn.ensemble").HistGradientBoostingClassifier(min_samples_leaf=leaf, early_stopping=False, **own)
        boosted.fit(X, part.labels)
        n = len(self.array("there"))
        # Two classes have one tree a round, whose score is the second class's.
        columns = range(n) if n > 2 else (1,)
        pairs = [pair for per_round in boosted._predictors for pair in zip(columns, per_round, strict=True)]
        self.plant([_boosted_arrays(tree.nodes, column, n) for column, tree in pairs])
        baseline = np.zeros(n)
        baseline[list(columns)] = np.ravel(boosted._baseline_prediction)
        self.keep(baseline=baseline)

    def judge_sums(self, sums: Tensor, n_trees: int) -> Tensor:
        """Softmax of the scores."""
        return (sums + self.array("baseline")).log_softmax(dim=1)


def _node_arrays(tree: Any) -> dict[str, np.ndarray]:
    arrays = {"left": tree.children_left, "right": tree.children_right, "feature": tree.feature, "threshold": tree.threshold}
    return arrays | {"value": tree.value[:, 0]}


def _boosted_arrays(nodes: np.ndarray, column: int, n_classes: int) -> dict[str, np.ndarray]:
    leaf = nodes["is_leaf"].astype(bool)
    value = np.zeros((len(nodes), n_classes))
    value[:, column] = np.where(leaf, nodes["value"], 0.0)
    ways = {side: np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right")}
    return ways | {"feature": nodes["feature_idx"].astype(np.int64), "threshold": nodes["num_threshold"], "value": value}


def _padded(array: np.ndarray, length: int) -> np.ndarray:
    spare = [(0, length - len(array))] + [(0, 0)] * (array.ndim - 1)
    return np.pad(array, spare, constant_values=-1 if array.dtype.kind == "i" else 0)
