"""Twins of :mod:`featurekit.features.energy`."""

from __future__ import annotations

import numpy as np
import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged, centred
from featurekit.features.energy import loudness_weights


@twin()
def rms(signal: Ragged, *, n_fft: int, hop_length: int) -> Ragged:
    """[shape=(frames, 1)]."""
    mean_square = _mean_square(signal, n_fft, hop_length)
    return mean_square.like(mean_square.values.sqrt())


@twin()
def log_energy(signal: Ragged, *, n_fft: int, hop_length: int) -> Ragged:
    """[shape=(frames, 1)]."""
    mean_square = _mean_square(signal, n_fft, hop_length)
    return mean_square.like(10.0 * mean_square.values.clamp_min(1e-10).log10())


@twin()
def loudness(power: Ragged, bin_hz: np.ndarray, *, n_fft: int, win_length: int | None) -> Ragged:
    """[shape=(frames, 1)]."""
    mean_square = power.doubled @ power.constant(loudness_weights(bin_hz, n_fft, win_length))
    return power.like((mean_square / 1e-6).pow(0.3)[:, None])


@twin()
def zcr(signal: Ragged, *, n_fft: int, hop_length: int) -> Ragged:
    """[shape=(frames, 1)]; the first sample of a frame is no crossing, and padding holds none."""
    negative = signal.values < -1e-10
    crossing = torch.zeros_like(negative)
    crossing[1:] = negative[1:] != negative[:-1]
    crossing &= signal.rows.place > 0
    frames = centred(signal.like(crossing.int()), n_fft, hop_length)
    counts = frames.sums(n_fft) - frames.buffer[frames.index * hop_length]
    return Ragged(counts[:, None].double() / n_fft, frames.rows)


def _mean_square(signal: Ragged, n_fft: int, hop_length: int) -> Ragged:
    """[shape=(frames, 1), float64]."""
    frames = centred(signal.like(signal.values.double().square()), n_fft, hop_length)
    return Ragged(frames.sums(n_fft)[:, None] / n_fft, frames.rows)
