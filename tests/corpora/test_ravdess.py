"""RAVDESS: names are codes, codes are labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import soundfile

from featurekit import features
from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError


def test_a_name_becomes_labels_speaker_gender_and_text(miniature):
    manifest = read_corpus("ravdess", miniature("ravdess"))
    assert len(manifest) == 16  # neither the song nor the video's sound
    utterance = manifest["03-01-06-01-02-01-02"]
    assert utterance.labels == {"emotion": "fearful", "intensity": "normal", "statement": 2, "repetition": 1}
    assert (utterance.speaker, utterance.gender, utterance.language) == ("Actor_02", "female", "en")
    assert utterance.text == "Dogs are sitting by the door"
    assert manifest["03-01-06-01-02-01-01"].gender == "male"


@pytest.mark.parametrize(
    "name", ["03-01-09-01-01-01-01", "03-01-01-03-01-01-01", "03-01-01-01-01-01-25", "03-01-01-01-01-01-00"]
)
def test_a_code_the_corpus_does_not_have_is_refused_by_name(miniature, name):
    root = miniature("ravdess")
    (root / f"{name}.wav").write_bytes(b"")
    with pytest.raises(ManifestError, match=name):
        read_corpus("ravdess", root)


def test_a_corpus_unpacked_twice_is_refused(miniature):
    root = miniature("ravdess")
    (root / "audio_speech_actors_01-24").mkdir()
    (root / "audio_speech_actors_01-24" / "03-01-01-01-02-01-01.wav").write_bytes(b"")
    with pytest.raises(ManifestError, match="there twice"):
        read_corpus("ravdess", root)


def test_the_real_corpus_has_its_published_counts(real):
    manifest = read_corpus("ravdess", real("ravdess"))
    emotions = Counter(utterance.labels["emotion"] for utterance in manifest)
    speakers = Counter(utterance.speaker for utterance in manifest)
    assert len(manifest) == 1440
    assert emotions.pop("neutral") == 96
    assert set(emotions.values()) == {192}
    assert len(emotions) == 7
    assert len(speakers) == 24
    assert set(speakers.values()) == {60}
    assert Counter(utterance.gender for utterance in manifest) == {"male": 720, "female": 720}


def test_the_real_48_khz_subset_is_one_actor(real):
    manifest = read_corpus("ravdess", real("ravdess_48k"))
    assert len(manifest) == 60
    assert {utterance.speaker for utterance in manifest} == {"Actor_07"}


@pytest.fixture
def one_actor(real):
    """Pairs of (48 kHz signal, 16 kHz signal), the second from a 16-bit copy that somebody else resampled."""
    high, low = real("ravdess_48k") / "Actor_07", real("ravdess") / "Actor_07"
    names = sorted(path.name for path in high.iterdir())[::15]
    return [tuple((*soundfile.read(folder / name, dtype="float32"),) for folder in (high, low)) for name in names]


def test_one_actor_at_48_khz_has_the_labels_of_the_16_khz_copy(real):
    low = read_corpus("ravdess", real("ravdess")).filter(lambda item: item.speaker == "Actor_07")
    assert read_corpus("ravdess", real("ravdess_48k")).utterances == low.utterances


def test_bands_below_7_khz_do_not_know_at_what_rate_a_file_was_kept(one_actor):
    # Up to nine tenths of its Nyquist frequency a resampler passes what is there, to its ripple. What is left is the copy's
    # rounding to 16 bits: white noise of variance 2^-30 / 12, which Hann's window weighs by 3/8 n_fft and a band of unit area
    # in Hz by 1 / 15.625 Hz a bin. Its amplitude in a band is Rayleigh: beyond four times the root of its power once in 10^7.
    n_mels, edge_hz, ripple_db = 128, 7000.0, 0.02
    noise = 2.0**-30 / 12 * 3 / 8 * 1024 / 15.625
    mels = np.linspace(0, slaney_mel(8000.0), n_mels + 2)
    inside = mels[2:] < slaney_mel(edge_hz)
    for (high, high_rate), (low, low_rate) in one_actor:
        request = f"mel(n_mels={n_mels}),rms"
        first, second = features.extract(high, high_rate, request), features.extract(low, low_rate, request)
        assert first["mel"].shape == second["mel"].shape
        power = second["mel"][:, inside].astype(float)
        above = power > 100 * noise
        error_db = np.abs(10 * np.log10(first["mel"][:, inside][above] / power[above]))
        assert above.mean() > 0.2
        assert (error_db < 20 * np.log10(1 + 4 * np.sqrt(noise / power[above])) + ripple_db).all()
        assert np.median(error_db) < 0.05
        np.testing.assert_allclose(first["rms"], second["rms"], atol=2**-15)


def test_a_copy_at_16_khz_has_nothing_left_above_8_khz(one_actor):
    mels = np.linspace(0, slaney_mel(11025.0), 256 + 2)
    above = mels[:-2] > slaney_mel(8000.0)
    for (high, high_rate), (low, low_rate) in one_actor:
        first, second = features.extract(high, high_rate, "mel256"), features.extract(low, low_rate, "mel256")
        lost_db = 10 * np.log10(first["mel256"][:, above].mean() / second["mel256"][:, above].mean())
        assert lost_db > 30  # so mel256 at its 22,050 Hz tells the two copies apart, and a 48 kHz corpus from a 16 kHz one


def slaney_mel(frequency_hz):
    """Slaney's mel: linear below 1 kHz, then logarithmic with 27 steps an e-fold of 6.4."""
    knee = 1000.0
    return frequency_hz * 3 / 200 if frequency_hz < knee else 15 + 27 * np.log(frequency_hz / knee) / np.log(6.4)
