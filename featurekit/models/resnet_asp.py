"""A small ResNet with attentive statistics pooling on log-mel energies, ours: current practice for short speech.

A first convolution halves time and frequency; four stages of one residual block (32, 64, 128, 256 channels) on the (T, D)
plane follow, of which the middle ones halve both again and the last one the frequency; the map's frequencies stand beside
each other in every frame; attentive statistics pooling; a dense layer; a linear layer. 1.9 million parameters at 80
bands. After every convolution what lies beyond the end is 0 again, so that an utterance's logits do not depend on its
padding (in training the statistics of a batch still do).

AdamW, lr 1e-3, weight decay 0.01, a warmup of 5 epochs and half a cosine, label smoothing 0.1, SpecAugment.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from featurekit.models import Inputs, Output, model
from featurekit.models.layers import AttentiveStatistics, masked, target_frames

_RECIPE = {
    "lr": 1e-3,
    "epochs": 80,
    "batch_size": 32,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup_epochs": 5,
    "label_smoothing": 0.1,
    "gradient_clip": 4.0,
}
_PAPER = "ours: ResNet and attentive statistics pooling, after Okabe et al. 2018 and the speaker recognition of today"
_CHANNELS = (32, 64, 128, 256)
_STRIDES = ((1, 1), (2, 2), (2, 2), (1, 2))  # time, frequency


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; (N, C, T, D) → (N, channels, T', D')."""

    def __init__(self, channels_in: int, channels: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.time_stride = stride[0]
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        lengths = -(-lengths // self.time_stride)
        y = _silent_end(self.norm1(self.conv1(x)).relu(), lengths)
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        return _silent_end(y.relu(), lengths), lengths


@model("resnet-asp", recipe=_RECIPE, paper=_PAPER, dims=80, features="lu2020", augment=("specaugment",))
class ResNetASP(nn.Module):
    """A small ResNet over time and frequency, attentive statistics pooling over time.

    Parameters
    ----------
    dims : int
        D of the frames, bands of one scale in order.
    n_classes : int
        K.
    embedding_dims : int
        Of the dense layer before the class layer.
    dropout : float
        Before the class layer.
    """

    def __init__(self, *, dims: int, n_classes: int, embedding_dims: int = 192, dropout: float = 0.3) -> None:
        super().__init__()
        first = _CHANNELS[0]
        self.stem = nn.Sequential(nn.Conv2d(1, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        sizes = zip((first, *_CHANNELS), _CHANNELS, _STRIDES, strict=False)
        self.stages = nn.ModuleList(_Block(*size) for size in sizes)
        bands = -(-dims // 2 ** len(_CHANNELS))
        self.pooling = AttentiveStatistics(_CHANNELS[-1] * bands)
        self.dense = nn.Linear(self.pooling.dims_out, embedding_dims)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(embedding_dims, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 192); ``attention["frames"]`` (B, T / 8).
        """
        frames, lengths = target_frames(batch)
        x, lengths = self.stem(masked(frames, lengths)[:, None]), -(-lengths // 2)
        x = _silent_end(x, lengths)  # (B, 32, T / 2, D / 2)
        for stage in self.stages:
            x, lengths = stage(x, lengths)  # at last (B, 256, T / 8, D / 16)
        pooled, weights = self.pooling(x.transpose(1, 2).flatten(2), lengths)  # (B, 2560), (B, T / 8)
        embedding = self.dense(pooled).relu()  # (B, 192)
        return Output(self.classes(self.dropout(embedding)), embedding, {"frames": weights})


def _silent_end(x: Tensor, lengths: Tensor) -> Tensor:
    """(N, C, T, D) with 0 beyond each length in time."""
    outside = torch.arange(x.shape[2], device=x.device) >= lengths[:, None]  # (N, T)
    return x.masked_fill(outside[:, None, :, None], 0.0)
