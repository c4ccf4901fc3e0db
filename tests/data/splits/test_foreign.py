"""Other people's splits: their miniatures, read into folds of our ids."""

from __future__ import annotations

import gzip
import json

import pytest

from featurekit.data import get_task, make_split, predefined
from featurekit.data.splits import from_request
from featurekit.data.splits.folds import Fold
from featurekit.data.splits.foreign import read_folds
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest, Utterance


@pytest.fixture
def manifest():
    return Manifest(
        Utterance(
            id=f"{speaker}{emotion}{take}",
            path=f"wav/{speaker}{emotion}{take}.wav",
            speaker=speaker,
            labels={"emotion": emotion},
        )
        for speaker in ("03", "08", "09", "10")
        for emotion in ("W", "N")
        for take in "ab"
    )


def ids(*speakers):
    return tuple(sorted(f"{speaker}{emotion}{take}" for speaker in speakers for emotion in "WN" for take in "ab"))


def csv_of(path, rows, head="id,part"):
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_csv_of_ids_may_have_folds_and_other_words_for_dev(tmp_path, manifest):
    parts = {"03": "train", "08": "Training", "09": "valid", "10": "eval"}
    plain = csv_of(tmp_path / "a.csv", [f"{name},{parts[name[:2]]}" for name in manifest.ids])
    assert read_folds(plain, manifest) == [Fold("0", ids("03", "08"), ids("09"), ids("10"))]
    rows = [
        f"{fold},{name},{'test' if name[:2] == test else 'train'}"
        for fold, test in ((10, "03"), (9, "08"))
        for name in manifest.ids
    ]
    folds = read_folds(csv_of(tmp_path / "b.csv", rows, "fold,id,part"), manifest)
    assert [(fold.name, fold.test) for fold in folds] == [("9", ids("08")), ("10", ids("03"))]


def emobox(folder, folds):
    """EmoBox's tree: a folder a fold, keys with the corpus before them, each list also under an older name."""
    for number, tests in folds.items():
        place = folder / "emodb" / f"fold_{number}"
        place.mkdir(parents=True)
        for part, speakers in (("test", tests), ("train", [s for s in ("03", "08", "09", "10") if s not in tests])):
            lines = [
                json.dumps(
                    {"key": f"emodb-{name}", "dataset": "emodb", "wav": f"downloads/emodb/wav/{name}.wav", "emo": "anger"}
                )
                for name in ids(*speakers)
            ]
            (place / f"emodb_{part}_fold_{number}.jsonl").write_text("\n".join(lines) + "\n")
            (place / f"emodb_{part}_fold{number}.jsonl").write_text('{"key": "emodb-old"}\n')
            (place / f"emodb_{part}_fold_{number}.json").write_text("{}")
    return folder / "emodb"


def test_emoboxs_folders_are_found_by_key_without_the_corpus(tmp_path, manifest):
    folds = read_folds(emobox(tmp_path, {1: ["03"], 2: ["08", "09"]}), manifest)
    assert folds == [Fold("1", ids("08", "09", "10"), (), ids("03")), Fold("2", ids("03", "10"), (), ids("08", "09"))]


def test_emoboxs_keys_are_found_by_the_file_where_our_ids_are_others(tmp_path, manifest):
    renamed = Manifest(Utterance(id=f"x{i}", path=item.path, speaker=item.speaker) for i, item in enumerate(manifest))
    (fold,) = read_folds(emobox(tmp_path, {1: ["03"]}), renamed)
    assert {renamed[name].speaker for name in fold.test} == {"03"}


def test_emoboxs_names_meet_a_tree_of_another_case_and_files_of_another_suffix(tmp_path):
    manifest = Manifest(
        Utterance(id=f"{part}-{name}", path=f"{part}/{name}.wav", speaker=name[:2])
        for part, names in (("train_splits", ("KL_a", "DC_a")), ("test_splits", ("KL_a",)))
        for name in names
    )
    folder = tmp_path / "fold_1"
    folder.mkdir()
    for part, names in (("train", ("kl_a", "dc_a")), ("test", ("kl_a",))):
        lines = [
            {"key": f"meld-{name}-{part}", "dataset": "meld", "wav": f"downloads/meld/{part}_splits/{name}.mp4"}
            for name in names
        ]
        (folder / f"meld_{part}_fold_1.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (fold,) = read_folds(tmp_path, manifest)
    assert (fold.train, fold.test) == (("train_splits-DC_a", "train_splits-KL_a"), ("test_splits-KL_a",))


def test_what_the_manifest_lacks_is_counted_in_utterances_and_not_in_lines(tmp_path, manifest):
    folder = emobox(tmp_path, {1: ["03"], 2: ["08"], 3: ["09"]})
    fewer = Manifest(item for item in manifest if item.id not in ("10Wa", "10Wb"))
    with pytest.raises(SplitError, match=r"lacks 2 of 16 utterances: emodb-10Wa, emodb-10Wb; use"):
        read_folds(folder, fewer)


def test_lhotse_cuts_and_lists_of_ids_are_read_a_file_a_part(tmp_path, manifest):
    cuts, lists = tmp_path / "cuts", tmp_path / "lists"
    cuts.mkdir()
    lists.mkdir()
    parts = {"train": ids("03", "08"), "dev": ids("09"), "test": ids("10")}
    for part, names in parts.items():
        records = [{"id": f"cut-{name}", "supervisions": [{"id": name}]} for name in names]
        with gzip.open(cuts / f"cuts_{part}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
        (lists / f"{part}.txt").write_text("\n".join(names))
    expected = [Fold("0", parts["train"], parts["dev"], parts["test"])]
    assert read_folds(cuts, manifest) == read_folds(lists, manifest) == expected


def test_lhotses_padded_cuts_pieces_and_supervisions_meet_what_the_recipe_makes_of_them(tmp_path):
    manifest = Manifest(Utterance(id=name, path="a.wav", start=0.0, end=1.0) for name in ("s1@w0", "s1@w1", "s2", "c3"))
    windows = [
        {"id": f"w{n}", "duration": 1.0, "supervisions": [{"id": "s1", "start": -n, "duration": 1.5}]} for n in (0, 1, 2)
    ]  # s1 has nothing of the third one
    inner = {"id": "c2", "type": "MonoCut", "supervisions": [{"id": "s2"}]}
    padded = {"id": "mix", "tracks": [{"cut": {"type": "PaddingCut"}}, {"cut": inner}]}
    for part, records in (("train", windows), ("dev", [padded]), ("test", [{"id": "c3", "supervisions": []}])):
        (tmp_path / f"cuts_{part}.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert read_folds(tmp_path, manifest) == [Fold("0", ("s1@w0", "s1@w1"), ("s2",), ("c3",))]


def test_lhotses_cuts_in_one_json_are_a_list_and_other_json_is_none(tmp_path):
    manifest = Manifest(Utterance(id=name, path="a.wav") for name in ("s1", "s2"))
    for part, name in (("train", "s1"), ("test", "s2")):
        (tmp_path / f"cuts_{part}.json").write_text(json.dumps([{"id": "c", "supervisions": [{"id": name}]}], indent=1))
        (tmp_path / f"emodb_{part}_fold_1.json").write_text("{}")
    assert read_folds(tmp_path, manifest) == [Fold("0", ("s1",), (), ("s2",))]
    (tmp_path / "cuts_test.json").write_text("[3]")
    with pytest.raises(ParameterError, match=r"cuts_test.json: number 1: expected an object with key"):
        read_folds(tmp_path, manifest)
    (tmp_path / "cuts_test.json").write_text("[")
    with pytest.raises(ParameterError, match=r"cuts_test.json: not JSON"):
        read_folds(tmp_path, manifest)


def test_recordings_beside_supervisions_are_no_list(tmp_path):
    manifest = Manifest(Utterance(id=name, path="a.wav") for name in ("s1", "s2"))
    for part, name in (("train", "s1"), ("test", "s2")):
        for kind, record in (("recordings", {"id": "r"}), ("supervisions", {"id": name, "recording_id": "r"})):
            (tmp_path / f"toy_{kind}_{part}.jsonl").write_text(json.dumps(record))
    assert read_folds(tmp_path, manifest) == [Fold("0", ("s1",), (), ("s2",))]


def test_ids_the_manifest_lacks_are_listed(tmp_path, manifest):
    path = csv_of(tmp_path / "a.csv", [*(f"{name},train" for name in manifest.ids), "99Wa,test", "99Wb,test"])
    with pytest.raises(SplitError, match=r"lacks 2 of 18 utterances: 99Wa, 99Wb;"):
        read_folds(path, manifest)


def test_files_that_are_no_split_are_refused_with_their_place(tmp_path, manifest):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "train.jsonl").write_text("[1]\n")
    wrong = [
        (csv_of(tmp_path / "a.csv", ["03Wa,trian"]), r"a\.csv:2: expected the columns id, part.*part 'trian'"),
        (csv_of(tmp_path / "b.csv", ["03Wa,train"], "name,part"), r"b\.csv:2: expected the columns"),
        (csv_of(tmp_path / "c.csv", []), "has no ids"),
        (tmp_path / "empty", "has no ids"),
        (tmp_path / "bad", r"train\.jsonl:1: expected an object with key"),
        (tmp_path / "none.csv", "there is no split"),
    ]
    for path, message in wrong:
        with pytest.raises(ParameterError, match=message):
            read_folds(path, manifest)


def test_a_request_takes_a_file_and_a_dev_by_speaker_may_be_cut(tmp_path, manifest):
    task = get_task("emotion", manifest)
    folder = emobox(tmp_path, {1: ["03"], 2: ["08"]})
    as_given = from_request(str(folder), manifest, task)
    assert (as_given.kind, as_given.verdict) == ("predefined", "speaker-disjoint")
    assert not any(fold.dev for fold in as_given.folds)
    cut = from_request(f"predefined(path='{folder}', dev=0.3)", manifest, task)
    for fold, given in zip(cut.folds, as_given.folds, strict=True):
        assert fold.test == given.test
        assert sorted([*fold.train, *fold.dev]) == list(given.train)
        assert len({name[:2] for name in fold.dev}) == 1
    assert "path" not in cut.settings
    with pytest.raises(ParameterError, match="path="):
        make_split("predefined", manifest, task)


def test_a_split_that_shares_speakers_is_refused_and_one_without_a_class_in_test_only_noted(tmp_path, manifest):
    task = get_task("emotion", manifest)
    parts = {"a": "train", "b": "test"}
    shared = csv_of(tmp_path / "a.csv", [f"{name},{parts[name[-1]]}" for name in manifest.ids])
    with pytest.raises(SplitError, match=r"4 speakers are in more than one part \(03, 08, 09, 10\)"):
        from_request(str(shared), manifest, task)
    assert "OVERLAP" in from_request(str(shared), manifest, task, allow_speaker_overlap=True).verdict
    narrow = predefined(manifest, task, [Fold("0", ids("03", "08"), (), ("09Wa", "09Wb"))])
    assert narrow.notes["absent_classes"] == {"0": {"test": ["N"]}}


def test_children_anywhere_but_with_their_parents_in_training_are_refused(manifest):
    child = Utterance(id="03Wa~fast", path="a.wav", speaker="03", parent="03Wa", perturbation="x", labels={"emotion": "W"})
    both = Manifest([*manifest, child])
    task = get_task("emotion", both)
    with pytest.raises(SplitError, match="1 augmented children are in test"):
        predefined(both, task, [Fold("0", ids("08"), (), (*ids("03"), "03Wa~fast"))])
    with pytest.raises(SplitError, match="1 augmented children are in train"):
        predefined(both, task, [Fold("0", (*ids("08"), "03Wa~fast"), (), ids("03"))])
    split = predefined(both, task, [Fold("0", ids("03"), (), ids("08"))])
    assert "03Wa~fast" in split.fold().train
