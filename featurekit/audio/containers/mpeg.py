"""MPEG audio: layers I, II and III (MP3), in files of their own and inside others.

MPEG audio is frames that follow each other, each with a header that says its length; there is no header of the file. How
long the audio is, only the number of frames says. A first frame without sound may state that number (Xing, Info, VBRI).
Where none does, decoders guess it from the first frame's bit rate, and miss most of a file whose bit rate varies. So all
frames are counted here. A file that was cut where a frame ends, and that states no number, is like a whole one.
"""

from __future__ import annotations

from featurekit.audio.containers import tags
from featurekit.audio.containers.mpeg_counts import count_at, rewritten
from featurekit.audio.containers.mpeg_frames import follow_each_other, frame_bytes, kind_at, kind_of, walk
from featurekit.audio.containers.mpeg_parts import IN_A_ROW, Part, parts_in, search
from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

SUFFIXES = frozenset({".mp3", ".mp2", ".mp1", ".mpga", ".mpa", ".m2a"})
_SEARCHED = 1 << 25  # bytes in which the first frame must begin, in a file whose name says MPEG
_SEARCHED_UNNAMED = 1 << 12  # in another: a stream that begins in the middle of a frame
_IN_A_ROW_UNNAMED = 12
_TAIL_BYTES = 128  # where a decoder looks for a tag
_SPARE_FRAMES = 8


def examine(source: Source) -> Recording | None:
    """What a file of MPEG audio holds; None for a file that is none, by its bytes.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY or DECODE, for frames that are damaged.
    """
    named = source.suffix in SUFFIXES
    start, junk = _first_frame(source, named)
    return None if start is None else _recording(source, start, source.size, junk)


def refuse_likeness(source: Source) -> None:
    """Refuse a file without MPEG audio that has its name, or begins like it.

    Raises
    ------
    AudioError
        DECODE; TRUNCATED for a file that ends in the tag in front of its audio.
    """
    if source.start > source.size:
        raise AudioError(Status.TRUNCATED, f"ends in its ID3 tag: {source.start} bytes promised, {source.size} present")
    if source.suffix in SUFFIXES:
        raise AudioError(Status.DECODE, "is named like MP3, and holds no MPEG frame")
    if kind_of(source.read(source.start, 4)):
        raise AudioError(Status.DECODE, "looks like MP3 by its first bytes, and holds no MPEG frame")


def frames_in(source: Source, start: int, end: int) -> Recording:
    """What MPEG audio inside another container holds.

    Parameters
    ----------
    source : Source
        The file.
    start, end : int
        Offsets of the first byte, and behind the last.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, or DECODE where there is no frame.
    """
    begins = tags.after_any(source, start, end)
    kind = kind_at(source, begins, end)
    if kind is None or not follow_each_other(source, begins, end, kind, 2):
        found = search(source, begins, end, end, IN_A_ROW)
        if found is None:
            raise AudioError(Status.DECODE, "holds no MPEG frame where its header says there are some")
        return _recording(source, found, end, found - begins)
    return _recording(source, begins, end, 0)


def _first_frame(source: Source, named: bool) -> tuple[int | None, int]:
    """Offset of the first frame, behind tags and padding or else where others follow it, and how many bytes are junk."""
    for tagged in (source.start, tags.after_front_in_bytes(source)):
        begins = tags.after_any(source, tagged, source.size)
        kind = kind_at(source, begins, source.size, free=named)
        if kind is None:
            continue
        if follow_each_other(source, begins, source.size, kind, IN_A_ROW) or count_at(source, begins, source.size, kind):
            return begins, 0
        run = walk(source, begins, source.size, kind)
        if named and run.frames and (run.frames > 1 or tags.before_tail(source, run.end) < run.end + 4):
            return begins, 0  # what is left of a file that was cut
    begins = tags.after_any(source, source.start, source.size)
    if named:
        found = search(source, 0, _SEARCHED, source.size, IN_A_ROW, free=True)
    else:
        found = search(source, begins, begins + _SEARCHED_UNNAMED, source.size, _IN_A_ROW_UNNAMED)
    if found is None:
        return None, 0
    return found, found - begins if found > begins else found  # a tag may state more bytes than it has


def _recording(source: Source, start: int, end: int, junk: int) -> Recording:
    parts, tail = parts_in(source, start, end)
    notes = [f"{Status.DECODE}: {junk} bytes in front of the first MPEG frame are no audio"] if junk else []
    for number, part in enumerate(parts):
        notes += _compare(part, parts[number + 1 :])
    if tail is not None:
        notes.append(_tail_note(source, tail, end, parts[-1]))
    parts = [part for part in parts if part.frames]
    if not parts:
        raise AudioError(Status.EMPTY, "holds no MPEG frame with audio")
    if len(parts) > 1:
        notes.append(f"{Status.DECODE}: is joined of {len(parts)} MPEG streams")
    streams = tuple(_stream(source, part) for part in parts)
    return Recording(streams, parts[0].kind.sample_rate, parts[0].kind.channels, tuple(notes))


def _compare(part: Part, later: list[Part]) -> list[str]:
    """What to note of the number of frames that a part states.

    Raises
    ------
    AudioError
        TRUNCATED, where there are fewer.
    """
    count, present = part.count, part.frames
    if count is None or count.frames is None or count.frames == present or (not present and later):
        return []
    note = f"{Status.DECODE}: its {count.name} header states {count.frames} MPEG frames, {present} are there"
    if count.frames < present:
        return [note]
    bytes_present = part.spans[-1].offset + part.spans[-1].length - part.start if part.spans else 0
    bytes_missing = (count.stream_bytes or 0) - bytes_present
    if count.frames == present + 1 and not (count.delays_at and bytes_missing > 0):
        return []  # some encoders count the frame that says so
    if count.stream_bytes and bytes_missing in (0, -len(count.data)):
        return [note]
    whole = present + sum(other.frames + (other.count is not None) for other in later)
    if later and count.frames in (whole, whole + 1):
        return []  # of the whole file, written when the parts were joined
    raise AudioError(Status.TRUNCATED, f"{count.frames} MPEG frames promised, {present} present")


def _tail_note(source: Source, tail: int, end: int, part: Part) -> str:
    """What to note of bytes behind the last frame that are neither a known tag nor padding.

    Raises
    ------
    AudioError
        DECODE, where they may have been frames.
    """
    data = source.read(tail, min(end - tail, 1 << 16))
    is_whole = part.count is not None and part.count.frames is not None
    is_text = all(32 <= byte < 127 or byte in b"\t\r\n\0" for byte in data)
    if is_whole or is_text or len(set(data)) == 1:
        return f"{Status.DECODE}: {end - tail} bytes behind the last MPEG frame are no audio"
    reason = f"{end - tail} bytes from byte {tail} on are neither MPEG frames nor a tag: they are damaged, or no audio"
    raise AudioError(Status.DECODE, reason)


def _stream(source: Source, part: Part) -> Stream:
    """What a decoder must read of a part: with a frame that counts, where one states delays to trim, else lengthened."""
    samples = part.frames * part.kind.samples
    count = part.count
    # A frame that counts and has other channels than the sound is left to no decoder.
    if count is not None and count.delays_at and frame_bytes(count.data[:4], part.kind):
        stale = count.frames is None or part.frames > count.frames
        behind = 0 if stale else count.delays[1]  # of a stale one it would lie in the middle
        trimmed = count.trimmed(behind)
        if trimmed < samples:
            data = rewritten(count, part.kind, part.frames, behind)
            return Stream((data, *part.spans), samples - trimmed)
    return Stream(_lengthened(source, part), samples, guessed=True)


def _lengthened(source: Source, part: Part) -> tuple[Span | bytes, ...]:
    """Pieces so long that no decoder guesses too few frames.

    The guess is the length in bytes over that of the first frame. So a span that the file does not have follows; nothing
    is read from it. A frame of silence before it lets a decoder begin that wants to see two.
    """
    head = source.read(part.spans[0].offset, 4)
    first = frame_bytes(head, part.kind)
    needed = (part.frames + _SPARE_FRAMES) * (first + 4)
    return (*part.spans, head + bytes(first - 4), Span(source.size, needed), bytes(_TAIL_BYTES))
