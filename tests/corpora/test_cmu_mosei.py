"""CMU-MOSEI: sentences as files, or as stretches of their video."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError


def test_a_sentence_is_its_own_file_or_a_stretch_of_its_video(miniature):
    manifest = read_corpus("cmu_mosei", miniature("cmu_mosei"))
    own, stretch = manifest["-3g5yACwYnA_2"], manifest["_x_10"]
    assert (own.path, own.start, own.labels) == ("Raw/-3g5yACwYnA/2.wav", None, {"score": 1.0, "part": "train"})
    assert (stretch.path, stretch.start, stretch.end) == ("Audio/Full/WAV_16000/_x.wav", 0.2, 0.75)
    assert (stretch.recording, stretch.speaker, stretch.position, stretch.text) == ("_x", "_x", 10, "bad")


def test_rows_without_files_and_files_without_rows_stay_and_strangers_are_said(miniature, put, caplog):
    root = miniature("cmu_mosei")
    (root / "Raw" / "-3g5yACwYnA" / "2.wav").rename(root / "Raw" / "-3g5yACwYnA" / "3.wav")
    put(root / "noise.wav", b"")
    with caplog.at_level(logging.WARNING):
        manifest = read_corpus("cmu_mosei", root)
    assert manifest["-3g5yACwYnA_2"].path == "Raw/-3g5yACwYnA/2.wav"
    assert manifest["-3g5yACwYnA_3"].labels == {}
    assert "'noise.wav'" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("_x,10,again,1.0,,,,,", r"label.csv:4: '_x_10' is there twice, first in .*csv:3"),
        ("_x,9,so,3.5,,,,,", r"label.csv:4: score 3.5 lies outside \[-3, 3\]"),
        ("_x,9,so,nan,,,,,", r"label.csv:4: score nan lies outside"),
        (
            "_x,11,so,1.0,,,,,",
            r"label.csv:4: Audio/Full/WAV_16000/_x.wav is a whole video, and no transcript has times of clip 11",
        ),
        ("_x,first,so,1.0,,,,,", r"label.csv:4: clip_id must be a whole number"),
    ],
)
def test_a_broken_row_names_file_and_line(miniature, row, message):
    root = miniature("cmu_mosei")
    with (root / "label.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("cmu_mosei", root)


def test_the_annotators_own_tables_give_means_and_raters(miniature, put):
    root = miniature("cmu_mosei")
    (root / "label.csv").unlink()
    head = "Input.VIDEO_ID,Input.CLIP,Answer.anger,Answer.happiness,Answer.sentiment\n"
    put(root / "Raw" / "Labels" / "a.csv", head + "_x,10,0,1,-3\n_x,10,,2,-2\n-3g5yACwYnA,2,3,,\n")
    put(root / "Raw" / "Labels" / "b.csv", head + "_x,10,3,3,-1\n")
    manifest = read_corpus("cmu_mosei", root)
    assert manifest["_x_10"].labels == {
        "score": -2.0,
        "anger": 1.5,
        "happiness": 2.0,
        "raters": {"1": -3.0, "2": -2.0, "3": -1.0},
    }
    assert (manifest["_x_10"].start, manifest["_x_10"].text) == (0.2, "bad")
    assert manifest["-3g5yACwYnA_2"].labels == {"anger": 3.0}
    put(root / "Raw" / "Labels" / "b.csv", head + "_x,10,4,3,-1\n")
    with pytest.raises(ManifestError, match=r"b.csv:2: anger 4 lies outside \[0, 3\]"):
        read_corpus("cmu_mosei", root)


def test_times_that_run_backwards_are_left_out_and_clips_that_are_there_twice_refused(miniature, put, caplog):
    root = miniature("cmu_mosei")
    whole = read_corpus("cmu_mosei", root)
    put(root / "more" / "-3g5yACwYnA" / "2.flac", b"")
    with pytest.raises(ManifestError, match="clip 2 of -3g5yACwYnA is there twice"):
        read_corpus("cmu_mosei", root)
    (root / "more" / "-3g5yACwYnA" / "2.flac").unlink()
    put(root / "Transcript" / "Segmented" / "Combined" / "_x.txt", "_x___10___0.9___0.2___bad\n")
    with caplog.at_level(logging.WARNING):
        there = read_corpus("cmu_mosei", root)
    assert "_x.txt:1: the segment runs from 0.9 s to 0.2 s" in caplog.text
    assert set(whole.ids) - set(there.ids) == {"_x_10"}
