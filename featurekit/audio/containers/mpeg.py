"""MPEG audio: MP3."""

from __future__ import annotations

from featurekit.audio.containers.recording import Recording, Source, Span, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

# Bit rates of layer III by their index in a frame's header, in kbit/s; MPEG 2.5 has those of MPEG 2.
_MPEG1_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


_SEARCHED = 1 << 16  # bytes in which the first frame must begin


def examine(source: Source) -> Recording:
    """What an MP3 holds.

    Raises
    ------
    AudioError
        DECODE, when no frame is found.
    """
    start = _first_frame(source)
    if start is None:
        raise AudioError(Status.DECODE, "is named like MP3, and holds no MPEG frame")
    return Recording((Stream((Span(start, source.size - start),)),))


def _first_frame(source: Source) -> int | None:
    """Offset of the first of three frames in a row."""
    data = source.read(source.start, _SEARCHED)
    start = data.find(b"\xff")
    while start >= 0:
        if _follows_frames(data, start, 3):
            return source.start + start
        start = data.find(b"\xff", start + 1)
    return None


def _follows_frames(data: bytes, start: int, count: int) -> bool:
    for _ in range(count):
        length = _frame_bytes(data[start : start + 4])
        if length == 0:
            return False
        start += length
    return True


def _frame_bytes(head: bytes) -> int:
    """Length that the header of an MPEG audio frame of layer III says; 0 where it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate_index, bitrate_index = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate_index == 3 or bitrate_index in (0, 15):
        return 0
    is_mpeg1 = version == 3
    rates_hz = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
    kbits = _MPEG1_KBITS if is_mpeg1 else _MPEG2_KBITS
    padding = head[2] >> 1 & 1
    return (144 if is_mpeg1 else 72) * kbits[bitrate_index - 1] * 1000 // rates_hz[version][rate_index] + padding
