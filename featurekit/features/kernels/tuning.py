"""Tuning: how far the spectrum's peaks lie, on the whole, from the notes of A440."""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit

RESOLUTION = 0.01
PEAK_FMIN_HZ, PEAK_FMAX_HZ = 150.0, 4000.0
PEAK_THRESHOLD = 0.1  # of the frame's maximum


def estimate_tuning(spectrum: np.ndarray, sample_rate: int, bins_per_octave: int) -> float:
    """The commonest deviation of spectral peaks from the nearest bin, in bins, -0.5 to 0.5; 0.0 without peaks.

    Parameters
    ----------
    spectrum : np.ndarray [shape=(bins, frames), float32, >= 0]
        Magnitude or power.
    sample_rate : int
    bins_per_octave : int

    Notes
    -----
    librosa's piptrack and pitch_tuning: peaks are located by a parabola, the louder half is kept, and the mode of a
    histogram in hundredths of a bin is the answer.
    """
    n_fft = 2 * (len(spectrum) - 1)
    bin_hz = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    # The outermost bins have one neighbour and are no peaks; these limits exclude them at any rate.
    first, stop = np.searchsorted(bin_hz, [PEAK_FMIN_HZ, min(PEAK_FMAX_HZ, sample_rate / 2)])
    pitch_hz, level = spectral_peaks(spectrum, int(first), int(stop), sample_rate)
    if len(pitch_hz) == 0:
        return 0.0
    return histogram_mode(pitch_hz[level >= np.median(level)], bins_per_octave)


def histogram_mode(pitch_hz: np.ndarray, bins_per_octave: int) -> float:
    """Mode of the deviations of ``pitch_hz`` (float32, > 0) from the nearest bin, in hundredths of a bin."""
    # float32 throughout: numpy's float32 log2 decides on which side of a histogram border a peak falls.
    octaves = np.log2(pitch_hz / (440.0 / 16))
    residual = np.mod(bins_per_octave * octaves, 1.0)
    residual[residual >= 0.5] -= 1.0
    edges = np.linspace(-0.5, 0.5, int(np.ceil(1.0 / RESOLUTION)) + 1)
    return float(edges[np.argmax(histogram(residual, edges))])


@njit(cache=True, error_model="numpy")
def histogram(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts of values between evenly spaced edges, the last edge included, as numpy.histogram [int64]."""
    n_bins = len(edges) - 1
    counts = np.zeros(n_bins, np.int64)
    per_width = n_bins / (edges[n_bins] - edges[0])
    for value in values:
        guess = min(max(int((value - edges[0]) * per_width), 0), n_bins - 1)
        # The division may be one off at a border; the edges themselves decide.
        if value < edges[guess]:
            guess -= 1
        elif guess < n_bins - 1 and value >= edges[guess + 1]:
            guess += 1
        counts[guess] += 1
    return counts


@njit(cache=True, error_model="numpy")
def spectral_peaks(spectrum: np.ndarray, first: int, stop: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequency and level of every spectral peak between two bins, by bins, then frames [two float32 vectors].

    A peak is a local maximum above a tenth of its frame's maximum; a parabola through it and its neighbours gives the
    frequency and the level between the bins. Types mix float32 and float64 as in librosa's piptrack: rounding
    differently would move the histogram that comes after.
    """
    n_bins, n_frames = spectrum.shape
    n_fft = 2 * (n_bins - 1)
    floor = np.zeros(n_frames, np.float32)
    for row in range(n_bins):
        for frame in range(n_frames):
            value = spectrum[row, frame]
            floor[frame] = value if value > floor[frame] else floor[frame]
    for frame in range(n_frames):
        floor[frame] *= np.float32(PEAK_THRESHOLD)
    # Peaks are one bin in twenty and unpredictable: a mask and a store that always happens cost less than a branch.
    capacity = (stop - first + 1) // 2 * n_frames + 1  # no two neighbours are both peaks
    rows, frames = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    mask = np.empty(n_frames, np.uint8)
    found = 0
    for row in range(first, stop):
        for frame in range(n_frames):
            mid = spectrum[row, frame]
            mask[frame] = (mid > floor[frame]) & (mid > spectrum[row - 1, frame]) & (mid >= spectrum[row + 1, frame])
        for frame in range(n_frames):
            rows[found], frames[found] = row, frame
            found += mask[frame]
    pitch_hz, level = np.empty(found, np.float32), np.empty(found, np.float32)
    for peak in range(found):
        row, frame = rows[peak], frames[peak]
        low, mid, high = spectrum[row - 1, frame], spectrum[row, frame], spectrum[row + 1, frame]
        curve = np.float64(high + low) - 2.0 * np.float64(mid)
        slope = np.float64(high - low) / 2.0
        # A shift of a whole bin or more is no peak between bins.
        shift = np.float32(-slope / curve) if abs(slope) < abs(curve) else np.float32(0)
        pitch_hz[peak] = np.float32((row + np.float64(shift)) * sample_rate / n_fft)
        level[peak] = mid + np.float32(np.float32(0.5) * np.float32(slope)) * shift
    return pitch_hz, level


def spectral_peaks_plain(spectrum: np.ndarray, first: int, stop: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The same in numpy."""
    loud = spectrum * (spectrum > np.float32(PEAK_THRESHOLD) * spectrum.max(axis=0))
    peak = (loud[first:stop] > loud[first - 1 : stop - 1]) & (loud[first:stop] >= loud[first + 1 : stop + 1])
    row, frame = np.nonzero(peak)
    row += first
    low, mid, high = spectrum[row - 1, frame], spectrum[row, frame], spectrum[row + 1, frame]
    curve = (high + low) - 2.0 * mid.astype(np.float64)
    slope = (high - low) / np.float32(2)
    inside = np.abs(slope) < np.abs(curve)
    shift = np.where(inside, -slope / np.where(inside, curve, 1.0), 0.0).astype(np.float32)
    pitch_hz = ((row + shift) * float(sample_rate) / (2 * (len(spectrum) - 1))).astype(np.float32)
    return pitch_hz, mid + np.float32(0.5) * slope * shift
