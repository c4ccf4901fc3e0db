"""CMU-MOSI: segments of videos from one table, wherever the archive was unpacked."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.corpora import CORPORA, read_corpus
from featurekit.errors import AudioError, ManifestError


def test_a_row_becomes_a_segment_of_its_video(miniature):
    manifest = read_corpus("mosi", miniature("mosi"))
    assert manifest.ids == ["_-c_1", "aaa_2", "aaa_10", "bbb_1", "bbb_2"]
    utterance = manifest["bbb_1"]
    assert (utterance.start, utterance.end, utterance.position, utterance.duration_s) == (0.1, 0.4, 0, None)
    assert (utterance.recording, utterance.speaker, utterance.language) == ("bbb", "bbb", "en")
    assert (utterance.labels, utterance.text) == ({"score": 1.6}, "well, good")
    assert utterance.path == "Raw/Audio/WAV_16000/Full/bbb.wav"
    assert CORPORA.get("mosi").corpus.speaker_source == "recording"


def test_order_is_that_of_time_where_numbers_run_against_it(miniature):
    root = miniature("mosi")
    with open(root / "OpinionLevelSentiment.csv", "a") as file:
        file.write("0.9,1.0,aaa,1,0\n0.6,0.7,aaa,3,0\n")
    manifest = read_corpus("mosi", root)
    assert [(item.id, item.position) for item in manifest if item.recording == "aaa"] == [
        ("aaa_2", 0),
        ("aaa_10", 1),
        ("aaa_3", 2),
        ("aaa_1", 3),
    ]


def move_to_segments(root, write_clip):
    folder = root / "Raw" / "Audio" / "WAV_16000"
    shutil.rmtree(folder / "Full")
    for name, seconds in (("bbb_1", 0.3), ("bbb_2", 0.2), ("aaa_2", 0.5), ("_-c_1", 0.6)):
        write_clip(folder / "Segmented" / f"{name}.wav", seconds)


def test_a_segment_may_have_a_file_of_its_own_whose_length_the_table_states(miniature, write_clip):
    root = miniature("mosi")
    move_to_segments(root, write_clip)
    manifest = read_corpus("mosi", root)
    one = manifest["bbb_1"]
    assert one.path == "Raw/Audio/WAV_16000/Segmented/bbb_1.wav"
    assert (one.start, one.end, one.duration_s, one.position, one.recording) == (None, None, 0.3, 0, "bbb")
    assert [item.position for item in manifest.by_recording()["bbb"]] == [0, 1]
    missing = manifest["aaa_10"]  # extraction says that it is
    assert (missing.path, missing.start) == ("Raw/Audio/WAV_16000/Segmented/aaa_10.wav", None)


def test_whole_videos_are_read_where_both_are_there(miniature, write_clip):
    root = miniature("mosi")
    write_clip(root / "Raw" / "Audio" / "WAV_16000" / "Segmented" / "bbb_1.wav", 0.3)
    assert read_corpus("mosi", root)["bbb_1"].path == "Raw/Audio/WAV_16000/Full/bbb.wav"


def test_a_speaker_table_names_who_made_the_videos(miniature):
    root = miniature("mosi")
    (root / "speakers.csv").write_text("video,speaker,gender\naaa,p1,female\nbbb,p1,female\n_-c,,\n")
    manifest = read_corpus("mosi", root)
    assert [(item.speaker, item.gender) for item in manifest] == [("_-c", ""), *[("p1", "female")] * 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,speaker\naaa,p1\naaa,p2\n", r"speakers.csv:3: 'aaa' is there twice"),
        ("video,who\naaa,p1\n", r"speakers.csv:1: lacks the column 'speaker'"),
    ],
)
def test_a_broken_speaker_table_is_refused_with_its_line(miniature, text, message):
    root = miniature("mosi")
    (root / "speakers.csv").write_text(text)
    with pytest.raises(ManifestError, match=message):
        read_corpus("mosi", root)


def test_a_segment_of_no_length_stays_and_is_empty_when_decoded(miniature):
    root = miniature("mosi")
    utterance = read_corpus("mosi", root)["aaa_10"]
    with pytest.raises(AudioError, match="EMPTY"):
        audio.decode(root / utterance.path, utterance.start, utterance.end)


@pytest.mark.parametrize("folder", ["Audio/WAV_16000/Full", "WAV_16000/Full", "audio", "."])
def test_other_places_of_the_audio_are_found(miniature, folder):
    root = miniature("mosi")
    (root / folder).mkdir(parents=True, exist_ok=True)
    for clip in (root / "Raw" / "Audio" / "WAV_16000" / "Full").iterdir():
        clip.rename(root / folder / clip.name)
    path = read_corpus("mosi", root)["bbb_2"].path
    assert path == (f"{folder}/bbb.wav" if folder != "." else "bbb.wav")


@pytest.mark.parametrize("folder", ["Raw", "Labels", "Raw/Labels"])
def test_other_places_of_the_table_are_found(miniature, folder):
    root = miniature("mosi")
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "OpinionLevelSentiment.csv").rename(root / folder / "OpinionLevelSentiment.csv")
    assert len(read_corpus("mosi", root)) == 5


def test_transcripts_of_the_archive_give_the_text_when_no_table_does(miniature):
    root = miniature("mosi")
    (root / "label_mmsa.csv").unlink()
    folder = root / "Raw" / "Transcript" / "Segmented"
    folder.mkdir(parents=True)
    (folder / "bbb.annotprocessed").write_text("1_DELIM_WELL GOOD\n2_DELIM_BAD\n")
    manifest = read_corpus("mosi", root)
    assert (manifest["bbb_2"].text, manifest["aaa_2"].text) == ("BAD", "")


@pytest.mark.parametrize("row", ["2,1,ddd,1,0", "-0.46,1,ddd,1,0"])
def test_a_segment_whose_times_cannot_be_is_named_and_the_rest_is_read(miniature, row, caplog):
    root = miniature("mosi")
    whole = read_corpus("mosi", root)
    with open(root / "OpinionLevelSentiment.csv", "a") as file:
        file.write(row + "\n")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("mosi", root).digest == whole.digest
    assert "1 segment is left out, since the times cannot be: " in caplog.text
    assert ":6: the segment runs from" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,1,ddd,1,3.2", r":6: score 3.2 lies outside \[-3, 3\]"),
        ("0,1,ddd,1,nan", r":6: score nan lies outside"),
        ("0,1,ddd,1", r":6: expected start,end,video,segment,score"),
        ("0,one,ddd,1,0", r":6: expected start,end"),
        ("0.1,0.4,bbb,1,1.6", "id 'bbb_1'"),
    ],
)
def test_a_broken_row_names_the_line(miniature, row, message):
    root = miniature("mosi")
    with open(root / "OpinionLevelSentiment.csv", "a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("mosi", root)


def test_the_real_table_alone_gives_2199_utterances_of_93_videos(real):
    manifest = read_corpus("mosi", real("mosi_labels"))
    assert len(manifest) == 2199
    assert len(manifest.by_recording()) == 93
    assert manifest["2WGyTLYerpo_44"].start == manifest["2WGyTLYerpo_44"].end
    assert sum(not utterance.text for utterance in manifest) == 4
    for group in manifest.by_recording().values():  # numbers run against time in VbQk4H8hgr0 and d6hH302o4v8
        assert [item.start for item in group] == sorted(item.start for item in group)
        assert [item.position for item in group] == list(range(len(group)))
    assert manifest["03bSnISJMiM_1"].text == "anyhow it was really good"


def test_the_real_table_with_synthesised_audio_decodes(real, tmp_path):
    labels = real("mosi_labels") / "OpinionLevelSentiment.csv"
    (tmp_path / labels.name).write_bytes(labels.read_bytes())
    manifest = read_corpus("mosi", tmp_path)
    folder = tmp_path / "Raw" / "Audio" / "WAV_16000" / "Full"
    folder.mkdir(parents=True)
    recordings = manifest.by_recording()
    for video in list(recordings)[:3]:
        seconds = max(utterance.end for utterance in recordings[video]) + 0.5
        soundfile.write(folder / f"{video}.wav", 0.1 * np.sin(np.arange(round(seconds * 1000)) * 0.5), 1000)
    manifest = read_corpus("mosi", tmp_path)
    for video in list(recordings)[:3]:
        for utterance in manifest.by_recording()[video]:
            signal = audio.decode(tmp_path / utterance.path, utterance.start, utterance.end)
            assert signal.duration_s == pytest.approx(utterance.end - utterance.start, abs=2e-3)
