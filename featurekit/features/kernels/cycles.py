"""Cycles of the voice: a mark in each, and how much neighbouring ones differ in length and in strength.

From one mark to the next is the lag at which the waveform around it fits best, near the period that the pitch tracker
says; so marks keep to one phase of the waveform and their distances are exact to a small part of a sample.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit

SHORTEST, LONGEST = 0.8, 1.25  # of the tracker's period: where the next cycle is searched
MIN_CORRELATION = 0.3  # below it the waveform has changed too much to be followed
MAX_PERIOD_RATIO = 1.3  # of neighbouring periods, and
MAX_AMPLITUDE_RATIO = 1.6  # of neighbouring amplitudes, beyond which a mark was missed: Praat's defaults
PEAK_SHARE = 0.2  # of a period on either side of a mark, over which its amplitude is taken


@njit(cache=True, error_model="numpy")
def cycle_marks(signal: np.ndarray, period: np.ndarray, hop_length: int) -> np.ndarray:
    """Marks of all cycles [shape=(3, marks), float64]: place in samples, amplitude, number of the unbroken chain it is in.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,), float64]
    period : np.ndarray [shape=(frames,), float64]
        In samples, at every ``hop_length``-th sample; 0 where unvoiced.

    Notes
    -----
    Each voiced stretch is anchored on the largest sample near its middle, where the voice is steadiest.
    """
    n_frames = len(period)
    capacity = 4 * n_frames  # a step is SHORTEST of a period at least, and a stretch has two open ends
    for frame in range(n_frames):
        if period[frame] > 0:
            capacity += int(hop_length / (SHORTEST * period[frame]))
    marks = np.empty((3, capacity))
    total, chain, frame = 0, 0.0, 0
    while frame < n_frames:
        first = frame
        while frame < n_frames and period[frame] > 0:
            frame += 1
        if frame > first:
            start = max(0, first * hop_length - hop_length // 2)
            stop = min(len(signal), (frame - 1) * hop_length + hop_length // 2 + 1)
            middle = min((start + stop) // 2, len(signal) - 1)  # the last frame may be centred behind the last sample
            anchor = float(_largest(signal, middle, _period_at(middle, period, hop_length) / 2))
            reach = (start, stop)
            left = _follow(signal, anchor, -1, reach, period, hop_length, chain, marks[:, total:])
            marks[:, total : total + left] = marks[:, total : total + left][:, ::-1].copy()
            total += left
            marks[0, total], marks[2, total] = anchor, chain
            total += 1 + _follow(signal, anchor, 1, reach, period, hop_length, chain, marks[:, total + 1 :])
            chain += capacity  # more than _follow can have counted
        frame += 1
    for index in range(total):
        length = _period_at(marks[0, index], period, hop_length)
        marks[1, index] = _amplitude(signal, marks[0, index], length)
    return marks[:, :total].copy()


@njit(cache=True, error_model="numpy")
def _follow(
    signal: np.ndarray,
    anchor: float,
    direction: int,
    reach: tuple[int, int],
    period: np.ndarray,
    hop_length: int,
    chain: float,
    marks: np.ndarray,
) -> int:
    """Write the places and chains of the marks after (``direction`` 1) or before (-1) ``anchor``; say how many.

    Where the waveform cannot be followed, look for it again a period further on, in a new chain.
    """
    total, place = 0, anchor
    while total < marks.shape[1]:
        length = _period_at(place, period, hop_length)
        if length == 0:
            break
        lag = _best_lag(signal, int(np.floor(place + 0.5)), length, direction)
        place += direction * (lag if lag > 0 else length)
        if not reach[0] <= place < reach[1]:
            break
        if lag > 0:
            marks[0, total], marks[2, total] = place, chain
            total += 1
        else:
            place = float(_largest(signal, int(place), length / 4))
            chain += 1
    return total


@njit(cache=True, error_model="numpy")
def _period_at(place: float, period: np.ndarray, hop_length: int) -> float:
    """Period of the nearest frame, in samples; 0 where it is unvoiced."""
    return period[min(max(int(place / hop_length + 0.5), 0), len(period) - 1)]


@njit(cache=True, error_model="numpy")
def _largest(signal: np.ndarray, middle: int, reach: float) -> int:
    """The sample of largest magnitude within ``reach`` of ``middle``."""
    best = middle
    for sample in range(max(0, middle - int(reach)), min(len(signal), middle + int(reach) + 1)):
        if abs(signal[sample]) > abs(signal[best]):
            best = sample
    return best


@njit(cache=True, error_model="numpy")
def _best_lag(signal: np.ndarray, centre: int, length: float, direction: int) -> float:
    """The lag, about ``length``, at which the period around ``centre`` correlates best with the signal; 0 if nowhere."""
    shortest, longest = int(np.ceil(SHORTEST * length)), int(LONGEST * length)
    begin = centre - int(length / 2)
    size = 2 * int(length / 2) + 1
    if begin < 0 or begin + size > len(signal):
        return 0.0
    longest = min(longest, len(signal) - begin - size if direction > 0 else begin)
    if longest - shortest < 2:
        return 0.0
    fit = np.empty(longest - shortest + 1)
    power = _dot(signal, begin, begin, size)
    for lag in range(shortest, longest + 1):
        other = begin + direction * lag
        norm = power * _dot(signal, other, other, size)
        fit[lag - shortest] = _dot(signal, begin, other, size) / np.sqrt(norm) if norm > 0 else 0.0
    best = np.argmax(fit)
    if fit[best] < MIN_CORRELATION or best == 0 or best == len(fit) - 1:
        return 0.0
    curve = fit[best + 1] + fit[best - 1] - 2 * fit[best]
    return shortest + best + ((fit[best - 1] - fit[best + 1]) / (2 * curve) if curve < 0 else 0.0)


@njit(cache=True, error_model="numpy")
def _dot(signal: np.ndarray, first: int, second: int, size: int) -> float:
    # Four sums at once: each addition waits for the one before it.
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    middle = size // 4 * 4
    for index in range(0, middle, 4):
        a += signal[first + index] * signal[second + index]
        b += signal[first + index + 1] * signal[second + index + 1]
        c += signal[first + index + 2] * signal[second + index + 2]
        d += signal[first + index + 3] * signal[second + index + 3]
    for index in range(middle, size):
        a += signal[first + index] * signal[second + index]
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
def _amplitude(signal: np.ndarray, mark: float, length: float) -> float:
    """Root of the mean square around a mark, under a Hann window of a fifth of a period on either side."""
    reach = max(PEAK_SHARE * length, 1.0)
    weights, total = 0.0, 0.0
    for sample in range(int(np.ceil(mark - reach)), int(mark + reach) + 1):
        if 0 <= sample < len(signal):
            weight = 0.5 + 0.5 * np.cos(np.pi * (sample - mark) / reach)
            weights += weight
            total += weight * signal[sample] ** 2
    return np.sqrt(total / weights) if weights > 0 else 0.0


@njit(cache=True, error_model="numpy")
def perturbation(marks: np.ndarray, n_frames: int, frame_length: int, hop_length: int) -> np.ndarray:
    """Mean difference of neighbouring periods and of neighbouring amplitudes, over their means [shape=(2, frames)].

    Of the marks within ``frame_length`` samples around each frame's centre; 0 where they hold no two neighbours.

    Parameters
    ----------
    marks : np.ndarray [shape=(3, marks)]
        From :func:`cycle_marks`.
    """
    out = np.zeros((2, n_frames))
    n_marks = marks.shape[1]
    begin, end = 0, 0
    for frame in range(n_frames):
        low, high = frame * hop_length - frame_length / 2, frame * hop_length + frame_length / 2
        while begin < n_marks and marks[0, begin] < low:
            begin += 1
        end = max(end, begin)
        while end < n_marks and marks[0, end] <= high:
            end += 1
        out[0, frame] = _period_perturbation(marks[:, begin:end])
        out[1, frame] = _amplitude_perturbation(marks[:, begin:end])
    return out


@njit(cache=True, error_model="numpy")
def _period_perturbation(marks: np.ndarray) -> float:
    total, n_periods, difference, n_pairs = 0.0, 0, 0.0, 0
    before = 0.0  # the period before, 0 where the chain begins
    for index in range(1, marks.shape[1]):
        if marks[2, index] != marks[2, index - 1]:
            before = 0.0
            continue
        period = marks[0, index] - marks[0, index - 1]
        total += period
        n_periods += 1
        if before > 0 and max(period, before) <= MAX_PERIOD_RATIO * min(period, before):
            difference += abs(period - before)
            n_pairs += 1
        before = period
    return difference / n_pairs / (total / n_periods) if n_pairs > 0 else 0.0


@njit(cache=True, error_model="numpy")
def _amplitude_perturbation(marks: np.ndarray) -> float:
    total, difference, n_pairs = 0.0, 0.0, 0
    for index in range(marks.shape[1]):
        total += marks[1, index]
        if index > 0 and marks[2, index] == marks[2, index - 1]:
            a, b = marks[1, index], marks[1, index - 1]
            if max(a, b) <= MAX_AMPLITUDE_RATIO * min(a, b):
                difference += abs(a - b)
                n_pairs += 1
    return difference / n_pairs / (total / marks.shape[1]) if n_pairs > 0 and total > 0 else 0.0
