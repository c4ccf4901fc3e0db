import random

import pytest

from featurekit.errors import ParameterError
from featurekit.runs.sealed import read_sealed, seal, sealed

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "resume.safetensors"
    tensors = {"a": torch.arange(6.0), "b/c": torch.zeros(2, 3)}
    path.write_bytes(seal(safetensors.save(tensors, sealed({"record": '{"epoch": 3}'}))))
    return path


def test_a_sealed_file_is_an_ordinary_one_that_says_what_was_written(file):
    data, metadata = read_sealed(file)
    assert metadata["record"] == '{"epoch": 3}'
    assert safetensors.load(data)["a"].tolist() == list(range(6))
    assert safetensors.load_file(file)["b/c"].shape == (2, 3)


def test_any_flipped_bit_is_found(file):
    whole = file.read_bytes()
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << random.Random(place).randrange(8)
        file.write_bytes(data)
        with pytest.raises(ParameterError):
            read_sealed(file)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 8, b"\xff" * 100, (10**9).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]", b"\x80\x04."],
)
def test_what_is_no_such_file_is_one_sentence(file, data):
    file.write_bytes(data)
    with pytest.raises(ParameterError, match=str(file)):
        read_sealed(file)


def test_a_file_that_was_not_sealed_is_refused(file):
    file.write_bytes(safetensors.save({"a": torch.zeros(1)}, {"record": "{}"}))
    with pytest.raises(ParameterError, match="no checksum"):
        read_sealed(file)
