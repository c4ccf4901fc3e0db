"""What libsndfile does not read: the samples are ffmpeg's own, and a file cut, joined or damaged is a status."""

import errno
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.audio import Status
from featurekit.audio import ffmpeg as reader
from featurekit.errors import AudioError

RATE = 16_000
# Suffix → what makes ffmpeg write it, and whether cutting a few bytes of it may lose nothing (an index or a tag at the end).
KINDS = {
    "aac.m4a": ("-c:a", "aac"),
    "fast.m4a": ("-c:a", "aac", "-movflags", "+faststart"),
    "alac.m4a": ("-c:a", "alac"),
    "fragments.mp4": ("-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "500000"),
    "pcm.mov": ("-c:a", "pcm_s16le"),
    "opus.webm": ("-c:a", "libopus"),
    "live.webm": ("-c:a", "libopus", "-live", "1"),
    "vorbis.mka": ("-c:a", "libvorbis"),
    "v1.wma": ("-c:a", "wmav1"),
    "v2.wma": ("-c:a", "wmav2"),
    "aac": ("-c:a", "aac"),
    "ac3": ("-c:a", "ac3", "-ar", "48000"),
    "wv": ("-c:a", "wavpack"),
    "tta": ("-c:a", "tta"),
    "avi": ("-c:a", "libmp3lame"),
    "flv": ("-c:a", "libmp3lame", "-ar", "44100"),
    "flac.oga": ("-c:a", "flac", "-page_duration", "200000"),
    "spx": ("-c:a", "libspeex", "-page_duration", "200000"),
    "ts": ("-c:a", "mp2", "-f", "mpegts"),
}
# These do not say where they end: cut exactly between two frames, fragments or packets they are whole files.
ENDLESS = ("aac", "ac3", "amr", "flv", "ts", "fragments.mp4", "live.webm")
AMR_BYTES = {"AMR": (12, 13, 15, 17, 19, 20, 26, 31), "AMR-WB": (17, 23, 32, 36, 40, 46, 50, 58, 60)}


def speech(seconds=2.0, channels=1, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    one = 0.3 * np.sin(2 * np.pi * (200 * time + 20 * np.sin(3 * time))) + 0.02 * np.random.default_rng(0).standard_normal(
        len(time)
    )
    return np.stack([one * 0.5**channel for channel in range(channels)], axis=1)


@pytest.fixture
def made(ffmpeg, tmp_path):
    """Write a file of one of KINDS, or of other arguments of ffmpeg."""

    def make(name, *arguments, samples=None, rate=RATE, subtype="PCM_16"):
        source, path = tmp_path / "source.wav", tmp_path / (name if name[0] in "ab" and name[1:2] == "." else f"a.{name}")
        soundfile.write(source, speech() if samples is None else samples, rate, subtype)
        ffmpeg("-i", str(source), *(arguments or KINDS[name]), str(path))
        return path

    return make


@pytest.fixture
def by_ffmpeg(ffmpeg):
    """The first audio stream of a file as float32, (frames, channels)."""
    return lambda path, channels=1: np.frombuffer(
        ffmpeg("-i", f"file:{path}", "-map", "0:a:0", "-f", "f32le", "-"), np.float32
    ).reshape(-1, channels)


def amr(kind="AMR"):
    """Thirty frames of random bits in each mode; any bits are speech."""
    chance = random.Random(0)
    frames = (bytes([mode << 3 | 4]) + chance.randbytes(size) for mode, size in enumerate(AMR_BYTES[kind]) for _ in range(30))
    return f"#!{kind}\n".encode() + b"".join(frames)


def refusal(path):
    with pytest.raises(AudioError) as caught:
        audio.decode(path)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_those_that_ffmpeg_decodes(made, by_ffmpeg, kind):
    channels = 2
    path = made(kind, *KINDS[kind], samples=speech(channels=channels))
    wanted = by_ffmpeg(path, channels)
    header = audio.read_header(path)
    assert (header.frames, header.channels) == wanted.shape
    assert abs(header.duration_s - 2.0) < 0.12  # encoders add frames that fill and empty them
    for channel in range(channels):
        np.testing.assert_array_equal(audio.decode(path, channel=channel).samples, wanted[:, channel])
    assert abs(audio.read_duration_s(path) - header.duration_s) < 0.1


@pytest.mark.parametrize(
    ("name", "codec", "subtype"),
    [
        ("a.m4a", "alac", "PCM_24"),
        ("a.wv", "wavpack", "PCM_24"),
        ("a.wv", "wavpack", "FLOAT"),
        ("a.mov", "pcm_u8", "PCM_U8"),
        ("a.mka", "pcm_f64le", "DOUBLE"),
        ("a.wav", "pcm_s64le", "PCM_32"),
        ("a.oga", "flac", "PCM_16"),
        ("a.spx", "libspeex", "PCM_16"),
    ],
)
def test_no_precision_is_lost(made, by_ffmpeg, name, codec, subtype):
    path = made(name, "-c:a", codec, subtype=subtype)
    np.testing.assert_array_equal(audio.decode(path).samples, by_ffmpeg(path)[:, 0])


@pytest.mark.parametrize("kind", AMR_BYTES)
def test_amr_is_read(by_ffmpeg, tmp_path, kind):
    (tmp_path / "a.amr").write_bytes(amr(kind))
    read = audio.decode(tmp_path / "a.amr")
    assert read.original_rate == (8_000 if kind == "AMR" else 16_000)
    assert round(read.duration_s * 50) == 30 * len(AMR_BYTES[kind])
    np.testing.assert_array_equal(read.samples, by_ffmpeg(tmp_path / "a.amr")[:, 0])


def test_the_header_and_the_notes_say_who_decoded(made):
    path = made("aac.m4a")
    version = reader.installed().version
    assert audio.read_header(path).format == f"MP4 AAC, ffmpeg {version}"
    assert audio.decode(path).notes == (f"FFMPEG: aac was decoded by ffmpeg {version}",)
    assert version[0].isdigit() or version.startswith("N-")


def frames_left(content, cut):
    """How many frames are read of a file with this content; None where it is refused."""
    cut.write_bytes(content)
    try:
        return audio.read_header(cut).frames
    except AudioError as error:
        assert error.status in (Status.TRUNCATED, Status.DECODE, Status.EMPTY)  # noqa: PT017
        assert not any(word in error.reason for word in ("\n", "@ 0x", str(cut.parent)))  # noqa: PT017
        return None


@pytest.mark.parametrize("places", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", [*KINDS, "amr"])
def test_a_file_cut_anywhere_is_a_status_or_lost_nothing(made, tmp_path, kind, places):
    path, cut = tmp_path / f"whole.{kind}", tmp_path / f"cut.{kind}"
    path.write_bytes(amr()) if kind == "amr" else made(kind).rename(path)
    content, frames, chance = path.read_bytes(), audio.read_header(path).frames, random.Random(0)
    for length in [*(chance.randrange(100, len(content)) for _ in range(places - 1)), len(content) - 1]:
        if frames_left(content[:length], cut) not in (None, frames):
            assert kind in ENDLESS, length
            assert frames_left(content[: length - 1], cut) is None, length


def test_a_cut_is_told_as_such(made):
    path = made("fast.m4a")
    path.write_bytes(path.read_bytes()[:-3000])
    assert refusal(path).status == Status.TRUNCATED
    path = made("aac.m4a")
    path.write_bytes(path.read_bytes()[:-3000])
    assert refusal(path).status == Status.DECODE
    assert "cut or never finished" in refusal(path).reason


def test_less_audio_than_the_index_states_is_truncated(made):
    """As a recorder leaves it that wrote the index and died before the samples: no box is too long."""
    path = made("fast.m4a", *KINDS["fast.m4a"], samples=speech(4.0))
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") - 4
    kept = int.from_bytes(content[at : at + 4], "big") // 2
    content[at : at + 4] = kept.to_bytes(4, "big")
    path.write_bytes(content[: at + kept])
    assert refusal(path).status == Status.TRUNCATED


@pytest.mark.parametrize("kind", ["aac.m4a", "opus.webm", "live.webm", "v2.wma", "aac", "wv", "tta", "avi", "amr"])
def test_joined_files_are_read_to_the_end_or_refused(made, ffmpeg, tmp_path, kind):
    path = tmp_path / f"whole.{kind}"
    path.write_bytes(amr()) if kind == "amr" else made(kind).rename(path)
    one = audio.read_header(path).frames
    path.write_bytes(path.read_bytes() * 2)
    try:
        both = audio.read_header(path).frames
    except AudioError:
        return
    assert both > 1.9 * one


def test_a_damaged_file_is_refused_with_what_ffmpeg_says(made):
    path = made("alac.m4a")
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 20_000
    content[at : at + 4000] = bytes(4000)
    path.write_bytes(content)
    error = refusal(path)
    assert error.status == Status.DECODE
    assert f"ffmpeg {reader.installed().version} says: " in error.reason


def test_a_file_that_is_whole_is_read_whatever_its_stated_size(made, by_ffmpeg):
    """The box of the samples says more than there is, and the samples are all there."""
    path = made("fast.m4a")
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") - 4
    content[at : at + 4] = (int.from_bytes(content[at : at + 4], "big") + 1000).to_bytes(4, "big")
    path.write_bytes(content)
    assert audio.read_header(path).frames == len(by_ffmpeg(path))


@pytest.mark.parametrize(
    "name", [b"-a.m4a", b"a:b.m4a", b"caf\xe9.m4a", b"x%03d.m4a", b"a.wav", b"a.mp3", b"no suffix", b"'a b'.m4a"]
)
def test_any_name_is_read(made, tmp_path, monkeypatch, name):
    path = made("aac.m4a")
    monkeypatch.chdir(tmp_path)
    path.rename(tmp_path / os.fsdecode(name))
    assert audio.read_header(os.fsdecode(name)).frames > 32_000


def test_segments_are_those_of_the_whole(made):
    path = made("aac.m4a")
    whole = audio.decode(path).samples
    np.testing.assert_array_equal(audio.decode(path, 0.5, 1.25).samples, whole[8000:20_000])
    with pytest.raises(AudioError, match="TRUNCATED: segment ends at 9"):
        audio.decode(path, 0.5, 9.0)


def test_a_video_is_decoded_once_for_all_its_segments(made, monkeypatch, tmp_path):
    first, second = made("aac.m4a"), made("opus.webm")
    bad = tmp_path / "bad.m4a"
    bad.write_bytes(first.read_bytes()[:9000])
    decoded, convert = [], reader._convert
    monkeypatch.setattr(reader, "_convert", lambda path, *others: decoded.append(path) or convert(path, *others))
    for path in (first, second, bad):
        for start in (0.0, 0.5, 1.0):
            try:
                audio.decode(path, start, start + 0.5)
            except AudioError:
                assert path == bad
    assert decoded == [first, second, bad]
    first.write_bytes(second.read_bytes())  # other content is decoded again
    assert audio.read_header(first).format.startswith("WebM")


def test_nothing_is_left_behind(made, monkeypatch, tmp_path):
    paths = [made("aac.m4a"), made("opus.webm"), made("wv")]
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    audio.decode(paths[0])
    before = len(list(Path("/dev/fd").iterdir()))
    for path in paths * 2:
        audio.decode(path)
        assert list((tmp_path / "tmp").iterdir()) == []
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_forked_process_reads_what_its_parent_decoded(made):
    path = made("aac.m4a")
    code = f"""
import os, sys
from featurekit import audio
whole = audio.decode({str(path)!r}).samples.tobytes()
child = os.fork()
same = all(audio.decode({str(path)!r}).samples.tobytes() == whole for _ in range(20))
if child == 0:
    os._exit(0 if same else 1)
sys.exit(0 if same and os.waitpid(child, 0)[1] == 0 else 1)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_first_of_several_streams_is_read_and_said(made, ffmpeg, tmp_path):
    made("aac.m4a")
    soundfile.write(tmp_path / "other.wav", speech(1.0), RATE)
    both = tmp_path / "both.mka"
    ffmpeg("-i", str(tmp_path / "source.wav"), "-i", str(tmp_path / "other.wav"), "-map", "0", "-map", "1", str(both))
    read = audio.decode(both)
    assert abs(read.duration_s - 2.0) < 0.1
    assert "DECODE: the first of 2 audio streams is read" in read.notes


def test_the_sound_of_a_video_is_read(ffmpeg, by_ffmpeg, tmp_path):
    soundfile.write(tmp_path / "a.wav", speech(), RATE)
    pictures = ("-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=3")  # longer than the sound
    for name in ("a.mp4", "a.mkv", "a.webm", "a.mov", "a.avi"):
        ffmpeg(*pictures, "-i", str(tmp_path / "a.wav"), str(tmp_path / name))
        np.testing.assert_array_equal(audio.decode(tmp_path / name).samples, by_ffmpeg(tmp_path / name)[:, 0])
    ffmpeg(*pictures, str(tmp_path / "silent.mp4"))
    assert str(refusal(tmp_path / "silent.mp4")) == "EMPTY: holds no audio stream (video)"


def test_what_ffmpeg_says_of_pictures_is_no_matter(made, monkeypatch, ffmpeg, tmp_path):
    soundfile.write(tmp_path / "a.wav", speech(), RATE)
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=2", "-i", str(tmp_path / "a.wav"), "-c:v", "mpeg4", str(tmp_path / "a.mp4")
    )
    run = reader._run
    monkeypatch.setattr(reader, "_run", lambda *given: (run(*given)[0], ["[mpeg4 @ 0x55d4] header damaged"]))
    assert audio.read_header(tmp_path / "a.mp4").frames > 32_000


def test_clipping_is_seen_in_whole_numbers(made):
    path = made("alac.m4a", "-c:a", "alac", samples=np.clip(4 * speech(), -1, 1))
    assert any(note.startswith("CLIPPED: ") and "samples at full scale" in note for note in audio.decode(path).notes)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.webm"])
@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile secret.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_no_script_makes_ffmpeg_open_another_file(ffmpeg, tmp_path, name, script):
    soundfile.write(tmp_path / "secret.wav", speech(), RATE)
    (tmp_path / name).write_text(script)
    assert refusal(tmp_path / name).status == Status.DECODE


def test_ffmpeg_may_open_one_container_of_the_file_alone(made, monkeypatch):
    path, commands, run = made("aac.m4a"), [], reader._run
    monkeypatch.setattr(reader, "_run", lambda command, *others: commands.append(command) or run(command, *others))
    audio.decode(path)
    assert len(commands) == 2
    for command in commands:
        words = [os.fsdecode(word) for word in command]
        assert words[words.index("-protocol_whitelist") + 1] == "file"
        assert words[words.index("-format_whitelist") + 1] == words[words.index("-f") + 1] == "mov"
        assert words[words.index("-i") + 1] == f"file:{path}"


@pytest.mark.parametrize(
    ("code", "said", "kind", "number"),
    [
        (1, ["av_interleaved_write_frame(): No space left on device"], OSError, errno.ENOSPC),
        (255, [], OSError, errno.EINTR),
        (-9, [], OSError, errno.EINTR),
        (1, ["Error: Cannot allocate memory"], MemoryError, None),
        (-11, [], AudioError, None),
        (0, ["[aac @ 0x5588] Number of bands exceeds limit"], AudioError, None),
    ],
)
def test_only_what_the_bytes_are_to_blame_for_is_a_status(made, monkeypatch, code, said, kind, number):
    path, run = made("aac.m4a"), reader._run
    outcome = lambda command, *others: run(command, *others) if "ffprobe" in command[0] else (code, said)  # noqa: E731
    monkeypatch.setattr(reader, "_run", outcome)
    with pytest.raises(kind) as caught:
        audio.decode(path)
    assert getattr(caught.value, "errno", None) == number


def test_duration_is_taken_from_the_container(made, monkeypatch):
    path = made("alac.m4a")
    monkeypatch.setattr(reader, "_convert", lambda *given: pytest.fail("decoded"))
    assert audio.read_duration_s(path) == 2.0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypM4A \0\0\0\0" + bytes(200), "is MP4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + bytes(200), "is WebM"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(200), "is ASF"),
        (amr(), "is AMR"),
        (amr("AMR-WB"), "is AMR-WB"),
        (b"wvpk" + bytes(200), "is WavPack"),
        (b"MAC \x96\x0f" + bytes(200), "is Monkey's Audio"),
        (b"RIFF\xff\0\0\0AVI LIST" + bytes(200), "is AVI"),
        (bytes.fromhex("fff15040017ffc") + bytes(4) + bytes.fromhex("fff15040017ffc") + bytes(4), "is AAC (ADTS)"),
    ],
)
@pytest.mark.parametrize("suffix", ["m4a", "mp3", "wav", "dat"])
def test_without_ffmpeg_the_container_is_named_with_the_remedy(tmp_path, monkeypatch, suffix, content, words):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    for read in (audio.read_header, audio.decode, audio.read_duration_s):
        with pytest.raises(AudioError) as caught:
            read(path)
        assert str(caught.value) == f"DECODE: {words}, which libsndfile does not read; {reader.REMEDY}"


@pytest.mark.parametrize(("container", "codec"), [("asf", "wmav2"), ("avi", "pcm_s16le")])
def test_a_container_out_of_a_pipe_does_not_say_its_length_and_is_read(ffmpeg, by_ffmpeg, tmp_path, container, codec):
    path = tmp_path / f"a.{container}"
    soundfile.write(tmp_path / "source.wav", speech(8.0), RATE)
    path.write_bytes(ffmpeg("-i", str(tmp_path / "source.wav"), "-c:a", codec, "-f", container, "pipe:1"))
    heard = by_ffmpeg(path)[:, 0]
    np.testing.assert_array_equal(audio.decode(path).samples, heard)
    assert audio.read_duration_s(path) == pytest.approx(len(heard) / RATE)


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        (("ffmpeg",), "ffmpeg is here without ffprobe, which comes with it: "),
        (("ffmpeg", "ffprobe"), "ffmpeg does not run here ("),
    ],
)
def test_an_ffmpeg_that_cannot_be_used_is_not_called_missing_and_does_not_blame_the_file(
    tmp_path, monkeypatch, programs, words
):
    for name in programs:
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.amr"
    path.write_bytes(amr())
    reason = refusal(path).reason
    assert reason.startswith(f"is AMR, which libsndfile does not read; {words}")
    assert reason.endswith(reader.REMEDY)
