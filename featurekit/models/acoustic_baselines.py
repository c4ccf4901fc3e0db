"""Baselines of Lu et al. 2020: CNN, LSTM and MLP on log-mel energies alone, and CNN with the transcript beside it.

``cnn-acoustic``: convolutions over time of width 5, every second frame kept, then the maximum over time;
``lstm-acoustic``: stacked LSTM layers, then the last state; ``mlp-acoustic``: dense layers on every frame, then the mean over
time; ``acoustic-text``: the CNN on the audio, word embeddings and an LSTM on the transcript, both vectors beside each other,
one dense layer. Then a linear layer.

The paper tuned the number of layers (2 to 5), the filters' sizes and strides, the units of LSTM and MLP and combinations of
these, and names none of what was best. So all of them are hyper-parameters, ``dense`` puts an MLP behind CNN or LSTM, and the
defaults are ours: 3 convolutions of 128, 2 LSTM layers of 128, 2 dense layers of 128 in the MLP, none behind the others,
embeddings of 128, dropout 0.3; the recipe, with the epoch by development UA, is that of
:mod:`featurekit.models.asr_decoders`. The transcripts are the manifest's, where the paper took those of its
recogniser. Words need no vocabulary: a hash gives each its place in the table of embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.asr_decoders import PAPER, RECIPE
from featurekit.models.layers import MaskedConv1d, MaskedLSTM, masked_max, masked_mean, target_frames, target_slot

WORDS = 1 << 15  # places in the table of embeddings: 1 % of a vocabulary of 300 words share one; 0 is padding
_OF_PAPER: Mapping[str, Any] = {
    "recipe": RECIPE,
    "paper": PAPER,
    "dims": 80,
    "features": "lu2020",
    "augment": ("specaugment",),
}


class ConvolutionStack(nn.Module):
    """Convolutions over time with ReLU, every ``stride``-th frame kept, and the maximum over time: (N, T, D) → (N, filters).

    Parameters
    ----------
    dims, filters, layers : int
        D; dimensions and number of the layers.
    width, stride : int
        Frames of a filter, and between its outputs.
    """

    def __init__(self, dims: int, filters: int, layers: int, width: int, stride: int) -> None:
        super().__init__()
        sizes = [dims, *[filters] * layers]
        self.layers = nn.ModuleList(MaskedConv1d(*pair, width=width, stride=stride) for pair in pairwise(sizes))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """One vector a sequence."""
        for layer in self.layers:
            x, lengths = layer(x, lengths)
            x = x.relu()
        return masked_max(x, lengths)


def _dense(sizes: Sequence[int], dropout: float) -> nn.Sequential:
    """Dense layers with ReLU and dropout from each size to the next; none of one size."""
    layers = [(nn.Linear(*pair), nn.ReLU(), nn.Dropout(dropout)) for pair in pairwise(sizes)]
    return nn.Sequential(*(part for layer in layers for part in layer))


def _classified(network: Any, vector: Tensor) -> Output:
    """Dropout, the dense layers if there are any, the class layer."""
    if not len(network.dense):
        return Output(network.classes(network.dropout(vector)), vector)
    embedding = network.dense[:-1](network.dropout(vector))  # its last layer is the dropout before the class layer
    return Output(network.classes(network.dense[-1](embedding)), embedding)


@model("cnn-acoustic", **_OF_PAPER)
class CNNAcoustic(nn.Module):
    """Convolutions over time on the target utterance's frames.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    layers : int
        Convolutions; the paper tried 2 to 5.
    filters, width, stride : int
        Of each: dimensions, frames of a filter (odd), frames between outputs.
    dense : sequence of int
        Units of dense layers with ReLU behind them.
    dropout : float
        Before and after each dense layer, and so before the class layer.

    Raises
    ------
    ParameterError
        For an even width.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        layers: int = 3,
        filters: int = 128,
        width: int = 5,
        stride: int = 2,
        dense: Sequence[int] = (),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.cnn = ConvolutionStack(dims, filters, layers, width, stride)
        self.dropout = nn.Dropout(dropout)
        self.dense = _dense([filters, *dense], dropout)
        self.classes = nn.Linear([filters, *dense][-1], n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 128): the maximum over time, or what the dense layers make of it.
        """
        return _classified(self, self.cnn(*target_frames(batch)))  # (B, 128)


@model("lstm-acoustic", **_OF_PAPER)
class LSTMAcoustic(nn.Module):
    """Stacked LSTM layers on the target utterance's frames.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    layers : int
        LSTM layers; the paper tried 2 to 5.
    units : int
        Of each.
    dense : sequence of int
        Units of dense layers with ReLU behind them.
    dropout : float
        Before and after each dense layer, and so before the class layer.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        layers: int = 2,
        units: int = 128,
        dense: Sequence[int] = (),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        sizes = [dims, *[units] * layers]
        self.layers = nn.ModuleList(MaskedLSTM(*pair, bidirectional=False) for pair in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)
        self.dense = _dense([units, *dense], dropout)
        self.classes = nn.Linear([units, *dense][-1], n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 128): the last state, or what the dense layers make of it.
        """
        x, lengths = target_frames(batch)
        embedding = x
        for layer in self.layers:
            x, embedding = layer(x, lengths)  # (B, T, 128), (B, 128)
        return _classified(self, embedding)


@model("mlp-acoustic", **_OF_PAPER)
class MLPAcoustic(nn.Module):
    """Dense layers on each frame of the target utterance, then the mean over time.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    layers : int
        Dense layers; the paper tried 2 to 5.
    units : int
        Of each.
    dropout : float
        After each.
    """

    def __init__(self, *, dims: int, n_classes: int, layers: int = 2, units: int = 128, dropout: float = 0.3) -> None:
        super().__init__()
        self.layers = _dense([dims, *[units] * layers], dropout)
        self.classes = nn.Linear(units, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 128): the mean over time.
        """
        frames, lengths = target_frames(batch)
        embedding = masked_mean(self.layers(frames), lengths)  # (B, 128)
        return Output(self.classes(embedding), embedding)


@model("acoustic-text", reads=("frames", "text"), **_OF_PAPER)
class AcousticText(nn.Module):
    """Convolutions on the audio, an LSTM on the words of the transcript, one dense layer on both.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    layers, filters, width, stride : int
        Convolutions on the audio, as ``cnn-acoustic`` has them.
    word_dims : int
        Of a word's embedding.
    units : int
        Of the LSTM on the words, and of the dense layer.
    dropout : float
        After the embeddings and before the class layer.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        layers: int = 3,
        filters: int = 128,
        width: int = 5,
        stride: int = 2,
        word_dims: int = 128,
        units: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.cnn = ConvolutionStack(dims, filters, layers, width, stride)
        self.words = nn.Embedding(WORDS, word_dims, padding_idx=0)
        self.lstm = MaskedLSTM(word_dims, units, bidirectional=False)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(filters + units, units)
        self.classes = nn.Linear(units, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D), ``lengths``, ``text`` (B, C, L), ``text_lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 128): the dense layer on both.

        Raises
        ------
        ParameterError
            When the batch has no transcripts.
        """
        if batch.text is None or batch.text_lengths is None:
            raise ParameterError("acoustic-text reads transcripts, and this batch has none; make the dataset with text=True")
        heard = self.cnn(*target_frames(batch))  # (B, 128)
        words = self.dropout(self.words(table_places(target_slot(batch.text))))  # (B, L, 128)
        _, said = self.lstm(words, target_slot(batch.text_lengths))  # (B, 128), 0 where nothing was said
        embedding = self.dense(torch.cat([heard, said], dim=-1)).relu()  # (B, 128)
        return Output(self.classes(self.dropout(embedding)), embedding)


def table_places(numbers: Tensor) -> Tensor:
    """Where in the table of embeddings words of these numbers lie, from 1 to ``WORDS - 1``; 0 stays padding."""
    return torch.where(numbers > 0, 1 + (numbers - 1) % (WORDS - 1), 0)
