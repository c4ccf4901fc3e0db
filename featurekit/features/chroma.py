"""Tonal family: tuning, chroma from the STFT and from the constant-Q transform, tonnetz.

In digital silence chroma_cqt and tonnetz are normalised resampler noise: librosa differs from itself there by 2.5e-2
when one bit of the input changes. Read them only where there is sound.
"""

from __future__ import annotations

import functools

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature, node
from featurekit.features.spectrum import FRAMING

_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _chroma_names(settings: Settings) -> tuple[str, ...]:
    n_chroma = settings["n_chroma"]
    return _PITCH_CLASSES if n_chroma == 12 else tuple(f"chroma_{index}" for index in range(n_chroma))


@node(limits={"n_chroma": (1, 480)})
def tuning_stft(power: np.ndarray, sample_rate: int, *, n_chroma: int = 12) -> float:
    """Deviation from A440, in fractions of a chroma bin, by the peaks of the *power* spectrum.

    chroma_stft tunes on power with ``n_chroma`` bins an octave, chroma_cqt on magnitude with 36: two numbers.
    """
    from featurekit.features.kernels.tuning import estimate_tuning

    return estimate_tuning(power, sample_rate, n_chroma)


@node(pins={"n_fft": 2048, "hop_length": 512, "win_length": None}, limits={"bins_per_octave": (1, 480)})
def tuning_cqt(magnitude: np.ndarray, sample_rate: int, *, bins_per_octave: int = 36) -> float:
    """Deviation from A440, in fractions of a CQT bin, by the peaks of a 2048/512 magnitude spectrum, as librosa's cqt."""
    from featurekit.features.kernels.tuning import estimate_tuning

    return estimate_tuning(magnitude, sample_rate, bins_per_octave)


@feature(unit="", dims=lambda settings: int(settings["n_chroma"]), dim_names=_chroma_names)
def chroma_stft(power: np.ndarray, tuning_stft: float, sample_rate: int, *, n_chroma: int = 12) -> np.ndarray:
    """Energy by pitch class, octaves folded together, each frame divided by its maximum; silent frames are 0.

    Parameters
    ----------
    power : np.ndarray [shape=(bins, frames), >= 0]
    tuning_stft : float
        In chroma bins, -0.5 to 0.5.
    sample_rate : int
    n_chroma : int
        Bins an octave.

    Returns
    -------
    np.ndarray [shape=(n_chroma, frames)]
        Between 0 and 1.

    References
    ----------
    Ellis (2007), Chroma feature analysis and synthesis, LabROSA.
    """
    from featurekit.features.kernels.banks import chroma_bank

    return _unit_maximum(chroma_bank(sample_rate, 2 * (power.shape[0] - 1), n_chroma, float(tuning_stft)) @ power)


def _check_cqt(settings: Settings) -> None:
    from featurekit.features.kernels.cqt import cqt_top_hz

    n_chroma, bins_per_octave = settings["n_chroma"], settings["bins_per_octave"]
    if bins_per_octave % n_chroma:
        raise ParameterError(f"chroma_cqt: bins_per_octave {bins_per_octave} is no multiple of n_chroma {n_chroma}")
    top_hz = cqt_top_hz(bins_per_octave, settings["n_octaves"])
    if top_hz > settings["sample_rate"] / 2:
        raise ParameterError(
            f"chroma_cqt: {settings['n_octaves']} octaves from C1 reach {top_hz:.0f} Hz, past half the sample rate "
            f"{settings['sample_rate']}; lower n_octaves"
        )


@feature(
    unit="",
    dims=lambda settings: int(settings["n_chroma"]),
    dim_names=_chroma_names,
    limits={"n_chroma": (1, 480), "n_octaves": (1, 10), "bins_per_octave": (2, 480), "hop_length": FRAMING["hop_length"]},
    check=_check_cqt,
)
def chroma_cqt(
    signal: np.ndarray,
    tuning_cqt: float,
    sample_rate: int,
    *,
    hop_length: int = 256,
    n_chroma: int = 12,
    n_octaves: int = 7,
    bins_per_octave: int = 36,
) -> np.ndarray:
    """Energy by pitch class from a constant-Q transform, each frame divided by its maximum; silent frames are 0.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    tuning_cqt : float
        In CQT bins, -0.5 to 0.5.
    sample_rate : int
    hop_length : int
        Samples between frames.
    n_chroma : int
        Bins an octave of the result.
    n_octaves : int
        Octaves above C1 (32.7 Hz).
    bins_per_octave : int
        Of the transform; a multiple of ``n_chroma``.

    Returns
    -------
    np.ndarray [shape=(n_chroma, frames)]
        Between 0 and 1.

    References
    ----------
    Schörkhuber and Klapuri (2010), Constant-Q transform toolbox for music processing, SMC.
    """
    from featurekit.features.kernels.cqt import cqt_magnitude

    spectrum = cqt_magnitude(signal, float(tuning_cqt), sample_rate, hop_length, bins_per_octave, n_octaves)
    folded = _cqt_fold(n_chroma, n_octaves, bins_per_octave) @ spectrum
    return _unit_maximum(folded)


@functools.lru_cache(maxsize=32)
def _cqt_fold(n_chroma: int, n_octaves: int, bins_per_octave: int) -> np.ndarray:
    """Matrix that sums CQT bins into pitch classes [shape=(n_chroma, n_octaves * bins_per_octave), float32].

    C1 is the first bin, so no rotation is needed; the half-merge roll centres a class on its bins.
    """
    merge = bins_per_octave // n_chroma
    octave = np.roll(np.repeat(np.eye(n_chroma, dtype=np.float32), merge, axis=1), -(merge // 2), axis=1)
    return np.tile(octave, n_octaves)


@feature(unit="", dims=6, dim_names=lambda _: ("5x", "5y", "m3x", "m3y", "M3x", "M3y"))
def tonnetz(chroma_cqt: np.ndarray) -> np.ndarray:
    """Tonal centroid: chroma projected on the circles of fifths, minor thirds and major thirds; silence is 0.

    ``tonnetz[p, t] = sum_c phi[p, c] chroma[c, t] / sum_c chroma[c, t]`` with ``phi`` the sines and cosines of
    7/6, 3/2 and 2/3 pi c, the last pair of radius 1/2.

    Parameters
    ----------
    chroma_cqt : np.ndarray [shape=(n_chroma, frames), >= 0]

    Returns
    -------
    np.ndarray [shape=(6, frames)]
        Between -1 and 1.

    References
    ----------
    Harte, Sandler and Gasser (2006), Detecting harmonic change in musical audio. doi:10.1145/1178723.1178727
    """
    pitch_class = np.linspace(0, 12, num=len(chroma_cqt), endpoint=False)
    angle = np.multiply.outer([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], pitch_class)
    angle[::2] -= 0.5  # cosine a quarter turn earlier is the sine
    phi = np.array([1, 1, 1, 1, 0.5, 0.5])[:, None] * np.cos(np.pi * angle)
    return phi @ _divide_rows(chroma_cqt, chroma_cqt.sum(axis=0, dtype=np.float64))


def _unit_maximum(values: np.ndarray) -> np.ndarray:
    return _divide_rows(values, values.max(axis=0))


def _divide_rows(values: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """Divide each frame by its norm; frames too quiet for a float32 stay as they are, as in librosa."""
    return values / np.where(norm < np.finfo(np.float32).tiny, 1.0, norm)
