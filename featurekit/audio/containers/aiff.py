"""AIFF and AIFF-C."""

from __future__ import annotations

import math
import struct

from featurekit.audio.containers.recording import Recording, Source, Stream, refuse_short
from featurekit.audio.statuses import Status, refuse_insane
from featurekit.errors import AudioError


def examine(source: Source) -> Recording:
    """What an AIFF holds.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS.
    """
    magic, suffix = source.read(0, 12), source.suffix
    if magic[8:12] not in (b"AIFF", b"AIFC"):
        raise AudioError(Status.DECODE, f"is IFF but not AIFF: its form is {magic[8:12]!r}")
    name_note = suffix not in (".aif", ".aiff", ".aifc")
    notes = (f"{Status.DECODE}: is AIFF, named {suffix or 'without a suffix'}",) if name_note else ()
    channels = frames = bits = sample_rate = None
    form_end, has_sound = 8 + int.from_bytes(magic[4:8], "big"), False
    for name, offset, length in source.chunks(12, ">"):
        if has_sound and frames is not None and offset - 8 >= form_end:
            break  # what follows the form is no chunk of it: a tag, or padding
        refuse_short(offset + length, source.size)
        if name == b"COMM" and length >= 18:
            channels, frames, bits, exponent, mantissa = struct.unpack(">HIHHQ", source.read(offset, 18))
            refuse_insane(None, channels)
            # An 80-bit float; rates lie far inside what a shift can hold.
            sample_rate = mantissa >> (16446 - exponent) if 16383 <= exponent <= 16446 else 0
            refuse_insane(sample_rate, None)
        has_sound = has_sound or name == b"SSND"
        if name == b"SSND" and channels and frames and bits and magic[8:12] == b"AIFF":
            refuse_short(frames * channels * math.ceil(bits / 8), max(length - 8, 0))
    if frames == 0:
        raise AudioError(Status.EMPTY, "header promises 0 frames")
    stream = Stream(frames=frames if magic[8:12] == b"AIFF" else None)
    return Recording((stream,), sample_rate, channels, notes)
