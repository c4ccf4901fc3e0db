"""YIN: the cumulative mean normalised difference of each frame, and its first deep trough.

Every rounding is librosa's: float32 transforms and sums, float64 quotients. The threshold decides on the last bit
which trough is the period, so another order of the sums would give another pitch in a frame out of some thousands.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit
from featurekit.features.kernels.framing import centred_frames

CHUNK_FRAMES = 16  # per batch of transforms: their spectra stay in the L2 cache


def normalised_difference(
    signal: np.ndarray, frame_length: int, hop_length: int, min_period: int, max_period: int
) -> np.ndarray:
    """Equation 8 of the YIN paper at the lags ``min_period`` to ``max_period`` [shape=(frames, lags), float64].

    Frames are centred and zero-padded. 0 at a lag means that the frame repeats itself after it; noise is about 1. The
    energy of lag 1 is not corrected for the frame's end, as in librosa.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    frames = centred_frames(signal, frame_length, hop_length, np.float32)
    size = next_fast_len(2 * frame_length - 1, real=True)
    difference = np.empty((len(frames), max_period - min_period + 1))
    for start in range(0, len(frames), CHUNK_FRAMES):
        chunk = frames[start : start + CHUNK_FRAMES]
        spectrum = rfft(chunk, size)
        correlation = irfft(_power(spectrum), size, overwrite_x=True)
        _normalise(chunk, correlation, min_period, max_period, difference[start : start + CHUNK_FRAMES])
    return difference


def _power(spectrum: np.ndarray) -> np.ndarray:
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    return power


@njit(cache=True, error_model="numpy")
def _normalise(frames: np.ndarray, correlation: np.ndarray, min_period: int, max_period: int, difference: np.ndarray) -> None:
    for frame in range(len(frames)):
        energy, total = np.float32(0), np.float32(0)
        for lag in range(1, max_period + 1):
            energy += frames[frame, lag - 1] * frames[frame, lag - 1]
            lost = energy if lag > 1 else np.float32(0)
            value = np.float32(2) * (correlation[frame, 0] - correlation[frame, lag]) - lost
            total += value
            if lag >= min_period:
                mean = np.float64(total) / lag
                difference[frame, lag - min_period] = np.float64(value) / (mean + np.finfo(np.float64).tiny)


def normalised_difference_plain(
    signal: np.ndarray, frame_length: int, hop_length: int, min_period: int, max_period: int
) -> np.ndarray:
    """The same from the definition: the sum over the frame's first samples of squared differences, in float64."""
    rows = []
    for frame in centred_frames(signal, frame_length, hop_length):
        correlation = np.correlate(frame, frame, "full")[frame_length - 1 :]
        energy = np.cumsum(frame**2)[:max_period]
        energy[0] = 0
        difference = 2 * (correlation[0] - correlation[1 : max_period + 1]) - energy
        mean = np.cumsum(difference) / np.arange(1, max_period + 1)
        rows.append((difference / (mean + np.finfo(np.float64).tiny))[min_period - 1 :])
    return np.array(rows)


@njit(cache=True, error_model="numpy")
def parabolic_shift(values: np.ndarray, index: int) -> float:
    """How far from ``index`` the extremum of the parabola through it and its neighbours lies, in samples, within ±1.

    0 at the ends, where there is one neighbour, and where the parabola has no extremum within a sample.
    """
    if index == 0 or index == len(values) - 1:
        return 0.0
    curve = values[index + 1] + values[index - 1] - 2 * values[index]
    slope = (values[index + 1] - values[index - 1]) / 2
    return -slope / curve if abs(slope) < abs(curve) else 0.0


@njit(cache=True, error_model="numpy")
def is_trough(values: np.ndarray, index: int) -> bool:
    """Whether a value is below the one before and not above the one after; the ends have one neighbour."""
    last = len(values) - 1
    if index == 0:
        return values[0] < values[1]
    if index == last:
        return values[last] < values[last - 1]
    return values[index] < values[index - 1] and values[index] <= values[index + 1]


@njit(cache=True, error_model="numpy")
def first_trough_periods(difference: np.ndarray, min_period: int, threshold: float) -> np.ndarray:
    """Period of each frame in samples: the first trough below ``threshold``, else the global minimum, refined by a parabola.

    Parameters
    ----------
    difference : np.ndarray [shape=(frames, lags)]
        At least two lags.
    """
    periods = np.empty(len(difference))
    for frame in range(len(difference)):
        values = difference[frame]
        best = -1
        for index in range(len(values)):
            if values[index] < threshold and is_trough(values, index):
                best = index
                break
        if best < 0:
            best = int(np.argmin(values))
        periods[frame] = min_period + best + parabolic_shift(values, best)
    return periods


def first_trough_periods_plain(difference: np.ndarray, min_period: int, threshold: float) -> np.ndarray:
    """The same in numpy."""
    last = difference.shape[1] - 1
    padded = np.pad(difference, ((0, 0), (1, 1)), constant_values=np.inf)
    before, after = padded[:, :-2], padded[:, 2:]
    trough = (difference < before) & (difference <= after) & (difference < threshold)
    trough[:, 0] = (difference[:, 0] < difference[:, 1]) & (difference[:, 0] < threshold)
    trough[:, last] = (difference[:, last] < difference[:, last - 1]) & (difference[:, last] < threshold)
    best = np.where(trough.any(axis=1), trough.argmax(axis=1), difference.argmin(axis=1))
    rows, inner = np.arange(len(best)), np.clip(best, 1, last - 1)
    low, mid, high = (difference[rows, inner + step] for step in (-1, 0, 1))
    curve, slope = high + low - 2 * mid, (high - low) / 2
    inside = (np.abs(slope) < np.abs(curve)) & (best == inner)
    return min_period + best + np.where(inside, -slope / np.where(inside, curve, 1.0), 0.0)
