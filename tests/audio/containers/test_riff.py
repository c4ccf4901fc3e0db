"""WAV as programs write it and as it gets damaged: all of its samples, or a status."""

import os
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
UNKNOWN = 0xFFFFFFFF
INFO = b"INFOISFT\6\0\0\0a name"
PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")


def chunk(name, body, size=None, padded=True, order="<"):
    length = len(body) if size is None else size
    return name + struct.pack(order + "I", length) + body + bytes(len(body) % 2 if padded else 0)


def layout(tag=1, bits=16, channels=1, block=None, more=b"", order="<", byte_rate=None):
    block = channels * -(-bits // 8) if block is None else block
    byte_rate = RATE * block if byte_rate is None else byte_rate
    return struct.pack(order + "HHIIHH", tag, channels, RATE, byte_rate, block, bits) + more


def wav(*chunks, size=None, magic=b"RIFF", order="<"):
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack(order + "I", len(body) if size is None else size) + body


def plain(data=DATA, size=None, riff=None, before=b"", behind=b""):
    return wav(chunk(b"fmt ", layout()), before, chunk(b"data", data, size), behind, size=riff)


def heard(tmp_path, content, name="a.wav"):
    path = tmp_path / name
    path.write_bytes(content)
    signal = audio.decode(path)
    header = audio.read_header(path)
    assert header.frames == len(signal.samples)
    assert audio.read_duration_s(path) == header.duration_s
    assert signal.sample_rate == RATE
    return signal


def refused(tmp_path, content, name="a.wav"):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError) as found:
        audio.decode(tmp_path / name)
    return found.value


def assert_all(signal, integers=INTEGERS):
    np.testing.assert_array_equal(signal.samples, integers.astype(np.float32) / 32768)


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0x7FFFF024, 0x7FFFF000),  # sox
        (UNKNOWN, UNKNOWN),  # ffmpeg
        (0x80000024, 0x80000000),  # arecord
        (0x7FFFFFFF, 0x7FFFFFFF - 36),
        (0x7FFFFFFF, 0x7FFFFFFF),
        (UNKNOWN, UNKNOWN - 36),
        (0, 0),
        (36, 0),  # mpg123 and whatever else writes the header first
        (0, UNKNOWN),
        (2_000_000_036, 2_000_000_000),  # of Python's wave, told of a billion frames
        (len(DATA) + 36, 0),
        (len(DATA) + 36, UNKNOWN),
    ],
)
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125)], ids=["plain", "tagged"])
def test_a_wav_of_unknown_length_is_read_to_its_end_and_noted(tmp_path, riff, data, behind):
    signal = heard(tmp_path, plain(size=data, riff=riff) + behind)
    assert_all(signal)
    assert signal.notes == ("DECODE: streamed WAV that does not say its length",)


def test_a_wav_of_no_samples_stays_empty(tmp_path):
    for content in (plain(b""), plain(b"", behind=chunk(b"LIST", INFO)), plain(b"", UNKNOWN, UNKNOWN)):
        assert refused(tmp_path, content).status == Status.EMPTY


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("riff_agrees", [True, False])
def test_a_header_that_hides_samples_is_refused_with_a_remedy(tmp_path, share, riff_agrees):
    size = round(len(DATA) * share) // 2 * 2
    error = refused(tmp_path, plain(size=size, riff=36 + size if riff_agrees else None))
    assert error.status == Status.DECODE
    assert f"samples end at byte {44 + size}, but no chunk begins there" in error.reason
    assert "-ignore_length" in error.reason


@pytest.mark.parametrize("short", [2, 8, 44, 128])
@pytest.mark.parametrize("riff_agrees", [True, False])
def test_a_size_too_small_by_a_few_bytes_hides_nothing(tmp_path, short, riff_agrees):
    size = len(DATA) - short
    signal = heard(tmp_path, plain(size=size, riff=36 + size if riff_agrees else None))
    assert_all(signal)
    assert signal.notes == (f"DECODE: {size} bytes of samples promised, {len(DATA)} present: all are read",)


@pytest.mark.parametrize("more", [2, 8, 36, 44, 5000])
def test_a_size_too_large_is_no_cut_where_the_whole_file_has_its_size(tmp_path, more):
    signal = heard(tmp_path, plain(size=len(DATA) + more, riff=36 + len(DATA)))
    assert_all(signal)
    assert "size of the whole says that they are all" in signal.notes[0]


def kinds():
    extensible = layout(0xFFFE, more=struct.pack("<HHI", 22, 16, 4) + PCM_GUID)
    rf64 = chunk(b"ds64", struct.pack("<QQQI", len(DATA) + 72, len(DATA), RATE, 0))
    return {
        "plain": plain(),
        "header": plain(before=chunk(b"LIST", INFO)),
        "tail": plain(behind=chunk(b"LIST", INFO)),
        "extensible": wav(chunk(b"fmt ", extensible), chunk(b"data", DATA)),
        "rifx": wav(chunk(b"fmt ", layout(order=">"), order=">"), chunk(b"data", DATA, order=">"), magic=b"RIFX", order=">"),
        "rf64": wav(rf64, chunk(b"fmt ", layout()), chunk(b"data", DATA, UNKNOWN), magic=b"RF64", size=UNKNOWN),
        "bw64": wav(rf64, chunk(b"fmt ", layout()), chunk(b"data", DATA, UNKNOWN), magic=b"BW64", size=UNKNOWN),
        "two": plain(DATA[:8000], behind=chunk(b"data", DATA[8000:])),
        "joined": plain() + plain(),
        "ulaw": wav(chunk(b"fmt ", layout(7, 8)), chunk(b"fact", struct.pack("<I", len(DATA))), chunk(b"data", DATA)),
        "alaw": wav(chunk(b"fmt ", layout(6, 8)), chunk(b"data", DATA)),
        "ima": wav(chunk(b"fmt ", layout(0x11, 4, block=256, more=struct.pack("<HH", 2, 505))), chunk(b"data", DATA[:15_872])),
        "gsm": wav(chunk(b"fmt ", layout(0x31, 0, block=65, more=struct.pack("<HH", 2, 320))), chunk(b"data", DATA[:15_925])),
        "24": wav(chunk(b"fmt ", layout(bits=24)), chunk(b"data", DATA[:15_999])),
    }


@pytest.mark.parametrize("kind", kinds())
def test_a_cut_at_any_place_is_a_status_unless_no_sample_is_lost(tmp_path, kind):
    content = kinds()[kind]
    whole = heard(tmp_path, content)
    places = random.Random(kind).sample(range(1, len(content)), 20) + [len(content) - back for back in (1, 2, 3, 8, 26, 36, 44)]
    for place in places:
        try:
            cut = heard(tmp_path, content[:place], "cut.wav")
        except AudioError as error:
            assert error.status in (Status.TRUNCATED, Status.EMPTY), (place, error)  # noqa: PT017 - either may come
        else:
            np.testing.assert_array_equal(cut.samples, whole.samples)
            assert place >= len(content) - 30


@pytest.mark.parametrize("kind", ["rf64", "bw64", "rifx", "extensible", "header", "tail", "two"])
def test_every_kind_of_wav_gives_its_samples(tmp_path, kind):
    signal = heard(tmp_path, kinds()[kind])
    assert_all(signal, INTEGERS.byteswap() if kind == "rifx" else INTEGERS)
    assert bool(signal.notes) == (kind == "two")


def test_samples_in_several_chunks_are_joined_in_order(tmp_path):
    content = plain(DATA[:4000], before=chunk(b"LIST", INFO), behind=chunk(b"data", DATA[4000:9000]) + chunk(b"LIST", INFO))
    content += chunk(b"data", DATA[9000:])
    signal = heard(tmp_path, content)
    assert_all(signal)
    assert signal.notes == ("DECODE: the samples are in 3 chunks, read one after the other",)


def test_joined_files_give_the_samples_of_all(tmp_path):
    signal = heard(tmp_path, plain(DATA[:6000]) + plain(DATA[6000:7000], behind=chunk(b"LIST", INFO)) + plain(DATA[7000:]))
    assert_all(signal)
    assert signal.notes == ("DECODE: 3 recordings joined in one file, read one after the other",)
    assert refused(tmp_path, plain() + plain()[:-100]).status == Status.TRUNCATED


def test_joined_files_of_unknown_length_are_found_by_their_headers(tmp_path):
    parts = [plain(data, UNKNOWN, UNKNOWN) for data in (DATA[:6000], DATA[6000:7000], DATA[7000:])]
    assert_all(heard(tmp_path, b"".join(parts)))


def test_silence_at_the_beginning_is_no_chain_of_empty_chunks(tmp_path):
    signal = heard(tmp_path, plain(bytes(20_000) + DATA, 0, 36))
    assert_all(signal, np.concatenate([np.zeros(10_000, np.int16), INTEGERS]))
    assert "no chunk begins there" in refused(tmp_path, plain(DATA + bytes(20_000) + DATA, len(DATA))).reason


@pytest.mark.parametrize("body", [bytes(393_164), b"\xf0\xe1N\0" * 98_291], ids=["zeros", "junk"])
def test_a_list_that_moves_the_samples_to_a_cluster_is_passed_over(tmp_path, body):
    assert_all(heard(tmp_path, plain(before=chunk(b"LIST", body))))  # as a recorder writes it


def test_joined_files_of_two_rates_are_refused(tmp_path):
    other = bytearray(plain())
    other[24:28] = struct.pack("<I", 2 * RATE)
    assert "joined of parts" in refused(tmp_path, plain() + other).reason


@pytest.mark.parametrize(
    "tail",
    [
        b"TAG" + b"x" * 125,
        b"APETAGEX"
        + struct.pack("<IIII", 2000, 40, 1, 0)
        + bytes(8)
        + b"v" * 8
        + b"APETAGEX"
        + struct.pack("<IIII8x", 2000, 40, 1, 1 << 31),
        b"ID3\3\0\0\0\0\0\x14" + b"y" * 20,
        bytes(5000),
        b"junk\0\0\0\0",
        b"\1\2\3\4\0\0\0\0",
        b"LIST\x07\0\0\0INFOabc",  # neither padded
        b"LIST\x07\0\0\0INFOabcid3 \4\0\0\0wxyz",
        b"LIST\xff\xff\0\0INFOcut short",
        b"id3 \x10\0\0\0" + bytes(16) + b"junk after it that is no chunk, of any length" * 9,
    ],
    ids=["ID3v1", "APE", "ID3v2", "zeros", "empty chunk", "no name", "odd", "odd inside", "cut chunk", "known chunk"],
)
@pytest.mark.parametrize("is_counted", [True, False], ids=["inside", "outside"])
def test_what_stands_behind_the_samples_is_not_heard(tmp_path, tail, is_counted):
    content = plain(riff=36 + len(DATA) + (len(tail) if is_counted else 0)) + tail
    assert_all(heard(tmp_path, content))


@pytest.mark.parametrize("length", [3, 5, 101])
def test_an_odd_chunk_without_its_padding_hides_nothing(tmp_path, length):
    odd = chunk(b"junk", b"j" * length, padded=False)
    assert_all(heard(tmp_path, plain(before=odd, behind=odd)))
    integers = np.arange(-100, 101).astype(np.int8)
    data = (integers.astype(np.int16) + 128).astype(np.uint8).tobytes()
    content = wav(chunk(b"fmt ", layout(bits=8)), chunk(b"data", data, padded=False), chunk(b"LIST", INFO))
    np.testing.assert_array_equal(heard(tmp_path, content).samples, integers / np.float32(128))


def test_a_tag_in_front_changes_nothing(tmp_path):
    tag = b"ID3\3\0\0\0\0\0\x14" + bytes(20)
    assert_all(heard(tmp_path, tag + plain()))
    assert refused(tmp_path, tag + plain()[:-500]).status == Status.TRUNCATED


@pytest.mark.parametrize("riff", [0, 4, UNKNOWN, len(DATA) + 44])
def test_a_wrong_size_of_the_whole_alone_changes_nothing(tmp_path, riff):
    signal = heard(tmp_path, plain(riff=riff))
    assert_all(signal)
    assert signal.notes == ()


FINE = INTEGERS.astype(np.int32) * 256 + np.arange(RATE) % 256  # of 24 bits


def test_a_file_that_ends_behind_its_samples_says_so(tmp_path):
    signal = heard(tmp_path, plain(riff=36 + len(DATA) + 500))
    assert_all(signal)
    assert signal.notes == ("TRUNCATED: 500 bytes promised behind the samples are missing",)


def in_fours(shift, order="<"):
    return (FINE << shift).astype(order + "i4").tobytes()


@pytest.mark.parametrize(
    "body", [layout(bits=24, block=4), layout(0xFFFE, 24, block=4, more=struct.pack("<HHI", 22, 24, 0) + PCM_GUID)]
)
def test_24_bits_in_4_bytes_are_read_where_they_stand(tmp_path, body):
    for shift in (8, 0):
        signal = heard(tmp_path, wav(chunk(b"fmt ", body), chunk(b"data", in_fours(shift))))
        np.testing.assert_allclose(signal.samples, FINE / 2**23, atol=2e-7)
    big = wav(
        chunk(b"fmt ", layout(bits=24, block=4, order=">"), order=">"),
        chunk(b"data", in_fours(0, ">"), order=">"),
        magic=b"RIFX",
        order=">",
    )
    np.testing.assert_allclose(heard(tmp_path, big).samples, FINE / 2**23, atol=2e-7)
    extensible = layout(0xFFFE, 32, more=struct.pack("<HHI", 22, 24, 0) + PCM_GUID)
    usual = heard(tmp_path, wav(chunk(b"fmt ", extensible), chunk(b"data", in_fours(8))))
    np.testing.assert_array_equal(usual.samples, FINE.astype(np.float32) / 2**23)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (layout(bits=24, block=4), "WAV of 24 bits in blocks of 4 bytes"),
        (layout(bits=40), "WAV of 40 bits per sample"),
        (layout(bits=48), "WAV of 48 bits per sample"),
        (layout(bits=64), "WAV of 64 bits per sample"),
        (layout(3, bits=24), "WAV of 24 bits of float per sample"),
        (layout(bits=32, more=b"\2\0\1\0"), "WAV of 32 bits per sample"),
        (layout(0xFF, 16), "WAV with AAC"),
        (layout(0x161, 16), "WAV with WMA"),
        (layout(0x45, 4, block=1), "WAV with G.726"),
        (layout(0x1234, 16), "WAV with codec 0x1234"),
    ],
)
def test_a_codec_that_is_not_read_is_named(tmp_path, body, words):
    floats = (INTEGERS * 256.0).astype("<f4").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(chunk(b"fmt ", body), chunk(b"data", floats)))
    assert audio.containers.examine(tmp_path / "a.wav").codec == words
    (tmp_path / "b.wav").write_bytes(wav(chunk(b"fmt ", body), chunk(b"data", floats))[:-2000])
    with pytest.raises(AudioError, match="TRUNCATED"):
        audio.containers.examine(tmp_path / "b.wav")


def test_a_format_whose_blocks_are_wrong_is_read_by_its_bits_or_refused(tmp_path):
    def of(body):
        return wav(chunk(b"fmt ", body), chunk(b"data", DATA))

    right = 2 * RATE
    for body in (
        layout(block=0),
        layout(block=1),
        layout(block=3, byte_rate=right),
        layout(block=4, byte_rate=right),
        layout()[:14],
    ):
        assert_all(heard(tmp_path, of(body)))
    assert "blocks of 3 bytes" in refused(tmp_path, of(layout(block=3))).reason


def test_a_last_block_that_is_not_whole_loses_nothing(tmp_path):
    ima = layout(0x11, 4, block=256, more=struct.pack("<HH", 2, 505))
    adpcm = layout(
        2, 4, block=256, more=struct.pack("<HHH14h", 32, 500, 7, 256, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232)
    )
    for body, frames in ((ima, 505), (adpcm, 500)):
        blocks = bytes(range(40)) * 64
        signal = heard(tmp_path, wav(chunk(b"fmt ", body), chunk(b"data", blocks[:2560])))
        partly = heard(tmp_path, wav(chunk(b"fmt ", body), chunk(b"data", blocks[:2400])), "b.wav")
        assert len(signal.samples) == len(partly.samples) == 10 * frames
        np.testing.assert_array_equal(signal.samples[: 9 * frames + 150], partly.samples[: 9 * frames + 150])
        assert partly.notes[0] == "DECODE: the last block has 96 of 256 bytes, the others are read as zeros"


@pytest.mark.parametrize("blocks", [24, 25])
@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_gsm_is_read_in_segments_and_its_padding_is_no_block(tmp_path, blocks, padding):
    body = layout(0x31, 0, block=65, more=struct.pack("<HH", 2, 320))
    content = wav(chunk(b"fmt ", body), chunk(b"data", DATA[: 65 * blocks] + padding, padded=False))
    whole = heard(tmp_path, content)
    assert len(whole.samples) == 320 * blocks
    np.testing.assert_array_equal(audio.decode(tmp_path / "a.wav", 0.25, 0.5).samples, whole.samples[2000:4000])


def sparse(path, header, length, rate_bytes, mark):
    """A file with ``mark`` at its last second, and holes before it."""
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + length)
        file.seek(len(header) + length - rate_bytes)
        file.write(mark)
    if os.stat(path).st_blocks * 512 > 1 << 26:  # noqa: PTH116
        pytest.skip("this file system has no sparse files")


@pytest.mark.parametrize("tail", [b"", chunk(b"LIST", INFO)], ids=["plain", "chunk behind"])
def test_sizes_wrapped_past_4_gib_hide_nothing(tmp_path, tail):
    rate, channels = 48_000, 4
    length = (1 << 32) + rate * 8 * 5
    marked = np.random.default_rng(1).integers(-9999, 9999, (rate, channels), dtype=np.int16).astype("<i2").tobytes()
    body = struct.pack("<HHIIHH", 1, channels, rate, rate * 8, 8, 16)
    header = b"RIFF" + struct.pack("<I", (length + 36) % (1 << 32)) + b"WAVE" + chunk(b"fmt ", body)
    header += b"data" + struct.pack("<I", length % (1 << 32))
    path = tmp_path / "long.wav"
    sparse(path, header, length, rate * 8, marked)
    with open(path, "ab") as file:
        file.write(tail)
    duration_s = length / (rate * 8)
    assert audio.read_duration_s(path) == audio.read_header(path).duration_s == duration_s
    signal = audio.decode(path, duration_s - 1, channel=0)
    np.testing.assert_array_equal(signal.samples, np.frombuffer(marked, "<i2")[::4].astype(np.float32) / 32768)
    assert signal.notes == ("DECODE: longer than 4 GiB, which its header cannot say: all is read",)


@pytest.mark.parametrize(("tag", "kind"), [(0x55, 3), (0x50, 2)])
def test_mpeg_audio_in_a_wav_is_as_long_as_its_frames(tmp_path, tag, kind):
    soundfile = pytest.importorskip("soundfile")
    frame = {3: b"\xff\xf3\x18\xc4", 2: b"\xff\xf5\x18\xc4"}[kind]  # 8 kbit/s (MPEG 2) at 16 kHz, mono
    length, samples = {3: (36, 576), 2: (72, 1152)}[kind]
    frames = (frame + bytes(length - 4)) * 20
    body = struct.pack("<HHIIHH", tag, 1, 16_000, 1000, 1, 0) + struct.pack("<HHIHHH", 12, 1, 2, length, 1, 1393)
    whole = wav(chunk(b"fmt ", body), chunk(b"fact", struct.pack("<I", 999_999)), chunk(b"data", frames))
    (tmp_path / "a.wav").write_bytes(whole)
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile reads no MP3")
    header = audio.read_header(tmp_path / "a.wav")
    assert abs(header.frames - 20 * samples) <= samples  # decoders may hold back a part of the first frame
    assert len(audio.decode(tmp_path / "a.wav").samples) == header.frames
    assert header.format.startswith("WAV ")
    assert refused(tmp_path, whole[:-100], "b.wav").status == Status.TRUNCATED


@pytest.mark.parametrize("before", [chunk(b"\0abc", b"what"), chunk(b"fmt ", layout()), chunk(b"\xff\xfe\xfd\xfc", bytes(10))])
def test_chunks_before_the_samples_on_which_libsndfile_stumbles_are_passed_over(tmp_path, before):
    assert_all(heard(tmp_path, plain(before=before)))
