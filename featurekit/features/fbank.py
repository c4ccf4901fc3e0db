"""Kaldi's log-mel filter bank, which ASR encoders and lhotse read."""

from __future__ import annotations

import functools

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Clock, Settings, feature
from featurekit.features.mel import check_band
from featurekit.features.spectrum import FRAMING

_FULL_SCALE = 32768.0  # Kaldi's samples are 16-bit integers
FLOOR = float(np.finfo(np.float32).eps)


def _check(settings: Settings) -> None:
    win_length, n_fft = settings["win_length"], settings["n_fft"]
    if win_length > n_fft or n_fft % 2:
        raise ParameterError(f"fbank: n_fft {n_fft} must be even and at least win_length {win_length}")
    check_band(settings)


def kaldi_clock(settings: Settings) -> Clock:
    """When Kaldi's frames lie, by win_length, hop_length and snip_edges."""
    win_length, hop_length = settings["win_length"], settings["hop_length"]
    if settings["snip_edges"]:
        return Clock(hop_length, start=win_length / 2, extra=hop_length - win_length)
    return Clock(hop_length, start=hop_length / 2, extra=hop_length // 2)


@feature(
    unit="log power",
    dims=lambda settings: int(settings["n_mels"]),
    counted_by="n_mels",
    clock=kaldi_clock,
    limits={**FRAMING, "win_length": (2, FRAMING["win_length"][1]), "n_mels": (1, 4096), "preemphasis": (0, 1)},
    check=_check,
    log_mel=True,
)
def fbank(
    signal: np.ndarray,
    sample_rate: int,
    *,
    n_mels: int = 80,
    win_length: int = 400,
    hop_length: int = 160,
    n_fft: int = 512,
    fmin: float = 20.0,
    fmax: float | None = None,
    preemphasis: float = 0.97,
    snip_edges: bool = False,
) -> np.ndarray:
    """Kaldi's log-mel energies: of each frame the mean is removed, then pre-emphasis, Povey's window, bands of height 1.

    ``fbank[m, t] = log(max(sum_k bank[m, k] |X[k, t]|^2, 1.2e-7))`` of samples on the scale of 16-bit integers, without
    dither. Povey's window is a Hann window to the power of 0.85; bands are evenly spaced on ``1127 log(1 + hz / 700)``.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int
    n_mels : int
        Number of bands.
    win_length, hop_length : int
        Samples of a frame and between frames: 25 and 10 ms at 16 kHz.
    n_fft : int
        Points of the transform, at least ``win_length``; Kaldi takes the next power of two.
    fmin, fmax : float
        Edges of the bands in Hz; None is half the sample rate.
    preemphasis : float
        Share of the sample before that is subtracted.
    snip_edges : bool
        False: ``(samples + hop_length // 2) // hop_length`` frames, the first centred on half a hop, the signal mirrored
        at its ends. True: only whole frames (one, filled with zeros, of a signal shorter than that).

    Returns
    -------
    np.ndarray [shape=(n_mels, frames)]
        Natural logarithm, at least -15.94.

    References
    ----------
    Povey et al. (2011), The Kaldi speech recognition toolkit, ASRU.
    """
    from featurekit.features.kernels.bands import band_sums
    from featurekit.features.kernels.banks import sparse_kaldi_bank
    from featurekit.features.kernels.kaldi import kaldi_frames

    clock = kaldi_clock({"win_length": win_length, "hop_length": hop_length, "snip_edges": snip_edges})
    n_frames = clock.n_frames(len(signal))
    before = 0 if snip_edges else win_length // 2 - hop_length // 2
    after = (n_frames - 1) * hop_length + win_length - before - len(signal)
    padded = np.pad(signal, (max(0, before), max(0, after)), "constant" if snip_edges else "symmetric")[max(0, -before) :]
    bank = sparse_kaldi_bank(sample_rate, n_fft, n_mels, fmin, fmax or sample_rate / 2)
    energies = np.empty((n_mels, n_frames), np.float32)
    frames = np.zeros((32, n_fft))
    for first in range(0, n_frames, len(frames)):  # so few that they stay in the cache, however long the signal
        chunk = frames[: n_frames - first]
        kaldi_frames(padded[first * hop_length :], povey(win_length), hop_length, preemphasis, chunk)
        spectra = np.fft.rfft(chunk).T
        power = np.ascontiguousarray(spectra.real**2 + spectra.imag**2, np.float32)
        energies[:, first : first + len(chunk)] = band_sums(power, bank)
    return np.log(np.maximum(energies, np.float32(FLOOR)))


@functools.lru_cache(maxsize=32)
def povey(win_length: int) -> np.ndarray:
    """Povey's window at the scale of 16-bit samples [shape=(win_length,), float64]."""
    return _FULL_SCALE * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / (win_length - 1))) ** 0.85
