"""Twins of :mod:`featurekit.features.spectrum`. Frames come first: a spectrum has the shape (frames, bins)."""

from __future__ import annotations

import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged, Rows, centred
from featurekit.features.spectrum import hann

_SMALLEST = torch.finfo(torch.float32).tiny  # what is silent has no ratio, and a magnitude of 0


@twin()
def stft(signal: Ragged, *, n_fft: int, hop_length: int, win_length: int | None) -> Ragged:
    """Transformed in float64 and rounded to complex64, as on the CPU [shape=(frames, bins)]."""
    frames = centred(signal, n_fft, hop_length)
    window = signal.constant(hann(win_length or n_fft, n_fft))
    shape = (frames.rows.total, 1 + n_fft // 2)
    spectrum = torch.empty(shape, dtype=torch.complex64, device=window.device)
    for rows, index in frames.calls():
        spectrum[rows] = torch.fft.rfft(frames.cut(n_fft, index) * window)[: rows.stop - rows.start]
    return Ragged(spectrum, frames.rows)


@twin()
def magnitude(stft: Ragged) -> Ragged:
    """``long sqrt(1 + (short / long)^2)`` of the two legs, rounded where numpy rounds [shape=(frames, bins), float32].

    Another way to the hypotenuse is as good and differs in the last bit of every third value; in one clip of thirty that
    bit decides which of two equally common tunings is the commonest.
    """
    real, imaginary = torch.view_as_real(stft.values).abs().unbind(-1)
    longer = torch.maximum(real, imaginary)
    ratio = (torch.minimum(real, imaginary) / longer.clamp_min(_SMALLEST)).double()
    return stft.like(ratio.square_().add_(1.0).float().sqrt_().mul_(longer))


@twin()
def power(magnitude: Ragged) -> Ragged:
    """Squared magnitude [shape=(frames, bins), float32]."""
    return magnitude.like(magnitude.values.square())


def power_to_db(values: torch.Tensor, rows: Rows, *, top_db: float | None) -> torch.Tensor:
    """Power in dB re 1, floored at 1e-10 and at ``top_db`` below each utterance's own maximum."""
    level_db = 10.0 * torch.log10(values.clamp_min(1e-10))
    if top_db is None:
        return level_db
    floor_db = rows.maximum(level_db) - top_db
    return torch.maximum(level_db, floor_db[rows.owner].view(-1, *[1] * (values.dim() - 1)))
