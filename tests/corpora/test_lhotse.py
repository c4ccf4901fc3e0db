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


@pytest.mark.parametrize(
    ("text", "is_warned"), [("one\ntwo", True), ("one\ttwo", True), ("one two\n", False), ("one, two", False)]
)
def test_a_text_that_swallowed_rows_is_warned_of(miniature, cut, caplog, text, is_warned):
    cut["supervisions"][0]["text"] = text
    written(miniature("lhotse"), cut)
    said = "1 text has line breaks or tabs: a quotation mark may have swallowed rows"
    assert (said in caplog.text, "look at 's2'" in caplog.text) == (is_warned, is_warned)


def test_absolute_sources_must_lie_inside_the_root_here_or_where_they_were_written(miniature, cut, tmp_path, caplog):
    root = miniature("lhotse")
    source = cut["recording"]["sources"][0]
    source["source"] = str(root / "a" / "talk.wav")
    assert written(root, cut)["s1"].path == "a/talk.wav"
    source["source"] = str(tmp_path / "talk.wav")
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: .* must be relative .*; the only talk.wav there is 'a/talk.wav'"):
        written(root, cut)
    source["source"] = "/home/ann/corpus/a/talk.wav"
    assert written(root, cut)["s1"].path == "a/talk.wav"
    assert "2 of the paths are absolute and are read as what they mean" in caplog.text


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


def two_files(cut, kind="MultiCut", channel=(0, 1)):
    cut["recording"]["sources"] = [{"type": "file", "channels": [side], "source": f"a/{side}.wav"} for side in (0, 1)]
    return cut | {"type": kind, "channel": list(channel)}


def test_the_channel_of_a_supervision_chooses_the_file_and_the_channel(miniature, cut):
    for supervision, channel in zip(cut["supervisions"], (0, 1), strict=True):
        supervision["channel"] = channel
    root = miniature("lhotse")
    read = written(root, cut | {"type": "MultiCut", "channel": [0, 1]})
    assert {item.id: (item.path, item.channel) for item in read} == {"s2": ("a/talk.wav", 0), "s1": ("a/talk.wav", 1)}
    read = written(root, two_files(cut))
    assert {item.id: (item.path, item.channel) for item in read} == {"s2": ("a/0.wav", None), "s1": ("a/1.wav", None)}


def test_all_channels_of_a_file_are_mixed_and_other_lists_are_refused(miniature, cut):
    root = miniature("lhotse")
    several = [{**cut["supervisions"][0], "channel": [1, 0]}]
    read = written(root, cut | {"type": "MultiCut", "channel": [0, 1], "supervisions": several})
    assert (read["s2"].path, read["s2"].channel) == ("a/talk.wav", None)
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: channels \[0, 1\] of several files: only one channel, or all of"):
        written(root, two_files(cut | {"supervisions": several}))
    cut["recording"]["sources"] = [{"type": "file", "channels": [0, 1, 2], "source": "a/talk.wav"}]
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: channels \[0, 1\] of a file with channels \[0, 1, 2\]"):
        written(root, cut | {"type": "MultiCut", "channel": [0, 1], "supervisions": several})
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: s2 is of channel \[1\], and its cut c1 of channel \[0\]"):
        written(root, cut | {"channel": 0})


def test_a_supervision_ends_with_its_cut_and_one_outside_is_left_out(miniature, cut, caplog):
    cut["supervisions"][0] |= {"start": 1.5, "duration": 2.0}
    cut["supervisions"][1] |= {"start": -0.5, "duration": 1.0}
    cut["supervisions"].append({"id": "s3", "start": 2.0, "duration": 1.0, "channel": 1})
    read = written(miniature("lhotse"), cut)
    assert {item.id: (item.start, item.end) for item in read} == {"s1": (1.0, 1.5), "s2": (2.5, 3.0)}
    assert "supervisions longer than their cuts, read to the cuts' ends: 2" in caplog.text
    assert "supervisions outside of their cuts, left out: 1" in caplog.text


def test_pieces_of_a_supervision_in_several_cuts_have_names_of_their_own(miniature, cut):
    first = {**cut, "id": "w0", "duration": 1.5}
    second = {**cut, "id": "w1", "start": 2.5, "duration": 0.5}
    second["supervisions"] = [{**cut["supervisions"][0], "start": -0.3}]
    root = miniature("lhotse")
    read = written(root, first, second)
    assert {item.id: (item.start, item.end) for item in read} == {"s1": (1.1, 1.6), "s2@w0": (2.2, 2.5), "s2@w1": (2.5, 2.7)}
    assert len({item.recording for item in read}) == 1
    with pytest.raises(ManifestError, match="two utterances have the id 's2'"):
        written(root, cut, {**cut, "id": "another", "supervisions": cut["supervisions"][:1]})


def padded(cut, **more):
    silence = {"id": "p", "duration": 1.0, "type": "PaddingCut"}
    tracks = [{"cut": silence, "type": "PaddingCut"}, {"cut": cut, "type": "MonoCut", "offset": 1.0}]
    return {"id": "mix", "type": "MixedCut", "tracks": tracks, **more}


def test_a_padded_cut_is_read_without_its_silence_and_a_mixed_one_is_refused(miniature, cut):
    root = miniature("lhotse")
    assert written(root, padded(cut)).utterances == written(root, cut).utterances
    bare = {**cut, "supervisions": []}
    assert [(item.id, item.start, item.end) for item in written(root, padded(bare))] == [("mix", 1.0, 3.0)]
    mixed = padded(cut)
    mixed["tracks"].append({"cut": {**cut, "id": "c9"}, "type": "MonoCut"})
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: a MixedCut of 2 cuts has no one stretch of one file"):
        written(root, mixed)
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: a MixedCut with transforms of the mix"):
        written(root, padded(cut, transforms=[{"name": "Volume"}]))


def test_the_old_type_and_a_list_in_one_json_are_read(miniature, cut):
    root = miniature("lhotse")
    expected = written(root, cut).utterances
    assert written(root, {**cut, "type": "Cut"}).utterances == expected
    (root / "cuts.jsonl").unlink()
    (root / "cuts.json").write_text(json.dumps([cut], indent=2))
    assert read_corpus("lhotse", root).utterances == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("cuts.json", "[]", r"cuts.json: holds no record"),
        ("cuts.jsonl", "", r"cuts.jsonl: holds no record"),
        ("cuts.json", "{}", r"cuts.json: expected a list of objects, got dict"),
        ("cuts.json", "[3]", r"cuts.json: number 1 must be an object, got int"),
        ("cuts.json", "[", r"cuts.json: not JSON that can be kept"),
        ("cuts.yaml", "- id: c1", r"cuts.yaml: cuts in YAML are not read; save them as cuts.jsonl.gz"),
        ("supervisions.jsonl", "{}", r"supervisions.jsonl: supervisions need their recordings"),
        ("cuts.jsonl", '{"id": "f", "features": {}, "type": "MonoCut"}', r"the cut f has features and no recording"),
    ],
)
def test_what_holds_no_cut_is_said_with_its_reason(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ManifestError, match=message):
        read_corpus("lhotse", tmp_path)


def test_recordings_with_supervisions_are_read_where_there_are_no_cuts(tmp_path, cut, caplog):
    recording = {**cut["recording"], "duration": 4.0}
    other = {**recording, "id": "r2", "sources": [{"type": "file", "channels": [0], "source": "a/mono.wav"}]}
    (tmp_path / "toy_recordings_train.jsonl").write_text("\n".join(map(json.dumps, (recording, other))))
    with caplog.at_level("WARNING"):
        assert [(item.id, item.path, item.end) for item in read_corpus("lhotse", tmp_path)] == [
            ("r1", "a/talk.wav", 4.0),
            ("r2", "a/mono.wav", 4.0),
        ]
        supervisions = [{**part, "recording_id": "r1"} for part in cut["supervisions"]]
        path = tmp_path / "toy_supervisions_train.jsonl"
        path.write_text("\n".join(map(json.dumps, supervisions)))
        read = read_corpus("lhotse", tmp_path)
    assert {item.id: (item.start, item.end, item.channel, item.speaker) for item in read} == {
        "s2": (1.2, 1.7, 1, "anna"),
        "s1": (0.1, 0.6, 1, ""),
    }
    assert "recordings without a supervision, left out: 1 (r2)" in caplog.text
    path.write_text(json.dumps({**supervisions[0], "recording_id": "r9"}))
    with pytest.raises(ManifestError, match=r"supervisions_train.jsonl:1: the recording 'r9' is in no recordings manifest"):
        read_corpus("lhotse", tmp_path)


def transformed(cut, *transforms, mark=""):
    copy_ = copy.deepcopy(cut)
    copy_["recording"] |= {"id": f"r1{mark}", "transforms": list(transforms)}
    for item in (copy_, *copy_["supervisions"]):
        item["id"] += mark
    return copy_


def speed(factor):
    return {"name": "Speed", "kwargs": {"factor": factor}}


def test_a_copy_at_another_speed_is_a_child_of_its_original(miniature, cut):
    fast = transformed(cut, speed(1.25), mark="_sp1.25")
    for item in (fast, *fast["supervisions"]):
        item["start"], item["duration"] = item["start"] / 1.25, item["duration"] / 1.25
    root = miniature("lhotse")
    read = written(root, fast, cut)
    assert read.ids == ["s1", "s2", "s1_sp1.25", "s2_sp1.25"]
    child, parent = read["s2_sp1.25"], read["s2"]
    assert (child.parent, child.perturbation, child.recording) == ("s2", "speed(factor=1.25)", "r1")
    same = ("path", "start", "end", "channel", "position", "speaker", "labels")
    assert [getattr(child, name) for name in same] == [getattr(parent, name) for name in same]
    with pytest.raises(ManifestError, match=r"cuts.jsonl:1: s2_sp1.25 is a copy, speed.*no cut here has its original, 's2'"):
        written(root, fast)


def test_a_padded_copy_without_supervisions_finds_its_original_too(miniature, cut):
    bare = {**cut, "supervisions": []}
    fast = transformed(bare, speed(2.0), mark="_sp2.0")
    fast |= {"start": 0.5, "duration": 1.0}
    read = written(miniature("lhotse"), padded(fast), bare)
    assert [(item.id, item.parent, item.start, item.end) for item in read] == [("c1", "", 1.0, 3.0), ("mix", "c1", 1.0, 3.0)]


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ({"name": "Tempo", "kwargs": {"factor": 0.9}}, r"Tempo\(factor=0.9\)"),
        ({"name": "Volume", "kwargs": {"factor": 2.0}}, r"Volume\(factor=2.0\)"),
        ({"name": "Resample", "kwargs": {"source_sampling_rate": 16000, "target_sampling_rate": 8000}}, "Resample"),
        ({"name": "ReverbWithImpulseResponse", "kwargs": {"rir": None}}, "ReverbWithImpulseResponse"),
        ({"name": "Whatever"}, "Whatever"),
        (speed(4.0), "Speed"),
        (speed("fast"), "Speed"),
        ("odd", "'odd'"),
    ],
)
def test_a_transform_that_cannot_be_done_is_refused_by_name(miniature, cut, transform, words):
    with pytest.raises(
        ManifestError, match=rf"cuts.jsonl:2: the recording 'r1' is transformed by {words}.*cannot be done here"
    ):
        written(miniature("lhotse"), cut, transformed(cut, transform))


def test_a_resampled_recording_is_read_where_features_lose_nothing_and_it_is_said(miniature, cut, caplog):
    root = miniature("lhotse")
    expected = written(root, cut).utterances
    for source, target in ((44100, 16000), (8000, 8000), (4000, 8000)):
        settings = {"source_sampling_rate": source, "target_sampling_rate": target}
        assert written(root, transformed(cut, {"name": "Resample", "kwargs": settings})).utterances == expected
    assert "read at their files' own rate and resampled for the features: 1" in caplog.text


def test_a_broken_archive_says_so(miniature):
    root = miniature("lhotse")
    path = root / "cuts_train.jsonl.gz"
    whole = gzip.compress(b"{}\n" * 9)
    for broken in (whole[:-4], whole[:12] + b"\xff" * 9, b"PK" + whole):
        path.write_bytes(broken)
        with pytest.raises(ManifestError, match=r"cuts_train.jsonl.gz:\d+: "):
            read_corpus("lhotse", root)
