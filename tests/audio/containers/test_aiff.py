"""AIFF and AIFF-C as programs write them and as they get damaged: all samples, or a status."""

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
RATE_80_BITS = struct.pack(">HQ", 16383 + 12, RATE << 51)


def chunk(name, body, size=None, padded=True):
    length = len(body) if size is None else size
    return name + struct.pack(">I", length) + body + bytes(len(body) % 2 if padded else 0)


def comm(frames=RATE, bits=16, channels=1, coding=b""):
    return chunk(b"COMM", struct.pack(">HIH", channels, frames, bits) + RATE_80_BITS + (coding + b"\0\0" if coding else b""))


def sound(data=DATA, size=None, skipped=0):
    return chunk(b"SSND", struct.pack(">II", skipped, 0) + bytes(skipped) + data, size)


def form(*chunks, size=None, coded=False):
    body = (b"AIFC" if coded else b"AIFF") + b"".join(chunks)
    return b"FORM" + struct.pack(">I", len(body) if size is None else size) + body


def heard(tmp_path, content, name="a.aiff"):
    path = tmp_path / name
    path.write_bytes(content)
    signal = audio.decode(path)
    header = audio.read_header(path)
    assert header.frames == len(signal.samples)
    assert audio.read_duration_s(path) == header.duration_s
    assert signal.sample_rate == RATE
    return signal


def refused(tmp_path, content):
    (tmp_path / "a.aiff").write_bytes(content)
    with pytest.raises(AudioError) as found:
        audio.decode(tmp_path / "a.aiff")
    return found.value


def assert_all(signal, integers=INTEGERS):
    np.testing.assert_array_equal(signal.samples, integers.astype(np.float32) / 32768)


@pytest.mark.parametrize("frames", [0, 1, 4000, RATE - 1, RATE + 1, 2 * RATE, 0xFFFFFFFF])
def test_a_wrong_count_of_frames_hides_nothing(tmp_path, frames):
    signal = heard(tmp_path, form(comm(frames), sound()))
    assert_all(signal)
    assert signal.notes == (f"DECODE: header says {frames} frames, {RATE} are there: all are read",)


@pytest.mark.parametrize(
    ("whole", "size", "frames"),
    [
        (0x7F000050, 0x7F000008, 0x3F800000),  # sox
        (0, 0, 0),  # ffmpeg
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0, 8, 0),
        (len(DATA) + 46, 0xFFFFFFFF, 0),
    ],
)
def test_an_aiff_of_unknown_length_is_read_to_its_end_and_noted(tmp_path, whole, size, frames):
    signal = heard(tmp_path, form(comm(frames), sound(size=size), size=whole))
    assert_all(signal)
    assert signal.notes == ("DECODE: streamed AIFF that does not say its length",)


def test_frames_say_where_samples_of_unknown_size_end(tmp_path):
    content = form(comm(), sound(size=0xFFFFFFFF), chunk(b"ANNO", b"text"), size=0xFFFFFFFF)
    assert_all(heard(tmp_path, content))
    assert refused(tmp_path, form(comm(), sound(DATA[:-2], 0xFFFFFFFF), size=0)).status == Status.TRUNCATED


def test_an_aiff_of_no_samples_stays_empty(tmp_path):
    assert refused(tmp_path, form(comm(0), sound(b""))).status == Status.EMPTY
    assert refused(tmp_path, form(comm(0))).status == Status.EMPTY


@pytest.mark.parametrize(
    "behind",
    [b"TAG" + b"x" * 125, bytes(16_384), chunk(b"ANNO", b"odd", padded=False), chunk(b"ID3 ", bytes(40)), b"\1\2\3\4" * 40],
    ids=["ID3v1", "zeros", "odd chunk", "ID3 chunk", "what is nothing"],
)
def test_bytes_behind_the_form_are_not_heard(tmp_path, behind):
    assert_all(heard(tmp_path, form(comm(), sound()) + behind))


def test_a_header_that_hides_most_of_a_file_is_refused(tmp_path):
    error = refused(tmp_path, form(comm(800), sound(DATA * 2, size=1608), size=1608 + 46))
    assert error.status == Status.DECODE
    assert "no chunk begins there" in error.reason


def test_sizes_too_large_are_no_cut_where_frames_or_the_whole_say_so(tmp_path):
    assert_all(heard(tmp_path, form(comm(), sound(size=len(DATA) + 54), size=len(DATA) + 100)))
    assert_all(heard(tmp_path, form(comm(0), sound(size=len(DATA) + 54), size=len(DATA) + 46)))
    assert refused(tmp_path, form(comm(), sound(size=len(DATA) + 54))[:-10]).status == Status.TRUNCATED


KINDS = {
    "plain": form(comm(), sound()),
    "annotated": form(comm(), chunk(b"ANNO", b"a text"), sound()),
    "skipping": form(comm(), sound(skipped=16)),
    "format last": form(sound(), comm()),
    "NONE": form(comm(coding=b"NONE"), sound(), coded=True),
    "sowt": form(comm(coding=b"sowt"), sound(INTEGERS.astype("<i2").tobytes()), coded=True),
    "twos": form(comm(coding=b"twos"), sound(), coded=True),
    "fl32": form(comm(bits=32, coding=b"fl32"), sound((INTEGERS / 32768).astype(">f4").tobytes()), coded=True),
    "FL64": form(comm(bits=64, coding=b"FL64"), sound((INTEGERS / 32768).astype(">f8").tobytes()), coded=True),
    "in24": form(
        comm(bits=24, coding=b"in24"), sound(b"".join(DATA[i : i + 2] + b"\0" for i in range(0, len(DATA), 2))), coded=True
    ),
    "in32": form(comm(bits=32, coding=b"in32"), sound((INTEGERS.astype(np.int32) << 16).astype(">i4").tobytes()), coded=True),
    "ulaw": form(comm(bits=16, coding=b"ulaw"), sound(DATA[:RATE]), coded=True),
    "alaw": form(comm(bits=16, coding=b"alaw"), sound(DATA[:RATE]), coded=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_aiff_gives_its_samples_and_a_cut_one_a_status(tmp_path, kind):
    content = KINDS[kind]
    signal = heard(tmp_path, content)
    assert len(signal.samples) == RATE
    if "law" not in kind:
        assert_all(signal)
    assert signal.notes == ()
    for place in [*random.Random(kind).sample(range(1, len(content)), 20), len(content) - 1, len(content) - 8]:
        error = refused(tmp_path, content[:place])
        assert error.status == Status.TRUNCATED or place < 12, (place, error)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_aiff_is_read_with_a_wrong_count(tmp_path, kind):
    content = bytearray(KINDS[kind])
    usual = heard(tmp_path, bytes(content))
    at = content.index(b"COMM") + 10
    content[at : at + 4] = struct.pack(">I", 77)
    np.testing.assert_array_equal(heard(tmp_path, bytes(content), "b.aiff").samples, usual.samples)


def test_an_odd_chunk_without_its_padding_hides_nothing(tmp_path):
    odd = chunk(b"ANNO", b"odd", padded=False)
    assert_all(heard(tmp_path, form(odd, comm(), odd, sound(), odd)))


def test_joined_files_give_the_samples_of_all(tmp_path):
    signal = heard(tmp_path, form(comm(3000), sound(DATA[:6000])) + form(comm(5000), sound(DATA[6000:])))
    assert_all(signal)
    assert signal.notes == ("DECODE: 2 recordings joined in one file, read one after the other",)


@pytest.mark.parametrize(
    ("coding", "words"), [(b"MAC3", "AIFF-C with MACE 3:1"), (b"QDM2", "AIFF-C with QDesign"), (b"abcd", "AIFF-C with 'abcd'")]
)
def test_a_codec_that_is_not_read_is_named(tmp_path, coding, words):
    (tmp_path / "a.aifc").write_bytes(form(comm(coding=coding), sound(), coded=True))
    assert audio.containers.examine(tmp_path / "a.aifc").codec == words


def test_sizes_wrapped_past_4_gib_hide_nothing(tmp_path):
    rate, channels = 48_000, 4
    length = (1 << 32) + rate * 8 * 5
    marked = np.random.default_rng(1).integers(-9999, 9999, (rate, channels), dtype=np.int16).astype(">i2").tobytes()
    layout = struct.pack(">HIH", channels, length // 8, 16) + struct.pack(">HQ", 16383 + 15, rate << 48)
    header = b"FORM" + struct.pack(">I", (length + 46) % (1 << 32)) + b"AIFF" + chunk(b"COMM", layout)
    header += b"SSND" + struct.pack(">III", (length + 8) % (1 << 32), 0, 0)
    path = tmp_path / "long.aiff"
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + length)
        file.seek(len(header) + length - rate * 8)
        file.write(marked)
    duration_s = length / (rate * 8)
    assert audio.read_header(path).duration_s == duration_s
    signal = audio.decode(path, duration_s - 1, channel=0)
    np.testing.assert_array_equal(signal.samples, np.frombuffer(marked, ">i2")[::4].astype(np.float32) / 32768)


@pytest.mark.parametrize("counted", [False, True])
def test_a_byte_of_padding_is_no_sample(tmp_path, counted):
    """Of an odd number of bytes; some writers count the padding in the size of the samples."""
    data = bytes(range(0, 251, 2)) * 5  # 630 bytes, one less is odd
    odd = data[:-1]
    content = form(comm(len(odd), 8), sound(odd, len(odd) + 8 + counted))
    signal = heard(tmp_path, content)
    np.testing.assert_array_equal(signal.samples, np.frombuffer(odd, np.int8).astype(np.float32) / 128)
    assert not [note for note in signal.notes if "frames" in note]
