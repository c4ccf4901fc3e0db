"""A filter bank whose rows are mostly zeros, applied to a spectrum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from featurekit.features.kernels.cache import njit


class SparseBank(NamedTuple):
    """Rows of a filter bank as runs of weights.

    Attributes
    ----------
    first : np.ndarray [shape=(rows,), int64]
        Bin of each row's first weight.
    offsets : np.ndarray [shape=(rows + 1,), int64]
        Where each row's weights begin in ``weights``.
    weights : np.ndarray [float32]
    """

    first: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray


def sparse_bank(dense: np.ndarray) -> SparseBank:
    """Keep each row from its first to its last non-zero weight."""
    runs, first = [], []
    for row in dense:
        touched = np.flatnonzero(row)
        first.append(touched[0] if len(touched) else 0)
        runs.append(row[touched[0] : touched[-1] + 1] if len(touched) else row[:0])
    offsets = np.cumsum([0, *(len(run) for run in runs)])
    return SparseBank(np.array(first, np.int64), offsets.astype(np.int64), np.concatenate(runs).astype(np.float32))


def band_sums(power: np.ndarray, bank: SparseBank) -> np.ndarray:
    """``bank @ power`` [shape=(rows, frames), float32]."""
    return _band_sums(power, bank.first, bank.offsets, bank.weights)


@njit(cache=True, error_model="numpy")
def _band_sums(power: np.ndarray, first: np.ndarray, offsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    n_frames = power.shape[1]
    sums = np.zeros((len(first), n_frames), np.float32)
    for row in range(len(first)):
        for index in range(offsets[row], offsets[row + 1]):
            weight = weights[index]
            source = first[row] + index - offsets[row]
            for frame in range(n_frames):
                sums[row, frame] += weight * power[source, frame]
    return sums
