"""Corpora whose folders, or names, are their labels."""

from __future__ import annotations

import os

import pytest

from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError
from featurekit.manifest import Manifest


def test_the_folder_is_the_label_and_the_path_the_id(miniature, put):
    root = miniature("folders")
    put(root / "loose.wav", b"")
    manifest = read_corpus("folders", root)
    assert {item.id: item.labels for item in manifest} == {
        "deep/er/sad/two": {"label": "sad"},
        "happy/one": {"label": "happy"},
        "loose": {},
        "sad/one": {"label": "sad"},
    }
    assert manifest["sad/one"].speaker == "sad/one"


def test_two_files_of_one_id_are_refused(miniature, put):
    root = miniature("folders")
    put(root / "happy" / "one.flac", b"")
    with pytest.raises(ManifestError, match=r"'happy/one.wav': 'happy/one' is there twice, first in 'happy/one.flac'"):
        read_corpus("folders", root)


def test_a_file_name_that_is_not_utf8_survives_and_a_label_that_is_not_is_refused(miniature, put, tmp_path):
    root = miniature("folders")
    put(root / "happy" / os.fsdecode(b"caf\xe9.wav"), b"")
    manifest = read_corpus("folders", root)
    manifest.write(tmp_path / "m.jsonl")
    assert Manifest.read(tmp_path / "m.jsonl").utterances == manifest.utterances
    put(root / os.fsdecode(b"caf\xe9") / "one.wav", b"")
    with pytest.raises(ManifestError, match=r"a label must be UTF-8"):
        read_corpus("folders", root)


def test_cs582_reads_folder_or_name_and_leaves_the_rest_without_a_label(miniature, put):
    root = miniature("cs582")
    put(root / "x.wav", b"")
    manifest = read_corpus("cs582", root)
    assert {item.id: item.labels.get("sentiment") for item in manifest} == {
        "002_negative": "negative",
        "Neutral/003_neutral": "neutral",
        "positive/001": "positive",
        "x": None,
    }


def test_cs582_refuses_a_folder_and_a_name_that_disagree_and_two_files_of_one_id(miniature, put):
    root = miniature("cs582")
    put(root / "positive" / "001.flac", b"")
    with pytest.raises(ManifestError, match=r"'positive/001' is there twice, first in 'positive/001.flac'"):
        read_corpus("cs582", root)
    put(root / "positive" / "004_negative.wav", b"")
    with pytest.raises(ManifestError, match="is said to be negative and positive; folder, name and table must agree"):
        read_corpus("cs582", root)


def test_cs582_reads_a_table_of_its_training_folder(miniature, put):
    root = miniature("cs582")
    put(root / "TRAIN" / "1.wav", b"")
    put(root / "TRAIN" / "2.wav", b"")
    put(root / "TRAIN.csv", "Filename,Class\n1.wav,Positive\n9,Negative\n")
    manifest = read_corpus("cs582", root)
    assert manifest["TRAIN/1"].labels == {"sentiment": "positive"}
    assert manifest["TRAIN/2"].labels == {}
    assert (manifest["TRAIN/9"].path, manifest["TRAIN/9"].labels) == ("TRAIN/9.wav", {"sentiment": "negative"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1.wav,Happy", r"TRAIN.csv:3: unknown Class 'Happy'; the set has negative, neutral, positive"),
        ("1.wav,Negative", r"TRAIN.csv:3: 'TRAIN/1.wav' is there twice, first in .*csv:2"),
        ("../1.wav,Negative", "must be relative and stay inside"),
    ],
)
def test_a_broken_row_of_cs582_names_file_and_line(miniature, put, row, message):
    root = miniature("cs582")
    put(root / "TRAIN.csv", f"Filename,Class\n1.wav,Positive\n{row}\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("cs582", root)
