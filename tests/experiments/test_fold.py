from __future__ import annotations

from types import SimpleNamespace

import pytest

from featurekit import data, training
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.experiments import fold as one_fold
from featurekit.inference import Predictor
from featurekit.manifest import Manifest, Utterance


@pytest.fixture
def run(monkeypatch):
    """Four utterances, of which the last is tested."""
    labels = {"a": "angry", "b": "neutral", "c": "neutral", "d": "neutral"}
    manifest = Manifest(Utterance(id=name, path="x.wav", labels={"emotion": label}) for name, label in labels.items())
    monkeypatch.setattr(data.Normaliser, "fit", lambda store, columns, ids: list(ids))
    monkeypatch.setattr(one_fold, "_dataset", lambda *arguments: None)
    monkeypatch.setattr(training, "build_for", lambda *arguments, **hyper: None)
    return SimpleNamespace(
        store=SimpleNamespace(manifest=manifest),
        view=None,
        columns=["x/a"],
        task=data.get_task("emotion", manifest),
        training=SimpleNamespace(normalise="neutral", seed=0, n_frames=None),
        settings=SimpleNamespace(drop_unlabelled=False, model="", hyper={}),
        split=SimpleNamespace(folds=[data.Fold("0", ("a", "b", "c"), (), ("d",)), data.Fold("1", ("a",), (), ("d",))]),
        initial=SimpleNamespace(load_into=lambda model, number: None),
    )


@pytest.mark.parametrize(("normalise", "fitted_on"), [("training", ["a", "b", "c"]), ("neutral", ["b", "c"])])
def test_the_normaliser_is_fitted_on_the_training_part_or_its_neutral_speech(run, normalise, fitted_on):
    run.training.normalise, heard = normalise, []
    assert one_fold.prepared(run, 0, heard.append)[3] == fitted_on
    assert one_fold._normalised_by(run, run.split.folds[0])[0] == normalise
    assert not heard


def test_a_fold_without_neutral_speech_says_so_and_records_what_it_took(run):
    heard = []
    assert one_fold.prepared(run, 1, heard.append)[3] == ["a"]
    assert heard == [
        "fold 1: no training utterance is labelled neutral in task emotion, so the values are normalised by the whole "
        "training part"
    ]
    assert one_fold._normalised_by(run, run.split.folds[1])[0] == "training"


def pictures(path, runs, **changes):
    settings = {"store": str(path), "model": "cnn2d", "features": "mel32"}
    settings |= {"training": {"epochs": 1, "device": "cpu", "n_frames": 21}}
    return Run(RunSettings(**settings | changes), runs=runs)


def test_the_frames_that_a_run_names_are_the_columns_of_the_picture(tiny_store, tmp_path):
    model, train, dev, _ = one_fold.prepared(pictures(tiny_store, tmp_path), 0)
    assert (model.n_frames, train.n_frames, dev.n_frames) == (21, 21, 21)


def test_a_picture_is_cut_after_the_augmentation(tiny_store, tmp_path):
    model, train, dev, _ = one_fold.prepared(pictures(tiny_store, tmp_path, augment=("tempo",)), 0)
    assert (model.n_frames, train.n_frames, dev.n_frames) == (21, None, 21)
    run = pictures(tiny_store, tmp_path, model="mlp-pool", augment=("tempo",))
    assert one_fold.prepared(run, 0)[1].n_frames == 21  # it would see what it does not see in the test


def test_a_finished_run_knows_how_wide_its_pictures_are(tiny_store, tmp_path):
    folder = pictures(tiny_store, tmp_path).execute().folder
    assert training.checkpoint_record(folder / "folds" / "0")["build"]["n_frames"] == 21
    assert Predictor(folder)._folds[0].model.n_frames == 21


def test_frames_are_no_hyper_parameter(tiny_store, tmp_path):
    with pytest.raises(ParameterError, match=r"of cnn2d: 'n_frames'; did you mean training\.n_frames"):
        pictures(tiny_store, tmp_path, hyper={"n_frames": 21})
