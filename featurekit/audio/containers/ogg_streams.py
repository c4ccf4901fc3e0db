"""One logical stream of an Ogg file: its packets counted, what is missing found, and its pages written anew where they lie.

Decoders trust the granule positions: the samples that a page says have sounded at its end. These are wrong in streams that
were cut out of others, recorded from the middle, paused, or written without care; libsndfile then drops samples or refuses
the file. The packets themselves say how long they sound. So the packets are counted, and where the pages say otherwise, a
decoder gets the same packets under pages that are right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from featurekit.audio.containers import ogg_codecs, ogg_pages
from featurekit.audio.containers.ogg_codecs import OPUS, VORBIS, Timing
from featurekit.audio.containers.ogg_pages import BEGINS, CONTINUED, ENDS, NO_GRANULE, Page
from featurekit.audio.containers.recording import Source, Span, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

_HEADS = {VORBIS: (b"\x01vorbis", b"\x03vorbis", b"\x05vorbis"), OPUS: (b"OpusHead", b"OpusTags")}
_NO_COMMENTS = {VORBIS: b"\x03vorbis" + bytes(8) + b"\x01", OPUS: b"OpusTags" + bytes(8)}
_MANY = 1 << 31  # pages missing by their numbers: these go back instead
_NOTES = 4
_ROUNDED_S = 0.1


class _Sound(NamedTuple):
    """A page of packets that sound, or what of it stands behind headers."""

    body_offset: int
    segments: bytes
    granule: int
    samples: int  # that its packets add
    ends: bool  # whether a packet ends on it


@dataclass
class Logical:
    """The pages of one serial number, taken in one by one.

    Parameters
    ----------
    serial : int
        Its number in the file.
    codec : str
        Name of its codec.
    is_audio : bool
        Whether that is one of sound.

    Attributes
    ----------
    timing : Timing or None
        How long its packets sound, once its headers are read.
    notes : list of str
        What is odd, each ``"STATUS: sentence"``.
    has_end : bool
        Whether the last page is marked as the last one.
    is_damaged : bool
        Whether bytes that are no page stand between its pages, or behind them.
    """

    serial: int
    codec: str
    is_audio: bool
    timing: Timing | None = None
    notes: list[str] = field(default_factory=list)
    has_end: bool = False
    is_damaged: bool = False

    def __post_init__(self) -> None:
        self._headers: list[bytes] = []
        self._sound: list[_Sound] = []
        self._spans: list[Span] = []
        self._is_plain = True  # while a decoder can have the pages as they are
        self._packet = b""  # so far: a whole header, or the first two bytes of a packet that sounds
        self._is_open = False  # whether it goes on
        self._window = 0
        self._last: Page | None = None
        self._missing, self._missing_at = 0, 0  # pages by their numbers, until a granule position says whether it is so
        self._granule: int | None = None  # the last one
        self._since = 0  # samples since then

    @property
    def is_counted(self) -> bool:
        """Whether libsndfile decodes this codec, and its packets are counted."""
        return self.codec in _HEADS

    def add(self, page: Page) -> None:
        """Take in the next page.

        Raises
        ------
        AudioError
            TRUNCATED, where pages are missing; DECODE, for headers that are none.
        """
        if not self.is_counted:
            return
        if self._last is not None:
            if self._last[1:] == page[1:]:
                self._note(f"{Status.DECODE}: the page at byte {page.offset} stands there twice, and is read once")
                self._is_plain = False
                return
            missing = (page.sequence - self._last.sequence - 1) % (1 << 32)
            if missing:
                self._missing, self._missing_at = self._missing + missing, page.offset
                self._is_plain = False
        self._last = page
        self._is_plain &= not self.has_end and bool(page.flags & CONTINUED) == self._is_open and len(page.segments) > 0
        self.has_end = bool(page.flags & ENDS)
        if self._spans and self._spans[-1].offset + self._spans[-1].length == page.offset:
            self._spans[-1] = Span(self._spans[-1].offset, page.end - self._spans[-1].offset)
        else:
            self._spans.append(Span(page.offset, page.end - page.offset))
        self._unpack(page)

    def finish(self, source: Source, sample_rate: int, is_checked: bool) -> Stream:
        """What a decoder reads of the stream.

        Parameters
        ----------
        source : Source
            The file.
        sample_rate : int
            In which an Opus stream is decoded, of those that Opus has.
        is_checked : bool
            Whether the pages have checksums.

        Raises
        ------
        AudioError
            TRUNCATED or EMPTY.
        """
        if self.timing is None:
            raise AudioError(Status.TRUNCATED, f"the file ends in the headers of its {self.codec} stream")
        if self._missing and self._granule is not None:
            self._refuse_gap(0)
        if self._is_open:
            raise AudioError(Status.TRUNCATED, "the last packet of the Ogg stream is cut")
        if self.codec == OPUS and self.timing.sample_rate != sample_rate:
            self._is_plain = False
            self.timing = ogg_codecs.opus(ogg_codecs.opus_head_at(self._headers[0], sample_rate))
        samples = sum(page.samples for page in self._sound) - self._trimmed()
        frames = max(samples - self.timing.lead, 0) // self.timing.divisor
        if not frames:
            raise AudioError(Status.EMPTY, f"the {self.codec} stream has headers, and no sound behind them")
        if not self.has_end and self.is_damaged:
            raise AudioError(Status.TRUNCATED, f"the last page of the {self.codec} stream is damaged or missing")
        if not self.has_end:
            why = "its writer was stopped, or the file was cut between two pages"
            self._note(f"{Status.TRUNCATED}: the Ogg stream has no page that is marked as its last: {why}")
        is_plain = self._is_plain and self.has_end and is_checked
        return Stream(tuple(self._spans) if is_plain else self._rewritten(source), frames)

    def _note(self, note: str) -> None:
        if note not in self.notes and len(self.notes) < _NOTES:
            self.notes.append(note)

    def _unpack(self, page: Page) -> None:
        """Count the packets of a page."""
        first = self._behind_lost_start(page)
        position = packet_begins = kept_begins = sum(page.segments[:first])
        kept_from, samples, ends = first, 0, False
        for number in range(first, len(page.segments)):
            position += page.segments[number]
            if page.segments[number] == 255:
                continue
            self._take(page.body[packet_begins:position])
            packet_begins = position
            if self.timing is None:
                self._finish_header()
                kept_from, kept_begins = number + 1, position
            elif self._packet:
                added, self._window = self.timing.samples(self._packet, self._window)
                samples, ends = samples + added, True
            else:
                self._is_plain = False  # an empty packet, as writers put at the end
            self._packet, self._is_open = b"", False
        if first < len(page.segments) and page.segments[-1] == 255:
            self._take(page.body[packet_begins:])
            self._is_open = True
        if self.timing is None or kept_from == len(page.segments) > 0:
            return
        self._is_plain &= kept_from == 0
        self._check_clock(page, samples, ends)
        begins, segments = page.body_offset + kept_begins, page.segments[kept_from:]
        self._sound.append(_Sound(begins, segments, page.granule, samples, ends))

    def _behind_lost_start(self, page: Page) -> int:
        """Number of the first segment that is not the end of a packet whose beginning is missing."""
        if self._is_open and self._missing:
            self._packet, self._is_open = b"", False
        if not page.flags & CONTINUED or self._is_open:
            return 0
        self._is_plain = False
        return next((number + 1 for number, length in enumerate(page.segments) if length < 255), len(page.segments))

    def _take(self, data: bytes) -> None:
        self._packet = self._packet + data if self.timing is None else self._packet or data[:2]

    def _finish_header(self) -> None:
        heads = _HEADS[self.codec]
        number = len(self._headers)
        if not self._packet.startswith(heads[number]):
            if self._missing:
                self._refuse_gap(0)
            reason = f"packet {number + 1} of the {self.codec} stream is not the header that belongs there"
            raise AudioError(Status.DECODE, reason)
        self._headers.append(self._packet)
        if len(self._headers) < len(heads):
            return
        self._is_plain &= ogg_codecs.comments_are_whole(self._headers[1], heads[1])
        if self.codec == VORBIS:
            self.timing = ogg_codecs.vorbis(self._headers[0], self._headers[2])
        else:
            self.timing = ogg_codecs.opus(self._headers[0])
            self._is_plain &= ogg_codecs.opus_head_is_plain(self._headers[0])

    def _check_clock(self, page: Page, samples: int, ends: bool) -> None:
        """Compare a page's granule position with the packets since the last one; forgive page numbers that are wrong."""
        self._since += samples
        self._is_plain &= ends == (page.granule != NO_GRANULE)
        if not ends or page.granule == NO_GRANULE:
            return
        is_end = bool(page.flags & ENDS)
        if self._granule is None:
            jump = page.granule - self._since
            self._is_plain &= jump == 0 or (jump < 0 and is_end)
            if jump > 0 and (self._missing == 1 or (self._missing and self.is_damaged)):
                self._refuse_gap(jump)
            if self._is_heard(jump):
                late = f"the Ogg stream begins at {self._seconds(jump)} of its own clock"
                self._note(f"{Status.TRUNCATED}: {late}: it was recorded or cut from the middle, and is read from there")
        else:
            jump = page.granule - self._granule - self._since
            is_trimmed = is_end and -self._since < jump < 0
            self._is_plain &= jump == 0 or is_trimmed
            if self._missing and jump and not is_trimmed:
                self._refuse_gap(jump)
            if self._missing:
                self._note(f"{Status.DECODE}: the Ogg pages are numbered wrongly; by their clock none is missing")
            elif self._is_heard(jump):
                self._note(f"{Status.DECODE}: the clock of the Ogg stream jumps by {self._seconds(jump)}; nothing is there")
        self._missing, self._granule, self._since = 0, page.granule, 0

    def _in_s(self, samples: int) -> float:
        rate = self.timing.sample_rate * self.timing.divisor if self.timing else 0
        return samples / max(rate, 1)

    def _is_heard(self, jump: int) -> bool:
        """Whether a jump of the clock is more than the rounding of another container's times."""
        return self._in_s(jump) >= _ROUNDED_S

    def _seconds(self, samples: int) -> str:
        return f"{self._in_s(samples):.2f} s"

    def _refuse_gap(self, jump: int) -> None:
        """Refuse a stream of which pages are missing."""
        count = "one page is" if self._missing == 1 else f"{self._missing} pages are" if self._missing < _MANY else "pages are"
        lost = f", with {self._seconds(jump)} of sound" if jump > 0 else ""
        where = f"before byte {self._missing_at}" + lost
        raise AudioError(Status.TRUNCATED, f"{count} missing from the Ogg stream, or damaged, {where}")

    def _trimmed(self) -> int:
        """Samples of the last page that its granule position says are padding."""
        last = max((number for number, page in enumerate(self._sound) if page.samples), default=0)
        said = [number for number, page in enumerate(self._sound) if page.granule != NO_GRANULE]
        before = [number for number in said if number < last]
        if not self.has_end or not said or said[-1] < last:
            return 0
        most = sum(page.samples for page in self._sound[before[-1] + 1 if before else 0 :])
        trimmed = (self._sound[before[-1]].granule if before else 0) + most - self._sound[said[-1]].granule
        return trimmed if 0 < trimmed < most else 0

    def _rewritten(self, source: Source) -> tuple[Span | bytes, ...]:
        """The stream's packets under pages that say what is there."""
        headers = list(self._headers)
        if not ogg_codecs.comments_are_whole(headers[1], _HEADS[self.codec][1]) or len(headers[1]) > 1 << 16:
            headers[1] = _NO_COMMENTS[self.codec]
        if self.codec == OPUS and self.timing is not None:
            headers[0] = ogg_codecs.opus_head_at(headers[0], self.timing.sample_rate)
        pages = [page for packet in headers for page in ogg_pages.split(packet)]
        pieces: list[Span | bytes] = []
        for number, (is_continued, segments, body) in enumerate(pages):
            flags = (CONTINUED if is_continued else 0) | (BEGINS if number == 0 else 0)
            granule = NO_GRANULE if segments[-1] == 255 else 0
            pieces += [ogg_pages.header(flags, granule, self.serial, number, segments, body), body]
        last = max(number for number, page in enumerate(self._sound) if page.ends)
        granule, sequence, flags = 0, len(pages), 0
        for number, page in enumerate(self._sound[: last + 1]):
            granule += page.samples
            segments = ogg_pages.without_empty(page.segments, bool(flags))
            if not segments:
                continue
            said = granule if page.ends else NO_GRANULE
            if number == last:
                flags, said = flags | ENDS, granule - self._trimmed()
            body = source.read(page.body_offset, sum(segments))
            pieces += [ogg_pages.header(flags, said, self.serial, sequence, segments, body), Span(page.body_offset, len(body))]
            sequence, flags = sequence + 1, CONTINUED if segments[-1] == 255 else 0
        return tuple(pieces)
