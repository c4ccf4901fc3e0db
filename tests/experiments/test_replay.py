import json
import shutil

import pytest

from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.experiments.replay import replay
from tests.runs.making import rewrite, seal

SMALL = {"units1": 4, "units2": 4, "units3": 4, "dense": 4}


@pytest.fixture(scope="module")
def finished(tiny_store, tmp_path_factory):
    training = {"epochs": 2, "device": "cpu", "n_frames": 20}
    settings = RunSettings(str(tiny_store), "ub-lstm", "rms", split="speaker-kfold(k=2)", training=training, hyper=SMALL)
    return Run(settings, runs=tmp_path_factory.mktemp("runs")).execute().folder


def test_a_run_comes_again_to_the_bit(finished):
    found = replay(finished)
    assert found.same
    assert found.changed == {}
    assert all(fold["weights_equal"] and fold["largest_difference"] == 0 for fold in found.folds)
    assert [fold["fold"] for fold in found.folds] == ["0", "1"]
    assert all(then == now for then, now in found.pooled.values())


def test_a_run_of_before_there_was_a_monitor_comes_again_unchanged(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    record = json.loads((copy / "run.json").read_text())
    assert record["training"].pop("monitor") == "ua"
    rewrite(copy / "run.json", record)
    assert replay(copy).changed == {}


def test_what_differs_is_said(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    record = json.loads((copy / "run.json").read_text())
    record["settings"]["training"]["seed"] = 1
    record["versions"]["torch"] = "0.1"
    rewrite(copy / "run.json", record)
    lines = (copy / "folds" / "1" / "predictions.jsonl").read_text().splitlines()
    other = json.dumps(json.loads(lines[0]) | {"probabilities": [1.0, 0.0, 0.0]})
    (copy / "folds" / "1" / "predictions.jsonl").write_text("\n".join([other, *lines[1:]]) + "\n")
    seal(copy / "folds" / "1")
    found = replay(copy)
    assert not found.same
    assert set(found.changed) == {"training", "versions"}
    assert not found.folds[0]["weights_equal"]
    assert found.folds[0]["largest_difference"] > 0
    assert found.folds[1]["largest_difference"] > 0
    assert json.loads(json.dumps(found.to_record()))["same"] is False


def test_a_store_that_moved_may_be_named_and_what_is_no_run_is_refused(finished, tiny_store, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(tiny_store, moved)
    assert replay(finished, store=str(moved)).same
    with pytest.raises(ParameterError, match="is not a run"):
        replay(tmp_path)
