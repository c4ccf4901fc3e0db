"""The development speakers have every class where any choice of speakers has, and what is odd about them is said."""

from __future__ import annotations

import itertools
import random

import pytest

from featurekit.data.splits import make_split
from featurekit.data.splits.development import covering
from featurekit.manifest import Manifest, Utterance


def corpus(**speakers):
    """Speaker → a word of classes, one letter an utterance."""
    return Manifest(
        Utterance(f"{who}{n}", f"{who}{n}.wav", speaker=who, labels={"emotion": label})
        for who, labels in speakers.items()
        for n, label in enumerate(labels)
    )


def speakers_of(manifest, ids):
    return sorted({manifest[name].speaker for name in ids})


def classes_of(manifest, ids):
    return {manifest[name].labels["emotion"] for name in ids}


def test_the_smallest_speaker_does_not_choose_where_it_lacks_classes():
    manifest = corpus(p="a" * 37 + "s" * 36, **dict.fromkeys("qrstu", "acsh" * 40))
    split = make_split("loso", manifest, dev=0.1)
    for fold in split.folds:
        assert classes_of(manifest, fold.dev) == set("acsh")
        assert classes_of(manifest, fold.train) == set("acsh")
        assert len(speakers_of(manifest, fold.dev)) == 1
    assert "no_dev_has" not in split.notes


def test_several_speakers_choose_where_no_single_one_has_every_class():
    manifest = corpus(**{f"s{n}": "abcde"[n % 5] * 10 for n in range(20)})
    for fold in make_split("loso", manifest, dev=0.1).folds:
        assert classes_of(manifest, fold.dev) == set("abcde")
        assert len(speakers_of(manifest, fold.dev)) == 5
        assert classes_of(manifest, fold.train) == set("abcde")


def test_a_choice_that_has_every_class_already_is_kept(make):
    manifest = make.manifest(10)
    rows = {}
    for item in manifest:
        rows.setdefault(item.speaker, []).append(item)
    labels = {item.id: item.labels["emotion"] for item in manifest}
    for dev in (["s3"], ["s9", "s1"]):
        assert covering(rows, labels, dev, 0.1, 0) == sorted(dev)


def test_a_class_of_one_speaker_stays_in_training_and_it_is_said():
    manifest = corpus(a="xyz" * 10, b="xy" * 2, c="xy" * 12, d="xy" * 12, e="xyz" * 12, f="xy" * 9)
    split = make_split("loso", manifest, dev=0.1)
    tests_z = split.fold("a")
    assert classes_of(manifest, tests_z.train) == {"x", "y", "z"}
    assert split.notes["no_dev_has"] == {"a": ["z"], "e": ["z"]}
    assert classes_of(manifest, split.fold("b").dev) == {"x", "y", "z"}


def test_the_parts_of_speaker_disjoint_and_folds_of_others_are_chosen_alike(tmp_path):
    manifest = corpus(**dict.fromkeys("qrstuvw", "acsh" * 20), p="as" * 12, o="as" * 12)
    for seed in range(5):
        fold = make_split("speaker-disjoint", manifest, dev=0.1, seed=seed).fold()
        assert classes_of(manifest, fold.dev) == set("acsh")
    lists = tmp_path / "f.csv"
    rows = [f"{item.id},{'test' if item.speaker == 'q' else 'train'}" for item in manifest]
    lists.write_text("id,part\n" + "\n".join(rows) + "\n")
    assert classes_of(manifest, make_split("predefined", manifest, path=str(lists), dev=0.1).fold().dev) == set("acsh")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_speakers_dev_has_every_class_exactly_where_a_choice_has(seed):
    """Against every choice there is."""
    rng = random.Random(seed)
    manifest = corpus(**{f"s{n}": "".join(rng.choices("abcd", k=rng.randint(1, 4))) for n in range(8)})
    rows = {}
    for item in manifest:
        rows.setdefault(item.speaker, []).append(item)
    labels = {item.id: item.labels["emotion"] for item in manifest}
    wanted = {label for label in labels.values() if sum(label in {labels[i.id] for i in items} for items in rows.values()) > 1}

    def lacks(dev):
        inside = {labels[item.id] for who in dev for item in rows[who]}
        outside = {labels[item.id] for who in rows if who not in dev for item in rows[who]}
        small = 2 * sum(len(rows[who]) for who in dev) <= len(labels)
        return len(wanted - inside) if outside == set(labels.values()) and small else 99

    best = min(lacks(dev) for size in range(1, 8) for dev in itertools.combinations(rows, size))
    found = covering(rows, labels, [min(rows)], 0.1, 0)
    assert lacks(found) == best or set(found) == {min(rows)}
    if best == 0:
        assert {labels[item.id] for who in found for item in rows[who]} >= wanted


def test_very_many_speakers_are_searched_step_by_step():
    rng = random.Random(0)
    manifest = corpus(**{f"s{n}": "".join(rng.choices("abcdefg", k=rng.randint(1, 3))) for n in range(150)})
    fold = make_split("speaker-kfold", manifest, k=2, dev=0.07).folds[0]
    assert classes_of(manifest, fold.dev) == set("abcdefg")


def test_a_dev_of_far_more_than_was_asked_for_is_noted():
    manifest = corpus(**dict.fromkeys("pqrs", "ab" * 10))
    split = make_split("loso", manifest, dev=0.1)
    assert split.notes["large_dev"]["p"] == {"asked": 0.1, "speakers": 1, "of": 3, "share": 0.3333}
    assert "large_dev" not in make_split("loso", corpus(**{f"s{n}": "ab" * 10 for n in range(11)}), dev=0.1).notes
    assert "large_dev" not in make_split("loso", manifest, dev=0).notes
