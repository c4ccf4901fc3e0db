"""BLSTM on low-level descriptors (He, Ren, He 2019, experiment two): the preset ``he2019`` without its functionals.

Dense 512 with ReLU on every frame, then a BLSTM with 128 units a direction. Gaussian noise 0.1 on the input and dropout 50 %
"on all layers" in training. The recipe is as printed; see :mod:`featurekit.models.sae_cnn_blstm` on its learning rate.
The paper does not say how the recurrent states become one vector: ours is their mean over time.
"""

from __future__ import annotations

import torch
from torch import nn

from featurekit.models import Inputs, Output, model
from featurekit.models.layers import MaskedLSTM, masked_mean, target_frames
from featurekit.models.sae_cnn_blstm import PAPER, RECIPE

_LLD = ",".join(f"he2019/{name}" for name in ("fft_spectrum", "f0", "formants", "log_energy", "zcr", "mfcc"))


@model("blstm-lld", recipe=RECIPE, paper=PAPER, dims=282, features=_LLD)
class BlstmLld(nn.Module):
    """Dense layer on frames, BLSTM, mean over time.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    dense, units : int
        Of the dense layer, and of the BLSTM in a direction.
    bidirectional : bool
        Or an LSTM that reads forwards only, with which section 4.2 compares.
    noise : float
        Standard deviation of the noise on the input in training.
    dropout : float
        After each layer.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        dense: int = 512,
        units: int = 128,
        bidirectional: bool = True,
        noise: float = 0.1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.noise = noise
        self.dense = nn.Linear(dims, dense)
        self.lstm = MaskedLSTM(dense, units, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(self.lstm.dims_out, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 256), of an LSTM (B, 128): the mean of the states.
        """
        frames, lengths = target_frames(batch)
        if self.training and self.noise:
            frames = frames + self.noise * torch.randn_like(frames)
        x = self.dropout(self.dense(frames).relu())  # (B, T, 512)
        states, _ = self.lstm(x, lengths)  # (B, T, 256)
        embedding = masked_mean(states, lengths)  # (B, 256)
        return Output(self.classes(self.dropout(embedding)), embedding)
