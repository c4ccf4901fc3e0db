"""Blocks that several models share: masked layers and pooling over time, context without holes, the papers' attention."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs


class MaskedLSTM(nn.Module):
    """One (Bi)LSTM layer over padded sequences whose result does not depend on the padding.

    The backward direction runs forward over each sequence reversed inside its own length. This equals
    ``pack_padded_sequence`` on a bidirectional ``nn.LSTM`` and is four times faster on a CPU, where packed steps
    shrink with the batch and miss the fused kernel.

    Weights start as Keras starts them, which the papers used: input weights Glorot-uniform, recurrent ones orthogonal,
    biases 0 but for the forget gate's 1. It computes in float32 under autocast too.

    Parameters
    ----------
    dims : int
        Input dimensions.
    units : int
        Units of one direction.
    bidirectional : bool
        Concatenate both directions.
    """

    def __init__(self, dims: int, units: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.forwards = nn.LSTM(dims, units, batch_first=True)
        self.backwards = nn.LSTM(dims, units, batch_first=True) if bidirectional else None
        self.dims_out = units * (2 if bidirectional else 1)
        for layer in (self.forwards, self.backwards):
            if layer is not None:
                _keras_initial(layer, units)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run over sequences.

        Parameters
        ----------
        x : tensor (N, T, D)
            Padded at the end; the values of the padding do not matter.
        lengths : int64 tensor (N,)
            From 0 to T; a sequence without frames gives zeros.

        Returns
        -------
        states : tensor (N, T, dims_out)
            0 beyond each length.
        last : tensor (N, dims_out)
            The final state of each direction: after the last frame, and back at the first one.
        """
        inside = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (N, T)
        x = x.masked_fill(~inside[..., None], 0.0)
        final = (lengths - 1).clamp(min=0)
        ahead = _in_float32(self.forwards, x)  # (N, T, units)
        states, last = [ahead], [_at(ahead, final)]
        if self.backwards is not None:
            flip = _reversal(lengths, x.shape[1])  # (N, T), its own inverse
            back = _in_float32(self.backwards, _take(x, flip))
            states.append(_take(back, flip))
            last.append(_at(back, final))
        keep = inside[..., None]
        result = torch.cat(states, dim=-1).masked_fill(~keep, 0.0)
        return result, torch.cat(last, dim=-1).masked_fill((lengths == 0)[:, None], 0.0)


class MaskedConv1d(nn.Module):
    """Convolution over the frames of padded sequences whose result does not depend on the padding.

    Parameters
    ----------
    dims, filters : int
        Dimensions of input and output.
    width : int
        Frames of a filter; odd, centred, with zeros beyond both ends of a sequence.
    stride : int
        Frames between outputs; ``ceil(length / stride)`` of them.

    Raises
    ------
    ParameterError
        For an even width, which has no middle.
    """

    def __init__(self, dims: int, filters: int, *, width: int, stride: int = 1) -> None:
        super().__init__()
        if width % 2 == 0:
            odd = f"{width - 1} or {width + 1}"
            raise ParameterError(f"width is {width}; a filter has a middle frame: take an odd number, {odd}")
        self.conv = nn.Conv1d(dims, filters, width, stride, padding=width // 2)
        self.stride = stride

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, dims) and (N,) → (N, T', filters), 0 beyond each length, and the new lengths."""
        y = self.conv(masked(x, lengths).transpose(1, 2)).transpose(1, 2)
        lengths = (lengths + self.stride - 1) // self.stride
        return masked(y, lengths), lengths


class MultiHeadAttention(nn.Module):
    """Attentive pooling with learnt queries (Lu et al. 2020, section 2.2).

    a = softmax(w_Q (w_K h^T) / sqrt(units)); v = w_V h^T a for every head; the heads' v beside each other. No biases.

    Parameters
    ----------
    dims : int
        Of the states h.
    heads, units : int
        n_a and d_a of the paper.
    """

    def __init__(self, dims: int, *, heads: int = 8, units: int = 32) -> None:
        super().__init__()
        self.heads, self.units, self.dims_out = heads, units, heads * units
        self.w_K = nn.Linear(dims, heads * units, bias=False)
        self.w_V = nn.Linear(dims, heads * units, bias=False)
        self.w_Q = nn.Parameter(torch.empty(heads, units))
        nn.init.normal_(self.w_Q)

    def forward(self, h: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pool over time.

        Parameters
        ----------
        h : tensor (N, T, dims)
            States.
        lengths : int64 tensor (N,)
            True lengths; what lies beyond weighs nothing.

        Returns
        -------
        v : tensor (N, heads * units)
        a : tensor (N, heads, T)
            Weights, each summing to 1 over time.
        """
        keys, values = (w(h).unflatten(-1, (self.heads, self.units)) for w in (self.w_K, self.w_V))  # (N, T, heads, units)
        scores = torch.einsum("nthu,hu->nht", keys, self.w_Q) / self.units**0.5
        a = softmax_inside(scores, lengths[:, None])
        with without_autocast(h):  # which would round what it sums over time to bfloat16
            return torch.einsum("nthu,nht->nhu", values.float(), a.float()).flatten(1), a


class AttentiveStatistics(nn.Module):
    """Attentive statistics pooling (Okabe, Koshinaka, Shinoda 2018): weighted mean and standard deviation over time.

    Parameters
    ----------
    dims : int
        Of the states.
    units : int
        Of the layer that scores a frame.
    """

    def __init__(self, dims: int, *, units: int = 128) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dims, units), nn.Tanh(), nn.Linear(units, 1))
        self.dims_out = 2 * dims

    def forward(self, h: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, dims) and (N,) → (N, 2 * dims) and the frames' weights (N, T)."""
        a = softmax_inside(self.score(h).squeeze(-1), lengths)
        with without_autocast(h):  # which would round to bfloat16: a deviation is what is left of numbers that nearly cancel
            h, shares = masked(h, lengths).float(), a.float()
            mean = torch.einsum("ntd,nt->nd", h, shares)
            variance = torch.einsum("ntd,nt->nd", (h - mean[:, None]) ** 2, shares)
            return torch.cat([mean, (variance + 1e-6).sqrt()], dim=-1), a


class ContextAttention(nn.Module):
    """Attention over the utterances of a window (Luo et al. 2019, equations 7 to 10).

    P = tanh(W_h H); alpha = softmax(w^T P); R = H alpha^T; h*_x = tanh(W_m R + W_n h_x) for every utterance x, with h_x
    its column of H. No biases, as printed. Empty slots get weight 0. The paper indexes the weights by x, an attention a
    place in the window; ours is one for all, so that what a place learns holds for the others.

    Parameters
    ----------
    dims : int
        Dimensions of H, and of everything else here.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.W_h = nn.Linear(dims, dims, bias=False)
        self.w = nn.Linear(dims, 1, bias=False)
        self.W_m = nn.Linear(dims, dims, bias=False)
        self.W_n = nn.Linear(dims, dims, bias=False)

    def forward(self, H: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Weigh the slots.

        Parameters
        ----------
        H : tensor (B, C, dims)
            One vector a slot.
        present : bool tensor (B, C)
            Which slots exist.

        Returns
        -------
        h_star : tensor (B, C, dims)
            One vector a slot; that of an empty slot means nothing.
        alpha : tensor (B, C)
            Weights, summing to 1.
        """
        scores = self.w(torch.tanh(self.W_h(H))).squeeze(-1)  # (B, C)
        alpha = scores.float().masked_fill(~present, float("-inf")).softmax(dim=-1)
        R = (alpha[..., None] * H).sum(dim=1)  # (B, dims)
        return torch.tanh(self.W_m(R)[:, None] + self.W_n(H)), alpha


def target_slot(x: Tensor) -> Tensor:
    """The middle context slot: (B, C, …) → (B, …)."""
    return x[:, x.shape[1] // 2]


def targeted(x: Tensor, batch: Inputs) -> Tensor:
    """What is judged of (B, C, …): the targets row by row, (n, …), or the middle slots where the batch names none."""
    return target_slot(x) if batch.targets is None else x[batch.targets]


def target_frames(batch: Inputs) -> tuple[Tensor, Tensor]:
    """Frames of the middle utterance, (B, T, D), and their lengths, (B,).

    Raises
    ------
    ParameterError
        When the batch has no frames.
    """
    if batch.frames is None:
        raise ParameterError("this model reads frames, and the batch has none; add a frame or vector column")
    return target_slot(batch.frames), target_slot(batch.lengths)


def masked_mean(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean over time inside each length, (B, T, E) → (B, E); 0 for a sequence without frames."""
    return masked(x, lengths).sum(dim=1) / lengths.clamp(min=1)[:, None]


def masked_max(x: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over time inside each length, (B, T, E) → (B, E); 0 for a sequence without frames."""
    lowest = torch.finfo(x.dtype).min
    return masked(x, lengths, lowest).amax(dim=1).masked_fill((lengths == 0)[:, None], 0.0)


def masked(x: Tensor, lengths: Tensor, value: float = 0.0) -> Tensor:
    """(B, T, E) with ``value`` beyond each length."""
    outside = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]  # (B, T)
    return x.masked_fill(outside[..., None], value)


def softmax_inside(scores: Tensor, lengths: Tensor) -> Tensor:
    """Weights over the last axis (…, T), exactly 0 beyond each length (…); in float32 whatever the scores are."""
    outside = torch.arange(scores.shape[-1], device=scores.device) >= lengths[..., None]
    return scores.float().masked_fill(outside, torch.finfo(torch.float32).min).softmax(dim=-1)


def each_present(x: Tensor, present: Tensor) -> Tensor:
    """Slots that exist, one a row: (B, C, …) → (N, …); :func:`back_to_slots` undoes it.

    All slots, where the computation is being written down as a graph: then N must not depend on values. Without context the
    one slot is always there, and a GPU need not be asked.
    """
    return x.flatten(0, 1) if _is_traced() or present.shape[1] == 1 else x[present]


def back_to_slots(rows: Tensor, present: Tensor) -> Tensor:
    """(N, E) → (B, C, E) with zeros in empty slots; all rows where :func:`each_present` gave all."""
    if not (_is_traced() or present.shape[1] == 1):
        rows = rows.index_select(0, (present.flatten().cumsum(0) - 1).clamp(min=0))  # a GPU is not asked where the holes are
    return rows.reshape(*present.shape, -1).masked_fill(~present[..., None], 0.0)


def over_context(lstm: MaskedLSTM, slots: Tensor, present: Tensor) -> Tensor:
    """Run an LSTM over the context slots that exist, in order and without holes.

    Parameters
    ----------
    lstm : MaskedLSTM
        From E to ``lstm.dims_out``.
    slots : tensor (B, C, E)
        One vector an utterance.
    present : bool tensor (B, C)
        Which slots exist.

    Returns
    -------
    tensor (B, C, dims_out)
        In the original slots; 0 where a slot is empty.
    """
    n_present = present.sum(dim=1, keepdim=True)
    place = torch.where(present, present.cumsum(dim=1), n_present + (~present).cumsum(dim=1)) - 1  # the present ones first
    order = torch.zeros_like(place).scatter(1, place, torch.arange(place.shape[1], device=place.device).expand_as(place))
    states, _ = lstm(_take(slots, order), n_present[:, 0])
    return _take(states, place)


def without_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """Autocast is off inside, where it is on; else nothing is done, and nothing comes into a graph that is written down."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def fit_frames(frames: Tensor, lengths: Tensor, n_frames: int) -> Tensor:
    """Exactly ``n_frames`` frames: cut, or padded with 0, whatever the batch was padded to.

    Parameters
    ----------
    frames : tensor (B, T, D)
        Padded sequences.
    lengths : int64 tensor (B,)
        True lengths; what lies beyond becomes 0.
    n_frames : int
        T of the result.

    Returns
    -------
    tensor (B, n_frames, D)
    """
    return masked(nn.functional.pad(frames[:, :n_frames], (0, 0, 0, max(0, n_frames - frames.shape[1]))), lengths)


def picture(batch: Inputs, n_frames: int) -> Tensor:
    """The target utterance as a one-channel picture: its image where the batch has one, else its frames.

    Parameters
    ----------
    batch : Inputs
        ``images`` (B, C, H, W), or ``frames`` (B, C, T, D) with ``lengths``.
    n_frames : int
        Columns of a picture of frames, whose D rows are cut or padded to it; images keep their size.

    Returns
    -------
    tensor (B, 1, H, W), or (B, 1, D, n_frames)

    Raises
    ------
    ParameterError
        When the batch has neither.
    """
    if batch.images is not None:
        return target_slot(batch.images)[:, None]
    if batch.frames is None:
        raise ParameterError("a picture is made of images or frames, and this batch has neither; add a column")
    return fit_frames(target_slot(batch.frames), target_slot(batch.lengths), n_frames).transpose(1, 2)[:, None]


def start_as_keras(network: nn.Module) -> None:
    """Initial weights of dense layers and convolutions as Keras draws them: Glorot-uniform, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _keras_initial(layer: nn.LSTM, units: int) -> None:
    """One layer, one direction; torch's gates are input, forget, cell, output, in Keras's order."""
    weights = dict(layer.named_parameters())
    nn.init.xavier_uniform_(weights["weight_ih_l0"])
    nn.init.orthogonal_(weights["weight_hh_l0"])  # one (4 units, units) matrix for all gates, as in Keras
    nn.init.zeros_(weights["bias_hh_l0"])
    nn.init.zeros_(weights["bias_ih_l0"])
    weights["bias_ih_l0"].data[units : 2 * units] = 1.0


def _in_float32(layer: nn.LSTM, x: Tensor) -> Tensor:
    """States of a recurrent layer: under autocast to bfloat16 cuDNN's are float16, which nothing after them would join."""
    with without_autocast(x):
        return layer(x.to(next(layer.parameters()).dtype))[0]


def _is_traced() -> bool:
    return torch.compiler.is_exporting() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]


def _take(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


def _at(x: Tensor, index: Tensor) -> Tensor:
    return _take(x, index[:, None]).squeeze(1)


def _reversal(lengths: Tensor, steps: int) -> Tensor:
    """(N, T) index that reverses the first ``lengths`` steps and leaves the padding where it is."""
    places = torch.arange(steps, device=lengths.device).expand(len(lengths), -1)
    mirrored = lengths[:, None] - 1 - places
    return torch.where(mirrored >= 0, mirrored, places)
