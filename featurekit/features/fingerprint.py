"""Audio fingerprint: 32 bits a frame that survive codecs, gain and a shift; by it the audit finds audio that is there twice."""

from __future__ import annotations

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature
from featurekit.features.spectrum import FRAMING, hann, transformed

N_BITS = 32
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0  # what telephones, MP3 and small loudspeakers all keep
FLOOR_DB = 40.0  # frames so far below the loudest one hold noise: their bits say nothing
_RATE, _WINDOW = 16000, 4096


def _check_rate(settings: Settings) -> None:
    if settings["sample_rate"] != _RATE:
        raise ParameterError(
            f"audio_fingerprint: sample_rate is {settings['sample_rate']}; it must be {_RATE} Hz, the default, "
            "so that fingerprints of different corpora can be compared"
        )


@feature(
    unit="",
    dims=2,
    dim_names=lambda settings: ("bits_0_15", "bits_16_31"),
    limits={"hop_length": FRAMING["hop_length"]},
    check=_check_rate,
)
def audio_fingerprint(signal: np.ndarray, sample_rate: int, *, hop_length: int = 256) -> np.ndarray:
    """Signs of energy differences between neighbouring bands and frames: 32 bits a frame, as two whole numbers below 65536.

    ``bit[m, t] = E[m, t] - E[m + 1, t] > E[m, t - 1] - E[m + 1, t - 1]`` with ``E`` the power in 33 bands between 300
    and 2000 Hz, evenly spaced in log frequency, of windows of 256 ms. Gain cancels out, a long window forgives a shift of
    half a hop, and neighbours in time share most bits. Frames 40 dB below the loudest one, and the first, are 0: they
    are not compared (:mod:`featurekit.data.audit.duplicates`).

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int
        16000 Hz, no other.
    hop_length : int
        Samples between frames, which are centred.

    Returns
    -------
    np.ndarray [shape=(2, frames)]
        Bits 0 to 15 and 16 to 31, each as a number from 0 to 65535; a float32 holds it exactly.

    References
    ----------
    Haitsma and Kalker (2002), A highly robust audio fingerprinting system, ISMIR (theirs: windows of 370 ms every 11.6 ms).
    """
    bands = _band_power(signal, sample_rate, hop_length)
    slope = bands[:-1] - bands[1:]
    bits = np.zeros(slope.shape, dtype=bool)
    bits[:, 1:] = slope[:, 1:] > slope[:, :-1]
    level = bands.sum(axis=0)
    heard = (level > level.max() * 10.0 ** (-FLOOR_DB / 10.0)) & (level > 0)
    words = (2.0 ** np.arange(N_BITS // 2)) @ (bits & heard).reshape(2, N_BITS // 2, -1)
    return np.asarray(words, dtype=np.float32)


def _band_power(signal: np.ndarray, sample_rate: int, hop_length: int) -> np.ndarray:
    """Power in 33 bands [shape=(33, frames), float64].

    A few frames at a time: all bins of all frames would take twenty times the signal's memory, and most are not read.
    """
    from featurekit.features.kernels.views import centred_frames

    bin_of_edge = np.round(np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BITS + 2) * _WINDOW / sample_rate).astype(int)
    frames = centred_frames(signal, _WINDOW, hop_length)
    bands = np.empty((N_BITS + 1, len(frames)))
    for first in range(0, len(frames), 64):
        spectrum = transformed(frames[first : first + 64], hann(_WINDOW, _WINDOW))
        power = np.square(np.abs(spectrum[:, : bin_of_edge[-1]]))
        bands[:, first : first + 64] = np.add.reduceat(power, bin_of_edge[:-1], axis=1, dtype=np.float64).T
    return bands
