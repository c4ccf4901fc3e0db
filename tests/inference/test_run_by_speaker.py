"""A run that normalises by speaker says so, reads stores alike everywhere, and refuses what has no speaker."""

import json

import numpy as np
import pytest

from featurekit import inference, store
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.inference.export import export_run

QUICK = {"epochs": 1, "device": "cpu", "normalise": "speaker"}


@pytest.fixture(scope="module")
def run(speech_store, finish):
    return finish(speech_store, "rnn-attention", "mel32", training=QUICK)


def test_the_verdict_says_transductive(run):
    for name in ("run.json", "metrics.json"):
        assert "transductive" in (run / name).read_text()


def test_a_store_is_judged_as_in_training(run, speech_store, tmp_path):
    (column,) = inference.embed(run, speech_store, what="logits", device="cpu").columns
    opened = store.open_store(speech_store)
    for row in map(json.loads, (run / "folds" / "0" / "predictions.jsonl").read_text().splitlines()):
        logits = opened.read(column, opened.manifest.index(row["id"])).astype(np.float64)[0]
        np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), row["probabilities"], atol=2e-5)


def test_a_file_and_a_graph_have_no_speaker(run, tmp_path):
    with pytest.raises(ParameterError, match="audio alone does not say whose it is"):
        inference.Predictor(run, device="cpu")
    with pytest.raises(ParameterError, match="normalises by speaker"):
        export_run(run, tmp_path / "model.onnx")


def test_an_image_is_refused_before_anything_is_written(speech_store, tmp_path):
    settings = RunSettings(str(speech_store), "sbcnn-resnet18", "spectrogram(height=48,width=48)", training=QUICK)
    with pytest.raises(ParameterError, match="which is for frames and vectors"):
        Run(settings, runs=tmp_path)
    assert not any(tmp_path.iterdir())
