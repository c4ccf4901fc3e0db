"""Noise reduction: noise goes down, speech stays, and what is clean is left as it is."""

from __future__ import annotations

import numpy as np
import pytest

from featurekit.audio import Signal
from featurekit.errors import ParameterError
from featurekit.extraction import augmented
from featurekit.extraction.denoising import noise_power, reduce_noise
from featurekit.manifest import Utterance

RATE = 16_000


def voice(seconds=3.0):
    """Syllables of harmonics with pauses between them: a quarter of a second each; and which samples are voice."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 140 * k * (time + 0.003 * np.sin(8 * time))) / k for k in range(1, 20))
    on = (time // 0.25).astype(int) % 2 == 1
    envelope = np.convolve(on, np.hanning(401) / np.hanning(401).sum(), "same")
    return (0.1 * tone * envelope).astype(np.float32), envelope > 0.99, envelope < 0.01


def level_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def noisy(clean, snr_db, seed=0):
    noise = np.random.default_rng(seed).standard_normal(len(clean))
    return (clean + noise * 10 ** ((level_db(clean) - snr_db) / 20)).astype(np.float32)


@pytest.mark.parametrize(("snr_db", "gain_db"), [(0, 6), (10, 5), (20, 3)])
def test_noise_goes_down_and_speech_stays(snr_db, gain_db):
    clean, is_voice, is_pause = voice()
    before = noisy(clean, snr_db)
    after = reduce_noise(before, RATE, 12.0)
    assert len(after) == len(before)
    assert after.dtype == np.float32
    assert level_db(after[is_pause]) - level_db(before[is_pause]) == pytest.approx(-12, abs=1.0)
    assert level_db(after[is_voice]) == pytest.approx(level_db(clean[is_voice]), abs=1.0)
    assert level_db(clean) - level_db(after - clean) > snr_db + gain_db  # nearer to what was said, as a whole


def test_the_floor_is_what_was_asked_for():
    clean, _, is_pause = voice()
    before = noisy(clean, 10)
    fallen = [level_db(before[is_pause]) - level_db(reduce_noise(before, RATE, asked)[is_pause]) for asked in (0, 6, 20)]
    np.testing.assert_allclose(fallen, [0, 6, 20], atol=2)
    np.testing.assert_allclose(reduce_noise(before, RATE, 0.0), before, atol=1e-6)


def test_clean_speech_between_digital_silence_is_left_as_it_is():
    clean, _, _ = voice()
    clean[np.abs(clean) < 1e-4] = 0.0
    after = reduce_noise(clean, RATE, 30.0)
    assert level_db(after - clean) < level_db(clean) - 40
    assert not reduce_noise(np.zeros(8000, np.float32), RATE, 12.0).any()


def test_the_noise_of_noise_alone_is_its_power():
    drawn = np.random.default_rng(0).standard_normal((400, 513)) + 1j * np.random.default_rng(1).standard_normal((400, 513))
    assert noise_power(np.abs(drawn) ** 2 * 3).mean() == pytest.approx(6, rel=0.05)


@pytest.mark.parametrize(("n", "rate"), [(1, 8000), (100, 16_000), (700, 44_100), (12_000, 1000)])
def test_short_sounds_and_strange_rates_keep_their_length(n, rate):
    samples = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    after = reduce_noise(samples, rate, 12.0)
    assert after.shape == samples.shape
    assert np.isfinite(after).all()


def test_it_is_a_perturbation_that_is_the_same_for_every_parent():
    samples = noisy(voice()[0], 10)

    def heard(perturbation, parent):
        (name,) = augmented.parse(perturbation)
        item = Utterance(id="c", path="a.wav", parent=parent, perturbation=name)
        return augmented.perturbed(Signal(samples, RATE, RATE), item).samples

    assert augmented.parse("denoise") == ["denoise(reduction_db=12.0)"]
    np.testing.assert_array_equal(heard("denoise", "p"), heard("denoise(12)", "q"))
    np.testing.assert_array_equal(heard("denoise(20)", "p"), reduce_noise(samples, RATE, 20.0))
    with pytest.raises(ParameterError, match="reduction_db is 90; expected 0 to 60"):
        augmented.parse("denoise(90)")


def test_real_speech_keeps_its_level_where_its_noise_falls(real_corpora):
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.default_rng(0)
    paths = sorted((real_corpora / "ravdess").glob("Actor_0[1-4]/03-01-0[45]-01-01-01-*.*"))[:6]
    for path in paths:
        clean, rate = soundfile.read(path, dtype="float32")
        before = (clean + rng.standard_normal(len(clean)) * 10 ** ((level_db(clean) - 10) / 20)).astype(np.float32)
        after = reduce_noise(before, rate, 12.0)
        power = np.convolve(clean.astype(np.float64) ** 2, np.ones(400), "same")
        loud, quiet = power > np.quantile(power, 0.8), power < np.quantile(power, 0.3)
        assert level_db(before[quiet]) - level_db(after[quiet]) > 11.5
        assert level_db(after[loud]) == pytest.approx(level_db(clean[loud]), abs=0.5)
        assert level_db(clean) - level_db(after - clean) > 15
    assert len(paths) == 6
