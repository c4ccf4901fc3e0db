"""FLAC: as long as its frames say, whatever its header does; joined files are read one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from featurekit.audio.containers import flac_frames, tags
from featurekit.audio.containers.flac_frames import Frame, Layout
from featurekit.audio.containers.ogg_codecs import comments_are_whole
from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

_BITS = (8, 16, 24)  # what libsndfile reads
_MARK = b"fLaC"
_PADDING, _SEEK_TABLE, _COMMENTS = 1, 3, 4  # kinds of blocks of metadata
_INFO_BYTES = 42  # the mark, the head of a block, STREAMINFO
_MOST_TOTAL = (1 << 36) - 1
_QUICK_BYTES = 1 << 23  # of frames that are read at once
_TAG_SEARCHED = 1 << 24  # bytes before the mark of a joined file in which an ID3 tag of its own may begin
_FRAME_SEARCHED = 1 << 24  # bytes behind the header of the last frame in which it must end
_ZEROS = 16  # at the end of a file: of the last frame or padding


class _Part(NamedTuple):
    """A file of its own: one, or several that were joined."""

    start: int
    audio: int  # where its frames begin
    end: int
    layout: Layout
    total: int  # samples per channel that its header promises; 0 is unknown
    has_odd_metadata: bool  # on which libFLAC may stumble, or which costs memory: pictures, and what is damaged
    stated: Layout  # by its header; ``layout`` is that of its first frame


def examine(source: Source) -> Recording:
    """What a FLAC file holds.

    All frames are counted, since the header's count is wrong where a writer did not go back to it, and where frames were
    cut or joined without encoding. A header that promises more than whole frames is noted: cutting without encoding leaves
    such files.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY or DECODE.
    """
    first = _part(source, source.start)
    if first.layout.bits in _BITS and first.layout == first.stated and source.start == 0 and _is_plain(source, first):
        pieces = _as_it_is(source, first) if first.has_odd_metadata else ()
        return Recording((Stream(pieces, first.total),), first.layout.sample_rate, first.layout.channels)
    parts = _parts(source, first)
    notes: list[str] = []
    streams = tuple(_stream(source, part, notes) for part in parts)
    if first.layout.bits not in _BITS:
        return Recording(codec=f"FLAC of {first.layout.bits} bits")
    if len(parts) > 1:
        notes.insert(0, f"{Status.DECODE}: is joined of {len(parts)} FLAC files, read one behind the other")
    if streams[0].pieces == (Span(0, source.size),):
        streams = (Stream(frames=streams[0].frames),)
    kinds = {part.layout for part in parts}
    same = kinds.pop() if len(kinds) == 1 else None  # the decoder refuses a mixture
    sample_rate, channels = (same.sample_rate, same.channels) if same else (None, None)
    return Recording(streams, sample_rate, channels, tuple(dict.fromkeys(notes)))


def _is_plain(source: Source, part: _Part) -> bool:
    if part.end - part.audio > _QUICK_BYTES or not part.total:
        return False
    data = source.read(part.audio, part.end - part.audio)
    return flac_frames.are_plain(data, part.layout, part.total)


def _parts(source: Source, first: _Part) -> list[_Part]:
    """The files that a file is joined of; mostly one."""
    parts, position = [first], first.audio
    while (at := source.find(_MARK, position)) >= 0:
        position = at + len(_MARK)
        following = _following(source, at)
        if following is None:
            continue
        end = _before_id3(source, parts[-1].audio, at)
        parts[-1] = parts[-1]._replace(end=tags.before_tail(source, parts[-1].audio, end))
        parts.append(following)
        position = following.audio
    return parts


def _following(source: Source, at: int) -> _Part | None:
    """The file that begins at a mark; None where the mark is a part of other bytes."""
    try:
        part = _part(source, at)
    except AudioError:
        return None
    first = flac_frames.header_at(source.read(part.audio, 32), 0, part.layout)
    return part if first is not None else None


def _before_id3(source: Source, floor: int, mark: int) -> int:
    """Where the ID3 tag begins that ends at a mark; the mark itself where there is none."""
    position = max(floor, mark - _TAG_SEARCHED)
    while (at := source.find(b"ID3", position, mark)) >= 0:
        if tags.after_front(source, at) == mark:
            return at
        position = at + 1
    return mark


def _part(source: Source, start: int) -> _Part:
    """Read the header of a file and pass over its other metadata.

    Raises
    ------
    AudioError
        TRUNCATED or DECODE.
    """
    head = source.read(start, _INFO_BYTES)
    if len(head) < _INFO_BYTES:
        raise AudioError(Status.TRUNCATED, f"the header ends after {len(head)} bytes")
    if head[4] & 0x7F != 0 or head[5:8] != b"\0\0\x22":
        raise AudioError(Status.DECODE, "FLAC file does not begin with STREAMINFO")
    packed = int.from_bytes(head[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 total samples
    layout = Layout(packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1)
    is_last, position, is_odd = head[4] & 0x80, start + _INFO_BYTES, False
    while not is_last:
        block = source.read(position, 4)
        length = int.from_bytes(block[1:], "big")
        if len(block) < 4 or position + 4 + length > source.size:
            raise AudioError(Status.TRUNCATED, "the file ends in its metadata")
        is_odd = is_odd or not _is_sound(source, block[0] & 0x7F, position + 4, length)
        is_last, position = block[0] & 0x80, position + 4 + length
    of_frames = flac_frames.layout_at(source.read(position, 32), layout)
    if layout.bits not in _BITS:
        of_frames = layout  # another program reads it, and decides
    return _Part(start, position, source.size, of_frames, packed & _MOST_TOTAL, is_odd, layout)


def _is_sound(source: Source, kind: int, start: int, length: int) -> bool:
    """Whether a block of metadata is padding, a table for seeking or comments, and as long as it says."""
    if kind == _COMMENTS:
        return comments_are_whole(source.read(start, length), b"")
    return kind == _PADDING or (kind == _SEEK_TABLE and length % 18 == 0)


def _as_it_is(source: Source, part: _Part) -> tuple[Span | bytes, ...]:
    """The bytes of a part that has no frame out of order, without metadata that is odd."""
    if part.has_odd_metadata or part.layout != part.stated:
        return (_info_with(source, part, part.total), Span(part.audio, part.end - part.audio))
    return (Span(part.start, part.end - part.start),)


def _stream(source: Source, part: _Part, notes: list[str]) -> Stream:
    """What a decoder reads of a part.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY or DECODE.
    """
    samples, breaks, last = 0, 0, None
    is_late = False
    for frame, is_break in _in_order(source, part):
        is_late |= is_break and frame.offset == part.audio
        breaks += is_break and frame.offset != part.audio
        samples, last = samples + frame.samples, frame
    if last is None:
        return _without_frames(source, part)
    notes += _other_layout(part)
    if samples == part.total and not is_late and not breaks:  # whether the last frame is whole, the decoder finds out
        return Stream(_as_it_is(source, part), samples)
    end = _end_of(source, part, last)
    if end is None:
        promised = f"{part.total} frames promised; " if part.total else ""
        raise AudioError(Status.TRUNCATED, f"{promised}the last FLAC frame, at byte {last.offset}, is cut or damaged")
    if samples > _MOST_TOTAL:
        raise AudioError(Status.TOO_LONG, f"{samples} frames in one FLAC file")
    notes += _oddities(part, samples, is_late, breaks)
    info = _info_with(source, part, samples)
    if is_late or breaks:
        return Stream((info, *_renumbered(source, part, end)), samples)
    return Stream((info, Span(part.audio, end - part.audio)), samples)


def _without_frames(source: Source, part: _Part) -> Stream:
    if part.total and part.audio >= part.end:
        raise AudioError(Status.TRUNCATED, f"{part.total} frames promised, none present")
    if part.audio >= part.end:
        raise AudioError(Status.EMPTY, "a FLAC file without a frame")
    if not part.total:
        raise AudioError(Status.DECODE, f"no FLAC frame begins at byte {part.audio}, behind the header")
    return Stream(_as_it_is(source, part), part.total)  # the decoder says what is wrong


def _other_layout(part: _Part) -> list[str]:
    if part.layout == part.stated:
        return []
    stated, found = (f"{one.sample_rate} Hz, {one.channels} channels, {one.bits} bits" for one in (part.stated, part.layout))
    return [f"{Status.DECODE}: FLAC header promises {stated}; the frames have {found}, and are read so"]


def _oddities(part: _Part, samples: int, is_late: bool, breaks: int) -> list[str]:
    notes = []
    if is_late:
        notes.append(f"{Status.TRUNCATED}: the first FLAC frame is not number 0: it was cut from a longer file")
    if breaks:
        notes.append(f"{Status.DECODE}: the numbers of the FLAC frames begin anew: it was joined without encoding")
    if part.total == 0:
        notes.append(f"{Status.DECODE}: FLAC header that does not say its length, as of a stream; its frames are counted")
    elif part.total < samples:
        notes.append(f"{Status.DECODE}: FLAC header promises {part.total} frames, and {samples} are there and read")
    elif part.total > samples:
        why = "it was cut between two frames, as by a program that does not encode anew"
        notes.append(f"{Status.TRUNCATED}: FLAC header promises {part.total} frames, {samples} are there: {why}")
    return notes


def _in_order(source: Source, part: _Part) -> Iterator[tuple[Frame, bool]]:
    """Yield the frames of a part, and whether the number of each does not follow that of the one before.

    Sound may look like a header. So one that is out of order counts only where another follows it, or the end of the file.

    Raises
    ------
    AudioError
        TRUNCATED, where frames are missing between others.
    """
    last: Frame | None = None
    odd: list[Frame] = []  # out of order, since the last one
    for frame in flac_frames.frames(source, part.audio, part.end, part.layout):
        if last is None:
            if frame.offset != part.audio:
                return
            if frame.next_number == 2 * frame.number:
                raise AudioError(Status.TRUNCATED, "the first FLAC frame is missing")
            yield frame, frame.number != 0
        elif last.goes_on_with(frame):
            _refuse_disorder(source, odd, frame)
            yield frame, False
        else:
            before = next((one for one in odd if one.goes_on_with(frame)), None)
            odd.append(frame)
            if before is None:
                continue
            _refuse_gap(last, before)
            yield before, True
            yield frame, False
        last, odd = frame, []
    for frame in odd:
        if last is not None and _end_of(source, part, frame) is not None:
            _refuse_gap(last, frame)
            yield frame, True
            return


def _refuse_gap(last: Frame, frame: Frame) -> None:
    """Refuse a frame with a higher number than the one that should follow; a lower one is of another file."""
    if frame.is_variable == last.is_variable and frame.number > last.next_number:
        missing = (frame.number - last.next_number) * (1 if frame.is_variable else last.samples)
        reason = f"{missing} samples are missing or damaged in the FLAC frames before byte {frame.offset}"
        raise AudioError(Status.TRUNCATED, reason)


def _refuse_disorder(source: Source, odd: list[Frame], following: Frame) -> None:
    """Refuse frames that are whole, and stand among others where they do not belong."""
    for frame, after in pairwise([*odd, following]):
        end = after.offset
        if flac_frames.crc16(source.read(frame.offset, min(end - frame.offset, _FRAME_SEARCHED))) == 0:
            raise AudioError(Status.DECODE, f"the FLAC frame at byte {frame.offset} is not in its place")


def _end_of(source: Source, part: _Part, frame: Frame) -> int | None:
    """Where the last frame ends by its checksum; None where it is cut, damaged, or followed by bytes that are no tag."""
    data = source.read(frame.offset, min(part.end - frame.offset, _FRAME_SEARCHED))
    if frame.offset + len(data) == part.end and flac_frames.crc16(data) == 0:
        return part.end
    end = tags.before_tail(source, frame.offset, part.end)
    # Zeros leave a checksum of 0 as it is, so that those behind the frame may be taken with it.
    zeros = data[end - frame.offset :][:_ZEROS]
    end += len(zeros) - len(zeros.lstrip(b"\0"))
    length = end - frame.offset
    return end if 0 < length <= len(data) and flac_frames.crc16(data[:length]) == 0 else None


def _info_with(source: Source, part: _Part, samples: int) -> bytes:
    """The mark and STREAMINFO alone, of the layout of the frames and a count of samples, without the checksum of these."""
    head = source.read(part.start, _INFO_BYTES)
    rate, channels, bits = part.layout
    packed = rate << 44 | channels - 1 << 41 | bits - 1 << 36 | samples
    return _MARK + b"\x80" + head[5:18] + packed.to_bytes(8, "big") + bytes(16)


def _renumbered(source: Source, part: _Part, end: int) -> tuple[Span | bytes, ...]:
    """The frames of a part with numbers that follow each other."""
    pieces: list[Span | bytes] = []
    samples = 0
    found = [frame for frame, _ in _in_order(source, part)]
    for frame, following in zip(found, [*(frame.offset for frame in found[1:]), end], strict=True):
        data = source.read(frame.offset, following - frame.offset)
        head, checksum = flac_frames.renumbered(frame, data, samples)
        pieces += [head, Span(frame.offset + frame.header_bytes, len(data) - frame.header_bytes - 2), checksum]
        samples += frame.samples
    return tuple(pieces)
