"""What WAV, AIFF and FLAC files promise, compared with the bytes that are there, before any decoder sees them.

Only sizes, rates and channel counts are looked at; :mod:`featurekit.audio` decodes. A WAV cut to a third reads without an
error as a shorter file in every common reader, and a forged size makes them ask for gigabytes.
"""

from __future__ import annotations

import enum
import math
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from featurekit.errors import AudioError

MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64
MIN_S, MAX_S = 0.01, 6 * 3600.0
MAX_FRAMES = int(MAX_S) * 48_000  # a compressed bomb at a high rate must not pass as six hours
_MAX_CHUNKS = 1000  # a file of empty chunks must not keep us busy
# Bit rates of layer III by their index in a frame's header, in kbit/s; MPEG 2.5 has those of MPEG 2.
_MPEG1_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_UNKNOWN = 0xFFFFFFFF  # what streaming writers put where the size would be


class Status(enum.StrEnum):
    """What became of one utterance's audio; the words of the summary and of ``doctor``."""

    OK = "OK"
    TRUNCATED = "TRUNCATED"
    EMPTY = "EMPTY"
    NONFINITE = "NONFINITE"
    SILENT = "SILENT"
    CLIPPED = "CLIPPED"
    CHANNELS = "CHANNELS"
    RATE = "RATE"
    DECODE = "DECODE"
    TOO_LONG = "TOO_LONG"
    MISSING = "MISSING"


# What each word means, for people; a word that is none of these explains itself.
MEANINGS: dict[str, str] = {
    Status.TRUNCATED: "shorter than its header or its table says",
    Status.EMPTY: "no sound, or under 0.01 s",
    Status.NONFINITE: "values that are no numbers",
    Status.SILENT: "never above -80 dB",
    Status.CLIPPED: "runs of samples at full scale",
    Status.CHANNELS: "several channels mixed down",
    Status.RATE: "a lower sample rate than the features want",
    Status.DECODE: "not audio, or of a format that cannot be read",
    Status.TOO_LONG: "over 6 hours",
    Status.MISSING: "no such file",
}


def in_words(status: str) -> str:
    """A status and what it means, as ``DECODE (not audio, or of a format that cannot be read)``."""
    return f"{status} ({MEANINGS[status]})" if status in MEANINGS else status


def rates_note(files: Mapping[int, int], wanted_hz: int, *, of_a_run: bool = False) -> str:
    """What it means that files have a lower sample rate than features want; empty where none has.

    Parameters
    ----------
    files : mapping of int to int
        Sample rate in Hz → number of files; 0 where it is not known.
    wanted_hz : int
        The highest rate of the features.
    of_a_run : bool
        The features are read by a run that is trained already, not by one that is to be trained on these files.

    Examples
    --------
    >>> rates_note({16000: 1440}, 22050)
    'the files have 16 kHz, the features want 22.05 kHz: bands above 8 kHz are empty, harmless within this corpus'
    >>> rates_note({16000: 20, 48000: 1420}, 22050)[:75]
    '20 of 1,440 files have 16 kHz, the others more, and the features want 22.05'
    """
    known = {rate: count for rate, count in files.items() if rate}
    low = {rate: count for rate, count in sorted(known.items()) if rate < wanted_hz}
    if not low:
        return ""
    rates, top = ", ".join(f"{rate / 1000:g}" for rate in low), f"{max(low) / 2000:g}"
    wanted = f"{wanted_hz / 1000:g} kHz"
    if len(known) == 1:
        harmless = "harmless if the run's own corpus had no more" if of_a_run else "harmless within this corpus"
        return f"the files have {rates} kHz, the features want {wanted}: bands above {top} kHz are empty, {harmless}"
    number, total = sum(low.values()), sum(known.values())
    all_of_them = f"the files have {rates} kHz"
    who = all_of_them if number == total else f"{number:,} of {total:,} files have {rates} kHz, the others more"
    learnt = f"which a model can learn in place of emotion; take features of {min(low) / 1000:g} kHz"
    return f"{who}, and the features want {wanted}: bands above {min(low) / 2000:g} kHz are empty in some files alone, " + (
        "which may change what the run says of those" if of_a_run else learnt
    )


@dataclass(frozen=True)
class Promise:
    """What the container promises; None where only the decoder can know."""

    sample_rate: int | None = None
    channels: int | None = None
    frames: int | None = None
    notes: tuple[str, ...] = ()


class _WaveFormat(NamedTuple):
    """The fields of a ``fmt`` chunk that matter here."""

    tag: int
    channels: int
    sample_rate: int
    block_bytes: int
    bits: int


def refuse_irregular(path: str | Path) -> None:
    """Refuse a directory, FIFO or device, which could be read for ever.

    Raises
    ------
    AudioError
        DECODE.
    OSError
        When there is no such file.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116 - follows links, and takes names that are not UTF-8
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise AudioError(Status.DECODE, f"is {kind}, not audio")


def read_promise(path: str | Path) -> Promise:
    """Compare what the container says with the file's size.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, RATE or CHANNELS, with the reason.
    OSError
        When the file cannot be read.
    """
    refuse_irregular(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        magic = file.read(256)
        if not magic:
            raise AudioError(Status.EMPTY, "the file has 0 bytes")
        if magic[:4] in (b"RIFF", b"RIFX", b"RF64"):
            promise = _wave_promise(file, size, magic)
        elif magic[:4] == b"FORM":
            promise = _aiff_promise(file, size, magic, Path(path).suffix.lower())
        elif magic[:4] == b"fLaC":
            promise = _flac_promise(magic)
        else:
            _refuse_text(magic)
            _refuse_short(_promised_bytes(file, magic, size), size)
            promise = Promise()
    refuse_insane(promise.sample_rate, promise.channels)
    return promise


def _promised_bytes(file: BinaryIO, magic: bytes, size: int) -> int:
    """File size that the rarer containers (AU, Wave64, CAF) promise; 0 where they promise none."""
    if magic[:4] == b".snd" and len(magic) >= 24:
        offset, length = struct.unpack(">II", magic[4:12])
        return 0 if length == _UNKNOWN else offset + length
    if magic[:8] == b"riff\x2e\x91\xcf\x11" and len(magic) >= 24:
        return int(struct.unpack("<Q", magic[16:24])[0])
    if magic[:4] != b"caff":
        return 0
    position = 8
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(12).ljust(12, b"\0")
        length = struct.unpack(">q", head[4:])[0]
        if head[:4] == b"data" or length <= 0:
            return position + 12 + max(length, 0)  # -1: up to the end of the file
        position += 12 + length
        if position >= size:
            return position
    raise AudioError(Status.DECODE, f"header has more than {_MAX_CHUNKS} chunks")


def _refuse_text(magic: bytes) -> None:
    if magic.startswith(b"version https://git-lfs"):
        raise AudioError(Status.DECODE, "is a git-lfs pointer, not audio: run git lfs pull")
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in magic):
        beginning = magic[:40].decode("ascii").split("\n")[0].strip()
        raise AudioError(Status.DECODE, f"is text, not audio; it begins with {beginning!r}")


def refuse_insane(sample_rate: int | None, channels: int | None) -> None:
    """Refuse a rate or a channel count that no speech corpus has; None is not looked at.

    Raises
    ------
    AudioError
        CHANNELS or RATE.
    """
    if channels is not None and not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(Status.CHANNELS, f"header says {channels} channels, accepted are 1 to {MAX_CHANNELS}")
    if sample_rate is not None and not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(Status.RATE, f"header says {sample_rate} Hz, accepted are {MIN_RATE} to {MAX_RATE} Hz")


def refuse_length(frames: int, rate: int) -> None:
    """Refuse what is longer or shorter than any utterance or recording of speech.

    Raises
    ------
    AudioError
        TOO_LONG or EMPTY.
    """
    if frames > MAX_S * rate or frames > MAX_FRAMES:
        raise AudioError(Status.TOO_LONG, f"header says {frames / rate / 3600:.1f} h, accepted are {MAX_S / 3600:g} h")
    if frames < MIN_S * rate:
        raise AudioError(Status.EMPTY, f"{frames} frames at {rate} Hz are shorter than {MIN_S} s")


def _refuse_short(promised: int, present: int) -> None:
    if promised > present:
        raise AudioError(Status.TRUNCATED, f"{promised} bytes promised, {present} present")


def _chunks(file: BinaryIO, start: int, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, offset of the body, promised size) of the chunks of a RIFF or IFF file."""
    position = start
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        name, length = head[:4], struct.unpack(order + "I", head[4:])[0]
        yield name, position + 8, length
        position += 8 + length + length % 2  # chunks are padded to even sizes
        if position > size:
            return
    raise AudioError(Status.DECODE, f"header has more than {_MAX_CHUNKS} chunks")


def _wave_promise(file: BinaryIO, size: int, magic: bytes) -> Promise:
    order = ">" if magic[:4] == b"RIFX" else "<"
    if len(magic) < 12:
        raise AudioError(Status.TRUNCATED, f"the header ends after {size} bytes")
    riff_size = struct.unpack(order + "I", magic[4:8])[0]
    if magic[8:12] != b"WAVE":
        raise AudioError(Status.DECODE, f"is RIFF but not WAVE: its form is {magic[8:12]!r}")
    layout: _WaveFormat | None = None
    long_sizes: tuple[int, int] | None = None
    for name, offset, length in _chunks(file, 12, size, order):
        if name == b"data":
            if length == _UNKNOWN and long_sizes:
                riff_size, length = long_sizes
            if layout is None:
                raise AudioError(Status.DECODE, "WAVE header has no format before its data")
            refuse_insane(layout.sample_rate, layout.channels)
            notes: tuple[str, ...] = ()
            if length == _UNKNOWN == riff_size:
                length, notes = size - offset, (f"{Status.DECODE}: streamed WAV that does not say its length",)
            _refuse_short(length, size - offset)
            if length == 0:
                raise AudioError(Status.EMPTY, f"header promises 0 frames, {size - offset} bytes follow")
            _refuse_leftovers(file, offset + length, min(size, riff_size + 8), order)
            return Promise(layout.sample_rate, layout.channels, _wave_frames(layout, length), notes)
        if offset + length > size:
            _refuse_short(offset + length, size)
        if name == b"ds64" and length >= 24:
            long_sizes = struct.unpack("<QQ", file.read(16))
        if name == b"fmt " and length >= 16:
            layout = _WaveFormat(*struct.unpack(order + "HHIxxxxHH", file.read(16)))
    _refuse_short(0 if riff_size == _UNKNOWN else riff_size + 8, size)
    raise AudioError(Status.DECODE, "WAVE header has no data chunk")


def _wave_frames(layout: _WaveFormat, data_bytes: int) -> int | None:
    if layout.tag not in (1, 3, 0xFFFE):  # PCM, float, extensible; a codec pads, so only the decoder knows its frames
        return None
    frame_bytes = layout.channels * math.ceil(layout.bits / 8)
    if frame_bytes == 0 or layout.block_bytes not in (0, frame_bytes):
        raise AudioError(
            Status.DECODE,
            f"header says {layout.channels} channels of {layout.bits} bits in blocks of {layout.block_bytes} bytes",
        )
    return data_bytes // frame_bytes


def _refuse_leftovers(file: BinaryIO, position: int, riff_end: int, order: str) -> None:
    """Refuse a data size that is too small: what follows the samples must be chunks, or padding."""
    position += position % 2
    file.seek(position)
    rest = file.read(min(max(riff_end - position, 0), 4096))
    if len(rest) < 8 or not any(rest):
        return
    length = struct.unpack(order + "I", rest[4:8])[0]
    # One byte of doubt: some writers forget to pad, some pad without need.
    if all(32 <= byte < 127 for byte in rest[1:4]) and position + 8 + length <= riff_end + 1:
        return
    raise AudioError(Status.DECODE, f"header says the samples end at byte {position}, but no chunk begins there")


def _aiff_promise(file: BinaryIO, size: int, magic: bytes, suffix: str) -> Promise:
    if magic[8:12] not in (b"AIFF", b"AIFC"):
        raise AudioError(Status.DECODE, f"is IFF but not AIFF: its form is {magic[8:12]!r}")
    name_note = suffix not in (".aif", ".aiff", ".aifc")
    notes = (f"{Status.DECODE}: is AIFF, named {suffix or 'without a suffix'}",) if name_note else ()
    channels = frames = bits = sample_rate = None
    form_end, has_sound = 8 + int.from_bytes(magic[4:8], "big"), False
    for name, offset, length in _chunks(file, 12, size, ">"):
        if has_sound and frames is not None and offset - 8 >= form_end:
            break  # what follows the form is no chunk of it: a tag, or padding
        _refuse_short(offset + length, size)
        if name == b"COMM" and length >= 18:
            channels, frames, bits, exponent, mantissa = struct.unpack(">HIHHQ", file.read(18))
            refuse_insane(None, channels)
            # An 80-bit float; rates lie far inside what a shift can hold.
            sample_rate = mantissa >> (16446 - exponent) if 16383 <= exponent <= 16446 else 0
            refuse_insane(sample_rate, None)
        has_sound = has_sound or name == b"SSND"
        if name == b"SSND" and channels and frames and bits and magic[8:12] == b"AIFF":
            _refuse_short(frames * channels * math.ceil(bits / 8), max(length - 8, 0))
    if frames == 0:
        raise AudioError(Status.EMPTY, "header promises 0 frames")
    return Promise(sample_rate, channels, frames if magic[8:12] == b"AIFF" else None, notes)


def _flac_promise(magic: bytes) -> Promise:
    if len(magic) < 42:
        raise AudioError(Status.TRUNCATED, f"the header ends after {len(magic)} bytes")
    if magic[4] & 0x7F != 0 or magic[5:8] != b"\0\0\x22":
        raise AudioError(Status.DECODE, "FLAC file does not begin with STREAMINFO")
    packed = int.from_bytes(magic[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 total samples
    frames = packed & ((1 << 36) - 1)
    if frames == 0:
        raise AudioError(Status.DECODE, "FLAC header does not say its length (a stream, or no frames): encode it again")
    return Promise(packed >> 44, (packed >> 41 & 7) + 1, frames)


def codec_of(path: str | Path) -> str:
    """Codec and bits of a file that no decoder here takes, as ``"Ogg with Speex"``; empty where they are none of these."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:4] == b"OggS":
        names = {b"\x7fFLAC": "FLAC", b"Speex   ": "Speex", b"\x80theora": "Theora (video)"}
        return next((f"Ogg with {name}" for mark, name in names.items() if mark in head[:512]), "")
    if head[:4] == b"fLaC" and len(head) >= 26:
        bits = (int.from_bytes(head[18:26], "big") >> 36 & 31) + 1
        return f"FLAC of {bits} bits" if bits not in (8, 16, 24) else ""
    at = head.find(b"fmt ")
    if head[:4] == b"RIFF" and 0 < at <= len(head) - 24:
        tag, bits = struct.unpack("<H12xH", head[at + 8 : at + 24])
        return f"WAV of {bits} bits per sample" if (tag, bits) in ((1, 64), (1, 40), (1, 48)) else ""
    return ""


def first_mpeg_frame(path: str | Path) -> int | None:
    """Offset of the first of three MPEG audio frames in a row among a file's first 64 KiB; None where there is none."""
    with open(path, "rb") as file:
        data = file.read(1 << 16)
    start = data.find(b"\xff")
    while start >= 0:
        if _follows_frames(data, start, 3):
            return start
        start = data.find(b"\xff", start + 1)
    return None


def _follows_frames(data: bytes, start: int, count: int) -> bool:
    for _ in range(count):
        length = _mpeg_frame_bytes(data[start : start + 4])
        if length == 0:
            return False
        start += length
    return True


def _mpeg_frame_bytes(head: bytes) -> int:
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
