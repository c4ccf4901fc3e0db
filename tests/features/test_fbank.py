from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.features import Plan, extract, parse
from featurekit.features.kernels.kaldi import kaldi_frames, kaldi_frames_plain

Signal = Callable[..., np.ndarray]


def by_kaldi(signal: np.ndarray, rate: int, snip_edges: bool, n_mels: int) -> np.ndarray:
    kaldi = pytest.importorskip("kaldi_native_fbank")
    options = kaldi.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = rate
    options.frame_opts.snip_edges = snip_edges
    options.mel_opts.num_bins = n_mels
    bank = kaldi.OnlineFbank(options)
    bank.accept_waveform(rate, (signal * 32768).tolist())
    bank.input_finished()
    return np.array([bank.get_frame(index) for index in range(bank.num_frames_ready)])


def fbank(signal: np.ndarray, settings: str = "", rate: int = 16000) -> np.ndarray:
    (column,) = parse(f"fbank(sample_rate={rate}, {settings})")
    return Plan([column]).compute({rate: signal})[column.name]


@pytest.mark.parametrize("snip_edges", [False, True])
@pytest.mark.parametrize("n_samples", [400, 401, 560, 15999, 16079, 16080])
def test_values_and_counts_are_kaldis(n_samples: int, snip_edges: bool, speech_like: Signal) -> None:
    signal = 0.5 * speech_like(rate=16000)[:n_samples]
    expected, got = by_kaldi(signal, 16000, snip_edges, 80), fbank(signal, f"snip_edges={snip_edges}")
    assert got.shape == expected.shape
    # Kaldi transforms in float32: bins far below a frame's loudest differ in their rounding.
    np.testing.assert_allclose(got, expected, atol=5e-3)
    assert np.abs(got - expected).mean() < 1e-4


@pytest.mark.parametrize(("rate", "n_mels", "framing"), [(8000, 40, (200, 80, 256)), (44100, 128, (1102, 441, 2048))])
def test_other_rates_and_band_counts_are_kaldis(
    rate: int, n_mels: int, framing: tuple[int, int, int], speech_like: Signal
) -> None:
    signal = 0.5 * speech_like(rate=rate, seconds=0.5)
    settings = "n_mels={}, win_length={}, hop_length={}, n_fft={}".format(n_mels, *framing)
    np.testing.assert_allclose(fbank(signal, settings, rate), by_kaldi(signal, rate, False, n_mels), atol=5e-3)


def test_clips_shorter_than_a_frame_have_one_frame_where_kaldi_has_none() -> None:
    for n_samples in (1, 79, 80, 399):
        signal = np.full(n_samples, 0.1, np.float32)
        assert fbank(signal).shape == (max(1, (n_samples + 80) // 160), 80)
        assert fbank(signal, "snip_edges=True").shape == (1, 80)
        assert fbank(signal, "win_length=100, hop_length=300").shape == (max(1, (n_samples + 150) // 300), 80)


def test_silence_and_dc_are_the_floor() -> None:
    for level in (0.0, 0.5):
        np.testing.assert_allclose(fbank(np.full(4000, level, np.float32)), np.log(np.finfo(np.float32).eps), rtol=1e-5)


def test_a_tone_lights_the_band_of_its_mel(tone: Signal) -> None:
    frame = fbank(tone(1000, rate=16000))[40]
    low, high = 1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700)
    assert frame.argmax() == pytest.approx((1127 * np.log1p(1000 / 700) - low) / (high - low) * 81 - 1, abs=1)


def test_twice_the_amplitude_is_log_four_more(speech_like: Signal) -> None:
    signal = 0.1 * speech_like(rate=16000)[:6000]
    np.testing.assert_allclose(fbank(2 * signal) - fbank(signal), np.log(4), atol=1e-4)


def test_the_clock_says_where_frames_lie() -> None:
    centred, snipped = parse("fbank, fbank(snip_edges=True)")
    assert (centred.hop_s, centred.start_s) == (0.01, 0.005)
    assert (snipped.hop_s, snipped.start_s) == (0.01, 0.0125)
    click = np.zeros(16000, np.float32)
    click[8000 + 80] = 0.5  # the centre of frame 50
    frames = extract(click, 16000, "fbank")["fbank"].mean(axis=1)
    assert frames.argmax() == 50


def test_frames_are_the_plain_twins() -> None:
    signal = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    window = np.hanning(400)
    got, expected = np.zeros((16, 512)), np.zeros((16, 512))
    kaldi_frames(signal, window, 160, 0.97, got)
    kaldi_frames_plain(signal.astype(np.float64), window, 160, 0.97, expected)
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [("win_length=600", "must"), ("n_fft=401", "must"), ("fmax=9000", "half the sample rate"), ("fmin=8000", "fmin < fmax")],
)
def test_what_cannot_work_is_refused(settings: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse(f"fbank({settings})")
