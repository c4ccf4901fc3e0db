"""Chunks of RIFF and IFF files as sloppy programs write them, and what may stand behind the samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from featurekit.audio.containers import tags
from featurekit.audio.containers.recording import MAX_CHUNKS, Source
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

# Names that the specifications and the known recorders use; where one stands, a chunk begins.
_NAMES = """fmt :data:LIST:list:fact:PEAK:JUNK:junk:Junk:FLLR:PAD :cue :smpl:inst:plst:acid:strc:bext:iXML:axml:chna:cart
id3 :ID3 :_PMX:XMP :aXML:afsp:umid:minf:elm1:regn:levl:qlty:link:ds64:LGWV:LGDA:MD5 :DISP:SNDM:SAUR:ovwf:olym:tlst:note
COMM:SSND:FVER:MARK:COMT:INST:MIDI:AESD:APPL:NAME:AUTH:(c) :ANNO:CHAN:basc:trns:cate"""
KNOWN = frozenset(name.encode() for line in _NAMES.split("\n") for name in line.split(":"))


class Chunk(NamedTuple):
    """A chunk: where its body begins, and the bytes that it promises."""

    name: bytes
    offset: int
    length: int


class Behind(NamedTuple):
    """What stands behind the samples.

    ``end`` is where the next container begins, or the end of the file; where ``unknown`` is not None, the bytes from there
    on are no chunk, tag or padding. ``samples`` are more chunks of samples.
    """

    end: int
    samples: tuple[Chunk, ...] = ()
    unknown: int | None = None
    notes: tuple[str, ...] = ()


def walk(source: Source, position: int, order: str) -> Iterator[Chunk]:
    """Yield the chunks from ``position`` on, until fewer bytes are left than a chunk's head has.

    Raises
    ------
    AudioError
        DECODE for a file of more chunks than any writer makes.
    """
    for _ in range(MAX_CHUNKS):
        chunk = _chunk(source, position, order)
        if chunk is None:
            return
        yield chunk
        position = following(source, chunk.offset + chunk.length, chunk.length)
    raise AudioError(Status.DECODE, f"header has more than {MAX_CHUNKS} chunks")


def following(source: Source, end: int, length: int) -> int:
    """Where the next chunk begins; chunks are padded to even sizes, but some programs forget it, some pad without need."""
    head = source.read(end, 9)
    here, after = head[:4], head[1:5]
    if length % 2:
        return end if here in KNOWN and after not in KNOWN else end + 1
    return end + 1 if after in KNOWN and head[:1] == b"\0" else end


def behind(source: Source, end: int, length: int, order: str, samples: bytes, starts: tuple[bytes, ...]) -> Behind:
    """Look through what follows the samples, which end at ``end``.

    Parameters
    ----------
    source : Source
        The file.
    end, length : int
        Offset behind the samples, and the size of their chunk.
    order : str
        ``"<"`` or ``">"``: how sizes are written.
    samples : bytes
        Name of the chunks that hold samples.
    starts : tuple of bytes
        First four bytes of a container of this kind: another recording may follow.
    """
    position, is_sure = following(source, end, length), False
    found: list[Chunk] = []
    for _ in range(MAX_CHUNKS):
        if position >= source.size or tags.only_tail(source, position):
            return Behind(source.size, tuple(found))
        if source.read(position, 4) in starts:
            return Behind(position, tuple(found))
        chunk = _chunk(source, position, order)
        tagged = tags.after_front(source, position)
        if tagged > position:
            position = tagged
            continue
        chunk_end = 0 if chunk is None else chunk.offset + chunk.length
        is_whole = chunk is not None and chunk_end <= source.size + 1  # some writers forget to pad the last one
        if chunk is not None and chunk.name == samples:
            found.append(chunk)
        if chunk is not None and chunk.name in KNOWN:
            is_sure = True
            if not is_whole:
                cut = f"{Status.TRUNCATED}: the file ends inside its chunk {_shown(chunk.name)}, behind the samples"
                return Behind(source.size, tuple(found), notes=() if chunk.name == samples else (cut,))
        elif chunk is None or not is_whole or not (_is_name(chunk.name) or (chunk.length == 0 and any(chunk.name))):
            break
        position = following(source, chunk_end, chunk.length) if chunk is not None else source.size
    return Behind(source.size, tuple(found), None if is_sure else following(source, end, length))


def _chunk(source: Source, position: int, order: str) -> Chunk | None:
    head = source.read(position, 8)
    if len(head) < 8:
        return None
    return Chunk(head[:4], position + 8, int.from_bytes(head[4:], "big" if order == ">" else "little"))


def _is_name(name: bytes) -> bool:
    return all(32 <= byte < 127 for byte in name)


def _shown(name: bytes) -> str:
    return repr(name.decode("ascii", "replace"))
