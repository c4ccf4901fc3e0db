"""The samples of a WAV or Wave64, as a stream that libsndfile reads to its end."""

from __future__ import annotations

from dataclasses import replace

from featurekit.audio.containers import mpeg, wave_format
from featurekit.audio.containers.extent import Extent
from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.containers.wave_format import GSM, IMA_ADPCM, MPEG, MS_ADPCM, PCM, WaveFormat
from featurekit.audio.statuses import Status

_GSM_FRAMES = 320  # samples in a block
_LOOKS, _LOOKED_AT = 16, 1 << 12  # places of the samples, and bytes at each, that tell how they stand in their blocks


def recording(source: Source, layout: WaveFormat, found: Extent, container: str, *, is_as_written: bool) -> Recording:
    """The audio of one WAV or Wave64.

    Parameters
    ----------
    source : Source
        The file.
    layout : WaveFormat
        Its format.
    found : Extent
        Where its samples are.
    container : str
        libsndfile's name of the container.
    is_as_written : bool
        Its header is one that libsndfile reads as it stands.
    """
    facts = (layout.sample_rate, layout.channels)
    if layout.tag in MPEG and len(found.spans) == 1:
        frames_found = mpeg.frames_in(source, found.spans[0].offset, found.spans[0].offset + found.length)
        return replace(frames_found, notes=found.notes + frames_found.notes, container=container)
    if layout.codec:
        return Recording((Stream(),), *facts, found.notes, layout.codec)
    if layout.tag == PCM and layout.sample_bytes < 4 and layout.block_bytes == 4 * layout.channels:
        return _in_blocks_of_four(source, layout, found, container)
    frames = found.length // layout.frame_bytes * (_GSM_FRAMES if layout.tag == GSM else 1)
    pieces, notes = _whole_blocks(layout, found)
    stated = frames if layout.is_plain or layout.tag == GSM else None
    is_padded = layout.tag == GSM and found.length % 2 == 1  # libsndfile takes the byte of padding for a block
    if is_as_written and found.is_promised and not notes and not is_padded:
        return Recording((Stream(frames=stated),), *facts, found.notes)
    header = wave_format.header(layout, sum(piece.length if isinstance(piece, Span) else len(piece) for piece in pieces))
    return Recording((Stream((header, *pieces), stated),), *facts, found.notes + notes, container=container)


def _whole_blocks(layout: WaveFormat, found: Extent) -> tuple[tuple[Span | bytes, ...], tuple[str, ...]]:
    """The samples of a codec in whole blocks, as libsndfile wants them, and a note where the last one was not whole."""
    rest = found.length % layout.frame_bytes
    if layout.tag not in (GSM, MS_ADPCM, IMA_ADPCM) or rest == 0:
        return found.spans, ()
    what = f"the last block has {rest} of {layout.frame_bytes} bytes"
    if layout.tag != GSM:
        return (*found.spans, bytes(layout.frame_bytes - rest)), (f"{Status.DECODE}: {what}, the others are read as zeros",)
    *spans, last = found.spans
    notes = (f"{Status.TRUNCATED}: {what} and is left out",) if rest > 1 else (f"{Status.DECODE}: has a byte of padding",)
    return (*spans, Span(last.offset, max(last.length - rest, 0))), notes


def _in_blocks_of_four(
    source: Source,
    layout: WaveFormat,
    found: Extent,
    container: str,
) -> Recording:
    """Samples of 24 bits or fewer that stand in 4 bytes each."""
    frames = found.length // (4 * layout.channels)
    facts = (layout.sample_rate, layout.channels)
    first = found.spans[0]
    end = _end_in_words(_some_words(source, first, layout.order))
    if len(found.spans) > 1 or not end:
        codec = f"WAV of {layout.bits} bits in blocks of 4 bytes"
        return Recording((Stream(),), *facts, found.notes, codec)
    header = wave_format.header(wave_format.plain(layout, 32), found.length)
    pieces: tuple[Span | bytes, ...] = (header, first)
    # One byte earlier or later, samples at the lower end stand at the upper end.
    if end == "lower" and layout.order == "<":
        pieces = (header, b"\0", Span(first.offset, first.length - 1))
    elif end == "lower":
        pieces = (header, Span(first.offset + 1, first.length - 1), b"\0")
    return Recording((Stream(pieces, frames),), *facts, found.notes, container=container)


def _some_words(source: Source, samples: Span, order: str) -> list[bytes]:
    """Words of 4 bytes from places that are spread over the samples, the most significant byte first."""
    step = max(samples.length // _LOOKS // 4 * 4, _LOOKED_AT)
    end = samples.offset + samples.length
    places = range(samples.offset, end, step)
    data = b"".join(source.read(at, min(_LOOKED_AT, end - at)) for at in places)
    words = [data[at : at + 4] for at in range(0, len(data) - 3, 4)]
    return words if order == ">" else [word[::-1] for word in words]


def _end_in_words(words: list[bytes]) -> str:
    """At which end of their words samples stand, ``"upper"`` or ``"lower"``; empty for floats, and for what is neither."""
    are_floats = any(map(any, words)) and all(_is_zero_or_float(word) for word in words)
    if are_floats:
        return ""
    if not any(word[3] for word in words):
        return "upper"
    is_lower = all(word[0] == (0xFF if word[1] & 0x80 else 0) for word in words)
    return "lower" if is_lower else ""


def _is_zero_or_float(word: bytes) -> bool:
    """Whether a word is 0, or as float32 a number between 0.5 and 2 to the power of 24, as scaled integers are."""
    return not any(word) or 0x3F <= word[0] & 0x7F <= 0x4B
