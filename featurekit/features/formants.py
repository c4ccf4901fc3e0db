"""Formants: resonances of the vocal tract by linear prediction, Praat's recipe.

The signal is sampled at twice the highest formant searched, so that ``n_formants`` pairs of poles share just that band.
"""

from __future__ import annotations

import math

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature
from featurekit.features.kernels.resampling import fourier_resample
from featurekit.features.kernels.windows import gaussian
from featurekit.features.spectrum import FRAMING

PRE_EMPHASIS_HZ = 50.0


def _names(settings: Settings) -> tuple[str, ...]:
    numbers = range(1, settings["n_formants"] + 1)
    return (*(f"F{number}" for number in numbers), *(f"B{number}" for number in numbers))


def _check(settings: Settings) -> None:
    max_formant, sample_rate = settings["max_formant"], settings["sample_rate"]
    if 2 * max_formant > sample_rate:
        raise ParameterError(
            f"formants: max_formant {max_formant} Hz is above half the sample rate {sample_rate}; lower it to at most "
            f"{sample_rate // 2}, and n_formants to about one a 1100 Hz"
        )
    needed = settings["n_formants"] + 1
    if _half_window(settings["window_s"], max_formant) < needed:
        raise ParameterError(
            f"formants: window_s {settings['window_s']} is too short for n_formants {settings['n_formants']}; "
            f"lower n_formants, or raise window_s to {math.ceil(needed / 2 / max_formant * 1e4) / 1e4:g}"
        )


@feature(
    unit="Hz",
    version=2,
    dims=lambda settings: 2 * int(settings["n_formants"]),
    dim_names=_names,
    counted_by="n_formants",
    limits={
        "n_formants": (1, 15),
        "max_formant": (500, 48000),
        "window_s": (0.005, 0.2),
        "hop_length": FRAMING["hop_length"],
    },
    check=_check,
)
def formants(
    signal: np.ndarray,
    sample_rate: int,
    *,
    hop_length: int = 256,
    n_formants: int = 5,
    max_formant: int = 5500,
    window_s: float = 0.025,
) -> np.ndarray:
    """Frequencies and bandwidths of the formants, by Burg's linear prediction of order ``2 * n_formants``, as Praat's.

    The signal is resampled to twice ``max_formant`` and pre-emphasised from 50 Hz (6 dB an octave), a Gaussian window is
    laid around each frame's centre, and each pair of poles at ``z = r exp(±i phi)`` is a formant of frequency
    ``phi / pi * max_formant`` and bandwidth ``-2 ln(r) / pi * max_formant``. A value for every frame, voiced or not.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int
    hop_length : int
        Samples between frames.
    n_formants : int
        Pairs of poles.
    max_formant : int
        Top of the band, in Hz: 5500 suits women, 5000 men, 8000 small children.
    window_s : float
        Effective length of the window; the Gaussian reaches over twice as much, as in Praat.

    Returns
    -------
    np.ndarray [shape=(2 * n_formants, frames)]
        In Hz: F1, F2, … ascending, then their bandwidths B1, B2, … in the same order. Where fewer poles are resonances
        between 50 Hz and 50 Hz below the top, the highest formants and their bandwidths are 0; in silence all are.

    References
    ----------
    Boersma and Weenink, Praat: doing phonetics by computer, Sound: To Formant (burg). Burg (1967), Maximum entropy
    spectral analysis. Anderson (1978), On the calculation of filter coefficients for maximum entropy spectral analysis.
    """
    from featurekit.features.kernels.resonances import resonances

    resampled = fourier_resample(signal, sample_rate, 2 * max_formant)
    half = _half_window(window_s, max_formant)
    emphasised = np.zeros(len(resampled) + 2 * half + 1)
    emphasised[half : half + len(resampled)] = resampled
    emphasised[half + 1 : half + len(resampled)] -= np.exp(-np.pi * PRE_EMPHASIS_HZ / max_formant) * resampled[:-1]
    # The middle of the window lies between the sample at the frame's centre, or the last before it, and the next.
    starts = 1 + np.arange(1 + len(signal) // hop_length) * (hop_length * 2 * max_formant) // sample_rate
    out = resonances(emphasised, starts, gaussian(half), n_formants, float(max_formant))
    # Resampling leaves 1e-17 of the neighbourhood in digital silence, and that has poles too.
    out[:, _silent(signal, hop_length, math.ceil(window_s * sample_rate))] = 0.0
    return out


def _silent(signal: np.ndarray, hop_length: int, reach: int) -> np.ndarray:
    """Frames without a sample other than 0 within ``reach`` samples of their centre [shape=(frames,), bool]."""
    sounding = np.concatenate([[0], np.cumsum(signal != 0)])
    centres = np.arange(1 + len(signal) // hop_length) * hop_length
    first, stop = np.maximum(centres - reach, 0), np.minimum(centres + reach + 1, len(signal))
    silent: np.ndarray = sounding[first] == sounding[stop]
    return silent


def _half_window(window_s: float, max_formant: int) -> int:
    return math.floor(2 * window_s * max_formant)
