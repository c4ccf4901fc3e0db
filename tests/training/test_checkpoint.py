from __future__ import annotations

import pytest
import torch

from featurekit.errors import ParameterError
from featurekit.training import build_for, checkpoint_record, load_checkpoint, save_checkpoint


def test_a_checkpoint_comes_back_bit_by_bit(tmp_path, parts):
    train, _, _ = parts()
    model = build_for("ub-bilstm", train)
    record = {"model": "ub-bilstm", "classes": list(train.classes)}
    folder = save_checkpoint(tmp_path / "deep" / "run", model.state_dict(), record)
    state, again = load_checkpoint(folder)
    assert again == record
    assert set(state) == set(model.state_dict())
    for name, value in model.state_dict().items():
        assert torch.equal(state[name], value)
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]


def test_writing_again_replaces_and_a_failed_write_leaves_the_old_one(tmp_path):
    save_checkpoint(tmp_path, {"w": torch.zeros(2)}, {"n": 1})
    save_checkpoint(tmp_path, {"w": torch.ones(2)}, {"n": 2})
    with pytest.raises(ParameterError, match="must be JSON"):
        save_checkpoint(tmp_path, {"w": torch.zeros(2)}, {"n": float("nan")})
    state, record = load_checkpoint(tmp_path)
    assert (record, state["w"].tolist()) == ({"n": 2}, [1.0, 1.0])


def test_tensors_of_another_run_or_damaged_ones_are_refused(tmp_path):
    save_checkpoint(tmp_path / "a", {"w": torch.zeros(2)}, {})
    save_checkpoint(tmp_path / "b", {"w": torch.ones(2)}, {})
    data = (tmp_path / "b" / "model.safetensors").read_bytes()
    (tmp_path / "a" / "model.safetensors").write_bytes(data)
    with pytest.raises(ParameterError, match="damaged or of another run"):
        load_checkpoint(tmp_path / "a")


def test_the_record_is_read_without_the_tensors_and_names_their_digest(tmp_path):
    for value in (0.0, 1.0):
        save_checkpoint(tmp_path / str(value), {"w": torch.full((2,), value)}, {"n": value})
    records = [checkpoint_record(tmp_path / str(value)) for value in (0.0, 1.0)]
    assert [record["n"] for record in records] == [0.0, 1.0]
    assert records[0]["tensors_sha256"] != records[1]["tensors_sha256"]
    (tmp_path / "0.0" / "model.safetensors").unlink()
    assert checkpoint_record(tmp_path / "0.0") == records[0]
    with pytest.raises(ParameterError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "0.0")


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="not a checkpoint"):
        load_checkpoint(tmp_path)
    save_checkpoint(tmp_path, {"w": torch.zeros(2)}, {})
    for text in ("{", "[]", "{}"):
        (tmp_path / "model.json").write_text(text)
        with pytest.raises(ParameterError, match="not the record"):
            load_checkpoint(tmp_path)


def test_no_pickle_is_ever_read(tmp_path):
    save_checkpoint(tmp_path, {"w": torch.zeros(2)}, {})
    torch.save({"w": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(ParameterError):
        load_checkpoint(tmp_path)
