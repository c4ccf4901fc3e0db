"""SWBD-sentiment: votes of a row, sides of a call, and SPHERE files that decode."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from featurekit import audio
from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError


def test_votes_become_a_majority_with_all_raters_and_reasons(miniature):
    manifest = read_corpus("swbd_sentiment", miniature("swbd_sentiment"))
    assert manifest["sw02005_57"].labels == {
        "sentiment": "negative",
        "raters": {"1": ["negative"], "2": ["neutral"], "3": ["negative"]},
        "reasons": {"1": "Scared", "2": "Mixed emotions", "3": "Scared"},
    }
    tie = manifest["sw02005_14"].labels
    assert tie["sentiment"] == "no agreement"
    assert tie["reasons"] == {"1": "Laughter", "3": "A # sign"}


def test_the_transcript_with_the_same_times_gives_side_channel_words_and_caller(miniature):
    manifest = read_corpus("swbd_sentiment", miniature("swbd_sentiment"))
    known, unknown = manifest["sw02005_57"], manifest["sw02006_14"]
    assert (known.channel, known.speaker, known.gender, known.text) == (1, "1002", "female", "um-hum yeah probably")
    assert (known.recording, known.position, known.start, known.end) == ("sw02005", 57, 0.271875, 0.732375)
    assert (unknown.channel, unknown.speaker, unknown.gender, unknown.text) == (None, "sw02006", "", "")


def test_two_sides_that_speak_at_the_same_time_leave_the_channel_open(miniature, put):
    root = miniature("swbd_sentiment")
    folder = root / "swb_ms98_transcriptions" / "20" / "2005"
    put(folder / "sw2005A-ms98-a-trans.text", "sw2005A-ms98-a-0057 0.28 0.74 right\n")
    utterance = read_corpus("swbd_sentiment", root)["sw02005_57"]
    assert (utterance.channel, utterance.speaker, utterance.text) == (None, "sw02005", "")


def test_a_side_in_the_marker_is_the_channel(miniature, put):
    root = miniature("swbd_sentiment")
    put(root / "sentiment_labels.tsv", "sw02006A_1\t0.1\t0.2\tPositive-{}\nsw02006-B_2\t0.1\t0.2\tPositive\n")
    manifest = read_corpus("swbd_sentiment", root)
    assert [(item.channel, item.speaker) for item in manifest] == [(0, "sw02006A"), (1, "sw02006B")]


def test_a_channel_of_a_sphere_file_decodes(miniature):
    root = miniature("swbd_sentiment")
    utterance = read_corpus("swbd_sentiment", root)["sw02005_57"]
    signal = audio.decode(root / utterance.path, utterance.start, utterance.end, utterance.channel)
    assert signal.duration_s == pytest.approx(0.4605, abs=2e-3)
    assert np.abs(signal.samples).max() == pytest.approx(0.2, abs=0.01)  # side B is written twice as loud as A


def test_a_call_without_its_file_keeps_the_path_it_should_have(miniature):
    root = miniature("swbd_sentiment")
    (root / "swb1_d1" / "data" / "sw02006.sph").unlink()
    assert read_corpus("swbd_sentiment", root)["sw02006_14"].path == "sw02006.sph"


def test_a_segment_whose_times_cannot_be_is_named_and_the_rest_is_read(miniature, caplog):
    root = miniature("swbd_sentiment")
    whole = read_corpus("swbd_sentiment", root)
    with (root / "sentiment_labels.tsv").open("a") as file:
        file.write("sw02007_1\t0.3\t0.2\tPositive-{}\n")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("swbd_sentiment", root).digest == whole.digest
    assert "sentiment_labels.tsv:4: the segment runs from 0.3 s to 0.2 s" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("sw02005_57\t0.1\t0.2\tPositive-{}", r"sentiment_labels.tsv:4: 'sw02005_57' is there twice, first in .*tsv:1"),
        (
            "sw02007_1\t0.1\t0.2\tPositive-{}#Angry-{}",
            r":4: unknown sentiment 'Angry'; the corpus has Positive, Neutral, Negative",
        ),
        ("sw02007_1\tsoon\t0.2\tPositive-{}", r":4: start must be a number, got 'soon'"),
        ("sw02007_1\t0.1\t0.2", r":4: expected marker, start, end, votes"),
        ("talk_1\t0.1\t0.2\tPositive-{}", r":4: expected marker, start, end, votes"),
        ("sw02007_1\t0.1\t0.2\tPositive-{open", r":4: expected votes like Negative"),
    ],
)
def test_a_broken_row_names_file_and_line(miniature, row, message):
    root = miniature("swbd_sentiment")
    with (root / "sentiment_labels.tsv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("swbd_sentiment", root)


def test_a_call_that_is_there_twice_is_refused(miniature):
    root = miniature("swbd_sentiment")
    (root / "sw02005.wav").write_bytes(b"")
    with pytest.raises(ManifestError, match="sw02005 is there twice"):
        read_corpus("swbd_sentiment", root)


def test_links_out_of_the_root_are_not_followed(miniature, tmp_path):
    root = miniature("swbd_sentiment")
    file = root / "swb1_d1" / "data" / "sw02006.sph"
    file.rename(tmp_path / "sw02006.sph")
    file.symlink_to(tmp_path / "sw02006.sph")
    assert read_corpus("swbd_sentiment", root)["sw02006_14"].path == "sw02006.sph"
