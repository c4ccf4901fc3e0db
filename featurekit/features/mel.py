"""Mel family: mel spectrogram, log-mel, mel-frequency cepstral coefficients."""

from __future__ import annotations

import functools

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature
from featurekit.features.spectrum import power_to_db


def check_band(settings: Settings) -> None:
    """Refuse a band that the sample rate cannot hold, or so narrow that triangles in it have no width.

    Raises
    ------
    ParameterError
        Unless 0 <= ``fmin`` < ``fmax`` <= half the sample rate, 1 Hz apart.
    """
    fmin, fmax, nyquist_hz = settings["fmin"], settings["fmax"], settings["sample_rate"] / 2
    if not 0 <= fmin <= (nyquist_hz if fmax is None else fmax) - 1 <= nyquist_hz - 1:
        raise ParameterError(
            f"bands from fmin {fmin} to fmax {fmax} Hz; expected 0 <= fmin < fmax <= {nyquist_hz} Hz, half the sample rate, "
            "with 1 Hz between them"
        )


def _check_mel(settings: Settings) -> None:
    if settings["mel_norm"] not in ("slaney", None):
        raise ParameterError(f"mel: mel_norm is {settings['mel_norm']!r}; expected 'slaney' (equal area) or None (height 1)")
    check_band(settings)


def _n_mels(settings: Settings) -> int:
    return int(settings["n_mels"])


@feature(
    unit="power",
    dims=_n_mels,
    counted_by="n_mels",
    limits={"n_mels": (1, 4096)},
    check=_check_mel,
    added={"htk": False, "mel_norm": "slaney"},
)
def mel(
    power: np.ndarray,
    sample_rate: int,
    *,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    mel_norm: str | None = "slaney",
) -> np.ndarray:
    """Power in triangular bands, evenly spaced on the mel scale.

    ``mel[m, t] = sum_k bank[m, k] power[k, t]``. Bands so narrow that no bin falls into them are 0.

    Parameters
    ----------
    power : np.ndarray [shape=(bins, frames), >= 0]
    sample_rate : int
    n_mels : int
        Number of bands.
    fmin, fmax : float
        Lower edge of the first band and upper edge of the last, in Hz; None is half the sample rate.
    htk : bool
        HTK's mel scale (and openSMILE's), ``2595 log10(1 + hz / 700)``, in place of Slaney's, linear up to 1 kHz.
    mel_norm : {"slaney", None}
        Bands of equal area, or of height 1 (HTK's).

    Returns
    -------
    np.ndarray [shape=(n_mels, frames), >= 0]

    References
    ----------
    Slaney (1998), Auditory Toolbox, Interval Research technical report 1998-010.
    Young et al. (2006), The HTK Book, section 5.4.
    """
    from featurekit.features.kernels.bands import band_sums
    from featurekit.features.kernels.banks import sparse_mel_bank

    n_fft = 2 * (power.shape[0] - 1)
    return band_sums(power, sparse_mel_bank(sample_rate, n_fft, n_mels, fmin, fmax, htk, mel_norm is not None))


@feature(unit="dB", dims=_n_mels, counted_by="n_mels", limits={"top_db": (0, 1000)}, log_mel=True)
def log_mel(mel: np.ndarray, *, top_db: float | None = 80.0) -> np.ndarray:
    """Mel spectrogram in dB re 1, floored ``top_db`` below the utterance's own maximum.

    ``log_mel = max(10 log10(max(mel, 1e-10)), maximum - top_db)``.

    Parameters
    ----------
    mel : np.ndarray [shape=(n_mels, frames), >= 0]
    top_db : float or None
        Dynamic range in dB; None leaves only the floor at -100 dB.

    Returns
    -------
    np.ndarray [shape=(n_mels, frames)]
        In dB, at least -100.
    """
    return power_to_db(mel, top_db=top_db)


def _check_n_mfcc(settings: Settings) -> None:
    if settings["n_mfcc"] > settings["n_mels"]:
        raise ParameterError(
            f"mfcc: n_mfcc {settings['n_mfcc']} exceeds n_mels {settings['n_mels']}; there are no more coefficients than bands"
        )


@feature(
    unit="dB",
    dims=lambda settings: int(settings["n_mfcc"]),
    counted_by="n_mfcc",
    limits={"n_mfcc": (1, 4096)},
    check=_check_n_mfcc,
)
def mfcc(log_mel: np.ndarray, *, n_mfcc: int = 13) -> np.ndarray:
    """Mel-frequency cepstral coefficients: the orthonormal DCT-II of the log-mel spectrum, lowest first.

    ``mfcc[q, t] = s_q sqrt(2 / M) sum_m log_mel[m, t] cos(pi q (m + 1/2) / M)`` with ``s_0 = sqrt(1/2)``, else 1.

    Parameters
    ----------
    log_mel : np.ndarray [shape=(n_mels, frames), dB]
    n_mfcc : int
        Number of coefficients, at most ``n_mels``.

    Returns
    -------
    np.ndarray [shape=(n_mfcc, frames)]

    References
    ----------
    Davis and Mermelstein (1980), IEEE TASSP 28(4). doi:10.1109/TASSP.1980.1163420
    """
    return dct_rows(n_mfcc, log_mel.shape[0]) @ log_mel


@functools.lru_cache(maxsize=32)
def dct_rows(n_rows: int, n_columns: int) -> np.ndarray:
    """First rows of the orthonormal DCT-II matrix [shape=(n_rows, n_columns), float32].

    >>> bool(np.allclose(dct_rows(4, 4) @ dct_rows(4, 4).T, np.eye(4), atol=1e-6))
    True
    """
    # Angles are reduced as integers, so that no cosine sees more than one turn.
    angle = np.outer(np.arange(n_rows), 2 * np.arange(n_columns) + 1) % (4 * n_columns)
    rows: np.ndarray = (np.sqrt(2 / n_columns) * np.cos(np.pi * angle / (2 * n_columns))).astype(np.float32)
    rows[0] = np.sqrt(1 / n_columns)
    rows.flags.writeable = False
    return rows
