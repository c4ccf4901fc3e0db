"""A run applied on the pretended GPU: predictions, embeddings, attention and exports are those of the CPU."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featurekit import inference, store
from featurekit.inference.export import export_run

RUNS = {
    "ub-bilstm": ("rms", "speaker-disjoint"),
    "rnn-attention": ("rms", "speaker-kfold(k=2)"),
    "sbcnn-lenet": ("spectrogram(height=48,width=48)", "speaker-disjoint"),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request: Any, speech_store: Path, finish: Any) -> Path:
    features, split = RUNS[request.param]
    return finish(speech_store, request.param, features, split=split)


def test_files_are_judged_as_on_a_cpu(run: Path, speech: Path, gpu: Any) -> None:
    paths = [speech / f"{number}.wav" for number in range(5)]
    here, there = (inference.Predictor(run, device=device) for device in ("cpu", "auto"))
    assert there.device.type == "cuda"
    assert list(there.files(paths, batch_size=2)) == list(here.files(paths, batch_size=2))
    one, other = (predictor(paths[0]) for predictor in (here, there))
    assert one == other


def test_a_stream_is_judged_as_on_a_cpu(run: Path, gpu: Any) -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(20_000)).astype("<f4").tobytes()
    told = [
        list(inference.judge_stream(predictor, io.BytesIO(samples), sample_rate=16000, chunk_s=0.5, encoding="f32le"))
        for predictor in (inference.Predictor(run, device=device) for device in ("cpu", "cuda"))
    ]
    assert told[0] == told[1]
    assert len(told[0]) == 3


@pytest.mark.parametrize("what", ["embedding", "logits", "attention"])
def test_what_is_written_into_a_store_is_what_a_cpu_writes(
    what: str, run: Path, speech_store: Path, tmp_path: Path, gpu: Any
) -> None:
    if what == "attention" and "sbcnn" in run.name:
        return
    columns = {}
    for device in ("cpu", "cuda"):
        path = Path(shutil.copytree(speech_store, tmp_path / device))
        found = inference.embed(run, path, what=what, device=device)
        opened = store.open_store(path)
        assert {opened.columns[name].engine for name in found.columns} == {device}
        columns[device] = [opened.read(name, index) for name in found.columns for index in range(len(opened))]
    for one, other in zip(columns["cpu"], columns["cuda"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_attention_of_one_utterance(run: Path, speech_store: Path, gpu: Any) -> None:
    if "sbcnn" in run.name:
        return
    name = store.open_store(speech_store).ids[0]
    both = [inference.attention_of(run, speech_store, name, device=device) for device in ("cpu", "cuda")]
    for (_, one), (_, other) in zip(*both, strict=True):
        np.testing.assert_array_equal(one, other)


def test_networks_are_applied_in_whole_float32(run: Path, speech: Path, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = inference.Predictor(run, device="cuda")
    seen = []
    model = predictor._folds[0].model
    model.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    predictor(speech / "0.wav")
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32


def test_a_run_is_exported_beside_a_gpu(finish: Any, speech_store: Path, tmp_path: Path, gpu: Any) -> None:
    run = finish(speech_store, "ub-bilstm", "rms", split="speaker-disjoint")
    exported = export_run(run, tmp_path / "model.pt")
    assert exported.difference is not None
    assert exported.difference < 1e-5
