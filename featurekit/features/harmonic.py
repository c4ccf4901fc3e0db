"""Harmonic-percussive separation: the signal without its clicks, or without its tones, and what is read off it.

Both parts are signals that other features can read: a feature declared with ``reads="harmonic"`` is computed on the
harmonic part, with everything upstream of it.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.graph import feature, node
from featurekit.features.spectrum import hann

# librosa.effects.harmonic separates at its own framing, whatever that of the features that read the result.
_N_FFT, _HOP_LENGTH = 2048, 512
_PINS = {"n_fft": _N_FFT, "hop_length": _HOP_LENGTH, "win_length": None}


@node()
def medians(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes smoothed along time and along frequency by medians of 31: tones survive the first, clicks the second.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames)]

    Returns
    -------
    tuple of np.ndarray [two of shape=(frames, bins), float32]
        Smoothed along time, along frequency; exactly scipy's median_filter with mirrored ends.
    """
    from featurekit.features.kernels.median import running_median

    return running_median(np.ascontiguousarray(magnitude.T)), np.ascontiguousarray(running_median(magnitude).T)


@node(pins=_PINS)
def harmonic(signal: np.ndarray, stft: np.ndarray, medians: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The signal's sustained part [shape=(samples,), float32], as librosa.effects.harmonic at its defaults.

    Each bin of a 2048/512 STFT keeps the share ``h^2 / (h^2 + p^2)`` of itself, h and p its medians along time and
    along frequency; where both are 0, half.

    References
    ----------
    Fitzgerald (2010), Harmonic/percussive separation using median filtering, DAFx.
    Driedger, Müller and Disch (2014), Extending harmonic-percussive separation of audio, ISMIR.
    """
    along_time, along_frequency = medians
    return _part(signal, stft, along_time, along_frequency)


@node(pins=_PINS)
def percussive(signal: np.ndarray, stft: np.ndarray, medians: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The signal's transient part [shape=(samples,), float32], as librosa.effects.percussive: the rest of ``harmonic``."""
    along_time, along_frequency = medians
    return _part(signal, stft, along_frequency, along_time)


def _part(signal: np.ndarray, stft: np.ndarray, wanted: np.ndarray, other: np.ndarray) -> np.ndarray:
    from featurekit.features.kernels.separation import separated

    spectrum = np.ascontiguousarray(stft.T)  # no copy: our STFT lies as frames by bins
    padded = separated(spectrum, wanted, other, hann(_N_FFT, _N_FFT), _HOP_LENGTH)
    return padded[_N_FFT // 2 :][: len(signal)]


@feature(unit="", dims=6, dim_names=lambda _: ("5x", "5y", "m3x", "m3y", "M3x", "M3y"), reads="harmonic")
def tonnetz_harmonic(tonnetz: np.ndarray) -> np.ndarray:
    """Tonal centroid of the harmonic part of the signal: Issa's tonnetz(y=harmonic(y)).

    Parameters
    ----------
    tonnetz : np.ndarray [shape=(6, frames)]
        Of the harmonic part, its tuning estimated there too.

    Returns
    -------
    np.ndarray [shape=(6, frames)]
        Between -1 and 1.

    References
    ----------
    Issa, Demirci and Yazici (2020), Speech emotion recognition with deep convolutional neural networks, Biomedical
    Signal Processing and Control 59. doi:10.1016/j.bspc.2020.101894
    """
    return tonnetz
