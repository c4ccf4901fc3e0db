"""AU, Wave64 and CAF, of which only the size that they promise is looked at."""

from __future__ import annotations

import struct

from featurekit.audio.containers.recording import MAX_CHUNKS, UNKNOWN, Recording, Source, refuse_short
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError


def examine(source: Source) -> Recording:
    """What an AU, Wave64 or CAF file holds.

    Raises
    ------
    AudioError
        TRUNCATED, or DECODE for a file of more chunks than any writer makes.
    """
    refuse_short(_promised_bytes(source), source.size)
    return Recording()


def _promised_bytes(source: Source) -> int:
    magic = source.read(0, 24)
    if magic[:4] == b".snd" and len(magic) >= 24:
        offset, length = struct.unpack(">II", magic[4:12])
        return 0 if length == UNKNOWN else offset + length
    if magic[:8] == b"riff\x2e\x91\xcf\x11" and len(magic) >= 24:
        return int(struct.unpack("<Q", magic[16:24])[0])
    if magic[:4] != b"caff":
        return 0
    position = 8
    for _ in range(MAX_CHUNKS):
        head = source.read(position, 12).ljust(12, b"\0")
        length = struct.unpack(">q", head[4:])[0]
        if head[:4] == b"data" or length <= 0:
            return position + 12 + max(length, 0)  # -1: up to the end of the file
        position += 12 + length
        if position >= source.size:
            return int(position)
    raise AudioError(Status.DECODE, f"header has more than {MAX_CHUNKS} chunks")
