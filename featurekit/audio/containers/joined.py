"""Recordings of one container that stand one after the other in a file, as ``cat a.wav b.wav`` joins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

_MOST = 10_000  # recordings in a file


class Part(NamedTuple):
    """One of them: its audio, and where it ends. A stream without pieces is all bytes of the part."""

    recording: Recording
    end: int


def joined(source: Source, starts: tuple[bytes, ...], read: Callable[[Source, int], Part]) -> Recording:
    """The audio of all recordings in a file.

    Parameters
    ----------
    source : Source
        The file.
    starts : tuple of bytes
        First four bytes of the container.
    read : callable
        (source, offset) → the recording that begins there.

    Raises
    ------
    AudioError
        As ``read``; DECODE where they are of a codec that libsndfile does not read.
    """
    position = source.start
    parts: list[Part] = []
    streams: list[Stream] = []
    while len(parts) < _MOST:
        part = read(source, position)
        parts.append(part)
        whole = (Span(position, part.end - position),)
        streams += [replace(stream, pieces=stream.pieces or whole) for stream in part.recording.streams]
        if part.end >= source.size or source.read(part.end, 4) not in starts:
            break
        position = part.end
    first = parts[0].recording
    if len(parts) == 1 and (source.start == 0 or first.codec):
        return first
    notes = tuple(dict.fromkeys(note for part in parts for note in part.recording.notes))
    if len(parts) > 1:
        codec = next((part.recording.codec for part in parts if part.recording.codec), "")
        if codec:
            raise AudioError(Status.DECODE, f"is joined of {len(parts)} recordings, {codec}: cut it where they meet")
        notes += (f"{Status.DECODE}: {len(parts)} recordings joined in one file, read one after the other",)
    return Recording(tuple(streams), first.sample_rate, first.channels, notes, container=first.container)
