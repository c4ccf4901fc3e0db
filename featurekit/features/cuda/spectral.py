"""Twins of :mod:`featurekit.features.spectral`. Sums over bins are float64's, as on the CPU."""

from __future__ import annotations

import numpy as np
import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged
from featurekit.features.cuda.spectrum import power_to_db
from featurekit.features.kernels.octave_bands import contrast_bands

_TINY = float(np.finfo(np.float32).tiny)


@twin()
def spectral_centroid(magnitude: Ragged, bin_hz: np.ndarray) -> Ragged:
    """[shape=(frames, 1)]."""
    total, weighted = _weighted_sums(magnitude, bin_hz)
    return magnitude.like(_over(weighted, total)[:, None])


@twin()
def spectral_bandwidth(magnitude: Ragged, bin_hz: np.ndarray, spectral_centroid: Ragged) -> Ragged:
    """[shape=(frames, 1)]."""
    values = magnitude.doubled
    distance = magnitude.constant(bin_hz) - spectral_centroid.values
    return magnitude.like(_over((values * distance.square()).sum(1), values.sum(1)).sqrt()[:, None])


@twin()
def spectral_rolloff(magnitude: Ragged, bin_hz: np.ndarray, *, roll_percent: float) -> Ragged:
    """[shape=(frames, 1)]. Summed in float64, the CPU, as librosa, in float32: a frame in hundreds falls one bin beside."""
    cumulative = magnitude.values.cumsum(1, dtype=torch.float64)
    below = (cumulative < roll_percent * cumulative[:, -1:]).sum(1)
    return magnitude.like(magnitude.constant(bin_hz)[below][:, None])


@twin()
def spectral_slope(magnitude: Ragged, bin_hz: np.ndarray) -> Ragged:
    """[shape=(frames, 1)]."""
    offset_hz = bin_hz - bin_hz.mean()
    total, weighted = _weighted_sums(magnitude, offset_hz)
    return magnitude.like(_over(weighted, total)[:, None] / np.square(offset_hz).sum())


@twin()
def spectral_flatness(power: Ragged) -> Ragged:
    """[shape=(frames, 1)]."""
    floored = power.doubled.clamp_min(1e-10)
    return power.like((floored.log().mean(1).exp() / floored.mean(1)).clamp_max(1.0)[:, None])


@twin()
def spectral_flux(magnitude: Ragged) -> Ragged:
    """[shape=(frames, 1)]; an utterance's first frame has no neighbour before it."""
    values = magnitude.doubled
    square = values.square().sum(1)
    audible = (square > 0).double()
    norm = torch.where(square > 0, square, 1.0).sqrt()
    flux = torch.zeros_like(square)
    cosine = (values[1:] * values[:-1]).sum(1) / norm[1:] / norm[:-1]
    flux[1:] = (audible[1:] + audible[:-1] - 2.0 * cosine).clamp_min(0.0)
    return magnitude.like(flux.masked_fill_(magnitude.rows.place == 0, 0.0)[:, None])


@twin()
def fft_spectrum(magnitude: Ragged) -> Ragged:
    """[shape=(frames, bins - 1)]."""
    return magnitude.like(20.0 * torch.log10(magnitude.values[:, 1:].clamp_min(1e-5)))


@twin()
def spectral_contrast(magnitude: Ragged, bin_hz: np.ndarray, *, n_bands: int, quantile: float, fmin: float) -> Ragged:
    """[shape=(frames, n_bands + 1)]; the floors are 80 dB below the utterance's own maxima."""
    bands = contrast_bands(bin_hz, n_bands, quantile, fmin)
    levels = []
    for largest in (True, False):
        means = [_extreme(magnitude.values[:, band.start : band.stop], band.n_extreme, largest) for band in bands]
        levels.append(power_to_db(torch.stack(means, 1), magnitude.rows, top_db=80.0))
    return magnitude.like(levels[0] - levels[1])


def _extreme(values: torch.Tensor, count: int, largest: bool) -> torch.Tensor:
    """Mean of the ``count`` largest or smallest values of each frame [shape=(frames,), float64]."""
    if count == 1:
        return (values.amax(1) if largest else values.amin(1)).double()
    return values.topk(count, dim=1, largest=largest).values.double().mean(1)


def _weighted_sums(magnitude: Ragged, weights: np.ndarray) -> torch.Tensor:
    """Sums over bins of the magnitudes, and of the magnitudes times a weight a bin [shape=(2, frames), float64]."""
    both = magnitude.constant(np.stack([np.ones_like(weights), weights], axis=1))
    return (magnitude.doubled @ both).T


def _over(weighted: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """The quotient; 0 in frames that librosa would not normalise."""
    audible = total >= _TINY
    return torch.where(audible, weighted / torch.where(audible, total, 1.0), 0.0)
