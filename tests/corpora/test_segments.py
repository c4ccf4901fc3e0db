"""MOUD and the Chinese corpora: one table of segments beside the audio."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.data import tasks
from featurekit.errors import ManifestError


def test_moud_reads_stretches_of_videos_and_files_of_utterances(miniature):
    manifest = read_corpus("moud", miniature("moud"))
    stretch, own = manifest["video1_1"], manifest["video2_1"]
    assert (stretch.path, stretch.start, stretch.end) == ("audio/video1.wav", 0.0, 0.5)
    assert (stretch.speaker, stretch.gender, stretch.text) == ("p1", "female", "me encanta")
    assert (own.path, own.start, own.speaker) == ("audio/video2_1.wav", None, "video2")
    assert tasks.labelled(manifest, tasks.get_task("sentiment", manifest)) == {"video1_1": "positive", "video2_1": "negative"}


def test_the_mean_of_five_scores_is_the_label_and_all_are_kept(miniature):
    manifest = read_corpus("chinese_sentiment", miniature("chinese_sentiment"))
    assert manifest.ids == ["sichuan_v01_1", "sichuan_v01_2", "cantonese_v01_1"]
    utterance = manifest["sichuan_v01_1"]
    assert utterance.labels == {
        "score": -1.0,
        "raters": {"1": -1.0, "2": 0.0, "3": -2.0, "4": -1.0, "5": -1.0},
        "dialect": "sichuan",
    }
    assert (utterance.path, utterance.recording) == ("sichuan/audio/v01.wav", "sichuan_v01")
    assert manifest["cantonese_v01_1"].language == "yue"
    task = tasks.get_task("sentiment3", manifest)
    assert list(tasks.labelled(manifest, task).values()) == ["negative", "positive", "neutral"]
    assert tasks.agreement(manifest, task).by_class == {"negative": 0.8, "neutral": 1.0, "positive": 1.0}


def test_rows_without_files_stay_and_files_without_rows_are_said(miniature, put, caplog):
    root = miniature("moud")
    (root / "audio" / "video1.wav").rename(root / "audio" / "video9.wav")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("moud", root)["video1_1"].path == "audio/video1.wav"
    assert "'audio/video9.wav'" in caplog.text


def test_a_stretch_whose_times_cannot_be_is_named_and_the_rest_is_read(miniature, caplog):
    root = miniature("moud")
    whole = read_corpus("moud", root)
    with (root / "labels.csv").open("a") as file:
        file.write("video1,2,-0.46,1,positive,,,\n")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("moud", root).digest == whole.digest
    assert "labels.csv:4: the segment runs from -0.46 s to 1.0 s" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("video1,1,0,1,positive,,,", r"labels.csv:4: 'video1_1' is there twice, first in .*csv:2"),
        ("video1,2,0,1,mixed,,,", r"labels.csv:4: unknown sentiment 'mixed'; MOUD has negative, neutral, positive"),
        ("video1,2,soon,1,positive,,,", r"labels.csv:4: start must be a number"),
        ("video1,b,0,1,positive,,,", r"labels.csv:4: segment must be a whole number"),
    ],
)
def test_a_broken_row_of_moud_names_file_and_line(miniature, row, message):
    root = miniature("moud")
    with (root / "labels.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("moud", root)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("v01,3,0,1,0,0,0,0,3.5", r"sichuan/labels.csv:4: score5 3.5 lies outside \[-3, 3\]"),
        ("v01,3,0,1,0,0,,0,0", r"sichuan/labels.csv:4: score3 must be a number, got ''"),
    ],
)
def test_a_broken_score_names_file_and_line(miniature, row, message):
    root = miniature("chinese_sentiment")
    with (root / "sichuan" / "labels.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("chinese_sentiment", root)


def test_a_table_in_another_encoding_names_the_line(miniature, put):
    root = miniature("moud")
    put(root / "labels.csv", "video,segment,start,end,sentiment\nseñor,1,0,1,positive\n", "latin-1")
    with pytest.raises(ManifestError, match=r"labels.csv:2: byte 0xf1 is not UTF-8"):
        read_corpus("moud", root)


def moud_of_utterances(root, put, rows="video1,1,1\nvideo1,2,-1\nvideo2,1,0\n"):
    """A file an utterance, as the corpus is distributed: videos and transcriptions in folders of their own."""
    put(root / "labels.csv", f"video,segment,sentiment\n{rows}")
    for name in ("video1_1", "video1_2", "video2_1"):
        put(root / "Video" / name[:6] / f"{name}.mp4", "")
    put(root / "Transcriptions" / "video1_1.txt", "me encantó\r\neste año\n", "cp1252")
    put(root / "Transcriptions" / "._video1_2.txt", "\x05")
    put(root / "README.txt", "MOUD")
    return root


def test_moud_reads_utterance_files_without_times_and_their_transcriptions(tmp_path, put):
    manifest = read_corpus("moud", moud_of_utterances(tmp_path, put))
    assert [(item.path, item.start, item.end, item.labels["sentiment"]) for item in manifest] == [
        ("Video/video1/video1_1.mp4", None, None, "positive"),
        ("Video/video1/video1_2.mp4", None, None, "negative"),
        ("Video/video2/video2_1.mp4", None, None, "neutral"),
    ]
    assert [item.text for item in manifest] == ["me encantó este año", "", ""]
    assert [item.position for item in manifest] == [1, 2, 1]


def test_audio_beside_a_video_of_its_name_is_read_in_its_place(tmp_path, put, caplog):
    root = moud_of_utterances(tmp_path, put)
    put(root / "Audio" / "video1_1.wav", "")
    assert read_corpus("moud", root)["video1_1"].path == "Audio/video1_1.wav"
    assert "1 audio files are videos of which there is audio and were left out: 'Video/video1/video1_1.mp4'" in caplog.text


def test_a_whole_recording_needs_the_times_of_its_segments(tmp_path, put):
    root = moud_of_utterances(tmp_path, put, "video3,1,positive\n")
    assert read_corpus("moud", root)["video3_1"].path == "audio/video3_1.wav"  # extraction says that it is missing
    put(root / "video3.mp4", "")
    with pytest.raises(ManifestError, match=r"labels.csv:2: video3.mp4 is a whole recording, and the row has no start and end"):
        read_corpus("moud", root)
    put(root / "labels.csv", "video,segment,start,end,sentiment\nvideo3,1,0.5,,positive\n")
    with pytest.raises(ManifestError, match=r"labels.csv:2: end must be a number, got \'\'"):
        read_corpus("moud", root)
