import dataclasses
import json

import numpy as np
import pytest

from featurekit.backends import open_backend
from featurekit.data import labelled
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunProgress, RunSettings
from featurekit.experiments.seeds import execute_seeds, with_seeds

QUICK = {"epochs": 1, "device": "cpu", "n_frames": 20}
SMALL = {"units1": 4, "units2": 4, "units3": 4, "dense": 4}


def test_seeds_change_the_training_and_not_the_split(tiny_store, tmp_path):
    settings = RunSettings(store=str(tiny_store), model="ub-lstm", features="rms", training=QUICK, hyper=SMALL)
    results, summary, path = execute_seeds(settings, 2, runs=tmp_path)
    splits = [(result.folder / "split.json").read_bytes() for result in results]
    assert splits[0] == splits[1]
    weights = [(result.folder / "folds" / "0" / "model.safetensors").read_bytes() for result in results]
    assert weights[0] != weights[1]
    values = [result.metrics["pooled"]["macro_f1"] for result in results]
    assert summary["pooled"]["macro_f1"]["mean"] == pytest.approx(np.mean(values))
    assert summary["pooled"]["macro_f1"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert json.loads(path.read_text()) == summary
    assert path.parent == tmp_path


def test_folds_that_were_just_trained_at_once_are_told_with_their_epochs(tiny_store, tmp_path, monkeypatch):
    # Processes of their own are test_run.py's; here it matters what is told of folds that another trained.
    monkeypatch.setattr("featurekit.experiments.at_once.open_backend", lambda name, workers: open_backend("serial", workers))

    class Heard(RunProgress):
        epochs = 0

        def epoch(self, fold, row, epochs):
            self.epochs += 1

    settings = RunSettings(store=str(tiny_store), model="ub-lstm", features="rms", training=QUICK, hyper=SMALL)
    heard = Heard()
    execute_seeds(settings, 2, runs=tmp_path, jobs=2, progress=heard)
    assert heard.epochs == 2
    execute_seeds(settings, 2, runs=tmp_path, jobs=2, progress=heard)
    assert heard.epochs == 2  # finished before


def test_every_seed_of_a_control_deals_the_labels_anew_on_the_split_of_the_run_it_controls(tiny_store, tmp_path):
    settings = RunSettings(store=str(tiny_store), model="ub-lstm", features="rms", split="random", allow_speaker_overlap=True)
    truth = Run(settings, runs=tmp_path)
    first, second = (Run(one, runs=tmp_path) for one in with_seeds(dataclasses.replace(settings, shuffle_labels=True), 2))
    labels = [labelled(run.store.manifest, run.task, run.ids) for run in (truth, first, second)]
    assert labels[1] != labels[2] != labels[0]
    assert sorted(labels[1].values()) == sorted(labels[2].values()) == sorted(labels[0].values())
    assert truth.split.digest == first.split.digest == second.split.digest


def test_the_first_seed_is_the_one_that_was_said(tiny_store):
    settings = RunSettings(store="s", model="m", seed=3)
    assert [one.training["seed"] for one in with_seeds(settings, 3)] == [3, 4, 5]
    with pytest.raises(ParameterError, match="1 or more"):
        with_seeds(settings, 0)
