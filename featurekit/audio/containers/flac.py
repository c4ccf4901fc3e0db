"""FLAC."""

from __future__ import annotations

from featurekit.audio.containers.recording import Recording, Source, Stream
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

_BITS = (8, 16, 24)  # what libsndfile reads


def examine(source: Source) -> Recording:
    """What a FLAC file holds.

    Raises
    ------
    AudioError
        TRUNCATED or DECODE.
    """
    magic = source.read(source.start, 42)
    if len(magic) < 42:
        raise AudioError(Status.TRUNCATED, f"the header ends after {len(magic)} bytes")
    if magic[4] & 0x7F != 0 or magic[5:8] != b"\0\0\x22":
        raise AudioError(Status.DECODE, "FLAC file does not begin with STREAMINFO")
    packed = int.from_bytes(magic[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 total samples
    frames = packed & ((1 << 36) - 1)
    if frames == 0:
        raise AudioError(Status.DECODE, "FLAC header does not say its length (a stream, or no frames): encode it again")
    bits = (packed >> 36 & 31) + 1
    codec = f"FLAC of {bits} bits" if bits not in _BITS else ""
    return Recording((Stream(frames=frames),), packed >> 44, (packed >> 41 & 7) + 1, codec=codec)
