"""Every kernel that is not obvious gives what its plain twin gives."""

from __future__ import annotations

import numpy as np
import pytest

from featurekit.features.kernels.bands import band_sums, sparse_bank
from featurekit.features.kernels.contrast import extremes, extremes_plain
from featurekit.features.kernels.framing import crossing_rate, crossing_rate_plain, mean_square, mean_square_plain
from featurekit.features.kernels.moments import (
    group_products,
    group_products_plain,
    neighbour_products,
    neighbour_products_plain,
    share_bins,
    share_bins_plain,
    spread_sums,
    spread_sums_plain,
    weighted_sums,
    weighted_sums_plain,
)
from featurekit.features.kernels.octave_bands import Band, contrast_bands
from featurekit.features.kernels.tuning import histogram, spectral_peaks, spectral_peaks_plain


@pytest.fixture(params=["noise", "ties", "silence", "one frame", "half silent"])
def magnitude(request: pytest.FixtureRequest) -> np.ndarray:
    """Spectra [shape=(513, frames), float32] with the cases that trip a running sort or a peak search."""
    random = np.random.default_rng(0)
    noise = np.abs(random.standard_normal((513, 37))).astype(np.float32)
    half_silent = noise.copy()
    half_silent[:, ::2] = 0
    return {
        "noise": noise,
        "ties": np.round(noise * 2) / 2,
        "silence": np.zeros((513, 5), np.float32),
        "one frame": np.ascontiguousarray(noise[:, :1]),
        "half silent": half_silent,
    }[request.param]


def test_sums_over_bins(magnitude: np.ndarray) -> None:
    bin_hz = np.fft.rfftfreq(1024, 1 / 16000)
    for kernel, twin, arguments in (
        (weighted_sums, weighted_sums_plain, (bin_hz,)),
        (spread_sums, spread_sums_plain, (bin_hz, np.full(magnitude.shape[1], 1234.5))),
    ):
        for got, expected in zip(kernel(magnitude, *arguments), twin(magnitude, *arguments), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_products_over_bins_and_frames(magnitude: np.ndarray) -> None:
    np.testing.assert_allclose(group_products(magnitude, 1e-10), group_products_plain(magnitude, 1e-10), rtol=1e-12)
    for got, expected in zip(neighbour_products(magnitude), neighbour_products_plain(magnitude), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_products_of_seven_stay_in_range() -> None:
    for extreme in (0.0, 3e38):
        assert np.isfinite(np.log(group_products(np.full((700, 1), extreme, np.float32), 1e-10))).all()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.85, 0.99])
def test_the_bin_of_a_share_is_exact(magnitude: np.ndarray, share: float) -> None:
    np.testing.assert_array_equal(share_bins(magnitude, share), share_bins_plain(magnitude, share))


@pytest.mark.parametrize("quantile", [0.02, 0.2, 0.5])
def test_a_running_selection_is_a_sort(magnitude: np.ndarray, quantile: float) -> None:
    """Equal up to the order in which a float32 mean adds its few terms."""
    bands = np.array(contrast_bands(np.fft.rfftfreq(1024, 1 / 16000), 6, quantile, 200.0))
    for got, expected in zip(extremes(magnitude, bands), extremes_plain(magnitude, bands), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_contrast_bands_have_librosas_borders() -> None:
    """At 22.05 kHz and 2048 points: the list librosa's own loop walks through."""
    bands = contrast_bands(np.fft.rfftfreq(2048, 1 / 22050), 6, 0.02, 200.0)
    assert bands[0] == Band(0, 18, 1)
    assert bands[3] == Band(74, 148, 2)
    assert bands[6] == Band(594, 1025, 9)


def test_spectral_peaks_are_exact_and_in_order(magnitude: np.ndarray) -> None:
    for got, expected in zip(
        spectral_peaks(magnitude, 10, 256, 16000), spectral_peaks_plain(magnitude, 10, 256, 16000), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == np.float32


def test_the_histogram_is_numpys_at_and_beside_its_edges() -> None:
    edges = np.linspace(-0.5, 0.5, 101)
    values = np.concatenate(
        [
            edges.astype(np.float32),
            np.nextafter(edges.astype(np.float32), -1)[1:],
            np.nextafter(edges.astype(np.float32), 1)[:-1],
        ]
    )
    values = values[(values >= -0.5) & (values <= 0.5)]
    np.testing.assert_array_equal(histogram(values, edges), np.histogram(values, edges)[0])


def test_a_sparse_bank_is_the_dense_one(magnitude: np.ndarray) -> None:
    dense = np.zeros((5, 513), np.float32)
    dense[0, 3:9], dense[1, 7], dense[3, 500:], dense[4, 0] = 0.5, 2.0, 0.1, 1.0  # row 2 is empty, as a mel band may be
    np.testing.assert_allclose(band_sums(magnitude, sparse_bank(dense)), dense @ magnitude, rtol=1e-5)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(1024, 256), (512, 160), (400, 160), (100, 37), (64, 128), (2, 1)])
@pytest.mark.parametrize("n_samples", [1, 50, 999])
def test_block_sums_are_frame_sums(n_fft: int, hop_length: int, n_samples: int) -> None:
    signal = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    signal[10:20] = 0
    for kernel, twin in ((mean_square, mean_square_plain), (crossing_rate, crossing_rate_plain)):
        got = kernel(signal, n_fft, hop_length)
        assert len(got) == 1 + n_samples // hop_length
        np.testing.assert_allclose(got, twin(signal, n_fft, hop_length), rtol=1e-12, atol=1e-15)


def test_a_quiet_frame_after_a_loud_one_keeps_its_digits() -> None:
    signal = np.concatenate([np.full(8192, 1e3), np.full(8192, 1e-6)]).astype(np.float32)
    assert mean_square(signal, 1024, 256)[-8] == pytest.approx(1e-12, rel=1e-6)
