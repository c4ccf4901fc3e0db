import json
import shutil
from types import SimpleNamespace

import pytest

from featurekit import data, experiments, extraction, store, training
from featurekit.errors import ParameterError, SplitError, UnknownNameError
from featurekit.experiments import Run, RunProgress, RunSettings, at_once, resolve
from featurekit.experiments.identity import by_content, contents
from featurekit.experiments.scores import rescored
from featurekit.manifest import Utterance
from featurekit.runs import StoredRun
from tests.runs.making import rewrite, seal

QUICK = {"epochs": 1, "device": "cpu", "n_frames": 20}
SMALL = {"units1": 4, "units2": 4}


class Heard(RunProgress):
    """Which folds were trained, and how many epochs in all."""

    def __init__(self):
        self.epochs, self.folds, self.batches = 0, [], []

    def epoch(self, fold, row, epochs):
        self.epochs += 1

    def batch(self, run, fold, epoch, batch, batches):
        self.batches.append((fold.name, epoch, batch, batches))

    def finished(self, fold, predictions):
        self.folds.append(fold.name)


def make(path, runs, **changes):
    settings = {"store": str(path), "model": "ub-bilstm", "features": "rms,spectral_centroid"}
    settings |= {"training": QUICK, "hyper": SMALL if changes.get("model", "ub-bilstm") == "ub-bilstm" else {}} | changes
    return Run(RunSettings(**settings), runs=runs)


def test_a_run_says_everything_about_itself(tiny_store, tmp_path):
    result = make(tiny_store, tmp_path).execute()
    record = json.loads((result.folder / "run.json").read_text())
    assert record["classes"] == ["negative", "neutral", "positive"]
    assert record["verdict"] == result.verdict
    assert result.verdict.startswith("speaker-disjoint; ")
    assert json.loads((result.folder / "audit.json").read_text())["verdict"] == result.verdict
    assert record["context"] == 3
    assert [column["name"] for column in record["columns"]] == ["rms", "spectral_centroid"]
    split = data.Split.read(result.folder / "split.json")
    lines = (result.folder / "folds" / "0" / "predictions.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == sorted(split.fold().test)
    scores = json.loads((result.folder / "metrics.json").read_text())
    assert scores["n"] == len(lines)
    assert {"accuracy", "unweighted_accuracy"} <= scores["majority"].keys()


@pytest.mark.parametrize("model", ["ub-bilstm", "svm"])
def test_what_lies_in_a_folder_is_what_the_schema_says(tiny_store, tmp_path, model):
    run = make(tiny_store, tmp_path, model=model)
    stored = StoredRun(run.execute().folder)
    assert json.loads(json.dumps(stored.record.to_dict())) == json.loads((stored.path / "run.json").read_text())
    assert stored.record.settings == run.settings
    assert stored.record.training == run.training
    assert [column.name for column in stored.record.columns] == run.columns
    assert stored.split == run.split
    assert stored.is_finished
    for fold in stored.folds:
        assert fold.record.fold == fold.name
        written = (fold.path / "predictions.jsonl").read_text().splitlines()
        assert [row.to_dict() for row in fold.predictions] == [json.loads(line) for line in written]


def test_every_batch_is_heard_of_from_the_first_one_on(tiny_store, tmp_path):
    heard = Heard()
    make(tiny_store, tmp_path, training=QUICK | {"epochs": 2, "batch_size": 8}).execute(heard)
    assert heard.batches == [("0", epoch, batch, 3) for epoch in (1, 2) for batch in (1, 2, 3)]


def test_a_finished_run_is_only_read(tiny_store, tmp_path):
    make(tiny_store, tmp_path).execute()
    heard = Heard()
    make(tiny_store, tmp_path).execute(heard)
    assert heard.epochs == 0
    assert heard.folds == ["0"]


def test_an_interrupted_run_trains_only_the_folds_that_are_missing(tiny_store, tmp_path):
    first = make(tiny_store, tmp_path, split="loso").execute()
    for lost in ("predictions.jsonl", "model.safetensors", "model.json"):
        (first.folder / "folds" / "2" / lost).unlink()
        heard = Heard()
        again = make(tiny_store, tmp_path, split="loso").execute(heard)
        assert heard.epochs == 1
        assert again.metrics == first.metrics


def test_damaged_files_of_a_run_are_named_with_what_to_do(tiny_store, tmp_path):
    folder = make(tiny_store, tmp_path).execute().folder
    predictions = folder / "folds" / "0" / "predictions.jsonl"
    for damaged in (predictions.read_bytes()[:700], b"[1]\n"):
        predictions.write_bytes(damaged)
        with pytest.raises(ParameterError, match=r"predictions.jsonl is damaged: .* remove it and run the same"):
            rescored(folder)
    predictions.unlink()
    make(tiny_store, tmp_path).execute()  # as it was said
    for text, what in (("[]", "holds list"), ('{"format": 2}', "lacks "), ("{", "not JSON")):
        (folder / "run.json").write_text(text)
        seal(folder)
        with pytest.raises(ParameterError, match=what):
            rescored(folder)


def test_the_same_settings_give_the_same_numbers(tiny_store, tmp_path):
    assert make(tiny_store, tmp_path / "a").execute().metrics == make(tiny_store, tmp_path / "b").execute().metrics


def test_a_run_is_named_by_what_it_is_not_by_where_it_is(tiny_store, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(tiny_store, moved)
    assert make(moved, tmp_path).digest == make(tiny_store, tmp_path).digest
    assert make(tiny_store, tmp_path, training=QUICK | {"device": "auto"}).digest == make(tiny_store, tmp_path).digest
    spelled_out = make(tiny_store, tmp_path, split="speaker-disjoint(dev=0.1)", context=3, task="sentiment3")
    assert spelled_out.digest == make(tiny_store, tmp_path).digest
    for change in ({"seed": 1}, {"features": "rms"}, {"split": "loso"}, {"shuffle_labels": True}, {"hyper": {"dropout": 0.1}}):
        assert make(tiny_store, tmp_path, **change).digest != make(tiny_store, tmp_path).digest


def test_shuffled_labels_keep_their_counts_and_say_so(tiny_store, tmp_path):
    straight, shuffled = make(tiny_store, tmp_path), make(tiny_store, tmp_path, shuffle_labels=True)
    manifest = straight.store.manifest
    plain = list(data.labelled(manifest, straight.task).values())
    permuted = list(data.labelled(manifest, shuffled.task).values())
    assert sorted(plain) == sorted(permuted)
    assert plain != permuted
    assert "SHUFFLED" in shuffled.verdict


def test_a_preset_is_found_under_any_name_by_its_keys(tiny_store):
    opened = store.open_store(tiny_store)
    assert experiments.stored_columns(opened, "other=mel(n_mels=32)") == ["mel32"]


def test_every_name_is_checked_before_anything_is_written(tiny_store, tmp_path):
    for change in ({"model": "ub-bilsm"}, {"split": "losso"}, {"task": "sentiment33"}, {"augment": ("specaug",)}):
        with pytest.raises(UnknownNameError, match="did you mean"):
            make(tiny_store, tmp_path, **change)
    with pytest.raises(ParameterError, match="featurekit extract"):
        make(tiny_store, tmp_path, features="zcr")
    with pytest.raises(SplitError, match="allow-speaker-overlap"):
        make(tiny_store, tmp_path, split="random")
    with pytest.raises(ParameterError, match=r"hyper-parameter of .*: dropout is 'half'; expected float"):
        make(tiny_store, tmp_path, hyper={"dropout": "half"})
    with pytest.raises(ParameterError, match="reads images; got frames: add such a column, as in --features luo2019-image"):
        make(tiny_store, tmp_path, model="sbcnn-resnet18")
    with pytest.raises(ParameterError, match="context is 0, which is the whole recording"):
        make(tiny_store, tmp_path, context=0)
    for size in (2, -1):
        with pytest.raises(ParameterError, match=f"odd number of utterances.*got {size}"):
            make(tiny_store, tmp_path, context=size)
    with pytest.raises(ParameterError, match="--test-store, which is not given"):
        make(tiny_store, tmp_path, test_task="sentiment3")
    assert not list(tmp_path.iterdir())


def test_an_overlapping_split_is_stamped_on_the_result(tiny_store, tmp_path):
    result = make(tiny_store, tmp_path, split="random", allow_speaker_overlap=True).execute()
    assert "OVERLAP" in result.verdict
    assert "OVERLAP" in json.loads((result.folder / "metrics.json").read_text())["split"]["verdict"]


def test_processes_give_what_one_process_gives_and_say_how_far_they_are(tiny_store, tmp_path, monkeypatch):
    how = {"split": "speaker-kfold(k=2)", "training": QUICK | {"epochs": 2, "threads": 1}}
    monkeypatch.setattr(at_once, "LOOK_EVERY_S", 0.001)
    heard = Heard()
    together = make(tiny_store, tmp_path / "a", **how).execute(heard, jobs=2)
    alone = make(tiny_store, tmp_path / "b", **how).execute()
    assert sorted(heard.folds) == [fold.name for fold in make(tiny_store, tmp_path, **how).split.folds]
    assert heard.epochs == 2 * len(heard.folds)
    assert {name for name, *_ in heard.batches} <= set(heard.folds)
    assert heard.batches[0][1:] == (1, 1, 1)
    assert not list(tmp_path.rglob("progress.json"))
    assert together.metrics == alone.metrics
    for number in range(len(heard.folds)):
        one, two = (result.folder / "folds" / str(number) / "model.safetensors" for result in (together, alone))
        assert one.read_bytes() == two.read_bytes()


def test_values_that_changed_under_a_run_are_refused_with_the_way_on(tiny_store, tiny_corpus, tiny_manifest, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(tiny_store, copy)
    how = {"split": "loso"}
    first = make(copy, tmp_path / "runs", **how).execute()
    (first.folder / "folds" / "2" / "predictions.jsonl").unlink()
    grown = {"root": tiny_corpus, "out": copy, "corpus": "demo", "backend": "serial"}
    extraction.build_store(tiny_manifest, columns="rms,spectral_centroid,mel(n_mels=32),zcr", **grown)
    assert make(copy, tmp_path / "runs", **how).execute().metrics == first.metrics  # another column is no change of these
    record = json.loads((first.folder / "run.json").read_text())
    rewrite(first.folder / "run.json", record | {"contents": "0" * 64})
    with pytest.raises(ParameterError, match="remove that folder"):
        make(copy, tmp_path / "runs", **how).execute()
    rewrite(first.folder / "run.json", record | {"format": 1})
    with pytest.raises(ParameterError, match="a run of format 1"):
        make(copy, tmp_path / "runs", **how).execute()


def test_the_checksums_of_the_values_tell_one_store_from_another(tiny_store):
    opened = store.open_store(tiny_store)
    one = contents(opened, ["rms"], opened.ids)
    assert one == contents(opened, ["rms"], opened.ids)
    assert one != contents(opened, ["rms"], opened.ids[1:])
    assert one != contents(opened, ["spectral_centroid"], opened.ids)


def test_a_file_of_weights_counts_by_its_content(tiny_store, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"1")
    (tmp_path / "b.bin").write_bytes(b"1")
    assert by_content(str(tmp_path / "a.bin")) == by_content(str(tmp_path / "b.bin"))
    (tmp_path / "b.bin").write_bytes(b"2")
    assert by_content(str(tmp_path / "a.bin")) != by_content(str(tmp_path / "b.bin"))
    assert by_content("resnet18") == "resnet18"
    assert by_content(0.5) == 0.5


def test_ratings_are_trained_and_scored_as_ratings(tiny_store, tmp_path):
    for loss in ("auto", "ccc"):
        result = make(tiny_store, tmp_path, task="sentiment-score", training=QUICK | {"loss": loss}).execute()
        assert result.metrics["kind"] == "values"
        assert {"mae", "ccc", "has0_accuracy", "non0_f1", "accuracy7"} <= result.metrics["pooled"].keys()
        history = training.load_checkpoint(result.folder / "folds" / "0")[1]["history"]
        assert {"dev_ccc", "dev_mae", "dev_loss"} <= history[0].keys()
        row = json.loads((result.folder / "folds" / "0" / "predictions.jsonl").read_text().splitlines()[0])
        assert len(row["predicted"]) == len(row["label"]) == 1
    with pytest.raises(ParameterError, match="learns ratings"):
        make(tiny_store, tmp_path, task="sentiment-score", training=QUICK | {"label_smoothing": 0.1})


def test_scores_are_computed_again_from_what_is_stored(tiny_store, tmp_path):
    run = make(tiny_store, tmp_path, split="loso")
    with pytest.raises(ParameterError, match="is not a run"):
        rescored(run.folder)
    result = run.execute()
    assert rescored(result.folder) == result.metrics == json.loads((result.folder / "metrics.json").read_text())
    (result.folder / "folds" / "1" / "predictions.jsonl").unlink()
    with pytest.raises(ParameterError, match=r"fold .* of 6 is missing"):
        rescored(result.folder)


def test_augmented_children_are_no_conversation():
    parent = Utterance(id="a", path="a.wav", recording="a")
    child = Utterance(id="a~speed(0.9)", path="a.wav", recording="a", parent="a", perturbation="speed(0.9)")
    assert not resolve.has_conversations(SimpleNamespace(manifest=[parent, child]))
    assert resolve.has_conversations(SimpleNamespace(manifest=[parent, Utterance(id="b", path="a.wav", recording="a")]))


def test_settings_take_an_open_store_and_a_run_says_what_it_takes(tiny_store):
    opened = store.open_store(tiny_store)
    assert RunSettings(store=opened, model="logistic") == RunSettings(store=str(tiny_store), model="logistic")
    split = data.make_split("speaker-disjoint", opened, "sentiment3")
    with pytest.raises(
        ParameterError, match=r"split is named by text .* got Split; write a split to a file, as by split.write"
    ):
        RunSettings(store=opened, model="logistic", split=split)
    with pytest.raises(ParameterError, match=r"made of its settings, as in Run\(RunSettings\(.* got str|got str"):
        Run(str(tiny_store))


def test_the_monitor_is_of_the_runs_identity_where_it_chooses_otherwise_than_ever(tiny_store, tmp_path):
    plain, ua, loss = (
        make(tiny_store, tmp_path, training=QUICK | more) for more in ({}, {"monitor": "ua"}, {"monitor": "loss"})
    )
    assert plain.digest == ua.digest != loss.digest
    assert [run.record().training.monitor for run in (plain, ua, loss)] == ["ua", "ua", "loss"]
    with pytest.raises(ParameterError, match=r"monitor is 'ccc'; task .* learns classes"):
        make(tiny_store, tmp_path, training=QUICK | {"monitor": "ccc"})


def test_ratings_of_a_model_whose_recipe_names_wa_are_chosen_by_ccc(tiny_store, tmp_path):
    run = make(tiny_store, tmp_path, model="logistic", task="sentiment-score", training={"epochs": 1, "device": "cpu"})
    assert run.training.monitor == "ccc"
