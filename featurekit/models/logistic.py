"""Multinomial logistic regression on the mean over time (Banerjee, Huang, Lettiere 2021, the first baseline).

Their "logistic regression (avg)" is trained by gradients: Adam, learning rate 1e-2, weight decay 1e-3, batch 32, 100 epochs, on
at most 250 frames. The mean is over the frames there are, not over the padding (ours). "We selected validation accuracy as an
evaluation metric", and tables 2 to 4 print an epoch a run beside it: WA on the development part chooses the epoch in every
recipe of that paper (``monitor = "wa"``).
"""

from __future__ import annotations

from torch import nn

from featurekit.models import Inputs, Output, model
from featurekit.models.layers import masked_mean, target_frames

BANERJEE = "Banerjee, Huang, Lettiere 2021: Understanding Emotion Classification In Audio Data"
_RECIPE = {
    "lr": 1e-2,
    "weight_decay": 1e-3,
    "epochs": 100,
    "batch_size": 32,
    "improvement": 0.01,
    "n_frames": 250,
    "monitor": "wa",
}


@model("logistic", recipe=_RECIPE, paper=BANERJEE, dims=301, features="banerjee2021")
class Logistic(nn.Module):
    """A linear layer on the time mean.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    """

    def __init__(self, *, dims: int, n_classes: int) -> None:
        super().__init__()
        self.classes = nn.Linear(dims, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, D): the mean over time.
        """
        mean = masked_mean(*target_frames(batch))  # (B, D)
        return Output(self.classes(mean), mean)
