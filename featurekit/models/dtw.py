"""Nearest neighbour by dynamic time warping, on frames (a traditional method of Luo, Xu, Chen 2019), with dtaidistance.

An utterance gets the class of the nearest template. Templates are training utterances, at most 20 a class drawn at random, and
an utterance is at most 60 vectors, each the mean of a stretch of frames (ours: all pairs of all frames would take hours).
The distance is the root of the summed squares along the best path within a band of ten vectors around the diagonal, divided by
the root of both lengths. The log-probabilities are the log-softmax of minus each class's nearest distance.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from featurekit.models import model
from featurekit.models.classical import LUO, RECIPE, Classical, TrainingPart, needed


@model("dtw", recipe=RECIPE, paper=LUO, features="luo2019/mfcc", dims=13)
class DTW(Classical):
    """Nearest template by dynamic time warping.

    Parameters
    ----------
    n_classes : int
        K.
    templates : int
        A class, at most.
    steps : int
        Vectors an utterance, at most.
    band : int
        How far a path may leave the diagonal.
    """

    order_by = "distances to the nearest templates"

    def __init__(self, *, n_classes: int, templates: int = 20, steps: int = 60, band: int = 10) -> None:
        super().__init__(n_classes, ("templates", "lengths", "labels"))
        self.most, self.steps, self.band = templates, steps, band

    def fit(self, part: TrainingPart) -> None:
        """Draw the templates."""
        needed("dtaidistance.dtw_ndim")  # to fail now, not at the first utterance to judge
        rng = np.random.default_rng(part.seed)
        chosen = []
        for label in range(len(self.array("there"))):
            rows = np.flatnonzero(part.labels == label)
            chosen += sorted(rng.permutation(rows)[: self.most].tolist())
        every = part.sequences()
        short = [shortened(every[row], self.steps) for row in chosen]
        lengths = np.array([len(item) for item in short])
        templates = np.zeros((len(short), lengths.max(), part.frames.shape[2]))
        for row, item in zip(templates, short, strict=True):
            row[: len(item)] = item
        self.keep(templates=templates, lengths=lengths, labels=part.labels[chosen])

    def judge(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding is the distance to each class's nearest template."""
        sizes = self.array("lengths").tolist()
        templates = [item[:n].contiguous().numpy() for item, n in zip(self.array("templates"), sizes, strict=True)]
        utterances = [shortened(item[:n].numpy(), self.steps) for item, n in zip(frames, lengths.tolist(), strict=True)]
        warp = needed("dtaidistance.dtw_ndim").distance_fast
        distances = torch.tensor(
            [[warp(a, b, window=self.band) / np.sqrt(len(a) + len(b)) for b in templates] for a in utterances],
            dtype=torch.float64,
        )  # (B, templates)
        labels = self.array("labels")
        nearest = torch.stack([distances[:, labels == label].amin(dim=1) for label in range(len(self.array("there")))], dim=1)
        return (-nearest).log_softmax(dim=1), nearest


def shortened(frames: np.ndarray, steps: int) -> np.ndarray:
    """At most ``steps`` vectors: means of stretches of equal length, give or take one frame; (T, D) → (min(T, steps), D)."""
    if len(frames) <= steps:
        return np.ascontiguousarray(frames)
    edges = np.linspace(0, len(frames), steps + 1).astype(int)
    return np.add.reduceat(frames, edges[:-1], axis=0) / np.diff(edges)[:, None]
