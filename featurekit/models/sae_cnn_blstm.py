"""CNN with sparse auto-encoder kernels, BLSTM and attention (He, Ren, He 2019, experiments three and four).

Before the first step (``prepare``), on the training part: a PCA takes the spectrogram to 60 channels; for each width of 3, 6
and 10 frames a sparse auto-encoder learns 60 kernels on patches of a random third of the utterances
(:mod:`featurekit.models.sparse_autoencoder`). The kernels then stay as they are. Frames are convolved with all 180, through
a sigmoid (equation 4); means over windows subsample the maps (equation 5); the mean and the variance of N windows are a
block's 2 x 180 features (equation 6). ``sae-cnn-blstm``: BLSTM with 128 units a direction over the blocks, mean over time.
``sae-cnn-blstm-attention``: two BLSTM layers of 30 cells a direction, alpha = softmax(theta^T h), the weighted sum
(equations 12, 13), weights of BLSTM and attention drawn from ±0.1. Gaussian noise 0.1 on the input in training, dropout
50 % "on all layers".

The paper contradicts itself, and what it may have meant can be set. Section 4.1 gives experiment four two hidden layers of
30 cells, which is our default; Figure 1 and section 3 draw one BLSTM layer: ``units = [30]``. They also name one fully
connected layer before the softmax layer, of no size, where section 3.2 passes the weighted sum "ultimately" to the softmax
layer, which is our default; ``dense = [60]`` puts a layer of 60 with ReLU there. Section 4.2 compares with an LSTM:
``bidirectional = false``.

The recipe is as printed: SGD, learning rate 1e-6, momentum 0.9, updates every 10 sequences. With the loss averaged over a
batch, as it is here by default, steps of 1e-6 hardly move a network in 100 epochs (ours; the paper gives none).
CURRENNT, whose options these are (parallel sequences, momentum, noise on the input, uniform weights), adds up the gradients of
all frames and sequences: ``[training] reduction = "sum"`` does that. Or set ``[training] optimizer = "adam", lr = 1e-3``.
Features are normalised by the neutral speech of the training part (``normalise = "neutral"``). "The
parameters of the four experiments were optimized on the validation set", by which measure is not said: the epoch is the one of
the highest development UA (ours).

Ours where the paper is silent: the spectrogram is the column ``fft_spectrum`` where there is one (preset ``he2019``), else
all frames; components are whitened; "windows" are 5 frames and N is 4, so that a block is 200 ms without overlap; frames
beyond the edges count as the mean; the features of blocks, which a sparse code leaves close to 0, are standardised on the
training part.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import MaskedLSTM, masked_mean, target_frames, without_autocast
from featurekit.models.sparse_autoencoder import Whitening, learn_kernels

RECIPE = {"lr": 1e-6, "momentum": 0.9, "epochs": 100, "batch_size": 10, "optimizer": "sgd", "normalise": "neutral"}
PAPER = "He, Ren, He 2019: Speech Emotion Recognition using CNN and RNN with Attention Model"
_SPECTRUM = "fft_spectrum"
_INPUT: dict[str, Any] = {"dims": 256, "features": f"he2019/{_SPECTRUM}"}


class SparseCNN(nn.Module):
    """Convolution with learnt kernels, then mean and variance over windows: (B, T, D) → (B, blocks, 2 x kernels x widths).

    Parameters
    ----------
    dims : int
        D of the spectrogram.
    channels : int
        Principal components; fewer where D is smaller.
    kernels : int
        Of each width.
    widths : sequence of int
        Frames of a kernel.
    window, n_windows : int
        Frames of a window, and windows of a block.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, dims: int, channels: int, kernels: int, widths: Sequence[int], window: int, n_windows: int) -> None:
        super().__init__()
        self.whitening = Whitening(dims, min(channels, dims))
        if not widths:  # later versions of torch refuse what would follow, torch 2.7 does not
            raise ValueError("there must be a width of kernels")
        self.widths, self.window, self.n_windows = tuple(widths), window, n_windows
        self.dims_out = 2 * kernels * len(self.widths)
        for width in self.widths:
            self.register_buffer(f"kernel{width}", 0.1 * torch.randn(kernels, min(channels, dims), width))
            self.register_buffer(f"bias{width}", torch.zeros(kernels))
        self.register_buffer("centre", torch.zeros(self.dims_out))
        self.register_buffer("spread", torch.ones(self.dims_out))

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features of blocks (B, blocks, dims_out), and the number of blocks of each utterance (B,).

        In float32 under autocast too: they were fitted so, and differ by little from block to block.
        """
        with without_autocast(frames):
            return self._features(frames, lengths)

    def _features(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        inside = torch.arange(frames.shape[1], device=frames.device) < lengths[:, None]  # (B, T)
        x = self.whitening(frames).masked_fill(~inside[..., None], 0.0).transpose(1, 2)  # (B, 60, T)
        maps = []
        for width in self.widths:
            kernel, bias = self.get_buffer(f"kernel{width}"), self.get_buffer(f"bias{width}")
            maps.append(F.conv1d(F.pad(x, ((width - 1) // 2, width // 2)), kernel, bias).sigmoid())
        means, counts = self._windows(torch.cat(maps, dim=1).transpose(1, 2), inside)  # (B, blocks, N, 180)
        there = (counts > 0).float()
        n = there.sum(dim=2).clamp(min=1.0)
        mean = means.sum(dim=2) / n
        variance = ((means - mean[:, :, None]).square() * there).sum(dim=2) / n
        y = (torch.cat([mean, variance], dim=-1) - self.centre) / self.spread
        return y, (lengths + self.block - 1) // self.block

    @property
    def block(self) -> int:
        """Frames of a block."""
        return self.window * self.n_windows

    def _windows(self, maps: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of each window over the frames that exist, 0 where none does, and how many do."""
        spare = -maps.shape[1] % self.block
        shape = (len(maps), -1, self.n_windows, self.window)
        weights = F.pad(inside, (0, spare)).reshape(*shape, 1).float()
        counts = weights.sum(dim=3)
        return (F.pad(maps, (0, 0, 0, spare)).reshape(*shape, maps.shape[-1]) * weights).sum(dim=3) / counts.clamp(
            min=1
        ), counts

    def learn(
        self, sequences: Callable[[], Iterator[Tensor]], generator: torch.Generator, *, patches: int, **autoencoder: float
    ) -> None:
        """Fit the PCA on every sequence (n, D), the kernels on ``patches`` patches of a third of them, then the scale of y."""
        number = self.whitening.fit(sequences())
        third = set(torch.randperm(number, generator=generator)[: -(-number // 3)].tolist())
        chosen = [self.whitening(sequence) for place, sequence in enumerate(sequences()) if place in third]
        for width in self.widths:
            cut = [F.pad(item, (0, 0, 0, max(0, width - len(item)))).unfold(0, width, 1) for item in chosen]  # (m, 60, width)
            every = torch.cat(cut).flatten(1)
            taken = every[torch.randperm(len(every), generator=generator)[:patches].to(every.device)]
            kernel = self.get_buffer(f"kernel{width}")
            weight, bias = learn_kernels(taken, len(kernel), generator=generator, **autoencoder)  # type: ignore[arg-type]
            kernel.copy_(weight.reshape(kernel.shape))
            self.get_buffer(f"bias{width}").copy_(bias)
        y = torch.cat([self(item[None], torch.tensor([len(item)], device=item.device))[0][0] for item in sequences()])
        self.centre.copy_(y.mean(dim=0))
        self.spread.copy_(y.std(dim=0, correction=0).clamp(min=1e-6))

    def kernels(self) -> dict[int, Tensor]:
        """Width → (kernels, width, D): what each kernel looks for, in the spectrogram's own dimensions and deviations.

        A kernel w of whitened components asks most for the patch ``components * deviation * w``.
        """
        back = (self.whitening.components * self.whitening.deviation).T  # (60, D)
        return {width: self.get_buffer(f"kernel{width}").transpose(1, 2) @ back for width in self.widths}


@model("sae-cnn-blstm", recipe=RECIPE, paper=PAPER, fixed={"attention": False}, **_INPUT)
@model("sae-cnn-blstm-attention", recipe=RECIPE, paper=PAPER, fixed={"attention": True}, **_INPUT)
class SaeCnnBlstm(nn.Module):
    """Sparse auto-encoder kernels, BLSTM over blocks, mean or attention.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    columns : mapping or None
        Column → slice of D; where one is called ``fft_spectrum`` or ``…/fft_spectrum`` only it is read.
    attention : bool
        Experiment four instead of three.
    channels, kernels, widths, window, n_windows : int
        As :class:`SparseCNN` has them.
    units : sequence of int
        Units a direction of each BLSTM layer; by default 128, with attention 30 and 30.
    bidirectional : bool
        Or LSTM layers, which read forwards only.
    dense : sequence of int
        Units of fully connected layers between the pooled vector and the class layer.
    rho, mu : float
        Sparsity of the auto-encoder and its weight.
    patches, sae_epochs : int
        How many patches a width it sees, and how often.
    noise : float
        Standard deviation of the noise on the input in training.
    dropout : float
        Before and after the BLSTM.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        columns: Mapping[str, slice] | None,
        attention: bool,
        channels: int = 60,
        kernels: int = 60,
        widths: Sequence[int] = (3, 6, 10),
        window: int = 5,
        n_windows: int = 4,
        units: Sequence[int] = (),
        bidirectional: bool = True,
        dense: Sequence[int] = (),
        rho: float = 0.05,
        mu: float = 0.1,
        patches: int = 20_000,
        sae_epochs: int = 30,
        noise: float = 0.1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not 0 < rho < 1:
            raise ParameterError(f"rho is {rho}; expected a value between 0 and 1")
        self.spectrum = _spectrum(columns, dims)
        self.noise, self.patches = noise, patches
        self.autoencoder = {"rho": rho, "mu": mu, "epochs": sae_epochs}
        spectrum_dims = len(range(dims)[self.spectrum])
        self.cnn = SparseCNN(spectrum_dims, channels, kernels, widths, window, n_windows)
        directions = 2 if bidirectional else 1
        sizes = [self.cnn.dims_out, *(directions * unit for unit in units or ((30, 30) if attention else (128,)))]
        self.lstms = nn.ModuleList(
            MaskedLSTM(before, after // directions, bidirectional=bidirectional) for before, after in itertools.pairwise(sizes)
        )
        self.theta = nn.Linear(sizes[-1], 1, bias=False) if attention else None
        for value in [*self.lstms.parameters(), *(self.theta.parameters() if self.theta else ())] if attention else ():
            nn.init.uniform_(value, -0.1, 0.1)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise([sizes[-1], *dense]))
        self.classes = nn.Linear([sizes[-1], *dense][-1], n_classes)

    def prepare(self, batches: Callable[[], Iterator[Inputs]], generator: torch.Generator, *, speakers: Any = None) -> None:
        """Learn PCA and kernels on the training part, without labels."""
        self.cnn.learn(lambda: self._sequences(batches()), generator, patches=self.patches, **self.autoencoder)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 256), with attention (B, 60): the BLSTM pooled over time, or what the last of the dense layers
            makes of it; ``attention["blocks"]`` (B, blocks).
        """
        frames, lengths = target_frames(batch)
        if self.training and self.noise:
            frames = frames + self.noise * torch.randn_like(frames)
        x, blocks = self.cnn(frames[..., self.spectrum], lengths)  # (B, blocks, 360), (B,)
        for lstm in self.lstms:
            x = lstm(self.dropout(x), blocks)[0]  # (B, blocks, 256), with attention 60
        if self.theta is None:
            pooled, attention = masked_mean(x, blocks), None
        else:
            outside = torch.arange(x.shape[1], device=x.device) >= blocks[:, None]
            alpha = self.theta(x).squeeze(-1).float().masked_fill(outside, float("-inf")).softmax(dim=1)  # (B, blocks)
            pooled, attention = (alpha[..., None] * x).sum(dim=1), {"blocks": alpha}
        for layer in self.dense:
            pooled = layer(self.dropout(pooled)).relu()
        return Output(self.classes(self.dropout(pooled)), pooled, attention)

    def kernels(self) -> dict[int, Tensor]:
        """What its kernels look for (:meth:`SparseCNN.kernels`)."""
        return self.cnn.kernels()

    def _sequences(self, batches: Iterator[Inputs]) -> Iterator[Tensor]:
        for batch in batches:
            frames, lengths = target_frames(batch)
            for values, n in zip(frames[..., self.spectrum], lengths.tolist(), strict=True):
                yield values[:n]


def _spectrum(columns: Mapping[str, slice] | None, dims: int) -> slice:
    found = [part for name, part in (columns or {}).items() if name.rsplit("/", 1)[-1] == _SPECTRUM]
    return found[0] if found else slice(0, dims)
