"""Sums over the bins of each frame: moments of the spectrum, and where its cumulative sum passes a share.

The inner loops run over frames, which are contiguous: they vectorise without fastmath, and every frame's sum runs over
the bins in order, as numpy's cumulative sum does.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit


@njit(cache=True, error_model="numpy")
def weighted_sums(magnitude: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over bins of the magnitudes, and of the magnitudes times a weight a bin [two of shape=(frames,), float64]."""
    n_bins, n_frames = magnitude.shape
    total, weighted = np.zeros(n_frames), np.zeros(n_frames)
    for row in range(n_bins):
        weight = weights[row]
        for frame in range(n_frames):
            value = np.float64(magnitude[row, frame])
            total[frame] += value
            weighted[frame] += weight * value
    return total, weighted


def weighted_sums_plain(magnitude: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in numpy."""
    return magnitude.sum(axis=0, dtype=np.float64), weights @ magnitude.astype(np.float64)


@njit(cache=True, error_model="numpy")
def spread_sums(magnitude: np.ndarray, bin_hz: np.ndarray, centre_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over bins of the magnitudes, and of the magnitudes times the squared distance from ``centre_hz``."""
    n_bins, n_frames = magnitude.shape
    total, spread = np.zeros(n_frames), np.zeros(n_frames)
    for row in range(n_bins):
        hz = bin_hz[row]
        for frame in range(n_frames):
            value = np.float64(magnitude[row, frame])
            distance = hz - centre_hz[frame]
            total[frame] += value
            spread[frame] += value * distance * distance
    return total, spread


def spread_sums_plain(magnitude: np.ndarray, bin_hz: np.ndarray, centre_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in numpy."""
    total = magnitude.sum(axis=0, dtype=np.float64)
    return total, (magnitude * (bin_hz[:, None] - centre_hz) ** 2).sum(axis=0)


@njit(cache=True, error_model="numpy")
def share_bins(magnitude: np.ndarray, share: float) -> np.ndarray:
    """First bin at which the cumulative sum of a frame reaches a share of its total [shape=(frames,), int64].

    float32 and in the order of the bins, as librosa's cumsum: the last bit decides between two bins.
    """
    n_bins, n_frames = magnitude.shape
    threshold = np.zeros(n_frames, np.float32)
    for row in range(n_bins):
        for frame in range(n_frames):
            threshold[frame] += magnitude[row, frame]
    for frame in range(n_frames):
        threshold[frame] *= np.float32(share)
    cumulative = np.zeros(n_frames, np.float32)
    below = np.zeros(n_frames, np.int64)
    for row in range(n_bins):
        for frame in range(n_frames):
            cumulative[frame] += magnitude[row, frame]
            below[frame] += cumulative[frame] < threshold[frame]
    return below


def share_bins_plain(magnitude: np.ndarray, share: float) -> np.ndarray:
    """The same in numpy."""
    cumulative = np.cumsum(magnitude, axis=0)
    return np.argmax(cumulative >= np.float32(share) * cumulative[-1], axis=0)


@njit(cache=True, error_model="numpy")
def group_products(power: np.ndarray, floor: float) -> np.ndarray:
    """Products of every seven rows, each value at least ``floor`` [shape=(ceil(bins / 7), frames), float64].

    The logarithm of a product costs a seventh of seven logarithms, and seven float32 values fit a float64's range.
    """
    n_bins, n_frames = power.shape
    products = np.ones(((n_bins + 6) // 7, n_frames))
    for row in range(n_bins):
        for frame in range(n_frames):
            value = np.float64(power[row, frame])
            products[row // 7, frame] *= value if value > floor else floor
    return products


def group_products_plain(power: np.ndarray, floor: float) -> np.ndarray:
    """The same in numpy."""
    floored = np.maximum(power.astype(np.float64), floor)
    return np.stack([floored[row : row + 7].prod(axis=0) for row in range(0, len(power), 7)])


@njit(cache=True, error_model="numpy")
def neighbour_products(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over bins of each frame's squares, and of its products with the frame before [two of (frames,), float64]."""
    n_bins, n_frames = magnitude.shape
    square, product = np.zeros(n_frames), np.zeros(n_frames)
    for row in range(n_bins):
        now, later, with_before = magnitude[row], magnitude[row, 1:], product[1:]
        for frame in range(n_frames):
            square[frame] += np.float64(now[frame]) * np.float64(now[frame])
        for frame in range(n_frames - 1):
            with_before[frame] += np.float64(now[frame]) * np.float64(later[frame])
    return square, product


def neighbour_products_plain(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in numpy."""
    values = magnitude.astype(np.float64)
    before = np.pad(values, ((0, 0), (1, 0)))[:, :-1]
    return np.square(values).sum(axis=0), (values * before).sum(axis=0)
