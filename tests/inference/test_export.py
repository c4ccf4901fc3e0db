import json
import shutil
import warnings

import numpy as np
import pytest
import torch

from featurekit import inference, open_store
from featurekit.errors import MissingDependencyError, ParameterError, UnknownNameError
from featurekit.inference import export
from featurekit.runs import StoredRun

onnxruntime = pytest.importorskip("onnxruntime")


def loaded_onnx(path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["featurekit"])
    return (lambda inputs: session.run(None, inputs)), facts


def loaded_torchscript(path):
    files = {"featurekit.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(str(path), _extra_files=files)
    facts = json.loads(files["featurekit.json"])
    return (lambda inputs: [value.numpy() for value in module(*map(torch.from_numpy, inputs.values()))]), facts


LOAD = {".onnx": loaded_onnx, ".pt": loaded_torchscript}


def agrees(run, path, store, names):
    """The file, fed with the store's own columns, says what `embed` writes."""
    answer, facts = LOAD[path.suffix](path)
    copy = shutil.copytree(store, path.parent / f"{path.stem}{path.suffix[1:]}-store")
    logits = inference.embed(run, copy, what="logits", device="cpu").columns[0]
    vectors = inference.embed(run, copy, device="cpu").columns[0]
    opened = open_store(copy)
    for name in names:
        frames = np.concatenate([opened[name][column["name"]] for column in facts["columns"]], axis=1)[None, None]
        steps = facts["inputs"]["frames"][2]
        inputs = {"frames": frames, "lengths": np.array([[frames.shape[2]]])}
        if steps != "time":
            inputs["frames"] = np.zeros((1, 1, steps, frames.shape[-1]), np.float32)
            inputs["frames"][:, :, : frames.shape[2]] = frames[:, :, :steps]
        probabilities, embedding = answer(inputs)
        shares = np.exp(opened[name][logits])
        np.testing.assert_allclose(probabilities, shares / shares.sum(), atol=1e-4)
        np.testing.assert_allclose(embedding, opened[name][vectors], atol=1e-3)
    return facts


@pytest.mark.parametrize("ending", LOAD)
def test_a_file_says_of_raw_columns_what_the_run_says(ending, speech_store, finish, tmp_path):
    run = finish(speech_store, "mlp-pool", "rms,mel(n_mels=32)")
    found = export.export_run(run, tmp_path / f"model{ending}")
    assert found.difference < 1e-5
    facts = agrees(run, found.path, speech_store, open_store(speech_store).ids[:3])
    assert facts["classes"] == ["loud", "soft"]
    assert [column["dims"] for column in facts["columns"]] == [[0, 1], [1, 33]]
    assert found.inputs["frames"] == ["batch", 1, "time", 33]


@pytest.mark.slow
@pytest.mark.parametrize("ending", LOAD)
@pytest.mark.parametrize("model", ["resnet18", "rnn-attention", "cnn2d", "resnet-asp", "lstm-stack"])
def test_other_models_of_frames_are_written_too(ending, model, speech_store, finish, tmp_path):
    run = finish(speech_store, model, "mel(n_mels=32)")
    found = export.export_run(run, tmp_path / f"model{ending}")
    agrees(run, found.path, speech_store, open_store(speech_store).ids[:2])


@pytest.mark.slow
def test_a_second_file_of_a_process_is_like_the_first(speech_store, finish, tmp_path):
    run = finish(speech_store, "rnn-attention", "mel(n_mels=32)")
    for _ in range(2):  # torch's exporter leaves its LSTM behind, in whose place the next one had a fixed time
        assert export.export_run(run, tmp_path / "model.onnx").inputs["frames"] == [1, 1, "time", 32]


@pytest.mark.slow
@pytest.mark.parametrize("ending", LOAD)
@pytest.mark.parametrize("model", ["ub-bilstm", "sbcnn-lenet"])
def test_models_of_windows_are_written_with_the_mask_of_their_slots(ending, model, tiny_store, speech_store, finish, tmp_path):
    store, features = (tiny_store, "rms") if model == "ub-bilstm" else (speech_store, "spectrogram(height=48,width=48)")
    run = finish(store, model, features, context=3)
    if (model, ending) == ("sbcnn-lenet", ".onnx"):
        with pytest.raises(ParameterError, match=r"cannot write sbcnn-lenet as ONNX: .* FILE.pt may do"):
            export.export_run(run, tmp_path / "model.onnx")
        return
    found = export.export_run(run, tmp_path / f"model{ending}")  # tries windows with an empty slot, too
    assert found.inputs["present"] == [found.inputs["present"][0], 3]
    assert found.difference < 1e-4


def test_images_go_in_as_bytes(speech_store, finish, tmp_path):
    run = finish(speech_store, "sbcnn-lenet", "spectrogram(height=48,width=48)")
    found = export.export_run(run, tmp_path / "model.pt")
    assert found.inputs == {"images": [1, 1, 48, 48]}
    answer, facts = loaded_torchscript(found.path)
    copy = shutil.copytree(speech_store, tmp_path / "store")
    vectors = inference.embed(run, copy, device="cpu").columns[0]
    view = open_store(copy)[open_store(copy).ids[4]]
    np.testing.assert_allclose(answer({"images": view[facts["image"]["name"]][None, None]})[1], view[vectors], atol=1e-4)


def test_ratings_come_out_in_the_unit_of_the_task(tiny_store, finish, tmp_path):
    run = finish(tiny_store, "mlp-pool", "rms", task="sentiment-score")
    found = export.export_run(run, tmp_path / "model.pt")
    assert found.outputs == ["values", "embedding"]
    answer, _ = loaded_torchscript(found.path)
    rows = [json.loads(line) for line in (run / "folds/0/predictions.jsonl").read_text().splitlines()]
    frames = open_store(tiny_store)[rows[0]["id"]]["rms"][None, None]
    np.testing.assert_allclose(
        answer({"frames": frames, "lengths": np.array([[frames.shape[2]]])})[0][0], rows[0]["predicted"], atol=1e-4
    )


def test_a_file_that_answers_otherwise_is_not_kept(speech_store, finish, tmp_path, monkeypatch):
    run = finish(speech_store, "mlp-pool", "rms")
    monkeypatch.setattr(export, "difference_to", lambda *arguments: 0.5)
    with pytest.raises(ParameterError, match=r"answer otherwise than the network, by 0\.5"):
        export.export_run(run, tmp_path / "model.pt")
    assert not (tmp_path / "model.pt").exists()


def test_what_cannot_be_written_is_refused_with_the_reason(speech_store, finish, tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="scikit-learn"):
        export.export_run(finish(speech_store, "svm", "rms"), tmp_path / "model.onnx")
    run = finish(speech_store, "mlp-pool", "rms")
    with pytest.raises(ParameterError, match=r"ends in neither \.onnx nor \.pt"):
        export.export_run(run, tmp_path / "model.h5")
    with pytest.raises(UnknownNameError, match="fold"):
        export.export_run(run, tmp_path / "model.pt", fold="nobody")
    several = finish(speech_store, "mlp-pool", "rms", split="speaker-kfold(k=2)")
    with pytest.raises(ParameterError, match="say which by --fold"):
        export.export_run(several, tmp_path / "model.pt")
    assert export.export_run(several, tmp_path / "model.pt", fold="1").path.exists()

    def data_dependent(self, batch):
        if float(batch.frames.sum()) > 0:
            return batch
        raise ValueError("never")

    monkeypatch.setattr(type(export.load_fold(StoredRun(run).fold(0), torch.device("cpu")).model), "forward", data_dependent)
    with pytest.raises(ParameterError, match="cannot write mlp-pool as ONNX"):
        export.export_run(run, tmp_path / "other.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(MissingDependencyError, match=r"featurekit\[export\]"):
        export.export_run(run, tmp_path / "other.onnx")
