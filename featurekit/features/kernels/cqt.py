"""Constant-Q transform by octaves: one small basis, applied to the signal and to its successive halvings.

The basis of the top octave serves every octave: one octave down, frequencies and sample rate are both halved. librosa
builds it anew for each octave of each call, which is 70 % of its time.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from featurekit.resampling import resample

C1_HZ = 440.0 * 2.0 ** (-45 / 12)
# Equivalent noise bandwidth of a Hann window in bins: how far a filter reaches past its centre frequency.
HANN_BANDWIDTH = 1.50018310546875


def cqt_top_hz(bins_per_octave: int, n_octaves: int) -> float:
    """Highest frequency that a CQT from C1 reaches, upper skirt of its last filter and half a bin of tuning included."""
    highest_hz = C1_HZ * 2.0 ** (n_octaves - 0.5 / bins_per_octave)
    return float(highest_hz * (1 + 0.5 * HANN_BANDWIDTH * relative_bandwidth(bins_per_octave)))


def relative_bandwidth(bins_per_octave: int) -> float:
    """Bandwidth over centre frequency of equally tempered filters: ``(r^2 - 1) / (r^2 + 1)``, r one bin."""
    squared = 2.0 ** (2 / bins_per_octave)
    return (squared - 1) / (squared + 1)


class Octave(NamedTuple):
    """Filters of one octave, and how to bring the signal to them."""

    halve: bool  # halve the sample rate before this octave
    hop_length: int  # at this octave's rate
    n_fft: int
    first_bin: int  # of the bins any filter touches
    filters: np.ndarray  # (bins_per_octave, touched bins), complex64
    dtype: type  # of the FFT
    scale: np.ndarray  # (bins_per_octave, 1), float32: undoes the halvings and divides by sqrt(filter length)


def cqt_magnitude(
    signal: np.ndarray, tuning: float, sample_rate: int, hop_length: int, bins_per_octave: int, n_octaves: int
) -> np.ndarray:
    """Magnitude of librosa's cqt from C1 up [shape=(n_octaves * bins_per_octave, 1 + samples // hop_length), float32]."""
    n_frames = 1 + len(signal) // hop_length
    n_early = early_halvings(sample_rate, hop_length, bins_per_octave, n_octaves, tuning)
    if n_early:
        signal = _downsample(signal, 2**n_early)
    spectrum = np.empty((n_octaves * bins_per_octave, n_frames), np.float32)
    stop = len(spectrum)
    for octave in _octaves(tuning, sample_rate / 2**n_early, hop_length // 2**n_early, bins_per_octave, n_octaves):
        if octave.halve:
            signal = _downsample(signal, 2)
        response = octave.filters @ _frame_spectra(signal, octave, n_frames)
        np.multiply(np.abs(response), octave.scale, out=spectrum[stop - bins_per_octave : stop])
        stop -= bins_per_octave
    return spectrum


def early_halvings(sample_rate: float, hop_length: int, bins_per_octave: int, n_octaves: int, tuning: float) -> int:
    """How often librosa halves the sample rate before the first octave: as the top filter and the hop both allow."""
    bandwidth = relative_bandwidth(bins_per_octave)
    highest_hz = C1_HZ * 2.0 ** (n_octaves + (tuning - 1) / bins_per_octave)
    cutoff_hz = highest_hz * (1 + 0.5 * HANN_BANDWIDTH * bandwidth)
    by_filter = int(np.ceil(np.log2(sample_rate / 2 / cutoff_hz))) - 2
    twos = (hop_length & -hop_length).bit_length() - 1
    return max(0, min(by_filter, twos - n_octaves + 1))


@functools.lru_cache(maxsize=256)
def _octaves(tuning: float, sample_rate: float, hop_length: int, bins_per_octave: int, n_octaves: int) -> tuple[Octave, ...]:
    """Filters of every octave from the top; the tuning takes one of 100 values, so a corpus builds each but once."""
    from featurekit.features.kernels.banks import constant_q_filters

    octaves: list[Octave] = []
    full_rate = sample_rate
    for index in range(n_octaves):
        halve = index > 0 and hop_length % 2 == 0
        if halve:
            hop_length, sample_rate = hop_length // 2, sample_rate / 2
        bins = np.arange(bins_per_octave) + bins_per_octave * (n_octaves - 1 - index)
        centre_hz = C1_HZ * 2.0 ** ((bins + tuning) / bins_per_octave)
        if halve:
            n_fft, first_bin, filters = octaves[-1].n_fft, octaves[-1].first_bin, octaves[-1].filters
        else:
            n_fft, first_bin, filters = constant_q_filters(centre_hz, sample_rate, relative_bandwidth(bins_per_octave))
        length = full_rate / (relative_bandwidth(bins_per_octave) * centre_hz)
        scale = np.sqrt(full_rate / sample_rate / length).astype(np.float32)[:, None]
        # A frame of the two lowest octaves lasts seconds: a float32 FFT would lose a quiet note beside a loud one.
        dtype = np.float64 if index >= n_octaves - 2 else np.float32
        octaves.append(Octave(halve, hop_length, n_fft, first_bin, filters, dtype, scale))
    return tuple(octaves)


def _frame_spectra(signal: np.ndarray, octave: Octave, n_frames: int) -> np.ndarray:
    """Unwindowed, centred STFT at the bins the filters touch [shape=(touched bins, n_frames), complex64]."""
    from scipy.fft import rfft

    from featurekit.features.kernels.framing import centred_frames

    frames = centred_frames(signal, octave.n_fft, octave.hop_length, octave.dtype)[:n_frames]
    start, stop = octave.first_bin, octave.first_bin + octave.filters.shape[1]
    spectra = np.empty((n_frames, stop - start), np.complex64)
    # Whole, the transforms would be a megabyte that malloc returns to the system and faults in again every octave: a
    # quarter of luo2019's time.
    for first in range(0, n_frames, 64):
        spectra[first : first + 64] = rfft(frames[first : first + 64], axis=-1)[:, start:stop]
    return spectra.T


def _downsample(signal: np.ndarray, factor: int) -> np.ndarray:
    """Every ``factor``-th sample through soxr HQ, scaled to keep the energy, as librosa's ``resample(scale=True)``."""
    n_samples = -(-len(signal) // factor)
    low = resample(signal, factor, 1)[:n_samples]
    # Divided as librosa divides: soxr makes 3e-6 of the peak out of one bit, and the next octave goes through it again.
    low /= np.sqrt(1.0 / factor)
    return low if len(low) == n_samples else np.pad(low, (0, n_samples - len(low)))
