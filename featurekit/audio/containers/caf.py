"""Apple's Core Audio Format."""

from __future__ import annotations

import struct
from typing import NamedTuple

from featurekit.audio.containers import extent, plain, tags
from featurekit.audio.containers.chunks import Behind
from featurekit.audio.containers.extent import Extent, Promise
from featurekit.audio.containers.joined import Part, joined
from featurekit.audio.containers.recording import MAX_CHUNKS, Recording, Source, Span, Stream, refuse_short
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

MAGICS = (b"caff",)
_HEAD, _EDITS = 12, 4  # bytes of a chunk's name and size; of the count of edits before the samples
_TO_THE_END = -1
_PLAIN = (b"lpcm", b"ulaw", b"alaw")
_LPCM_BITS = (8, 16, 24, 32, 64)
_NAMES = {
    b"aac ": "AAC",
    b"opus": "Opus",
    b"ima4": "IMA ADPCM",
    b".mp3": "MP3",
    b".mp1": "MP1",
    b".mp2": "MP2",
    b"ilbc": "iLBC",
}
_NAMES |= {b"flac": "FLAC", b"MAC3": "MACE 3:1", b"MAC6": "MACE 6:1", b"QDM2": "QDesign", b"samr": "AMR", b"sawb": "AMR-WB"}
_NAMES |= {b"ac-3": "AC-3", b"ec-3": "E-AC-3", b"agsm": "GSM", b"Qclp": "QCELP", b"G722": "G.722", b"alac": "ALAC"}
_KNOWN = frozenset((b"data", b"pakt", b"free", b"info", b"kuki", b"chan", b"mark", b"strg", b"uuid", b"peak", b"ovvw"))
_KNOWN |= {b"midi", b"umid", b"inst", b"regn", b"edct", b"desc", b"ldat", b"mrks", b"rgns"}


class _Layout(NamedTuple):
    """The fields of a ``desc`` chunk."""

    sample_rate: float
    coding: bytes
    flags: int
    packet_bytes: int
    packet_frames: int
    channels: int
    bits: int

    @property
    def codec(self) -> str:
        """Name of the codec where libsndfile does not read it, else empty."""
        if self.coding == b"lpcm":
            return "" if self.bits in _LPCM_BITS else f"CAF of {self.bits} bits per sample"
        if self.coding in _PLAIN or (self.coding == b"alac" and 1 <= self.flags <= 4):
            return ""
        return f"CAF with {_NAMES.get(self.coding, repr(self.coding.decode('latin-1').strip()))}"


def examine(source: Source) -> Recording:
    """What a CAF holds, or several that were joined.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    return joined(source, MAGICS, _part)


def _part(source: Source, start: int) -> Part:
    """The CAF that begins at ``start``."""
    position, layout = start + 8, None
    for _ in range(MAX_CHUNKS):
        head = source.read(position, _HEAD)
        if len(head) < _HEAD:
            raise AudioError(Status.TRUNCATED, f"the header ends after {source.size} bytes, before its samples")
        name, length, offset = head[:4], struct.unpack(">q", head[4:])[0], position + _HEAD
        if name == b"data":
            return _found(source, start, offset, length, layout)
        if length < 0:
            raise AudioError(Status.DECODE, f"CAF header has a chunk of {length} bytes")
        refuse_short(offset + length, source.size)
        if name == b"desc" and length >= 32:
            layout = _Layout(*struct.unpack(">d4s5I", source.read(offset, 32)))
            rate = layout.sample_rate if 0 <= layout.sample_rate < 1e9 else 0
            refuse_insane(int(rate), layout.channels)
        position = offset + length
    raise AudioError(Status.DECODE, f"header has more than {MAX_CHUNKS} chunks")


def _found(source: Source, start: int, offset: int, length: int, layout: _Layout | None) -> Part:
    """The samples of the chunk whose body begins at ``offset``."""
    if layout is None:
        raise AudioError(Status.DECODE, "CAF header has no format before its data")
    is_plain = layout.coding in _PLAIN
    frame_bytes = layout.packet_bytes if is_plain and layout.packet_frames == 1 else 0
    found = _samples(source, offset + _EDITS, length, max(frame_bytes, 1))
    facts = (int(layout.sample_rate), layout.channels, found.notes)
    if layout.codec:
        return Part(Recording((Stream(),), *facts, layout.codec), found.end)
    frames = found.length // frame_bytes if frame_bytes else None
    pieces: tuple[Span | bytes, ...] = ()
    if is_plain and layout.coding != b"lpcm" and layout.bits != 8:  # the only one that libsndfile takes
        header = plain.header(layout.coding, layout.sample_rate, layout.channels, 1, ">", found.length)
        pieces = (header, *found.spans)
    elif not found.is_promised:
        size = struct.pack(">q", found.length + _EDITS)
        pieces = (Span(start, offset - 8 - start), size, Span(offset, _EDITS), *found.spans)
    return Part(Recording((Stream(pieces, frames),), *facts, container="CAF"), found.end)


def _samples(source: Source, begin: int, length: int, frame_bytes: int) -> Extent:
    promise = Promise(begin, max(length - _EDITS, 0), frame_bytes, "CAF")
    if length == _TO_THE_END:
        return extent.to_the_end(source, promise, MAGICS)
    return extent.of_samples(source, promise, lambda end, length: _behind(source, end))


def _behind(source: Source, end: int) -> Behind:
    """What stands behind the samples."""
    if end >= source.size or tags.only_tail(source, end):
        return Behind(source.size)
    head = source.read(end, _HEAD)
    if head[:4] in MAGICS:
        return Behind(end)
    if head[:4] not in _KNOWN:
        return Behind(source.size, unknown=end)
    for _ in range(MAX_CHUNKS):  # the tables of packets may stand here: they are needed whole
        refuse_short(end + _HEAD + int.from_bytes(head[4:], "big") if head[:4] == b"pakt" else 0, source.size)
        end += _HEAD + int.from_bytes(head[4:], "big")
        head = source.read(end, _HEAD)
        if head[:4] not in _KNOWN:
            break
    return Behind(end if head[:4] in MAGICS else source.size)
