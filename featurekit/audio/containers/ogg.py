"""Ogg: Vorbis and Opus, alone, one behind the other, or among other streams; what else is in it is named."""

from __future__ import annotations

from featurekit.audio.containers import ogg_codecs, ogg_pages, tags
from featurekit.audio.containers.ogg_codecs import OPUS
from featurekit.audio.containers.ogg_pages import BEGINS, Walk
from featurekit.audio.containers.ogg_streams import Logical
from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError


def examine(source: Source) -> Recording:
    """What an Ogg file holds: the first stream of sound of each of its links.

    A missing or damaged page is refused. A stream without a page that is marked as its last is read and noted: programs
    that record and are stopped leave such files, and nothing in the file promises more; a file cut inside a page is refused.
    One that begins late is noted, too: recordings of a radio station do. Where exactly one page is missing at the
    beginning, it was lost.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY or DECODE.
    """
    walk = Walk(source)
    links = _links(walk)
    chosen: list[Logical] = []
    notes: list[str] = []
    for link in links:
        sound = [logical for logical in link.values() if logical.is_audio]
        if not sound:
            continue
        chosen.append(sound[0])
        if not sound[0].is_counted:
            return Recording(codec=f"Ogg with {sound[0].codec}")
        if len(sound) > 1:
            notes.append(f"{Status.DECODE}: {len(sound)} streams of sound side by side; the first is read")
    if not links:
        _refuse_bad_tail(walk, has_end=False)
    if not chosen:
        _refuse_silent(links)
    _refuse_bad_tail(walk, chosen[-1].has_end)
    rates = [logical.timing.sample_rate for logical in chosen if logical.timing and logical.codec == OPUS]
    streams = tuple(logical.finish(source, max(rates, default=0), not walk.unchecked) for logical in chosen)
    notes = _notes(walk, chosen) + notes + [note for logical in chosen for note in logical.notes]
    if streams[0].pieces == (Span(0, source.size),):
        streams = (Stream(frames=streams[0].frames),)
    kinds = {(logical.timing.sample_rate, logical.timing.channels) for logical in chosen if logical.timing}
    sample_rate, channels = kinds.pop() if len(kinds) == 1 else (None, None)  # the decoder refuses a mixture
    return Recording(streams, sample_rate, channels, tuple(notes))


def _links(walk: Walk) -> list[dict[int, Logical]]:
    """The logical streams of each link by their serial numbers; a link begins where streams begin behind pages of others.

    Raises
    ------
    AudioError
        As :meth:`Logical.add`, and DECODE for pages of a stream whose beginning is not there.
    """
    links: list[dict[int, Logical]] = []
    in_heads = False
    ends = walk.end
    for page in walk:
        if links and page.offset > ends:
            for logical in links[-1].values():
                logical.is_damaged = True
        ends = page.end
        if page.flags & BEGINS:
            if not in_heads:
                links.append({})
            in_heads = True
            if page.serial not in links[-1]:
                links[-1][page.serial] = Logical(page.serial, *ogg_codecs.name_of(page.body))
        else:
            in_heads = False
        if not links or page.serial not in links[-1]:
            reason = f"the Ogg page at byte {page.offset} is of a stream whose first page is missing or damaged"
            raise AudioError(Status.DECODE, reason)
        links[-1][page.serial].add(page)
    return links


def _refuse_silent(links: list[dict[int, Logical]]) -> None:
    names = ", ".join(dict.fromkeys(logical.codec for link in links for logical in link.values()))
    raise AudioError(Status.DECODE, f"is Ogg with {names}, and no sound that is known")


def _refuse_bad_tail(walk: Walk, has_end: bool) -> None:
    """Refuse a page that is cut or damaged behind the last whole one, and other bytes where the end is missing."""
    source, rest = walk.source, walk.source.size - walk.end
    if not rest or tags.only_tail(source, walk.end):
        return
    promised = ogg_pages.promised_bytes(source.read(walk.end, 300))
    if promised > rest:
        raise AudioError(Status.TRUNCATED, f"the last Ogg page is cut: {promised} bytes promised, {rest} present")
    if promised or not has_end:
        raise AudioError(Status.DECODE, f"the Ogg page at byte {walk.end} is damaged")


def _notes(walk: Walk, chosen: list[Logical]) -> list[str]:
    notes = []
    if len(chosen) > 1:
        notes.append(f"{Status.DECODE}: is joined of {len(chosen)} Ogg streams, read one behind the other")
    if walk.unchecked:
        notes.append(f"{Status.DECODE}: the Ogg pages have no checksums; damage cannot be seen")
    odd = [span for span in walk.junk if span.offset < walk.end or not tags.only_tail(walk.source, span.offset)]
    if odd:
        size = sum(span.length for span in odd)
        notes.append(f"{Status.DECODE}: {size} bytes that are no Ogg page, the first at byte {odd[0].offset}, are passed over")
    return notes
