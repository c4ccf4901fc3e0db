"""The encoder of Lu et al.'s RNN transducer, and their best decoder on its states, trained together from random weights.

``rnnt-attention``: log-mel energies in 80 bands every 10 ms; three times a macro layer of one convolution over time (512
filters of 5 frames), maximum pooling (2 frames to 1) and three BiLSTM layers of 512 units a direction, each followed by a
projection to 1536 dimensions; so one state of 1536 every 80 ms. Then ``rnn-attention`` as it stands on other encoders' states
(:mod:`featurekit.models.asr_decoders`).

The paper takes this encoder from a recogniser that was trained on YouTube, freezes it, and does not publish it. Here nothing is
recognised: 85 million parameters learn from the labels of the corpus alone, and do not stand for theirs. The encoder of a run
can be frozen and read elsewhere: a fold's folder is a ``model`` for the feature ``asr_encoder``, as are the weights of a real
transducer under the same names (:mod:`featurekit.features.encoders.transducer`). Its states know the labels of what it was
trained on: on the same corpus they leak.

Where the paper is silent we chose: ReLU behind the convolution, no batch normalisation, a linear projection, an odd last frame
is pooled alone, no dropout. Recipe and SpecAugment are the decoder's; here the masks fall on the log-mel itself, T = 100 and
not divided.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from featurekit.models import Inputs, Output, model
from featurekit.models.asr_decoders import PAPER, RECIPE, RNNAttention
from featurekit.models.layers import MaskedConv1d, MaskedLSTM, masked, target_frames


class MacroLayer(nn.Module):
    """Convolution, pooling, BiLSTM layers with projections: (N, T, dims) → (N, ceil(T / 2), projection).

    Parameters
    ----------
    dims, filters, width : int
        Of the convolution: dimensions in and out, frames of a filter.
    units, projection, layers : int
        Units a direction and dimensions behind each BiLSTM layer, and how many there are.
    """

    def __init__(self, dims: int, *, filters: int, width: int, units: int, projection: int, layers: int) -> None:
        super().__init__()
        self.conv = MaskedConv1d(dims, filters, width=width)
        sizes = [filters, *[projection] * (layers - 1)]
        self.lstms = nn.ModuleList(MaskedLSTM(size, units, bidirectional=True) for size in sizes)
        self.projections = nn.ModuleList(nn.Linear(2 * units, projection) for _ in sizes)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, T', projection), 0 beyond each length, and the new lengths."""
        x, lengths = self.conv(x, lengths)
        # Behind ReLU the padding's 0 is no maximum of anything.
        x = nn.functional.max_pool1d(x.relu().transpose(1, 2), 2, ceil_mode=True).transpose(1, 2)
        lengths = (lengths + 1) // 2
        for lstm, project in zip(self.lstms, self.projections, strict=True):
            x = masked(project(lstm(x, lengths)[0]), lengths)
        return x, lengths


class RNNTEncoder(nn.Module):
    """Macro layers one after the other: (N, T, dims) → (N, ceil(T / 2^macros), projection).

    Parameters
    ----------
    dims, macros : int
        D, and how many macro layers.
    **sizes : int
        Of each, as :class:`MacroLayer` has them.
    """

    def __init__(self, dims: int, *, macros: int, **sizes: int) -> None:
        super().__init__()
        inputs = [dims, *[sizes["projection"]] * (macros - 1)]
        self.macros = nn.ModuleList(MacroLayer(size, **sizes) for size in inputs)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """States, 0 beyond each length, and the new lengths."""
        for macro in self.macros:
            x, lengths = macro(x, lengths)
        return x, lengths


class _States(NamedTuple):
    """What the decoder reads: one slot of states."""

    frames: Tensor
    lengths: Tensor
    present: Tensor
    images: Tensor | None = None
    text: Tensor | None = None
    text_lengths: Tensor | None = None


@model("rnnt-attention", recipe=RECIPE, paper=PAPER, dims=80, features="lu2020", augment=("specaugment",))
class RNNTAttention(nn.Module):
    """The transducer's encoder with self-attention on its states.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    macros, layers : int
        Macro layers, and BiLSTM layers in each.
    filters, width : int
        Of the convolutions; the width is odd.
    units, projection : int
        Of the BiLSTM layers: a direction, and behind each.
    decoder_units, heads, head_units : int
        Of the decoder, as ``rnn-attention`` has them.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        macros: int = 3,
        layers: int = 3,
        filters: int = 512,
        width: int = 5,
        units: int = 512,
        projection: int = 1536,
        decoder_units: int = 64,
        heads: int = 8,
        head_units: int = 32,
    ) -> None:
        super().__init__()
        sizes = {"filters": filters, "width": width, "units": units, "projection": projection, "layers": layers}
        self.encoder = RNNTEncoder(dims, macros=macros, **sizes)
        self.decoder = RNNAttention(
            dims=projection, n_classes=n_classes, units=decoder_units, heads=heads, head_units=head_units
        )

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 256): the heads beside each other; ``attention["frames"]`` (B, 8, T / 8).
        """
        states, lengths = self.encoder(*target_frames(batch))  # (B, T / 8, 1536), (B,)
        found: Output = self.decoder(_States(states[:, None], lengths[:, None], lengths[:, None] > 0))
        return found
