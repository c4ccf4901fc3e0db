"""AU as programs write it and as it gets damaged: all samples, or a status."""

import random
import struct

import numpy as np
import pytest

from featurekit import audio
from featurekit.audio import Status
from featurekit.errors import AudioError

RATE = 8000
INTEGERS = np.random.default_rng(0).integers(-20_000, 20_000, RATE, dtype=np.int16)
DATA = INTEGERS.astype(">i2").tobytes()


def au(data=DATA, size=None, encoding=3, note=b"a text", magic=b".snd", offset=None):
    order = "<" if magic == b"dns." else ">"
    note = note.ljust(len(note) + -len(note) % 8, b"\0")
    offset = 24 + len(note) if offset is None else offset
    return magic + struct.pack(order + "5I", offset, len(data) if size is None else size, encoding, RATE, 1) + note + data


def heard(tmp_path, content, name="a.au"):
    path = tmp_path / name
    path.write_bytes(content)
    signal = audio.decode(path)
    assert audio.read_header(path).frames == len(signal.samples)
    assert audio.read_duration_s(path) == len(signal.samples) / RATE
    return signal


def refused(tmp_path, content):
    (tmp_path / "a.au").write_bytes(content)
    with pytest.raises(AudioError) as found:
        audio.decode(tmp_path / "a.au")
    return found.value


def assert_all(signal):
    np.testing.assert_array_equal(signal.samples, INTEGERS.astype(np.float32) / 32768)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0, 0x7FFFFFFF])
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125)], ids=["plain", "tagged"])
def test_an_au_of_unknown_length_is_read_to_its_end_and_noted(tmp_path, size, behind):
    signal = heard(tmp_path, au(size=size) + behind)
    assert_all(signal)
    assert signal.notes == ("DECODE: streamed AU that does not say its length",)


@pytest.mark.parametrize("size", [2, 8000, len(DATA) - 2])
def test_a_size_too_small_hides_nothing(tmp_path, size):
    signal = heard(tmp_path, au(size=size))
    assert_all(signal)
    assert signal.notes == (f"DECODE: {size} bytes of samples promised, {len(DATA)} present: all are read",)


@pytest.mark.parametrize("behind", [b"TAG" + b"x" * 125, bytes(3000), b"\n"], ids=["ID3v1", "zeros", "a byte"])
def test_tags_and_padding_behind_are_not_heard(tmp_path, behind):
    signal = heard(tmp_path, au() + behind)
    assert_all(signal)
    assert signal.notes == ()


def test_little_endian_joined_and_tagged_files_are_read(tmp_path):
    assert_all(heard(tmp_path, au(INTEGERS.astype("<i2").tobytes(), magic=b"dns.")))
    assert_all(heard(tmp_path, au(DATA[:5000]) + au(DATA[5000:])))
    assert_all(heard(tmp_path, b"ID3\3\0\0\0\0\0\x14" + bytes(20) + au()))


@pytest.mark.parametrize("encoding", [1, 2, 3, 4, 5, 6, 7, 27])
def test_a_cut_at_any_place_is_truncated(tmp_path, encoding):
    content = au(bytes(8 * RATE), encoding=encoding)
    assert len(heard(tmp_path, content).samples) == 8 * RATE // {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}[encoding]
    for place in [*random.Random(encoding).sample(range(1, len(content)), 20), len(content) - 1]:
        assert refused(tmp_path, content[:place]).status in (Status.TRUNCATED, Status.EMPTY), place
    assert refused(tmp_path, au(size=len(DATA) + 24)).status == Status.TRUNCATED


def test_what_is_not_read_is_named(tmp_path):
    (tmp_path / "a.au").write_bytes(au(encoding=24))
    assert audio.containers.examine(tmp_path / "a.au").codec == "AU with G.722"
    assert "begin at byte 8, inside it" in refused(tmp_path, au(offset=8)).reason
    assert refused(tmp_path, au(b"")).status == Status.EMPTY
