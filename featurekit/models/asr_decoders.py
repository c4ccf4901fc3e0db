"""Sentiment decoders on ASR-encoder features (Lu et al. 2020, section 2.2): MLP, RNN, RNN with multi-head attention.

``mlp-pool``: Dense 128 and Dense 256 on every frame, then the mean or maximum over time; ``rnn-pool``: a BiLSTM of 64 units
a direction, then its last states, the mean or the maximum; ``rnn-attention``: the same BiLSTM, then 8 heads of 32 units
whose weights over the frames are returned. Then a linear layer.

The features are the hidden states of a frozen end-to-end ASR encoder, 1536 dimensions in the paper, whose RNN transducer
is not public: any ``asr_encoder`` column of the store stands for it. Adam, lr 1e-4, gradients clipped at 4, SpecAugment
(LibriSpeech basic) on the stored features, its times halved as the encoder halves the frames. Where the paper is silent we
chose: ReLU, the sizes of the MLP ("respective layers matching the number of hidden nodes"), no dropout, batch 32, at most
100 epochs, stopping after 20 without a better development UA, which also chooses the epoch (the paper reports WA and UA, and
says of its held-out 5 % only that there is one).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Network, Output, model
from featurekit.models.layers import MaskedLSTM, MultiHeadAttention, masked_max, masked_mean, target_frames

RECIPE = {"lr": 1e-4, "epochs": 100, "batch_size": 32, "optimizer": "adam", "gradient_clip": 4.0, "patience": 20}
# LibriSpeech basic counts frames of 10 ms; encoders give one every 20 ms.
AUGMENT = ("specaugment(subsampling=2)",)
PAPER = "Lu, Cao, Zhang, Chiu, Fan 2020: Speech Sentiment Analysis via Pre-trained Features from End-to-end ASR Models"


def _decoder(name: str) -> Callable[[Network], Network]:
    return model(name, recipe=RECIPE, paper=PAPER, dims=1536, features="asr_encoder", augment=AUGMENT)


@_decoder("mlp-pool")
class MLPPool(nn.Module):
    """Dense layers on every frame, pooled over time.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    pooling : {"mean", "max"}
        Over time.
    units1, units2 : int
        Of the two layers.

    Raises
    ------
    ParameterError
        For another pooling.
    """

    def __init__(self, *, dims: int, n_classes: int, pooling: str = "mean", units1: int = 128, units2: int = 256) -> None:
        super().__init__()
        self.pooling = _choice(pooling, "mean", "max")
        self.dense = nn.Sequential(nn.Linear(dims, units1), nn.ReLU(), nn.Linear(units1, units2), nn.ReLU())
        self.classes = nn.Linear(units2, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 256): the pooled last layer.
        """
        frames, lengths = target_frames(batch)
        embedding = _pooled(self.pooling, self.dense(frames), lengths)  # (B, 256)
        return Output(self.classes(embedding), embedding)


@_decoder("rnn-pool")
class RNNPool(nn.Module):
    """A BiLSTM, pooled over time.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    pooling : {"mean", "max", "last"}
        Over time; "last" takes the final state of each direction.
    units : int
        A direction.

    Raises
    ------
    ParameterError
        For another pooling.
    """

    def __init__(self, *, dims: int, n_classes: int, pooling: str = "mean", units: int = 64) -> None:
        super().__init__()
        self.pooling = _choice(pooling, "mean", "max", "last")
        self.lstm = MaskedLSTM(dims, units, bidirectional=True)
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
            ``embedding`` (B, 128): the pooled states.
        """
        frames, lengths = target_frames(batch)
        states, last = self.lstm(frames, lengths)  # (B, T, 128), (B, 128)
        embedding = last if self.pooling == "last" else _pooled(self.pooling, states, lengths)
        return Output(self.classes(embedding), embedding)


@_decoder("rnn-attention")
class RNNAttention(nn.Module):
    """A BiLSTM, multi-head self-attention with learnt queries over its states.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    units : int
        Of the BiLSTM, a direction.
    heads, head_units : int
        Of the attention.
    """

    def __init__(self, *, dims: int, n_classes: int, units: int = 64, heads: int = 8, head_units: int = 32) -> None:
        super().__init__()
        self.lstm = MaskedLSTM(dims, units, bidirectional=True)
        self.attention = MultiHeadAttention(self.lstm.dims_out, heads=heads, units=head_units)
        self.classes = nn.Linear(self.attention.dims_out, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 256): the heads beside each other; ``attention["frames"]`` (B, 8, T).
        """
        frames, lengths = target_frames(batch)
        states, _ = self.lstm(frames, lengths)  # (B, T, 128)
        embedding, weights = self.attention(states, lengths)  # (B, 256), (B, 8, T)
        return Output(self.classes(embedding), embedding, {"frames": weights})


def _pooled(pooling: str, x: Tensor, lengths: Tensor) -> Tensor:
    return masked_max(x, lengths) if pooling == "max" else masked_mean(x, lengths)


def _choice(pooling: str, *known: str) -> str:
    if pooling not in known:
        raise ParameterError(f"pooling is {pooling!r}; expected {', '.join(known)}")
    return pooling
