"""WAV and what is built like it: RIFF, RIFX, RF64. What the header promises is compared with the bytes that are there."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from featurekit.audio.containers.recording import UNKNOWN, Recording, Source, Stream, refuse_short
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError


class _WaveFormat(NamedTuple):
    """The fields of a ``fmt`` chunk that matter here."""

    tag: int
    channels: int
    sample_rate: int
    block_bytes: int
    bits: int


def examine(source: Source) -> Recording:
    """What a WAV holds.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    magic, size = source.read(0, 12), source.size
    order = ">" if magic[:4] == b"RIFX" else "<"
    if len(magic) < 12:
        raise AudioError(Status.TRUNCATED, f"the header ends after {size} bytes")
    riff_size = struct.unpack(order + "I", magic[4:8])[0]
    if magic[8:12] != b"WAVE":
        raise AudioError(Status.DECODE, f"is RIFF but not WAVE: its form is {magic[8:12]!r}")
    layout: _WaveFormat | None = None
    long_sizes: tuple[int, int] | None = None
    for name, offset, length in source.chunks(12, order):
        if name == b"data":
            if length == UNKNOWN and long_sizes:
                riff_size, length = long_sizes
            if layout is None:
                raise AudioError(Status.DECODE, "WAVE header has no format before its data")
            refuse_insane(layout.sample_rate, layout.channels)
            notes: tuple[str, ...] = ()
            if length == UNKNOWN == riff_size:
                length, notes = size - offset, (f"{Status.DECODE}: streamed WAV that does not say its length",)
            refuse_short(length, size - offset)
            if length == 0:
                raise AudioError(Status.EMPTY, f"header promises 0 frames, {size - offset} bytes follow")
            _refuse_leftovers(source, offset + length, min(size, riff_size + 8), order)
            if layout[:1] + layout[4:] in ((1, 64), (1, 48), (1, 40)):
                return Recording(codec=f"WAV of {layout.bits} bits per sample")
            frames = _wave_frames(layout, length)
            return Recording((Stream(frames=frames),), layout.sample_rate, layout.channels, notes)
        if offset + length > size:
            refuse_short(offset + length, size)
        if name == b"ds64" and length >= 24:
            long_sizes = struct.unpack("<QQ", source.read(offset, 16))
        if name == b"fmt " and length >= 16:
            layout = _WaveFormat(*struct.unpack(order + "HHIxxxxHH", source.read(offset, 16)))
    refuse_short(0 if riff_size == UNKNOWN else riff_size + 8, size)
    raise AudioError(Status.DECODE, "WAVE header has no data chunk")


def _wave_frames(layout: _WaveFormat, data_bytes: int) -> int | None:
    if layout.tag not in (1, 3, 0xFFFE):  # PCM, float, extensible; a codec pads, so only the decoder knows its frames
        return None
    frame_bytes = layout.channels * math.ceil(layout.bits / 8)
    if frame_bytes == 0 or layout.block_bytes not in (0, frame_bytes):
        raise AudioError(
            Status.DECODE,
            f"header says {layout.channels} channels of {layout.bits} bits in blocks of {layout.block_bytes} bytes",
        )
    return data_bytes // frame_bytes


def _refuse_leftovers(source: Source, position: int, riff_end: int, order: str) -> None:
    """Refuse a data size that is too small: what follows the samples must be chunks, or padding."""
    position += position % 2
    rest = source.read(position, min(riff_end - position, 4096))
    if len(rest) < 8 or not any(rest):
        return
    length = struct.unpack(order + "I", rest[4:8])[0]
    # One byte of doubt: some writers forget to pad, some pad without need.
    if all(32 <= byte < 127 for byte in rest[1:4]) and position + 8 + length <= riff_end + 1:
        return
    raise AudioError(Status.DECODE, f"header says the samples end at byte {position}, but no chunk begins there")
