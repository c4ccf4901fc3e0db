"""The parts that a corpus states in a raw label become a split by the name official."""

from __future__ import annotations

import pytest

from featurekit.data import get_task, make_split
from featurekit.data.splits.part_files import said_part
from featurekit.data.splits.stated import _meant
from featurekit.errors import SplitError
from featurekit.manifest import Manifest, Utterance

VALUES = ("train", "train", "dev", "test", "other")


def stated(values=VALUES, label="part", speaker="s{}", **more):
    """Two utterances for each value; each value is of a speaker of its own."""
    return Manifest(
        Utterance(
            id=f"{n}{emotion}",
            path=f"{n}{emotion}.wav",
            speaker=speaker.format(n),
            labels={"emotion": emotion, label: value, **{key: them[n] for key, them in more.items()}},
        )
        for n, value in enumerate(values)
        for emotion in "xy"
    )


def made(manifest, name="official", **how):
    return make_split(name, manifest, get_task("emotion", manifest), **how)


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("part", VALUES),
        ("Split", ("Train", "training", "Development", "Test", None)),
        ("set", ("train", "train", "valid", "eval", "")),
        ("partition", ("train", "train", "train_dev", "Test1", "unlabelled")),
    ],
)
def test_a_label_that_says_parts_is_the_split(label, values):
    split = made(stated(values, label))
    fold = split.fold()
    assert (fold.train, fold.dev, fold.test) == (("0x", "0y", "1x", "1y"), ("2x", "2y"), ("3x", "3y"))
    assert (split.kind, split.verdict, split.notes["of_no_fold"]) == ("official", "speaker-disjoint", 2)


def test_the_label_can_be_named_and_two_that_disagree_are_asked_for():
    turned = ("test", "train", "dev", "train", "other")
    manifest = stated(split=turned)
    with pytest.raises(SplitError, match=r"labels part and split say different parts; name one: official\(by=part\)"):
        made(manifest)
    assert made(manifest, by="split").fold().test == ("0x", "0y")
    assert made(manifest, "official(by=part)").fold().test == ("3x", "3y")
    assert made(stated(split=VALUES)).fold().test == ("3x", "3y")
    assert made(stated(fold_of_paper=turned), by="fold_of_paper").fold().test == ("0x", "0y")


def test_of_several_tests_the_plain_one_is_taken_or_one_is_asked_for():
    assert made(stated(("train", "train", "dev", "test", "test2"))).fold().test == ("3x", "3y")
    manifest = stated(("Train", "Train", "Development", "Test1", "Test2"))
    with pytest.raises(
        SplitError, match=r"several values of part are the test part: Test1, Test2; .*official\(parts='Test1'\)"
    ):
        made(manifest)
    split = made(manifest, "official(parts=Test2)")
    assert (split.fold().test, split.notes["of_no_fold"]) == (("4x", "4y"), 2)
    assert made(manifest, parts="Test1,Test2").fold().test == ("3x", "3y", "4x", "4y")
    with pytest.raises(SplitError, match="no utterance has the part 'Test9'; there are Development, Test1, Test2, Train"):
        made(manifest, parts="Test1,Test9")


def test_without_such_a_label_the_labels_are_named():
    with pytest.raises(
        SplitError, match=r"no raw label \(part, split.*\) says which.*the labels are emotion, mood: name one as in"
    ):
        made(stated(label="mood"))
    with pytest.raises(SplitError, match=r"the raw label 'mood' does not say which"):
        made(stated(("a",) * 5, label="mood"), by="mood")


def test_a_dev_may_be_cut_by_speaker_and_speakers_are_checked_as_ever():
    none = ("train", "train", "train", "test", "test")
    assert made(stated(none)).fold().dev == ()
    assert len({name[0] for name in made(stated(none), dev=0.3).fold().dev}) == 1
    one = stated(speaker="s")
    with pytest.raises(SplitError, match="there is only one speaker"):
        made(one)
    shared = Manifest([*stated(), Utterance(id="9x", path="9.wav", speaker="s0", labels={"emotion": "x", "part": "test"})])
    with pytest.raises(SplitError, match="1 speakers are in more than one part"):
        made(shared)
    assert made(shared, allow_speaker_overlap=True).verdict == "SPEAKERS OVERLAP between parts"


@pytest.mark.parametrize("values", [["train", "eval", "test"], ["train", "test_1", "test_2"]])
def test_two_names_of_one_part_are_two_parts(values):
    assert said_part(values[1]).part == said_part(values[2]).part == "test"
    with pytest.raises(SplitError, match="several values of part are the test part"):
        _meant("test", values[1:], (), "part")
    assert _meant("test", ["test", "test_2"], (), "part") == {"test"}
