"""Shape of the spectrum: centroid, bandwidth, rolloff, slope, flatness, flux, contrast, and the spectrum itself."""

from __future__ import annotations

import itertools

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature


@feature(unit="Hz")
def spectral_centroid(magnitude: np.ndarray, bin_hz: np.ndarray) -> np.ndarray:
    """Centre of mass of the magnitude spectrum, the usual correlate of brightness.

    ``centroid[t] = sum_k bin_hz[k] magnitude[k, t] / sum_k magnitude[k, t]``; silent frames give 0 Hz.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]
    bin_hz : np.ndarray [shape=(bins,)]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        In Hz, between 0 and half the sample rate.

    References
    ----------
    Peeters et al. (2011), The Timbre Toolbox, JASA 130(5). doi:10.1121/1.3642604
    """
    from featurekit.features.kernels.moments import weighted_sums

    total, weighted = weighted_sums(magnitude, bin_hz)
    return np.divide(weighted, total, out=np.zeros_like(total), where=_audible(total))[None]


@feature(unit="Hz")
def spectral_bandwidth(magnitude: np.ndarray, bin_hz: np.ndarray, spectral_centroid: np.ndarray) -> np.ndarray:
    """Standard deviation of frequency around the centroid, weighted by magnitude.

    ``bandwidth[t] = sqrt(sum_k p[k, t] (bin_hz[k] - centroid[t])^2)`` with ``p`` the magnitudes of a frame divided by
    their sum; silent frames give 0 Hz.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]
    bin_hz : np.ndarray [shape=(bins,)]
    spectral_centroid : np.ndarray [shape=(1, frames), Hz]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        In Hz, between 0 and a quarter of the sample rate.

    References
    ----------
    Klapuri and Davy (2007), Signal Processing Methods for Music Transcription, chapter 5.
    """
    from featurekit.features.kernels.moments import spread_sums

    total, spread = spread_sums(magnitude, bin_hz, spectral_centroid[0])
    return np.sqrt(np.divide(spread, total, out=np.zeros_like(total), where=_audible(total)))[None]


@feature(unit="Hz", limits={"roll_percent": (1e-6, 1 - 1e-6)})
def spectral_rolloff(magnitude: np.ndarray, bin_hz: np.ndarray, *, roll_percent: float = 0.85) -> np.ndarray:
    """Lowest frequency below which a share of the frame's magnitude lies; of a silent frame, 0 Hz.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]
    bin_hz : np.ndarray [shape=(bins,)]
    roll_percent : float in (0, 1)
        The share.

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        A bin's centre, in Hz.
    """
    from featurekit.features.kernels.moments import share_bins

    return bin_hz[share_bins(magnitude, roll_percent)][None]


@feature(unit="1/Hz")
def spectral_slope(magnitude: np.ndarray, bin_hz: np.ndarray) -> np.ndarray:
    """Slope of the straight line fitted to the magnitude spectrum, relative to its sum: how fast it falls.

    ``slope[t] = cov_k(bin_hz[k], p[k, t]) / var_k(bin_hz[k])`` with ``p`` the magnitudes of a frame divided by their
    sum, so that the level does not matter; silent frames give 0.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]
    bin_hz : np.ndarray [shape=(bins,)]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        A flat spectrum gives 0, speech less.

    References
    ----------
    Peeters (2004), A large set of audio features for sound description, Cuidado project report, 6.1.4.
    """
    from featurekit.features.kernels.moments import weighted_sums

    offset_hz = bin_hz - bin_hz.mean()
    total, weighted = weighted_sums(magnitude, offset_hz)
    slope = np.divide(weighted, total, out=np.zeros_like(total), where=_audible(total))
    return slope[None] / np.square(offset_hz).sum()


@feature(unit="")
def spectral_flatness(power: np.ndarray) -> np.ndarray:
    """Geometric over arithmetic mean of the power spectrum: near 1 for noise, near 0 for tones.

    ``flatness[t] = exp(mean_k log max(power[k, t], 1e-10)) / mean_k max(power[k, t], 1e-10)``; silence gives 1.

    Parameters
    ----------
    power : np.ndarray [shape=(bins, frames), >= 0]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        Between 0 and 1.

    References
    ----------
    Dubnov (2004), Generalization of spectral flatness measure for non-Gaussian linear processes, IEEE SPL 11(8).
    """
    from featurekit.features.kernels.moments import group_products

    n_bins = len(power)
    mean_log = np.log(group_products(power, 1e-10)).sum(axis=0) / n_bins
    mean = np.maximum(power, np.float32(1e-10)).sum(axis=0, dtype=np.float64) / n_bins
    return np.minimum(np.exp(mean_log) / mean, 1.0)[None]


@feature(unit="")
def spectral_flux(magnitude: np.ndarray) -> np.ndarray:
    """How far the spectrum's shape moves from one frame to the next, rises and falls alike.

    ``flux[t] = sum_k (n[k, t] - n[k, t - 1])^2`` with ``n`` a frame's magnitudes divided by their Euclidean norm (0 for
    a silent frame): 2 less twice the cosine between two frames. Gain does not matter. The first frame gives 0.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]

    Returns
    -------
    np.ndarray [shape=(1, frames)]
        0 for the same shape, 2 for spectra with nothing in common, 1 for a step from or to silence.

    References
    ----------
    Tzanetakis and Cook (2002), Musical genre classification of audio signals, IEEE TSAP 10(5). doi:10.1109/TSA.2002.800560
    """
    from featurekit.features.kernels.moments import neighbour_products

    square, product = neighbour_products(magnitude)
    audible = (square > 0).astype(np.float64)
    norm = np.sqrt(np.where(square > 0, square, 1.0))
    cosine = product[1:] / norm[1:] / norm[:-1]
    flux = np.zeros(len(square))
    flux[1:] = np.maximum(audible[1:] + audible[:-1] - 2.0 * cosine, 0.0)
    return flux[None]


def _bin_names(settings: Settings) -> tuple[str, ...]:
    bin_hz = np.fft.rfftfreq(settings["n_fft"], 1.0 / settings["sample_rate"])
    return tuple(f"{hz:g} Hz" for hz in bin_hz[1:])


@feature(unit="dB", dims=lambda settings: settings["n_fft"] // 2, dim_names=_bin_names)
def fft_spectrum(magnitude: np.ndarray) -> np.ndarray:
    """The magnitude spectrum in dB re 1, without its constant component, floored at -100 dB.

    ``fft_spectrum[k, t] = 20 log10(max(magnitude[k + 1, t], 1e-5))``. He's 256-dimensional FFT is this with 20 ms
    windows in ``n_fft=512`` at 16 kHz: bins 1 to 256. The paper does not say on which scale: a logarithm is ours, so
    that a PCA of it is not one of the loudest bins.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]

    Returns
    -------
    np.ndarray [shape=(n_fft // 2, frames)]
        In dB, at least -100.
    """
    return 20.0 * np.log10(np.maximum(magnitude[1:], np.float32(1e-5)))


def _check_bands(settings: Settings) -> None:
    from featurekit.features.kernels.octave_bands import contrast_bands

    edge_hz = settings["fmin"] * 2.0 ** (settings["n_bands"] - 1)
    if edge_hz >= settings["sample_rate"] / 2:
        raise ParameterError(
            f"spectral_contrast: {settings['n_bands']} bands from {settings['fmin']} Hz reach {edge_hz} Hz, past half "
            f"the sample rate {settings['sample_rate']}; lower n_bands or fmin"
        )
    n_fft, fmin = settings["n_fft"], settings["fmin"]
    bin_hz = np.fft.rfftfreq(n_fft, 1.0 / settings["sample_rate"])
    bands = contrast_bands(bin_hz, settings["n_bands"], settings["quantile"], fmin)
    if any(band.stop - band.start < band.n_extreme for band in bands):
        raise ParameterError(f"spectral_contrast: n_fft {n_fft} and fmin {fmin} leave a band without bins; raise n_fft or fmin")


def _band_names(settings: Settings) -> tuple[str, ...]:
    low_hz, n_bands = settings["fmin"], settings["n_bands"]
    edges_hz = [0.0, *(low_hz * 2.0**octave for octave in range(n_bands)), settings["sample_rate"] / 2]
    return tuple(f"{low:g}-{high:g} Hz" for low, high in itertools.pairwise(edges_hz))


@feature(
    unit="dB",
    dims=lambda settings: int(settings["n_bands"]) + 1,
    dim_names=_band_names,
    limits={"n_bands": (1, 32), "quantile": (1e-6, 1 - 1e-6), "fmin": (1e-3, None)},
    check=_check_bands,
)
def spectral_contrast(
    magnitude: np.ndarray, bin_hz: np.ndarray, *, n_bands: int = 6, quantile: float = 0.02, fmin: float = 200.0
) -> np.ndarray:
    """Level of the peaks above that of the valleys in octave bands: high for harmonic, low for noise-like bands.

    A band's peak is the mean of its largest ``quantile`` of magnitudes, its valley that of its smallest (at least one
    bin each); both are put in dB, floored 80 dB below the maximum over bands and frames, and subtracted.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins, frames), >= 0]
    bin_hz : np.ndarray [shape=(bins,)]
    n_bands : int
        Octave bands above ``fmin``; one more lies below it.
    quantile : float in (0, 1)
    fmin : float
        Upper edge of the lowest band, in Hz.

    Returns
    -------
    np.ndarray [shape=(n_bands + 1, frames)]
        In dB, at least 0.

    References
    ----------
    Jiang et al. (2002), Music type classification by spectral contrast feature, ICME. doi:10.1109/ICME.2002.1035731
    """
    from featurekit.features.kernels.contrast import band_contrast
    from featurekit.features.kernels.octave_bands import Band, contrast_bands

    bands: tuple[Band, ...] = contrast_bands(bin_hz, n_bands, quantile, fmin)
    return band_contrast(magnitude, bands)


def _audible(total: np.ndarray) -> np.ndarray:
    """Frames librosa would normalise: those whose sum is a normal float32 [shape=(frames,), bool]."""
    return total >= np.finfo(np.float32).tiny
