"""Gaussian mixtures, one per class, on frames (a traditional method of Luo, Xu, Chen 2019), fitted by scikit-learn.

An utterance's score for a class is its mean log-likelihood a frame under the class's mixture of diagonal Gaussians; classes
count equally. The mean, not the sum, since frames are not independent: their sum would make every probability 0 or 1.
Sixteen components, fewer for classes of fewer than ten frames each, are ours.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor

from featurekit.models import model
from featurekit.models.classical import LUO, RECIPE, Classical, TrainingPart, needed
from featurekit.models.layers import masked_mean

FRAMES_A_GAUSSIAN = 10
LEAST_VARIANCE = 1e-3  # of normalised features


@model("gmm", recipe=RECIPE, paper=LUO, features="luo2019/mfcc", dims=13)
class GMM(Classical):
    """A mixture of diagonal Gaussians a class.

    Parameters
    ----------
    n_classes : int
        K.
    components : int
        Gaussians a class.
    """

    order_by = "log-likelihoods divided by the number of frames"

    def __init__(self, *, n_classes: int, components: int = 16) -> None:
        super().__init__(n_classes, ("log_weights", "means", "variances"))
        self.components = components

    def fit(self, part: TrainingPart) -> None:
        """Fit each class on all its frames. The arrays are padded with components of weight 0."""
        shape = len(self.array("there")), self.components
        log_weights = np.full(shape, -np.inf)
        means, variances = np.zeros((*shape, part.frames.shape[2])), np.ones((*shape, part.frames.shape[2]))
        mixture = needed("sklearn.mixture").GaussianMixture
        for label in range(shape[0]):
            frames = np.concatenate(part.sequences(label))
            n = max(1, min(self.components, len(frames) // FRAMES_A_GAUSSIAN))
            fitted = mixture(n, covariance_type="diag", reg_covar=LEAST_VARIANCE, random_state=part.seed)
            with warnings.catch_warnings():  # a mixture that would still gain after 100 iterations is a good one
                warnings.simplefilter("ignore", needed("sklearn.exceptions").ConvergenceWarning)
                fitted.fit(frames)
            log_weights[label, :n] = np.log(fitted.weights_)
            means[label, :n], variances[label, :n] = fitted.means_, fitted.covariances_
        self.keep(log_weights=log_weights, means=means, variances=variances)

    def judge(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding is the log-likelihood a frame of every class."""
        likelihood = gaussians(frames, self.array("means"), self.array("variances")) + self.array("log_weights")  # (B, T, K, M)
        scores = masked_mean(likelihood.logsumexp(dim=-1), lengths)  # (B, K)
        return scores.log_softmax(dim=1), scores


def gaussians(frames: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """Log N(x; mean, diagonal variance) of frames (B, T, D) for means (K, M, D), as (B, T, K, M)."""
    flat, precision = means.flatten(0, 1), 1.0 / variances.flatten(0, 1)  # (K M, D)
    distance = frames.square() @ precision.T - 2 * frames @ (flat * precision).T + (flat.square() * precision).sum(dim=1)
    constant = frames.shape[2] * math.log(2 * math.pi) - torch.log(precision).sum(dim=1)
    return (-0.5 * (distance + constant)).reshape(*frames.shape[:2], *means.shape[:2])
