"""The bytes of a file decide, not its name or its neighbours; decoders neither raise nor print."""

import ctypes
import io
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.audio import Status, decoder, quiet
from featurekit.errors import AudioError
from featurekit.extraction import build_store
from featurekit.manifest import Manifest, Utterance

RATE = 16_000
NOISE = np.random.default_rng(0).integers(0, 256, 20_000, dtype=np.uint8).tobytes()
LEFTOVERS = {"apple double": b"\0\5\x16\7\0\2\0\0Mac OS X        \0\2" + bytes(4000), "zeros": bytes(4096), "noise": NOISE}
CONTAINERS = ("WAV", "AU", "FLAC", "OGG", "MP3")


def encoded(container):
    """Half a second of a tone, as bytes."""
    if container not in soundfile.available_formats():
        pytest.skip(f"this libsndfile writes no {container}")
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE), RATE, format=container)
    return file.getvalue()


@pytest.mark.parametrize("suffix", ["au", "snd", "vox", "vox6", "gsm", "raw", "mp3", "wav", "dat"])
def test_bytes_that_are_no_audio_are_refused_under_any_name(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(NOISE)
    for read in (audio.read_header, audio.decode, audio.read_duration_s):
        with pytest.raises(AudioError) as found:
            read(path)
        assert found.value.status == Status.DECODE
    if f".{suffix}" in decoder.HEADERLESS:
        assert "samples without a header" in str(found.value)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_good_file_is_read_under_any_name(tmp_path, container):
    content = encoded(container)
    lengths = set()
    for name in ("a.wav", "a.snd", "a.raw", "a.gsm", "a.mp3", "a"):
        (tmp_path / name).write_bytes(content)
        lengths.add(len(audio.decode(tmp_path / name).samples))
    assert lengths == {RATE // 2}


@pytest.mark.parametrize("leftover", LEFTOVERS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_hidden_twin_changes_nothing(tmp_path, container, leftover):
    path = tmp_path / f"a.{container.lower()}"
    path.write_bytes(encoded(container))
    alone = audio.decode(path)
    for twin in (
        f"._{path.name}",
        f".AppleDouble/{path.name}",
        f"{path.name}.part",
        f"{path.name}.crdownload",
        f"~${path.name}",
        "Thumbs.db",
        "desktop.ini",
    ):
        (tmp_path / twin).parent.mkdir(exist_ok=True)
        (tmp_path / twin).write_bytes(LEFTOVERS[leftover])
    beside = audio.decode(path)
    np.testing.assert_array_equal(beside.samples, alone.samples)
    assert beside.notes == alone.notes


def test_padding_before_an_mp3_changes_no_sample(tmp_path):
    content = encoded("MP3")
    for name, padding in (("a.mp3", b""), ("b.mp3", bytes(500)), ("c.mp3", b"\xff" * 7 + bytes(30_000))):
        (tmp_path / name).write_bytes(padding + content)
        np.testing.assert_array_equal(audio.decode(tmp_path / name).samples, audio.decode(tmp_path / "a.mp3").samples)


def test_descriptors_are_closed(tmp_path):
    (tmp_path / "bad.wav").write_bytes(NOISE)
    (tmp_path / "good.wav").write_bytes(encoded("WAV"))
    audio.decode(tmp_path / "good.wav")
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        audio.decode(tmp_path / "good.wav")
        with pytest.raises(AudioError):
            audio.decode(tmp_path / "bad.wav")
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("fault", [TypeError("samplerate"), ZeroDivisionError(), RuntimeError("in C"), UnicodeError("a tag")])
@pytest.mark.parametrize("where", ["__init__", "read"])
def test_whatever_a_decoder_raises_is_a_status_of_one_utterance(tmp_path, monkeypatch, fault, where):
    for name in ("good.wav", "bad.wav"):
        (tmp_path / name).write_bytes(encoded("WAV"))
    bad = (tmp_path / "bad.wav").stat().st_ino
    real = getattr(soundfile.SoundFile, where)

    def broken(self, *arguments, **keywords):
        descriptor = arguments[0] if where == "__init__" else self.name
        if os.fstat(descriptor).st_ino == bad:
            raise fault
        return real(self, *arguments, **keywords)

    monkeypatch.setattr(soundfile.SoundFile, where, broken)
    manifest = Manifest([Utterance(id=name, path=f"{name}.wav") for name in ("good", "bad")])
    summary = build_store(manifest, root=tmp_path, out=tmp_path / "s", columns="rms", backend="serial")
    assert set(summary.failed) == {"bad"}
    assert summary.failed["bad"].startswith(f"DECODE: the decoder failed with {type(fault).__name__}")


def test_a_disk_and_lack_of_memory_are_not_statuses(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(encoded("WAV"))
    for fault in (OSError(5, "Input/output error"), MemoryError()):
        with monkeypatch.context() as patch:
            patch.setattr(soundfile.SoundFile, "read", lambda *_, fault=fault, **__: (_ for _ in ()).throw(fault))
            with pytest.raises(type(fault)):
                audio.decode(tmp_path / "a.wav")


PRINTS = """
import ctypes, sys
from featurekit import audio
from featurekit.audio import containers, decoder
from featurekit.errors import AudioError
libc = ctypes.CDLL(None)
with decoder.open_sound(sys.argv[1], containers.examine(sys.argv[1])):
    libc.puts(b"from C")
    libc.perror(b"from C")
    print("from Python")
    print("from Python", file=sys.stderr)
for path in sys.argv[2:]:
    try:
        audio.decode(path)
    except AudioError:
        pass
libc.puts(b"C again")
libc.fflush(None)
"""


def test_what_decoders_print_goes_nowhere_and_the_rest_where_it_belongs(tmp_path):
    if quiet._streams() is None:
        pytest.skip("this C library does not say where its streams are")
    (tmp_path / "a.wav").write_bytes(encoded("WAV"))
    mp3 = encoded("MP3")
    (tmp_path / "cut.mp3").write_bytes(mp3[: len(mp3) // 2] + NOISE)  # libmpg123 notes that it looks for the next frame
    (tmp_path / "bad.mp3").write_bytes(mp3[:5] + NOISE)
    files = [tmp_path / name for name in ("a.wav", "cut.mp3", "bad.mp3")]
    run = subprocess.run([sys.executable, "-c", PRINTS, *map(str, files)], capture_output=True, text=True, check=True)
    assert sorted(run.stdout.splitlines()) == ["C again", "from Python"]
    assert run.stderr.splitlines() == ["from Python"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of a fork beside threads
def test_threads_and_forks_leave_the_streams_as_they_were():
    streams = quiet._streams()
    if streams is None:
        pytest.skip("this C library does not say where its streams are")
    inside, go_on = threading.Barrier(3), threading.Event()

    def decoding():
        with quiet.quiet():
            inside.wait()
            go_on.wait()

    threads = [threading.Thread(target=decoding, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    now = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "__stderrp" if sys.platform == "darwin" else "stderr")
    assert now.value == streams.nowhere
    child = os.fork()
    if child == 0:  # it has neither thread
        os._exit(0 if (now.value, streams.users) == (streams.originals[1], 0) else 1)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    for thread in threads:
        thread.join()
    assert now.value == streams.originals[1]


def flac_of(bits):
    content = bytearray(encoded("FLAC"))
    packed = int.from_bytes(content[18:26], "big") & ~(31 << 36) | (bits - 1) << 36
    content[18:26] = packed.to_bytes(8, "big")
    return bytes(content)


def ogg_with(mark):
    return b"OggS\0\2" + bytes(20) + bytes([1, 80]) + mark.ljust(80, b"\0") + bytes(400)


def wav_of(bits):
    chunk = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * bits // 8, bits // 8, bits)
    body = b"WAVE" + chunk + b"data" + struct.pack("<I", 1000 * bits // 8) + bytes(1000 * bits // 8)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("made", "of_what", "words"),
    [
        (flac_of, 12, "FLAC of 12 bits"),
        (flac_of, 20, "FLAC of 20 bits"),
        (ogg_with, b"Speex   1.2", "Ogg with Speex"),
        (ogg_with, b"\x7fFLAC\1", "Ogg with FLAC"),
        (wav_of, 64, "WAV of 64 bits"),
    ],
)
def test_a_codec_that_is_not_read_is_named(tmp_path, monkeypatch, made, of_what, words):
    monkeypatch.setenv("PATH", str(tmp_path))  # where ffmpeg is installed, it may read some of them
    (tmp_path / "a.audio").write_bytes(made(of_what))
    with pytest.raises(AudioError, match=f"{words}.*install ffmpeg"):
        audio.decode(tmp_path / "a.audio")


@pytest.mark.parametrize("behind", [b"TAG" + b"x" * 125, bytes(10_000), NOISE], ids=["ID3v1", "zeros", "noise"])
def test_bytes_behind_the_form_of_an_aiff_change_nothing(tmp_path, behind):
    content = encoded("AIFF")
    (tmp_path / "a.aiff").write_bytes(content)
    (tmp_path / "b.aiff").write_bytes(content + behind)
    np.testing.assert_array_equal(audio.decode(tmp_path / "b.aiff").samples, audio.decode(tmp_path / "a.aiff").samples)
    (tmp_path / "cut.aiff").write_bytes(content[:-1000])
    with pytest.raises(AudioError, match="TRUNCATED"):
        audio.decode(tmp_path / "cut.aiff")
