"""Manifests: a broken line names its file and line, ids are unique, and what is written is read back."""

from __future__ import annotations

import dataclasses
import json
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurekit import manifest as manifest_module
from featurekit.errors import ManifestError, ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance, parse_line
from featurekit.settings import digest

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
SECONDS = st.floats(0, 1e5, allow_nan=False)


@st.composite
def utterances(draw):
    start, length = draw(SECONDS), draw(SECONDS)
    is_segment = draw(st.booleans())
    return Utterance(
        id=draw(IDS),
        path=draw(IDS.filter(lambda name: name not in ("..", "/") and not name.startswith("/") and "/" not in name)) + ".wav",
        start=start if is_segment else None,
        end=start + length if is_segment else None,
        channel=draw(st.none() | st.integers(0, 7)),
        position=draw(st.integers(0, 1000)),
        speaker=draw(TEXTS),
        text=draw(TEXTS),
        labels=draw(st.dictionaries(TEXTS, st.text(max_size=5) | st.integers() | st.booleans() | SECONDS, max_size=3)),
    )


def write_lines(tmp_path, *lines):
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@given(st.lists(utterances(), max_size=6, unique_by=lambda item: item.id))
def test_what_is_written_is_read_back(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("round") / "m.jsonl"
    manifest = Manifest(items)
    manifest.write(path)
    back = Manifest.read(path)
    assert back.utterances == manifest.utterances
    assert back.digest == manifest.digest


def test_a_line_has_no_field_at_its_default():
    assert json.loads(Utterance("a", "a.wav").to_json()) == {"id": "a", "path": "a.wav", "recording": "a"}


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path):
    path = tmp_path / "m.jsonl"
    Manifest([Utterance("caf\udce9", "caf\udce9.wav")]).write(path)
    assert b"caf\xe9.wav" in path.read_bytes()
    assert Manifest.read(path).ids == ["caf\udce9"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"m.jsonl:2: not JSON"),
        ("[1]", r"m.jsonl:2: expected an object .* got list"),
        ('{"id": "b"}', r"m.jsonl:2: lacks 'path'"),
        ('{"path": "b.wav"}', r"m.jsonl:2: lacks 'id'"),
        ('{"id": "b", "path": "b.wav", "speeker": "x"}', r"m.jsonl:2: unknown field 'speeker'; fields are id, path"),
        ('{"id": "b", "path": 3}', r"m.jsonl:2: path must be text, got 3"),
        ('{"id": "", "path": "b.wav"}', r"m.jsonl:2: the id '' is empty"),
        ('{"id": " b", "path": "b.wav"}', r"m.jsonl:2: the id ' b' is empty, padded"),
        ('{"id": "b\\u0000", "path": "b.wav"}', r"m.jsonl:2: the id .* control"),
        ('{"id": "b", "path": "../b.wav"}', r"m.jsonl:2: b: path .* inside the corpus's root"),
        ('{"id": "b", "path": "a/../../b.wav"}', r"m.jsonl:2: b: path"),
        ('{"id": "b", "path": "/etc/passwd"}', r"m.jsonl:2: b: path"),
        ('{"id": "b", "path": "b.wav", "start": -1}', r"m.jsonl:2: b: start must be seconds >= 0, got -1"),
        ('{"id": "b", "path": "b.wav", "end": NaN}', r"m.jsonl:2: not JSON that can be kept \(NaN"),
        ('{"id": "b", "path": "b.wav", "start": true}', r"m.jsonl:2: b: start must be seconds"),
        ('{"id": "b", "path": "b.wav", "start": 2, "end": 1}', r"m.jsonl:2: b: end 1.0 s lies before start 2.0 s"),
        ('{"id": "b", "path": "b.wav", "channel": -1}', r"m.jsonl:2: b: channel must be a whole number"),
        ('{"id": "b", "path": "b.wav", "position": 1.5}', r"m.jsonl:2: b: position must be a whole number"),
        ('{"id": "b", "path": "b.wav", "labels": "angry"}', r"m.jsonl:2: b: labels must be an object"),
    ],
)
def test_a_broken_line_names_file_and_line(tmp_path, line, message):
    path = write_lines(tmp_path, '{"id": "a", "path": "a.wav"}', line)
    with pytest.raises(ManifestError, match=message):
        Manifest.read(path)


def test_duplicate_ids_are_refused_with_both_paths(tmp_path):
    path = write_lines(tmp_path, '{"id": "a", "path": "x.wav"}', '{"id": "a", "path": "y.wav"}')
    with pytest.raises(ManifestError, match=r"id 'a': number 1, x.wav, and number 2, y.wav"):
        Manifest.read(path)


def test_a_missing_manifest_is_a_manifest_error(tmp_path):
    with pytest.raises(ManifestError, match="there is no manifest"):
        Manifest.read(tmp_path / "none.jsonl")


def test_empty_lines_are_passed_over_and_counted(tmp_path):
    path = write_lines(tmp_path, "", '{"id": "a", "path": "a.wav"}', "  ", "{")
    with pytest.raises(ManifestError, match=r"m.jsonl:4"):
        Manifest.read(path)


def test_whole_seconds_and_floats_give_one_digest():
    one = Manifest([Utterance("a", "a.wav", start=1, end=2)])
    other = Manifest([Utterance("a", "a.wav", start=1.0, end=2.0)])
    assert one.digest == other.digest


def test_the_digest_sees_labels_and_order():
    first, second = Utterance("a", "a.wav"), Utterance("b", "b.wav")
    labelled = Utterance("a", "a.wav", labels={"emotion": "sad"})
    digests = {Manifest(items).digest for items in ([first, second], [second, first], [labelled, second], [first])}
    assert len(digests) == 4


def test_look_up_by_id_suggests_the_nearest():
    manifest = Manifest([Utterance("clip_01", "a.wav"), Utterance("clip_02", "b.wav")])
    assert manifest["clip_02"].path == "b.wav"
    assert manifest.index("clip_02") == 1
    assert "clip_01" in manifest
    with pytest.raises(UnknownNameError, match="did you mean"):
        manifest["clip_03"]


def test_recordings_keep_first_appearance_and_positions_their_order():
    items = [
        Utterance("b2", "b.wav", recording="b", position=2),
        Utterance("a1", "a.wav", recording="a", position=1),
        Utterance("b1", "b.wav", recording="b", position=1),
    ]
    groups = Manifest(items).by_recording()
    assert {name: [item.id for item in group] for name, group in groups.items()} == {"b": ["b1", "b2"], "a": ["a1"]}
    assert list(groups) == ["b", "a"]
    assert Manifest(items).filter(lambda item: item.recording == "a").ids == ["a1"]


def test_an_utterance_without_a_recording_is_its_own():
    assert parse_line('{"id": "a", "path": "a.wav"}', "here").recording == "a"


def test_the_digest_is_that_of_the_list_of_lines():
    for items in ([], [Utterance("a", "a.wav")], [Utterance("caf\udce9", "é.wav", text='"'), Utterance("b", "b.wav")]):
        manifest = Manifest(items)
        assert manifest.digest == digest([item.to_json() for item in items])


def test_what_utterances_have_in_common_is_held_once(tmp_path):
    line = '{{"id":"u{0}","labels":{{"emotion":"very sad"}},"path":"a.wav","recording":"a talk","speaker":"anna b"}}\n'
    path = tmp_path / "m.jsonl"
    path.write_text("".join(line.format(number) for number in range(2)))
    one, two = Manifest.read(path)
    assert one.speaker is two.speaker
    assert one.recording is two.recording
    assert one.labels["emotion"] is two.labels["emotion"]
    assert one.labels is not two.labels


def test_reading_and_writing_hold_less_than_a_kilobyte_an_utterance(tmp_path):
    path, rows = tmp_path / "m.jsonl", 5000
    with open(path, "w") as file:
        for number in range(rows):
            labels = {"emotion": "angry", "age": number % 90}
            place = f"speaker{number % 50:03d}/recording{number // 20:05d}/utterance{number:07d}.wav"
            record = {"id": f"utterance{number:07d}", "path": place, "labels": labels, "speaker": f"speaker{number % 50:03d}"}
            file.write(json.dumps(record | {"recording": f"recording{number // 20:05d}", "position": number % 20}) + "\n")
    tracemalloc.start()
    try:
        manifest = Manifest.read(path)
        assert len(manifest.digest) == 64
        manifest.write(tmp_path / "again.jsonl")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1000 * rows  # read whole, split, and joined again it was 2,000


@pytest.fixture
def spooled(monkeypatch):
    """Everything beyond ten utterances goes to disk."""
    monkeypatch.setattr(manifest_module, "IN_MEMORY", 10)


def some(n):
    return [
        Utterance(id=f"u{i}", path=f"{i}.wav", labels={"score": i / 7}, text="\udc80é", speaker=f"s{i % 3}") for i in range(n)
    ]


def test_many_utterances_lie_on_disk_and_read_the_same(spooled):
    manifest = Manifest(iter(some(5000)))
    assert not isinstance(manifest.utterances, tuple)
    assert list(manifest) == some(5000)
    assert manifest["u4321"] == manifest.utterances[4321] == some(5000)[4321]
    assert manifest.utterances[-1].id == "u4999"
    assert manifest.utterances[4090:4100] == tuple(some(5000)[4090:4100])
    assert (len(manifest), "u17" in manifest, "u5000" in manifest, manifest.index("u99")) == (5000, True, False, 99)
    assert pickle.loads(pickle.dumps(manifest)).ids == manifest.ids


def test_the_digest_does_not_say_where_utterances_are_held(monkeypatch):
    held = Manifest(some(30)).digest
    monkeypatch.setattr(manifest_module, "IN_MEMORY", 10)
    assert Manifest(some(30)).digest == held


def test_a_duplicate_among_many_is_found_with_both_places(spooled):
    with pytest.raises(ManifestError, match=r"'u7': number 8, 7\.wav, and number 31, other\.wav"):
        Manifest([*some(30), Utterance(id="u7", path="other.wav")])
    with pytest.raises(UnknownNameError, match="did you mean u29"):
        Manifest(some(30))["u_29"]


def test_utterances_are_taken_by_id_by_position_and_by_slice():
    manifest = Manifest(Utterance(f"u{number}", "a.wav") for number in range(5))
    assert manifest[0] is manifest["u0"]
    assert manifest[-1].id == "u4"
    assert manifest[np.int64(2)].id == "u2"
    assert isinstance(manifest[1:4:2], Manifest)
    assert manifest[1:4:2].ids == ["u1", "u3"]
    with pytest.raises(IndexError, match="there is no utterance 5: there are 5, numbered 0 to 4"):
        manifest[5]
    for wrong in (1.5, None, ["u1"]):
        with pytest.raises(ParameterError, match="by its id or its position, a whole number; got "):
            manifest[wrong]
    with pytest.raises(ParameterError, match="an id is text, as in 'u0'; got 0"):
        manifest.index(0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "corpus.csv",
            r"expected utterances, got str; a file is read by Manifest.read\(path\), a table or a corpus by read_corpus",
        ),
        (None, "expected utterances, got NoneType"),
        ([{"id": "a", "path": "a.wav"}], r"expected Utterance\(id=…, path=…\), got dict; .*read_corpus\('custom', root"),
    ],
)
def test_a_manifest_of_something_else_says_what_makes_one(wrong, message):
    with pytest.raises(ManifestError, match=message):
        Manifest(wrong)


def test_a_manifest_as_a_data_frame():
    pandas = pytest.importorskip("pandas")
    items = [Utterance("a", "a.wav", 1.0, 2.5, speaker="s", labels={"emotion": "joy", "text": "raw"}), Utterance("b", "b.wav")]
    frame = Manifest(items).to_frame()
    assert frame.index.tolist() == ["a", "b"]
    assert frame.loc["a", ["path", "start", "speaker", "emotion", "labels.text", "text"]].tolist() == [
        *("a.wav", 1.0, "s", "joy", "raw", ""),
    ]
    assert pandas.isna(frame.loc["b", "emotion"])
    assert Manifest([]).to_frame().shape[0] == 0


NFC, NFD = "J\u00fcrgen", "Ju\u0308rgen"


def test_a_name_in_two_unicode_forms_is_one_name_and_stays_as_it_was_written():
    one, other = (Utterance("a", "a.wav", speaker=name, recording=f"{name} 1") for name in (NFC, NFD))
    assert other.speaker == one.speaker == NFC
    assert other.recording == one.recording == f"{NFC} 1"
    assert other == one
    # The line, and so the digest of a manifest that a store has, is that of the name as written.
    assert json.loads(other.to_json())["speaker"] == other.as_written("speaker") == NFD
    copied = dataclasses.replace(pickle.loads(pickle.dumps(other)), duration_s=1.0)
    assert json.loads(copied.to_json())["recording"] == f"{NFD} 1"
    assert json.loads(dataclasses.replace(other, speaker="x").to_json())["speaker"] == "x"
    assert Utterance(NFD, "a.wav").id == NFD  # ids are what stores are found by


def test_one_path_in_two_spellings_is_one_path():
    paths = {Utterance("a", path).path for path in ("a/u.wav", "./a/u.wav", "a//u.wav", "a/./u.wav", ".//a/u.wav")}
    assert paths == {"a/u.wav"}
    assert json.loads(Utterance("a", "./a/u.wav").to_json())["path"] == "./a/u.wav"
    for wrong in ("/a/u.wav", "//a/u.wav", "./../u.wav"):
        with pytest.raises(ManifestError, match="relative"):
            Manifest([Utterance("a", wrong)])


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({}, None),
        ({"duration_s": 2.5}, 2.5),
        ({"start": 1.0}, None),
        ({"end": 2.0}, 2.0),
        ({"start": 0.5, "end": 2.0}, 1.5),
        ({"start": 0.5, "end": 2.0, "duration_s": 1.0}, 1.0),
    ],
)
def test_an_utterance_lasts_as_long_as_was_found_or_is_stated(times, seconds):
    assert Utterance(id="a", path="a.wav", **times).seconds == seconds
