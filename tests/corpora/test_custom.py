"""Your own table: what it may leave out, and what it is told when it is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from featurekit.corpora import default_task, read_corpus
from featurekit.corpora._table import read_table
from featurekit.errors import ManifestError
from featurekit.manifest import Manifest, Utterance


def table(tmp_path, text, name="manifest.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_the_least_table_is_a_column_of_paths(tmp_path):
    utterances = list(read_table(table(tmp_path, "path\na/one.wav\ntwo.wav\n")))
    assert [(item.id, item.path, item.recording) for item in utterances] == [
        ("one", "a/one.wav", "one"),
        ("two", "two.wav", "two"),
    ]
    assert utterances[0].labels == {}


def test_every_column_lands_in_its_field(tmp_path):
    text = (
        "id,path,label,speaker,start,end,recording,position,gender,language,text,channel,arousal,code,note\n"
        'u1,a.wav,1,anna,0.5,2,talk,7,female,de,"ja, gut",1,0.25,01,\n'
    )
    (utterance,) = read_table(table(tmp_path, text))
    assert (utterance.id, utterance.speaker, utterance.start, utterance.end) == ("u1", "anna", 0.5, 2.0)
    assert (utterance.recording, utterance.position, utterance.gender) == ("talk", 7, "female")
    assert (utterance.language, utterance.text, utterance.channel) == ("de", "ja, gut", 1)
    assert utterance.labels == {"label": "1", "arousal": 0.25, "code": "01"}


def test_segments_get_ids_a_recording_and_positions(tmp_path):
    utterances = list(
        read_table(table(tmp_path, "path,start,end\na/talk.wav,0,1.5\na/talk.wav,1.5,3\nb.wav,,\na/talk.wav,3,\n"))
    )
    assert [item.id for item in utterances] == ["talk_0_1.5", "talk_1.5_3", "b", "talk_3_"]
    assert [item.recording for item in utterances] == ["a/talk", "a/talk", "b", "a/talk"]
    assert [item.position for item in utterances] == [0, 1, 0, 2]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_spreadsheets_write_is_read(tmp_path, delimiter, newline, encoding):
    rows = [["path", "label", "speaker"], ["ä.wav", "froh", "Ánna"], []]
    text = newline.join(delimiter.join(row) for row in rows)
    (utterance,) = read_table(table(tmp_path, text, encoding=encoding))
    assert (utterance.path, utterance.labels, utterance.speaker) == ("ä.wav", {"label": "froh"}, "Ánna")


def test_csv_and_jsonl_say_the_same(tmp_path):
    record = {"path": "a.wav", "label": "1", "speaker": "anna", "start": 0.5, "end": 1.5, "arousal": 2}
    as_csv = list(read_table(table(tmp_path, ",".join(record) + "\n" + ",".join(map(str, record.values())) + "\n")))
    as_jsonl = list(read_table(table(tmp_path, json.dumps(record) + "\n", "m.jsonl")))
    assert as_csv == as_jsonl
    assert list(read_table(table(tmp_path, json.dumps({**record, "label": 1}) + "\n", "m.jsonl"))) == as_jsonl


def test_what_manifest_write_wrote_is_read_back(miniature, tmp_path):
    manifest = read_corpus("custom", miniature("custom"))
    manifest.write(tmp_path / "written.jsonl")
    assert tuple(read_table(tmp_path / "written.jsonl")) == manifest.utterances


def test_file_names_that_are_not_utf8_survive_a_written_manifest(tmp_path):
    manifest = Manifest([Utterance("caf\udce9", "caf\udce9.wav", speaker="s")])
    manifest.write(tmp_path / "m.jsonl")
    assert tuple(read_table(tmp_path / "m.jsonl")) == manifest.utterances


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"m.csv:1: the first line must name the columns, path among them; got nothing"),
        ("sound,label\na,x\n", r"m.csv:1: .*got sound, label$"),
        ("pathe,label\na.wav,x\n", r"m.csv:1: .*got pathe, label; did you mean path by 'pathe'"),
        ("path,path\na.wav,b.wav\n", r"m.csv:1: column names must be unique"),
        ("path,label\n", r"m.csv: the table has no rows"),
        ("path,label\na.wav,x\nb.wav\n", r"m.csv:3: 1 cells for 2 columns \(path, label\)"),
        ("path,label\na.wav,x,y\n", r"m.csv:2: 3 cells"),
        ("path,label\n,x\n", r"m.csv:2: lacks a path"),
        ("path,start\na.wav,soon\n", r"m.csv:2: start must be a number of seconds, got 'soon'"),
        ("path,start\na.wav,nan\n", r"m.csv:2: start is nan, which is no time"),
        ("path,position\na.wav,1.5\n", r"m.csv:2: position must be a whole number, got '1.5'"),
        ("path\n../a.wav\n", r"m.csv:2: a: path '../a.wav' must be relative"),
        ("path\n/a.wav\n", r"m.csv:2: a: path"),
        ('path,text\na.wav,"never closed\n', r"m.csv:\d: not CSV"),
    ],
)
def test_a_broken_table_names_file_and_line(tmp_path, text, message):
    with pytest.raises(ManifestError, match=message):
        list(read_table(table(tmp_path, text, "m.csv")))


def test_two_rows_of_one_id_are_named_and_the_way_on_too(tmp_path):
    table(tmp_path, "path\na/x.wav\n\na/x.flac\n", "m.csv")
    with pytest.raises(ManifestError, match=r"the id 'a/x': number 1, a/x.wav, and number 2, a/x.flac; .* add a column id"):
        read_corpus("custom", tmp_path, manifest="m.csv")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"m.jsonl:2: not JSON"),
        ("3", r"m.jsonl:2: expected an object"),
        ('{"path": "b.wav", "score": NaN}', r"m.jsonl:2: NaN is not a number JSON allows"),
        ('{"path": "b.wav", "score": 1e999}', r"m.jsonl:2: .*number that JSON does not allow"),
        ('{"path": "b.wav", "text": "\\udce9"}', r"m.jsonl:2: holds text that is not UTF-8"),
        ('{"path": "b.wav", "n": ' + "9" * 5000 + "}", r"m.jsonl:2: "),
        ("[" * 100_000, r"m.jsonl:2: "),
        ('{"label": "x"}', r"m.jsonl:2: lacks a path"),
        ('{"path": "b.wav", "labels": 3}', r"m.jsonl:2: labels must be an object"),
        ('{"path": "b.wav", "start": "0"}', r"m.jsonl:2: .*start must be seconds"),
        ('{"path": "b.wav", "recording": [3]}', r"m.jsonl:2: recording must be text"),
        ('{"path": "b.wav", "speaker": true}', r"m.jsonl:2: speaker must be text"),
        ('{"path": "b.wav", "start": 1, "duration": "2"}', r"m.jsonl:2: start and duration must be numbers of seconds"),
    ],
)
def test_a_broken_jsonl_line_names_file_and_line(tmp_path, line, message):
    with pytest.raises(ManifestError, match=message):
        list(read_table(table(tmp_path, '{"path": "a.wav"}\n' + line + "\n", "m.jsonl")))


def test_other_encodings_are_refused_with_the_line(tmp_path):
    with pytest.raises(ManifestError, match=r"m.csv:3: byte 0xe9 is not UTF-8"):
        list(read_table(table(tmp_path, "path\na.wav\né.wav\n", "m.csv", "latin-1")))
    with pytest.raises(ManifestError, match="UTF-16"):
        list(read_table(table(tmp_path, "path\na.wav\n", "m.csv", "utf-16")))


def test_the_only_table_of_a_folder_is_found_and_two_are_a_question(tmp_path):
    table(tmp_path, "path\na.wav\n", "labels.csv")
    assert read_corpus("custom", tmp_path).ids == ["a"]
    table(tmp_path, '{"path": "b.wav"}\n', "more.jsonl")
    with pytest.raises(ManifestError, match=r"several tables \(labels.csv, more.jsonl\)"):
        read_corpus("custom", tmp_path)
    assert read_corpus("custom", tmp_path, manifest="more.jsonl").ids == ["b"]
    table(tmp_path, "path\nc.wav\n", "manifest.csv")
    assert read_corpus("custom", tmp_path).ids == ["c"]


def test_the_task_of_a_table_is_label_or_the_column_emotion(tmp_path):
    for head, task in [
        ("path,label", "label"),
        ("path,Emotion", "emotion"),
        ("path,label,emotion", "label"),
        ("path,x", "label"),
    ]:
        table(tmp_path, f"{head}\na.wav{',sad' * head.count(',')}\n")
        assert default_task("custom", read_corpus("custom", tmp_path)) == task
    assert (default_task("custom"), default_task("ravdess"), default_task("nobody's")) == ("label", "emotion", "label")


# On Linux ru_maxrss begins with the peak of the process that started this one; VmHWM is of this one alone.
_COUNT_PEAK = """
import pathlib, resource, sys
from featurekit.cli import main
main(["manifest", "custom", "--root", sys.argv[1], "-o", sys.argv[2]], standalone_mode=False)
status = pathlib.Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
own = [line.split()[1] for line in lines if line.startswith("VmHWM")]
print(int(own[0] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024)
"""


@pytest.mark.slow
def test_a_table_of_a_million_rows_becomes_a_manifest_in_little_memory(tmp_path):
    rows = 1_000_000
    with open(tmp_path / "manifest.csv", "w") as file:
        file.write("path,label,speaker,recording\n")
        file.writelines(
            f"s{n % 5000:04d}/u{n:07d}.wav,{'sad' if n % 2 else 'happy'},s{n % 5000:04d},r{n // 20}\n" for n in range(rows)
        )
    out = tmp_path / "out.jsonl"
    ran = subprocess.run([sys.executable, "-c", _COUNT_PEAK, tmp_path, out], capture_output=True, text=True, check=True)
    # 75 MB are Python and its libraries, 180 MB the 300,000 utterances held before the rest goes to disk.
    assert int(ran.stdout.split()[-1]) < 300e6
    with open(out, "rb") as lines:
        assert sum(1 for _ in lines) == rows
