"""NIST SPHERE, as the Linguistic Data Consortium distributes speech: a header of text, and samples up to the end."""

from __future__ import annotations

import math
from typing import NamedTuple

from featurekit.audio.containers import extent, plain
from featurekit.audio.containers.extent import Promise
from featurekit.audio.containers.joined import Part, joined
from featurekit.audio.containers.recording import Recording, Source, Stream
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

MAGIC = b"NIST_1A"
_LARGEST_HEAD = 1 << 20
_CODINGS = {"pcm": b"int", "linear": b"int", "ulaw": b"ulaw", "mu-law": b"ulaw", "mulaw": b"ulaw"}
_CODINGS |= {"alaw": b"alaw", "a-law": b"alaw"}
_COMPRESSIONS = ("shorten", "wavpack", "shortpack")


class _Layout(NamedTuple):
    """What the header says."""

    coding: bytes
    compression: str
    channels: int
    sample_rate: float
    sample_bytes: int
    order: str
    frames: int | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of all channels."""
        return self.channels * self.sample_bytes


def examine(source: Source) -> Recording:
    """What a SPHERE file holds, or several that were joined.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    return joined(source, (MAGIC[:4],), _part)


def _part(source: Source, start: int) -> Part:
    """The SPHERE file that begins at ``start``."""
    head_bytes = _head_bytes(source, start)
    layout = _parsed(_fields(source.read(start, head_bytes)))
    refuse_insane(int(layout.sample_rate), layout.channels)
    facts = (round(layout.sample_rate), layout.channels)
    if layout.compression:
        way = " (sph2pipe makes a WAV of it)" if layout.compression == "shorten" else ""
        return Part(Recording((Stream(),), *facts, codec=f"SPHERE compressed with {layout.compression}{way}"), source.size)
    promised = (layout.frames or 0) * layout.frame_bytes
    promise = Promise(start + head_bytes, promised, layout.frame_bytes, "SPHERE file")
    found = extent.to_the_end(source, promise, (MAGIC[:4],))
    header = plain.header(layout.coding, layout.sample_rate, layout.channels, layout.sample_bytes, layout.order, found.length)
    stream = Stream((header, *found.spans), found.length // layout.frame_bytes)
    return Part(Recording((stream,), *facts, found.notes, container="NIST"), found.end)


def _head_bytes(source: Source, start: int) -> int:
    """Length of the header, by its second line."""
    lines = source.read(start, 64).split(b"\n")
    if lines[0] == MAGIC + b"\r":
        raise AudioError(Status.DECODE, "is SPHERE with changed line ends, and its samples with them: fetch it again")
    if lines[0] != MAGIC or len(lines) < 2 or not lines[1].strip().isdigit():
        if source.size - start < 16 and MAGIC.startswith(lines[0]):
            raise AudioError(Status.TRUNCATED, f"the header ends after {source.size - start} bytes")
        raise AudioError(Status.DECODE, "begins with NIST and has no header of SPHERE")
    length = int(lines[1])
    if not 16 < length <= _LARGEST_HEAD:
        raise AudioError(Status.DECODE, f"SPHERE header says that it has {length} bytes")
    if start + length > source.size:
        raise AudioError(Status.TRUNCATED, f"the header has {length} bytes, {source.size - start} present")
    return length


def _fields(head: bytes) -> dict[str, str]:
    """``name -type value`` lines, up to ``end_head``."""
    fields = {}
    for line in head.decode("latin-1").split("\n")[2:]:
        words = line.strip(" \t\r\0").split(maxsplit=2)
        if words[:1] == ["end_head"]:
            break
        if len(words) == 3 and words[1].startswith("-"):
            fields[words[0]] = words[2].strip()
    return fields


def _parsed(fields: dict[str, str]) -> _Layout:
    coding, _, more = fields.get("sample_coding", "pcm").lower().partition(",")
    known = _CODINGS.get(coding)
    compression = next((name for name in _COMPRESSIONS if name in more), more)
    if known is None:
        raise AudioError(Status.DECODE, f"is SPHERE with samples of {coding!r}, which is not read")
    channels, sample_rate = _number(fields, "channel_count", 1), _number(fields, "sample_rate", None)
    sample_bytes = 1 if known != b"int" else _sample_bytes(fields)
    if channels > 1 and fields.get("channels_interleaved", "TRUE").upper().startswith("F"):
        raise AudioError(Status.DECODE, "is SPHERE with one channel after the other: write it again with w_encode or sox")
    digits = fields.get("sample_byte_format", "")
    order = ">" if sample_bytes > 1 and digits == "".join(sorted(digits, reverse=True)) and len(set(digits)) > 1 else "<"
    frames = _number(fields, "sample_count", None) if "sample_count" in fields else None
    count = None if frames is None else int(frames)
    return _Layout(known, compression, int(channels), sample_rate, sample_bytes, order, count)


def _sample_bytes(fields: dict[str, str]) -> int:
    by_bits = math.ceil(_number(fields, "sample_sig_bits", 16) / 8)
    number = int(_number(fields, "sample_n_bytes", by_bits))
    if not 1 <= number <= 4:
        raise AudioError(Status.DECODE, f"SPHERE header says that a sample has {number} bytes, accepted are 1 to 4")
    return number


def _number(fields: dict[str, str], name: str, default: float | None) -> float:
    """A number of the header.

    Raises
    ------
    AudioError
        DECODE where it is none, or missing without a default.
    """
    text = fields.get(name)
    try:
        value = default if text is None else float(text.split()[0])
    except (ValueError, IndexError):
        value = None
    if value is None or not 0 <= value < 1e15:
        said = "does not say" if text is None else f"says {text[:40]!r} for"
        raise AudioError(Status.DECODE, f"SPHERE header {said} {name}")
    return value
