"""A run says what its split shares, and refuses a column that was trained on what it is tested on."""

import json

import pytest

from featurekit import data
from featurekit.errors import SplitError
from featurekit.experiments import Run, RunSettings


def settings(store, **changes):
    return RunSettings(**{"store": str(store), "model": "ub-bilstm", "features": "rms", "task": "sentiment3"} | changes)


def test_the_audit_stands_beside_the_result(tiny_store, tmp_path):
    training = {"epochs": 1, "device": "cpu", "n_frames": 40}
    result = Run(settings(tiny_store, split="random", allow_speaker_overlap=True, training=training), runs=tmp_path).execute()
    audit = json.loads((result.folder / "audit.json").read_text())
    assert audit["ok"] is False
    assert result.metrics["split"]["verdict"] == audit["verdict"]
    assert audit["verdict"].startswith("SPEAKERS OVERLAP between parts: ")


def test_a_column_that_was_trained_on_test_utterances_is_refused(tiny_store, tmp_path, monkeypatch):
    tested = Run(settings(tiny_store), runs=tmp_path).split.fold().test
    monkeypatch.setattr(data, "training_ids", lambda store, columns: {"rms": tested[:2]})
    with pytest.raises(SplitError, match=r"column rms was trained on 2 of \d+ utterances of test.*leave it out"):
        Run(settings(tiny_store), runs=tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(data, "training_ids", lambda store, columns: {"rms": ("somebody else's",)})
    Run(settings(tiny_store), runs=tmp_path)
