from __future__ import annotations

import numpy as np
import pytest

from featurekit.features.kernels.cycles import cycle_marks, perturbation


def tones(period: float, n_samples: int = 8000) -> np.ndarray:
    phase = 2 * np.pi * np.arange(n_samples) / period
    return sum(np.cos(order * phase) / order for order in range(1, 6))


@pytest.mark.parametrize("period", [40.0, 73.3, 133.7])
def test_marks_are_a_period_apart_on_one_phase(period: float) -> None:
    marks = cycle_marks(tones(period), np.full(32, period), 256)
    places = marks[0]
    assert len(places) > 8000 / period - 4
    np.testing.assert_allclose(np.diff(places), period, atol=0.02)
    np.testing.assert_allclose((places + period / 2) % period, period / 2, atol=1)  # the crests
    assert len(set(marks[2])) == 1
    np.testing.assert_allclose(marks[1, 2:-2], marks[1, 5], rtol=0.02)


def test_a_tracker_that_is_ten_percent_off_does_not_matter() -> None:
    for wrong in (0.9, 1.1):
        marks = cycle_marks(tones(80.0), np.full(32, 80.0 * wrong), 256)
        np.testing.assert_allclose(np.diff(marks[0]), 80, atol=0.02)


def test_unvoiced_stretches_have_no_marks_and_part_chains() -> None:
    period = np.full(32, 80.0)
    period[12:20] = 0
    marks = cycle_marks(tones(80.0), period, 256)
    assert not ((marks[0] > 12 * 256) & (marks[0] < 19 * 256)).any()
    before, after = marks[2, marks[0] < 3500], marks[2, marks[0] > 4500]
    assert not set(before) & set(after)


def test_where_the_waveform_breaks_a_new_chain_begins() -> None:
    signal = tones(80.0)
    signal[4000:4300] = 0
    marks = cycle_marks(signal, np.full(32, 80.0), 256)
    assert len(set(marks[2])) > 1
    assert marks[0].min() < 200
    assert marks[0].max() > 7800


@pytest.mark.parametrize("n_samples", [1, 2, 50, 300])
@pytest.mark.parametrize("period", [0.0, 2.0, 40.0, 1e6])
def test_nothing_breaks_where_there_is_no_room(n_samples: int, period: float) -> None:
    marks = cycle_marks(np.ones(n_samples), np.full(1 + n_samples // 100, period), 100)
    assert np.isfinite(marks).all()
    assert np.isfinite(perturbation(marks, 1 + n_samples // 100, 200, 100)).all()


def test_perturbations_by_hand() -> None:
    #                  100  102   100           (new chain) 90
    places = np.array([0.0, 100.0, 202.0, 302.0, 500.0, 590.0])
    amplitude = np.array([1.0, 1.1, 1.0, 1.1, 9.0, 1.1])  # 9 is too unlike its neighbour to count as a pair
    marks = np.stack([places, amplitude, np.array([0, 0, 0, 0, 1, 1.0])])
    jitter, shimmer = perturbation(marks, 1, 4000, 256)[:, 0]
    assert jitter == pytest.approx(2 / np.mean([100, 102, 100, 90]))
    assert shimmer == pytest.approx(0.1 / amplitude.mean())
    # A window that ends at 250 holds two periods of the first chain, and one of 120 holds no two neighbours.
    assert perturbation(marks, 1, 500, 256)[0, 0] == pytest.approx(2 / 101)
    assert perturbation(marks, 1, 240, 256)[0, 0] == 0


def test_a_mark_lies_inside_the_signal_where_only_the_frame_behind_its_last_sample_is_voiced() -> None:
    period = np.zeros(101)
    period[-1] = 50.0
    assert (cycle_marks(np.zeros(100), period, 1)[0] < 100).all()
