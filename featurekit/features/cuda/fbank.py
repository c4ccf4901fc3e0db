"""Twin of :mod:`featurekit.features.fbank`."""

from __future__ import annotations

import functools

import numpy as np
import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged, framed
from featurekit.features.fbank import FLOOR, kaldi_clock, povey
from featurekit.features.kernels.bands import band_sums
from featurekit.features.kernels.banks import sparse_kaldi_bank


@twin()
def fbank(
    signal: Ragged,
    sample_rate: int,
    *,
    n_mels: int,
    win_length: int,
    hop_length: int,
    n_fft: int,
    fmin: float,
    fmax: float | None,
    preemphasis: float,
    snip_edges: bool,
) -> Ragged:
    """[shape=(frames, n_mels), float32]."""
    clock = kaldi_clock({"win_length": win_length, "hop_length": hop_length, "snip_edges": snip_edges})
    counts = (clock.n_frames(samples) for samples in signal.rows.counts)
    lead = 0 if snip_edges else win_length // 2 - hop_length // 2
    frames = framed(signal, counts, win_length, hop_length, lead=lead, mirrored=not snip_edges)
    window = signal.constant(povey(win_length))
    bank = _bank(sample_rate, n_fft, n_mels, fmin, fmax or sample_rate / 2, window.device)
    energies = torch.empty((frames.rows.total, n_mels), dtype=torch.float32, device=window.device)
    for rows, index in frames.calls():
        held = frames.cut(win_length, index).double()
        held = held - held.mean(1, keepdim=True)
        before = torch.cat([held[:, :1], held[:, :-1]], 1)
        spectra = torch.view_as_real(torch.fft.rfft(window * (held - preemphasis * before), n_fft))
        energies[rows] = (spectra.square().sum(2).float() @ bank)[: rows.stop - rows.start]
    return Ragged(energies.clamp_min(FLOOR).log(), frames.rows)


@functools.lru_cache(maxsize=32)
def _bank(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float, device: torch.device) -> torch.Tensor:
    """[shape=(bins, n_mels)]."""
    bins = np.eye(1 + n_fft // 2, dtype=np.float32)
    dense = band_sums(bins, sparse_kaldi_bank(sample_rate, n_fft, n_mels, fmin, fmax))
    return torch.from_numpy(dense).to(device).T.contiguous()
