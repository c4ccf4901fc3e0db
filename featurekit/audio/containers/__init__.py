"""What a file's bytes say of its audio, before a decoder sees them; one module per container.

Decoders trust headers. A WAV cut to a third reads as a shorter file in every common reader, of two files that were joined
they read the first, and a forged size makes them ask for gigabytes. So each container's reader compares what the header
promises with the bytes that are there. It names the bytes that a decoder must read to its end (:class:`Recording`), with a
header in their place where the file's own is wrong, or it refuses the file with a reason.
"""

from __future__ import annotations

import functools
import importlib
import os
import stat
from pathlib import Path
from typing import Any

from featurekit.audio.containers import tags
from featurekit.audio.containers.recording import Recording as Recording
from featurekit.audio.containers.recording import Source
from featurekit.audio.containers.recording import Span as Span
from featurekit.audio.containers.recording import Stream as Stream
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

# First four bytes → the module that reads such a file. It is imported when one is met: all of them take 50 ms.
READERS = {
    b"RIFF": "riff",
    b"RIFX": "riff",
    b"RF64": "riff",
    b"BW64": "riff",
    b"FORM": "aiff",
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"NIST": "sphere",
    b".snd": "au",
    b"dns.": "au",
    b"riff": "wave64",
    b"caff": "caf",
}
_BEGINNING = 256  # bytes that tell text from audio
_REMEMBERED = 8  # files: the segments of a video ask for one of them again and again


def examine(path: str | Path) -> Recording:
    """What a file holds, by its own bytes.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS, with the reason.
    OSError
        When the file cannot be read.
    """
    status = refuse_irregular(path)
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return _examined(os.fspath(path), status.st_dev, status.st_ino, status.st_size, times)


def refuse_irregular(path: str | Path) -> os.stat_result:
    """Refuse a directory, FIFO or device, which could be read for ever; what the system knows of any other file.

    Raises
    ------
    AudioError
        DECODE.
    OSError
        When there is no such file.
    """
    status = os.stat(path)  # noqa: PTH116 - follows links, and takes names that are not UTF-8
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise AudioError(Status.DECODE, f"is {kind}, not audio")
    return status


@functools.lru_cache(_REMEMBERED)
def _examined(path: str, *identity: object) -> Recording:
    with open(path, "rb") as file:
        source = Source(path, file)
        magic = source.read(0, _BEGINNING)
        if not magic:
            raise AudioError(Status.EMPTY, "the file has 0 bytes")
        source.start = tags.after_front(source)
        reader = READERS.get(source.read(source.start, 4))
        unread = _module("foreign").find(source) if reader is None or magic[8:12] == b"AVI " else None
        recording: Recording
        if unread is not None:
            recording = Recording(codec=unread.name)
        elif reader is not None:
            is_sphere = reader == "sphere" and magic.startswith(_module(reader).MAGIC)  # its header is text
            if len(magic) == _BEGINNING and not is_sphere:
                _refuse_text(magic)
            recording = _module(reader).examine(source)
        else:
            recording = _module("mpeg").examine(source) or _unknown(source, magic)
    refuse_insane(recording.sample_rate, recording.channels)
    return recording


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def _unknown(source: Source, magic: bytes) -> Recording:
    """What libsndfile may know; text and what only looks like MPEG audio is refused."""
    _refuse_text(magic)
    _module("mpeg").refuse_likeness(source)
    return Recording(notes=(f"{Status.DECODE}: this kind of container is not checked, and a cut file reads as a shorter one",))


def _refuse_text(magic: bytes) -> None:
    if magic.startswith(b"version https://git-lfs"):
        raise AudioError(Status.DECODE, "is a git-lfs pointer, not audio: run git lfs pull")
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in magic):
        beginning = magic[:40].decode("ascii").split("\n")[0].strip()
        raise AudioError(Status.DECODE, f"is text, not audio; it begins with {beginning!r}")
