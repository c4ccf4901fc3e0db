"""MELD: rows and clips of three parts."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.data import make_split
from featurekit.errors import ManifestError
from featurekit.manifest import Manifest


def test_a_row_becomes_a_turn_of_a_dialogue(miniature):
    manifest = read_corpus("meld", miniature("meld"))
    assert len(manifest) == 6
    utterance = manifest["test_dia0_utt1"]
    assert (utterance.recording, utterance.position, utterance.speaker) == ("test_dia0", 1, "Monica")
    assert utterance.labels == {"emotion": "surprise", "sentiment": "negative", "part": "test"}
    assert utterance.path == "output_repeated_splits_test/dia0_utt1.wav"
    assert manifest["dev_dia0_utt0"].text == "Oh my God, he’s lost it."


def test_rows_without_clips_and_clips_without_rows_stay_and_debris_is_said(miniature, put, caplog):
    root = miniature("meld")
    (root / "train_splits" / "dia0_utt1.wav").rename(root / "train_splits" / "dia0_utt7.wav")
    put(root / "output_repeated_splits_test" / "final_videos_testdia0_utt0.wav", b"")
    put(root / "output_repeated_splits_test" / "._dia0_utt0.wav", b"")
    with caplog.at_level(logging.WARNING):
        manifest = read_corpus("meld", root)
    assert manifest["train_dia0_utt1"].path == "train_splits/dia0_utt1.wav"
    assert (manifest["train_dia0_utt7"].labels, manifest["train_dia0_utt7"].speaker) == ({"part": "train"}, "")
    assert "1 audio files are no clips of a part" in caplog.text


def test_the_innermost_folder_names_the_part(miniature, put):
    root = miniature("meld")
    put(root / "test" / "train_splits" / "dia3_utt0.wav", b"")
    assert read_corpus("meld", root)["train_dia3_utt0"].path == "test/train_splits/dia3_utt0.wav"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("3,x,A,joy,positive,0,1,,,,", r"dev_sent_emo.csv:4: 'dia0_utt1' is there twice, first in .*csv:3"),
        ("3,x,A,anxious,positive,0,2,,,,", r"dev_sent_emo.csv:4: unknown Emotion 'anxious'; MELD has anger"),
        ("3,x,A,joy,mixed,0,2,,,,", r"dev_sent_emo.csv:4: unknown Sentiment 'mixed'"),
        ("3,x,A,joy,positive,0,-1,,,,", r"dev_sent_emo.csv:4: Utterance_ID must be a whole number"),
        ("3,x", r"dev_sent_emo.csv:4: 2 cells for 11 columns"),
    ],
)
def test_a_broken_row_names_file_and_line(miniature, row, message):
    root = miniature("meld")
    with (root / "dev_sent_emo.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("meld", root)


def test_a_clip_that_is_there_twice_is_refused(miniature, put):
    root = miniature("meld")
    put(root / "MELD.Raw" / "train" / "train_splits" / "dia0_utt0.wav", b"")
    with pytest.raises(ManifestError, match="dia0_utt0 of train is there twice"):
        read_corpus("meld", root)


def test_its_parts_are_the_official_split(miniature):
    manifest = read_corpus("meld", miniature("meld"))
    one_class = Manifest(dataclasses.replace(item, labels={**item.labels, "emotion": "joy"}) for item in manifest)
    fold = make_split("official", one_class, "emotion", allow_speaker_overlap=True).fold()
    for part in ("train", "dev", "test"):
        assert {manifest[name].labels["part"] for name in fold.part(part)} <= {part}
    assert len(fold.train) + len(fold.dev) + len(fold.test) == len(manifest)
