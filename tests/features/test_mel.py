from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.features import extract, parse
from featurekit.features.kernels.banks import mel_bank
from featurekit.features.mel import dct_rows, mfcc

Signal = Callable[..., np.ndarray]


def test_a_tone_lights_its_own_band(tone: Signal) -> None:
    """1 kHz is mel 15 on Slaney's scale, where the linear part ends; bands are evenly spaced in mel."""
    frame = extract(tone(1000, rate=16000), 16000, "mel40")["mel40"][30]
    top_mel = 15 + 27 * np.log(8000 / 1000) / np.log(6.4)
    assert int(frame.argmax()) == round(15 / (top_mel / 41)) - 1


def test_bands_have_equal_area() -> None:
    bank = mel_bank(22050, 8192, 20, 0.0, None)
    np.testing.assert_allclose(bank.sum(axis=1) * 22050 / 8192, 1.0, rtol=5e-3)


def test_band_limits_leave_nothing_outside(tone: Signal) -> None:
    assert extract(tone(5000, rate=16000), 16000, "x=mel(fmax=3000)")["x"][30].sum() < 1e-6


def test_silence_is_the_floor_and_a_flat_spectrum_has_one_coefficient() -> None:
    silence = np.zeros(16000)
    np.testing.assert_allclose(extract(silence, 16000, "log_mel")["log_mel"], -100, rtol=1e-6)
    coefficients = extract(silence, 16000, "mfcc")["mfcc"][0]
    # A sum of 128 values in float32, in an order that the processor's vectors choose.
    assert coefficients[0] == pytest.approx(-100 * np.sqrt(128), rel=128 * float(np.finfo(np.float32).eps))
    np.testing.assert_allclose(coefficients[1:], 0, atol=1e-3)


def test_twice_the_amplitude_moves_only_the_first_coefficient(speech_like: Signal) -> None:
    """6.02 dB more in every band is sqrt(128) x 6.02 in c0 and nothing elsewhere (no floor in the way)."""
    signal = 0.1 * speech_like(rate=16000)[:6000]
    one, two = (extract(gain * signal, 16000, "x=mfcc(top_db=None)")["x"] for gain in (1, 2))
    np.testing.assert_allclose(two[:, 0] - one[:, 0], 20 * np.log10(2) * np.sqrt(128), rtol=1e-4)
    np.testing.assert_allclose(two[:, 1:], one[:, 1:], atol=1e-3)


def test_mfcc_is_scipys_dct() -> None:
    from scipy.fft import dct

    level = np.random.default_rng(0).standard_normal((40, 7)).astype(np.float32)
    np.testing.assert_allclose(mfcc(level, n_mfcc=13), dct(level, axis=0, norm="ortho")[:13], atol=1e-5)
    np.testing.assert_allclose(dct_rows(40, 40).T @ mfcc(level, n_mfcc=40), level, atol=1e-5)


def test_htk_mel_is_librosas(speech_like: Signal) -> None:
    import librosa

    signal = speech_like(rate=16000)
    expected = librosa.feature.melspectrogram(y=signal, sr=16000, n_fft=1024, hop_length=256, n_mels=40, htk=True, norm=None)
    got = extract(signal, 16000, "x=mel(n_mels=40, htk=True, mel_norm=None)")["x"]
    np.testing.assert_allclose(got, expected.T, rtol=2e-5, atol=1e-6 * expected.max())


def test_the_newer_settings_leave_older_keys_as_they_were() -> None:
    """Stores made before htk and mel_norm were there stay valid: this is the key that version 1 gave."""
    assert (
        parse("luo2019/mfcc")[0].key
        == parse("mfcc(n_mfcc=13, n_fft=2048, hop_length=512, sample_rate=22050, htk=False)")[0].key
    )
    assert parse("luo2019/mfcc")[0].key.startswith("d042712aad39")
    assert parse("mel")[0].key != parse("mel(htk=True)")[0].key != parse("mel(mel_norm=None)")[0].key


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(ParameterError, match="mel_norm is 'htk'"):
        parse("mel(mel_norm=htk)")
