"""Pitch: the fundamental frequency by YIN and by probabilistic YIN, and how surely a frame is voiced.

Defaults are speech's: 65 Hz (a low male voice) to 400 Hz (a raised female voice; ask for more for shouting and children),
frames of 64 ms at 16 kHz, which hold four periods of the lowest pitch, at the hop of all stand-alone features.
"""

from __future__ import annotations

import math

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature, node
from featurekit.features.spectrum import FRAMING

BINS_PER_SEMITONE = 10
MAX_OCTAVES_PER_S = 35.92
SWITCH_PROBABILITY = 0.01
PITCH_LIMITS = {"fmin": (1, None), "fmax": (2, None), "frame_length": (4, 1 << 17), "hop_length": FRAMING["hop_length"]}


def check_pitch_range(settings: Settings) -> None:
    """Refuse a range of pitch that the sample rate or the frame cannot hold.

    Raises
    ------
    ParameterError
        When ``fmin`` is not below ``fmax``, ``fmax`` is above half the sample rate, ``frame_length`` is odd or has no room
        for one period of ``fmin``.
    """
    fmin, fmax, frame_length = settings["fmin"], settings["fmax"], settings["frame_length"]
    sample_rate = settings["sample_rate"]
    if not fmin < fmax <= sample_rate / 2:
        raise ParameterError(
            f"pitch is searched from fmin {fmin} to fmax {fmax} Hz; expected fmin below fmax, and fmax at most half the "
            f"sample rate {sample_rate}; lower them"
        )
    if frame_length % 2:
        raise ParameterError(f"frame_length is {frame_length}; expected an even number, since frames are centred")
    if sample_rate / fmin >= frame_length - 1:
        raise ParameterError(
            f"a period of fmin {fmin} Hz has {sample_rate / fmin:.0f} samples, more than frame_length {frame_length} holds; "
            f"raise fmin, or frame_length to {2 ** math.ceil(math.log2(2 * sample_rate / fmin))}, which holds two periods"
        )


def periods(sample_rate: int, fmin: float, fmax: float) -> tuple[int, int]:
    """Shortest and longest period searched, in samples, as librosa rounds them."""
    return math.floor(sample_rate / fmax), math.ceil(sample_rate / fmin)


@node(limits=PITCH_LIMITS, check=check_pitch_range)
def yin_difference(
    signal: np.ndarray,
    sample_rate: int,
    *,
    frame_length: int = 1024,
    hop_length: int = 256,
    fmin: float = 65.0,
    fmax: float = 400.0,
) -> np.ndarray:
    """Cumulative mean normalised difference of each frame with itself, a lag later [shape=(frames, lags), float64].

    Lags run from ``floor(sample_rate / fmax)`` to ``ceil(sample_rate / fmin)`` samples; 0 is a perfect repetition.
    """
    from featurekit.features.kernels.yin import normalised_difference

    return normalised_difference(signal, frame_length, hop_length, *periods(sample_rate, fmin, fmax))


@feature(unit="Hz", limits={"trough_threshold": (0, 1)})
def f0_yin(
    yin_difference: np.ndarray,
    sample_rate: int,
    *,
    fmin: float = 65.0,
    fmax: float = 400.0,
    trough_threshold: float = 0.1,
) -> np.ndarray:
    """Fundamental frequency of every frame by YIN: of the first period after which the frame nearly repeats itself.

    A value for every frame, voiced or not (silence gives the highest frequency searched): read it with ``voicing``.

    Parameters
    ----------
    yin_difference : np.ndarray [shape=(frames, lags)]
    sample_rate : int
    fmin, fmax : float
        Lowest and highest frequency searched, in Hz.
    trough_threshold : float
        The first trough below it is the period; where there is none, the deepest is.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        In Hz, between about ``fmin`` and ``fmax``.

    References
    ----------
    de Cheveigné and Kawahara (2002), YIN, a fundamental frequency estimator for speech and music, JASA 111(4).
    doi:10.1121/1.1458024
    """
    from featurekit.features.kernels.yin import first_trough_periods

    min_period = periods(sample_rate, fmin, fmax)[0]
    return (sample_rate / first_trough_periods(yin_difference, min_period, trough_threshold))[None]


@node()
def pyin_track(
    yin_difference: np.ndarray,
    sample_rate: int,
    *,
    hop_length: int = 256,
    fmin: float = 65.0,
    fmax: float = 400.0,
) -> np.ndarray:
    """The likeliest path through pYIN's candidates: rows f0 in Hz (0 where unvoiced), probability of voicing, voiced or not.

    References
    ----------
    Mauch and Dixon (2014), pYIN: a fundamental frequency estimator using probabilistic threshold distributions, ICASSP.
    doi:10.1109/ICASSP.2014.6853678
    """
    from featurekit.features.kernels.pyin import one_candidate_a_bin, pitch_candidates
    from featurekit.features.kernels.viterbi import Observations, decode, transition_bands

    per_octave = 12 * BINS_PER_SEMITONE
    n_bins = math.floor(per_octave * np.log2(fmax / fmin)) + 1
    first, lag, probability = pitch_candidates(yin_difference)
    candidate_hz = sample_rate / (periods(sample_rate, fmin, fmax)[0] + lag)
    bins = np.clip(np.round(per_octave * np.log2(candidate_hz / fmin)), 0, n_bins).astype(np.int64)
    first, bins, probability, voiced_probability = one_candidate_a_bin(first, bins, probability, n_bins)
    tiny = np.finfo(np.float64).tiny
    log_unvoiced = np.log((1 - voiced_probability) / n_bins + tiny)
    semitones_per_frame = round(MAX_OCTAVES_PER_S * 12 * hop_length / sample_rate)
    bands = transition_bands(n_bins, semitones_per_frame * BINS_PER_SEMITONE + 1, SWITCH_PROBABILITY)
    states = decode(Observations(first, bins, np.log(probability + tiny), log_unvoiced), *bands)
    voiced = states < n_bins
    f0_hz = np.where(voiced, fmin * 2.0 ** (states % n_bins / per_octave), 0.0)
    return np.stack([f0_hz, voiced_probability, voiced])


@feature(unit="Hz")
def f0_pyin(pyin_track: np.ndarray) -> np.ndarray:
    """Fundamental frequency by probabilistic YIN, 0 Hz where unvoiced (librosa says NaN there), else in steps of 10 cents.

    Parameters
    ----------
    pyin_track : np.ndarray [shape=(3, frames)]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        In Hz: 0, or between ``fmin`` and ``fmax``.

    References
    ----------
    Mauch and Dixon (2014), pYIN: a fundamental frequency estimator using probabilistic threshold distributions, ICASSP.
    doi:10.1109/ICASSP.2014.6853678
    """
    return pyin_track[:1]


@feature(unit="", dims=2, dim_names=lambda _: ("voiced_probability", "voiced"))
def voicing(pyin_track: np.ndarray) -> np.ndarray:
    """Whether a frame is voiced by probabilistic YIN: the probability from the frame alone, and the path's decision, 0 or 1.

    Parameters
    ----------
    pyin_track : np.ndarray [shape=(3, frames)]

    Returns
    -------
    np.ndarray [shape=(2, frames)]
        Both between 0 and 1; the decision is 1 where ``f0_pyin`` is above 0 Hz.
    """
    return pyin_track[1:]
