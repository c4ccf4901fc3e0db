"""Hidden Markov models, one per class, on frames (a traditional method of Luo, Xu, Chen 2019), fitted by hmmlearn.

Each state has one diagonal Gaussian; every state can follow every other. An utterance's score for a class is its
log-likelihood by the forward algorithm, divided by its frames (:mod:`featurekit.models.gmm` says why); classes count
equally. Five states, fewer for classes of fewer than ten frames each, and 20 iterations are ours.
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor

from featurekit.models import model
from featurekit.models.classical import LUO, RECIPE, Classical, TrainingPart, needed
from featurekit.models.gmm import FRAMES_A_GAUSSIAN, LEAST_VARIANCE, gaussians

_RARE = 1e-12  # a way that was never gone in training is possible, but hardly


@model("hmm", recipe=RECIPE, paper=LUO, features="luo2019/mfcc", dims=13)
class HMM(Classical):
    """A Gaussian hidden Markov model a class.

    Parameters
    ----------
    n_classes : int
        K.
    states : int
        States a class.
    iterations : int
        Of expectation maximisation, at most.
    """

    order_by = "log-likelihoods divided by the number of frames"

    def __init__(self, *, n_classes: int, states: int = 5, iterations: int = 20) -> None:
        super().__init__(n_classes, ("log_start", "log_ways", "means", "variances"))
        self.states, self.iterations = states, iterations

    def fit(self, part: TrainingPart) -> None:
        """Fit each class on its utterances. The arrays are padded with states that are never reached."""
        shape, dims = (len(self.array("there")), self.states), part.frames.shape[2]
        start, ways = np.zeros(shape), np.zeros((*shape, self.states))
        means, variances = np.zeros((*shape, dims)), np.ones((*shape, dims))
        hmm = needed("hmmlearn.hmm")
        # What it says of models that stopped gaining or have few frames is no reason for the user to act.
        logging.getLogger("hmmlearn").setLevel(logging.ERROR)
        for label in range(shape[0]):
            sequences = part.sequences(label)
            frames = np.concatenate(sequences)
            n = max(1, min(self.states, len(frames) // FRAMES_A_GAUSSIAN))
            settings = {"covariance_type": "diag", "min_covar": LEAST_VARIANCE, "n_iter": self.iterations}
            fitted = hmm.GaussianHMM(n, random_state=part.seed % 2**32, **settings).fit(frames, [len(x) for x in sequences])
            start[label, :n] = np.maximum(fitted.startprob_, _RARE)
            ways[label, :n, :n] = np.maximum(fitted.transmat_, _RARE)
            means[label, :n] = fitted.means_
            variances[label, :n] = np.diagonal(fitted.covars_, axis1=1, axis2=2)
        with np.errstate(divide="ignore"):
            self.keep(log_start=np.log(start), log_ways=np.log(ways), means=means, variances=variances)

    def judge(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding is the log-likelihood a frame of every class."""
        emission = gaussians(frames, self.array("means"), self.array("variances"))  # (B, T, K, S)
        ways = self.array("log_ways")  # (K, S, S)
        alpha = self.array("log_start") + emission[:, 0]  # (B, K, S)
        for t in range(1, frames.shape[1]):
            onwards = (alpha[..., None] + ways).logsumexp(dim=-2) + emission[:, t]
            alpha = torch.where((t < lengths)[:, None, None], onwards, alpha)
        scores = alpha.logsumexp(dim=-1) / lengths.clamp(min=1)[:, None]  # (B, K)
        return scores.log_softmax(dim=1), scores
