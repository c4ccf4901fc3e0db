"""Energy, loudness and noisiness: root-mean-square level, its logarithm, A-weighted loudness, zero-crossing rate."""

from __future__ import annotations

import functools

import numpy as np

from featurekit.features.graph import feature
from featurekit.features.spectrum import FRAMING, check_centre, hann

_LIMITS = {name: FRAMING[name] for name in ("n_fft", "hop_length")}


@feature(unit="full scale", limits=_LIMITS, check=check_centre)
def rms(signal: np.ndarray, *, n_fft: int = 1024, hop_length: int = 256) -> np.ndarray:
    """Root of the mean square of each frame of ``n_fft`` samples, centred and zero-padded like the STFT's.

    ``rms[t] = sqrt(mean_m signal[t * hop_length + m - n_fft / 2]^2)``.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    n_fft, hop_length : int
        As for :func:`~featurekit.features.spectrum.stft`.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        Between 0 and the signal's peak; 0.707 for a sine of full scale.
    """
    from featurekit.features.kernels.framing import mean_square

    return np.sqrt(mean_square(signal, n_fft, hop_length))[None]


@feature(unit="dB", limits=_LIMITS, check=check_centre)
def log_energy(signal: np.ndarray, *, n_fft: int = 1024, hop_length: int = 256) -> np.ndarray:
    """Mean square of each frame in dB re full scale, floored at -100 dB: ``20 log10(rms)``.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    n_fft, hop_length : int
        As for :func:`rms`.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        In dB; -3.01 for a sine of full scale.
    """
    from featurekit.features.kernels.framing import mean_square

    return 10.0 * np.log10(np.maximum(mean_square(signal, n_fft, hop_length), 1e-10))[None]


@feature(unit="")
def loudness(power: np.ndarray, bin_hz: np.ndarray, *, n_fft: int = 1024, win_length: int | None = None) -> np.ndarray:
    """Loudness of a frame: its A-weighted mean square over 1e-6, to the power of 0.3.

    ``loudness[t] = (sum_k A(bin_hz[k]) power[k, t] / 1e-6)^0.3``, power scaled so that its sum is the mean square of the
    windowed frame, ``A`` the A curve as a ratio of powers (1 at 1 kHz). The exponent and 1e-6 are those of openSMILE's
    simple loudness, whose intensity is not weighted by frequency; 0.3 is Stevens' law for intensity.

    Parameters
    ----------
    power : np.ndarray [shape=(bins, frames), >= 0]
    bin_hz : np.ndarray [shape=(bins,)]
    n_fft, win_length : int
        As for :func:`~featurekit.features.spectrum.stft`.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        0 for silence; a sine of 1 kHz at full scale gives 51.2.

    References
    ----------
    IEC 61672-1:2013, Sound level meters, annex E (A curve).
    Eyben, Wöllmer and Schuller (2010), openSMILE, ACM Multimedia. doi:10.1145/1873951.1874246
    """
    from featurekit.features.kernels.moments import weighted_sums

    _, mean_square = weighted_sums(power, loudness_weights(bin_hz, n_fft, win_length))
    return ((mean_square / 1e-6) ** 0.3)[None]


def loudness_weights(bin_hz: np.ndarray, n_fft: int, win_length: int | None) -> np.ndarray:
    """What turns a power spectrum into the A-weighted mean square of its frame [shape=(bins,), float64]."""
    one_sided = np.full(len(bin_hz), 2.0)
    one_sided[[0, -1]] = 1.0
    scale = one_sided / (n_fft * np.square(hann(win_length or n_fft, n_fft)).sum())
    return scale * a_weighting(tuple(bin_hz[[0, 1]]), len(bin_hz))


@functools.lru_cache(maxsize=32)
def a_weighting(first_hz: tuple[float, float], n_bins: int) -> np.ndarray:
    """The A curve at evenly spaced frequencies, as a ratio of powers [shape=(n_bins,), float64].

    >>> a_weighting((0.0, 1000.0), 3).round(3).tolist()
    [0.0, 1.0, 1.319]
    """
    square = (first_hz[0] + np.arange(n_bins) * (first_hz[1] - first_hz[0])) ** 2

    def response(square: np.ndarray) -> np.ndarray:
        low = (square + 20.598997**2) * np.sqrt((square + 107.65265**2) * (square + 737.86223**2))
        return 12194.217**2 * square**2 / (low * (square + 12194.217**2))

    return np.square(response(square) / response(np.array(1000.0**2)))


@feature(unit="1/sample", limits=_LIMITS, check=check_centre)
def zcr(signal: np.ndarray, *, n_fft: int = 1024, hop_length: int = 256) -> np.ndarray:
    """Zero-crossing rate: the share of a frame's samples whose sign differs from that of the sample before.

    Samples within 1e-10 of zero count as positive. Frames are centred; beyond the ends the signal keeps its last
    value, so that padding crosses nothing.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    n_fft, hop_length : int
        As for :func:`~featurekit.features.spectrum.stft`.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        Between 0 and 1; a tone of f Hz gives about ``2 f / sample_rate``.
    """
    from featurekit.features.kernels.framing import crossing_rate

    return crossing_rate(signal, n_fft, hop_length)[None]
