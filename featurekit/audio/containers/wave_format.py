"""The ``fmt`` chunk that WAV and Wave64 share: which codec, how many bytes a sample, and a header that is right."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

PCM, MS_ADPCM, FLOAT, ALAW, ULAW, IMA_ADPCM, GSM, EXTENSIBLE = 1, 2, 3, 6, 7, 0x11, 0x31, 0xFFFE
MPEG = (0x50, 0x55)
_ONE_BYTE = (ALAW, ULAW)
_READ = (MS_ADPCM, ALAW, ULAW, IMA_ADPCM, GSM, 0x38, 0x40)  # by libsndfile, at any number of bits
_BITS = {PCM: range(1, 33), FLOAT: (32, 64)}
_NAMES = {
    0x10: "OKI ADPCM", 0x14: "G.723", 0x15: "G.723", 0x16: "G.729", 0x20: "Yamaha ADPCM", 0x22: "TrueSpeech",
    0x42: "G.723.1", 0x45: "G.726", 0x50: "MPEG audio", 0x55: "MP3", 0x57: "AMR", 0x58: "AMR-WB",
    0x61: "DK4 ADPCM", 0x62: "DK3 ADPCM",
    0x64: "G.726", 0x65: "G.722", 0x83: "G.729", 0xFF: "AAC", 0x130: "Sipro", 0x160: "WMA", 0x161: "WMA", 0x162: "WMA",
    0x163: "WMA", 0x200: "Creative ADPCM", 0x270: "ATRAC3", 0x28F: "G.722", 0x2000: "AC-3", 0x2001: "DTS",
    0x566F: "Vorbis", 0x674F: "Vorbis", 0x6750: "Vorbis", 0x6751: "Vorbis", 0x676F: "Vorbis", 0x6770: "Vorbis",
    0x6771: "Vorbis", 0x704F: "Opus", 0x7A21: "AMR", 0x7A22: "AMR", 0xA106: "AAC", 0xA109: "Speex", 0xF1AC: "FLAC",
}  # fmt: skip
_LARGEST = 0xFFFFFF00  # bytes of samples that a header of 32 bits can say
_GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")
WAVE64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
WAVE64_WAVE, WAVE64_FMT, WAVE64_DATA = b"wave" + _GUID, b"fmt " + _GUID, b"data" + _GUID


class WaveFormat(NamedTuple):
    """The fields of a ``fmt`` chunk; ``body`` is all of it. Of an extensible one, ``tag`` is that of its sub-format."""

    tag: int
    channels: int
    sample_rate: int
    byte_rate: int
    block_bytes: int
    bits: int
    body: bytes
    order: str = "<"

    @property
    def is_plain(self) -> bool:
        """Whether each sample has bytes of its own."""
        return self.tag in (PCM, FLOAT, *_ONE_BYTE)

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel, by its bits; of plain formats alone."""
        return 1 if self.tag in _ONE_BYTE else math.ceil(self.bits / 8)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of all channels, or of a block of a codec."""
        return max(self.channels * self.sample_bytes if self.is_plain else self.block_bytes, 1)

    @property
    def codec(self) -> str:
        """Name of the codec where libsndfile does not read it, else empty."""
        if self.tag in _BITS:
            kind = "bits per sample" if self.tag == PCM else "bits of float per sample"
            is_cool_edit = self.tag == PCM and self.bits == 32 and self.body[16:20] == b"\2\0\1\0"
            return f"WAV of {self.bits} {kind}" if self.bits not in _BITS[self.tag] or is_cool_edit else ""
        return "" if self.tag in _READ else f"WAV with {_NAMES.get(self.tag, f'codec 0x{self.tag:04X}')}"


def parse(body: bytes, order: str) -> WaveFormat:
    """Read a ``fmt`` chunk of 14 bytes or more; ``order`` is ``"<"`` or ``">"``."""
    tag, channels, sample_rate, byte_rate, block_bytes = struct.unpack(order + "HHIIH", body[:14])
    bits = struct.unpack(order + "H", body[14:16])[0] if len(body) >= 16 else 8 * block_bytes // max(channels, 1)
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack(order + "H", body[24:26])[0]
    layout = WaveFormat(tag, channels, sample_rate, byte_rate, block_bytes, bits, body, order)
    return plain(layout, bits) if len(body) < 16 and layout.is_plain else layout


def settled(layout: WaveFormat) -> WaveFormat:
    """The same, where bits and blocks contradict each other by what else is said; blocks of 4 bytes stay as they are.

    Raises
    ------
    AudioError
        DECODE where nothing tells which is right.
    """
    if not layout.is_plain or layout.channels == 0:
        return layout
    by_bits, block = layout.channels * layout.sample_bytes, layout.block_bytes
    has_container = layout.tag == PCM and layout.bits <= 24 and block == 4 * layout.channels
    if by_bits and block in (0, by_bits):
        return layout
    if by_bits and (layout.byte_rate == layout.sample_rate * by_bits or 0 < block < by_bits):
        return layout._replace(block_bytes=by_bits)
    if by_bits and has_container:
        return layout
    raise AudioError(Status.DECODE, f"header says {layout.channels} channels of {layout.bits} bits in blocks of {block} bytes")


def plain(layout: WaveFormat, bits: int) -> WaveFormat:
    """The same format with so many bits a sample."""
    block = layout.channels * math.ceil(bits / 8)
    fields = (layout.tag, layout.channels, layout.sample_rate, layout.sample_rate * block, block, bits)
    return WaveFormat(*fields, struct.pack(layout.order + "HHIIHH", *fields), layout.order)


def header(layout: WaveFormat, data_bytes: int) -> bytes:
    """A header for so many bytes of samples: a WAV's, or a Wave64's where libsndfile would misread the size of a WAV."""
    order, length = layout.order, len(layout.body)
    if data_bytes > _LARGEST or (layout.tag == GSM and data_bytes % 2):
        if order == ">":
            raise AudioError(Status.DECODE, "is a big-endian WAV of more than 4 GiB: write it as FLAC")
        return _wave64_header(layout.body, data_bytes)
    magic = b"RIFF" if order == "<" else b"RIFX"
    head = b"fmt " + struct.pack(order + "I", length) + layout.body + bytes(length % 2)
    rest = 4 + len(head) + 8 + data_bytes + data_bytes % 2
    return magic + struct.pack(order + "I", rest) + b"WAVE" + head + b"data" + struct.pack(order + "I", data_bytes)


def _wave64_header(body: bytes, data_bytes: int) -> bytes:
    """Chunks have the size of their head in theirs, and are padded to 8 bytes."""
    head = WAVE64_FMT + struct.pack("<Q", 24 + len(body)) + body + bytes(-len(body) % 8)
    size = 40 + len(head) + 24 + data_bytes
    return WAVE64_RIFF + struct.pack("<Q", size) + WAVE64_WAVE + head + WAVE64_DATA + struct.pack("<Q", 24 + data_bytes)
