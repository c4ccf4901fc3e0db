from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.features import extract, parse

Signal = Callable[..., np.ndarray]


def test_a_sine_has_its_peak_over_root_two(tone: Signal) -> None:
    level = extract(tone(1000, rate=16000, peak=0.8), 16000, "rms")["rms"]
    assert level[30, 0] == pytest.approx(0.8 / np.sqrt(2), rel=1e-5)
    # Half of the first frame is padding, so its power is half.
    assert level[0, 0] == pytest.approx(0.8 / 2, rel=1e-2)


def test_a_tone_crosses_zero_twice_a_period(tone: Signal) -> None:
    assert extract(tone(1000, rate=16000), 16000, "zcr")["zcr"][30, 0] == pytest.approx(2 * 1000 / 16000, rel=0.01)


def test_dc_and_silence_cross_nothing_even_at_the_padded_ends() -> None:
    for value in (0.0, 0.5, -0.5, 1e-11, -1e-11):
        assert not extract(np.full(4000, value), 16000, "zcr")["zcr"].any()


def test_alternating_samples_cross_everywhere_but_at_a_frames_first() -> None:
    signal = np.where(np.arange(16000) % 2, 0.5, -0.5)
    assert extract(signal, 16000, "zcr")["zcr"][30, 0] == pytest.approx(1023 / 1024)


def test_a_click_is_spread_over_the_frames_that_hold_it() -> None:
    click = np.eye(1, 16000, 8000)[0]
    level = extract(click, 16000, "rms")["rms"][:, 0]
    assert np.flatnonzero(level).tolist() == [30, 31, 32, 33]
    assert level[31] == pytest.approx(1 / 32)


def test_log_energy_is_the_level_in_decibels_with_a_floor(tone: Signal, speech_like: Signal) -> None:
    assert extract(tone(1000, rate=16000, peak=1.0), 16000, "log_energy")["log_energy"][30, 0] == pytest.approx(-3.01, abs=0.01)
    assert (extract(np.zeros(999), 16000, "log_energy")["log_energy"] == -100).all()
    out = extract(speech_like(rate=16000), 16000, "log_energy, rms")
    np.testing.assert_allclose(out["log_energy"], 20 * np.log10(np.maximum(out["rms"], 1e-5)), atol=1e-4)


@pytest.mark.parametrize("settings", ["n_fft=1024", "n_fft=512, win_length=320, hop_length=160", "n_fft=2048, hop_length=512"])
def test_a_sine_of_one_kilohertz_is_as_loud_as_its_mean_square_says(settings: str, tone: Signal) -> None:
    loud = extract(tone(1000, rate=16000, peak=1.0), 16000, f"x=loudness({settings})")["x"]
    assert loud[len(loud) // 2, 0] == pytest.approx((0.5 / 1e-6) ** 0.3, rel=5e-3)


def test_ten_decibels_more_are_twice_as_loud(speech_like: Signal) -> None:
    """Stevens: 10^0.3 = 2, nearly a sone."""
    signal = 0.1 * speech_like(rate=16000)[:6000]
    one, more = (extract(gain * signal, 16000, "loudness")["loudness"] for gain in (1, np.sqrt(10)))
    np.testing.assert_allclose(more, 10**0.3 * one, rtol=1e-4)


@pytest.mark.parametrize(
    ("hz", "level_db"), [(31.62, -39.4), (100, -19.1), (500, -3.2), (1000, 0.0), (2500, 1.3), (8000, -1.1)]
)
def test_the_a_curve_is_the_standards(hz: float, level_db: float) -> None:
    """IEC 61672-1, table 3; its 31.5 Hz is a nominal 31.62."""
    from featurekit.features.energy import a_weighting

    assert 10 * np.log10(a_weighting((0.0, hz), 2)[1]) == pytest.approx(level_db, abs=0.06)


def test_low_tones_are_less_loud_and_silence_not_at_all(tone: Signal) -> None:
    low, high = (extract(tone(hz, rate=16000), 16000, "loudness")["loudness"][30, 0] for hz in (125, 2000))
    assert low < high / 2
    assert not extract(np.zeros(999), 16000, "loudness")["loudness"].any()


@pytest.mark.parametrize("name", ["rms", "log_energy", "zcr", "mel"])
def test_an_odd_frame_is_refused_since_it_has_no_centre(name) -> None:
    with pytest.raises(ParameterError, match="n_fft is 1023; expected an even number"):
        parse(f"{name}(n_fft=1023)")
