"""Lhotse's cuts without lhotse."""

from __future__ import annotations

import copy
import gzip
import json

import pytest

from featurekit import audio
from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError


@pytest.fixture
def cut(load_miniatures):
    return copy.deepcopy(load_miniatures().LHOTSE_CUT)


def written(root, *cuts):
    for old in root.glob("*cuts*"):
        old.unlink()
    (root / "cuts.jsonl").write_text("\n".join(map(json.dumps, cuts)))
    return read_corpus("lhotse", root)


def test_every_supervision_is_an_utterance_in_the_time_of_its_recording(miniature):
    root = miniature("lhotse")
    manifest = read_corpus("lhotse", root)
    assert [(item.id, item.recording, item.position) for item in manifest] == [
        ("s1", "r1", 0),
        ("s2", "r1", 1),
        ("c2", "r2", 0),
    ]
    utterance = manifest["s2"]
    assert (utterance.start, utterance.end, utterance.channel, utterance.path) == (2.2, 2.7, 1, "a/talk.wav")
    assert (utterance.speaker, utterance.gender, utterance.language, utterance.text) == ("anna", "female", "en", "well")
    assert utterance.labels == {"emotion": "sad", "raters": {"a": "sad"}}
    assert (manifest["s1"].speaker, manifest["c2"].speaker) == ("", "")  # unknown, beside a known one
    assert (manifest["c2"].channel, manifest["c2"].end, manifest["c2"].labels) == (None, 1.0, {})
    assert audio.decode(root / utterance.path, utterance.start, utterance.end, utterance.channel).duration_s == 0.5


def test_a_recording_stands_in_only_where_no_cut_names_a_speaker(miniature, cut, caplog):
    root = miniature("lhotse")
    for speaker, words in ((None, "no utterance names a speaker"), ("", "no utterance names a speaker"), (0, "")):
        cut["supervisions"][0]["speaker"] = speaker
        caplog.clear()
        speakers = {item.id: item.speaker for item in written(root, cut)}
        assert speakers == ({"s1": "", "s2": "0"} if speaker == 0 else {"s1": "r1", "s2": "r1"})
        assert words in caplog.text


def test_absolute_sources_must_lie_inside_the_root(miniature, cut, tmp_path):
    root = miniature("lhotse")
    source = cut["recording"]["sources"][0]
    source["source"] = str(root / "a" / "talk.wav")
    assert written(root, cut)["s1"].path == "a/talk.wav"
    source["source"] = str(tmp_path / "talk.wav")
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: .*talk.wav' lies outside the root"):
        written(root, cut)


def test_several_sources_hold_a_channel_each(miniature, cut):
    cut["recording"]["sources"] = [
        {"type": "file", "channels": [side], "source": f"a/{side}.wav"} for side in cut["recording"]["channel_ids"]
    ]
    utterance = written(miniature("lhotse"), cut)["s1"]
    assert (utterance.path, utterance.channel) == ("a/1.wav", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "MixedCut"}, "MixedCut has no one stretch of one file"),
        ({"channel": 5}, "no source has channel 5"),
        ({"start": "soon"}, "start must be int or float, got 'soon'"),
        ({"recording": None}, "recording must be dict, got None"),
        ({"recording": {"sources": [{"type": "url", "channels": [1], "source": "x"}]}}, "audio of type 'url' is no file"),
        ({"supervisions": [3]}, "a supervision must be an object, got 3"),
        ({"supervisions": [{"id": "s", "start": 0}]}, "duration must be int or float, got None"),
        ({"custom": 3}, "custom must be an object, got 3"),
    ],
)
def test_a_cut_that_cannot_be_read_names_file_and_line(miniature, cut, change, message):
    with pytest.raises(ManifestError, match=rf"cuts.jsonl:1: {message}"):
        written(miniature("lhotse"), {**cut, **change})


def test_two_cuts_of_one_supervision_are_refused(miniature, cut):
    with pytest.raises(ManifestError, match="two utterances have the id 's1'"):
        written(miniature("lhotse"), cut, cut)


def test_a_broken_archive_says_so(miniature):
    root = miniature("lhotse")
    path = root / "cuts_train.jsonl.gz"
    whole = gzip.compress(b"{}\n" * 9)
    for broken in (whole[:-4], whole[:12] + b"\xff" * 9, b"PK" + whole):
        path.write_bytes(broken)
        with pytest.raises(ManifestError, match=r"cuts_train.jsonl.gz:\d+: "):
            read_corpus("lhotse", root)
