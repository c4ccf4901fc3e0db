"""Columns that are nearly called as they should be: read with a note, asked about, or refused."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora._table import read_table
from featurekit.errors import ManifestError


def read(tmp_path, head, *rows, name="t.csv"):
    (tmp_path / name).write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return list(read_table(tmp_path / name))


@pytest.mark.parametrize(
    ("head", "notes"),
    [
        ("path,label,speaker", 0),
        ("Path,Label,Speaker", 3),
        ("file,class,speaker_id", 3),
        ("Filename,labels,spk_id", 3),
        ("audio_filepath,label,spkID", 2),
        ("WAV Path,LABEL,speakers", 3),
    ],
)
def test_a_plain_meaning_is_read_with_a_note_each(tmp_path, caplog, head, notes):
    with caplog.at_level(logging.WARNING):
        (item,) = read(tmp_path, head, "a/x.wav,calm,ann")
    assert (item.path, item.labels, item.speaker) == ("a/x.wav", {"label": "calm"}, "ann")
    assert len(caplog.records) == notes
    for name in [word for word in head.split(",") if word not in ("path", "label", "speaker")]:
        assert f"note: t.csv: the column {name!r} is read as " in caplog.text


def test_the_other_fields_have_their_usual_names_too(tmp_path):
    (item,) = read(tmp_path, "path,utt_id,Sex,lang,transcript,Start,End,Emotion", "a.wav,7,male,de,ja,1,2,angry")
    assert (item.id, item.gender, item.language, item.text, item.start, item.end) == ("7", "male", "de", "ja", 1.0, 2.0)
    assert item.labels == {"emotion": "angry"}


def test_a_column_of_the_right_name_leaves_the_others_raw_labels(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        (item,) = read(tmp_path, "path,file,speaker,speaker_id,label,class", "a.wav,raw,ann,3,calm,C1")
    assert (item.path, item.speaker) == ("a.wav", "ann")
    assert item.labels == {"file": "raw", "speaker_id": 3, "label": "calm", "class": "C1"}
    assert not caplog.records


@pytest.mark.parametrize(("head", "asked"), [("actor", "'actor'"), ("speaker_id,spk", "'speaker_id' or 'spk'")])
def test_what_may_be_the_speaker_is_asked_about(tmp_path, caplog, head, asked):
    with caplog.at_level(logging.WARNING):
        (item,) = read(tmp_path, f"path,{head}", "a.wav,ann,ann"[: len("a.wav,ann") + 4 * head.count(",")])
    assert item.speaker == ""
    assert f"no column is called speaker; did you mean {asked}?" in caplog.text


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("file,wav,label", r"t.csv:1: 'file' and 'wav' may be the path; call one of them path"),
        ("path,start,stop", r"t.csv:1: there is a start, and 'stop' looks like its end but is not known"),
        ("ID,duration,wav,start,stop,spk_id", r"t.csv:1: there is a start, and 'stop' looks like its end"),
        ("path,start,end_ms", r"'end_ms' looks like its end"),
        ("path,start,until", r"there is a start, and 'until' looks like its end"),
        ("path,start_time,stop_time", r"there is a start, and 'stop_time' looks like its end"),
        ("path,begin,finish", r"there is a start, and 'finish' looks like its end"),
        ("path,start,num_samples", r"'num_samples' looks like its end"),
        ("path,start_ms,end_ms", r"'start_ms' looks like the start of a segment in another unit"),
    ],
)
def test_a_meaning_that_is_not_plain_is_refused(tmp_path, head, message):
    with pytest.raises(ManifestError, match=message):
        read(tmp_path, head, "a.wav,0,24000")


@pytest.mark.parametrize(
    "head",
    [
        "path,start,duration",
        "path,start,duration_s",
        "path,onset,dur",
        "audio_filepath,offset,duration",
        "path,start_time,Duration",
    ],
)
def test_a_duration_ends_a_segment(tmp_path, head):
    one, two, three = read(tmp_path, head, "talk.wav,0.0,1.5", "talk.wav,1.5,2.0", "talk.wav,0.1,0.2")
    assert [(item.start, item.end) for item in (one, two, three)] == [(0.0, 1.5), (1.5, 3.5), (0.1, 0.3)]
    assert (two.id, two.labels, two.duration_s) == ("talk_1.5_3.5", {}, None)


@pytest.mark.parametrize("head", ["path,start_time,end_time", "path,onset,offset", "path,begin,end"])
def test_a_start_and_an_end_may_have_other_names(tmp_path, head):
    (item,) = read(tmp_path, head, "talk.wav,0.5,1.5")
    assert (item.start, item.end) == (0.5, 1.5)


def test_a_duration_without_a_start_and_a_time_of_day_are_raw_labels(tmp_path):
    (item,) = read(tmp_path, "path,duration", "a.wav,1.5")
    assert (item.start, item.end, item.labels) == (None, None, {"duration": 1.5})
    (item,) = read(tmp_path, "path,start_time", "a.wav,12:30")
    assert (item.start, item.end, item.labels) == (None, None, {"start_time": "12:30"})


def test_an_end_beside_a_duration_decides(tmp_path):
    (item,) = read(tmp_path, "path,start,end,duration", "a.wav,1,2,1.0")
    assert (item.end, item.labels) == (2.0, {"duration": 1.0})


def test_a_start_alone_is_said_to_run_to_the_end(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, "path,start", "a.wav,1")
    assert "every segment runs to the end of its file" in caplog.text


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_pandas_index_is_passed_over_with_a_note(tmp_path, caplog, name):
    with caplog.at_level(logging.WARNING):
        one, _ = read(tmp_path, f"{name},path,label", "0,a.wav,x", "1,b.wav,y")
    assert (one.path, one.labels) == ("a.wav", {"label": "x"})
    assert "column 1 has no name and holds whole numbers" in caplog.text


def test_nameless_columns_may_be_empty_and_else_have_to_be_named(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert [item.path for item in read(tmp_path, "path,label,,", "a.wav,x,,", "b.wav,y,,,")] == ["a.wav", "b.wav"]
    assert not caplog.records
    with pytest.raises(ManifestError, match=r"t.csv:1: column 3 has no name, and a cell in 3; name it"):
        read(tmp_path, "path,label,", "a.wav,x,", "b.wav,y,sad")


def test_the_head_of_a_table_that_was_joined_is_no_row(tmp_path):
    assert [item.path for item in read(tmp_path, "path,label", "a.wav,x", "path,label", "b.wav,y")] == ["a.wav", "b.wav"]


def test_a_written_manifest_keeps_its_own_meaning(tmp_path):
    line = '{"duration_s":1.5,"id":"x","labels":{"speaker_id":"raw"},"path":"a.wav","recording":"x","start":0.5}'
    (item,) = read(tmp_path, line, name="m.jsonl")
    assert (item.end, item.duration_s, item.speaker, item.labels) == (None, 1.5, "", {"speaker_id": "raw"})


def test_columns_of_jsonl_are_those_of_all_lines(tmp_path):
    lines = ['{"file": "a.wav", "emotion": "sad"}', '{"file": "b/a.wav", "spk_id": 7, "start": 1, "duration": 2}']
    one, two = read(tmp_path, *lines, name="m.jsonl")
    assert (one.id, one.labels, two.id) == ("a", {"emotion": "sad"}, "a_1_3")
    assert (two.speaker, two.end) == ("7", 3.0)


def test_a_list_of_objects_is_a_table_and_other_json_says_what_it_is(tmp_path):
    assert [item.id for item in read(tmp_path, '[{"path": "a.wav"},', '{"path": "b.wav", "speaker": 3}]', name="t.json")] == [
        "a",
        "b",
    ]
    for text, message in [
        ('{"path": {"0": "a.wav"}}', r"t.json: expected a list of objects with a path each, got dict"),
        ('[{"path": "a.wav"},', r"t.json: not JSON \(.* at line 2, column 1\)"),
        ('["a.wav"]', r"t.json: object 1: expected an object with a path, got str"),
    ]:
        with pytest.raises(ManifestError, match=message):
            read(tmp_path, text, name="t.json")


def test_a_duration_ends_the_segments_whose_end_is_not_told(tmp_path):
    one, two, three = read(tmp_path, "path,start,end,duration", "a.wav,1,,1.5", "b.wav,2,4,2.0", "c.wav,,,9")
    assert [(item.start, item.end) for item in (one, two, three)] == [(1.0, 2.5), (2.0, 4.0), (None, None)]
    assert [item.labels for item in (one, two, three)] == [{"duration": 1.5}, {"duration": 2.0}, {"duration": 9}]
    lines = ['{"path":"a.wav","start":1,"dur":1.5}', '{"path":"b.wav","start":2,"end":4}']
    assert [item.end for item in read(tmp_path, *lines, name="t.jsonl")] == [2.5, 4.0]


@pytest.mark.parametrize("head", ["from,to", "tmin,tmax", "xmin,xmax", "t0,t1", "frame_offset,num_frames"])
def test_what_may_be_the_borders_of_segments_is_asked_about(tmp_path, caplog, head):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, f"path,label,{head}", "a.wav,x,0,1")
    one, other = head.split(",")
    assert f"{one!r} and {other!r} look like the borders of segments; call them start and end" in caplog.text


@pytest.mark.parametrize("name", ["speaker_nr", "Speaker Number", "spkname", "Sprecher", "locuteur", "performer", "user_id"])
def test_whatever_may_mean_a_speaker_is_asked_about(tmp_path, caplog, name):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, f"path,label,{name},speaker_age", "a.wav,x,ann,30")
    assert f"no column is called speaker; did you mean {name!r}?" in caplog.text


def test_what_may_be_the_label_is_asked_about_where_there_is_none(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, "path,emo,speaker", "a.wav,x,ann")
    assert "no column is called label or emotion; did you mean 'emo'?" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        (item,) = read(tmp_path, "path,emotion,labels,target", "a.wav,sad,L1,T1")
    assert item.labels == {"emotion": "sad", "labels": "L1", "target": "T1"}
    assert not caplog.records


def test_a_column_of_file_names_is_what_path_may_have_been_meant_by(tmp_path):
    with pytest.raises(ManifestError, match="did you mean path by 'Aufnahme'"):
        read(tmp_path, "nr,Aufnahme,label", "1,a/x.wav,sad")


def test_parent_and_fingerprint_are_raw_labels_of_a_table_that_is_no_frame_of_a_manifest(tmp_path):
    (item,) = read(tmp_path, "path,parent,fingerprint", "a/x.wav,a,f00")
    assert (item.parent, item.fingerprint, item.labels) == ("", "", {"parent": "a", "fingerprint": "f00"})
    _, child = read(tmp_path, "id,path,parent,perturbation,fingerprint", "x,a/x.wav,,,", "y,a/x.wav,x,speed(factor=0.9),f00")
    assert (child.parent, child.perturbation, child.fingerprint) == ("x", "speed(factor=0.9)", "f00")


def test_every_row_of_a_jsonl_is_looked_at_for_its_columns(tmp_path):
    with pytest.raises(ManifestError, match="there is a start, and 'stop' looks like its end"):
        read(tmp_path, '{"id":"a","path":"a.wav","start":1}', '{"id":"b","path":"b.wav","start":0,"stop":1}', name="t.jsonl")
