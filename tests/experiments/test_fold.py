from __future__ import annotations

from types import SimpleNamespace

import pytest

from featurekit import data
from featurekit.experiments import fold as one_fold
from featurekit.manifest import Manifest, Utterance


@pytest.mark.parametrize(("normalise", "fitted_on"), [("training", ["a", "b", "c"]), ("neutral", ["b", "c"])])
def test_the_normaliser_is_fitted_on_the_training_part_or_its_neutral_speech(monkeypatch, normalise, fitted_on):
    labels = {"a": "angry", "b": "neutral", "c": "neutral", "d": "neutral"}
    manifest = Manifest(Utterance(id=name, path="x.wav", labels={"emotion": label}) for name, label in labels.items())
    monkeypatch.setattr(data.Normaliser, "fit", lambda store, columns, ids: list(ids))
    run = SimpleNamespace(
        store=SimpleNamespace(manifest=manifest),
        view=None,
        columns=["x/a"],
        task=data.get_task("emotion", manifest),
        training=SimpleNamespace(normalise=normalise),
        settings=SimpleNamespace(drop_unlabelled=False),
    )
    assert one_fold._normaliser(run, data.Fold("0", ("a", "b", "c"), (), ("d",))) == fitted_on
