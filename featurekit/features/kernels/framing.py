"""Sums over overlapping frames of samples, from sums over the blocks that frames share."""

from __future__ import annotations

import math

import numpy as np

from featurekit.features.kernels.cache import njit
from featurekit.features.kernels.views import centred_frames as centred_frames  # frames are asked for here
from featurekit.features.kernels.views import framed


def mean_square(signal: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """Mean of squares of centred, zero-padded frames [shape=(frames,), float64].

    Frame borders are multiples of ``gcd(n_fft, hop_length)``: blocks of that size are summed once, then added up a
    frame. A running sum over samples would be faster still and lose a quiet frame's digits after a loud one.
    """
    block = math.gcd(n_fft, hop_length)
    n_blocks = (len(signal) + 2 * (n_fft // 2)) // block
    blocks = _block_squares(signal, n_fft // 2, block, n_blocks)
    return framed(blocks, n_fft // block, hop_length // block).sum(axis=1) / n_fft


@njit(cache=True, error_model="numpy")
def _block_squares(signal: np.ndarray, lead: int, block: int, n_blocks: int) -> np.ndarray:
    """Sums of squares of blocks of the signal after ``lead`` zeros [shape=(n_blocks,), float64]."""
    sums = np.zeros(n_blocks)
    for index in range(n_blocks):
        start = min(max(index * block - lead, 0), len(signal))
        stop = min(max((index + 1) * block - lead, 0), len(signal))
        # Four sums at once: each addition waits for the one before it.
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        middle = start + (stop - start) // 4 * 4
        for sample in range(start, middle, 4):
            a += np.float64(signal[sample]) ** 2
            b += np.float64(signal[sample + 1]) ** 2
            c += np.float64(signal[sample + 2]) ** 2
            d += np.float64(signal[sample + 3]) ** 2
        for sample in range(middle, stop):
            a += np.float64(signal[sample]) ** 2
        sums[index] = (a + b) + (c + d)
    return sums


def mean_square_plain(signal: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """The same, frame by frame."""
    return np.square(centred_frames(signal, n_fft, hop_length)).mean(axis=1)


def crossing_rate(signal: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """Share of sign changes in centred, edge-padded frames [shape=(frames,), float64].

    The first sample of a frame has no predecessor in it and is never a crossing, as in librosa.
    """
    block = math.gcd(n_fft, hop_length)
    n_blocks = (len(signal) + 2 * (n_fft // 2)) // block
    blocks, crossing = _block_crossings(signal, n_fft // 2, block, n_blocks)
    counts = framed(blocks, n_fft // block, hop_length // block).sum(axis=1)
    return (counts - crossing[:: hop_length // block][: len(counts)]) / n_fft


@njit(cache=True, error_model="numpy")
def _block_crossings(signal: np.ndarray, lead: int, block: int, n_blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Sign changes in each block of the padded signal, and whether its first sample is one [two of int64].

    Padding repeats the end samples, so it holds none. Samples within 1e-10 of zero are positive, as in librosa.
    """
    tiny = np.float32(-1e-10)
    counts, at_start = np.zeros(n_blocks, np.int64), np.zeros(n_blocks, np.int64)
    for index in range(n_blocks):
        first = index * block - lead
        start, stop = min(max(first, 1), len(signal)), min(max(first + block, 1), len(signal))
        count = 0
        for sample in range(start, stop):
            count += (signal[sample] < tiny) != (signal[sample - 1] < tiny)
        counts[index] = count
        if start == first and start < stop:
            at_start[index] = (signal[first] < tiny) != (signal[first - 1] < tiny)
    return counts, at_start


def crossing_rate_plain(signal: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """The same, frame by frame."""
    negative = np.pad(signal, n_fft // 2, mode="edge") < np.float32(-1e-10)
    frames = np.lib.stride_tricks.sliding_window_view(negative, n_fft)[::hop_length]
    return (frames[:, 1:] != frames[:, :-1]).sum(axis=1) / n_fft
