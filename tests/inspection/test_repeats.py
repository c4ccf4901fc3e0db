"""What the doctor finds twice: exactly, nearly, and as stretches of one file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from featurekit.corpora import CORPORA
from featurekit.inspection import inspect_corpus, inspect_folder
from featurekit.inspection import sounds as sounds_module
from featurekit.inspection.repeats import repeated_stretches
from featurekit.inspection.sounds import Sound
from featurekit.manifest import Utterance


def voice(seed, seconds=2.0, rate=16000):
    random, t = np.random.default_rng(seed), np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(110 + 8 * seed + 20 * np.sin(2 * np.pi * (2 + seed / 3) * t)) / rate
    x = sum(np.sin(h * phase) * (1 + np.sin(2 * np.pi * (0.7 + 0.3 * h + seed / 5) * t + h)) / h for h in range(1, 25))
    return 0.1 * x * (1 + 0.7 * np.sin(2 * np.pi * (3 + seed / 4) * t)) + 0.002 * random.standard_normal(len(t))


def near(report):
    return [(str(item.severity), [str(x) for x in item.items]) for item in report.findings if item.check == "near-audio"]


@pytest.fixture
def tree(tmp_path):
    """Two recordings, and each again: later and quieter as Vorbis under another label, resampled under the same."""
    x, y = voice(1), voice(5)
    soundfile.write(tmp_path / "x.wav", x, 16000)
    soundfile.write(tmp_path / "x.ogg", np.r_[np.zeros(1280), 0.5 * x], 16000)
    soundfile.write(tmp_path / "y.wav", y, 16000)
    soundfile.write(tmp_path / "y2.wav", 0.9 * y[800:], 16000)
    (tmp_path / "t.csv").write_text("id,path,label,speaker\na,x.wav,fear,s\nb,x.ogg,sad,s\nc,y.wav,sad,s\nd,y2.wav,sad,s\n")
    return tmp_path


def test_nearly_the_same_audio_is_an_error_under_two_labels_and_else_a_warning(tree):
    report = inspect_corpus("custom", tree, manifest=tree / "t.csv", backend="serial")
    (error, of_error), (warning, of_warning) = near(report)
    assert (error, warning) == ("error", "warning")
    assert of_error[0].startswith("x.wav and x.ogg: labels fear and sad; ")
    assert of_warning[0].startswith("y.wav and y2.wav: ")
    assert not report.ok
    assert [severity for severity, _ in near(inspect_folder(tree, backend="serial"))] == ["warning"]


def test_a_part_of_a_recording_may_have_a_label_of_its_own(tmp_path):
    whole = np.r_[voice(1), voice(2)]
    soundfile.write(tmp_path / "w.wav", whole, 16000)
    soundfile.write(tmp_path / "p.wav", whole[:32000], 16000)
    (tmp_path / "t.csv").write_text("path,label,speaker\nw.wav,fear,s\np.wav,sad,s\n")
    (found,) = near(inspect_corpus("custom", tmp_path, manifest=tmp_path / "t.csv", backend="serial"))
    assert found[0] == "warning"


def test_too_many_hours_are_not_compared_and_it_is_said(tree, monkeypatch):
    monkeypatch.setattr(sounds_module, "MOST_FRAMES", 100)
    report = inspect_folder(tree, backend="serial")
    assert near(report) == []
    assert "near-unknown" in {finding.check for finding in report.findings}


def test_the_fingerprint_of_pieces_is_that_of_the_whole(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "x.wav", voice(1, 4.0), 16000)
    (whole,) = sounds_module.listen(tmp_path, ["x.wav"])
    monkeypatch.setattr(sounds_module, "_PIECE_S", 2)
    (pieces,) = sounds_module.listen(tmp_path, ["x.wav"])
    assert len(whole.fingerprint) == len(pieces.fingerprint) == 4 * (4 * 16000 // 256 + 1)
    one, other = (np.frombuffer(sound.fingerprint, np.uint32) for sound in (whole, pieces))
    assert (one == other).mean() > 0.85  # but for the frames around the border
    assert whole.samples_digest == pieces.samples_digest


def stretches(*utterances, seconds=2.0):
    found = repeated_stretches(utterances, {"u.wav": Sound("u.wav", duration_s=seconds, channels=1)}, "emotion")
    return [(finding.check, str(finding.severity), [str(item) for item in finding.items]) for finding in found]


def said(name, label="sad", speaker="s", path="u.wav", **times):
    return Utterance(name, path, speaker=speaker, labels={"emotion": label}, **times)


def test_one_stretch_under_two_ids_is_an_error_where_they_disagree():
    assert stretches(said("a"), said("b", path="./u.wav", start=0.0, end=2.0)) == [("same-stretch", "warning", ["a and b"])]
    two = stretches(said("a", start=0.5, end=1.5), said("b", "fear", start=0.5, end=1.5))
    assert two == [("same-stretch", "error", ["a and b: labels fear and sad"])]
    assert stretches(said("a"), said("b", speaker="t"))[0][1:] == ("error", ["a and b: speakers s and t"])


def test_a_file_beside_a_segment_of_it_and_segments_that_nearly_agree_are_told():
    assert stretches(said("a"), said("b", start=0.5, end=1.0)) == [("overlap", "warning", ["a and b: share 0.5 s"])]
    found = stretches(said("a", start=0.0, end=1.5), said("b", "fear", start=0.1, end=1.5))
    assert found == [("two-labels", "error", ["a and b: labels fear and sad"])]
    assert stretches(said("a", start=0.0, end=1.0), said("b", start=1.0, end=2.0)) == []


@pytest.mark.parametrize(("second", "is_one"), [(0.8, True), (1.4, False)])
def test_ratings_that_lie_near_are_one_label(second, is_one):
    for start, check in ((0.0, "same-stretch"), (0.1, "two-labels")):
        pair = (Utterance("a", "u.wav", speaker="s", start=0.0, end=1.5, labels={"score": 0.75}),)
        pair += (Utterance("b", "u.wav", speaker="s", start=start, end=1.5, labels={"score": second}),)
        found = list(repeated_stretches(pair, {"u.wav": Sound("u.wav", duration_s=2.0, channels=1)}, "score"))
        errors = [finding.check for finding in found if str(finding.severity) == "error"]
        assert errors == ([] if is_one else [check])
        assert len(found) == 1  # else a warning: keep them in one part


def test_the_corpora_of_the_house_do_not_change_by_it(tiny_corpus):
    assert CORPORA.get("demo")
    report = inspect_corpus("demo", tiny_corpus, backend="serial")
    assert not [finding for finding in report.findings if finding.check in ("same-stretch", "two-labels")]


def test_two_speakers_are_one_recording_only_where_hardly_a_bit_differs(tmp_path):
    """Synthetic voices of one pitch differ in their noise alone, as no two recordings of people do."""
    t, random = np.arange(32000) / 16000, np.random.default_rng(0)
    phase = 2 * np.pi * np.cumsum(170 * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * t))) / 16000
    tone = 0.1 * sum(np.sin(h * phase) / h for h in range(1, 20)) * (1 + np.sin(2 * np.pi * 3 * t - 1.5)) / 2
    a, b = (tone + 0.0015 * random.standard_normal(len(t)) for _ in range(2))
    for name, sound in {"a": a, "b": b, "c": 0.5 * a}.items():
        soundfile.write(tmp_path / f"{name}.wav", sound, 16000)
    (tmp_path / "t.csv").write_text("path,label,speaker\na.wav,fear,ann\nb.wav,sad,bob\nc.wav,joy,cyd\n")
    (error, of_error), (warning, of_warning) = near(
        inspect_corpus("custom", tmp_path, manifest=tmp_path / "t.csv", backend="serial")
    )
    assert (error, warning) == ("error", "warning")
    assert [said.partition(";")[0] for said in of_error] == ["a.wav and c.wav: speakers ann and cyd"]
    assert [said.partition(":")[0] for said in of_warning] == ["a.wav and b.wav", "b.wav and c.wav"]
