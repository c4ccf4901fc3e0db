"""Voice quality: harmonics-to-noise ratio, jitter and shimmer, a value for every frame.

Praat and openSMILE give jitter and shimmer of a whole vowel or segment; here they are of the few cycles that a frame of
64 ms holds, so that they stack with everything else. Their mean over the frames of a vowel is close to Praat's value.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.graph import feature, node
from featurekit.features.kernels.windows import gaussian
from featurekit.features.pitch import PITCH_LIMITS, check_pitch_range, periods

FLOOR_DB, CEILING_DB = -20.0, 60.0
_CYCLE_LIMITS = {name: PITCH_LIMITS[name] for name in ("frame_length", "hop_length")}


@feature(unit="dB", limits=PITCH_LIMITS, check=check_pitch_range)
def hnr(
    signal: np.ndarray,
    sample_rate: int,
    *,
    frame_length: int = 1024,
    hop_length: int = 256,
    fmin: float = 65.0,
    fmax: float = 400.0,
) -> np.ndarray:
    """Harmonics-to-noise ratio by the autocorrelation method, as Praat's harmonicity (ac).

    ``hnr[t] = 10 log10(r / (1 - r))`` with ``r`` the frame's largest autocorrelation at a lag between ``1 / fmax`` and
    ``1 / fmin``, under a Gaussian window and divided by that window's own. No decision on voicing is taken: noise gives -10 to
    -3 dB, a clear voice 10 to 30 dB; silence, constants and frames without a period have the floor of -20 dB.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int
    frame_length : int
        Effective length of the window in samples, four or five periods of ``fmin``; the Gaussian reaches over twice as
        much, as in Praat.
    hop_length : int
        Samples between frames.
    fmin, fmax : float
        Lowest and highest pitch, in Hz.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        In dB, between -20 and 60.

    References
    ----------
    Boersma (1993), Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
    sound, IFA Proceedings 17.
    """
    from featurekit.features.kernels.harmonicity import periodicity

    height = periodicity(signal, gaussian(frame_length), hop_length, *periods(sample_rate, fmin, fmax))
    ratio = height / np.maximum(1 - height, np.finfo(np.float64).tiny)
    level_db = 10 * np.log10(np.maximum(ratio, np.finfo(np.float64).tiny))
    return np.clip(level_db, FLOOR_DB, CEILING_DB)[None]


@node()
def voice_cycles(signal: np.ndarray, pyin_track: np.ndarray, sample_rate: int, *, hop_length: int = 256) -> np.ndarray:
    """Marks of the voice's cycles, where pYIN says voiced: place in samples, amplitude, chain [shape=(3, marks), float64].

    In each voiced stretch the largest sample near its middle is the first mark; from there on, both ways, the next mark
    lies where the waveform of one period correlates best with itself, 0.8 to 1.25 periods on, as in Praat's point process.
    """
    from featurekit.features.kernels.cycles import cycle_marks

    f0_hz = pyin_track[0]
    period = np.divide(sample_rate, f0_hz, out=np.zeros_like(f0_hz), where=f0_hz > 0)
    return cycle_marks(signal.astype(np.float64), period, hop_length)


@node(limits=_CYCLE_LIMITS)
def cycle_perturbation(
    voice_cycles: np.ndarray, pyin_track: np.ndarray, *, frame_length: int = 1024, hop_length: int = 256
) -> np.ndarray:
    """Relative perturbation of periods and of amplitudes in each frame, 0 where unvoiced [shape=(2, frames), float64]."""
    from featurekit.features.kernels.cycles import perturbation

    return perturbation(voice_cycles, pyin_track.shape[1], frame_length, hop_length) * pyin_track[2]


@feature(unit="")
def jitter(cycle_perturbation: np.ndarray) -> np.ndarray:
    """Jitter (local): mean difference of neighbouring periods over the mean period, among the cycles in a frame.

    ``jitter[t] = mean_i |T_i - T_(i+1)| / mean_i T_i`` over the periods between the marks within ``frame_length`` samples
    around the frame's centre; pairs that differ by more than a factor of 1.3 do not count, as in Praat. 0 where unvoiced
    and where a frame holds less than two periods.

    Parameters
    ----------
    cycle_perturbation : np.ndarray [shape=(2, frames)]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        A share, not per cent: 0 to 0.3; 0.01 is usual.

    References
    ----------
    Boersma and Weenink, Praat, Voice 2: jitter. Eyben et al. (2016), GeMAPS. doi:10.1109/TAFFC.2015.2457417
    """
    return cycle_perturbation[:1]


@feature(unit="")
def shimmer(cycle_perturbation: np.ndarray) -> np.ndarray:
    """Shimmer (local): mean difference of neighbouring cycles' amplitudes over the mean amplitude, in a frame.

    ``shimmer[t] = mean_i |A_i - A_(i+1)| / mean_i A_i`` with ``A`` the root mean square around each mark, under a Hann
    window of a fifth of a period on either side; pairs that differ by more than a factor of 1.6 do not count, as in Praat.
    0 where unvoiced and where a frame holds less than two marks.

    Parameters
    ----------
    cycle_perturbation : np.ndarray [shape=(2, frames)]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        A share, not per cent nor dB: 0 to 0.6; 0.05 is usual.

    References
    ----------
    Boersma and Weenink, Praat, Voice 3: shimmer. Eyben et al. (2016), GeMAPS. doi:10.1109/TAFFC.2015.2457417
    """
    return cycle_perturbation[1:]
