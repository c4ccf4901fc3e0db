from __future__ import annotations

import json
import random as python_random

import numpy as np
import pytest

from featurekit.data import splits, tasks
from featurekit.data.splits import make_split, predefined
from featurekit.data.splits.folds import Fold, Split
from featurekit.errors import ParameterError, SplitError, UnknownNameError
from featurekit.manifest import Manifest, Utterance


def emotion(manifest):
    return tasks.get_task("emotion", manifest)


def speakers(manifest, ids):
    return {manifest[name].speaker for name in ids}


@pytest.mark.parametrize("name", ["speaker-disjoint", "loso", "speaker-kfold"])
def test_no_speaker_is_in_two_parts_and_every_utterance_is_somewhere(make, name):
    manifest = make.manifest(12)
    split = make_split(name, manifest, emotion(manifest))
    for fold in split.folds:
        parts = [speakers(manifest, fold.part(part)) for part in ("train", "dev", "test")]
        assert all(parts)
        assert sum(map(len, parts)) == len(set.union(*parts)) == 12
        assert sorted([*fold.train, *fold.dev, *fold.test]) == sorted(manifest.ids)
    assert split.verdict == "speaker-disjoint"
    assert split.speaker_source == "manifest"


def test_the_membership_does_not_depend_on_the_order_of_the_manifest(make):
    manifest = make.manifest(9)
    shuffled = list(manifest)
    python_random.Random(1).shuffle(shuffled)
    for name in ("speaker-disjoint", "loso", "random"):
        allow = name == "random"
        one = make_split(name, manifest, emotion(manifest), allow_speaker_overlap=allow)
        two = make_split(name, Manifest(shuffled), emotion(manifest), allow_speaker_overlap=allow)
        assert one.folds == two.folds
        assert one.digest == two.digest


def test_another_seed_gives_another_split_and_digest(make):
    manifest = make.manifest(20)
    found = {make_split("speaker-disjoint", manifest, emotion(manifest), seed=seed).digest for seed in range(5)}
    assert len(found) == 5


def test_shares_classes_and_genders_come_out_near_what_was_asked():
    rng = np.random.default_rng(0)
    manifest = Manifest(
        Utterance(
            id=f"{s}_{i}", path="a.wav", speaker=f"s{s}", gender="fm"[s % 2], duration_s=float(rng.uniform(1, 5)),
            labels={"emotion": str(rng.choice(list("abcd"), p=[0.5, 0.3, 0.15, 0.05]))},
        )
        for s in range(40)
        for i in range(rng.integers(5, 40))
    )  # fmt: skip
    fold = make_split("speaker-disjoint", manifest, emotion(manifest), test=0.2, dev=0.1).fold()
    for part, share in (("test", 0.2), ("dev", 0.1)):
        ids = fold.part(part)
        assert len(ids) / len(manifest) == pytest.approx(share, abs=0.02)
        for label in "abcd":
            inside = sum(manifest[name].labels["emotion"] == label for name in ids)
            assert inside / sum(u.labels["emotion"] == label for u in manifest) == pytest.approx(share, abs=0.05)
        women = [manifest[name].gender for name in {manifest[n].speaker: n for n in ids}.values()].count("f")
        assert women / 20 == pytest.approx(share, abs=0.06)


def test_ravdess_like_actors_are_balanced_by_gender(make):
    manifest = make.manifest(24, 6)
    fold = make_split("speaker-disjoint", manifest, emotion(manifest)).fold()
    genders = [{manifest[n].speaker: manifest[n].gender for n in fold.part(part)}.values() for part in ("test", "dev")]
    assert len(genders[0]) in (4, 5)
    assert {abs(list(g).count("f") - list(g).count("m")) for g in genders} <= {0, 1}


def test_loso_has_one_fold_a_speaker_whose_test_is_that_speaker(make):
    manifest = make.manifest(5)
    split = make_split("loso", manifest, emotion(manifest))
    assert [fold.name for fold in split.folds] == [f"s{i}" for i in range(5)]
    assert all(speakers(manifest, fold.test) == {fold.name} for fold in split.folds)
    assert split.fold("s3") is split.fold(3)


def test_kfold_tests_every_speaker_once(make):
    manifest = make.manifest(11)
    split = make_split("speaker-kfold", manifest, emotion(manifest), k=4)
    tested = [name for fold in split.folds for name in fold.test]
    assert sorted(tested) == sorted(manifest.ids)
    with pytest.raises(SplitError, match="between 2 and 11"):
        make_split("speaker-kfold", manifest, emotion(manifest), k=12)


def test_random_is_refused_until_overlap_is_allowed_and_then_stamped(manifest):
    with pytest.raises(SplitError, match="allow-speaker-overlap"):
        make_split("random", manifest, emotion(manifest))
    split = make_split("random", manifest, emotion(manifest), allow_speaker_overlap=True)
    assert split.verdict == "SPEAKERS OVERLAP between parts"
    assert split.notes["shared_speakers"]["0"] == 6
    fold = split.fold()
    assert abs(len(fold.test) - 9.6) < 1
    assert abs(len(fold.dev) - 4.8) < 1
    assert {manifest[name].labels["emotion"] for name in fold.dev} == {"angry", "happy", "sad"}


def test_a_share_of_zero_makes_no_development_part(make):
    manifest = make.manifest(2)
    fold = make_split("loso", manifest, emotion(manifest), dev=0.0).fold("s0")
    assert fold.dev == ()
    assert speakers(manifest, fold.train) == {"s1"}


def test_one_speaker_is_an_error_with_the_way_on(make):
    manifest = make.manifest(1)
    for name in ("speaker-disjoint", "loso"):
        with pytest.raises(SplitError, match=r"only one speaker, 's0'.*--split random --allow-speaker-overlap.*--speaker-from"):
            make_split(name, manifest, emotion(manifest))
    longer = make.manifest(1, 60)
    assert make_split("random", longer, emotion(longer), allow_speaker_overlap=True).fold().test


def test_too_few_speakers_for_the_parts_is_an_error(make):
    manifest = make.manifest(2)
    with pytest.raises(SplitError, match="2 speakers cannot fill 3 parts"):
        make_split("speaker-disjoint", manifest, emotion(manifest))


def test_missing_speakers_are_named(make):
    manifest = make.manifest(speaker="")
    with pytest.raises(
        SplitError,
        match=r"48 utterances have no speaker: s0_0 \(row 1\), s0_1 \(row 2\), s0_2 \(row 3\), ….*--speaker-from recording",
    ):
        make_split("speaker-disjoint", manifest, emotion(manifest))
    split = make_split("random", manifest, emotion(manifest), allow_speaker_overlap=True)
    assert split.verdict == "speakers unknown, may overlap"


def test_some_unknown_speakers_are_counted_by_the_verdict_of_folds_that_were_given(make):
    manifest = Manifest(
        Utterance(**{**vars_of(u), "speaker": "" if u.speaker == "s2" else u.speaker}) for u in make.manifest(3)
    )
    unknown = [item.id for item in manifest if not item.speaker]
    parts = {name: tuple(item.id for item in manifest if item.id.startswith(f"{name}_")) for name in ("s0", "s1", "s2")}
    given = [Fold("0", (*parts["s0"], *parts["s2"][:1]), (), (*parts["s1"], *parts["s2"][1:]))]
    split = predefined(manifest, emotion(manifest), given)
    assert split.notes["unknown_speakers"] == [len(unknown), len(manifest)]
    assert split.verdict == f"speaker-disjoint; {len(unknown)} of {len(manifest)} utterances name no speaker"
    again = Split.from_dict(split.to_dict())
    assert (again.verdict, again.digest) == (split.verdict, split.digest)
    with pytest.raises(SplitError, match=f"{len(unknown)} utterances have no speaker"):
        make_split("speaker-disjoint", manifest, emotion(manifest))
    mixed = make_split("random", manifest, emotion(manifest), allow_speaker_overlap=True)
    assert mixed.verdict == f"SPEAKERS OVERLAP between parts; {len(unknown)} of {len(manifest)} utterances name no speaker"


def test_recordings_stand_in_for_speakers_and_the_verdict_says_so(make):
    manifest = make.manifest(speaker="")
    split = make_split("speaker-disjoint", manifest, emotion(manifest), speaker_from="recording")
    assert (split.speaker_source, split.verdict) == ("recording", "recording-disjoint")
    same = Manifest(Utterance(**{**vars_of(u), "speaker": u.recording}) for u in manifest)
    assert make_split("loso", same, emotion(manifest)).verdict == "recording-disjoint"


def test_recordings_of_one_utterance_say_nothing_about_speakers(make):
    manifest = Manifest(Utterance(**{**vars_of(u), "recording": u.id}) for u in make.manifest(speaker=""))
    split = make_split("speaker-disjoint", manifest, emotion(manifest), speaker_from="recording")
    assert "utterance-disjoint only" in split.verdict


def test_a_dialogue_in_two_parts_is_noted(make):
    manifest = make.manifest(recording="dialogue")
    split = make_split("speaker-disjoint", manifest, emotion(manifest))
    assert split.notes["shared_recordings"] == {"0": ["dialogue"]}


def test_a_class_that_training_lacks_is_an_error_that_names_it(make):
    manifest = Manifest(
        Utterance(**{**vars_of(u), "labels": {"emotion": "rare" if u.speaker == "s2" else "sad" if u.position % 2 else "calm"}})
        for u in make.manifest(4)
    )
    with pytest.raises(SplitError, match=r"fold s2: no training utterance of class rare \(all of it is by one speaker, s2\)"):
        make_split("loso", manifest, emotion(manifest))
    with pytest.raises(
        SplitError, match=r"no test part has the class rare \(all of it is by one speaker, s2\).*; leave its"
    ) as no:
        make_split("speaker-disjoint", manifest, emotion(manifest))
    assert "loso" not in str(no.value)  # where the class would be tested, and not trained


def test_failed_utterances_are_left_out_before_the_parts_are_cut(make):
    manifest = make.manifest()
    usable = [name for name in manifest.ids if not name.startswith("s0")]
    split = make_split("loso", manifest, emotion(manifest), ids=usable)
    assert [fold.name for fold in split.folds] == ["s1", "s2", "s3", "s4", "s5"]
    assert {name for fold in split.folds for name in (*fold.train, *fold.dev, *fold.test)} == set(usable)


def test_augmented_children_train_with_their_parent_and_are_never_tested(make):
    originals = list(make.manifest())
    children = [
        Utterance(**{**vars_of(u), "id": f"{u.id}~fast", "parent": u.id, "perturbation": "speed=1.1"}) for u in originals
    ]
    manifest = Manifest([*originals, *children])
    plain = make_split("speaker-disjoint", Manifest(originals), emotion(manifest)).fold()
    fold = make_split("speaker-disjoint", manifest, emotion(manifest)).fold()
    assert (fold.dev, fold.test) == (plain.dev, plain.test)
    assert set(fold.train) == {*plain.train, *(f"{name}~fast" for name in plain.train)}


def test_official_folds_pass_the_same_checks(manifest):
    ids = manifest.ids
    good = Fold("official", tuple(ids[:32]), tuple(ids[32:40]), tuple(ids[40:]))
    split = predefined(manifest, emotion(manifest), [good])
    assert (split.kind, split.fold().test) == ("predefined", tuple(sorted(ids[40:])))
    with pytest.raises(SplitError, match="1 speakers are in more than one part"):
        predefined(manifest, emotion(manifest), [Fold("x", tuple(ids[:36]), (), tuple(ids[36:]))])
    with pytest.raises(SplitError, match="in two parts"):
        predefined(manifest, emotion(manifest), [Fold("x", tuple(ids[:41]), (), tuple(ids[40:]))], allow_speaker_overlap=True)
    with pytest.raises(UnknownNameError):
        predefined(manifest, emotion(manifest), [Fold("x", ("nobody",), (), tuple(ids[40:]))])


def test_a_split_survives_json(tmp_path, manifest):
    split = make_split("loso", manifest, emotion(manifest))
    split.write(tmp_path / "split.json")
    again = Split.read(tmp_path / "split.json")
    assert again == split
    assert again.digest == split.digest
    assert Split.from_dict(json.loads(json.dumps(split.to_dict()))) == split


def test_a_file_that_is_no_split_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.json").write_text('{"kind": "loso"}')
    for name in ("a.json", "b.json", "c.json", "missing.json"):
        with pytest.raises(ParameterError, match=r"split|lacks"):
            Split.read(tmp_path / name)


def test_wrong_names_and_shares_are_refused(manifest):
    task = emotion(manifest)
    with pytest.raises(UnknownNameError, match="did you mean loso"):
        make_split("losso", manifest, task)
    with pytest.raises(UnknownNameError, match="setting of split loso"):
        make_split("loso", manifest, task, test=0.2)
    with pytest.raises(ParameterError, match="shares"):
        make_split("speaker-disjoint", manifest, task, test=0.7, dev=0.3)
    with pytest.raises(ParameterError, match="manifest or recording"):
        make_split("loso", manifest, task, speaker_from="file")
    with pytest.raises(SplitError, match="no labelled, usable"):
        make_split("loso", manifest, task, ids=[])
    split = make_split("loso", manifest, task)
    with pytest.raises(ParameterError, match="6 folds; say which"):
        split.fold()
    with pytest.raises(ParameterError, match="folds 0 to 5"):
        split.fold(6)
    with pytest.raises(UnknownNameError):
        split.fold("s9")
    with pytest.raises(UnknownNameError, match="did you mean train"):
        split.fold(0).part("trian")


def test_every_splitter_is_described():
    assert {"loso", "random", "speaker-disjoint", "mosi-standard", "iemocap-speakers"} <= set(splits.names())
    for name in splits.names():
        assert splits.describe(name)
        said = splits.explain(name)
        assert splits.describe(name) in said
        assert all(f"{setting}=" in said for setting in splits.resolved(name, {}))


def vars_of(utterance):
    return {name: getattr(utterance, name) for name in utterance.__slots__}


def test_a_class_the_test_would_lack_brings_a_speaker_of_it_into_the_test(make):
    """Nine speakers of two classes; a third class has two speakers, and a test of one speaker would rarely meet them."""
    rare = {"s3", "s7"}
    manifest = Manifest(
        Utterance(
            **{**vars_of(u), "labels": {"emotion": "rare" if u.speaker in rare and u.position < 2 else "ab"[u.position % 2]}}
        )
        for u in make.manifest(9)
    )
    for seed in range(5):
        fold = make_split("speaker-disjoint", manifest, emotion(manifest), test=0.1, seed=seed).fold()
        for ids in (fold.train, fold.test):
            assert {manifest[name].labels["emotion"] for name in ids} == {"a", "b", "rare"}


def test_a_development_part_without_a_class_is_noted(make):
    manifest = Manifest(
        Utterance(**{**vars_of(u), "labels": {"emotion": "a" if u.speaker == "s0" else "ab"[u.position % 2]}})
        for u in make.manifest(3)
    )
    split = make_split("loso", manifest, emotion(manifest), dev=0.3)
    assert split.notes["absent_classes"]["s0"] == {"test": ["b"]}
    assert {"dev": ["b"]} in split.notes["absent_classes"].values()


def sessions(make, n_speakers=8):
    return Manifest(
        Utterance(**{**vars_of(u), "labels": {**u.labels, "session": f"x{int(u.speaker[1:]) // 2}"}})
        for u in make.manifest(n_speakers)
    )


def test_leave_one_session_out_tests_a_session_a_fold(make):
    manifest = sessions(make)
    split = make_split("leave-one-session-out", manifest, emotion(manifest))
    assert [fold.name for fold in split.folds] == ["x0", "x1", "x2", "x3"]
    assert speakers(manifest, split.fold("x1").test) == {"s2", "s3"}
    plain = make.manifest()
    with pytest.raises(SplitError, match=r"48 utterances name no session.*speaker-kfold"):
        make_split("leave-one-session-out", plain, emotion(plain))


def test_folds_by_recording_are_refused_where_a_speaker_has_recordings_in_several(make):
    manifest = Manifest(Utterance(**{**vars_of(u), "recording": f"{u.speaker}_{u.position // 4}"}) for u in make.manifest(6))
    with pytest.raises(SplitError, match="speakers are in more than one part"):
        make_split("group-kfold", manifest, emotion(manifest), k=3)
    split = make_split("group-kfold", manifest, emotion(manifest), k=3, allow_speaker_overlap=True, dev=0)
    assert "shared_recordings" not in split.notes
    assert split.notes["shared_speakers"]
    with pytest.raises(ParameterError, match="recording, session, speaker"):
        make_split("group-kfold", manifest, emotion(manifest), by="file")
    with pytest.raises(SplitError, match="between 2 and 12"):
        make_split("group-kfold", manifest, emotion(manifest), k=13)


def test_a_split_from_a_file_is_the_same_split(tmp_path, manifest):
    task = emotion(manifest)
    made = make_split("speaker-kfold", manifest, task, k=3, seed=4)
    made.write(tmp_path / "split.json")
    again = splits.from_request(str(tmp_path / "split.json"), manifest, task)
    assert again == made
    fewer = splits.from_request(str(tmp_path / "split.json"), manifest, task, ids=[n for n in manifest.ids if n != "s0_0"])
    assert fewer.notes["left_out"] == 1
    assert fewer.digest != made.digest
    other = Manifest([*manifest, Utterance(id="new", path="a.wav", speaker="s0", labels={"emotion": "sad"})])
    assert splits.from_request(str(tmp_path / "split.json"), other, task).notes["other_manifest"] == manifest.digest
    assert splits.from_request("speaker-kfold(k=3)", manifest, task, seed=4) == made


def test_a_file_of_a_split_that_shared_speakers_is_stamped_again(tmp_path, manifest):
    task = emotion(manifest)
    make_split("random", manifest, task, allow_speaker_overlap=True).write(tmp_path / "split.json")
    assert "OVERLAP" in splits.from_request(str(tmp_path / "split.json"), manifest, task).verdict
    make_split("loso", manifest, task).write(tmp_path / "loso.json")
    married = Manifest(Utterance(**{**vars_of(u), "speaker": "s1" if u.speaker == "s2" else u.speaker}) for u in manifest)
    with pytest.raises(SplitError, match="1 speakers are in more than one part"):
        splits.from_request(str(tmp_path / "loso.json"), married, task)
