"""The frozen encoder of a transducer: what a fold's folder and foreign weights hold, against the network that was trained."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.features import Plan, explain, extract, parse
from featurekit.features.encoders import describe, transducer
from featurekit.features.specaugment import SpecAugment, without_log_mel

torch = pytest.importorskip("torch")
RATE = 16000
SMALL = {"macros": 3, "layers": 2, "filters": 6, "units": 5, "projection": 12}


def noise(n_samples=RATE, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    from featurekit.models import build

    torch.manual_seed(0)
    return build("rnnt-attention", dims=80, n_classes=3, **SMALL).eval()


@pytest.fixture
def fold(network, tmp_path):
    """The folder of a fold as training leaves it, and the numbers of its normaliser."""
    from featurekit.training import save_checkpoint

    mean, std = np.linspace(5, 9, 80).tolist(), np.linspace(1, 3, 80).tolist()
    normaliser = {"columns": {"lu2020/fbank": {"scale": "none", "mean": mean, "std": std, "left_out": 0}}}
    folder = save_checkpoint(tmp_path / "run" / "folds" / "0", network.state_dict(), {"normaliser": normaliser, "history": []})
    record = {"settings": {"model": "rnnt-attention"}, "training": {"normalise": "training"}}
    columns = [{"name": "lu2020/fbank", "spec": parse("lu2020")[0].spec}]
    (tmp_path / "run" / "run.json").write_text(json.dumps({**record, "columns": columns}), "utf-8")
    return folder


def request(folder, **settings):
    given = {"model": str(folder), "dtype": "f4", **settings}
    return f"x=asr_encoder({', '.join(f'{key}={value!r}' for key, value in given.items())})"


def expected(network, log_mel):
    """States as the trained network has them, of a log-mel (T, 80) that is normalised as the fold says."""
    x = (log_mel - np.linspace(5, 9, 80)) / np.linspace(1, 3, 80)
    with torch.inference_mode():
        states, lengths = network.encoder(torch.from_numpy(x.astype(np.float32))[None], torch.tensor([len(x)]))
    return states[0, : int(lengths[0])].numpy()


@pytest.mark.parametrize("n_samples", [1, 79, 80, 1279, 1280, 1360, 16000, 40001])
def test_a_folds_folder_gives_the_states_of_its_network(network, fold, n_samples):
    (column,) = parse(request(fold))
    values = Plan([column]).compute({RATE: noise(n_samples)})["x"]
    log_mel = extract(noise(n_samples), RATE, "lu2020")["lu2020/fbank"]
    assert len(values) == -(-len(log_mel) // 8) == column.clock.n_frames(n_samples)
    np.testing.assert_allclose(values, expected(network, log_mel), atol=1e-5)


def test_a_state_every_80_ms_is_centred_on_the_frames_it_was_pooled_from(fold):
    (column,), (log_mel,) = parse(request(fold)), parse("lu2020")
    assert (column.dims, column.hop_s) == (12, 0.08)
    assert column.start_s == pytest.approx(log_mel.start_s + 3.5 * log_mel.hop_s)
    assert "80" in explain(request(fold).removeprefix("x="))


def test_masks_fall_on_its_log_mel(network, fold):
    (column,), mask = parse(request(fold)), SpecAugment(draw=3)
    assert without_log_mel([column]) == []
    log_mel = extract(noise(), RATE, "lu2020")["lu2020/fbank"]
    values = Plan([column]).compute({RATE: noise()}, mask)["x"]
    np.testing.assert_allclose(values, expected(network, mask(log_mel.T).T), atol=1e-5)


def test_the_key_is_of_the_tensors_and_the_normaliser_and_of_no_path_or_history(fold, tmp_path):
    before = parse(request(fold))[0].key
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    moved = tmp_path / "other" / "folds" / "0"
    record = json.loads((moved / "model.json").read_text("utf-8"))
    (moved / "model.json").write_text(json.dumps({**record, "history": [1]}), "utf-8")
    assert parse(request(moved))[0].key == before
    record["normaliser"]["columns"]["lu2020/fbank"]["mean"][0] = 0.0
    (moved / "model.json").write_text(json.dumps(record), "utf-8")
    assert parse(request(moved))[0].key != before


def test_another_log_mel_is_another_encoder(fold, monkeypatch):
    before = describe(str(fold)).digest
    monkeypatch.setattr(transducer, "parse", lambda request: parse("fbank(fmin=50)"))
    transducer._weights.cache_clear()
    changed(fold.parent.parent / "run.json", columns=[{"spec": parse("fbank(fmin=50)")[0].spec}])
    assert describe(str(fold)).digest != before
    transducer._weights.cache_clear()


def test_weights_from_elsewhere_lie_beside_a_config(network, fold, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(fold / "model.safetensors", folder / "any.safetensors")
    fitted = {"mean": np.linspace(5, 9, 80).tolist(), "std": np.linspace(1, 3, 80).tolist()}
    (folder / "config.json").write_text(json.dumps({"model_type": "rnnt-encoder", **fitted}), "utf-8")
    assert np.array_equal(extract(noise(), RATE, request(folder))["x"], extract(noise(), RATE, request(fold))["x"])
    assert (describe(str(folder)).family, describe(str(folder)).hop_length) == ("rnnt-encoder", 1280)
    (folder / "config.json").write_text(json.dumps({"model_type": "rnnt-encoder", "mean": [0.0]}), "utf-8")
    with pytest.raises(ParameterError, match="mean has 1 numbers and the encoder reads 80 bands"):
        parse(request(folder))


def changed(path, **settings):
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**record, **settings}), "utf-8")


def test_what_is_no_such_encoder_is_refused(fold):
    run = fold.parent.parent / "run.json"
    with pytest.raises(ParameterError, match="its last states alone, -1"):
        parse(request(fold, layer=2))
    changed(run, training={"normalise": "speaker"})
    with pytest.raises(ParameterError, match="normalised each speaker by itself"):
        parse(request(fold))
    changed(run, columns=[{"spec": "log_mel(n_mels=80)"}])
    (fold / "touched.json").write_text("{}", "utf-8")
    with pytest.raises(ParameterError, match=r"read log_mel\(n_mels=80\); a frozen encoder computes fbank"):
        parse(request(fold))
    changed(run, settings={"model": "resnet-asp"})
    (fold / "again.json").write_text("{}", "utf-8")
    with pytest.raises(ParameterError, match="is a run of resnet-asp"):
        parse(request(fold))
    (fold / "config.json").write_text('{"model_type": "rnnt-encoder"}', "utf-8")
    (fold / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ParameterError, match="not that of a safetensors file"):
        parse(request(fold))


def test_tensors_of_another_network_are_named(fold):
    from safetensors.torch import save_file

    save_file({"other.weight": torch.zeros(3)}, fold / "model.safetensors")
    with pytest.raises(ParameterError, match=r"lacks encoder.macros.0.conv.conv.weight"):
        parse(request(fold))
