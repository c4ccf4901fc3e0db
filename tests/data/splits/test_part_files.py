"""Which part a file is by its name: as named, or asked for."""

from __future__ import annotations

import logging

import pytest

from featurekit.data.splits.foreign import read_folds
from featurekit.data.splits.part_files import part_files
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest, Utterance


def folder(place, *names):
    place.mkdir(exist_ok=True)
    for name in names:
        (place / name).write_text("u1\n")
    return place


def parts(place, chosen=()):
    return {path.name: part for path, part in part_files(place, chosen).items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train.txt", "valid.txt", "eval.txt"], {"train.txt": "train", "valid.txt": "dev", "eval.txt": "test"}),
        (["train.txt", "train_dev.txt", "test.txt"], {"train.txt": "train", "train_dev.txt": "dev", "test.txt": "test"}),
        (["x_train.csv", "x_devel.csv", "x_test.csv"], {"x_train.csv": "train", "x_devel.csv": "dev", "x_test.csv": "test"}),
        (["cuts_train.00.jsonl.gz", "cuts_train.01.jsonl.gz", "cuts_test.jsonl.gz"], None),
        (["test_clean.txt", "train_clean.txt", "notes.txt"], {"test_clean.txt": "test", "train_clean.txt": "train"}),
        (["train.txt", "README.txt", "latest.txt"], {"train.txt": "train"}),
    ],
)
def test_a_part_is_taken_as_it_is_named(tmp_path, names, expected):
    expected = expected or {name: "train" if "train" in name else "test" for name in names}
    assert parts(folder(tmp_path / "p", *names)) == expected


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        (["train.txt", "test.txt", "test2.txt", "test3.txt"], ["test2.txt", "test3.txt"]),
        (["train.txt", "test.txt", "test_other.txt"], ["test_other.txt"]),
        (["train.txt", "dev.txt", "train_dev.txt", "test.txt"], ["train_dev.txt"]),
        (["train.txt", "trainval.txt", "test.txt"], ["trainval.txt"]),
        (["a_train_fold_1.jsonl", "a_test_fold_1.jsonl", "a_test2_fold_1.jsonl"], ["a_test2_fold_1.jsonl"]),
    ],
)
def test_other_lists_are_left_out_and_said(tmp_path, caplog, names, left_out):
    with caplog.at_level(logging.WARNING):
        found = parts(folder(tmp_path / "p", *names))
    assert sorted(found) == sorted(set(names) - set(left_out))
    assert f"are left out: {', '.join(left_out)}" in caplog.text


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["train.txt", "test_clean.txt", "test_other.txt"], "the test part: test_clean.txt, test_other.txt"),
        (["train.txt", "test1.txt", "test2.txt"], "the test part: test1.txt, test2.txt"),
        (["train_a.txt", "train_b.txt", "test.txt"], "the train part: train_a.txt, train_b.txt"),
        (["train_test.txt"], "the train part: train_test.txt"),
    ],
)
def test_several_lists_of_one_part_are_asked_about(tmp_path, names, asked):
    place = folder(tmp_path / "p", *names)
    with pytest.raises(ParameterError, match=f"no name says which list is {asked}; name the one"):
        part_files(place)
    chosen = {name.removesuffix(".txt") for name in names[-1:]} | {"train_a"}
    assert names[-1] in parts(place, chosen)


def manifest():
    return Manifest(Utterance(id=f"u{n}", path=f"a/u{n}.wav", speaker=f"s{n}") for n in range(1, 10))


def test_two_tests_of_one_folder_are_two_and_train_dev_is_dev(tmp_path):
    place = tmp_path / "p"
    place.mkdir()
    lists = {"train": "12", "train_dev": "34", "test_clean": "56", "test_other": "789"}
    for name, numbers in lists.items():
        (place / f"{name}.txt").write_text("".join(f"u{n}\n" for n in numbers))
    (fold,) = read_folds(place, manifest(), ["test_other"])
    assert (fold.train, fold.dev, fold.test) == (("u1", "u2"), ("u3", "u4"), ("u7", "u8", "u9"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_a_part_names_utterances_by_id_or_by_path(tmp_path, delimiter):
    rows = {"train": ["a/u1.wav", "./a/u2.wav"], "dev": ["a\\u3.wav"], "test": ["u4.wav"]}
    for part, paths in rows.items():
        lines = [delimiter.join(cells) for cells in [("label", "Path", "text"), *(("x", path, '"Oh') for path in paths)]]
        if delimiter != "\t":
            lines = [line.replace('"Oh', '"Oh"') for line in lines]
        (tmp_path / f"x_{part}.{'tsv' if delimiter == chr(9) else 'csv'}").write_text("\n".join(lines) + "\n")
    (fold,) = read_folds(tmp_path, manifest())
    assert (fold.train, fold.dev, fold.test) == (("u1", "u2"), ("u3",), ("u4",))
    (tmp_path / "x_train.csv").write_text("name,label\nu1,x\n")
    (tmp_path / "x_train.tsv").unlink(missing_ok=True)
    with pytest.raises(ParameterError, match=r"x_train.csv:1: expected a column id or path, got name, label"):
        read_folds(tmp_path, manifest())


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["train.txt", "eval.txt", "test.txt"], "the test part: eval.txt, test.txt"),
        (["train.txt", "test.txt", "dev.txt", "val.txt"], "the dev part: dev.txt, val.txt"),
        (["train_val.txt", "test.txt"], "the train part: train_val.txt"),
    ],
)
def test_two_words_for_one_part_are_two_lists(tmp_path, names, asked):
    with pytest.raises(ParameterError, match=f"no name says which list is {asked}"):
        part_files(folder(tmp_path / "p", *names))


def test_train_dev_without_train_is_asked_about(tmp_path):
    with pytest.raises(ParameterError, match=r"train_dev.txt may be the dev part, or training and dev in one, and no list is"):
        part_files(folder(tmp_path / "p", "train_dev.txt", "test.txt"))


def test_beside_test_test_2_is_no_piece_of_it(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert parts(folder(tmp_path / "p", "train.txt", "test.txt", "test_2.txt")) == {
            "train.txt": "train",
            "test.txt": "test",
        }
    assert "are left out: test_2.txt" in caplog.text


@pytest.mark.parametrize("form", ["{part}_fold{k}.txt", "fold_{k}_{part}.txt"])
def test_folds_in_names_are_folds(tmp_path, form):
    for k in (1, 2):
        for part, n in (("train", k), ("test", k + 2)):
            (tmp_path / form.format(part=part, k=k)).write_text(f"u{n}\n")
    (tmp_path / "dev.txt").write_text("u9\n")
    folds = read_folds(tmp_path, manifest())
    assert [(fold.name, fold.train, fold.dev, fold.test) for fold in folds] == [
        ("1", ("u1",), ("u9",), ("u3",)),
        ("2", ("u2",), ("u9",), ("u4",)),
    ]


def lists(place, **ids):
    for name, numbers in ids.items():
        (place / f"{name}.csv").write_text("id\n" + "".join(f"u{n}\n" for n in numbers))


def test_numbered_lists_are_folds_where_one_tests_what_another_trains(tmp_path, caplog):
    lists(tmp_path, emo2_train_1="12", emo2_test_1="34", emo2_train_2="34", emo2_test_2="12", emo2_dev="9")
    folds = read_folds(tmp_path, manifest())
    assert [(fold.name, fold.train, fold.dev, fold.test) for fold in folds] == [
        ("1", ("u1", "u2"), ("u9",), ("u3", "u4")),
        ("2", ("u3", "u4"), ("u9",), ("u1", "u2")),
    ]
    assert "the lists are 2 folds, by their numbers: emo2_train_1.csv and emo2_test_2.csv share utterances" in caplog.text


@pytest.mark.parametrize(
    "ids", [{"train_1": "12", "train_2": "34", "test": "5"}, {"train_1": "1", "train_2": "2", "test_1": "3", "test_2": "4"}]
)
def test_numbered_lists_are_pieces_else_and_that_is_said(tmp_path, caplog, ids):
    lists(tmp_path, **ids)
    (fold,) = read_folds(tmp_path, manifest())
    assert fold.train == tuple(f"u{n}" for n in ids["train_1"] + ids["train_2"])
    said = "2 lists are read as pieces of one train list: train_1.csv, train_2.csv; where they are folds, call them train_fold1"
    assert said in caplog.text


def test_a_row_that_a_quotation_mark_swallows_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text('id,text\nu1,"Oh\nu2,no\nu4,yes"\n')
    (tmp_path / "test.csv").write_text("id,text\nu3,x\n")
    with pytest.raises(ParameterError, match=r"train.csv:4: a quotation mark opened a cell that swallows rows"):
        read_folds(tmp_path, manifest())
    (tmp_path / "train.csv").write_text('id,text\nu1,"Oh,\nno, never"\nu2,no\n')
    assert read_folds(tmp_path, manifest())[0].train == ("u1", "u2")


def test_lists_name_files_as_windows_and_other_tools_do(tmp_path):
    (tmp_path / "train.txt").write_text("C:\\x\\a\\u1.wav\n")
    (tmp_path / "test.csv").write_text("wav_path,label\na/u3.wav,x\n")
    (fold,) = read_folds(tmp_path, manifest())
    assert (fold.train, fold.test) == (("u1",), ("u3",))
