"""Resampling the rows of an array to another number: area means when shrinking, linear interpolation when growing."""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.bands import SparseBank, band_sums
from featurekit.features.kernels.cache import njit


def resize_rows(values: np.ndarray, n_rows: int) -> np.ndarray:
    """Resample the first axis [shape=(n_rows, columns), float32].

    >>> resize_rows(np.array([[0.0], [2.0], [4.0], [6.0]]), 2).ravel().tolist()
    [1.0, 5.0]
    >>> resize_rows(np.array([[0.0], [4.0]]), 4).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    values = np.ascontiguousarray(values, np.float32)
    if n_rows == len(values):
        return values
    return band_sums(values, SparseBank(*_resize_bank(len(values), n_rows)))


@njit(cache=True, error_model="numpy")
def _resize_bank(n_source: int, n_target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of the source rows for each target row, as a sparse bank's three arrays."""
    step = n_source / n_target
    first, offsets = np.zeros(n_target, np.int64), np.zeros(n_target + 1, np.int64)
    weights = np.zeros(n_target * (int(step) + 3), np.float32)
    used = 0
    for row in range(n_target):
        if n_target > n_source:
            centre = min(max((row + 0.5) * step - 0.5, 0.0), n_source - 1.0)
            first[row] = min(int(centre), max(n_source - 2, 0))
            share = centre - first[row]
            weights[used] = 1.0 - share
            used += 1
            if n_source > 1:
                weights[used] = share
                used += 1
        else:
            low, high = row * step, min((row + 1) * step, float(n_source))
            first[row] = int(low)
            source = first[row]
            while source < high:
                weights[used] = (min(high, source + 1.0) - max(low, float(source))) / step
                used += 1
                source += 1
        offsets[row + 1] = used
    return first, offsets, weights[:used]


@njit(cache=True, error_model="numpy")
def quantise(values: np.ndarray, low: float, gain: float) -> np.ndarray:
    """``(values - low) * gain`` rounded to 0 … 255, halves up, in one pass [shape=values.shape, uint8]."""
    pixels = np.empty(values.shape, np.uint8)
    offset = np.float32(0.5 - low * gain)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            level = values[row, column] * np.float32(gain) + offset
            pixels[row, column] = np.uint8(min(max(level, np.float32(0)), np.float32(255)))
    return pixels


def resize_rows_plain(values: np.ndarray, n_rows: int) -> np.ndarray:
    """The same through the running integral (shrinking) and numpy.interp (growing)."""
    n_source = len(values)
    if n_rows > n_source:
        centres = ((np.arange(n_rows) + 0.5) * n_source / n_rows - 0.5).clip(0, n_source - 1)
        return np.stack([np.interp(centres, np.arange(n_source), column) for column in values.T], axis=1)
    edges = np.linspace(0, n_source, n_rows + 1)
    integral = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0, dtype=np.float64)])
    at_edges = np.stack([np.interp(edges, np.arange(n_source + 1), column) for column in integral.T], axis=1)
    return np.diff(at_edges, axis=0) * (n_rows / n_source)
