"""What a file's bytes say of its audio, before a decoder sees them; one module per container.

Decoders trust headers. A WAV cut to a third reads as a shorter file in every common reader, of two files that were joined
they read the first, and a forged size makes them ask for gigabytes. So each container's reader compares what the header
promises with the bytes that are there. It names the bytes that a decoder must read to its end (:class:`Recording`), with a
header in their place where the file's own is wrong, or it refuses the file with a reason.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable
from pathlib import Path

from featurekit.audio.containers import aiff, au, caf, flac, foreign, mpeg, ogg, riff, sphere, tags, wave64
from featurekit.audio.containers.recording import Recording as Recording
from featurekit.audio.containers.recording import Source
from featurekit.audio.containers.recording import Span as Span
from featurekit.audio.containers.recording import Stream as Stream
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

READERS: dict[bytes, Callable[[Source], Recording]] = {
    b"RIFF": riff.examine,
    b"RIFX": riff.examine,
    b"RF64": riff.examine,
    b"BW64": riff.examine,
    b"FORM": aiff.examine,
    b"fLaC": flac.examine,
    b"OggS": ogg.examine,
    b"NIST": sphere.examine,
    b".snd": au.examine,
    b"dns.": au.examine,
    b"riff": wave64.examine,
    b"caff": caf.examine,
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
        unread = foreign.find(source) if reader is None or magic[8:12] == b"AVI " else None
        if unread is not None:
            recording = Recording(codec=unread.name)
        elif reader is not None:
            if len(magic) == _BEGINNING and not magic.startswith(sphere.MAGIC):
                _refuse_text(magic)
            recording = reader(source)
        else:
            recording = mpeg.examine(source) or _unknown(source, magic)
    refuse_insane(recording.sample_rate, recording.channels)
    return recording


def _unknown(source: Source, magic: bytes) -> Recording:
    """What libsndfile may know; text and what only looks like MPEG audio is refused."""
    _refuse_text(magic)
    mpeg.refuse_likeness(source)
    return Recording(notes=(f"{Status.DECODE}: this kind of container is not checked, and a cut file reads as a shorter one",))


def _refuse_text(magic: bytes) -> None:
    if magic.startswith(b"version https://git-lfs"):
        raise AudioError(Status.DECODE, "is a git-lfs pointer, not audio: run git lfs pull")
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in magic):
        beginning = magic[:40].decode("ascii").split("\n")[0].strip()
        raise AudioError(Status.DECODE, f"is text, not audio; it begins with {beginning!r}")
