import numpy as np
import pytest

from featurekit.inspection import sounds
from featurekit.inspection.sounds import listen


def test_a_tone_is_what_it_was_written_as(make):
    make("a/tone.wav", hz=100, level=0.5, seconds=1.0)
    (sound,) = listen(make.root, ["a/tone.wav"])
    assert (sound.status, sound.format, sound.sample_rate, sound.channels) == ("OK", "WAV PCM_16", 16_000, 1)
    assert sound.duration_s == 1.0
    assert sound.peak == pytest.approx(0.5, abs=1e-4)
    assert sound.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)


def test_a_flac_and_a_wav_of_one_recording_share_their_samples_not_their_bytes(make):
    samples = np.random.default_rng(0).normal(0, 0.1, 4000)
    make("a.wav", samples)
    make("a.flac", samples, container="FLAC")
    wav, flac = listen(make.root, ["a.wav", "a.flac"])
    assert wav.samples_digest == flac.samples_digest
    assert wav.bytes_digest != flac.bytes_digest


def test_the_same_samples_at_another_rate_are_another_sound(make):
    samples = np.random.default_rng(0).normal(0, 0.1, 4000)
    make("a.wav", samples)
    make("b.wav", samples, rate=8000)
    one, two = listen(make.root, ["a.wav", "b.wav"])
    assert one.samples_digest != two.samples_digest


def test_long_files_are_read_in_pieces_with_the_same_answer(make, monkeypatch):
    make("long.wav", np.random.default_rng(0).normal(0, 0.1, round(3.7 * 16_000)))
    (whole,) = listen(make.root, ["long.wav"])
    monkeypatch.setattr(sounds, "_PIECE_S", 1)
    (pieces,) = listen(make.root, ["long.wav"])
    assert pieces.samples_digest == whole.samples_digest
    assert pieces.peak == whole.peak
    assert pieces.rms == pytest.approx(whole.rms, rel=1e-6)


def test_nothing_outside_the_root_is_opened(make, tmp_path):
    (tmp_path / "secret.wav").write_bytes(make("a.wav").read_bytes())
    (make.root / "link.wav").symlink_to(tmp_path / "secret.wav")
    found = listen(make.root, ["../secret.wav", str(tmp_path / "secret.wav"), "link.wav", "a.wav", "gone.wav"])
    assert [sound.status for sound in found] == ["OUTSIDE", "OUTSIDE", "OUTSIDE", "OK", "MISSING"]
    assert not any(sound.bytes_digest for sound in found[:3])


def test_processes_hear_what_one_process_hears_in_the_same_order(make):
    names = [make(f"{number:03}.wav", hz=100 + number, seconds=0.02).name for number in range(80)]
    done = []
    parallel = listen(make.root, names, backend="joblib", workers=2, progress=done.append)
    assert parallel == listen(make.root, names, backend="serial")
    assert [sound.path for sound in parallel] == names
    assert sum(done) == len(names)


def test_samples_past_what_float32_can_square_have_a_level(make):
    make("a.wav", np.full(8000, 1e30, np.float32), subtype="FLOAT")
    (sound,) = listen(make.root, ["a.wav"])
    assert sound.rms == pytest.approx(1e30, rel=1e-6)
