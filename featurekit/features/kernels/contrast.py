"""Spectral contrast: means of the largest and smallest magnitudes of each octave band."""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit
from featurekit.features.kernels.octave_bands import Band


def band_contrast(magnitude: np.ndarray, bands: tuple[Band, ...]) -> np.ndarray:
    """Peak minus valley in dB [shape=(bands, frames), float64], each floored 80 dB below its own maximum."""
    peak, valley = extremes(magnitude, np.array(bands))
    return _level_db(peak) - _level_db(valley)


@njit(cache=True, error_model="numpy")
def extremes(magnitude: np.ndarray, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the largest and of the smallest magnitudes of each band [two of shape=(bands, frames), float64].

    Instead of sorting a band, keep its n largest and n smallest so far, in order: a new row of magnitudes sinks through
    them by maxima and minima, in all frames at once.
    """
    n_frames = magnitude.shape[1]
    peak, valley = np.zeros((len(bands), n_frames)), np.zeros((len(bands), n_frames))
    sinking, rising = np.empty(n_frames, np.float32), np.empty(n_frames, np.float32)
    for band in range(len(bands)):
        start, stop, n_extreme = bands[band]
        largest = np.full((n_extreme, n_frames), -np.inf, np.float32)
        smallest = np.full((n_extreme, n_frames), np.inf, np.float32)
        for row in range(start, stop):
            sinking[:] = magnitude[row]
            rising[:] = magnitude[row]
            for rank in range(n_extreme):
                for frame in range(n_frames):
                    high, low = largest[rank, frame], sinking[frame]
                    largest[rank, frame] = high if high > low else low
                    sinking[frame] = low if high > low else high
                for frame in range(n_frames):
                    low, high = smallest[rank, frame], rising[frame]
                    smallest[rank, frame] = low if low < high else high
                    rising[frame] = high if low < high else low
        for rank in range(n_extreme):
            for frame in range(n_frames):
                peak[band, frame] += largest[rank, frame] / n_extreme
                valley[band, frame] += smallest[rank, frame] / n_extreme
    return peak, valley


def extremes_plain(magnitude: np.ndarray, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by sorting."""
    peak = np.empty((len(bands), magnitude.shape[1]))
    valley = np.empty_like(peak)
    for row, (start, stop, n_extreme) in enumerate(bands):
        ordered = np.sort(magnitude[start:stop], axis=0)
        peak[row] = ordered[-n_extreme:].mean(axis=0)
        valley[row] = ordered[:n_extreme].mean(axis=0)
    return peak, valley


def _level_db(amplitude: np.ndarray) -> np.ndarray:
    # librosa calls power_to_db on magnitudes here; its values are ours.
    level_db = 10.0 * np.log10(np.maximum(1e-10, amplitude))
    return np.maximum(level_db, level_db.max() - 80.0)
