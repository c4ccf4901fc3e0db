"""Cepstra and their kin beside the MFCC: linear prediction, its cepstrum, wavelets of the log-mel spectrum."""

from __future__ import annotations

import functools

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature
from featurekit.features.spectrum import FRAMING


def _check_order(settings: Settings) -> None:
    if settings["n_lpc"] >= settings["n_fft"]:
        raise ParameterError(f"lpc: n_lpc {settings['n_lpc']} must be less than n_fft {settings['n_fft']}; raise n_fft")


@feature(
    unit="",
    dims=lambda settings: int(settings["n_lpc"]),
    dim_names=lambda settings: tuple(f"a{index}" for index in range(1, 1 + settings["n_lpc"])),
    counted_by="n_lpc",
    limits={"n_fft": FRAMING["n_fft"], "hop_length": FRAMING["hop_length"], "n_lpc": (1, 256)},
    check=_check_order,
)
def lpc(signal: np.ndarray, *, n_lpc: int = 16, n_fft: int = 1024, hop_length: int = 256) -> np.ndarray:
    """Linear prediction coefficients of each frame by Burg's method, librosa.lpc's without the leading 1.

    ``x[m] + sum_k a[k] x[m - k]`` has the least square forwards and backwards; frames are centred, zero-padded, and
    neither windowed nor pre-emphasised. ``1 / (1 + sum_k a[k] z^-k)`` is the filter of the vocal tract. Silence gives 0.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    n_lpc : int
        Order: two for each resonance below half the sample rate and two to four more.
    n_fft, hop_length : int
        As for :func:`~featurekit.features.energy.rms`.

    Returns
    -------
    np.ndarray [shape=(n_lpc, frames)]

    References
    ----------
    Burg (1967), Maximum entropy spectral analysis, 37th meeting of the Society of Exploration Geophysicists.
    """
    from featurekit.features.kernels.burg import burg
    from featurekit.features.kernels.framing import centred_frames

    return burg(centred_frames(signal, n_fft, hop_length), n_lpc)


@feature(
    unit="",
    dims=lambda settings: int(settings["n_lpcc"]),
    dim_names=lambda settings: tuple(f"c{index}" for index in range(1, 1 + settings["n_lpcc"])),
    counted_by="n_lpcc",
    limits={"n_lpcc": (1, 1024)},
)
def lpcc(lpc: np.ndarray, *, n_lpcc: int = 13) -> np.ndarray:
    """Linear predictive cepstral coefficients: the cepstrum of the all-pole filter of ``lpc``, without its gain.

    ``c[n] = -a[n] - sum_{k=1}^{n-1} (k / n) c[k] a[n - k]`` with a[n] = 0 past the order; with poles p it is
    ``sum_p p^n / n``.

    Parameters
    ----------
    lpc : np.ndarray [shape=(n_lpc, frames)]
    n_lpcc : int
        Number of coefficients, from c1 on.

    Returns
    -------
    np.ndarray [shape=(n_lpcc, frames)]

    References
    ----------
    Atal (1974), Effectiveness of linear prediction characteristics of the speech wave, JASA 55(6). doi:10.1121/1.1914702
    """
    cepstrum = np.zeros((n_lpcc, lpc.shape[1]))
    for n in range(1, n_lpcc + 1):
        cepstrum[n - 1] = -lpc[n - 1] if n <= len(lpc) else 0.0
        for k in range(max(1, n - len(lpc)), n):
            cepstrum[n - 1] -= k / n * cepstrum[k - 1] * lpc[n - k - 1]
    return cepstrum


def _check_wavelets(settings: Settings) -> None:
    n_mels, n_mfdwc = settings["n_mels"], settings["n_mfdwc"]
    if n_mels & (n_mels - 1) or n_mfdwc > n_mels:
        raise ParameterError(f"mfdwc: n_mels {n_mels} must be a power of two and at least n_mfdwc {n_mfdwc}")


@feature(
    unit="dB",
    dims=lambda settings: int(settings["n_mfdwc"]),
    counted_by="n_mfdwc",
    limits={"n_mfdwc": (1, 4096)},
    check=_check_wavelets,
)
def mfdwc(log_mel: np.ndarray, *, n_mfdwc: int = 16) -> np.ndarray:
    """Mel-frequency discrete wavelet coefficients: the wavelet transform of the log-mel spectrum, coarsest first.

    Where a cosine of the MFCC spans all bands, a wavelet is local: noise in one band stays in a few coefficients. The
    wavelet is Haar's, orthonormal, over the full depth: coefficient 0 is the mean times ``sqrt(n_mels)``, 1 the lower
    half less the upper, 2 and 3 the same within the halves, and so on.

    Parameters
    ----------
    log_mel : np.ndarray [shape=(n_mels, frames), dB]
        ``n_mels`` a power of two.
    n_mfdwc : int
        Number of coefficients.

    Returns
    -------
    np.ndarray [shape=(n_mfdwc, frames)]

    References
    ----------
    Gowdy and Tufekci (2000), Mel-scaled discrete wavelet coefficients for speech recognition, ICASSP. They do not bind
    the transform to one wavelet; Haar's is ours.
    """
    return haar_rows(n_mfdwc, log_mel.shape[0]) @ log_mel


@functools.lru_cache(maxsize=32)
def haar_rows(n_rows: int, n_columns: int) -> np.ndarray:
    """First rows of the orthonormal Haar matrix, coarsest first [shape=(n_rows, n_columns), float32].

    >>> (haar_rows(4, 4) * haar_rows(4, 4)).round(3).tolist()[1:3]
    [[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]]
    """
    rows: np.ndarray = np.ones((1, 1))
    while len(rows) < n_columns:
        finer = np.kron(np.eye(len(rows)), [1.0, -1.0])
        rows = np.vstack([np.kron(rows, [1.0, 1.0]), finer]) / np.sqrt(2.0)
    kept: np.ndarray = rows[:n_rows].astype(np.float32)
    kept.flags.writeable = False
    return kept
