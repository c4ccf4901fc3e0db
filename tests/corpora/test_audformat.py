"""audformat's databases without audformat, and the same ones written by it where it is installed."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError


def test_segments_inherit_what_is_said_of_their_file(miniature):
    manifest = read_corpus("audformat", miniature("audformat"))
    assert manifest.ids == ["audio/a_0.0_0.5", "audio/a_0.5_1.25", "audio/b"]
    first, second, whole = manifest
    assert (first.labels, second.labels) == (
        {"emotion": "anger", "split": "train"},
        {"emotion": "anger", "split": "train", "valence": 1.5},
    )
    assert (second.start, second.end, second.position, second.recording) == (0.5, 1.25, 1, "audio/a")
    assert (second.speaker, second.gender, second.language) == ("anna", "female", "deu")
    assert (whole.speaker, whole.gender, whole.start, whole.labels["emotion"]) == ("ben", "male", None, "sad")


def test_columns_that_disagree_are_both_kept(miniature, put):
    root = miniature("audformat")
    header = (root / "db.yaml").read_text()
    put(root / "db.yaml", header + "  other:\n    type: filewise\n    columns:\n      emotion: {scheme_id: emotion}\n")
    put(root / "db.other.csv", "file,emotion\naudio/b.wav,anger\n")
    labels = read_corpus("audformat", root)["audio/b"].labels
    assert labels == {"emotion": "sad", "other.emotion": "anger", "split": "train"}


def test_files_in_no_table_are_said_and_rows_without_files_stay(miniature, caplog):
    root = miniature("audformat")
    (root / "audio" / "b.wav").rename(root / "audio" / "c.wav")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("audformat", root)["audio/b"].path == "audio/b.wav"
    assert "1 audio files are in no table and were left out: 'audio/c.wav'" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("db.yaml", "a: [", r"db.yaml: not YAML"),
        ("db.yaml", "- 1\n", r"db.yaml: expected a mapping"),
        (
            "db.emotion.csv",
            "file,emotion\naudio/a.wav,joy\n",
            r"emotion.csv:2: emotion 'joy' is no label of its scheme \(anger",
        ),
        ("db.emotion.csv", "path,emotion\n", r"emotion.csv:1: lacks the column 'file'"),
        (
            "db.segments.csv",
            "file,start,end,valence\naudio/a.wav,0 days 00:00:00,,9\n",
            r"segments.csv:2: valence 9 lies outside",
        ),
        ("db.segments.csv", "file,start,end,valence\naudio/a.wav,soon,,1\n", r"segments.csv:2: expected a time like"),
        ("db.files.csv", "file,speaker\n../a.wav,anna\n", "must be relative and stay inside"),
    ],
)
def test_what_is_broken_names_file_and_line(miniature, put, name, content, message):
    root = miniature("audformat")
    put(root / name, content)
    with pytest.raises(ManifestError, match=message):
        read_corpus("audformat", root)


def test_pickled_tables_are_refused(miniature):
    root = miniature("audformat")
    (root / "db.emotion.csv").rename(root / "db.emotion.pkl")
    with pytest.raises(ManifestError, match=r"the table 'emotion' is neither db.emotion.csv nor .parquet"):
        read_corpus("audformat", root)


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_what_audformat_writes_is_read(tmp_path, storage):
    audformat = pytest.importorskip("audformat")
    db = audformat.Database("mini", "x", "research", languages=["de"])
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "sad"])
    db.schemes["speaker"] = audformat.Scheme(labels={"anna": {"gender": "female"}})
    db.schemes["valence"] = audformat.Scheme("float", minimum=1, maximum=5)
    db["files"] = audformat.Table(audformat.filewise_index(["audio/a.wav", "audio/b.wav"]))
    db["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["files"]["speaker"].set(["anna", None])
    index = audformat.segmented_index(["audio/a.wav", "audio/a.wav"], ["0s", "0.5s"], ["0.5s", None])
    db["segments"] = audformat.Table(index)
    db["segments"]["valence"] = audformat.Column(scheme_id="valence")
    db["segments"]["valence"].set([1.5, None])
    db.save(tmp_path / "db", storage_format=storage)
    manifest = read_corpus("audformat", tmp_path / "db")
    assert [(item.id, item.end, item.speaker, dict(item.labels)) for item in manifest] == [
        ("audio/a_0.0_0.5", 0.5, "anna", {"valence": 1.5}),
        ("audio/a_0.5_", None, "anna", {}),
        ("audio/b", None, "", {}),
    ]
