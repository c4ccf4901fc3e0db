from __future__ import annotations

from types import SimpleNamespace

import pytest

from featurekit import data, training
from featurekit.experiments import fold as one_fold
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
        training=SimpleNamespace(normalise="neutral", seed=0),
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
