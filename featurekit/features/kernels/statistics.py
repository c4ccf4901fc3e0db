"""Statistics of rows in two passes: one for the mean and the extremes, one for what is measured from the mean."""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit


@njit(cache=True, error_model="numpy")
def moments(values: np.ndarray) -> np.ndarray:
    """Mean, std, min, max, range, skewness, excess kurtosis, slope a frame [shape=(8, rows), float64].

    Skewness and kurtosis of a constant row are 0.
    """
    n_rows, n_frames = values.shape
    found = np.zeros((8, n_rows))
    middle = (n_frames - 1) / 2.0
    spread = n_frames * (n_frames * float(n_frames) - 1.0) / 12.0  # sum of squared distances from the middle
    for row in range(n_rows):
        total, low, high = 0.0, values[row, 0], values[row, 0]
        for frame in range(n_frames):
            value = values[row, frame]
            total += value
            low, high = min(low, value), max(high, value)
        mean = min(max(total / n_frames, low), high)  # rounding must not move a constant's mean off its value
        second, third, fourth, slope = 0.0, 0.0, 0.0, 0.0
        for frame in range(n_frames):
            offset = values[row, frame] - mean
            square = offset * offset
            second += square
            third += square * offset
            fourth += square * square
            slope += (frame - middle) * offset
        second, third, fourth = second / n_frames, third / n_frames, fourth / n_frames
        found[0, row], found[1, row] = mean, np.sqrt(second)
        found[2, row], found[3, row], found[4, row] = low, high, high - low
        if second * second > 0:
            found[5, row] = third / (second * found[1, row])
            found[6, row] = fourth / (second * second) - 3.0
        if n_frames > 1:
            found[7, row] = slope / spread
    return found


def moments_plain(values: np.ndarray) -> np.ndarray:
    """The same in numpy, for rows that are not constant."""
    mean, std = values.mean(axis=1), values.std(axis=1)
    scores = (values - mean[:, None]) / std[:, None]
    slope = np.polyfit(np.arange(values.shape[1]), values.T, 1)[0]
    low, high = values.min(axis=1), values.max(axis=1)
    return np.stack([mean, std, low, high, high - low, (scores**3).mean(axis=1), (scores**4).mean(axis=1) - 3, slope])
