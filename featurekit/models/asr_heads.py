"""Small heads on ASR-encoder features, ours: what is done today where data are few.

``asr-linear``: the mean over time and one linear layer, a probe of what the encoder knows; ``asr-attentive``: a dense layer
on every frame, attentive statistics pooling, a linear layer. The encoder itself is frozen: its hidden states are a
column of the store (``asr_encoder``), whose layer is chosen when it is extracted. AdamW with weight decay 0.01, a warmup
of 5 epochs and half a cosine, label smoothing 0.1; SpecAugment for the attentive one.
"""

from __future__ import annotations

from torch import nn

from featurekit.models import Inputs, Output, model
from featurekit.models.asr_decoders import AUGMENT
from featurekit.models.layers import AttentiveStatistics, target_frames
from featurekit.models.logistic import Logistic

_RECIPE = {
    "lr": 1e-3,
    "epochs": 60,
    "batch_size": 32,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup_epochs": 5,
    "label_smoothing": 0.1,
    "gradient_clip": 4.0,
}
_PAPER = "ours: a head on frozen speech representations, after Yang et al. 2021 (SUPERB)"


@model("asr-linear", recipe=_RECIPE, paper=_PAPER, dims=384, features="asr_encoder")
class ASRLinear(Logistic):
    """One linear layer on the mean over time, as :class:`~featurekit.models.logistic.Logistic`."""


@model("asr-attentive", recipe=_RECIPE, paper=_PAPER, dims=384, features="asr_encoder", augment=AUGMENT)
class ASRAttentive(nn.Module):
    """Attentive statistics pooling on projected frames.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    units : int
        Of the projection.
    dropout : float
        After the projection and before the class layer.
    """

    def __init__(self, *, dims: int, n_classes: int, units: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(dims, units), nn.GELU(), nn.Dropout(dropout))
        self.pooling = AttentiveStatistics(units, units=units // 2)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(self.pooling.dims_out, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 256): mean and standard deviation; ``attention["frames"]`` (B, T).
        """
        frames, lengths = target_frames(batch)
        embedding, weights = self.pooling(self.project(frames), lengths)  # (B, 256), (B, T)
        return Output(self.classes(self.dropout(embedding)), embedding, {"frames": weights})
