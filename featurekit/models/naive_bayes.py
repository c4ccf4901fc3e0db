"""Gaussian naive Bayes on functionals of the audio, ours, fitted by scikit-learn.

Luo, Xu, Chen 2019 compare with naive Bayes on words, which is ``naive-bayes-text``; their 55.72 is no figure of this model.

log p(k | x) is log p(k) + sum over dimensions of log N(x_d; mean_kd, variance_kd), up to a constant. 1e-3 of the largest
variance is added to each (ours), so that a dimension that hardly varies in a small class does not decide alone.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from featurekit.models import model
from featurekit.models.classical import OURS, RECIPE, OnFunctionals, TrainingPart, needed


@model("naive-bayes", recipe=RECIPE, paper=OURS, features="he2019/functionals")
class NaiveBayes(OnFunctionals):
    """Gaussian naive Bayes.

    Parameters
    ----------
    n_classes : int
        K.
    smoothing : float
        Share of the largest variance added to all.
    """

    def __init__(self, *, n_classes: int, smoothing: float = 1e-3) -> None:
        super().__init__(n_classes, ("log_prior", "mean", "variance"))
        self.smoothing = smoothing

    def fit_vectors(self, X: np.ndarray, part: TrainingPart) -> None:
        """Means and variances of each class."""
        fitted = needed("sklearn.naive_bayes").GaussianNB(var_smoothing=self.smoothing).fit(X, part.labels)
        self.keep(log_prior=np.log(fitted.class_prior_), mean=fitted.theta_, variance=fitted.var_)

    def judge_vectors(self, X: Tensor) -> Tensor:
        """Bayes' rule."""
        mean, variance = self.array("mean"), self.array("variance")  # (K, d)
        distance = (X[:, None] - mean).square() / variance + torch.log(2 * math.pi * variance)  # (B, K, d)
        return (self.array("log_prior") - 0.5 * distance.sum(dim=-1)).log_softmax(dim=1)
