"""Noise reduction: a Wiener filter whose noise is estimated from the utterance itself."""

from __future__ import annotations

import numpy as np

WINDOW_S, OVERLAP = 0.032, 4
QUANTILE = 0.2  # of a bin's power over time: what is quieter than that is taken for noise alone
NEIGHBOURS = 5  # bins over which the estimate is averaged: noise has no lines, and a fifth of a short utterance is few frames
SILENCE = 1e-12  # of the loudest power: what is fainter is no noise
MEMORY = 0.98  # of the decision-directed estimate (Ephraim and Malah 1984, where it is 0.98 too)


def reduce_noise(samples: np.ndarray, sample_rate: int, reduction_db: float) -> np.ndarray:
    """Lower each bin of the spectrum where it is no louder than the noise.

    The noise of a bin is a low quantile of its power over time (Stahl, Fischer and Bippus 2000), divided by what that quantile
    is of noise whose power is 1. The gain is Wiener's, xi / (1 + xi), with the decision-directed signal-to-noise ratio xi
    (Scalart and Filho 1996), which spares the ear the isolated tones that spectral subtraction leaves. The gain is never below
    ``-reduction_db``: noise becomes fainter, and speech beneath it stays.

    Parameters
    ----------
    samples : np.ndarray, shape (n,), float32
        Mono.
    sample_rate : int
        In Hz.
    reduction_db : float
        By how much noise falls at most.

    Returns
    -------
    np.ndarray, shape (n,), float32
    """
    window = max(16, 2 ** round(np.log2(WINDOW_S * sample_rate)))
    hop = window // OVERLAP
    shape = np.sqrt(np.hanning(window + 1)[:-1])
    padded = np.pad(np.asarray(samples, dtype=np.float64), (window, window + hop))
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * shape, axis=1)
    power = np.abs(spectra) ** 2
    inside = slice(OVERLAP, len(power) - OVERLAP) if len(power) > 3 * OVERLAP else slice(None)  # frames without padding
    gains = wiener_gains(power, noise_power(power[inside]), 10 ** (-reduction_db / 20))
    pieces = np.fft.irfft(spectra * gains, n=window, axis=1) * shape
    total, weights = np.zeros(len(padded)), np.zeros(len(padded))
    for number, piece in enumerate(pieces):
        total[number * hop : number * hop + window] += piece
        weights[number * hop : number * hop + window] += shape**2
    return (total / np.maximum(weights, 1e-3))[window : window + len(samples)].astype(np.float32)


def noise_power(power: np.ndarray) -> np.ndarray:
    """Mean power of the noise in each bin, shape (bins,), of the power of frames, shape (frames, bins)."""
    # The power of noise in one bin is distributed as an exponential of its mean, whose quantile is -ln(1 - q) of the mean.
    quiet = np.quantile(power, QUANTILE, axis=0) / -np.log1p(-QUANTILE)
    around = np.pad(quiet, NEIGHBOURS // 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(around, NEIGHBOURS).mean(axis=1)


def wiener_gains(power: np.ndarray, noise: np.ndarray, lowest: float) -> np.ndarray:
    """The gain of each frame and bin, from ``lowest`` to 1, shape (frames, bins).

    Where there is no noise at all (digital silence in the pauses), nothing is lowered.
    """
    ratios = power / np.maximum(noise, max(SILENCE * power.max(), np.finfo(np.float64).tiny))  # in units of the noise
    gains = np.empty_like(ratios)
    before = np.maximum(ratios[0] - 1, 0.0)  # what was left of speech in the frame before, in units of the noise
    for frame, ratio in enumerate(ratios):
        speech = MEMORY * before + (1 - MEMORY) * np.maximum(ratio - 1, 0.0)
        gains[frame] = np.maximum(speech / (1 + speech), lowest)
        before = gains[frame] ** 2 * ratio
    return gains
