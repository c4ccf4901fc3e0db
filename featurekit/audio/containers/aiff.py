"""AIFF and AIFF-C."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import NamedTuple

from featurekit.audio.containers import chunks, extent, plain
from featurekit.audio.containers.chunks import Behind, Chunk
from featurekit.audio.containers.extent import Extent, Promise
from featurekit.audio.containers.joined import Part, joined
from featurekit.audio.containers.recording import Recording, Source, Span, Stream, refuse_short
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

MAGICS = (b"FORM",)
_INTEGERS = {
    b"NONE": 0,
    b"twos": 0,
    b"sowt": 0,
    b"raw ": 1,
    b"in24": 3,
    b"in32": 4,
    b"42ni": 3,
    b"23ni": 4,
}  # → bytes, 0: by bits
_OTHERS = {b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8, b"alaw": 1, b"ALAW": 1, b"ulaw": 1, b"ULAW": 1}
_PACKED = (b"ima4", b"GSM ", b"DWVW")  # libsndfile reads them, too
_LITTLE_ENDIAN = (b"sowt", b"42ni", b"23ni")
_NAMES = {b"MAC3": "MACE 3:1", b"MAC6": "MACE 6:1", b"QDM2": "QDesign", b"QDMC": "QDesign", b"Qclp": "QCELP", b"G722": "G.722"}
_LARGEST = 0xFFFFFF00  # bytes of samples that a header of 32 bits can say


class _Layout(NamedTuple):
    """The fields of a ``COMM`` chunk; ``sample_bytes`` is 0 where samples have no bytes of their own."""

    body: bytes
    channels: int
    frames: int
    sample_rate: int
    coding: bytes
    sample_bytes: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of all channels; 0 of a packed codec."""
        return self.channels * self.sample_bytes

    @property
    def codec(self) -> str:
        """Name of the codec where libsndfile does not read it, else empty."""
        if self.sample_bytes > 4 and self.coding not in _OTHERS:
            return f"AIFF of {8 * self.sample_bytes} bits per sample"
        if self.sample_bytes or self.coding in _PACKED:
            return ""
        return f"AIFF-C with {_NAMES.get(self.coding, repr(self.coding.decode('latin-1').strip()))}"


def examine(source: Source) -> Recording:
    """What an AIFF holds, or several that were joined.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    return joined(source, MAGICS, _part)


def _part(source: Source, start: int) -> Part:
    """The AIFF that begins at ``start``."""
    magic = source.read(start, 12)
    if magic[8:12] not in (b"AIFF", b"AIFC"):
        raise AudioError(Status.DECODE, f"is IFF but not AIFF: its form is {magic[8:12]!r}")
    form_end = start + 8 + int.from_bytes(magic[4:8], "big")
    layout, sound, is_padded = _read_chunks(source, start + 12, magic[8:12])
    if sound is None or layout is None:
        refuse_short(0 if extent.is_unknown(form_end) else form_end, source.size)
        if layout is not None and layout.frames == 0:
            raise AudioError(Status.EMPTY, "header promises 0 frames")
        raise AudioError(Status.DECODE, f"AIFF header has no {'format' if layout is None else 'samples'}")
    skipped = int.from_bytes(source.read(sound.offset, 4), "big")
    begin = sound.offset + 8 + skipped
    found = _samples(source, layout, begin, sound.length - 8 - skipped, form_end)
    frames = found.length // layout.frame_bytes if layout.frame_bytes else None
    notes = _name_notes(source) + found.notes
    if frames not in (None, layout.frames) and not found.notes:
        notes += (f"{Status.DECODE}: header says {layout.frames} frames, {frames} are there: all are read",)
    facts = (layout.sample_rate, layout.channels, notes)
    if layout.codec:
        return Part(Recording((Stream(),), *facts, layout.codec), found.end)
    is_as_written = is_padded and skipped == 0 and found.is_promised and frames in (None, layout.frames)
    pieces: tuple[Span | bytes, ...] = (
        () if is_as_written else (_header(magic[8:12], layout, found.length, frames), *found.spans)
    )
    return Part(Recording((Stream(pieces, frames),), *facts, container="AIFF"), found.end)


def _read_chunks(source: Source, position: int, form: bytes) -> tuple[_Layout | None, Chunk | None, bool]:
    """Format and samples, in whatever order they stand; and whether the chunks are padded as libsndfile expects it."""
    layout, sound, is_padded = None, None, True
    for chunk in chunks.walk(source, position, ">"):
        name, offset, length = chunk
        is_padded &= offset - 8 == position
        if name == b"SSND" and sound is None:
            sound = chunk
        elif sound is None or layout is None:
            refuse_short(offset + length, source.size)
        if name == b"COMM" and length >= 18 and layout is None:
            layout = _parsed(source.read(offset, min(length, 512)), form)
            is_padded &= sound is None
        if sound is not None and (layout is not None or offset + length > source.size):
            break
        position = offset + length + length % 2
    return layout, sound, is_padded


def _parsed(body: bytes, form: bytes) -> _Layout:
    channels, frames, bits, exponent, mantissa = struct.unpack(">HIHHQ", body[:18])
    refuse_insane(None, channels)
    # An 80-bit float; rates lie far inside what a shift can hold.
    sample_rate = mantissa >> (16446 - exponent) if 16383 <= exponent <= 16446 else 0
    refuse_insane(sample_rate, None)
    coding = body[18:22] if form == b"AIFC" else b"NONE"
    sample_bytes = _INTEGERS.get(coding, _OTHERS.get(coding, 0)) or (math.ceil(bits / 8) if coding in _INTEGERS else 0)
    return _Layout(body, channels, frames, sample_rate, coding, sample_bytes)


def _samples(source: Source, layout: _Layout, begin: int, promised: int, form_end: int) -> Extent:
    """Where the samples are; the frames that ``COMM`` states decide where sizes cannot be true.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY or DECODE.
    """
    rest, counted = source.size - begin, layout.frames * layout.frame_bytes
    if promised <= 0 and layout.frames == 0 and rest <= 0:
        raise AudioError(Status.EMPTY, "header promises 0 frames")

    def look(end: int, length: int) -> Behind:
        behind = chunks.behind(source, end, length, ">", b"SSND", MAGICS)
        if behind.unknown is None or behind.unknown < form_end - 1 or length - counted not in range(max(layout.frame_bytes, 2)):
            return behind
        left = source.size - behind.unknown
        hides_most = left >= min(layout.sample_rate * layout.frame_bytes, 2 * counted)  # a second, or two thirds of all
        if hides_most or left <= extent.FEW_BYTES:  # the header may be old, or miscounted
            return behind
        note = f"{Status.DECODE}: {left} bytes behind the end of the AIFF are not read"
        return behind._replace(unknown=None, notes=(note,))

    is_marked = promised <= 0 or extent.is_unknown(promised)
    is_counted = counted > 0 and not extent.is_unknown(counted) and not extent.is_unknown(layout.frames)
    if is_counted and (is_marked or promised > rest):
        if is_marked:
            refuse_short(counted, rest)
        if rest - counted in (0, 1) or (is_marked and look(begin + counted, counted).unknown is None):
            note = (
                f"{Status.DECODE}: samples of {max(promised, 0)} bytes promised, {rest} present, which is what its frames take"
            )
            return Extent((Span(begin, counted),), source.size, notes=(note,))
    promise = Promise(begin, max(promised, 0), max(layout.frame_bytes, 1), "AIFF", form_end)
    found = extent.of_samples(source, promise, look)
    if is_counted and counted % 2 and found.length == counted + 1:  # some writers count the byte of padding
        *spans, last = found.spans
        return replace(found, spans=(*spans, Span(last.offset, last.length - 1)), is_promised=False)
    return found


def _header(form: bytes, layout: _Layout, data_bytes: int, frames: int | None) -> bytes:
    """A header for so many bytes of samples."""
    if data_bytes > _LARGEST:
        coding = {b"f": b"float", b"a": b"alaw", b"u": b"ulaw"}.get(layout.coding[:1].lower(), b"int")
        order = "<" if layout.coding in _LITTLE_ENDIAN else ">"
        return plain.header(coding, layout.sample_rate, layout.channels, layout.sample_bytes, order, data_bytes)
    body = layout.body if frames is None else layout.body[:2] + struct.pack(">I", frames) + layout.body[6:]
    comm = b"COMM" + struct.pack(">I", len(body)) + body + bytes(len(body) % 2)
    sound = b"SSND" + struct.pack(">III", data_bytes + 8, 0, 0)
    size = 4 + len(comm) + len(sound) + data_bytes + data_bytes % 2
    return b"FORM" + struct.pack(">I", size) + form + comm + sound


def _name_notes(source: Source) -> tuple[str, ...]:
    if source.suffix in (".aif", ".aiff", ".aifc"):
        return ()
    return (f"{Status.DECODE}: is AIFF, named {source.suffix or 'without a suffix'}",)
