"""MSP-Podcast: consensus, raters in two forms, and speakers nobody knows."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.data import tasks
from featurekit.errors import ManifestError

ONE = "MSP-PODCAST_0001_0008"


def test_a_row_becomes_labels_speaker_and_text(miniature):
    manifest = read_corpus("msp_podcast", miniature("msp_podcast"))
    utterance = manifest[ONE]
    assert utterance.labels == {
        "emotion": "neutral",
        "arousal": 2.2,
        "valence": 4.0,
        "dominance": 2.6,
        "part": "Test1",
        "raters": {"WORKER1": ["Neutral"], "WORKER2": ["Happy"]},
    }
    assert (utterance.speaker, utterance.gender, utterance.text) == ("30", "male", "well good")
    assert (utterance.recording, utterance.position) == ("MSP-PODCAST_0001", 8)
    unknown = manifest["MSP-PODCAST_0002_0011"]
    assert (unknown.speaker, unknown.gender) == ("", "")  # no podcast stands in beside speakers that are known
    task = tasks.get_task("msp8", manifest)
    assert tasks.labelled(manifest, task) == {ONE: "neutral"}
    assert tasks.agreement(manifest, task).weighted == 0.5


def test_raters_in_one_column_are_read_too(miniature, put):
    root = miniature("msp_podcast")
    put(root / "Labels" / "labels_detailed.csv", f"FileName,EmoDetail\n{ONE}.wav,WORKER7; Sad; Sad;A:3;V:2\n")
    assert read_corpus("msp_podcast", root)[ONE].labels["raters"] == {"WORKER7": ["Sad"]}


def test_files_without_rows_rows_without_files_and_ratings_of_neither(miniature, put, caplog):
    root = miniature("msp_podcast")
    (root / "Audios" / f"{ONE}.wav").rename(root / "Audios" / "MSP-PODCAST_0001_0009.wav")
    put(root / "Labels" / "labels_detailed.csv", "FileName,Workers,EmoClass_Major\nMSP-PODCAST_9_1.wav,W,Sad\n")
    with caplog.at_level(logging.WARNING):
        manifest = read_corpus("msp_podcast", root)
    assert manifest[ONE].path == f"Audios/{ONE}.wav"
    assert (manifest["MSP-PODCAST_0001_0009"].labels, manifest["MSP-PODCAST_0001_0009"].speaker) == ({}, "")
    assert "ratings of 1 clips that are not here: MSP-PODCAST_9_1" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{ONE}.wav,N,2.2,4.0,2.6,30,Male,Test1", r"labels_consensus.csv:4: .* is there twice, first in .*csv:2"),
        ("MSP-PODCAST_0001_0010.wav,Q,2.2,4.0,2.6,30,Male,Test1", r":4: unknown emotion 'Q'; the corpus has A, S"),
        ("MSP-PODCAST_0001_0010.wav,N,2.2,8,2.6,30,Male,Test1", r":4: EmoVal 8 lies outside \[1, 7\]"),
        ("MSP-PODCAST_0001_0010.wav,N,2.2,high,2.6,30,Male,Test1", r":4: EmoVal must be a number"),
        ("MSP-PODCAST_0001_0010.wav,N", r":4: 2 cells for 8 columns"),
    ],
)
def test_a_broken_row_names_file_and_line(miniature, row, message):
    root = miniature("msp_podcast")
    with (root / "Labels" / "labels_consensus.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("msp_podcast", root)


def test_a_detailed_table_of_another_form_is_refused(miniature, put):
    root = miniature("msp_podcast")
    put(root / "Labels" / "labels_detailed.csv", f"FileName,Votes\n{ONE}.wav,3\n")
    with pytest.raises(ManifestError, match=r"labels_detailed.csv:2: expected a rater \(Workers\) and EmoClass_Major"):
        read_corpus("msp_podcast", root)


def test_a_file_of_another_corpus_is_refused(miniature, put):
    root = miniature("msp_podcast")
    put(root / "Audios" / "hello.wav", b"")
    with pytest.raises(ManifestError, match=r"'Audios/hello.wav': not a name of this corpus"):
        read_corpus("msp_podcast", root)


def test_where_all_speakers_are_unknown_the_podcast_stands_in_and_it_is_said(miniature, caplog):
    root = miniature("msp_podcast")
    table = root / "Labels" / "labels_consensus.csv"
    table.write_text(table.read_text().replace(",30,", ",Unknown,"))
    with caplog.at_level(logging.WARNING):
        manifest = read_corpus("msp_podcast", root)
    assert {item.speaker for item in manifest} == {"MSP-PODCAST_0001", "MSP-PODCAST_0002"}
    assert "no utterance names a speaker" in caplog.text
