"""Support vector machine with an RBF kernel on functionals of the audio (He, Ren, He 2019, experiment one).

Luo, Xu, Chen 2019 compare with a machine on words, which is ``svm-text``; their 57.23 is no figure of this model.

libsvm's one-against-one classifiers, fitted by scikit-learn. C comes from a logarithmic grid of 1e-6 to 1, as printed, by the
UA of a five-fold cross-validation over the training part whose folds share no speaker (ours; the smaller C of equals); with
fewer than two speakers it is the grid's largest. gamma is 1 / d for the standardised functionals.

A class's score is its number of won comparisons, and among equals the sum of their margins, as scikit-learn's "ovr" decision
function; the log-probabilities are its log-softmax: an order, not a calibrated probability.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from featurekit.errors import ParameterError
from featurekit.models import model
from featurekit.models.classical import RECIPE, OnFunctionals, TrainingPart, needed

_FOLDS = 5


@model("svm", recipe=RECIPE, paper="He, Ren, He 2019 (experiment one), with libsvm's RBF kernel", features="he2019/functionals")
class SVM(OnFunctionals):
    """One-against-one RBF support vector machines.

    Parameters
    ----------
    n_classes : int
        K.
    grid : sequence of float
        Values of C to choose from; one value is taken as it is.
    """

    order_by = "won comparisons and their margins"

    def __init__(self, *, n_classes: int, grid: Sequence[float] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)) -> None:
        super().__init__(n_classes, ("vectors", "coefficients", "intercepts", "C"))
        if not grid or min(grid) <= 0:
            raise ParameterError(f"grid is {tuple(grid)}; expected values of C above 0")
        self.grid = sorted(grid)

    def fit_vectors(self, X: np.ndarray, part: TrainingPart) -> None:
        """Choose C, then fit on all."""
        C = self._choose(X, part)
        fitted = _svc(C, X.shape[1]).fit(X, part.labels)
        coefficients, intercepts = _pairs(fitted)
        self.keep(vectors=fitted.support_vectors_, coefficients=coefficients, intercepts=intercepts, C=np.array([C]))

    def judge_vectors(self, X: Tensor) -> Tensor:
        """Votes and margins of all pairs."""
        vectors = self.array("vectors")
        kernel = torch.exp(-torch.cdist(X, vectors, compute_mode="donot_use_mm_for_euclid_dist").square() / X.shape[1])
        margins = kernel @ self.array("coefficients").T + self.array("intercepts")  # (B, pairs)
        votes = X.new_zeros(len(X), len(self.array("there")))
        confidence = torch.zeros_like(votes)
        for margin, (one, other) in zip(margins.T, itertools.combinations(range(votes.shape[1]), 2), strict=True):
            votes[:, one] += margin > 0
            votes[:, other] += margin <= 0
            confidence[:, one] += margin
            confidence[:, other] -= margin
        return (votes + confidence / (3 * (confidence.abs() + 1))).log_softmax(dim=1)

    def _choose(self, X: np.ndarray, part: TrainingPart) -> float:
        n_speakers = len(set(part.speakers))
        if len(self.grid) == 1 or n_speakers < 2:
            return self.grid[-1]
        folds = needed("sklearn.model_selection").GroupKFold(min(_FOLDS, n_speakers)).split(X, groups=part.speakers)
        folds = [(train, held) for train, held in folds if len(set(part.labels[train])) > 1]
        scores = [self._held_out_ua(C, folds, X, part.labels) for C in self.grid] if folds else []
        return self.grid[int(np.argmax(scores))] if scores else self.grid[-1]

    @staticmethod
    def _held_out_ua(C: float, folds: Sequence[tuple[np.ndarray, np.ndarray]], X: np.ndarray, labels: np.ndarray) -> float:
        """UA over the held-out utterances of all folds together."""
        correct = [_svc(C, X.shape[1]).fit(X[train], labels[train]).predict(X[held]) == labels[held] for train, held in folds]
        right, truth = np.concatenate(correct), np.concatenate([labels[held] for _, held in folds])
        return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))


def _svc(C: float, dims: int) -> Any:
    return needed("sklearn.svm").SVC(C=C, kernel="rbf", gamma=1.0 / dims)


def _pairs(fitted: Any) -> tuple[np.ndarray, np.ndarray]:
    """Coefficient of every support vector in every pair's margin (pairs, vectors), positive for the pair's first class.

    libsvm has for each vector one coefficient for every other class, and the vectors sorted by class.
    """
    ends = np.cumsum(fitted.n_support_)
    ranges = [slice(end - n, end) for end, n in zip(ends, fitted.n_support_, strict=True)]
    # scikit-learn turns the sign when there are two classes.
    sign = -1.0 if len(ranges) == 2 else 1.0
    rows = []
    for one, other in itertools.combinations(range(len(ranges)), 2):
        row = np.zeros(len(fitted.support_vectors_))
        row[ranges[one]] = fitted.dual_coef_[other - 1, ranges[one]]
        row[ranges[other]] = fitted.dual_coef_[one, ranges[other]]
        rows.append(sign * row)
    return np.array(rows), sign * fitted.intercept_
