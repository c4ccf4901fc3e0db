"""Strata: every combination of some labels, and each label by itself, keeps the shares."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurekit.cli import split as cli_split
from featurekit.data import make_split
from featurekit.data.splits import strata
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance

SHARES = {"train": 0.7, "dev": 0.1, "test": 0.2}


def manifest_of(rows, **fields):
    return Manifest(
        Utterance(id=f"u{i:03d}", path="a.wav", speaker=f"s{i % 5}", labels=labels, **fields) for i, labels in enumerate(rows)
    )


def random_split(manifest, stratify, **more):
    asked = f"random(test=0.2, dev=0.1, stratify='{stratify}')"
    return make_split(asked, manifest, "emotion", allow_speaker_overlap=True, **more)


def test_each_label_keeps_the_shares_where_every_stratum_is_one_utterance():
    # 200 takes of one utterance each: no stratum can be divided, and room and emotion still come out as asked.
    rows = [{"emotion": "ab"[i % 2], "take": i, "room": "xyzt"[i // 2 % 4]} for i in range(200)]
    manifest = manifest_of(rows)
    split = random_split(manifest, "emotion, room, take")
    fold = split.fold()
    assert [len(fold.train), len(fold.dev), len(fold.test)] == [140, 20, 40]
    for label, count in (("emotion", 20), ("room", 10)):
        assert set(Counter(manifest[name].labels[label] for name in fold.test).values()) == {count}
    assert split.notes["small_strata"] == [200, 200]
    assert "200 of 200 strata are too small" in " ".join(cli_split.describe_notes(split.notes))


def test_a_small_stratum_is_said_and_a_large_one_is_not():
    rows = [{"emotion": "ab"[i % 2], "room": "hall" if i < 9 else "booth"} for i in range(109)]
    assert random_split(manifest_of(rows), "room").notes["small_strata"] == [1, 2]
    assert "small_strata" not in random_split(manifest_of(rows[9:]), "room").notes


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), min_size=1, max_size=80), st.integers(0, 3))
def test_no_part_is_an_utterance_away_from_its_share_of_a_stratum(values, seed):
    of = {f"u{i}": pair for i, pair in enumerate(values)}
    parts = strata.deal(of, SHARES, seed)
    assert sorted(name for names in parts.values() for name in names) == sorted(of)
    sizes = Counter(of.values())
    for part, names in parts.items():
        found = Counter(of[name] for name in names)
        assert all(abs(found[stratum] - SHARES[part] * size) < 1 for stratum, size in sizes.items())


def test_the_manifests_own_fields_and_the_class_are_labels_too():
    rows = [{"emotion": "ab"[i % 2]} for i in range(40)]
    manifest = Manifest(
        [*manifest_of(rows[:20], gender="female")]
        + [Utterance(id=f"m{i}", path="a.wav", speaker="m", gender="male", labels=row) for i, row in enumerate(rows[20:])]
    )
    fold = random_split(manifest, "gender,class").fold()
    found = Counter((manifest[name].gender, manifest[name].labels["emotion"]) for name in fold.test)
    assert set(found.values()) == {2}
    assert len(found) == 4


def test_an_unknown_label_names_the_closest_and_lists_are_refused():
    manifest = manifest_of([{"emotion": "ab"[i % 2], "intensity": i % 3, "raters": {"1": "a"}} for i in range(30)])
    with pytest.raises(UnknownNameError, match=r"label to stratify by: 'intensty'.*did you mean intensity"):
        random_split(manifest, "emotion,intensty")
    with pytest.raises(ParameterError, match="cannot stratify by raters: that of u000 is no single value"):
        random_split(manifest, "raters")


def test_labels_may_be_a_list_and_are_recorded_in_one_form():
    manifest = manifest_of([{"emotion": "ab"[i % 2], "room": i % 3} for i in range(60)])
    how = {"test": 0.2, "dev": 0.1, "allow_speaker_overlap": True}
    asked = [make_split("random", manifest, "emotion", stratify=["emotion", "room"], **how)]
    asked += [random_split(manifest, text) for text in ("emotion,room", " emotion , room,")]
    assert len({split.digest for split in asked}) == 1
    with pytest.raises(ParameterError, match="stratify is 3; expected labels with commas between"):
        make_split("random", manifest, "emotion", allow_speaker_overlap=True, stratify=3)


def test_a_random_split_without_labels_is_the_one_it_was():
    manifest = manifest_of([{"emotion": "ab"[i % 2]} for i in range(40)])
    split = make_split("random", manifest, "emotion", allow_speaker_overlap=True)
    assert "stratify" not in split.settings
    assert random_split(manifest, "emotion").settings["stratify"] == "emotion"
