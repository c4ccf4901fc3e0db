import dataclasses
import json

import pytest
import torch
from torch import nn

from featurekit import models, training
from featurekit.data import Split
from featurekit.errors import ParameterError, SplitError
from featurekit.experiments import Run, RunSettings
from featurekit.models import Output

QUICK = {"epochs": 1, "device": "cpu", "n_frames": 20}
SMALL = {"units1": 4, "units2": 4, "units3": 4, "dense": 4}


class Twice(nn.Module):
    """A fusion with one part: a whole ub-lstm, whose class layer it uses as it is."""

    def __init__(self, *, dims, n_classes):
        super().__init__()
        self.frames = models.build("ub-lstm", dims=dims, n_classes=n_classes, **SMALL)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, batch):
        output = self.frames(batch)
        return Output(output.logits * self.scale, output.embedding)


@pytest.fixture(autouse=True)
def fusion(monkeypatch):
    models.MODELS.get("ub-lstm")
    members = dict(models.MODELS._members) | {"twice": models.Model("twice", Twice, ("frames",), recipe={}, paper="none")}
    monkeypatch.setattr(models.MODELS, "_members", members)


def settings(store, **changes):
    given = {"store": str(store), "model": "ub-lstm", "features": "rms", "split": "speaker-kfold(k=2)", "training": QUICK}
    return RunSettings(**given | changes)


@pytest.fixture(scope="module")
def branch(tiny_store, tmp_path_factory):
    return Run(settings(tiny_store, hyper=SMALL), runs=tmp_path_factory.mktemp("branch")).execute().folder


def test_each_fold_starts_from_the_same_fold_of_the_finished_run(tiny_store, branch, tmp_path):
    run = Run(settings(tiny_store, model="twice", init={"frames": str(branch)}), runs=tmp_path)
    for number in range(2):
        model = models.build("twice", dims=1, n_classes=3)
        run.initial.load_into(model, number)
        expected, _ = training.load_checkpoint(branch / "folds" / str(number))
        assert all(torch.equal(model.frames.state_dict()[name], value) for name, value in expected.items())
    record = json.loads((run.execute().folder / "run.json").read_text())
    assert record["initial"] == run.initial.digests


def test_the_states_belong_to_what_the_run_is_and_their_place_does_not(tiny_store, branch, tmp_path):
    plain = Run(settings(tiny_store, model="twice"), runs=tmp_path)
    from_here = Run(settings(tiny_store, model="twice", init={"frames": str(branch)}), runs=tmp_path)
    moved = tmp_path / "moved"
    moved.symlink_to(branch)
    from_there = Run(settings(tiny_store, model="twice", init={"frames": str(moved)}), runs=tmp_path)
    assert from_here.digest == from_there.digest != plain.digest


def test_a_run_that_trained_on_what_is_tested_is_refused(tiny_store, branch, tmp_path):
    with pytest.raises(SplitError, match=r"has another split and no fold s?\w+"):
        Run(settings(tiny_store, model="twice", split="loso", init={"frames": str(branch)}), runs=tmp_path)
    with pytest.raises(SplitError, match=r"was trained on .* utterances that fold"):
        Run(settings(tiny_store, model="twice", split="speaker-kfold(k=3)", init={"frames": str(branch)}), runs=tmp_path)


def test_another_split_will_do_where_nothing_tested_was_seen(tiny_store, branch, tmp_path):
    run = Run(settings(tiny_store), runs=tmp_path)
    theirs = Split.read(branch / "split.json")
    narrowed = dataclasses.replace(run.split.folds[1], train=run.split.folds[1].train[1:])
    other = dataclasses.replace(theirs, folds=(narrowed,))
    found = type(run.initial).of({"frames": str(branch)}, other, [column.key for column in run.store.columns.values()])
    assert [fold.number for fold in found.folds["frames"]] == [1]


def test_parts_columns_and_runs_that_do_not_fit_are_refused(tiny_store, branch, tmp_path):
    with pytest.raises(ParameterError, match=r"no part 'images'; its parts are frames"):
        Run(settings(tiny_store, model="twice", init={"images": str(branch)}), runs=tmp_path).execute()
    with pytest.raises(ParameterError, match="read rms, which this run does not"):
        Run(settings(tiny_store, model="twice", features="mel32", init={"frames": str(branch)}), runs=tmp_path)
    with pytest.raises(
        ParameterError, match=r"does not fit part 'frames': 'lstm1\..*' has the shape \(.*\) in the file and has the shape"
    ):
        Run(settings(tiny_store, model="twice", features="rms,mel32", init={"frames": str(branch)}), runs=tmp_path).execute()
    with pytest.raises(ParameterError, match="is not a run"):
        Run(settings(tiny_store, model="twice", init={"frames": str(tmp_path)}), runs=tmp_path)
