"""WAV and what is built like it: RIFF, RIFX, RF64, BW64. What the header promises is compared with the bytes that are there."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from featurekit.audio.containers import chunks, extent, wave_format
from featurekit.audio.containers.extent import Promise
from featurekit.audio.containers.joined import Part, joined
from featurekit.audio.containers.recording import UNKNOWN, Recording, Source, refuse_short
from featurekit.audio.containers.wave_format import WaveFormat
from featurekit.audio.containers.wave_samples import recording
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

_MISCOUNTED = 8  # bytes by which the size of the whole is often wrong: its own head
MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")


@dataclass
class _Header:
    """What stands before the samples."""

    order: str
    size: int  # of the RIFF, without its first 8 bytes
    layout: WaveFormat | None = None
    long_sizes: tuple[int, int] | None = None
    is_usual: bool = True  # libsndfile finds the samples


def examine(source: Source) -> Recording:
    """What a WAV holds, or several that were joined.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    return joined(source, MAGICS, _part)


def _part(source: Source, start: int) -> Part:
    """The WAV that begins at ``start``."""
    magic = source.read(start, 12)
    if len(magic) < 12:
        raise AudioError(Status.TRUNCATED, f"the header ends after {len(magic)} bytes")
    if magic[8:12] != b"WAVE":
        raise AudioError(Status.DECODE, f"is RIFF but not WAVE: its form is {magic[8:12]!r}")
    order = ">" if magic[:4] == b"RIFX" else "<"
    header = _Header(order, struct.unpack(order + "I", magic[4:8])[0])
    data = _read_header(source, start, header)
    if header.layout is None:
        raise AudioError(Status.DECODE, "WAVE header has no format before its data")
    refuse_insane(header.layout.sample_rate, header.layout.channels)
    layout = wave_format.settled(header.layout)
    promised, size = data.length, header.size
    if promised == UNKNOWN and header.long_sizes:
        size, promised = header.long_sizes
    promise = Promise(data.offset, promised, layout.frame_bytes, "WAV", start + 8 + size)
    if promise.is_unknown:
        promise = replace(promise, until=_next_header(source, data.offset))
    found = extent.of_samples(
        source,
        promise,
        lambda end, length: chunks.behind(source, end, length, order, b"data", MAGICS),
    )
    is_as_written = header.is_usual and magic[:4] != b"BW64" and layout is header.layout
    missing = start + 8 + size - source.size
    if found.is_promised and missing > _MISCOUNTED and not extent.is_unknown(size):
        note = f"{Status.TRUNCATED}: {missing} bytes promised behind the samples are missing"
        found = replace(found, notes=(note,))
    name = "RF64" if magic[:4] in (b"RF64", b"BW64") else "WAV"
    return Part(recording(source, layout, found, name, is_as_written=is_as_written), found.end)


def _next_header(source: Source, start: int) -> int | None:
    """Where another WAV begins among samples of unknown length, as services send one in each part of their answer."""
    while (at := source.find(b"WAVEfmt ", start)) >= 0:
        if source.read(at - 8, 4) in MAGICS:
            return at - 8
        start = at + 1
    return None


def _read_header(source: Source, start: int, header: _Header) -> chunks.Chunk:
    """Fill a header from the chunks before the samples, and return that of the samples.

    Raises
    ------
    AudioError
        TRUNCATED where the file ends in it; DECODE where it has no samples.
    """
    position = start + 12
    for chunk in chunks.walk(source, position, header.order):
        name, offset, length = chunk
        header.is_usual &= offset - 8 == position and name in chunks.KNOWN
        if name == b"data":
            return chunk
        refuse_short(offset + length, source.size)
        if name == b"ds64" and length >= 16:
            header.long_sizes = struct.unpack("<QQ", source.read(offset, 16))
        if name == b"fmt " and length >= 14:
            header.is_usual &= length >= 16 and header.layout is None
            header.layout = wave_format.parse(source.read(offset, min(length, 1024)), header.order)
        position = offset + length + length % 2
    refuse_short(0 if header.size == UNKNOWN else start + 8 + header.size, source.size)
    raise AudioError(Status.DECODE, "WAVE header has no data chunk")
