"""Frames of MPEG audio that hold no sound but say how much of it follows: Xing, Info (with LAME's delays) and VBRI."""

from __future__ import annotations

from typing import NamedTuple

from featurekit.audio.containers.mpeg_frames import Kind, frame_bytes
from featurekit.audio.containers.recording import UNKNOWN, Source

DECODER_DELAY = 529  # samples by which every decoder of layer III is late
_VBRI_OFFSET = 36
_TRIMMING = (b"LAME", b"Lavf", b"Lavc")  # encoders whose delays are to be trusted; others leave anything there


class Count(NamedTuple):
    """What such a frame says.

    Parameters
    ----------
    data : bytes
        The frame.
    name : str
        ``"Xing"``, ``"Info"`` or ``"VBRI"``.
    frames : int or None
        How many follow; None where it does not say it.
    stream_bytes : int or None
        From this frame to the end of the last one; None where it does not say it.
    delays_at : int or None
        Where the delays stand in ``data``; None where there are none.
    """

    data: bytes
    name: str
    frames: int | None
    stream_bytes: int | None
    delays_at: int | None = None

    @property
    def delays(self) -> tuple[int, int]:
        """Samples that an encoder put in front and behind."""
        if self.delays_at is None:
            return 0, 0
        both = int.from_bytes(self.data[self.delays_at : self.delays_at + 3], "big")
        return both >> 12, both & 0xFFF

    def trimmed(self, behind: int) -> int:
        """Samples that a decoder leaves out, by the delay in front and one behind."""
        return self.delays[0] + DECODER_DELAY + max(behind - DECODER_DELAY, 0)


def count_at(source: Source, position: int, end: int, kind: Kind) -> Count | None:
    """What the frame at an offset says, if it is one that says something."""
    if kind.layer != 3:
        return None
    length = frame_bytes(source.read(position, min(4, end - position)), kind)
    data = source.read(position, min(length, end - position))
    if length == 0 or len(data) < length:
        return None
    if data[_VBRI_OFFSET : _VBRI_OFFSET + 4] == b"VBRI" and length >= _VBRI_OFFSET + 18:
        stream_bytes = int.from_bytes(data[_VBRI_OFFSET + 10 : _VBRI_OFFSET + 14], "big")
        frames = int.from_bytes(data[_VBRI_OFFSET + 14 : _VBRI_OFFSET + 18], "big")
        return Count(data, "VBRI", _known(frames), _known(stream_bytes))
    mark = data[kind.mark_offset : kind.mark_offset + 4]
    if mark not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(data[kind.mark_offset + 4 : kind.mark_offset + 8], "big")
    at, numbers = kind.mark_offset + 8, []
    for bit, width in ((1, 4), (2, 4), (4, 100), (8, 4)):
        present = bool(flags & bit)
        numbers.append(int.from_bytes(data[at : at + 4], "big") if present else 0)
        at += width if present else 0
    trims = data[at : at + 4] in _TRIMMING and len(data) >= at + 24 and flags & 1
    return Count(data, mark.decode(), _known(numbers[0]), _known(numbers[1]), at + 21 if trims else None)


def _known(number: int) -> int | None:
    """A number that was filled in: writers to a pipe leave zeros or ones."""
    return None if number in (0, UNKNOWN) else number


def rewritten(count: Count, kind: Kind, frames: int, behind: int) -> bytes:
    """Return a Xing or Info frame that states other frames and another delay behind, and is else as it was."""
    data = bytearray(count.data)
    data[4 : kind.mark_offset] = bytes(kind.mark_offset - 4)  # a decoder takes it for sound where this is not zero
    at = kind.mark_offset + 8
    data[at : at + 4] = frames.to_bytes(4, "big")
    if count.delays_at is not None:
        both = count.delays[0] << 12 | behind
        data[count.delays_at : count.delays_at + 3] = both.to_bytes(3, "big")
    return bytes(data)
