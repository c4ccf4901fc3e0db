from __future__ import annotations

import numpy as np
import pytest

from featurekit.features.kernels.burg import burg, burg_frame, burg_frame_plain, lagged_product


@pytest.mark.parametrize("order", [1, 2, 10, 30])
@pytest.mark.parametrize("n_samples", [31, 64, 551])
def test_covariances_give_what_the_lattice_gives(order: int, n_samples: int) -> None:
    random = np.random.default_rng(0)
    for signal in (random.standard_normal(n_samples), np.cumsum(random.standard_normal(n_samples))):
        for frame in (signal, signal * np.hanning(n_samples)):
            np.testing.assert_allclose(burg_frame(frame, order), burg_frame_plain(frame, order), rtol=1e-6, atol=1e-8)


def test_an_autoregressive_process_is_recovered() -> None:
    random = np.random.default_rng(0)
    signal = np.zeros(20000)
    for n in range(2, len(signal)):
        signal[n] = 1.2 * signal[n - 1] - 0.8 * signal[n - 2] + random.standard_normal()
    np.testing.assert_allclose(burg_frame(signal, 2), [1, -1.2, 0.8], atol=0.02)


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1.0, 1e30])
def test_poles_are_inside_the_unit_circle_at_any_level(scale: float) -> None:
    random = np.random.default_rng(0)
    coefficients = burg_frame(scale * random.standard_normal(200), 12)
    assert (np.abs(np.roots(coefficients)) < 1).all()


def test_what_is_silent_or_perfectly_predicted_stops_the_recursion() -> None:
    assert burg_frame(np.zeros(100), 4).tolist() == [1, 0, 0, 0, 0]
    assert burg_frame(np.ones(100), 4)[2:].tolist() == [0, 0, 0]
    alternating = np.where(np.arange(100) % 2, 1.0, -1.0)
    assert np.isfinite(burg_frame(alternating, 10)).all()
    assert np.isfinite(burg_frame(np.sin(0.3 * np.arange(400)), 10)).all()


@pytest.mark.parametrize("n_samples", [1, 3, 4, 9, 100])
def test_sums_in_any_order_are_sums(n_samples: int) -> None:
    frame = np.random.default_rng(0).standard_normal(n_samples)
    for lag in range(min(3, n_samples)):
        assert lagged_product(frame, lag) == pytest.approx(frame[lag:] @ frame[: n_samples - lag])


@pytest.mark.parametrize("n_frames", [1, 7, 8, 9, 20])
@pytest.mark.parametrize("order", [1, 2, 5, 16])
def test_frames_side_by_side_are_frames_one_by_one(order: int, n_frames: int) -> None:
    frames = np.random.default_rng(order).standard_normal((n_frames, 64))
    expected = np.stack([burg_frame(frame, order)[1:] for frame in frames], axis=1)
    np.testing.assert_array_equal(burg(frames, order), expected)


def test_a_tone_is_predicted_by_two_coefficients() -> None:
    """cos(w m) = 2 cos(w) cos(w (m - 1)) - cos(w (m - 2))."""
    tone = np.cos(0.3 * np.arange(500))[None]
    np.testing.assert_allclose(burg(tone, 2)[:, 0], [-2 * np.cos(0.3), 1], atol=1e-2)


@pytest.mark.parametrize("frame", [np.zeros(50), np.ones(50), np.eye(50)[0], 1e-200 * np.ones(50), np.tile([1.0, -1.0], 25)])
def test_frames_that_are_predicted_exactly_stay_finite_and_stable(frame: np.ndarray) -> None:
    coefficients = burg(frame[None], 16)
    assert np.isfinite(coefficients).all()
    assert np.abs(np.roots(np.append(1, coefficients[:, 0]))).max() < 1 + 1e-2
