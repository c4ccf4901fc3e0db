"""Kernels of harmonic-percussive separation: soft masks, overlap-add.

Spectra lie as (frames, bins) here, each frame contiguous, as the transforms read and write them.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit


@njit(cache=True, error_model="numpy")
def masked(spectrum: np.ndarray, wanted: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``spectrum * wanted^2 / (wanted^2 + other^2)``, half of it where both are zero [shape=spectrum.shape, complex64].

    Both are divided by the larger first, as in librosa's softmask, so that no square leaves the range of float32.
    """
    part = np.empty(spectrum.shape, np.complex64)
    tiny = np.finfo(np.float32).tiny
    for frame in range(spectrum.shape[0]):
        for row in range(spectrum.shape[1]):
            a, b = wanted[frame, row], other[frame, row]
            scale = a if a > b else b
            scale = scale if scale >= tiny else np.float32(np.inf)
            a, b = (a / scale) ** 2, (b / scale) ** 2
            mask = a / (a + b) if a + b > 0 else np.float32(0.5)
            part[frame, row] = spectrum[frame, row] * mask
    return part


def masked_plain(spectrum: np.ndarray, wanted: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The same in numpy and float64."""
    a, b = np.square(wanted, dtype=np.float64), np.square(other, dtype=np.float64)
    silent = np.maximum(wanted, other) < np.finfo(np.float32).tiny
    return spectrum * np.where(silent, 0.5, a / np.where(silent, 1.0, a + b))


def separated(spectrum: np.ndarray, wanted: np.ndarray, other: np.ndarray, window: np.ndarray, hop_length: int) -> np.ndarray:
    """Signal of the masked spectrum: inverse transform, overlap-add, division by the sum of squared windows.

    Parameters
    ----------
    spectrum : np.ndarray [shape=(frames, 1 + n_fft // 2), complex64]
        Centred STFT.
    wanted, other : np.ndarray [shape=(frames, 1 + n_fft // 2), float32]
        As for :func:`masked`.
    window : np.ndarray [shape=(n_fft,), float64]
    hop_length : int

    Returns
    -------
    np.ndarray [shape=((frames - 1) * hop_length + n_fft,), float32]
        From half a frame before the first sample to half a frame after the last.
    """
    from scipy.fft import irfft

    n_fft, n_frames = len(window), len(spectrum)
    window = window.astype(np.float32)
    padded = np.zeros((n_frames - 1) * hop_length + n_fft, np.float32)
    for first in range(0, n_frames, 12):  # so few that they stay in the cache, and malloc keeps their memory
        chunk = slice(first, first + 12)
        frames = irfft(masked(spectrum[chunk], wanted[chunk], other[chunk]), n_fft, axis=1, overwrite_x=True)
        add_frames(padded, frames, window, hop_length, first)
    weight = np.zeros(len(padded), np.float32)
    add_windows(weight, window**2, hop_length, n_frames)
    return np.divide(padded, weight, out=padded, where=weight > np.finfo(np.float32).tiny)


@njit(cache=True, error_model="numpy")
def add_frames(padded: np.ndarray, frames: np.ndarray, window: np.ndarray, hop_length: int, first: int) -> None:
    """Add windowed frames, of which the first is the ``first``-th of the signal, at their places."""
    for index in range(len(frames)):
        place = padded[(first + index) * hop_length :]  # an index that might be negative is not vectorised
        for sample in range(len(window)):
            place[sample] += frames[index, sample] * window[sample]


@njit(cache=True, error_model="numpy")
def add_windows(weight: np.ndarray, squared_window: np.ndarray, hop_length: int, n_frames: int) -> None:
    """Add a squared window for every frame at its place."""
    for frame in range(n_frames):
        place = weight[frame * hop_length :]
        for sample in range(len(squared_window)):
            place[sample] += squared_window[sample]
