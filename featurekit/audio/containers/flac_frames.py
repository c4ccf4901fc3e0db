"""The frames of a FLAC file: their headers found, their checksums computed, their numbers written anew."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from featurekit.audio.containers.recording import Source

_SYNC = re.compile(rb"\xff[\xf8\xf9][\x10-\xff][\x00-\xaf]", re.DOTALL)
_HEADER_MOST = 16
_READ = 1 << 20
_TRIED = 4  # places from the end on that look like a header
_BLOCKS = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_RATES = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
_BITS = (0, 8, 12, -1, 16, 20, 24, 32)


class Frame(NamedTuple):
    """What a frame's header says.

    Parameters
    ----------
    offset : int
        Where it begins in the file.
    is_variable : bool
        Whether ``number`` counts samples; otherwise it counts frames.
    number : int
        Samples or frames before it.
    samples : int
        Per channel, in it.
    header_bytes : int
        Length of its header.
    """

    offset: int
    is_variable: bool
    number: int
    samples: int
    header_bytes: int

    @property
    def next_number(self) -> int:
        """Number of the frame that follows."""
        return self.number + (self.samples if self.is_variable else 1)

    def goes_on_with(self, other: Frame) -> bool:
        """Whether another frame has the number that follows."""
        return other.is_variable == self.is_variable and other.number == self.next_number


class Layout(NamedTuple):
    """What all frames of a stream have in common."""

    sample_rate: int
    channels: int
    bits: int


def frames(source: Source, start: int, end: int, layout: Layout) -> Iterator[Frame]:
    """Yield what looks like a frame's header between two offsets, in order; few of them are sound that looks like one."""
    position = start
    while position < end:
        data = source.read(position, min(_READ, end - position))
        if not data:
            return
        is_last = position + len(data) >= end
        kept = len(data) if is_last else len(data) - _HEADER_MOST
        for match in _SYNC.finditer(data):
            if match.start() >= kept:
                break
            frame = header_at(data, match.start(), layout)
            if frame is not None:
                yield frame._replace(offset=position + frame.offset)
        position += max(kept, 1)


def are_plain(data: bytes, layout: Layout, total: int) -> bool:
    """Whether bytes that begin with a frame hold frames of one length up to ``total`` samples, as most files do.

    It is quick, and sure where the answer is yes: the last header is read, and those before it are counted by their first
    three bytes, in which all of them agree.
    """
    first = header_at(data, 0, layout)
    if first is None or first.number or first.is_variable:
        return False
    at = len(data)
    for _ in range(_TRIED):
        at = data.rfind(data[:2], 0, at)
        last = header_at(data, at, layout) if at >= 0 else None
        if last is not None:
            has_length = last.number * first.samples + last.samples == total
            return (
                has_length
                and b"fLaC" not in data[at:]
                and _count(data, data[:3]) == last.number + (data[at : at + 3] == data[:3])
            )
    return False


def _count(data: bytes, three: bytes) -> int:
    """How often three bytes stand in others; two at a time are compared, which takes a third of what ``bytes.count`` does."""
    pair, count = int.from_bytes(three[:2], "little"), 0
    for shift in (0, 1):
        is_pair = (np.frombuffer(data, "<u2", (len(data) - shift) // 2, shift) == pair).tobytes()
        at = is_pair.find(1)
        while at >= 0:
            count += data[2 * at + shift + 2 : 2 * at + shift + 3] == three[2:]
            at = is_pair.find(1, at + 1)
    return count


def header_at(data: bytes, at: int, layout: Layout) -> Frame | None:
    """The frame whose header begins at an offset of ``data``; None where none of the stream does."""
    found = _read_header(data, at, layout)
    return found[0] if found is not None and found[1] == layout else None


def layout_at(data: bytes, layout: Layout) -> Layout:
    """What the header of the frame at the beginning of ``data`` says; ``layout`` where it says nothing, or is none."""
    found = _read_header(data, 0, layout)
    return layout if found is None else found[1]


def _read_header(data: bytes, at: int, layout: Layout) -> tuple[Frame, Layout] | None:
    """The frame whose header begins at an offset, and its layout, which is ``layout`` in what it does not say."""
    head = data[at : at + _HEADER_MOST]
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        return None
    assignment, block_code, rate_code = head[3] >> 4, head[2] >> 4, head[2] & 15
    bits = _BITS[head[3] >> 1 & 7]
    if assignment > 10 or head[3] & 1 or block_code == 0 or rate_code == 15 or bits < 0:
        return None
    number, position = _coded_number(head)
    if number < 0:
        return None
    if block_code in (6, 7):
        size = block_code - 5
        samples = int.from_bytes(head[position : position + size], "big") + 1
        position += size
    else:
        samples = _BLOCKS[block_code]
    if rate_code > 11:
        size, unit = ((1, 1000), (2, 1), (2, 10))[rate_code - 12]
        rate = int.from_bytes(head[position : position + size], "big") * unit
        position += size
    else:
        rate = _RATES[rate_code]
    if len(head) <= position or _crc8(head[:position]) != head[position]:
        return None
    said = Layout(rate or layout.sample_rate, 2 if assignment > 7 else assignment + 1, bits or layout.bits)
    return Frame(at, bool(head[1] & 1), number, samples, position + 1), said


def _coded_number(head: bytes) -> tuple[int, int]:
    """The number of a header, coded as UTF-8 codes characters but up to 36 bits, and the offset behind it; -1 where none is."""
    first = head[4]
    if first < 0x80:
        return first, 5
    count = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= count <= 7 or len(head) < 4 + count:
        return -1, 0
    number = first & (0x7F >> count)
    for byte in head[5 : 4 + count]:
        if byte & 0xC0 != 0x80:
            return -1, 0
        number = number << 6 | byte & 0x3F
    return number, 4 + count


def _number_coded(number: int) -> bytes:
    if number < 0x80:
        return bytes([number])
    count = next(count for count in range(2, 8) if number < 1 << (5 * count + 1 if count < 7 else 36))
    rest = [0x80 | number >> 6 * place & 0x3F for place in range(count - 2, -1, -1)]
    return bytes([(0xFF00 >> count & 0xFF) | number >> 6 * (count - 1), *rest])


def renumbered(frame: Frame, data: bytes, sample: int) -> tuple[bytes, bytes]:
    """Header and checksum of a frame that shall begin at a sample, in place of its own.

    Parameters
    ----------
    frame : Frame
        As it is.
    data : bytes
        All of it.
    sample : int
        How many samples stand before it.
    """
    _, behind_number = _coded_number(data[:_HEADER_MOST])
    head = data[:1] + b"\xf9" + data[2:4] + _number_coded(sample) + data[behind_number : frame.header_bytes - 1]
    head += bytes([_crc8(head)])
    # A frame that is damaged stays so: its checksum is as wrong as it was.
    return head, (crc16(head + data[frame.header_bytes : -2]) ^ crc16(data)).to_bytes(2, "big")


@functools.cache
def _crc8_table() -> bytes:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte << 1 ^ (0x107 if byte & 0x80 else 0)
        table.append(byte)
    return bytes(table)


def _crc8(data: bytes) -> int:
    table, crc = _crc8_table(), 0
    for byte in data:
        crc = table[crc ^ byte]
    return crc


def crc16(data: bytes) -> int:
    """The checksum that ends a frame; of a whole frame with it, 0.

    Parts are folded together pairwise: the checksum of two parts is that of the first, moved on by the length of the
    second, and that of the second. To move is linear, and here it is a table of all checksums.
    """
    length = 1 << max(len(data) - 1, 1).bit_length()
    pairs = np.frombuffer(data.rjust(length, b"\0"), ">u2")  # zeros in front change nothing
    values, level = _moved(1)[pairs], 1
    while len(values) > 1:
        values = _moved(level)[values[0::2]] ^ values[1::2]
        level += 1
    return int(values[0])


@functools.cache
def _moved(level: int) -> np.ndarray:
    """All checksums after ``2 ** level`` zeros; at level 1 it is the checksum of two bytes, too."""
    if level == 1:
        table: np.ndarray = np.arange(1 << 16, dtype=np.uint32)
        for _ in range(16):
            table = table << 1 ^ np.where(table & 0x8000, 0x18005, 0)
        return table.astype(np.uint16)
    before = _moved(level - 1)
    return before[before]
