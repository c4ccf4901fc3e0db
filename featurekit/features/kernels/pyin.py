"""Probabilistic YIN: every trough of the difference function as a pitch candidate with a probability.

A prior over thresholds (a beta distribution) says how likely YIN would have run with each; at every threshold the
troughs below it share its probability, short periods first (a Boltzmann distribution). Mauch and Dixon (2014), with the
choices of librosa's pyin.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from featurekit.features.kernels.cache import njit
from featurekit.features.kernels.yin import is_trough, parabolic_shift

N_THRESHOLDS = 100
BETA_PARAMETERS = (2, 18)  # of the prior over thresholds: its mean is 0.1
BOLTZMANN_PARAMETER = 2.0  # of the prior over troughs: larger prefers shorter periods
NO_TROUGH_PROBABILITY = 0.01  # of believing the deepest trough where none is below a threshold


class Candidates(NamedTuple):
    """Pitch candidates of all frames in one row, those of frame t from ``first[t]`` to ``first[t + 1]``.

    Attributes
    ----------
    first : np.ndarray [shape=(frames + 1,), int64]
    lag : np.ndarray [shape=(candidates,), float64]
        Between the lags of the difference function, counted from its first; ascending in a frame.
    probability : np.ndarray [shape=(candidates,), float64]
        More than 0.
    """

    first: np.ndarray
    lag: np.ndarray
    probability: np.ndarray


def pitch_candidates(difference: np.ndarray) -> Candidates:
    """Troughs of each frame with their probabilities.

    Parameters
    ----------
    difference : np.ndarray [shape=(frames, lags)]
        From :func:`~featurekit.features.kernels.yin.normalised_difference`; at least two lags.
    """
    capacity = difference.shape[1] // 2 + 1  # no two neighbours are both troughs
    return Candidates(*_candidates(difference, *threshold_prior(), trough_prior(capacity)))


@functools.cache
def threshold_prior() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds, the prior probability of each, and the sum of the first n at ``[n]``."""
    from scipy.special import betainc

    edges = np.linspace(0, 1, N_THRESHOLDS + 1)
    prior = np.diff(betainc(*BETA_PARAMETERS, edges))
    return edges[1:], prior, np.array([prior[:n].sum() for n in range(N_THRESHOLDS + 1)])


@functools.lru_cache(maxsize=8)
def trough_prior(capacity: int) -> np.ndarray:
    """Boltzmann probability of trough k (by period) among n, at ``[n, k]`` [shape=(capacity + 1, capacity)]."""
    n, k = np.ogrid[: capacity + 1, :capacity]
    decay = np.exp(-BOLTZMANN_PARAMETER)
    share = (1 - decay) * decay**k / (1 - decay ** np.maximum(n, 1))
    return np.where(k < n, share, 0.0)


@njit(cache=True, error_model="numpy")
def _candidates(
    difference: np.ndarray, thresholds: np.ndarray, prior: np.ndarray, prior_sum: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n_frames, n_lags = difference.shape
    capacity = n_lags // 2 + 1
    trough, height, weight = np.empty(capacity, np.int64), np.empty(capacity), np.empty(capacity)
    first = np.zeros(n_frames + 1, np.int64)
    lag, probability = np.empty(n_frames * capacity), np.empty(n_frames * capacity)
    total = 0
    for frame in range(n_frames):
        values = difference[frame]
        n_troughs = 0
        for index in range(n_lags):
            if is_trough(values, index):
                trough[n_troughs], height[n_troughs], weight[n_troughs] = index, values[index], 0.0
                n_troughs += 1
        if n_troughs > 0:
            _share_thresholds(height[:n_troughs], thresholds, prior, prior_sum, share, weight)
        for index in range(n_troughs):
            if weight[index] > 0:
                lag[total] = trough[index] + parabolic_shift(values, trough[index])
                probability[total] = weight[index]
                total += 1
        first[frame + 1] = total
    return first, lag[:total].copy(), probability[:total].copy()


@njit(cache=True, error_model="numpy")
def _share_thresholds(
    height: np.ndarray,
    thresholds: np.ndarray,
    prior: np.ndarray,
    prior_sum: np.ndarray,
    share: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Add to ``weight`` what each trough gets of every threshold's prior."""
    deepest = np.argmin(height)
    unreached = 0  # thresholds below every trough
    while unreached < len(thresholds) and not height[deepest] < thresholds[unreached]:
        unreached += 1
    for index in range(unreached, len(thresholds)):
        below = 0
        for value in height:
            below += value < thresholds[index]
        rank = 0
        for trough in range(len(height)):
            if height[trough] < thresholds[index]:
                weight[trough] += share[below, rank] * prior[index]
                rank += 1
    weight[deepest] += NO_TROUGH_PROBABILITY * prior_sum[unreached]


@njit(cache=True, error_model="numpy")
def one_candidate_a_bin(
    first: np.ndarray, bins: np.ndarray, probability: np.ndarray, n_bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Keep one candidate a pitch bin, that of the longest period (librosa assigns, it does not add); sum a frame's rest.

    Returns
    -------
    first, bins, probability : np.ndarray
        As they came, without candidates above the highest bin, the bins of a frame ascending.
    voiced_probability : np.ndarray [shape=(frames,)]
        At most 1.
    """
    n_frames = len(first) - 1
    kept = np.zeros(n_frames + 1, np.int64)
    kept_bins, kept_probability = np.empty_like(bins), np.empty_like(probability)
    voiced_probability = np.empty(n_frames)
    total = 0
    for frame in range(n_frames):
        voiced, last = 0.0, -1
        for entry in range(first[frame + 1] - 1, first[frame] - 1, -1):  # descending periods, ascending bins
            if bins[entry] != last and bins[entry] < n_bins:
                last = bins[entry]
                kept_bins[total], kept_probability[total] = last, probability[entry]
                voiced += probability[entry]
                total += 1
        kept[frame + 1] = total
        voiced_probability[frame] = min(voiced, 1.0)
    return kept, kept_bins[:total], kept_probability[:total], voiced_probability


def pitch_candidates_plain(difference: np.ndarray) -> Candidates:
    """The same, a frame, a trough and a threshold at a time."""
    thresholds, prior, _ = threshold_prior()
    decay, first, lags, probabilities = np.exp(-BOLTZMANN_PARAMETER), [0], [], []
    for values in difference:
        troughs = [index for index in range(len(values)) if is_trough(values, index)]
        weight = dict.fromkeys(troughs, 0.0)
        for threshold, mass in zip(thresholds, prior, strict=True):
            below = [index for index in troughs if values[index] < threshold]
            for rank, index in enumerate(below):
                weight[index] += mass * (1 - decay) * decay**rank / (1 - decay ** len(below))
            if troughs and not below:
                weight[min(troughs, key=lambda index: values[index])] += NO_TROUGH_PROBABILITY * mass
        kept = [index for index in troughs if weight[index] > 0]
        lags += [index + parabolic_shift(values, index) for index in kept]
        probabilities += [weight[index] for index in kept]
        first.append(len(lags))
    return Candidates(np.array(first), np.array(lags), np.array(probabilities))
