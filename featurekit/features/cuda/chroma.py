"""Twins of the part of :mod:`featurekit.features.chroma` that reads the STFT, with its tuning."""

from __future__ import annotations

import functools

import numpy as np
import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged, Rows
from featurekit.features.kernels.banks import chroma_bank
from featurekit.features.kernels.tuning import PEAK_FMAX_HZ, PEAK_FMIN_HZ, PEAK_THRESHOLD, RESOLUTION

_STEPS = round(1 / RESOLUTION)  # an utterance's tuning is one of so many
# Frames that are multiplied by one bank at a time: enough to share its reading, few enough to waste little behind the last.
_TILE = 32


@twin()
def tuning_stft(power: Ragged, sample_rate: int, *, n_chroma: int) -> torch.Tensor:
    """[shape=(utterances,), float64]."""
    pitch_hz, level, owner = _peaks(power, sample_rate)
    n_utterances = len(power.rows.counts)
    count = torch.zeros(n_utterances, dtype=torch.int64, device=owner.device).scatter_add_(0, owner, torch.ones_like(owner))
    loud = level >= _medians(level, owner, count)[owner]
    # Rounded where the CPU rounds to float32: that decides on which side of a border of the histogram a peak falls.
    octaves = torch.log2((pitch_hz / (440.0 / 16)).double()).float()
    residual = (n_chroma * octaves).remainder(1.0)
    residual = torch.where(residual >= 0.5, residual - 1.0, residual).double()
    edges = power.constant(_edges())
    step = (torch.searchsorted(edges, residual, right=True) - 1).clamp(0, _STEPS - 1)
    histogram = torch.zeros(n_utterances * _STEPS, dtype=torch.int64, device=owner.device)
    histogram.scatter_add_(0, owner * _STEPS + step, loud.long())
    # The first of equal counts, whatever the device's argmax takes.
    first = torch.arange(_STEPS, device=owner.device).flip(0)
    mode = (histogram.view(-1, _STEPS) * _STEPS + first).argmax(1)
    return torch.where(count > 0, edges[mode], 0.0)


def _edges() -> np.ndarray:
    return np.linspace(-0.5, 0.5, _STEPS + 1)


def _peaks(power: Ragged, sample_rate: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Frequency (float32), level (float32) and utterance of every spectral peak, as the CPU's ``spectral_peaks``."""
    values = power.values
    n_fft = 2 * (values.shape[1] - 1)
    bin_hz = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    first, stop = np.searchsorted(bin_hz, [PEAK_FMIN_HZ, min(PEAK_FMAX_HZ, sample_rate / 2)]).tolist()
    middle, below, above = values[:, first:stop], values[:, first - 1 : stop - 1], values[:, first + 1 : stop + 1]
    floor = values.amax(1, keepdim=True) * PEAK_THRESHOLD
    frame, place = torch.nonzero((middle > floor) & (middle > below) & (middle >= above), as_tuple=True)
    low, mid, high = below[frame, place], middle[frame, place], above[frame, place]
    curve = (high + low).double() - 2.0 * mid.double()
    slope = (high - low).double() / 2.0
    shift = torch.where(slope.abs() < curve.abs(), -slope / curve, 0.0).float()
    pitch_hz = ((first + place + shift.double()) * sample_rate / n_fft).float()
    return pitch_hz, mid + 0.5 * slope.float() * shift, power.rows.owner[frame]


def _medians(level: torch.Tensor, owner: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Median of each utterance's levels [shape=(utterances,)]; of one without any, something."""
    if len(level) == 0:
        return torch.zeros(len(count), dtype=level.dtype, device=level.device)
    order = level.argsort(dim=0, stable=True)
    ordered = level[order[owner[order].argsort(dim=0, stable=True)]]
    start, last = count.cumsum(0) - count, len(level) - 1
    low, high = (start + (count - 1) // 2).clamp(0, last), (start + count // 2).clamp(0, last)
    return (ordered[low] + ordered[high]) / 2


@twin()
def chroma_stft(power: Ragged, tuning_stft: torch.Tensor, sample_rate: int, *, n_chroma: int) -> Ragged:
    """[shape=(frames, n_chroma), float32]; each utterance through the bank of its own tuning."""
    banks = _banks(sample_rate, 2 * (power.values.shape[1] - 1), n_chroma, power.values.device)
    step = ((tuning_stft + 0.5) * _STEPS).round().long()
    tiles = Rows((-(-count // _TILE) for count in power.rows.counts), power.values.device)
    first = power.rows.start[tiles.owner] + tiles.place * _TILE
    frames = (first[:, None] + torch.arange(_TILE, device=first.device)).clamp_max(power.rows.total - 1)
    by_tile = torch.bmm(power.values[frames], banks[step[tiles.owner]])
    places = tiles.start[power.rows.owner] * _TILE + power.rows.place
    chroma = by_tile.flatten(0, 1)[places]
    norm = chroma.amax(1, keepdim=True)
    return power.like(chroma / torch.where(norm < torch.finfo(norm.dtype).tiny, 1.0, norm))


@functools.lru_cache(maxsize=4)
def _banks(sample_rate: int, n_fft: int, n_chroma: int, device: torch.device) -> torch.Tensor:
    """The bank of every tuning [shape=(tunings, bins, n_chroma), float32]."""
    banks = [chroma_bank(sample_rate, n_fft, n_chroma, float(tuning)).T for tuning in _edges()[:-1]]
    return torch.from_numpy(np.stack(banks)).to(device)
