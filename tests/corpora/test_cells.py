"""Cells: raw labels stay as the corpus gives them, and words for "no value" are said."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora._table import read_table
from featurekit.errors import ManifestError


def read(tmp_path, head, *rows):
    (tmp_path / "t.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return list(read_table(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["08", "10", "1E1"], ["08", "10", "1E1"]),
        (["10", "1E1", "12E4"], ["10", "1E1", "12E4"]),
        (["1", "2", "sad"], ["1", "2", "sad"]),
        (["1", "2.50", "-3"], [1, 2.5, -3]),
        (["0.5", "1e-05", "nan"], [0.5, 1e-05, "nan"]),
        (["1", "", "2"], [1, None, 2]),
        (["1", "inf", "2"], ["1", "inf", "2"]),
        (["1", "١", "2"], ["1", "١", "2"]),
    ],
)
def test_a_raw_label_is_a_number_where_all_cells_of_its_column_are(tmp_path, cells, expected):
    utterances = read(tmp_path, "path,code", *(f"u{n}.wav,{cell}" for n, cell in enumerate(cells)))
    found = [item.labels.get("code") for item in utterances]
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@pytest.mark.parametrize("word", ["nan", "NA", "null", "None", "#N/A", "<NA>", "NaT"])
def test_a_word_for_no_value_is_kept_and_said(tmp_path, caplog, word):
    with caplog.at_level(logging.WARNING):
        one, _, _ = read(
            tmp_path, "path,label,speaker,text", f"a.wav,{word},{word},{word}", f"b.wav,{word},ann,x", "c.wav,sad,,y"
        )
    assert (one.labels, one.speaker) == ({"label": word}, word)
    assert f"2 cells are {word!r} in the column 'label'" in caplog.text
    assert f"1 cell is {word!r} in the column 'speaker'" in caplog.text
    assert "'text'" not in caplog.text  # where it may be said


def test_one_row_of_an_impossible_time_is_named_and_the_rest_is_read(tmp_path, caplog):
    rows = [f"talk.wav,{n},{n + 1}" for n in range(5)]
    rows[2:2] = ["talk.wav,-0.46,1", "talk.wav,3,2", "talk.wav,nan,2", "talk.wav,1,inf"]
    with caplog.at_level(logging.WARNING):
        utterances = read(tmp_path, "path,start,end", *rows)
    assert [(item.start, item.position) for item in utterances] == [(float(n), n) for n in range(5)]
    assert "4 of 9 rows are left out" in caplog.text
    assert "t.csv:4: the segment starts at -0.46 s, before its file; " in caplog.text
    assert "t.csv:5: end 2.0 s lies before start 3.0 s" in caplog.text
    assert "t.csv:6: start is nan, which is no time; " in caplog.text


def test_a_table_of_impossible_times_only_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"t.csv:2: the segment starts at -1.0 s, before its file"):
        read(tmp_path, "path,start,end", "a.wav,-1,2")


@pytest.mark.parametrize("word", ["unknown", "?", "-", "n.a.", "#REF!", "#NAME?"])
def test_a_speaker_whom_nobody_knows_is_said(tmp_path, caplog, word):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, "path,label,speaker", f"a.wav,sad,{word}", "b.wav,sad,ann")
    assert f"1 cell is {word!r} in the column 'speaker'" in caplog.text


def test_words_for_no_value_are_said_of_json_too(tmp_path, caplog):
    (tmp_path / "t.jsonl").write_text(
        '{"path":"a.wav","spk":"nan","label":"x"}\n{"path":"b.wav","spk":"Ann","label":"nan","labels":{"mood":"NA"}}\n'
    )
    with caplog.at_level(logging.WARNING):
        list(read_table(tmp_path / "t.jsonl"))
    for column, word in (("speaker", "nan"), ("label", "nan"), ("mood", "NA")):
        assert f"t.jsonl: 1 cell is {word!r} in the column {column!r}" in caplog.text


def test_minus_zero_is_zero(tmp_path):
    (item,) = read(tmp_path, "path,start,end", "a.wav,-0.0,1")
    assert item.id == "a_0_1"
