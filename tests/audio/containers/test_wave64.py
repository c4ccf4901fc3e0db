"""Wave64 as programs write it and as it gets damaged: all samples, or a status."""

import random
import struct

import numpy as np
import pytest

from featurekit import audio
from featurekit.audio import Status
from featurekit.errors import AudioError

RATE = 8000
INTEGERS = np.random.default_rng(0).integers(-20_000, 20_000, RATE, dtype=np.int16)
DATA = INTEGERS.astype("<i2").tobytes()
GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")
RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")


def chunk(name, body, size=None):
    length = len(body) + 24 if size is None else size
    return name + GUID + struct.pack("<Q", length) + body + bytes(-len(body) % 8)


def wave64(data=DATA, size=None, whole=None, tag=1, bits=16, block=2, more=b"", behind=b""):
    layout = struct.pack("<HHIIHH", tag, 1, RATE, RATE * block, block, bits) + more
    body = b"wave" + GUID + chunk(b"fmt ", layout) + chunk(b"data", data, size) + behind
    return RIFF + struct.pack("<Q", len(body) + 24 if whole is None else whole) + body


def heard(tmp_path, content):
    path = tmp_path / "a.w64"
    path.write_bytes(content)
    signal = audio.decode(path)
    assert audio.read_header(path).frames == len(signal.samples)
    return signal


def refused(tmp_path, content):
    (tmp_path / "a.w64").write_bytes(content)
    with pytest.raises(AudioError) as found:
        audio.decode(tmp_path / "a.w64")
    return found.value


def assert_all(signal):
    np.testing.assert_array_equal(signal.samples, INTEGERS.astype(np.float32) / 32768)


@pytest.mark.parametrize(("whole", "size"), [((1 << 64) - 1, (1 << 64) - 1), ((1 << 63) - 1, (1 << 63) - 1), (0, 0), (0, 24)])
def test_a_wave64_of_unknown_length_is_read_to_its_end_and_noted(tmp_path, whole, size):
    signal = heard(tmp_path, wave64(size=size, whole=whole))
    assert_all(signal)
    assert signal.notes == ("DECODE: streamed Wave64 that does not say its length",)


@pytest.mark.parametrize(
    ("tag", "bits", "block", "more", "frames"),
    [(1, 16, 2, b"", RATE), (7, 8, 1, b"", 2 * RATE), (0x11, 4, 256, struct.pack("<HH", 2, 505), 505 * 62)],
)
def test_every_kind_gives_its_samples_and_a_cut_one_is_truncated(tmp_path, tag, bits, block, more, frames):
    content = wave64(DATA[: 62 * 256] if tag == 0x11 else DATA, tag=tag, bits=bits, block=block, more=more)
    assert len(heard(tmp_path, content).samples) == frames
    for place in [*random.Random(tag).sample(range(4, len(content)), 20), len(content) - 1]:
        assert refused(tmp_path, content[:place]).status == Status.TRUNCATED, place


def test_what_stands_behind_the_samples_is_not_heard(tmp_path):
    assert_all(heard(tmp_path, wave64(behind=chunk(b"fact", bytes(8)))))
    assert_all(heard(tmp_path, wave64() + b"TAG" + b"x" * 125))
    assert_all(heard(tmp_path, wave64() + bytes(1000)))


def test_sizes_that_hide_samples_are_seen(tmp_path):
    assert_all(heard(tmp_path, wave64(size=24 + len(DATA) - 40)))
    assert_all(heard(tmp_path, wave64(size=24 + len(DATA) + 24, whole=104 + len(DATA))))
    assert "no chunk begins there" in refused(tmp_path, wave64(size=24 + 4000)).reason


def test_joined_files_give_the_samples_of_all(tmp_path):
    assert_all(heard(tmp_path, wave64(DATA[:8000]) + wave64(DATA[8000:])))


def test_a_codec_that_is_not_read_is_named(tmp_path):
    (tmp_path / "a.w64").write_bytes(wave64(tag=0xFF))
    assert audio.containers.examine(tmp_path / "a.w64").codec == "WAV with AAC"


def test_floats_under_the_extensible_tag_are_floats(tmp_path):
    """As ffmpeg writes them; libsndfile takes them for integers, and loud noise comes out."""
    more = struct.pack("<HHI", 22, 32, 4) + bytes.fromhex("0300000000001000800000aa00389b71")
    content = wave64((INTEGERS / 32768).astype("<f4").tobytes(), tag=0xFFFE, bits=32, block=4, more=more)
    np.testing.assert_array_equal(heard(tmp_path, content).samples, (INTEGERS / 32768).astype(np.float32))
