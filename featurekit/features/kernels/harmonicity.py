"""How well a frame repeats itself: the height of its normalised autocorrelation at the best lag, between samples.

The autocorrelation of a windowed frame falls with the lag because the window does; dividing by the window's own
autocorrelation undoes that (Boersma 1993). A peak between two samples may be a quarter higher than they are, which is
the difference between 5 and 30 dB: heights are read off a windowed-sinc interpolation.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit
from featurekit.features.kernels.framing import centred_frames
from featurekit.features.kernels.yin import parabolic_shift

CHUNK_FRAMES = 16  # per batch of transforms: their spectra stay in the L2 cache
DEPTH = 30  # samples on either side that an interpolated value is made of
NEAR = 0.7  # of the highest peak: which others are looked at closely
FLAT = 1e-24  # variance over power below which a frame is a constant and its rounding


def periodicity(signal: np.ndarray, window: np.ndarray, hop_length: int, min_period: int, max_period: int) -> np.ndarray:
    """Largest autocorrelation of each centred frame at a lag of ``min_period`` to ``max_period`` [shape=(frames,)].

    At most 1, a perfect repetition; 0 where the frame is constant or has no positive peak in the range.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    frame_length = len(window)
    frames = centred_frames(signal, frame_length, hop_length)
    n_lags = min(max_period + DEPTH + 2, frame_length)
    size = next_fast_len(frame_length + n_lags, real=True)
    # Where the window hardly overlaps itself the quotient would be noise.
    taper = irfft(np.abs(rfft(window, size)) ** 2, size)[:n_lags]
    taper = np.maximum(taper / taper[0], 1e-3)
    middle = slice(max(0, frame_length // 2 - max_period), frame_length // 2 + max_period)
    heights = np.zeros(len(frames))
    for start in range(0, len(frames), CHUNK_FRAMES):
        chunk = frames[start : start + CHUNK_FRAMES]
        # The mean of two longest periods: that of the whole frame leaves rumble in, which repeats itself at any lag.
        centred = chunk - chunk[:, middle].mean(axis=1, keepdims=True)
        sound = np.einsum("ts,ts->t", centred, centred) > FLAT * np.einsum("ts,ts->t", chunk, chunk)
        spectrum = rfft(centred * window, size)
        correlation = irfft(spectrum.real**2 + spectrum.imag**2, size)[:, :n_lags]
        scale = np.where(sound & (correlation[:, 0] > 0), correlation[:, 0], np.inf)
        normalised = correlation / (scale[:, None] * taper)
        heights[start : start + CHUNK_FRAMES] = _highest_peaks(normalised, min_period, max_period)
    return heights


@njit(cache=True, error_model="numpy")
def _highest_peaks(correlation: np.ndarray, min_period: int, max_period: int) -> np.ndarray:
    heights = np.zeros(len(correlation))
    first, last = max(min_period, 1), min(max_period, correlation.shape[1] - 2)
    for frame in range(len(correlation)):
        values = correlation[frame]
        rough = 0.0
        for lag in range(first, last + 1):
            rough = max(rough, _rough_height(values, lag))
        best, best_lag = 0.0, 0
        for lag in range(first, last + 1):
            # A parabola through samples may be a quarter too low, so peaks that look lower may be the highest.
            if rough > 0 and _rough_height(values, lag) > NEAR * rough:
                height = interpolated(values, lag + parabolic_shift(values, lag))
                if height > best:
                    best, best_lag = height, lag
        if best_lag > 0:
            height = _peak_height(values, best_lag)
            heights[frame] = 1 / height if height > 1 else height  # as Praat: the division by the taper may overshoot
    return heights


@njit(cache=True, error_model="numpy")
def _rough_height(values: np.ndarray, lag: int) -> float:
    """Height of the peak at ``lag`` by a parabola; 0 where there is none."""
    low, mid, high = values[lag - 1], values[lag], values[lag + 1]
    if not (mid > low and mid >= high):
        return 0.0
    return mid + (high - low) / 4 * parabolic_shift(values, lag)


@njit(cache=True, error_model="numpy")
def _peak_height(values: np.ndarray, lag: int) -> float:
    """Height of the peak next to ``lag``: parabolas through interpolated values, each narrower than the one before."""
    place, width = lag + parabolic_shift(values, lag), 0.5
    for _ in range(3):
        low, mid, high = interpolated(values, place - width), interpolated(values, place), interpolated(values, place + width)
        curve, slope = high + low - 2 * mid, (high - low) / 2
        place += width * (-slope / curve if curve < 0 and abs(slope) < abs(curve) else 0.0)
        width /= 5
    return max(interpolated(values, place), values[lag])


@njit(cache=True, error_model="numpy")
def interpolated(values: np.ndarray, place: float) -> float:
    """An even, band-limited function between its samples ``values[0]``, ``values[1]``, …, by a windowed sinc."""
    nearest = round(place)
    if abs(place - nearest) < 1e-9:
        return values[abs(nearest)]
    first = int(np.floor(place)) - DEPTH + 1
    total = 0.0
    sine = np.sin(np.pi * (place - first)) / np.pi
    for index in range(first, first + 2 * DEPTH):
        distance = place - index
        inside = 1 - (distance / (DEPTH + 1)) ** 2
        if abs(index) < len(values):
            total += values[abs(index)] * sine / distance * inside * inside
        sine = -sine
    return total
