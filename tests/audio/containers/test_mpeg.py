"""MPEG audio is as long as its frames are, whatever a header states, and whatever stands in front, behind and between."""

import contextlib
import io
import re
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from featurekit import audio
from featurekit.audio import Status, decoder
from featurekit.audio.containers import mpeg, mpeg_frames
from featurekit.audio.containers.recording import Source
from featurekit.errors import AudioError

SECONDS = 3
NOISE = np.random.default_rng(0).integers(0, 256, 40_000, dtype=np.uint8).tobytes()
ID3V1 = b"TAG" + b"a title".ljust(125, b"\0")


def speech_like(rate, channels=1):
    """Loud, quiet and silent stretches, so that variable bit rates vary."""
    time = np.arange(SECONDS * rate) / rate
    loud = 0.4 * np.sin(2 * np.pi * 300 * time) * (1 + np.sin(2 * np.pi * 40 * time)) / 2
    signal = np.where(
        time < 1, 0, np.where(time < 2, loud + 0.05 * np.random.default_rng(1).standard_normal(len(time)), 0.1 * loud)
    )
    return np.stack([signal] * channels, axis=1)


def lame(rate=16_000, channels=1, mode="VARIABLE", level=0.3):
    """An MP3 as LAME writes it, with its Xing or Info frame."""
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile writes no MP3")
    file = io.BytesIO()
    options = {"format": "MP3", "bitrate_mode": mode, "compression_level": level}
    soundfile.write(file, speech_like(rate, channels), rate, **options)
    return file.getvalue()


def frames_of(mp3):
    """The frames of a whole MP3 without tags, each as bytes: the first one states how many follow."""
    kind, frames, at = mpeg_frames.kind_of(mp3[:4]), [], 0
    while length := mpeg_frames.frame_bytes(mp3[at : at + 4], kind):
        frames.append(mp3[at : at + length])
        at += length
    assert at == len(mp3)
    return frames


@pytest.fixture(scope="module")
def vbr():
    """Frames of a VBR MP3 of 16 kHz, 576 samples each; the first one states how many follow."""
    frames = frames_of(lame())
    assert len({len(frame) for frame in frames[1:]}) > 3
    return frames


@pytest.fixture(scope="module")
def cbr():
    """Frames of a CBR MP3 of 44.1 kHz, 1152 samples each; the first one states how many follow."""
    return frames_of(lame(44_100, mode="CONSTANT", level=0.6))


@pytest.fixture
def read(tmp_path):
    def read(*pieces, name="a.mp3", **segment):
        path = tmp_path / name
        path.write_bytes(b"".join(pieces))
        signal = audio.decode(path, **segment)
        if not segment:
            assert audio.read_header(path).frames == len(signal.samples)
            assert audio.read_duration_s(path) == signal.duration_s
        return signal

    return read


@pytest.fixture
def refused(read):
    def refused(*pieces, name="a.mp3"):
        with pytest.raises(AudioError) as found:
            read(*pieces, name=name)
        return found.value

    return refused


def with_count(frame, count, keep_encoder=True):
    """A Xing or Info frame that states another number of frames."""
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    end = frame.find(b"LAME")
    changed = frame[: at + 8] + struct.pack(">I", count) + frame[at + 12 :]
    return changed if keep_encoder else changed[:end] + bytes(len(frame) - end)


def vbri(frames, count=None):
    """A frame as Fraunhofer's encoder puts it in front of others."""
    head = bytes((frames[0][0], frames[0][1] | 1, 0x90 | frames[0][2] & 0x0C, frames[0][3]))
    frame = bytearray(mpeg_frames.frame_bytes(head, mpeg_frames.kind_of(head)))
    body = struct.pack(">4sHHHIIHHHH", b"VBRI", 1, 0, 75, sum(map(len, frames)) + len(frame), count or len(frames), 1, 1, 2, 9)
    frame[:4], frame[36 : 36 + len(body)] = head, body
    return bytes(frame)


def id3v2(body=b"", footer=False):
    """An ID3v2.4 tag."""
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0" + (b"\x10" if footer else b"\0") + size + body + (b"3DI\4\0\x10" + size if footer else b"")


def ape(body=b"an item", header=True, footer=True):
    """An APE tag of version 2, or of version 1 without a header."""

    def block(is_header):
        flags = (1 << 31 if header else 0) | (1 << 29 if is_header else 0)
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, 1, flags) + bytes(8)

    return block(True) * header + body + block(False) * footer


LYRICS = b"LYRICSBEGININD00002" + b"10LYR00005hello"
LYRICS += b"%06dLYRICS200" % len(LYRICS)


@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 2), (22_050, 1), (44_100, 2), (48_000, 1)])
def test_frames_are_counted_where_no_header_states_them(read, rate, channels, mode):
    first, *frames = frames_of(lame(rate, channels, mode, 0.5))
    whole = read(first, *frames)
    assert len(whole.samples) == SECONDS * rate  # LAME's delays are trimmed
    without = read(*frames)
    samples = 1152 if rate >= 32_000 else 576
    assert len(without.samples) == len(frames) * samples
    trimmed = without.samples[576 + 529 :][: len(whole.samples)]
    np.testing.assert_allclose(trimmed, whole.samples, atol=1e-6)
    assert without.notes == whole.notes


def test_a_segment_of_a_file_without_a_count_is_that_of_the_whole(vbr, read):
    whole = read(*vbr[1:]).samples
    for start, end in ((0.5, 0.7), (1.9, 2.6), (2.9, 3.0)):
        segment = read(*vbr[1:], start=start, end=end).samples
        np.testing.assert_allclose(segment, whole[round(start * 16_000) : round(end * 16_000)], atol=1e-6)


@pytest.mark.parametrize("frames", [1000, 4607])
def test_samples_do_not_depend_on_the_blocks_that_are_read(vbr, read, monkeypatch, frames):
    """libmpg123 forgets at a seek what the next frames of a low bit rate need, and soundfile seeks after every read."""
    for pieces in (vbr, vbr[1:]):
        whole = read(*pieces).samples
        with monkeypatch.context() as patch:
            patch.setattr(decoder, "_BLOCK_SAMPLES", frames)
            np.testing.assert_allclose(read(*pieces).samples, whole, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_file_of_few_frames_is_read(vbr, read, count):
    assert len(read(*vbr[1 : count + 1]).samples) == count * 576


def test_a_vbri_header_is_no_audio_and_states_the_length(vbr, read, refused):
    frames = vbr[1:]
    np.testing.assert_allclose(read(vbri(frames), *frames).samples, read(*frames).samples, atol=1e-6)
    assert refused(vbri(frames), *frames[:-9]).status == Status.TRUNCATED


@pytest.mark.parametrize("stated", [1, 5, 40])
def test_a_stale_count_hides_nothing(vbr, read, stated):
    first, *frames = vbr
    stale = read(with_count(first, stated), *frames)
    whole = read(first, *frames)
    assert len(stale.samples) == len(frames) * 576 - 576 - 529  # nothing is trimmed behind
    np.testing.assert_allclose(stale.samples[: len(whole.samples)], whole.samples, atol=1e-6)
    assert f"states {stated} MPEG frames, {len(frames)} are there" in stale.notes[0]


def test_a_count_of_zero_or_none_says_nothing(vbr, read):
    first, *frames = vbr
    at = first.find(b"Xing")
    no_flags = first[: at + 4] + bytes(4) + first[at + 8 :]
    assert len(read(no_flags, *frames).samples) == len(frames) * 576
    for count in (0, 0xFFFFFFFF):
        assert len(read(with_count(first, count), *frames).samples) == len(frames) * 576 - 576 - 529
        assert len(read(with_count(first, count, keep_encoder=False), *frames).samples) == len(frames) * 576


def test_delays_longer_than_the_audio_are_not_trimmed(vbr, read):
    first, *frames = vbr
    at = first.find(b"LAME") + 21
    absurd = with_count(first[:at] + b"\xff\xff\xff" + first[at + 3 :], 5)
    assert len(read(absurd, *frames[:5]).samples) == 5 * 576


def test_a_count_of_the_frame_that_counts_is_no_lack(vbr, read):
    first, *frames = vbr
    bare = with_count(first, len(frames) + 1, keep_encoder=False)
    assert len(read(bare, *frames).samples) == len(frames) * 576
    lame_own = read(with_count(first, len(frames) + 1), *frames)
    np.testing.assert_allclose(lame_own.samples, read(*vbr).samples, atol=1e-6)


def test_a_wrong_count_is_no_lack_where_the_bytes_are_all_there(vbr, read):
    first, *frames = vbr
    found = read(with_count(first, len(frames) + 50), *frames)
    assert len(found.samples) == SECONDS * 16_000
    assert f"states {len(frames) + 50} MPEG frames" in found.notes[0]


@pytest.mark.parametrize("lost", [1, 2, 30])
def test_fewer_frames_than_stated_are_refused(vbr, refused, lost):
    error = refused(*vbr[:-lost])
    assert error.status == Status.TRUNCATED
    assert f"{len(vbr) - 1} MPEG frames promised, {len(vbr) - 1 - lost} present" in str(error)


@pytest.mark.parametrize("counted", [True, False])
def test_a_file_cut_within_a_frame_is_refused_wherever(vbr, refused, counted):
    frames = vbr if counted else vbr[1:]
    content, borders = b"".join(frames), np.cumsum([len(frame) for frame in frames])
    for cut in np.linspace(len(frames[0]) + 2, len(content) - 1, 40).astype(int):
        if counted or cut not in borders:
            for tail in (b"", ID3V1, ape() + ID3V1):
                assert refused(content[:cut], tail).status == Status.TRUNCATED, cut


@pytest.mark.parametrize("where", ["front", "behind"])
@pytest.mark.parametrize(
    "tag",
    [
        id3v2(b"TIT2" + bytes(300)),
        id3v2(bytes(10)) + id3v2(b"TALB" + bytes(100)),
        id3v2(b"TIT2" + bytes(30), footer=True),
        id3v2(b"APIC" + b"\xff\xfb\x90\x40" * 3000),
        id3v2(b"TIT2") + bytes(2000),
        ape(),
        bytes(5000),
    ],
    ids=["ID3v2", "two ID3v2", "footer", "false syncs", "padding", "APE", "zeros"],
)
def test_tags_and_padding_change_no_sample(cbr, vbr, read, tag, where):
    for frames in (cbr, vbr, vbr[1:]):
        content = b"".join(frames)
        tagged = read(tag, content) if where == "front" else read(content, tag)
        np.testing.assert_array_equal(tagged.samples, read(content).samples)
        assert tagged.notes == ()


@pytest.mark.parametrize(
    "tail",
    [ID3V1, b"TAG+" + bytes(223) + ID3V1, ape() + ID3V1, LYRICS + ID3V1, ape(header=False), bytes(99) + ID3V1],
    ids=["ID3v1", "TAG+", "APE", "Lyrics3", "APEv1", "padding"],
)
def test_tags_behind_are_no_audio(cbr, vbr, read, tail):
    for frames in (cbr, vbr[1:]):
        content = b"".join(frames)
        np.testing.assert_array_equal(read(content, tail).samples, read(content).samples)
        joined = read(content, tail, content)  # and none between files that were joined
        assert len(joined.samples) == 2 * len(read(content).samples)


def test_an_id3_size_in_whole_bytes_is_understood(vbr, read):
    body = b"APIC" + b"\xff\xfb\x90\x40" * 3000 + bytes(bytearray(range(256)))
    tag = b"ID3\3\0\0" + struct.pack(">I", len(body)) + body
    assert len(body) & 0x80 == 0 or max(tag[6:10]) > 127
    np.testing.assert_array_equal(read(tag, *vbr).samples, read(*vbr).samples)


@pytest.mark.parametrize("stated", [0, 20_010])
def test_an_id3_size_that_is_wrong_is_no_reason_to_read_the_tag_as_audio(vbr, read, stated):
    tag = b"ID3\3\0\0" + struct.pack(">I", stated) + NOISE[:20_000]
    found = read(tag, *vbr)
    np.testing.assert_array_equal(found.samples, read(*vbr).samples)
    assert "in front of the first MPEG frame" in found.notes[0]


def test_an_id3_size_that_reaches_into_the_audio_hides_none(vbr, read):
    tag = bytearray(id3v2(b"TIT2" + bytes(300)))
    tag[8] += 20  # 2560 bytes more
    found = read(bytes(tag), *vbr)
    np.testing.assert_array_equal(found.samples, read(*vbr).samples)


@pytest.mark.parametrize("between", [b"", id3v2(b"TIT2" + bytes(77)), ID3V1, bytes(1000), ID3V1 + id3v2(b"x")])
def test_joined_files_are_read_to_the_end(vbr, read, between):
    alone = read(*vbr)
    bare = read(*vbr[1:]).samples
    joined = read(*vbr, between, *vbr, between, *vbr)
    np.testing.assert_allclose(joined.samples, np.tile(alone.samples, 3), atol=1e-6)
    assert any("joined of 3" in note for note in joined.notes)
    assert len(read(*vbr[1:], between, *vbr[1:]).samples) == 2 * len(bare)
    assert len(read(*vbr[1:], between, vbri(vbr[1:]), *vbr[1:]).samples) == 2 * len(bare)


def test_chunks_of_speech_under_the_first_ones_count_are_read(vbr, read):
    """Services of speech synthesis join what they made piece by piece, and keep the first piece's header alone."""
    joined = read(*vbr, *vbr[1:], *vbr[1:])
    assert len(joined.samples) == 3 * (len(vbr) - 1) * 576 - 576 - 529


def test_a_count_of_all_that_was_joined_is_no_lack(vbr, read):
    first, *frames = vbr
    total = with_count(first, 2 * len(frames) + 1, keep_encoder=False)
    assert len(read(total, *frames, first, *frames).samples) == len(frames) * 576 + SECONDS * 16_000


def test_a_part_that_was_cut_before_it_was_joined_is_refused(vbr, refused):
    assert refused(*vbr[:-4], *vbr).status == Status.TRUNCATED
    error = refused(b"".join(vbr)[:-20], *vbr)
    assert error.status == Status.DECODE
    assert "is damaged at byte" in str(error)


def test_a_change_of_rate_or_channels_is_refused_with_its_place(vbr, cbr, refused):
    error = refused(*vbr, *cbr)
    assert error.status == Status.DECODE
    place = sum(map(len, vbr))
    assert f"changes from 16000 Hz, 1 channel to 44100 Hz, 1 channel after 3.10 s: cut it at byte {place}" in str(error)
    stereo = frames_of(lame(16_000, 2))
    assert "to 16000 Hz, 2 channels" in str(refused(*vbr[1:], *stereo[1:]))


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("damage", ["inserted", "lost", "overwritten", "lost frame and a half"])
def test_damage_between_frames_is_refused_with_its_place(vbr, refused, damage, bare):
    frames = vbr[1:] if bare else vbr
    content, middle = b"".join(frames), sum(map(len, frames[:40]))
    broken = {
        "inserted": content[:middle] + NOISE[:300] + content[middle:],
        "lost": content[: middle + 30] + content[middle + 50 :],
        "overwritten": content[:middle] + NOISE[:700] + content[middle + 700 :],
        "lost frame and a half": content[: middle + 30] + content[middle + len(frames[40]) + 60 :],
    }[damage]
    error = refused(broken)
    assert error.status == Status.DECODE
    at = int(re.search(r"at byte (\d+)", str(error))[1])
    assert abs(at - middle) <= 2 * max(map(len, frames))


def test_what_stands_in_front_of_the_first_frame_is_noted(vbr, read):
    whole = read(*vbr[1:]).samples
    found = read(NOISE[:5000], *vbr[1:])
    np.testing.assert_array_equal(found.samples, whole)
    assert "5000 bytes in front of the first MPEG frame are no audio" in found.notes[0]
    middle = read(vbr[5][20:], *vbr[6:])
    assert len(middle.samples) == (len(vbr) - 6) * 576
    assert len(middle.notes) == 1


def test_an_answer_of_a_server_in_front_is_no_reason_to_call_it_text(vbr, read, refused):
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nX-Note: " + b"a" * 300 + b"\r\n\r\n"
    assert len(read(answer, *vbr).samples) == SECONDS * 16_000
    assert "is text" in str(refused(answer))


def test_a_file_that_ends_in_its_tag_is_cut(vbr, refused):
    assert refused(id3v2(b"APIC" + bytes(range(256)) * 99)[:9000]).status == Status.TRUNCATED


def test_what_stands_behind_the_last_frame_is_noted_or_refused(vbr, read, refused):
    whole = read(*vbr).samples
    for tail in (NOISE[:300], b"<html>not found</html>", b"\xff" * 700):
        found = read(*vbr, tail)
        np.testing.assert_array_equal(found.samples, whole)
        assert f"{len(tail)} bytes behind the last MPEG frame are no audio" in found.notes[0]
    assert len(read(*vbr[1:], b"<html>not found</html>").samples) == (len(vbr) - 1) * 576
    assert refused(*vbr[1:], NOISE[:300]).status == Status.DECODE  # they may have been frames: nothing says how many


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a", "a.mp2", "a.dat", "a.flac"])
def test_bytes_decide_not_the_name(vbr, cbr, read, name):
    for frames in (vbr, vbr[1:], cbr[1:]):
        for front in (b"", id3v2(b"TIT2" + bytes(200)), bytes(300)):
            assert len(read(front, *frames, name=name).samples) >= SECONDS * 16_000


def test_a_header_that_says_stereo_before_a_mono_stream_is_no_change(vbr, read):
    first, *frames = vbr
    stereo = bytearray(len(first))
    stereo[:4] = first[:3] + bytes((first[3] & 0x3F,))
    stereo[21:33] = b"Xing" + struct.pack(">II", 1, len(frames))
    assert len(read(bytes(stereo), *frames).samples) == len(frames) * 576


def free_format(frames):
    """The same frames without a bit rate: all are of one size."""
    return [frame[:2] + bytes((frame[2] & 0x0F,)) + frame[3:] for frame in frames]


def test_free_format_is_read(cbr, read):
    frames = cbr[1:]
    found = read(*free_format(frames))
    np.testing.assert_allclose(found.samples, read(*frames).samples, atol=1e-6)


@pytest.mark.parametrize("version", [3, 2])
@pytest.mark.parametrize("layer", [1, 2])
def test_layers_one_and_two_are_counted(read, refused, layer, version):
    """Frames without any bits allocated are silence; every other one has another bit rate."""
    rate = 44_100 if version == 3 else 22_050
    heads = [bytes((0xFF, 0xE1 | version << 3 | (4 - layer) << 1, index << 4, 0xC0)) for index in (9, 4)]
    kind = mpeg_frames.kind_of(heads[0])
    assert (kind.layer, kind.sample_rate, kind.channels) == (layer, rate, 1)
    frames = [head + bytes(mpeg_frames.frame_bytes(head, kind) - 4) for head in heads] * 60
    for name in ("a.mp2", "a.mp3", "a.bin"):
        assert len(read(*frames, name=name).samples) == 120 * kind.samples
    frames[-1] = frames[-1][:-1] + b"\1"
    content = b"".join(frames)
    assert refused(content[:-9]).status == Status.TRUNCATED


def test_lengths_of_frames_are_those_of_the_standard():
    def length(*head):
        return mpeg_frames.frame_bytes(bytes(head), mpeg_frames.kind_of(bytes(head)))

    assert length(0xFF, 0xFB, 0x90, 0xC0) == 417  # layer III, 128 kbit/s, 44.1 kHz
    assert length(0xFF, 0xFB, 0x92, 0xC0) == 418  # padded
    assert length(0xFF, 0xF3, 0x40, 0xC0) == 104  # MPEG 2, 32 kbit/s, 22.05 kHz
    assert length(0xFF, 0xE3, 0x48, 0xC0) == 288  # MPEG 2.5, 32 kbit/s, 8 kHz
    assert length(0xFF, 0xFD, 0x84, 0xC0) == 384  # layer II, 128 kbit/s, 48 kHz
    assert length(0xFF, 0xFF, 0xC4, 0xC0) == 384  # layer I, 384 kbit/s, 48 kHz
    assert length(0xFF, 0xFF, 0xC2, 0xC0) == 420  # 44.1 kHz, a padded slot has four bytes


@pytest.mark.parametrize("name", ["a.mp3", "a.dat"])
def test_false_syncs_are_no_audio(refused, name):
    for content in (
        b"\xff\xfb\x90\x40" * 3000,
        b"\xff\xfb\x90\x40" + NOISE,
        b"\xff\xfe" + "hello, world".encode("utf-16-le") * 99,
    ):
        assert refused(content, name=name).status == Status.DECODE
    assert refused(b"\xff" * 5000, name=name).status == Status.DECODE


def test_frames_inside_another_container_are_found(tmp_path, vbr):
    path = tmp_path / "a.wav"
    content = b"".join(vbr[1:])
    path.write_bytes(NOISE[:1000] + content + NOISE[:1000])
    with open(path, "rb") as file:
        recording = mpeg.frames_in(Source(path, file), 1000, 1000 + len(content))
        assert recording.frames == (len(vbr) - 1) * 576
        assert (recording.sample_rate, recording.channels) == (16_000, 1)
        with pytest.raises(AudioError, match="of its"):
            mpeg.frames_in(Source(path, file), 1000, 990 + len(content))
        with pytest.raises(AudioError, match="no MPEG frame"):
            mpeg.frames_in(Source(path, file), 0, 1000)


def in_wav(*frames, tag=0x55):
    """Frames in a WAV."""
    data = b"".join(frames)
    body = struct.pack("<HHIIHHHHIHHH", tag, 1, 16_000, 4_000, 1, 0, 12, 1, 2, 144, 1, 1105)
    chunks = (
        b"fmt " + struct.pack("<I", len(body)) + body + b"data" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_frames_in_a_wav_are_counted_alone_and_joined(vbr, read, refused):
    whole = read(*vbr[1:]).samples
    for tag in (0x55, 0x50):
        np.testing.assert_allclose(read(in_wav(*vbr[1:], tag=tag), name="a.wav").samples, whole, atol=1e-6)
    joined = read(in_wav(*vbr[1:]), in_wav(*vbr[1:]), name="a.wav")
    np.testing.assert_allclose(joined.samples, np.tile(whole, 2), atol=1e-6)
    assert len(read(id3v2(b"TIT2"), in_wav(*vbr[1:]), name="a.wav").samples) == len(whole)
    assert refused(in_wav(*vbr[1:])[:-100], name="a.wav").status == Status.TRUNCATED


@given(data=st.data())
def test_no_damage_raises_anything_but_a_status(tmp_path_factory, data):
    """Whatever is cut, lost, doubled or overwritten: whole frames, or a status."""
    frames = frames_of(lame(8_000))[1:]
    content = b"".join(frames)
    start, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 3000))
    put = data.draw(st.sampled_from([b"", NOISE[:length], bytes(length), content[:length]]))
    path = tmp_path_factory.mktemp("damage") / "a.mp3"
    path.write_bytes(content[:start] + put + content[start + length :])
    with contextlib.suppress(AudioError):
        assert len(audio.decode(path).samples) % 576 == 0
