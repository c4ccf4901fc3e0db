"""Viterbi: the most likely walk through pitch bins, voiced or unvoiced, that candidates of each frame leave open.

2 n states: n pitch bins voiced, the same n unvoiced. From frame to frame the bin moves by a triangular distribution a few
semitones wide, and voicing switches with a small probability. All but a band of the transitions are impossible, which is
what makes this fast; every sum is librosa's, impossible ones (log of the smallest float) included.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from featurekit.features.kernels.cache import njit

SEGMENT_FRAMES = 1024  # whose values are kept at a time; a longer signal is walked through twice
LOG_TINY = float(np.log(np.finfo(np.float64).tiny))


class Observations(NamedTuple):
    """What each frame says about its state: voiced entries of frame t are ``first[t]`` to ``first[t + 1]``.

    Attributes
    ----------
    first : np.ndarray [shape=(frames + 1,), int64]
    bins : np.ndarray [shape=(entries,), int64]
        Pitch bin, each once a frame; the other voiced bins are impossible.
    log_voiced : np.ndarray [shape=(entries,), float64]
        Log probability of that bin.
    log_unvoiced : np.ndarray [shape=(frames,), float64]
        Log probability of every unvoiced bin.
    """

    first: np.ndarray
    bins: np.ndarray
    log_voiced: np.ndarray
    log_unvoiced: np.ndarray


@functools.lru_cache(maxsize=8)
def transition_bands(n_bins: int, width: int, switch_probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Log probabilities of staying in and of switching voicing, with a move of the bin [two of shape=(moves, n_bins)].

    ``band[d, j]`` is of the move from bin ``j + d - moves // 2`` to bin ``j``; an odd ``width``, of which moves beyond all bins
    are left out: ``moves = min(width, 2 * n_bins - 1)``.
    """
    move = np.subtract.outer(np.arange(n_bins), np.arange(n_bins))
    triangle = np.maximum(0, 2 * ((width + 1) // 2 - np.abs(move))) / (width + 1)
    triangle /= triangle.sum(axis=1, keepdims=True)
    moves = min(width, 2 * n_bins - 1)
    source = np.arange(n_bins) + np.arange(moves)[:, None] - moves // 2
    band = np.where((source >= 0) & (source < n_bins), triangle[source.clip(0, n_bins - 1), np.arange(n_bins)], 0.0)
    tiny = np.finfo(np.float64).tiny
    stay = 1 - switch_probability
    return np.log(stay * band + tiny), np.log((1 - stay) * band + tiny)


def decode(observations: Observations, stay: np.ndarray, switch: np.ndarray) -> np.ndarray:
    """Most likely states [shape=(frames,), int64]: a bin below n where voiced, n plus a bin where not.

    Parameters
    ----------
    observations : Observations
        At least one frame.
    stay, switch : np.ndarray [shape=(moves, n_bins)]
        From :func:`transition_bands`.
    """
    n_frames, n_bins = len(observations.log_unvoiced), stay.shape[1]
    starts = list(range(0, n_frames, SEGMENT_FRAMES))
    states = np.empty(n_frames, np.int64)
    before = [np.empty(2 * n_bins)]  # values in the frame before each segment; of the first, never read
    for start in starts[:-1]:
        before.append(_forward(start, start + SEGMENT_FRAMES, before[-1], *observations, stay, switch)[-1])
    for start, value in zip(reversed(starts), reversed(before), strict=True):
        stop = min(start + SEGMENT_FRAMES, n_frames)
        _backward(_forward(start, stop, value, *observations, stay, switch), start, states, stay, switch)
    return states


@njit(cache=True, error_model="numpy")
def _forward(
    start: int,
    stop: int,
    before: np.ndarray,
    first: np.ndarray,
    bins: np.ndarray,
    log_voiced: np.ndarray,
    log_unvoiced: np.ndarray,
    stay: np.ndarray,
    switch: np.ndarray,
) -> np.ndarray:
    """Log probability of the best walk to each state [shape=(stop - start, 2 * n_bins)]."""
    width, n_bins = stay.shape
    half = width // 2
    values = np.empty((stop - start, 2 * n_bins))
    # Nothing comes from beyond the bins.
    voiced, unvoiced = np.full(n_bins + width, -np.inf), np.full(n_bins + width, -np.inf)
    to_voiced, to_unvoiced = np.empty(n_bins), np.empty(n_bins)
    previous = before
    for frame in range(start, stop):
        if frame == 0:
            to_voiced[:] = np.log(1.0 / (2 * n_bins))
            to_unvoiced[:] = to_voiced
        else:
            voiced[half : half + n_bins] = previous[:n_bins]
            unvoiced[half : half + n_bins] = previous[n_bins:]
            # A step outside the band is as good as impossible, from wherever it comes.
            to_voiced[:] = previous.max() + LOG_TINY
            to_unvoiced[:] = to_voiced
            _best_step(voiced, unvoiced, stay, switch, to_voiced, to_unvoiced)
        value = values[frame - start]
        for pitch in range(n_bins):
            value[pitch] = LOG_TINY + to_voiced[pitch]
            value[n_bins + pitch] = log_unvoiced[frame] + to_unvoiced[pitch]
        for entry in range(first[frame], first[frame + 1]):
            value[bins[entry]] = log_voiced[entry] + to_voiced[bins[entry]]
        previous = value
    return values


@njit(cache=True, error_model="numpy")
def _best_step(
    voiced: np.ndarray,
    unvoiced: np.ndarray,
    stay: np.ndarray,
    switch: np.ndarray,
    to_voiced: np.ndarray,
    to_unvoiced: np.ndarray,
) -> None:
    """Raise ``to_voiced`` and ``to_unvoiced`` to the best step into each bin; only maxima, so that lanes fill."""
    width, n_bins = stay.shape
    for move in range(width):
        for pitch in range(n_bins):
            keep, change = stay[move, pitch], switch[move, pitch]
            a, b = voiced[pitch + move], unvoiced[pitch + move]
            best = to_voiced[pitch]
            best = a + keep if a + keep > best else best
            to_voiced[pitch] = b + change if b + change > best else best
            best = to_unvoiced[pitch]
            best = a + change if a + change > best else best
            to_unvoiced[pitch] = b + keep if b + keep > best else best


@njit(cache=True, error_model="numpy")
def _backward(values: np.ndarray, start: int, states: np.ndarray, stay: np.ndarray, switch: np.ndarray) -> None:
    """Fill ``states`` for the frames of ``values``: where the best walk came from, the first of equals as librosa's."""
    width, n_bins = stay.shape
    half = width // 2
    for row in range(len(values) - 1, -1, -1):
        frame = start + row
        if frame == len(states) - 1:
            states[frame] = np.argmax(values[row])
            continue
        pitch, is_unvoiced = states[frame + 1] % n_bins, states[frame + 1] >= n_bins
        best, source = -np.inf, 0
        for state in range(2 * n_bins):
            move = state % n_bins - pitch + half
            step = LOG_TINY
            if 0 <= move < width:
                step = stay[move, pitch] if (state >= n_bins) == is_unvoiced else switch[move, pitch]
            if values[row, state] + step > best:
                best, source = values[row, state] + step, state
        states[frame] = source


def decode_plain(observations: Observations, stay: np.ndarray, switch: np.ndarray) -> np.ndarray:
    """The same with full matrices."""
    width, n_bins = stay.shape
    n_frames = len(observations.log_unvoiced)
    log_transition = np.full((2 * n_bins, 2 * n_bins), LOG_TINY)
    for pitch in range(n_bins):
        for move in range(width):
            source = pitch + move - width // 2
            if 0 <= source < n_bins:
                for side in (0, n_bins):
                    log_transition[side + source, side + pitch] = stay[move, pitch]
                    log_transition[side + source, n_bins - side + pitch] = switch[move, pitch]
    log_observed = np.full((n_frames, 2 * n_bins), LOG_TINY)
    for frame in range(n_frames):
        entries = slice(observations.first[frame], observations.first[frame + 1])
        log_observed[frame, observations.bins[entries]] = observations.log_voiced[entries]
        log_observed[frame, n_bins:] = observations.log_unvoiced[frame]
    value, pointers = log_observed[0] + np.log(1.0 / (2 * n_bins)), []
    for frame in range(1, n_frames):
        walks = value[:, None] + log_transition
        pointers.append(walks.argmax(axis=0))
        value = log_observed[frame] + walks.max(axis=0)
    states = [int(value.argmax())]
    for pointer in reversed(pointers):
        states.append(int(pointer[states[-1]]))
    return np.array(states[::-1])
