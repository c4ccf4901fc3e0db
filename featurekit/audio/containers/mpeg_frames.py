"""Headers of MPEG audio's frames (layers I, II and III of MPEG 1, 2 and 2.5), and runs of frames that follow each other."""

from __future__ import annotations

import functools
from typing import NamedTuple

from featurekit.audio.containers.recording import Source

_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by the bits of the version
_MPEG1_KBITS = {
    1: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG2_KBITS = {
    1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_BLOCK_BYTES = 1 << 20
_MARK_BYTES = 64  # a mark of a count lies this near to the beginning of its frame
_FREE_MAX_BYTES = 8192  # longer than any frame of free format that is decoded
MARKS = (b"Xing", b"Info", b"VBRI")


class Kind(NamedTuple):
    """What all frames of one stream have in common."""

    version: int  # 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5, as in the header
    layer: int
    sample_rate: int
    channels: int
    free_bytes: int = 0  # of a frame of free format, whose header does not say it

    @property
    def samples(self) -> int:
        """Samples per channel of a frame."""
        if self.layer == 1:
            return 384
        return 576 if self.layer == 3 and self.version != 3 else 1152

    @property
    def mark_offset(self) -> int:
        """Where the mark of a Xing or Info frame stands in it."""
        if self.version == 3:
            return 21 if self.channels == 1 else 36
        return 13 if self.channels == 1 else 21

    @property
    def second_byte(self) -> int:
        """Of every header, its lowest bit set."""
        return 0xE0 | self.version << 3 | (4 - self.layer) << 1 | 1


class Run(NamedTuple):
    """Frames that follow each other."""

    frames: int
    last: int  # offset of the last frame
    end: int  # offset behind it, by its header; beyond the end of the data where the frame was cut


def kind_of(head: bytes) -> Kind | None:
    """What the four bytes of a frame's header say; None where they are none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, rate_index = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3), head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_index == 3 or head[2] >> 4 == 15:
        return None
    return Kind(version, layer, _RATES_HZ[version][rate_index], 1 if head[3] >> 6 == 3 else 2)


def frame_bytes(head: bytes, kind: Kind) -> int:
    """Length of the frame with this header; 0 where it is no header of this kind."""
    if len(head) < 4 or head[0] != 0xFF or head[1] | 1 != kind.second_byte or (head[3] >= 0xC0) != (kind.channels == 1):
        return 0
    return _lengths(kind)[head[2]]


@functools.lru_cache(64)
def _lengths(kind: Kind) -> tuple[int, ...]:
    """Length of a frame by the third byte of its header; 0 where that belongs to no frame of this kind."""
    rate_index = _RATES_HZ[kind.version].index(kind.sample_rate)
    table = (_MPEG1_KBITS if kind.version == 3 else _MPEG2_KBITS)[kind.layer]
    slot_bytes = 4 if kind.layer == 1 else 1
    lengths = []
    for byte in range(256):
        index, padding = byte >> 4, (byte >> 1 & 1) * slot_bytes
        if byte >> 2 & 3 != rate_index or index == 15 or (index == 0) != bool(kind.free_bytes):
            lengths.append(0)
        elif kind.free_bytes:
            lengths.append(kind.free_bytes + padding)
        else:
            slots = kind.samples * table[index - 1] * 125 // (kind.sample_rate * slot_bytes)
            lengths.append(slots * slot_bytes + padding)
    return tuple(lengths)


def kind_at(source: Source, position: int, end: int, free: bool = True) -> Kind | None:
    """What the frame at an offset says of its stream; of free format, the length comes from the distance of frames."""
    head = source.read(position, min(4, end - position))
    kind = kind_of(head)
    if kind is None or head[2] >> 4:
        return kind
    if not free or kind.layer != 3:
        return None
    data = source.read(position, min(_FREE_MAX_BYTES, end - position))
    beginning, padding = data[:2], head[2] >> 1 & 1
    at = data.find(beginning, 24)
    while at >= 0:
        candidate = kind._replace(free_bytes=at - padding)
        if follow_each_other(source, position, end, candidate, 4):
            return candidate
        at = data.find(beginning, at + 1)
    return None


def follow_each_other(source: Source, position: int, end: int, kind: Kind, count: int) -> bool:
    """Whether so many frames of a kind follow each other, or fewer that end where the data do."""
    for _ in range(count):
        length = frame_bytes(source.read(position, min(4, end - position)), kind)
        if length == 0:
            return False
        position += length
        if position == end:
            return True
    return True


def walk(source: Source, position: int, end: int, kind: Kind) -> Run:
    """The frames of a kind that follow each other from an offset on, up to the next one that has a mark.

    This sees every header of a file: it is kept to a few operations a frame.
    """
    second, mono, lengths = kind.second_byte, kind.channels == 1, _lengths(kind)
    frames, last = 0, position
    while position + 4 <= end:
        data = source.read(position, min(_BLOCK_BYTES, end - position))
        limit = len(data) - (4 if position + len(data) >= end else _MARK_BYTES)
        marked = _marked(data, kind)
        at = 0
        while at <= limit:
            length = lengths[data[at + 2]]
            same = data[at] == 0xFF and data[at + 1] | 1 == second and (data[at + 3] >= 0xC0) == mono
            if not length or not same or at in marked:
                return Run(frames, last, position + at)
            frames, last = frames + 1, position + at
            at += length
        if at == 0:
            break
        position += at
    return Run(frames, last, position)


def _marked(data: bytes, kind: Kind) -> set[int]:
    """Offsets at which a frame with the mark of a count may begin."""
    found = set()
    for mark in MARKS if kind.layer == 3 else ():
        at = data.find(mark)
        while at >= 0:
            found.add(at - (36 if mark == b"VBRI" else kind.mark_offset))
            at = data.find(mark, at + 1)
    return found
