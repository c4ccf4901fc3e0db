"""CAF as programs write it and as it gets damaged: all samples, or a status."""

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
INFO = struct.pack(">I", 1) + b"encoder\0a name\0"


def chunk(name, body, size=None):
    return name + struct.pack(">q", len(body) if size is None else size) + body


def desc(coding=b"lpcm", flags=0, packet=2, bits=16):
    return chunk(b"desc", struct.pack(">d4s5I", RATE, coding, flags, packet, 1, 1, bits))


def caf(data=DATA, size=None, before=b"", layout=None):
    return b"caff\0\1\0\0" + (layout or desc()) + before + chunk(b"data", bytes(4) + data, size)


def heard(tmp_path, content):
    path = tmp_path / "a.caf"
    path.write_bytes(content)
    signal = audio.decode(path)
    assert audio.read_header(path).frames == len(signal.samples)
    assert audio.read_duration_s(path) == len(signal.samples) / RATE
    return signal


def refused(tmp_path, content):
    (tmp_path / "a.caf").write_bytes(content)
    with pytest.raises(AudioError) as found:
        audio.decode(tmp_path / "a.caf")
    return found.value


def assert_all(signal):
    np.testing.assert_array_equal(signal.samples, INTEGERS.astype(np.float32) / 32768)


def test_a_caf_of_unknown_length_is_read_to_its_end_and_noted(tmp_path):
    for behind in (b"", b"TAG" + bytes(125)):
        signal = heard(tmp_path, caf(size=-1, before=chunk(b"info", INFO)) + behind)
        assert_all(signal)
        assert signal.notes == ("DECODE: streamed CAF that does not say its length",)


KINDS = {
    "plain": caf(),
    "with chunks": caf(before=chunk(b"free", bytes(64)) + chunk(b"info", INFO)),
    "little endian": caf(INTEGERS.astype("<i2").tobytes(), layout=desc(flags=2)),
    "float": caf((INTEGERS / 32768).astype(">f4").tobytes(), layout=desc(flags=1, packet=4, bits=32)),
    "24 bits": caf(b"".join(DATA[i : i + 2] + b"\0" for i in range(0, len(DATA), 2)), layout=desc(packet=3, bits=24)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_caf_gives_its_samples_and_a_cut_one_is_truncated(tmp_path, kind):
    content = KINDS[kind]
    assert_all(heard(tmp_path, content))
    assert_all(heard(tmp_path, content + chunk(b"info", INFO)))
    for place in [*random.Random(kind).sample(range(1, len(content)), 20), len(content) - 1]:
        assert refused(tmp_path, content[:place]).status == Status.TRUNCATED or place < 4, place


@pytest.mark.parametrize("coding", [b"ulaw", b"alaw"])
def test_telephony_has_a_byte_a_sample(tmp_path, coding):
    content = caf(DATA[:RATE], layout=desc(coding, packet=1, bits=16))
    assert len(heard(tmp_path, content).samples) == RATE
    assert refused(tmp_path, content[:-1]).status == Status.TRUNCATED


def test_sizes_that_hide_samples_are_seen(tmp_path):
    assert_all(heard(tmp_path, caf(size=len(DATA) + 4 - 44)))
    error = refused(tmp_path, caf(size=1000))
    assert error.status == Status.DECODE
    assert "no chunk begins there" in error.reason


def test_joined_files_give_the_samples_of_all(tmp_path):
    assert_all(heard(tmp_path, caf(DATA[:5000]) + chunk(b"info", INFO) + caf(DATA[5000:])))


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (desc(b"aac ", packet=0, bits=0), "CAF with AAC"),
        (desc(b"opus", packet=0, bits=0), "CAF with Opus"),
        (desc(bits=20), "CAF of 20 bits per sample"),
    ],
)
def test_a_codec_that_is_not_read_is_named_and_a_cut_one_is_truncated(tmp_path, layout, words):
    content = caf(layout=layout) + chunk(b"pakt", bytes(100))
    (tmp_path / "a.caf").write_bytes(content)
    assert audio.containers.examine(tmp_path / "a.caf").codec == words
    for place in (len(content) - 1, len(content) - 100, len(content) - 120):
        assert refused(tmp_path, content[:place]).status == Status.TRUNCATED


def test_headers_that_say_nothing_sensible_are_refused(tmp_path):
    assert "no format before" in refused(tmp_path, b"caff\0\1\0\0" + chunk(b"data", bytes(100))).reason
    assert "-5 bytes" in refused(tmp_path, b"caff\0\1\0\0" + chunk(b"free", bytes(100), -5)).reason
