"""AU, as Sun and NeXT wrote it; nothing but samples stands behind its header."""

from __future__ import annotations

import struct

from featurekit.audio.containers import extent
from featurekit.audio.containers.extent import Promise
from featurekit.audio.containers.joined import Part, joined
from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

BIG_ENDIAN, LITTLE_ENDIAN = b".snd", b"dns."
_HEAD = 24
_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # by the number of the encoding
_PACKED = {23: 1, 25: 1, 26: 1}  # G.721 and G.723: libsndfile reads them, too
_NAMES = {24: "G.722"}
_UNKNOWN = b"\xff\xff\xff\xff"


def examine(source: Source) -> Recording:
    """What an AU holds, or several that were joined.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    return joined(source, (BIG_ENDIAN, LITTLE_ENDIAN), _part)


def _part(source: Source, start: int) -> Part:
    """The AU that begins at ``start``."""
    magic = source.read(start, _HEAD)
    if len(magic) < _HEAD:
        raise AudioError(Status.TRUNCATED, f"the header ends after {len(magic)} bytes")
    order = ">" if magic[:4] == BIG_ENDIAN else "<"
    offset, promised, encoding, sample_rate, channels = struct.unpack(order + "5I", magic[4:])
    refuse_insane(sample_rate, channels)
    if offset < _HEAD:
        raise AudioError(Status.DECODE, f"header says the samples begin at byte {offset}, inside it")
    frame_bytes = channels * _SAMPLE_BYTES.get(encoding, 0)
    promise = Promise(start + offset, promised, max(frame_bytes, 1), "AU")
    found = extent.to_the_end(source, promise, (BIG_ENDIAN, LITTLE_ENDIAN))
    facts = (sample_rate, channels, found.notes)
    if encoding not in _SAMPLE_BYTES and encoding not in _PACKED:
        codec = f"AU with {_NAMES.get(encoding, f'encoding {encoding}')}"
        return Part(Recording((Stream(),), *facts, codec), found.end)
    head = magic[:4] + struct.pack(order + "I", _HEAD) + _size(found.length, order) + magic[12:]
    pieces: tuple[Span | bytes, ...] = () if found.is_promised else (head, *found.spans)
    frames = found.length // frame_bytes if frame_bytes else None
    return Part(Recording((Stream(pieces, frames),), *facts, container="AU"), found.end)


def _size(length: int, order: str) -> bytes:
    return struct.pack(order + "I", length) if length < 0xFFFFFFFF else _UNKNOWN
