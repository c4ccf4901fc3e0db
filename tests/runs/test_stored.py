import os
import random
import shutil
import subprocess

import pytest

from featurekit.data import Fold, Split
from featurekit.errors import FeaturekitError, ParameterError, UnknownNameError
from featurekit.runs import RunSettings, StoredRun
from featurekit.runs.checksums import SUMS
from featurekit.runs.schema import SplitStamp
from tests.runs.making import make_predictions, make_record, make_split, write_fold


def read_all(path):
    """Everything that a run's folder says."""
    run = StoredRun(path)
    found = [run.record, run.split.digest, run.audit, run.metrics, run.pending]
    for fold in run.folds:
        found += [fold.record, fold.predictions, fold.weights]
    return found


def files(path):
    return sorted(item.relative_to(path) for item in path.rglob("*") if item.is_file())


def test_a_run_is_read_as_it_was_written(run):
    assert run.record == make_record()
    assert run.split == make_split()
    assert run.audit == {"ok": True}
    assert run.metrics == {"pooled": {"n": 4}}
    assert run.fold("b").predictions == make_predictions("b", ("u1", "u2"))
    assert run.fold(0).weights == b"weights"
    assert [row.id for row in run.predictions] == ["u4", "u5", "u1", "u2"]
    assert (run.is_finished, run.pending, run.note) == (True, [], "")
    assert os.fspath(run) == str(run.path)
    assert "logistic" in repr(run)


def test_sha256sum_checks_a_run_too(run):
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    for folder in (run.path, run.fold(0).path):
        subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=folder, check=True, capture_output=True)


def test_a_flipped_bit_is_found_wherever_it_is(run):
    before = read_all(run.path)
    rng = random.Random(0)
    for name in files(run.path):
        whole = (run.path / name).read_bytes()
        for _ in range(40):
            data = bytearray(whole)
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            (run.path / name).write_bytes(data)
            with pytest.raises(FeaturekitError):
                read_all(run.path)
        (run.path / name).write_bytes(whole)
    assert read_all(run.path) == before


def test_a_file_that_is_cut_gone_a_folder_a_pipe_or_a_link_is_one_sentence(run, tmp_path):
    for name in files(run.path):
        path = run.path / name
        whole = path.read_bytes()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(whole)
        for spoil in (
            lambda path=path, whole=whole: path.write_bytes(whole[: len(whole) // 2]),
            lambda path=path: path.write_bytes(b""),
            lambda: None,
            lambda path=path: path.mkdir(),
            lambda path=path: os.mkfifo(path),
            lambda path=path, elsewhere=elsewhere: path.symlink_to(elsewhere),
        ):
            path.unlink()
            spoil()
            with pytest.raises(FeaturekitError) as raised:
                read_all(run.path)
            assert "\n" not in str(raised.value)
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(whole)
    assert len(read_all(run.path)) > 0


def test_what_stands_beside_is_allowed(run):
    before = read_all(run.path)
    (run.path / "report.html").write_text("a report")
    (run.path / "folds" / "0" / "notes.txt").write_text("mine")
    assert read_all(run.path) == before


def test_a_folder_that_is_no_run_is_said(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ParameterError, match="is not a run"):
            _ = StoredRun(path).record


def test_a_moved_renamed_or_copied_run_is_the_same_run(run, tmp_path):
    before = read_all(run.path)
    shutil.copytree(run.path, tmp_path / "copy")
    run.path.rename(tmp_path / "another name")
    assert read_all(tmp_path / "copy") == read_all(tmp_path / "another name") == before


def test_a_fold_that_was_half_deleted_is_pending(run):
    (run.fold(1).path / "model.safetensors").unlink()
    again = StoredRun(run.path)
    assert again.pending == [1]
    assert not again.is_finished
    write_fold(again.fold(1))
    assert StoredRun(run.path).pending == []


def test_an_unfinished_fold_says_so_and_a_strange_one_is_named(tmp_path):
    run = StoredRun(tmp_path / "run")
    run.begin(make_record(), make_split(), {})
    assert run.pending == [0, 1]
    with pytest.raises(ParameterError, match="is not done"):
        _ = run.fold(0).predictions
    with pytest.raises(UnknownNameError, match="fold 'c'"):
        run.fold("c")
    with pytest.raises(ParameterError, match="folds 0 to 1"):
        run.fold(2)


def test_begun_twice_is_begun_once_and_half_begun_is_begun_anew(tmp_path):
    run = StoredRun(tmp_path / "run")
    run.begin(make_record(), make_split(), {"first": 1})
    StoredRun(run.path).begin(make_record(), make_split(), {"second": 2})
    assert StoredRun(run.path).audit == {"first": 1}
    (run.path / SUMS).unlink()  # killed before the last step
    with pytest.raises(ParameterError, match=SUMS):
        _ = StoredRun(run.path).record
    StoredRun(run.path).begin(make_record(), make_split(), {"second": 2})
    assert StoredRun(run.path).audit == {"second": 2}


def test_the_split_of_another_run_is_refused(run, tmp_path):
    other = StoredRun(tmp_path / "other")
    split = make_split().only(["a"])
    other.begin(make_record(folds=("a",), split=make_record().split), split, {})
    with pytest.raises(ParameterError, match="split of another run"):
        _ = other.split


def test_ids_of_two_corpora_lose_the_prefix_of_the_one_that_is_asked_for(tmp_path):
    split = Split("cross-corpus", (Fold("0", ("m/1",), (), ("u/1",)),), {}, "manifest", False, "")
    record = make_record(
        corpus="m-to-u",
        settings=RunSettings("m", "logistic", test_store="u"),
        folds=("0",),
        split=SplitStamp(split.kind, split.digest, ""),
    )
    run = StoredRun(tmp_path / "run")
    run.begin(record, split, {})
    assert run.folds_of("m") == [Fold("0", ("1",), (), ())]
    assert run.folds_of("u") == [Fold("0", (), (), ("1",))]


def test_another_corpus_has_no_ids(run):
    assert run.folds_of("other") == [Fold("a", (), (), ()), Fold("b", (), (), ())]
    assert run.folds_of("x") == list(make_split().folds)


@pytest.fixture
def older(tmp_path):
    """A finished run of the format that had no checksums."""
    run = StoredRun(tmp_path / "older")
    run.begin(make_record(format=2), make_split(), {})
    for fold in run.folds:
        write_fold(fold)
    run.write_metrics({"pooled": {}})
    for sums in run.path.rglob(SUMS):
        sums.unlink()
    return run.path


def test_a_run_of_before_is_read_and_said_to_be_unchecked(older):
    run = StoredRun(older)
    assert run.note == "files not checked: older format"
    assert run.is_finished
    assert len(read_all(older)) == 11


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda rows: rows + rows[:1], "an utterance twice"),
        (lambda rows: rows[1:], "lacks 1 utterances"),
        (lambda rows: [rows[0], rows[1].replace(b'"u5"', b'"u1"')], "1 others"),
        (lambda rows: [rows[0].replace(b'"label": "angry"', b'"label": "happy"'), rows[1]], "which the run cannot say"),
        (lambda rows: [rows[0], b"{"], "line 2 is not JSON"),
        (lambda rows: [rows[0], b"[" * 100_000], "nested too deeply"),
        (lambda rows: [b"null", rows[1]], "not a prediction"),
        (lambda rows: [], "lacks 2"),
    ],
)
def test_predictions_of_a_run_of_before_must_be_those_of_its_test_part(older, spoil, expected):
    path = older / "folds" / "0" / "predictions.jsonl"
    path.write_bytes(b"\n".join(spoil(path.read_bytes().splitlines())))
    with pytest.raises(ParameterError, match=expected):
        _ = StoredRun(older).fold(0).predictions


def test_random_damage_to_a_run_of_before_is_one_sentence_or_none(older):
    rng, sentences = random.Random(1), []
    for name in files(older):
        whole = (older / name).read_bytes()
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(rng.choice((1, 1, 3, 20))):
                place = rng.randrange(len(data))
                data[place : place + rng.choice((0, 1, 2))] = bytes([rng.choice(b'{}[]",:0-9e\xff\x00 ')])
            (older / name).write_bytes(data)
            try:
                read_all(older)
            except FeaturekitError as error:
                sentences.append(str(error))
        (older / name).write_bytes(whole)
    assert len(sentences) > 300
    assert not any("\n" in said for said in sentences)
