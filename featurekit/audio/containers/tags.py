"""Tags that stand in front of audio and behind it, whatever the container: ID3, APE, Lyrics3, and padding."""

from __future__ import annotations

import struct

from featurekit.audio.containers.recording import Source

_ID3V1, _ID3V1_MORE = 128, 227
_APE, _APE_FOOTER = b"APETAGEX", 32
_LYRICS_BYTES = 1 << 16
_PADDING_READ = 1 << 16


def after_front(source: Source, position: int = 0) -> int:
    """Offset behind the ID3v2 tags that stand at ``position``, several where there are; ``position`` where there is none."""
    while True:
        head = source.read(position, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            return position
        has_footer = head[5] & 0x10
        position += 10 + _synchsafe(head[6:10]) + (10 if has_footer else 0)


def after_front_in_bytes(source: Source) -> int:
    """Offset behind an ID3v2 tag whose size was written in whole bytes, not in seven bits each, as old writers did."""
    head = source.read(0, 10)
    return 10 + int.from_bytes(head[6:10], "big") if head[:3] == b"ID3" else 0


def after_any(source: Source, position: int, end: int) -> int:
    """Offset behind the tags and zeros that stand at ``position``, of whatever kind, and not above ``end``."""
    while position < end:
        behind = _after_one(source, _after_zeros(source, position, end), end)
        if behind == position:
            break
        position = behind
    return min(position, end)


def fill(source: Source, start: int, end: int) -> bool:
    """Whether nothing but tags and zeros stands between two offsets, also where a tag is known by its end alone."""
    while after_any(source, start, end) < end:
        start = after_any(source, start, end)
        footer = source.find(_APE, start, end)
        if footer < 0 or before_tail(source, start, footer + _APE_FOOTER) > start:
            return False
        start = footer + _APE_FOOTER
    return True


def before_tail(source: Source, floor: int, end: int | None = None) -> int:
    """Offset behind the last byte that is neither tag nor padding, and not below ``floor``.

    Zeros are padding. Where audio may end in zeros, ask with its end as the floor.
    """
    end = source.size if end is None else end
    while True:
        shorter = _without_tag(source, end)
        if shorter >= end:
            unpadded = _without_padding(source, end, floor)
            shorter = min(_end_of_tag(source, unpadded), end)
            if shorter >= end:  # the padding belongs to a tag that is none
                shorter = unpadded
        if shorter >= end or shorter <= floor:
            return max(min(shorter, end), floor)
        end = shorter


def before_tags(source: Source, floor: int) -> int:
    """Offset behind the last byte that is no tag, and not below ``floor``; zeros are no padding here."""
    end = source.size
    while True:
        shorter = _without_tag(source, end)
        if shorter >= end or shorter <= floor:
            return max(end, floor)
        end = shorter


def only_tail(source: Source, position: int) -> bool:
    """Whether nothing but tags and padding stands from ``position`` to the end of the file."""
    return before_tail(source, position) <= after_front(source, position)


def _after_zeros(source: Source, position: int, end: int) -> int:
    while position < end:
        data = source.read(position, min(_PADDING_READ, end - position))
        kept = data.lstrip(b"\0")
        position += len(data) - len(kept)
        if kept or not data:
            break
    return position


def _after_one(source: Source, position: int, end: int) -> int:
    """Offset behind a tag that says at its beginning what it is."""
    head = source.read(position, _APE_FOOTER)
    if head[:4] == b"TAG+":
        return position + _ID3V1_MORE
    if head[:3] == b"TAG":
        return position + _ID3V1
    if head[:8] == _APE and len(head) == _APE_FOOTER:
        length, flags = struct.unpack("<I4xI", head[12:24])
        return position + _APE_FOOTER + (int(length) if flags & 1 << 29 else 0)
    if head[:11] == b"LYRICSBEGIN":
        ends = [source.find(mark, position, min(position + _LYRICS_BYTES, end)) for mark in (b"LYRICS200", b"LYRICSEND")]
        return max(position, *(at + 9 for at in ends if at >= 0), position)
    return after_front(source, position)


def _without_tag(source: Source, end: int) -> int:
    if end >= _ID3V1 and source.read(end - _ID3V1, 3) == b"TAG":
        start = end - _ID3V1
        has_more = start >= _ID3V1_MORE and source.read(start - _ID3V1_MORE, 4) == b"TAG+"
        return start - _ID3V1_MORE if has_more else start
    footer = source.read(max(end - _APE_FOOTER, 0), min(end, _APE_FOOTER))
    if footer[:8] == _APE and len(footer) == _APE_FOOTER:
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


def _end_of_tag(source: Source, unpadded: int) -> int:
    """Offset behind the zeros with which a tag may end that stands before padding; ``unpadded`` where there is none."""
    start = max(unpadded - _ID3V1, 0)
    data = source.read(start, unpadded - start)
    footer, title = data.rfind(_APE), data.rfind(b"TAG")
    if footer >= 0 and start + footer + _APE_FOOTER > unpadded:
        return start + footer + _APE_FOOTER
    return start + title + _ID3V1 if title >= 0 else unpadded


def _synchsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]
