"""What the readers of containers look at, and what they find: which bytes of a file are its audio, and how much that is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

_SEARCHED = 1 << 20  # bytes looked through at a time


@dataclass(frozen=True)
class Span:
    """Bytes of the file.

    Parameters
    ----------
    offset : int
        Of the first.
    length : int
        How many.
    """

    offset: int
    length: int


@dataclass(frozen=True)
class Stream:
    """What a decoder reads from its beginning to its end.

    Parameters
    ----------
    pieces : tuple of Span and bytes
        In order; bytes stand in place of a header that is wrong. An empty tuple is the file as it is.
    frames : int or None
        Samples per channel that the decoder must find; None where only the decoder can know.
    guessed : bool
        Whether the decoder only guesses how many there are, and not too few: then those beyond ``frames`` are no audio.
    """

    pieces: tuple[Span | bytes, ...] = ()
    frames: int | None = None
    guessed: bool = False


@dataclass(frozen=True)
class Recording:
    """The audio of a file.

    Parameters
    ----------
    streams : tuple of Stream
        What follows each other, one but for files that were joined.
    sample_rate : int or None
        In Hz; None where only the decoder can know.
    channels : int or None
        Likewise.
    notes : tuple of str
        What is odd and forbids nothing, each ``"STATUS: sentence"``.
    codec : str
        Name of a codec that libsndfile does not read, with its bits where they are the reason; empty where it does.
    container : str
        libsndfile's name of the container, where it gets another header than the file's own; else empty.
    """

    streams: tuple[Stream, ...] = (Stream(),)
    sample_rate: int | None = None
    channels: int | None = None
    notes: tuple[str, ...] = ()
    codec: str = ""
    container: str = ""

    @property
    def frames(self) -> int | None:
        """Samples per channel of all streams; None where only the decoder can know."""
        counts = [stream.frames for stream in self.streams]
        return None if None in counts or not counts else sum(count for count in counts if count is not None)


class Source:
    """The bytes of an open file.

    Parameters
    ----------
    path : str or Path
        Where it lies; its suffix is all that a reader takes from it.
    file : binary file
        Open for reading.

    Attributes
    ----------
    size : int
        Bytes of the file.
    start : int
        Where the container begins, behind tags that stand in front of it.
    """

    def __init__(self, path: str | Path, file: BinaryIO) -> None:
        self._descriptor = file.fileno()
        self.suffix = os.path.splitext(os.fsdecode(path))[1].lower()  # noqa: PTH122 - a Path takes as long as four reads
        self.size = os.fstat(self._descriptor).st_size
        self.start = 0

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset on; fewer than asked for where the file ends before, none in front of its beginning."""
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b""
        return os.pread(self._descriptor, length, offset)

    def find(self, needle: bytes, start: int, end: int | None = None) -> int:
        """Offset of the first occurrence between ``start`` and ``end``; -1 where there is none."""
        end = self.size if end is None else end
        while start < end:
            data = self.read(start, min(_SEARCHED, end - start))
            at = data.find(needle)
            if at >= 0:
                return start + at
            if len(data) < len(needle) or start + len(data) >= end:
                return -1
            start += len(data) - len(needle) + 1
        return -1


MAX_CHUNKS = 1000  # a file of empty chunks must not keep us busy
UNKNOWN = 0xFFFFFFFF  # what streaming writers put where a size would be


def refuse_short(promised: int, present: int) -> None:
    """Refuse a file with fewer bytes than it promises.

    Raises
    ------
    AudioError
        TRUNCATED.
    """
    if promised > present:
        raise AudioError(Status.TRUNCATED, f"{promised} bytes promised, {present} present")
