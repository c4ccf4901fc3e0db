"""A run that cuts silence cuts it wherever it is applied."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit import corpora, extraction, inference, store
from featurekit.cli import main
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.training import TrainSettings, identity

RATE, SILENCE_S = 16000, 0.48  # 30 frames of 16 ms
QUICK = {"epochs": 1, "device": "cpu", "trim_db": 35.0}


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    """Noise between two silences, twelve files; their store."""
    soundfile = pytest.importorskip("soundfile")
    root = tmp_path_factory.mktemp("paused")
    random, pause = np.random.default_rng(0), np.zeros(round(RATE * SILENCE_S))
    lines = ["path,label,speaker"]
    for index in range(12):
        samples = (0.3 if index % 2 else 0.1) * random.standard_normal(8000 + 1600 * (index % 3))
        soundfile.write(root / f"{index}.wav", np.concatenate([pause, samples, pause]).astype(np.float32), RATE)
        lines.append(f"{index}.wav,{'loud' if index % 2 else 'soft'},s{index // 2}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    manifest = corpora.read_corpus("custom", root, manifest=root / "labels.csv")
    extraction.build_store(manifest, root=root, out=root / "store", columns="rms,mel(n_mels=32)", backend="serial")
    return root


@pytest.fixture(scope="module")
def run(paused, tmp_path_factory):
    settings = RunSettings(str(paused / "store"), "rnn-attention", "mel32", training=QUICK)
    return Run(settings, runs=tmp_path_factory.mktemp("runs")).execute().folder


def test_new_audio_and_the_store_are_judged_as_in_training(run, paused):
    rows = [json.loads(line) for line in (run / "folds" / "0" / "predictions.jsonl").read_text().splitlines()]
    predictor = inference.Predictor(run, device="cpu")
    (column,) = inference.embed(run, paused / "store", what="logits", device="cpu").columns
    opened = store.open_store(paused / "store")
    for row in rows:
        judged = list(predictor(paused / f"{row['id']}.wav").probabilities.values())
        np.testing.assert_allclose(judged, row["probabilities"], atol=2e-5)
        logits = opened.read(column, opened.manifest.index(row["id"])).astype(np.float64)[0]
        np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), row["probabilities"], atol=2e-5)


def test_a_stream_is_cut_as_a_file(run, paused):
    import io

    import soundfile

    samples, _ = soundfile.read(paused / "3.wav", dtype="float32")
    predictor = inference.Predictor(run, device="cpu")
    (judged,) = inference.judge_stream(
        predictor, io.BytesIO(samples.tobytes()), sample_rate=RATE, chunk_s=10.0, encoding="f32le"
    )
    assert judged.probabilities == pytest.approx(predictor(paused / "3.wav").probabilities, abs=1e-6)


def test_an_exported_file_wants_frames_without_silence_and_says_so(paused, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    run = Run(RunSettings(str(paused / "store"), "mlp-pool", "mel32", training=QUICK), runs=tmp_path).execute().folder
    said = CliRunner().invoke(main, ["export", str(run), "-o", str(tmp_path / "model.onnx")]).output
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["featurekit"])
    assert facts["silence"].startswith("the run cut silence: give only the frames")
    assert facts["silence"] in said
    assert [column["hop_s"] for column in facts["columns"]] == [facts["level"]["hop_s"]]
    opened, predictor = store.open_store(paused / "store"), inference.Predictor(run, device="cpu")
    for name in ("2", "5"):
        loud = np.flatnonzero(opened[name]["rms"] >= opened[name]["rms"].max() * 10 ** (-facts["trim_db"] / 20))
        frames = opened[name]["mel32"][loud[0] : loud[-1] + 1][None, None]
        (told,), _ = session.run(None, {"frames": frames, "lengths": np.array([[frames.shape[2]]])})
        np.testing.assert_allclose(told, list(predictor(paused / f"{name}.wav").probabilities.values()), atol=1e-5)


def test_attention_stands_at_its_time(run, paused):
    ((info, weights),) = inference.attention_of(run, paused / "store", "3", device="cpu")
    begins = np.flatnonzero(weights.sum(axis=1))[0]
    assert begins * info.hop_s == pytest.approx(SILENCE_S, abs=3 * info.hop_s)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-5)


def test_what_cannot_be_cut_is_said_with_what_to_do(paused, speech_store, tmp_path):
    def refused(where, model, features, what):
        with pytest.raises(ParameterError, match=what):
            Run(RunSettings(str(where), model, features, training=QUICK), runs=tmp_path)

    refused(speech_store, "sbcnn-lenet", "spectrogram(height=48,width=48)", "shows a whole utterance")
    manifest = corpora.read_corpus("custom", paused, manifest=paused / "labels.csv")
    extraction.build_store(manifest, root=paused, out=tmp_path / "s", columns="mel(n_mels=32)", backend="serial")
    refused(tmp_path / "s", "mlp-pool", "mel32", "add it: featurekit extract --corpus custom .*--features rms -o")


def test_a_run_that_cuts_is_another_run_and_one_that_does_not_keeps_its_name(paused, tmp_path):
    how = {"store": str(paused / "store"), "model": "mlp-pool", "features": "mel32"}
    whole, cut = (Run(RunSettings(**how, training=training), runs=tmp_path) for training in ({}, {"trim_db": 35.0}))
    assert whole.digest != cut.digest
    assert identity(TrainSettings()).keys() == identity(dataclasses.replace(TrainSettings(), trim_db=1.0)).keys() - {"trim_db"}
