"""The pages of an Ogg file: found, checked, written anew."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from featurekit.audio.containers.recording import Source, Span

CONTINUED, BEGINS, ENDS = 1, 2, 4  # flags of a page: begins inside a packet; first, last of its stream
CAPTURE = b"OggS"
NO_GRANULE = -1  # of a page on which no packet ends

_HEAD = struct.Struct("<4sBBqII4sB")
_MOST_BYTES = _HEAD.size + 255 + 255 * 255
_READ = 1 << 20
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A page whose bytes are all there and agree with its checksum."""

    offset: int
    flags: int
    granule: int
    serial: int
    sequence: int
    segments: bytes
    body: bytes
    checksum: bytes

    @property
    def body_offset(self) -> int:
        """Where its packets begin in the file."""
        return self.offset + _HEAD.size + len(self.segments)

    @property
    def end(self) -> int:
        """Offset of the byte behind it."""
        return self.body_offset + len(self.body)


@dataclass
class Walk:
    """The pages of a file in order, and what is between them.

    Attributes
    ----------
    source : Source
        The file.
    junk : list of Span
        Bytes between two pages that are none, and behind the last one. A damaged page is among them.
    end : int
        Behind the last page that is whole.
    unchecked : bool
        Whether the writer left all checksums at zero.
    """

    source: Source

    def __post_init__(self) -> None:
        self.junk: list[Span] = []
        self.end = self.source.start
        self.unchecked = False
        self._data, self._base = b"", self.source.start

    def __iter__(self) -> Iterator[Page]:
        position = self.source.start
        while position < self.source.size:
            self._read_around(position)
            page = self._page(position)
            if page is not None:
                if position > self.end:
                    self.junk.append(Span(self.end, position - self.end))
                self.end = position = page.end
                yield page
                continue
            at = self._data.find(CAPTURE, position + 1 - self._base)
            # The mark may begin in the last three bytes that were read.
            position = self._base + at if at >= 0 else max(self._base + len(self._data) - 3, position + 1)
        if self.source.size > self.end:
            self.junk.append(Span(self.end, self.source.size - self.end))

    def _read_around(self, position: int) -> None:
        ends = self._base + len(self._data)
        if position < self._base or (position + _MOST_BYTES > ends and ends < self.source.size):
            self._data, self._base = self.source.read(position, _READ), position

    def _page(self, position: int) -> Page | None:
        data, begins = self._data, position - self._base
        if data[begins : begins + 4] != CAPTURE or begins + _HEAD.size > len(data):
            return None
        _, version, flags, granule, serial, sequence, checksum, count = _HEAD.unpack_from(data, begins)
        segments = data[begins + _HEAD.size : begins + _HEAD.size + count]
        body_begins = begins + _HEAD.size + count
        body = data[body_begins : body_begins + sum(segments)]
        if version or len(segments) < count or len(body) < sum(segments):
            return None
        page = Page(position, flags, granule, serial, sequence, segments, body, checksum)
        if checksum == checksum_of(data[begins : begins + 22] + bytes(4) + data[begins + 26 : body_begins], body):
            return page
        if checksum == bytes(4) and position == self.source.start:
            self.unchecked = True
        return page if self.unchecked and checksum == bytes(4) else None


def promised_bytes(head: bytes) -> int:
    """Bytes of a page by its beginning, or of its header where that is not all there; 0 where no page begins."""
    if not head or head[:4] != CAPTURE[: len(head)]:
        return 0
    count = head[26] if len(head) > 26 else 0
    segments = head[_HEAD.size : _HEAD.size + count]
    return _HEAD.size + count + sum(segments)


def checksum_of(head: bytes, body: bytes) -> bytes:
    """The four bytes of a page's checksum, from its header with zeros in their place, and its body.

    It is the CRC of zlib with the bits of each byte the other way round, and with other constants at begin and end.
    """
    crc = zlib.crc32(body.translate(_REVERSED), zlib.crc32(head.translate(_REVERSED), 0xFFFFFFFF)) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED)


def header(flags: int, granule: int, serial: int, sequence: int, segments: bytes, body: bytes) -> bytes:
    """What stands before the body of a page."""
    empty = _HEAD.pack(CAPTURE, 0, flags, granule, serial, sequence, bytes(4), len(segments)) + segments
    return empty[:22] + checksum_of(empty, body) + empty[26:]


def split(packet: bytes) -> Iterator[tuple[bool, bytes, bytes]]:
    """Yield the pages of a packet: whether it was begun on the page before, the segments, the body."""
    lengths = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    for first in range(0, len(lengths), 255):
        yield first > 0, lengths[first : first + 255], packet[first * 255 : (first + 255) * 255]


def without_empty(segments: bytes, is_continued: bool) -> bytes:
    """The segments of a page without those of packets that have no bytes."""
    kept = bytearray()
    for length in segments:
        if length or is_continued:
            kept.append(length)
        is_continued = length == 255
    return bytes(kept)
