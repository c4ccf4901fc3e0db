"""Tags that stand in front of audio and behind it, whatever the container: ID3, APE, Lyrics3, and padding."""

from __future__ import annotations

import struct

from featurekit.audio.containers.recording import Source

_ID3V1, _ID3V1_MORE = 128, 227
_APE_FOOTER = 32
_PADDING_READ = 1 << 16


def after_front(source: Source, position: int = 0) -> int:
    """Offset behind the ID3v2 tags that stand at ``position``, several where there are; ``position`` where there is none."""
    while True:
        head = source.read(position, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            return position
        has_footer = head[5] & 0x10
        position += 10 + _synchsafe(head[6:10]) + (10 if has_footer else 0)


def before_tail(source: Source, floor: int) -> int:
    """Offset behind the last byte that is neither tag nor padding, and not below ``floor``.

    Zeros are padding. Where audio may end in zeros, ask with its end as the floor.
    """
    end = source.size
    while True:
        shorter = _without_padding(source, _without_tag(source, end), floor)
        if shorter >= end or shorter <= floor:
            return max(min(shorter, end), floor)
        end = shorter


def only_tail(source: Source, position: int) -> bool:
    """Whether nothing but tags and padding stands from ``position`` to the end of the file."""
    return before_tail(source, position) <= after_front(source, position)


def _without_tag(source: Source, end: int) -> int:
    if source.read(end - _ID3V1, 3) == b"TAG":
        start = end - _ID3V1
        return start - _ID3V1_MORE if source.read(start - _ID3V1_MORE, 4) == b"TAG+" else start
    footer = source.read(end - _APE_FOOTER, _APE_FOOTER)
    if footer[:8] == b"APETAGEX":
        length, flags = struct.unpack("<I4xI", footer[12:24])
        return end - int(length) - (_APE_FOOTER if flags & 1 << 31 else 0)
    if footer[-9:] == b"LYRICS200" and footer[-15:-9].isdigit():
        return end - 15 - int(footer[-15:-9])
    if footer[-10:-7] == b"3DI":
        return end - 20 - _synchsafe(footer[-4:])
    return end


def _without_padding(source: Source, end: int, floor: int) -> int:
    while end > floor:
        data = source.read(max(end - _PADDING_READ, floor), min(_PADDING_READ, end - floor))
        kept = len(data.rstrip(b"\0"))
        if kept:
            return end - (len(data) - kept)
        end -= max(len(data), 1)
    return end


def _synchsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]
