"""Filter banks, built once and kept: librosa's mel, chroma and constant-Q filters, without importing librosa.

librosa builds them anew on every call, which is most of the time of its mel, chroma and CQT features.
"""

from __future__ import annotations

import functools

import numpy as np

from featurekit.features.kernels.bands import SparseBank, sparse_bank
from featurekit.features.kernels.windows import periodic_hann

# Slaney's mel scale: linear to 1 kHz, then 27 steps to every factor of 6.4.
_MEL_BREAK_HZ, _HZ_A_MEL, _MEL_LOG_STEP = 1000.0, 200.0 / 3, np.log(6.4) / 27.0


def hz_to_mel(hz: float, htk: bool = False) -> float:
    """Mels of a frequency: Slaney's, or HTK's ``2595 log10(1 + hz / 700)``.

    >>> round(hz_to_mel(1000.0), 6), round(hz_to_mel(6400.0), 6), round(hz_to_mel(1000.0, htk=True), 2)
    (15.0, 42.0, 999.99)
    """
    if htk:
        return float(2595.0 * np.log10(1.0 + hz / 700.0))
    if hz < _MEL_BREAK_HZ:
        return hz / _HZ_A_MEL
    return float(_MEL_BREAK_HZ / _HZ_A_MEL + np.log(hz / _MEL_BREAK_HZ) / _MEL_LOG_STEP)


def mel_to_hz(mel: np.ndarray, htk: bool = False) -> np.ndarray:
    """The inverse of :func:`hz_to_mel`, for arrays."""
    if htk:
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    break_mel = _MEL_BREAK_HZ / _HZ_A_MEL
    above = _MEL_BREAK_HZ * np.exp(_MEL_LOG_STEP * (mel - break_mel))
    return np.where(mel < break_mel, _HZ_A_MEL * mel, above)


def mel_bank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float | None, htk: bool = False, equal_area: bool = True
) -> np.ndarray:
    """Triangles evenly spaced in mel, of equal area or of height 1 [shape=(n_mels, 1 + n_fft // 2), float32].

    A triangle narrower than the bins may hold none: its row is 0 (librosa warns).
    """
    bin_hz = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    edges = np.linspace(hz_to_mel(fmin, htk), hz_to_mel(fmax or sample_rate / 2, htk), n_mels + 2)
    edges_hz = mel_to_hz(edges, htk)
    slopes = np.subtract.outer(edges_hz, bin_hz)
    rising = -slopes[:-2] / np.diff(edges_hz)[:-1, None]
    falling = slopes[2:] / np.diff(edges_hz)[1:, None]
    bank = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    if equal_area:
        bank *= (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    return bank


@functools.lru_cache(maxsize=32)
def sparse_mel_bank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float | None, htk: bool = False, equal_area: bool = True
) -> SparseBank:
    """:func:`mel_bank` as runs of weights."""
    return sparse_bank(mel_bank(sample_rate, n_fft, n_mels, fmin, fmax, htk, equal_area))


@functools.lru_cache(maxsize=32)
def sparse_kaldi_bank(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> SparseBank:
    """Kaldi's triangles: straight in mel, not in Hz, of height 1; the bin of half the sample rate belongs to none."""
    bin_mel = 1127.0 * np.log1p(np.fft.rfftfreq(n_fft, 1.0 / sample_rate) / 700.0)
    edges = np.linspace(1127.0 * np.log1p(fmin / 700.0), 1127.0 * np.log1p(fmax / 700.0), n_mels + 2)
    rising = np.subtract.outer(-edges[:-2], -bin_mel) / np.diff(edges)[:-1, None]
    falling = np.subtract.outer(edges[2:], bin_mel) / np.diff(edges)[1:, None]
    bank = np.maximum(0, np.minimum(rising, falling))
    bank[:, -1] = 0
    return sparse_bank(bank.astype(np.float32))


# An utterance's tuning takes one of 100 values.
@functools.lru_cache(maxsize=256)
def chroma_bank(sample_rate: int, n_fft: int, n_chroma: int, tuning: float) -> np.ndarray:
    """Ellis' chroma filters: a Gaussian bump around every note of a pitch class [shape=(n_chroma, bins), float32].

    Columns have unit energy, weighted by a Gaussian two octaves wide around the fifth; class 0 is C.
    """
    a440_hz = 440.0 * 2.0 ** (tuning / n_chroma)
    hz = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    position = n_chroma * np.log2(hz / (a440_hz / 16))
    # 0 Hz has no pitch: it is put an octave and a half below the first bin, so that its bump is broad and elsewhere.
    position = np.concatenate([[position[0] - 1.5 * n_chroma], position])
    width = np.concatenate([np.maximum(np.diff(position), 1.0), [1.0]])
    half = np.round(n_chroma / 2)
    distance = np.subtract.outer(position, np.arange(n_chroma, dtype=float)).T
    distance = np.remainder(distance + half + 10 * n_chroma, n_chroma) - half
    bank = np.exp(-0.5 * (2 * distance / width) ** 2)
    bank /= np.sqrt((bank**2).sum(axis=0))
    bank *= np.exp(-0.5 * ((position / n_chroma - 5.0) / 2.0) ** 2)
    bank = np.roll(bank, -3 * (n_chroma // 12), axis=0)  # from A to C
    return np.ascontiguousarray(bank[:, : 1 + n_fft // 2], np.float32)


def constant_q_filters(centre_hz: np.ndarray, sample_rate: float, bandwidth: float) -> tuple[int, int, np.ndarray]:
    """Windowed complex tones in the frequency domain, for :mod:`~featurekit.features.kernels.cqt`.

    Parameters
    ----------
    centre_hz : np.ndarray [shape=(filters,), ascending]
    sample_rate : float
    bandwidth : float
        Relative: a filter is ``1 / bandwidth`` periods long.

    Returns
    -------
    n_fft : int
    first_bin : int
        Of the bins that any filter touches.
    filters : np.ndarray [shape=(filters, touched bins), complex64]
        Each without the bins that together make less than 1 % of its magnitude, as librosa's sparsify_rows leaves it.
    """
    from scipy.fft import fft

    lengths = sample_rate / bandwidth / centre_hz
    n_fft = int(2.0 ** np.ceil(np.log2(lengths.max())))
    basis = np.zeros((len(centre_hz), n_fft), np.complex64)
    for row, (length, hz) in enumerate(zip(lengths, centre_hz, strict=True)):
        time = np.arange(-length // 2, length // 2)
        wave = np.exp(2j * np.pi * hz / sample_rate * time) * periodic_hann(len(time))
        left = (n_fft - len(time)) // 2
        basis[row, left : left + len(time)] = wave / np.abs(wave).sum()
    # Single precision from here on, as in librosa: rounding decides which bins stay.
    basis *= lengths[:, None] / n_fft
    spectra = fft(basis, axis=1)[:, : 1 + n_fft // 2]
    level = np.abs(spectra)
    ordered = np.sort(level, axis=1)
    share = np.cumsum(ordered / level.sum(axis=1, keepdims=True), axis=1)
    floor = np.take_along_axis(ordered, np.argmin(share < 0.01, axis=1)[:, None], axis=1)
    spectra[level < floor] = 0
    touched = np.flatnonzero(spectra.any(axis=0))
    return n_fft, int(touched[0]), np.ascontiguousarray(spectra[:, touched[0] : touched[-1] + 1])
