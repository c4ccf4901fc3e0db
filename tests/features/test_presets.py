"""Every preset against the dims its paper gives."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import pytest

from featurekit.features import PRESETS, Plan, extract, parse
from featurekit.features.plan import _resample

Signal = Callable[..., np.ndarray]

# Preset → label → (kind, dims). He does not count formants and functionals: those are ours.
PAPERS = {
    "luo2019": {
        "mfcc": ("frames", 13),
        "rms": ("frames", 1),
        "spectral_centroid": ("frames", 1),
        "spectral_contrast": ("frames", 7),
        "chroma_stft": ("frames", 12),
        "tonnetz": ("frames", 6),
        "spectral_bandwidth": ("frames", 1),
    },
    "luo2019-best4": {
        "mfcc": ("frames", 13),
        "spectral_centroid": ("frames", 1),
        "chroma_stft": ("frames", 12),
        "spectral_contrast": ("frames", 7),
    },
    "luo2019-image": {"spectrogram": ("image", 512 * 512)},
    "lu2020": {"fbank": ("frames", 80)},
    "cs582": {"mfcc": ("vector", 128)},
    "banerjee2021": {
        "mel": ("frames", 256),
        "mfcc": ("frames", 20),
        "chroma_stft": ("frames", 12),
        "spectral_contrast": ("frames", 7),
        "tonnetz": ("frames", 6),
    },
    "issa2020": {
        "mel": ("vector", 256),
        "mfcc": ("vector", 20),
        "chroma_stft": ("vector", 12),
        "spectral_contrast": ("vector", 7),
        "tonnetz": ("vector", 6),
    },
    "issa2020-own": {
        "mel": ("vector", 128),
        "mfcc": ("vector", 40),
        "chroma_stft": ("vector", 12),
        "spectral_contrast": ("vector", 7),
        "tonnetz": ("vector", 6),
    },
    "he2019": {
        "fft_spectrum": ("frames", 256),
        "f0": ("frames", 1),
        "formants": ("frames", 10),  # five frequencies and their bandwidths
        "log_energy": ("frames", 1),
        "zcr": ("frames", 1),
        "mfcc": ("frames", 13),
        "functionals": ("vector", 11 * (256 + 1 + 10 + 1 + 1 + 13)),
    },
}


def test_every_preset_is_held_to_its_paper() -> None:
    assert PAPERS.keys() == {preset.name for preset in PRESETS if not preset.asks}  # lu2020-asr has its model's dims


@pytest.mark.parametrize("preset", PAPERS)
def test_kinds_and_dims_are_the_papers(preset: str) -> None:
    columns = {column.name.removeprefix(f"{preset}/"): (column.kind, column.dims) for column in parse(preset)}
    assert columns == PAPERS[preset]


@pytest.mark.parametrize("preset", PAPERS)
def test_frames_of_a_preset_share_one_clock_so_that_they_stack(preset: str) -> None:
    clocks = {(column.hop_s, column.start_s) for column in parse(preset) if column.kind == "frames"}
    assert len(clocks) <= 1


def test_framings_are_the_papers() -> None:
    assert {(column.hop_s, column.sample_rate) for column in parse("lu2020, he2019") if column.hop_s} == {(0.01, 16000)}
    assert parse("lu2020")[0].settings["win_length"] == 0.025 * 16000
    for column in parse("banerjee2021"):
        assert column.sample_rate == 22050
        assert column.hop_s == pytest.approx(512 / 22050)
    assert parse("banerjee2021/mel")[0].settings["fmax"] == 4096.0
    spectrum = parse("he2019/fft_spectrum")[0]
    assert spectrum.settings["win_length"] == 0.02 * 16000
    assert (spectrum.dim_names[0], spectrum.dim_names[-1]) == ("31.25 Hz", "8000 Hz")


def test_he2019s_functionals_are_eleven_of_every_descriptor() -> None:
    *descriptors, functionals = parse("he2019")
    assert functionals.dims == 11 * sum(column.dims for column in descriptors)
    assert functionals.kind == "vector"
    names = [name for column in descriptors for name in column.dim_names]
    assert functionals.dim_names[::11] == tuple(f"{name}_mean" for name in names)


def test_issas_columns_are_the_time_means_of_banerjees(speech_like: Signal) -> None:
    out = extract(speech_like(), 22050, "banerjee2021, issa2020")
    for label in ("mel", "mfcc", "chroma_stft", "spectral_contrast"):
        means = out[f"banerjee2021/{label}"].mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(out[f"issa2020/{label}"][0], means, rtol=1e-5, atol=1e-6)


def test_cs582_is_librosas_mean_of_128_mfcc(real_clips: list[tuple[np.ndarray, int]]) -> None:
    for samples, rate in real_clips:
        signal = _resample(samples, rate, 22050)
        expected = librosa.feature.mfcc(y=signal, sr=22050, n_mfcc=128).mean(axis=1)
        got = extract(signal, 22050, "cs582")["cs582/mfcc"]
        assert got.shape == (1, 128)
        np.testing.assert_allclose(got[0], expected, atol=1e-3)


def test_banerjee_and_issa_share_every_node_but_the_harmonic_part() -> None:
    names = [step.bound.name for step in Plan(parse("banerjee2021, issa2020")).steps]
    assert names.count("mel") == 2  # 256 bands, and the 128 of the MFCC
    assert names.count("stft") == 2  # of the signal and of its harmonic part
    assert names.count("chroma_stft") == names.count("spectral_contrast") == 1
