"""A model of stages: its branches are runs of their own, found again by their digest; the fusion is trained on them."""

import json
import shutil
from functools import partial

import pytest
import torch
from click.testing import CliRunner

from featurekit import corpora, extraction, training
from featurekit.cli import main
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.experiments import Run, RunProgress, RunSettings
from featurekit.experiments import run as runs_module
from featurekit.experiments.fold import train_fold
from featurekit.inference import Predictor

NAME = "aff-acrnn-ubbi-res18"
SMALL = {"units1": 4, "units2": 4, "units3": 4, "dense": 6}
HYPER = {"bilstm": SMALL, "sbcnn": {"units": 5}, "units": 4}
QUICK = {"epochs": 1, "device": "cpu", "n_frames": 20, "threads": 1}


@pytest.fixture(scope="module")
def both(tiny_corpus, tmp_path_factory):
    """A store with frames and a small image."""
    out = tmp_path_factory.mktemp("both") / "demo"
    manifest = corpora.read_corpus("demo", tiny_corpus)
    columns = "luo2019-best4/mfcc,spectrogram(height=16, width=16)"
    extraction.build_store(manifest, root=tiny_corpus, out=out, columns=columns, corpus="demo", backend="serial")
    return out


@pytest.fixture
def settings(both):
    return partial(
        RunSettings,
        store=str(both),
        model=NAME,
        features="luo2019-best4/mfcc,spectrogram(height=16, width=16)",
        split="speaker-kfold(k=2)",
        hyper=HYPER,
        training=QUICK,
    )


@pytest.fixture(scope="module")
def trained(both, tmp_path_factory):
    """The folder of runs after a fusion was trained, and what was heard."""
    runs, heard = tmp_path_factory.mktemp("runs"), Heard()
    features = "luo2019-best4/mfcc,spectrogram(height=16, width=16)"
    chosen = RunSettings(str(both), NAME, features, "speaker-kfold(k=2)", hyper=HYPER, training=QUICK)
    run = Run(chosen, runs=runs)
    run.execute(heard)
    return run, heard


class Heard(RunProgress):
    def __init__(self):
        self.stages, self.epochs, self.done = [], 0, 0

    def stage(self, run, number, of):
        self.stages.append((number, of, run.settings.model))

    def epoch(self, fold, row, epochs):
        self.epochs += 1

    def finished(self, fold, predictions):
        self.done += 1


def test_the_branches_are_runs_of_their_own_and_the_fusion_starts_from_them_fold_by_fold(trained):
    run, heard = trained
    assert heard.stages == [(1, 3, "ub-bilstm"), (2, 3, "sbcnn-resnet18"), (3, 3, NAME)]
    assert (heard.epochs, heard.done) == (6, 6)  # one epoch, three runs, two folds
    assert sorted(path.name for path in run.runs.iterdir()) == sorted(one.folder.name for one in (run, *run.stages.values()))
    for part, branch in run.stages.items():
        for number in range(2):
            branch_state, _ = training.load_checkpoint(branch.folder / "folds" / str(number))
            fused, _ = training.load_checkpoint(run.folder / "folds" / str(number))
            assert branch_state
            assert all(torch.equal(fused[f"{part}.{name}"], value) for name, value in branch_state.items())
    record = json.loads((run.folder / "run.json").read_text())
    assert record["initial"] == run.initial.digests
    assert {part: len(found) for part, found in record["initial"].items()} == {"lasv": 2, "casv": 2}


def test_a_second_call_finds_every_stage_and_trains_nothing(trained, settings):
    heard = Heard()
    again = Run(settings(), runs=trained[0].runs)
    assert again.folder == trained[0].folder
    again.execute(heard)
    assert (heard.epochs, heard.done) == (0, 6)
    assert Run.goes_on(again.folder, progress=heard).folder == again.folder


def test_a_branch_that_was_trained_by_itself_is_found(trained, settings):
    alone = settings(model="ub-bilstm", features="luo2019-best4/mfcc", hyper=SMALL)
    assert Run(alone, runs=trained[0].runs).folder == trained[0].stages["lasv"].folder
    assert not Run(alone, runs=trained[0].runs).pending


def test_a_finished_fusion_does_not_train_a_branch_again_whose_run_was_deleted(trained, settings, tmp_path):
    runs, heard = tmp_path / "runs", Heard()
    shutil.copytree(trained[0].runs, runs)
    run = Run(settings(), runs=runs)
    before = (run.folder / "run.json").read_bytes()
    shutil.rmtree(run.stages["lasv"].folder)
    result = run.execute(heard)
    assert (heard.epochs, heard.stages, run.stages["lasv"].folder.exists()) == (0, [], False)
    assert result.metrics["pooled"] == json.loads((trained[0].folder / "metrics.json").read_bytes())["pooled"]
    assert (run.folder / "run.json").read_bytes() == before  # which says from which states it started


def test_a_part_that_the_model_does_not_have_is_refused_before_a_branch_is_trained(trained, settings, tmp_path):
    given = {"lstm": str(trained[0].stages["lasv"].folder)}
    with pytest.raises(UnknownNameError, match=f"unknown part of {NAME}: 'lstm'; known: casv, lasv"):
        Run(settings(init=given), runs=tmp_path)


def test_another_fusion_of_the_same_branches_trains_the_fusion_alone(trained, settings):
    heard = Heard()
    other = Run(settings(hyper={**HYPER, "units": 3}), runs=trained[0].runs)
    assert other.folder != trained[0].folder
    other.execute(heard)
    assert heard.epochs == 2


@pytest.mark.parametrize("stage", ["lasv", "casv", "whole"])
def test_killed_in_a_stage_it_goes_on_there_and_ends_in_the_same_bits(trained, settings, tmp_path, monkeypatch, stage):
    run = Run(settings(), runs=tmp_path)
    killed = {"whole": run, **run.stages}[stage]

    def once(one, number, **heard):
        if one.folder == killed.folder and number == 1:
            raise KeyboardInterrupt
        return train_fold(one, number, **heard)

    with monkeypatch.context() as patch:
        patch.setattr(runs_module, "train_fold", once)
        with pytest.raises(KeyboardInterrupt):
            run.execute()
    assert killed.pending == [1]
    heard = Heard()
    Run(settings(), runs=tmp_path).execute(heard)
    before = {"lasv": 1, "casv": 3, "whole": 5}[stage]
    assert heard.epochs == 6 - before
    for number in "01":
        states = [training.load_checkpoint(one / "folds" / number)[0] for one in (run.folder, trained[0].folder)]
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_what_holds_for_all_stages_and_what_is_of_one(settings, tmp_path):
    said = {**QUICK, "epochs": 3, "lr": 0.5, "batch_size": 7, "sbcnn": {"lr": 0.25}}
    hyper = {**HYPER, "weights": ""}
    run = Run(settings(training=said, hyper=hyper, seed=4), runs=tmp_path)
    lasv, casv = run.stages["lasv"], run.stages["casv"]
    assert [one.training.epochs for one in (run, lasv, casv)] == [3, 3, 3]
    assert [one.training.lr for one in (run, lasv, casv)] == [0.5, 1e-4, 0.25]
    assert [one.training.batch_size for one in (run, lasv, casv)] == [7, 30, 20]
    assert [one.training.seed for one in (run, lasv, casv)] == [4, 4, 4]
    assert lasv.settings.hyper == SMALL
    assert casv.settings.hyper == {"units": 5, "weights": ""}
    assert (lasv.columns, casv.columns) == (run.columns[:1], run.columns[1:])
    assert casv.split.digest == run.split.digest
    other = Run(settings(training={**said, "sbcnn": {"lr": 0.125}}, hyper=hyper, seed=4), runs=tmp_path)
    assert other.digest != run.digest
    assert other.stages["lasv"].digest == lasv.digest


def test_jointly_there_are_no_stages(settings, tmp_path):
    run = Run(settings(hyper={**HYPER, "joint": True}), runs=tmp_path)
    assert run.stages == {}
    heard = Heard()
    run.execute(heard)
    assert (heard.stages, heard.epochs) == ([], 2)
    with pytest.raises(
        ParameterError, match=r"\[training.sbcnn\] is for a run of sbcnn-resnet18, and part casv is trained with"
    ):
        Run(settings(hyper={**HYPER, "joint": True}, training={"sbcnn": {"lr": 1e-3}}), runs=tmp_path)


def test_settings_of_a_branch_are_checked_before_anything_is_trained(settings, tmp_path):
    with pytest.raises(UnknownNameError, match="hyper-parameter of ub-bilstm: 'dence'"):
        Run(settings(hyper={"bilstm": {"dence": 100}}), runs=tmp_path)
    with pytest.raises(ParameterError, match="hyper-parameter of sbcnn-resnet18: units is 0; expected 1 or more"):
        Run(settings(hyper={"sbcnn": {"units": 0}}), runs=tmp_path)
    with pytest.raises(ParameterError, match="bilstm is 3; expected a table"):
        Run(settings(hyper={"bilstm": 3}), runs=tmp_path)
    with pytest.raises(UnknownNameError, match=f"hyper-parameter of {NAME}: 'lstm'"):
        Run(settings(hyper={"lstm": {"dense": 3}}), runs=tmp_path)
    with pytest.raises(UnknownNameError, match="'lrr'"):
        Run(settings(training={"sbcnn": {"lrr": 1}}), runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_finished_run_of_another_size_or_model_is_refused_in_a_sentence(trained, settings, tmp_path):
    folders = {part: str(run.folder) for part, run in trained[0].stages.items()}
    with pytest.raises(
        ParameterError,
        match=rf"was trained with hyper.dense = 6, and {NAME} has hyper.bilstm.dense = 200: say --set hyper.bilstm.dense=6",
    ):
        Run(settings(init=folders, hyper={"bilstm": {**SMALL, "dense": 200}}), runs=tmp_path)
    with pytest.raises(ParameterError, match=f"part lasv of {NAME} is ub-bilstm, and .* is a run of sbcnn-resnet18"):
        Run(settings(init={"lasv": folders["casv"]}), runs=tmp_path)
    assert Run(settings(init=folders), runs=tmp_path).stages == {}
    assert list(Run(settings(init={"casv": folders["casv"]}), runs=tmp_path).stages) == ["lasv"]


def test_a_trained_fusion_predicts(trained, tiny_corpus):
    file = next(path for path in tiny_corpus.rglob("*") if path.suffix in (".wav", ".flac"))
    assert Predictor(trained[0].folder, device="cpu")(file).predicted


def test_the_command_says_which_stage_it_is_and_a_dry_run_how_long_each_takes(both, tmp_path):
    table = {"bilstm": SMALL, "sbcnn": {"units": 5}, "units": 4}
    lines = [f"hyper.{name}.{key}={size}" for name in ("bilstm", "sbcnn") for key, size in table[name].items()]
    what = ["train", str(both), "--model", NAME, "--features", "luo2019-best4/mfcc,spectrogram(height=16, width=16)"]
    how = ["--split", "speaker-disjoint", "--epochs", "1", "--device", "cpu", "-o", str(tmp_path / "runs")]
    asked = [*what, *how, *(word for line in lines for word in ("--set", line)), "--set", "hyper.units=4"]
    dry = CliRunner().invoke(main, [*asked, "--dry-run"], catch_exceptions=False)
    assert dry.exit_code == 0, dry.output
    assert "stage 1 of 3: ub-bilstm" in dry.output
    assert "stage 2 of 3: sbcnn-resnet18" in dry.output
    assert f"stage 3 of 3, the whole: {NAME}" in dry.output
    assert not (tmp_path / "runs").exists()
    done = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert [line for line in done.output.splitlines() if line.startswith("stage")] == [
        "stage 1 of 3: ub-bilstm",
        "stage 2 of 3: sbcnn-resnet18",
        f"stage 3 of 3, the whole: {NAME}",
    ]
    told = CliRunner().invoke(main, [*asked, "--dry-run", "--json"], catch_exceptions=False)
    facts = json.loads(told.stdout)
    assert [stage["folds"] for stage in facts["stages"]] == [0, 0]
