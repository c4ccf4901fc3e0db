"""FLAC: the frames say how long it is, and the header is put right where it does not."""

import io
import random
import struct

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.audio import Status, containers
from featurekit.audio.containers import flac_frames
from featurekit.audio.containers.recording import Source
from featurekit.errors import AudioError

RATE = 16_000
LAYOUT = flac_frames.Layout(RATE, 1, 16)
STALE = "DECODE: FLAC header promises"
STREAMED = "DECODE: FLAC header that does not say its length, as of a stream; its frames are counted"


def encoded(seconds=3.0, rate=RATE, channels=1, seed=0, subtype="PCM_16"):
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate))[:, None] / rate
    voice = 0.3 * np.sin(2 * np.pi * 200 * t) * np.sin(2 * np.pi * 3 * t) + 0.02 * rng.standard_normal((len(t), channels))
    file = io.BytesIO()
    soundfile.write(file, voice, rate, format="FLAC", subtype=subtype)
    return file.getvalue()


def with_total(data, total):
    packed = int.from_bytes(data[18:26], "big")
    return data[:18] + (packed >> 36 << 36 | total).to_bytes(8, "big") + data[26:]


def audio_start(data):
    position, is_last = 4, False
    while not is_last:
        is_last = bool(data[position] & 128)
        position += 4 + int.from_bytes(data[position + 1 : position + 4], "big")
    return position


def block(kind, body, is_last=False):
    return bytes([kind | 128 * is_last]) + len(body).to_bytes(3, "big") + body


def saved(tmp_path, data):
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    return path


def borders(tmp_path, data):
    """Where the frames begin."""
    path = saved(tmp_path, data)
    with path.open("rb") as file:
        return [frame.offset for frame in flac_frames.frames(Source(path, file), audio_start(data), len(data), LAYOUT)]


def refused(path):
    with pytest.raises(AudioError) as found:
        audio.decode(path)
    return found.value


@pytest.fixture(scope="module")
def data():
    return encoded()


@pytest.fixture
def whole(tmp_path, data):
    return audio.decode(saved(tmp_path, data)).samples


def crc(data, polynomial, bits):
    """A checksum as the specification has it, bit by bit."""
    value, top, mask = 0, 1 << bits - 1, (1 << bits) - 1
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
    return value


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 100, 4097])
def test_the_checksum_of_a_frame_is_that_of_the_specification(length):
    data = random.Random(length).randbytes(length)
    assert flac_frames.crc16(data) == crc(data, 0x8005, 16)


def verbatim(bits, blocks, size=1000):
    """A file of verbatim subframes, of ``bits`` a sample; a block is a frame's first bytes, number and samples."""
    codes = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6}
    total = sum(len(samples) for _, _, samples in blocks)
    packed = RATE << 44 | (bits - 1) << 36 | total
    made = b"fLaC" + block(0, struct.pack(">HH", size, size) + bytes(6) + packed.to_bytes(8, "big") + bytes(16), is_last=True)
    for sync, number, samples in blocks:
        head = sync + bytes([0x75, codes.get(bits, 0) << 1]) + flac_frames._number_coded(number)
        head += struct.pack(">H", len(samples) - 1)
        head += bytes([crc(head, 7, 8)])
        text = "00000010" + "".join(format(int(value) & (1 << bits) - 1, f"0{bits}b") for value in samples)
        text += "0" * (-len(text) % 8)
        frame = head + int(text, 2).to_bytes(len(text) // 8, "big")
        made += frame + struct.pack(">H", crc(frame, 0x8005, 16))
    return made


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2047, 2048, 65_535, 65_536, (1 << 26) - 1, 1 << 31, (1 << 36) - 1])
def test_numbers_of_any_size_are_coded_and_read(number):
    coded = flac_frames._number_coded(number)
    assert flac_frames._coded_number(bytes(4) + coded + bytes(9)) == (number, 4 + len(coded))


@pytest.mark.parametrize("bits", [4, 8, 12, 16, 20, 24, 28, 32])
def test_a_width_that_is_not_read_is_named(tmp_path, bits):
    samples = (0.4 * np.sin(np.arange(1000)) * (2 ** (bits - 1) - 1)).astype(np.int64)
    path = saved(tmp_path, verbatim(bits, [(b"\xff\xf8", 0, samples), (b"\xff\xf8", 1, samples)]))
    if bits in (8, 16, 24):
        np.testing.assert_allclose(audio.decode(path).samples[:1000], samples / 2 ** (bits - 1), atol=1e-6)
    else:
        assert containers.examine(path).codec == f"FLAC of {bits} bits"


@pytest.mark.parametrize(("rate", "channels", "subtype"), [(RATE, 1, "PCM_16"), (44_100, 2, "PCM_24"), (8000, 1, "PCM_S8")])
@pytest.mark.parametrize("seconds", [0.02, 1.0, 5.5])
def test_an_ordinary_file_is_left_to_the_decoder(tmp_path, rate, channels, subtype, seconds):
    path = saved(tmp_path, encoded(seconds, rate, channels, subtype=subtype))
    expected = containers.Recording((containers.Stream(frames=round(seconds * rate)),), rate, channels)
    assert containers.examine(path) == expected
    assert len(audio.decode(path).samples) == round(seconds * rate)


def test_frames_that_count_samples_are_read(tmp_path):
    parts = [(np.arange(length) - 300).astype(np.int64) for length in (576, 1000, 200, 444)]
    starts = np.cumsum([0, *map(len, parts)])
    made = verbatim(16, [(b"\xff\xf9", int(start), part) for start, part in zip(starts, parts, strict=False)])
    for content in (made, with_total(made, 0), with_total(made, 300)):
        samples = audio.decode(saved(tmp_path, content)).samples
        np.testing.assert_allclose(samples, np.concatenate(parts) / 2**15, atol=1e-7)


def test_a_cut_at_any_place_is_a_status(tmp_path, data):
    starts = set(borders(tmp_path, data))
    for content in (data, with_total(data, 0)):
        for length in random.Random(1).sample(range(4, len(data)), 100):
            if length not in starts:
                assert refused(saved(tmp_path, content[:length])).status == Status.TRUNCATED


@pytest.mark.parametrize("total", [0, 1, 24_000, 47_999])
def test_a_header_that_promises_less_or_nothing_hides_no_sample(tmp_path, data, whole, total):
    path = saved(tmp_path, with_total(data, total))
    signal = audio.decode(path)
    np.testing.assert_array_equal(signal.samples, whole)
    assert signal.notes == ((f"{STALE} {total} frames, and 48000 are there and read",) if total else (STREAMED,))
    assert audio.read_duration_s(path) == 3.0
    np.testing.assert_array_equal(audio.decode(path, start=2.25).samples, whole[36_000:])


@pytest.mark.parametrize("total", [48_001, 96_000, (1 << 36) - 1])
def test_a_header_that_promises_more_than_whole_frames_is_noted(tmp_path, data, whole, total):
    """A program that cuts without encoding leaves such a file."""
    signal = audio.decode(saved(tmp_path, with_total(data, total)))
    np.testing.assert_array_equal(signal.samples, whole)
    assert signal.notes[0].startswith(f"TRUNCATED: FLAC header promises {total} frames, 48000 are there")


def test_frames_cut_out_of_a_longer_file_are_read(tmp_path, data, whole):
    starts = borders(tmp_path, data)
    cut = data[: starts[0]] + data[starts[3] : starts[8]]
    signal = audio.decode(saved(tmp_path, cut))
    np.testing.assert_array_equal(signal.samples, whole[3 * 4096 : 8 * 4096])
    assert [note.partition(":")[0] for note in signal.notes] == ["TRUNCATED", "TRUNCATED"]
    later = audio.decode(tmp_path / "a.flac", start=0.75, end=1.0)
    np.testing.assert_array_equal(later.samples, signal.samples[12_000:16_000])


def test_damage_in_frames_with_new_numbers_is_not_hidden(tmp_path, data):
    starts = borders(tmp_path, data)
    cut = bytearray(data[: starts[0]] + data[starts[3] :])
    cut[starts[0] + 2000] ^= 1
    assert refused(saved(tmp_path, bytes(cut))).status == Status.DECODE


@pytest.mark.parametrize("lost", [0, 1, 5, 10])
def test_a_lost_frame_is_a_status(tmp_path, data, lost):
    starts = borders(tmp_path, data)
    assert len(starts) == 12
    error = refused(saved(tmp_path, data[: starts[lost]] + data[starts[lost + 1] :]))
    assert error.status == Status.TRUNCATED
    assert "missing" in error.reason


def test_a_frame_out_of_its_place_is_a_status(tmp_path, data):
    starts = borders(tmp_path, data)
    assert "is not in its place" in str(refused(saved(tmp_path, data[: starts[6]] + data[starts[5] :])))


def test_a_byte_that_is_wrong_is_a_status_or_changes_nothing(tmp_path, data, whole):
    rng = random.Random(2)
    for place in rng.sample(range(4, len(data)), 100):
        damaged = bytearray(data)
        damaged[place] ^= rng.randrange(1, 256)
        try:
            samples = audio.decode(saved(tmp_path, bytes(damaged))).samples
        except AudioError:
            continue
        np.testing.assert_array_equal(samples, whole, f"byte {place}")


def test_joined_files_are_read_to_the_end(tmp_path):
    parts = [encoded(1.0, seed=1), encoded(1.0, seed=2), encoded(0.1, seed=3)]
    alone = np.concatenate([audio.decode(saved(tmp_path, part)).samples for part in parts])
    note = "DECODE: is joined of 3 FLAC files, read one behind the other"
    id3 = b"ID3\4\0\0" + bytes([0, 0, 10, 0]) + b"fLaC" + bytes(1276)
    for between in (b"", id3, b"TAG" + b"x" * 125, bytes(1000)):
        signal = audio.decode(saved(tmp_path, between.join(parts)))
        np.testing.assert_array_equal(signal.samples, alone)
        assert signal.notes == (note,)
    signal = audio.decode(saved(tmp_path, id3.join(with_total(part, 0) for part in parts)))
    np.testing.assert_array_equal(signal.samples, alone)
    assert signal.notes == (note, STREAMED)
    assert audio.read_duration_s(tmp_path / "a.flac") == 2.1
    later = audio.decode(tmp_path / "a.flac", start=0.5, end=2.05)
    np.testing.assert_array_equal(later.samples, alone[8000:32_800])


def test_joined_files_of_several_rates_are_refused(tmp_path):
    error = refused(saved(tmp_path, encoded(0.5) + encoded(0.5, 8000)))
    assert "joined of parts with 16000 and 8000 Hz" in str(error)


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_frames_joined_without_their_headers_are_read(tmp_path, seconds):
    first, second = encoded(1.0, seed=1), encoded(seconds, seed=2)
    alone = np.concatenate([audio.decode(saved(tmp_path, part)).samples for part in (first, second)])
    signal = audio.decode(saved(tmp_path, first + second[audio_start(second) :]))
    np.testing.assert_array_equal(signal.samples, alone)
    assert "the numbers of the FLAC frames begin anew" in signal.notes[0]
    np.testing.assert_array_equal(audio.decode(tmp_path / "a.flac", start=1.5).samples, alone[24_000:])


def test_a_file_within_a_picture_is_no_joined_one(tmp_path, data, whole):
    start = audio_start(data)
    picture = block(6, encoded(0.5, seed=5) + bytes(200_000))
    blocks = picture + block(1, bytes(70_000)) + block(77, b"of a later version", is_last=True)
    for content in (data, with_total(data, 0)):
        made = content[:4] + b"\0" + content[5:42] + blocks + content[start:]
        signal = audio.decode(saved(tmp_path, made))
        np.testing.assert_array_equal(signal.samples, whole)
        assert len(signal.notes) == (content != data)


def test_comments_that_are_damaged_take_no_sample(tmp_path, data, whole):
    start = audio_start(data)
    broken = block(4, b"\xff\xff\xff\x7f" + bytes(20), is_last=True)
    signal = audio.decode(saved(tmp_path, data[:4] + b"\0" + data[5:42] + broken + data[start:]))
    np.testing.assert_array_equal(signal.samples, whole)


APE = b"x" * 100 + b"APETAGEX" + struct.pack("<IIII", 2000, 132, 1, 0) + bytes(8)


@pytest.mark.parametrize("behind", [b"TAG" + b"x" * 125, APE, bytes(9000)], ids=["ID3v1", "APE", "zeros"])
@pytest.mark.parametrize("total", [48_000, 0, 20_000])
def test_tags_and_padding_change_nothing(tmp_path, data, whole, behind, total):
    front = b"ID3\4\0\0" + bytes([0, 0, 10, 0]) + b"fLaC" + bytes(1276)
    for content in (with_total(data, total) + behind, front + with_total(data, total) + behind):
        signal = audio.decode(saved(tmp_path, content))
        np.testing.assert_array_equal(signal.samples, whole)
        assert len(signal.notes) == (total != 48_000)


def test_a_last_frame_that_ends_in_zeros_is_whole(tmp_path):
    """What ends in zeros is not padding alone: the last byte of one checksum in 256 is one."""
    base = (1000 * np.sin(np.arange(500))).astype(np.int64)
    found = 0
    for change in range(2000):
        base[-1] = change
        head = verbatim(16, [(b"\xff\xf8", 0, base)])
        if not head.endswith(b"\0"):
            continue
        found += 1
        for behind in (b"", bytes(40)):
            signal = audio.decode(saved(tmp_path, with_total(head, 0) + behind))
            np.testing.assert_allclose(signal.samples, base / 2**15, atol=1e-7)
        if found == 2:
            return
    raise AssertionError("no such checksum")


def test_headers_alone(tmp_path, data):
    head = data[: audio_start(data)]
    assert refused(saved(tmp_path, head)).status == Status.TRUNCATED
    assert refused(saved(tmp_path, with_total(head, 0))).status == Status.EMPTY
    assert refused(saved(tmp_path, with_total(head, 0) + b"no frame at all")).status == Status.DECODE
    assert refused(saved(tmp_path, data[:60])).reason == "the file ends in its metadata"


@pytest.mark.parametrize(
    "change",
    [lambda packed: packed & (1 << 44) - 1 | 96_000 << 44, lambda packed: packed ^ 1 << 41, lambda packed: packed ^ 8 << 36],
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_header_of_another_rate_channels_or_bits_gives_way_to_the_frames(tmp_path, data, whole, change, times):
    wrong = data[:18] + change(int.from_bytes(data[18:26], "big")).to_bytes(8, "big") + data[26:]
    signal = audio.decode(saved(tmp_path, wrong * times))
    assert signal.original_rate == RATE
    np.testing.assert_array_equal(signal.samples, np.tile(whole, times))
    assert any(
        note.startswith("DECODE: FLAC header promises") and "16000 Hz, 1 channels, 16 bits" in note for note in signal.notes
    )
