"""Spectra: the short-time Fourier transform and what is read off it directly.

Stand-alone defaults are speech's: 16 kHz (nothing of speech that emotion is known to use lies above 8 kHz, and most
corpora come at that rate), frames of 1024 samples (64 ms: five periods of an 80 Hz voice, so that harmonics resolve)
every 256 (16 ms, a quarter of a frame, librosa's own ratio). All stand-alone features share them, so they stack.
"""

from __future__ import annotations

import functools

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, node
from featurekit.features.kernels.windows import periodic_hann

# Beyond the upper ones, 8 and 66 s at 16 kHz, a setting is a slip, and one frame is work for minutes.
FRAMING = {"n_fft": (2, 1 << 17), "hop_length": (1, 1 << 20), "win_length": (1, 1 << 17)}


def check_centre(settings: Settings) -> None:
    """Refuse an odd ``n_fft``: such a frame has no middle between samples, and clips of some lengths would lack a frame."""
    if settings["n_fft"] % 2:
        raise ParameterError(f"n_fft is {settings['n_fft']}; expected an even number, since frames are centred")


def _check_window(settings: Settings) -> None:
    check_centre(settings)
    win_length, n_fft = settings["win_length"], settings["n_fft"]
    if win_length is not None and win_length > n_fft:
        raise ParameterError(f"win_length is {win_length}, more than n_fft {n_fft}; raise n_fft to the next power of two")


@node(limits=FRAMING, check=_check_window)
def stft(signal: np.ndarray, *, n_fft: int = 1024, hop_length: int = 256, win_length: int | None = None) -> np.ndarray:
    """Short-time Fourier transform with a periodic Hann window, frames centred and zero-padded, as librosa's.

    ``X[k, t] = sum_m w[m] signal[t * hop_length + m - n_fft / 2] exp(-2 pi i k m / n_fft)``, computed in float64 and
    rounded to complex64: a float32 FFT is a little faster and moves spectral contrast by up to 8 dB.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,), float32]
    n_fft : int
        Samples a frame and points of the transform.
    hop_length : int
        Samples between frames.
    win_length : int or None
        Samples of the window, padded with zeros to ``n_fft``; None is ``n_fft``.

    Returns
    -------
    np.ndarray [shape=(1 + n_fft // 2, 1 + samples // hop_length), complex64]
        Frame ``t`` is centred on sample ``t * hop_length``.
    """
    from featurekit.features.kernels.framing import centred_frames

    return transformed(centred_frames(signal, n_fft, hop_length), hann(win_length or n_fft, n_fft)).T


def transformed(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Frames under a window [shape=(frames, n_fft) and (n_fft,)], transformed [shape=(frames, 1 + n_fft // 2), complex64]."""
    n_fft = len(window)
    spectrum = np.empty((len(frames), 1 + n_fft // 2), np.complex64)
    # Sixteen frames of float64 stay in the L2 cache between window, transform and rounding, and nothing is allocated.
    windowed, exact = np.empty((16, n_fft)), np.empty((16, 1 + n_fft // 2), np.complex128)
    for start in range(0, len(frames), 16):
        chunk = frames[start : start + 16]
        np.multiply(chunk, window, out=windowed[: len(chunk)])
        spectrum[start : start + 16] = np.fft.rfft(windowed[: len(chunk)], out=exact[: len(chunk)])
    return spectrum


@functools.lru_cache(maxsize=32)
def hann(win_length: int, n_fft: int) -> np.ndarray:
    """Periodic Hann window, centred in ``n_fft`` samples [shape=(n_fft,), float64]."""
    left = (n_fft - win_length) // 2
    window = np.pad(periodic_hann(win_length), (left, n_fft - win_length - left))
    window.flags.writeable = False
    return window


@node()
def magnitude(stft: np.ndarray) -> np.ndarray:
    """Absolute value of the STFT [shape=(bins, frames), float32, C order]."""
    spectrum = np.empty(stft.shape, np.float32)
    for start in range(0, stft.shape[1], 32):  # in pieces that leave no large temporary behind
        spectrum[:, start : start + 32] = np.abs(stft[:, start : start + 32])
    return spectrum


@node()
def power(magnitude: np.ndarray) -> np.ndarray:
    """Squared magnitude [shape=(bins, frames), float32]."""
    return magnitude**2


@node(limits={"n_fft": FRAMING["n_fft"]})
def bin_hz(sample_rate: int, *, n_fft: int = 1024) -> np.ndarray:
    """Centre frequencies of the STFT's bins, in Hz [shape=(1 + n_fft // 2,), float64]."""
    return np.fft.rfftfreq(n_fft, 1.0 / sample_rate)


def power_to_db(power: np.ndarray, *, top_db: float | None) -> np.ndarray:
    """Power in dB re 1, floored at 1e-10 (-100 dB) and at ``top_db`` below the array's own maximum.

    >>> power_to_db(np.array([1.0, 1e-3, 0.0]), top_db=80.0).tolist()
    [0.0, -30.0, -80.0]
    """
    level_db = 10.0 * np.log10(np.maximum(np.asarray(1e-10, power.dtype), power))
    if top_db is not None:
        np.maximum(level_db, level_db.max() - np.asarray(top_db, level_db.dtype), out=level_db)
    return level_db
