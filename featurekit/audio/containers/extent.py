"""Where the samples of a file end, when what its header promises and the bytes that are there disagree.

A promise may be a mark of a program that writes to a pipe and cannot know the length, it may be wrapped at 4 GiB, miscounted
by a few bytes, or left from the beginning of a recording. A file that was cut has fewer bytes than it promises, and nothing
else in it says that it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from featurekit.audio.containers import tags
from featurekit.audio.containers.chunks import Behind
from featurekit.audio.containers.recording import Source, Span, refuse_short
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

FEW_BYTES = 128  # a size is wrong by the length of a header now and then; as samples they last a few milliseconds
_WRAPS_AT = 1 << 32
# What programs write where they cannot know a size: sox 0x7FFFF000 and 0x7F000000, arecord 0x80000000, ffmpeg and most
# others 0xFFFFFFFF, all with the length of a header added here or taken off there.
_MARKS = ((0x7EFFF000, 0x7F001000), (0x7FFFE000, 0x80001000), (0xFFFFE000, 0xFFFFFFFF))
_LONG_MARK = 1 << 62
_ROUND_FROM, _ROUND = 10**9, 10**7  # some write a round number, as 2,000,000,000

Look = Callable[[int, int], Behind]  # (end, length) of a chunk of samples → what stands behind it


@dataclass(frozen=True)
class Promise:
    """What a header says of the samples.

    Parameters
    ----------
    begin, length : int
        Offset of the first byte, and how many there are.
    frame_bytes : int
        Bytes of one sample of all channels, or of one block of a codec.
    kind : str
        Name of the container.
    container_end : int
        Where the container ends by its own size; 0 where it has none.
    until : int or None
        Where the next recording begins, if it is known; it ends samples of unknown length.
    """

    begin: int
    length: int
    frame_bytes: int
    kind: str
    container_end: int = 0
    until: int | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether it says nothing."""
        return self.length <= 0 or is_unknown(self.length)


@dataclass(frozen=True)
class Extent:
    """Where samples are.

    Parameters
    ----------
    spans : tuple of Span
        In order.
    end : int
        Where the next container begins, or the end of the file.
    is_promised : bool
        The header says the same.
    notes : tuple of str
        What is odd, each ``"STATUS: sentence"``.
    """

    spans: tuple[Span, ...]
    end: int
    is_promised: bool = False
    notes: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """Bytes of all spans."""
        return sum(span.length for span in self.spans)


def is_unknown(size: int) -> bool:
    """Whether a size is a mark for one that is not known."""
    is_round = size >= _ROUND_FROM and size % _ROUND == 0
    return is_round or size >= _LONG_MARK or any(low <= size <= high for low, high in _MARKS)


def of_samples(source: Source, promise: Promise, look: Look) -> Extent:
    """The samples of a container that is built of chunks.

    Parameters
    ----------
    source : Source
        The file.
    promise : Promise
        What the header says.
    look : callable
        (end, length) of a chunk of samples → what stands behind it.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, or DECODE where many bytes follow the samples that are no chunk.
    """
    begin, promised, rest = promise.begin, promise.length, source.size - promise.begin
    if promised > rest or promise.is_unknown:
        return _of_wrong_size(source, promise, look)
    wraps = (rest - promised) // _WRAPS_AT
    if wraps and look(begin + promised + wraps * _WRAPS_AT, promised).unknown is None:
        return _wrapped(source, begin, promised + wraps * _WRAPS_AT, look)
    following = look(begin + promised, promised)
    span = Span(begin, promised)
    if following.unknown is None:
        return _with_more(source, span, following)
    left = source.size - following.unknown
    if left < promise.frame_bytes:
        return Extent((span,), source.size)
    if left <= FEW_BYTES:
        return _to_the_end(source, promise)
    raise AudioError(
        Status.DECODE,
        f"header says the samples end at byte {following.unknown}, but no chunk begins there, and {left} bytes follow: "
        "write it again, with ffmpeg to keep what the header says, with ffmpeg -ignore_length 1 to keep all",
    )


def to_the_end(source: Source, promise: Promise, starts: tuple[bytes, ...]) -> Extent:
    """The samples of a container in which nothing but tags and padding may follow them.

    Another recording of the container may, too, which begins with one of ``starts``.

    Raises
    ------
    AudioError
        TRUNCATED or EMPTY.
    """
    begin, promised, rest = promise.begin, promise.length, source.size - promise.begin
    if promise.is_unknown:
        return _to_the_end(source, promise)
    refuse_short(promised, rest)
    span = Span(begin, promised)
    if source.read(begin + promised, 4) in starts:
        return Extent((span,), begin + promised)
    if rest - promised < promise.frame_bytes or tags.only_tail(source, begin + promised):
        return Extent((span,), source.size, is_promised=rest == promised)
    return _to_the_end(source, promise)


def _of_wrong_size(source: Source, promise: Promise, look: Look) -> Extent:
    """Of samples whose size cannot be true, or need not be."""
    begin, promised, rest = promise.begin, promise.length, source.size - promise.begin
    if promised <= rest:
        following = look(begin + promised, promised)
        if following.unknown is None and (promised or following.samples):
            return _with_more(source, Span(begin, promised), following)
        if following.unknown is None:
            raise AudioError(Status.EMPTY, f"header promises 0 frames, {max(rest, 0)} bytes follow")
    if promise.is_unknown:
        return _to_the_end(source, promise)
    end = promise.container_end
    if begin < end <= source.size and tags.only_tail(source, end):
        note = f"{promised} bytes of samples promised, {rest} present, and the size of the whole says that they are all"
        return Extent((Span(begin, end - begin),), source.size, notes=(f"{Status.DECODE}: {note}",))
    refuse_short(promised, rest)
    raise AudioError(Status.DECODE, "header contradicts itself")


def _wrapped(source: Source, begin: int, length: int, look: Look) -> Extent:
    note = f"{Status.DECODE}: longer than 4 GiB, which its header cannot say: all is read"
    return Extent((Span(begin, length),), look(begin + length, length).end, notes=(note,))


def _to_the_end(source: Source, promise: Promise) -> Extent:
    begin = promise.begin
    end = tags.before_tags(source, begin) if promise.until is None else promise.until
    if end <= begin:
        raise AudioError(Status.EMPTY, "header promises 0 frames, and none follow")
    note = f"{promise.length} bytes of samples promised, {end - begin} present: all are read"
    if promise.is_unknown:
        note = f"streamed {promise.kind} that does not say its length"
    stop = source.size if promise.until is None else promise.until
    return Extent((Span(begin, end - begin),), stop, notes=(f"{Status.DECODE}: {note}",))


def _with_more(source: Source, first: Span, following: Behind) -> Extent:
    """Of one chunk as the header has it, and of those that go on."""
    spans, notes = [first], following.notes
    for _, offset, length in following.samples:
        present = source.size - offset
        kept = present if is_unknown(length) and length > present else length
        refuse_short(kept, present)
        spans.append(Span(offset, kept))
    if len(spans) > 1:
        notes += (f"{Status.DECODE}: the samples are in {len(spans)} chunks, read one after the other",)
    is_promised = len(spans) == 1 and not notes and following.end == source.size
    return Extent(tuple(span for span in spans if span.length), following.end, is_promised, notes)
