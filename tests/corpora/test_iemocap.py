"""IEMOCAP: turns of dialogues in time, with everything every rater said."""

from __future__ import annotations

import logging
import os

import pytest

from featurekit.corpora import read_corpus
from featurekit.data import tasks
from featurekit.errors import ManifestError

LABELS = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
WAVES = "Session1/sentences/wav/Ses01F_impro01"


def test_a_turn_keeps_majority_means_and_every_rater(miniature):
    utterance = read_corpus("iemocap", miniature("iemocap"))["Ses01F_impro01_F000"]
    labels = dict(utterance.labels)
    assert labels.pop("raters") == {"E2": ["Neutral"], "E3": ["Neutral"], "E4": ["Neutral"], "F1": ["Neutral", "Anger"]}
    assert labels.pop("ratings") == {
        "E3": {"valence": 3, "activation": 2, "dominance": 2},
        "E4": {"valence": 2, "activation": 3},  # a dominance that was not given
        "F1": {"valence": 3, "activation": 2, "dominance": 1},
    }
    means = {"valence": 2.5, "activation": 2.5, "dominance": 2.5}
    assert labels == {"emotion": "neu", **means, "style": "improvised", "session": "Ses01"}
    assert utterance.path == f"{WAVES}/Ses01F_impro01_F000.wav"
    assert (utterance.start, utterance.end, utterance.text) == (None, None, "Excuse me.")


def test_turns_stand_in_time_and_the_turns_letter_names_the_speaker(miniature):
    manifest = read_corpus("iemocap", miniature("iemocap"))
    dialogue = manifest.by_recording()["Ses01F_impro01"]
    assert [(item.id[-4:], item.position, item.speaker, item.gender) for item in dialogue] == [
        ("M000", 0, "Ses01M", "male"),
        ("F000", 1, "Ses01F", "female"),
        ("M001", 2, "Ses01M", "male"),
    ]
    scripted = manifest["Ses05M_script01_1b_F000"]
    assert (scripted.recording, scripted.speaker, scripted.labels["style"]) == ("Ses05M_script01_1b", "Ses05F", "scripted")


def test_means_half_a_step_outside_the_scale_are_real_and_kept(miniature):
    labels = read_corpus("iemocap", miniature("iemocap"))["Ses01F_impro01_M000"].labels
    assert (labels["valence"], labels["dominance"], labels["emotion"]) == (5.5, 0.5, "xxx")


def test_the_four_class_task_reads_it(miniature):
    manifest = read_corpus("iemocap", miniature("iemocap"))
    task = tasks.get_task("iemocap4", manifest)
    assert tasks.labelled(manifest, task) == {"Ses01F_impro01_F000": "neutral", "Ses05M_script01_1b_F000": "happy"}
    assert tasks.agreement(manifest, task).weighted == 1.0


def test_a_label_without_its_file_keeps_the_path_it_should_have(miniature):
    root = miniature("iemocap")
    (root / WAVES / "Ses01F_impro01_F000.wav").unlink()
    assert read_corpus("iemocap", root)["Ses01F_impro01_F000"].path == f"{WAVES}/Ses01F_impro01_F000.wav"


def test_a_file_without_a_label_is_an_utterance_without_one_at_the_end(miniature):
    root = miniature("iemocap")
    (root / WAVES / "Ses01F_impro01_M009.wav").write_bytes(b"")
    utterance = read_corpus("iemocap", root)["Ses01F_impro01_M009"]
    assert (utterance.labels, utterance.position, utterance.speaker) == (
        {"style": "improvised", "session": "Ses01"},
        3,
        "Ses01M",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "[1 - 2]\tSes01F_impro01_F000\tneu\t[3, 3, 3]",
            r"Ses01F_impro01.txt:21: 'Ses01F_impro01_F000' is there twice, .*txt:3",
        ),
        ("[1 - 2]\tSes01F_impro01_F007\tjoy\t[3, 3, 3]", r":21: unknown emotion 'joy'; the corpus has ang, hap"),
        ("[1 - 2]\tSes01F_impro01_F007\tneu\t[3, 7, 3]", r":21: activation 7 lies outside \[0, 6\]"),
        ("[1 - 2]\tSes01F_impro01_F007\tneu\t[3, 3]", r":21: expected \[start - end\] turn emotion"),
        ("[1 - 2]\tSes01F_impro01_F007\tneu\t[3, much, 3]", r":21: activation must be a number, got 'much'"),
        ("[2 - 1]\tSes01F_impro01_F007\tneu\t[3, 3, 3]", r":21: the segment runs from 2.0 s to 1.0 s"),
        ("[1 - 2]\tSes09X_talk\tneu\t[3, 3, 3]", r":21: 'Ses09X_talk' is no turn of IEMOCAP"),
        ("C-: whatever", r":21: expected a rater like C-E1"),
        ("A-E4:\tval 9; act 2; dom 3;\t()", r":21: valence 9 lies outside"),
        ("A-E4:\tval x; act 2; dom 3;\t()", r":21: valence must be a number, got 'x'"),
        ("A-E4:\tval 1; joy 2; dom 3;\t()", r":21: expected val, act and dom, got 'joy 2'"),
    ],
)
def test_a_broken_line_names_file_and_line(miniature, line, message):
    root = miniature("iemocap")
    with (root / LABELS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("iemocap", root)


def test_a_sentence_that_is_there_twice_is_refused(miniature):
    root = miniature("iemocap")
    (root / "copy" / "sentences").mkdir(parents=True)
    (root / "copy" / "sentences" / "Ses01F_impro01_F000.wav").write_bytes(b"")
    with pytest.raises(ManifestError, match="Ses01F_impro01_F000 is there twice"):
        read_corpus("iemocap", root)


def test_sentence_files_that_are_no_turns_are_named_or_left_out_whatever_their_bytes(miniature, caplog):
    root = miniature("iemocap")
    (root / WAVES / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    with pytest.raises(ManifestError, match=r"not a name of this corpus, which has names like Ses01F_impro01_F000.wav"):
        read_corpus("iemocap", root)
    with caplog.at_level(logging.WARNING):
        assert len(read_corpus("iemocap", root, skip_strays=True)) == 4
    assert "1 file is none of this corpus's, and left out" in caplog.text


def test_whole_dialogues_are_no_strays_wherever_they_lie(miniature):
    root = miniature("iemocap")
    for path in ("dialogues/Ses05M_script01_1b.wav", "Session1/dialog/wav/noise.wav"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(b"")
    assert len(read_corpus("iemocap", root)) == 4
