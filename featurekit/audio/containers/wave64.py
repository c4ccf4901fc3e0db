"""Sony's Wave64: a WAV with sizes of 64 bits, and names of 16 bytes."""

from __future__ import annotations

from featurekit.audio.containers import extent, tags, wave_format
from featurekit.audio.containers.chunks import Behind, Chunk
from featurekit.audio.containers.extent import Promise
from featurekit.audio.containers.joined import Part, joined
from featurekit.audio.containers.recording import MAX_CHUNKS, Recording, Source, refuse_short
from featurekit.audio.containers.wave_format import WAVE64_DATA, WAVE64_FMT, WAVE64_RIFF, WAVE64_WAVE, WaveFormat
from featurekit.audio.containers.wave_samples import recording
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError

_EXTENSIBLE = b"\xfe\xff"
_HEAD = 24  # bytes of a name and a size; the size counts them


def examine(source: Source) -> Recording:
    """What a Wave64 holds, or several that were joined.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    return joined(source, (WAVE64_RIFF[:4],), _part)


def _part(source: Source, start: int) -> Part:
    """The Wave64 that begins at ``start``."""
    magic = source.read(start, 40)
    if len(magic) < 40:
        raise AudioError(Status.TRUNCATED, f"the header ends after {len(magic)} bytes")
    if magic[:16] != WAVE64_RIFF or magic[24:] != WAVE64_WAVE:
        raise AudioError(Status.DECODE, "begins with riff and is no Wave64")
    size, position, layout = int.from_bytes(magic[16:24], "little"), start + 40, None
    for _ in range(MAX_CHUNKS):
        chunk = _chunk(source, position)
        if chunk is None:
            refuse_short(0 if extent.is_unknown(size) else size, source.size - start)
            raise AudioError(Status.DECODE, "Wave64 header has no data chunk")
        name, offset, length = chunk
        if name == WAVE64_DATA:
            return _found(source, start + size, chunk, layout)
        refuse_short(offset + length, source.size)
        if name == WAVE64_FMT and length >= 14:
            layout = wave_format.parse(source.read(offset, min(length, 1024)), "<")
        position = _following(offset + length)
    raise AudioError(Status.DECODE, f"header has more than {MAX_CHUNKS} chunks")


def _found(source: Source, container_end: int, data: Chunk, layout: WaveFormat | None) -> Part:
    if layout is None:
        raise AudioError(Status.DECODE, "Wave64 header has no format before its data")
    refuse_insane(layout.sample_rate, layout.channels)
    settled = wave_format.settled(layout)
    promise = Promise(data.offset, data.length, settled.frame_bytes, "Wave64", container_end)
    where = extent.of_samples(source, promise, lambda end, length: _behind(source, end))
    is_last = data.offset + data.length == source.size  # libsndfile takes what follows for samples
    is_understood = layout.body[:2] != _EXTENSIBLE  # in a Wave64, libsndfile takes floats under this tag for integers
    is_as_written = is_last and is_understood and settled is layout
    return Part(recording(source, settled, where, "W64", is_as_written=is_as_written), where.end)


def _behind(source: Source, end: int) -> Behind:
    """What stands behind the samples; names of 16 bytes leave no doubt, so there is none where one begins."""
    position = _following(end)
    if position >= source.size or tags.only_tail(source, position):
        return Behind(source.size)
    if source.read(position, 16) == WAVE64_RIFF:
        return Behind(position)
    is_known = source.read(position + 4, 12) == WAVE64_DATA[4:]
    return Behind(source.size, unknown=None if is_known else position)


def _chunk(source: Source, position: int) -> Chunk | None:
    head = source.read(position, _HEAD)
    if len(head) < _HEAD:
        return None
    return Chunk(head[:16], position + _HEAD, max(int.from_bytes(head[16:], "little") - _HEAD, 0))


def _following(end: int) -> int:
    return end + -end % 8
