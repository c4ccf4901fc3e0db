"""Ogg: every page is looked at, and what the decoder gives is what the packets hold."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.audio import Status, containers
from featurekit.audio.containers import ogg_pages
from featurekit.errors import AudioError

CODECS = ("VORBIS", "OPUS")
BEGINS, ENDS = 2, 4
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def encoded(codec, seconds=3.0, rate=16_000, channels=1, seed=0):
    if "OGG" not in soundfile.available_formats() or codec not in soundfile.available_subtypes("OGG"):
        pytest.skip(f"this libsndfile writes no {codec}")
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate))[:, None] / rate
    voice = 0.3 * np.sin(2 * np.pi * 200 * t) * np.sin(2 * np.pi * 3 * t) + 0.02 * rng.standard_normal((len(t), channels))
    file = io.BytesIO()
    soundfile.write(file, voice, rate, format="OGG", subtype=codec)
    return file.getvalue()


def checksum(data):
    """The specification's: a CRC with the polynomial 0x04c11db7, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 1 << 31 else 0)) & 0xFFFFFFFF
    return struct.pack("<I", crc)


def page(flags, granule, serial, sequence, segments, body, crc=None):
    head = b"OggS" + struct.pack("<BBqII", 0, flags, granule, serial, sequence)
    table = bytes([len(segments)]) + bytes(segments)
    reversed_bits = (head + bytes(4) + table + body).translate(REVERSED)
    quick = (zlib.crc32(reversed_bits, 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "big").translate(REVERSED)
    return head + (quick if crc is None else crc) + table + body


def parsed(data):
    """Pages as lists: flags, granule, serial, sequence, segments, body."""
    pages, position = [], 0
    while position < len(data):
        flags, granule, serial, sequence = struct.unpack("<BqII", data[position + 5 : position + 22])
        count = data[position + 26]
        segments = list(data[position + 27 : position + 27 + count])
        body = data[position + 27 + count : position + 27 + count + sum(segments)]
        pages.append([flags, granule, serial, sequence, segments, body])
        position += 27 + count + len(body)
    return pages


def built(pages):
    return b"".join(page(*one) for one in pages)


def one_packet_a_page(pages, headers):
    """The same stream with a page for each packet of sound, as many recorders write it; granules as the packets say."""
    made = [list(one) for one in pages[:headers]]
    for flags, granule, serial, _, segments, body in pages[headers:]:
        ends = [number + 1 for number, length in enumerate(segments) if length < 255]
        starts = [0, *ends[:-1]]
        for start, end in zip(starts, ends, strict=True):
            data = body[sum(segments[:start]) : sum(segments[:end])]
            said = granule if end == ends[-1] else -1
            made.append([flags if end == ends[-1] else 0, said, serial, len(made), segments[start:end], data])
    return made


def headers_of(pages):
    """Pages of headers, which say that nothing has sounded, and have their own."""
    return next(number for number, one in enumerate(pages) if one[1] > 0)


def saved(tmp_path, data):
    path = tmp_path / "a.ogg"
    path.write_bytes(data)
    return path


def refused(path):
    with pytest.raises(AudioError) as found:
        audio.decode(path)
    return found.value


@pytest.fixture(params=CODECS)
def codec(request):
    return request.param


@pytest.fixture
def data(codec):
    return encoded(codec)


@pytest.fixture
def whole(tmp_path, data):
    return audio.decode(saved(tmp_path, data)).samples


def test_the_checksum_is_that_of_the_specification():
    body = random.Random(0).randbytes(300)
    assert ogg_pages.checksum_of(body[:40], body[40:]) == checksum(body)
    made = page(0, 5, 7, 1, [200], body[:200])
    assert made[22:26] == checksum(made[:22] + bytes(4) + made[26:])


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8000, 1, 1.0), (16_000, 2, 0.5), (48_000, 1, 0.1), (24_000, 2, 2.0)]
)
def test_an_ordinary_file_is_left_to_the_decoder_and_its_length_needs_none(
    tmp_path, codec, rate, channels, seconds, monkeypatch
):
    path = saved(tmp_path, encoded(codec, seconds, rate, channels))
    recording = containers.examine(path)
    assert recording == containers.Recording((containers.Stream(frames=round(seconds * rate)),), rate, channels)
    assert len(audio.decode(path).samples) == round(seconds * rate)
    monkeypatch.setattr(soundfile, "SoundFile", None)
    assert audio.read_duration_s(path) == pytest.approx(seconds)


@pytest.mark.parametrize("kind", ["one page a second", "one page a packet"])
def test_a_cut_at_any_place_is_a_status(tmp_path, data, kind):
    if kind == "one page a packet":
        data = built(one_packet_a_page(parsed(data), headers_of(parsed(data))))
    borders, position = set(), 0
    for one in parsed(data):
        borders.add(position)
        position += 27 + len(one[4]) + len(one[5])
    for length in random.Random(1).sample(range(1, len(data)), 100):
        if length not in borders:
            assert refused(saved(tmp_path, data[:length])).status == Status.TRUNCATED


def test_pages_of_any_size_give_the_same_samples(tmp_path, data, whole):
    pages = parsed(data)
    again = saved(tmp_path, built(one_packet_a_page(pages, headers_of(pages))))
    np.testing.assert_array_equal(audio.decode(again).samples, whole)


def test_a_lost_page_is_a_status(tmp_path, data):
    pages = parsed(data)
    for number in range(len(pages) - 1):
        error = refused(saved(tmp_path, built(pages[:number] + pages[number + 1 :])))
        assert error.status in (Status.TRUNCATED, Status.DECODE), number
    middle = len(pages) - 2
    assert "one page is missing" in str(refused(saved(tmp_path, built(pages[:middle] + pages[middle + 1 :]))))


def test_a_byte_that_is_wrong_is_a_status(tmp_path, data):
    rng = random.Random(2)
    for place in rng.sample(range(len(data)), 60):
        damaged = bytearray(data)
        damaged[place] ^= rng.randrange(1, 256)
        assert refused(saved(tmp_path, bytes(damaged))).status in (Status.TRUNCATED, Status.DECODE)


def test_a_stream_without_an_end_is_read_and_noted(tmp_path, data, whole):
    """A program that records and is stopped leaves such a file, and ffmpeg's segments are such."""
    pages = parsed(data)
    signal = audio.decode(saved(tmp_path, built(pages[:-1])))
    assert any(note.startswith("TRUNCATED: the Ogg stream has no page that is marked as its last") for note in signal.notes)
    np.testing.assert_array_equal(signal.samples, whole[: len(signal.samples)])
    assert len(signal.samples) >= len(whole) // 3


def test_a_chain_is_read_to_its_end(tmp_path, codec):
    parts = [encoded(codec, 1.0, seed=1), encoded(codec, 1.0, seed=2), encoded(codec, 1.5, seed=3)]
    alone = [audio.decode(saved(tmp_path, part)).samples for part in parts]
    signal = audio.decode(saved(tmp_path, b"".join(parts)))
    np.testing.assert_array_equal(signal.samples, np.concatenate(alone))
    assert signal.notes == ("DECODE: is joined of 3 Ogg streams, read one behind the other",)
    assert audio.read_duration_s(tmp_path / "a.ogg") == 3.5
    later = audio.decode(tmp_path / "a.ogg", start=1.25, end=2.5)
    np.testing.assert_allclose(later.samples, signal.samples[20_000:40_000], atol=2e-3)


def test_links_with_one_serial_number_are_two(tmp_path, data, whole):
    signal = audio.decode(saved(tmp_path, data + data))
    np.testing.assert_array_equal(signal.samples, np.concatenate([whole, whole]))


def test_links_of_several_rates_are_refused_and_opus_has_one(tmp_path):
    error = refused(saved(tmp_path, encoded("VORBIS", rate=16_000) + encoded("VORBIS", rate=8000)))
    assert "joined of parts with 16000 and 8000 Hz" in str(error)
    signal = audio.decode(saved(tmp_path, encoded("OPUS", 1.0, 8000) + encoded("OPUS", 1.0, 16_000)))
    assert (signal.sample_rate, len(signal.samples)) == (16_000, 32_000)


@pytest.mark.parametrize("behind", [b"TAG" + b"x" * 125, bytes(9000)], ids=["ID3v1", "zeros"])
def test_tags_and_padding_behind_the_end_change_nothing(tmp_path, data, whole, behind):
    signal = audio.decode(saved(tmp_path, data + behind))
    np.testing.assert_array_equal(signal.samples, whole)
    assert signal.notes == ()


def test_other_bytes_are_passed_over_where_no_page_is_missing(tmp_path, data, whole):
    pages, noise = parsed(data), random.Random(3).randbytes(3000)
    for content in (built(pages[:-1]) + noise + built(pages[-1:]), data + noise):
        signal = audio.decode(saved(tmp_path, content))
        np.testing.assert_array_equal(signal.samples, whole)
        assert len(signal.notes) == 1
        assert "3000 bytes that are no Ogg page" in signal.notes[0]
    assert refused(saved(tmp_path, built(pages[:-1]) + noise)).status == Status.DECODE


def test_id3_in_front_is_passed_over(tmp_path, data, whole):
    tag = b"ID3\4\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
    np.testing.assert_array_equal(audio.decode(saved(tmp_path, tag + data)).samples, whole)


def test_a_stream_that_begins_late_is_read_from_there(tmp_path, data, whole):
    pages, rate = parsed(data), 48_000 if b"OpusHead" in data else 16_000
    late = [[*one[:1], one[1] + 90 * rate if one[1] > 0 else one[1], *one[2:]] for one in pages]
    signal = audio.decode(saved(tmp_path, built(late)))
    np.testing.assert_array_equal(signal.samples, whole)
    assert signal.notes[0].startswith("TRUNCATED: the Ogg stream begins at 90.00 s of its own clock")


def test_a_recording_begun_in_the_middle_has_no_less_than_its_packets(tmp_path, data, codec):
    small = one_packet_a_page(parsed(data), headers_of(parsed(data)))
    first = headers_of(parsed(data))
    clock = audio.decode(saved(tmp_path, built(small)))
    kept = small[:first] + small[first + 40 :]
    granules = [one[1] for one in kept[first:] if one[1] >= 0]
    assert len(granules) > 1
    signal = audio.decode(saved(tmp_path, built(kept)))
    assert 0.3 < len(signal.samples) / len(clock.samples) < 1
    assert np.abs(signal.samples[-8000:] - clock.samples[-8000:]).max() < 1e-3


def test_a_clock_that_lies_takes_no_sample(tmp_path, data, whole):
    """Paused, cut out of another stream, or never counted: the packets are all there."""
    pages, first = parsed(data), headers_of(parsed(data))
    step = pages[first][1]
    clocks = {
        "pause": [one[1] + (5 * step if number > first else 0) for number, one in enumerate(pages)],
        "back": [one[1] - (step if number > first else 0) for number, one in enumerate(pages)],
        "early": [one[1] - (step // 2 if number >= first else 0) for number, one in enumerate(pages)],
        "numbers": [one[1] for one in pages],
    }
    for name, granules in clocks.items():
        changed = [[one[0], granule, *one[2:]] for one, granule in zip(pages, granules, strict=True)]
        if name == "numbers":
            changed = [[*one[:3], 3 * one[3] + 1, *one[4:]] for one in changed]
        signal = audio.decode(saved(tmp_path, built(changed)))
        np.testing.assert_array_equal(signal.samples, whole, name)
        assert len(signal.notes) == (name in ("pause", "numbers")), (name, signal.notes)


def test_a_clock_that_stands_still_takes_no_sample(tmp_path, data, whole):
    pages = [[one[0], 0, *one[2:]] for one in parsed(data)]
    samples = audio.decode(saved(tmp_path, built(pages))).samples
    assert 0 <= len(samples) - len(whole) < 1000  # what pads the last packet is not told from sound
    np.testing.assert_array_equal(samples[: len(whole)], whole)


def test_empty_last_pages_change_nothing(tmp_path, data, whole):
    pages = parsed(data)
    *most, (_, granule, serial, number, segments, body) = pages
    for said, lacing in ((granule, [0]), (-1, []), (granule, [])):
        made = [*most, [0, granule, serial, number, segments, body], [ENDS, said, serial, number + 1, lacing, b""]]
        np.testing.assert_array_equal(audio.decode(saved(tmp_path, built(made))).samples, whole)


def test_a_page_that_stands_twice_is_read_once(tmp_path, data, whole):
    pages = parsed(data)
    for number in (len(pages) - 2, len(pages) - 1):
        signal = audio.decode(saved(tmp_path, built([*pages[: number + 1], *pages[number:]])))
        np.testing.assert_array_equal(signal.samples, whole)
        assert "stands there twice" in signal.notes[0]


def test_pages_without_checksums_are_read_and_noted(tmp_path, data, whole):
    signal = audio.decode(saved(tmp_path, b"".join(page(*one, crc=bytes(4)) for one in parsed(data))))
    np.testing.assert_array_equal(signal.samples, whole)
    assert signal.notes == ("DECODE: the Ogg pages have no checksums; damage cannot be seen",)


def test_sound_on_the_page_of_the_headers_is_not_lost(tmp_path, data, whole):
    pages, first = parsed(data), headers_of(parsed(data))
    head, sound = pages[first - 1], pages[first]
    count = 200 - len(head[4])
    joined = [sound[0], sound[1], sound[2], head[3], head[4] + sound[4], head[5] + sound[5]]
    assert len(joined[4]) < 256
    assert count > 0
    rest = [[*one[:3], one[3] - 1, *one[4:]] for one in pages[first + 1 :]]
    np.testing.assert_array_equal(audio.decode(saved(tmp_path, built([*pages[: first - 1], joined, *rest]))).samples, whole)


def test_comments_that_are_damaged_take_no_sample(tmp_path, data, whole, codec):
    mark = b"OpusTags" if codec == "OPUS" else b"\x03vorbis"
    pages = parsed(data)
    one = next(one for one in pages if mark in one[5])
    one[5] = one[5].replace(mark + one[5][len(mark) : len(mark) + 4], mark + b"\xff\xff\xff\x7f")
    np.testing.assert_array_equal(audio.decode(saved(tmp_path, built(pages))).samples, whole)


@pytest.mark.parametrize("change", ["rate unknown", "bytes behind", "version 2"])
def test_headers_of_opus_that_libsndfile_misreads(tmp_path, change):
    data = encoded("OPUS", 1.0, 48_000)
    whole, pages = audio.decode(saved(tmp_path, data)).samples, parsed(data)
    head = bytearray(pages[0][5])
    if change == "rate unknown":
        head[12:16] = bytes(4)  # libsndfile would decode at 8 kHz, and lose most of the band
    elif change == "version 2":
        head[8] = 2
    else:
        head += b"more"
    pages[0][4:] = [[len(head)], bytes(head)]
    signal = audio.decode(saved(tmp_path, built(pages)))
    assert signal.sample_rate == 48_000
    np.testing.assert_array_equal(signal.samples, whole)


def other(mark, serial=99):
    head = page(BEGINS, 0, serial, 0, [len(mark) + 30], mark + bytes(30))
    return head, page(ENDS, 5, serial, 1, [200], bytes(200))


@pytest.mark.parametrize("mark", [b"\x80theora\3\2\1", b"fishead\0\3", b"\x80kate\0\0\0\0", b"unheard "])
def test_sound_among_other_streams_is_read(tmp_path, data, whole, mark):
    pages, (head, rest) = parsed(data), other(mark)
    for content in (head + built(pages[:1]) + rest + built(pages[1:]), built(pages[:1]) + head + built(pages[1:-1]) + rest):
        content += built(pages[-1:]) if content.endswith(rest) else b""
        signal = audio.decode(saved(tmp_path, content))
        np.testing.assert_array_equal(signal.samples, whole)
        assert signal.notes == ()


def test_the_first_of_two_streams_of_sound_is_read_and_the_other_noted(tmp_path, codec):
    first, second = parsed(encoded(codec, 2.0, seed=1)), parsed(encoded(codec, 1.0, seed=2))
    whole = audio.decode(saved(tmp_path, built(first))).samples
    signal = audio.decode(saved(tmp_path, built([first[0], second[0], *first[1:3], *second[1:], *first[3:]])))
    np.testing.assert_array_equal(signal.samples, whole)
    assert signal.notes == ("DECODE: 2 streams of sound side by side; the first is read",)


@pytest.mark.parametrize(("mark", "words"), [(b"Speex   1", "Speex"), (b"\x7fFLAC\1\0", "FLAC"), (b"CELT    ", "CELT")])
def test_other_codecs_of_sound_are_named(tmp_path, mark, words):
    assert containers.examine(saved(tmp_path, b"".join(other(mark)))).codec == f"Ogg with {words}"


def test_a_file_without_sound_says_what_it_holds(tmp_path):
    assert str(refused(saved(tmp_path, b"".join(other(b"\x80theora\3\2\1"))))).startswith("DECODE: is Ogg with Theora (video)")


def test_headers_alone_are_empty(tmp_path, data):
    pages = parsed(data)
    assert refused(saved(tmp_path, built(pages[: headers_of(pages)]))).status == Status.EMPTY


def test_pages_of_a_stream_whose_beginning_is_missing_are_not_passed_over(tmp_path, codec):
    first, second = encoded(codec, 1.0, seed=1), parsed(encoded(codec, 1.0, seed=2))
    error = refused(saved(tmp_path, first + built(second[1:])))
    assert "whose first page is missing or damaged" in str(error)
