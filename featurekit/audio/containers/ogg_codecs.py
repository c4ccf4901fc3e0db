"""What the first packets of a stream in Ogg say of it: its codec, and for Vorbis and Opus how long each packet sounds."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

VORBIS, OPUS = "Vorbis", "Opus"
# Codecs of sound, and what else is in Ogg, by how their streams begin.
_AUDIO = {
    b"\x01vorbis": VORBIS,
    b"OpusHead": OPUS,
    b"\x7fFLAC": "FLAC",
    b"fLaC": "FLAC (of the first mapping)",
    b"Speex   ": "Speex",
    b"CELT    ": "CELT",
    b"PCM     ": "PCM",
    b"\x01audio": "OGM audio",
}
_OTHER = {
    b"\x80theora": "Theora (video)",
    b"OVP80": "VP8 (video)",
    b"\x80daala": "Daala (video)",
    b"BBCD": "Dirac (video)",
    b"\x01video": "OGM video",
    b"fishead": "Skeleton (an index)",
    b"\x80kate": "Kate (subtitles)",
    b"CMML": "CMML (captions)",
    b"\x01text": "OGM text",
}
OPUS_HZ = 48_000  # of all counts of an Opus stream


def name_of(packet: bytes) -> tuple[str, bool]:
    """Name of the codec that a stream's first packet begins, and whether it is of sound."""
    for names, is_audio in ((_AUDIO, True), (_OTHER, False)):
        for mark, name in names.items():
            if packet.startswith(mark):
                return name, is_audio
    return f"an unknown codec ({packet[:8]!r})", False


@dataclass(frozen=True)
class Timing:
    """How long packets sound, and what the samples that come out are.

    Parameters
    ----------
    codec : str
        ``VORBIS`` or ``OPUS``.
    sample_rate, channels : int
        Of what libsndfile decodes.
    lead : int
        Samples at the beginning that are not sound, at the rate in which the stream counts.
    divisor : int
        Samples that the stream counts for each one that libsndfile decodes.
    lengths : tuple of int
        For each first byte of a packet: samples of an Opus frame; samples of the window of a Vorbis packet, 0 where such a
        packet is not sound.
    """

    codec: str
    sample_rate: int
    channels: int
    lengths: tuple[int, ...]
    lead: int = 0
    divisor: int = 1

    def samples(self, start: bytes, window_before: int) -> tuple[int, int]:
        """Samples that a packet adds, by its first two bytes and the window of the one before; and its own window.

        A Vorbis packet adds the half of its window that overlaps with the one before, and the first adds nothing.
        """
        length = self.lengths[start[0]]
        if self.codec == VORBIS:
            if length == 0:
                return 0, window_before
            return ((window_before + length) // 4 if window_before else 0), length
        code = start[0] & 3
        frames = (1, 2, 2)[code] if code < 3 else (start[1] & 63 if len(start) > 1 else 0)
        return length * frames, 0


def vorbis(identification: bytes, setup: bytes) -> Timing:
    """What the first and the third packet of a Vorbis stream say.

    Raises
    ------
    AudioError
        DECODE.
    """
    if len(identification) < 30:
        raise AudioError(Status.DECODE, "the first packet of its Vorbis stream is too short")
    _, channels, sample_rate = struct.unpack_from("<IBI", identification, 7)
    windows = (1 << (identification[28] & 15), 1 << (identification[28] >> 4))
    long_modes = _modes(setup)
    if not long_modes:
        raise AudioError(Status.DECODE, "the third packet of its Vorbis stream lists no modes")
    bits = (len(long_modes) - 1).bit_length()
    lengths = [0] * 256
    for byte in range(0, 256, 2):  # the lowest bit is of packets that are not sound
        mode = byte >> 1 & ((1 << bits) - 1)
        lengths[byte] = windows[long_modes[mode]] if mode < len(long_modes) else 0
    return Timing(VORBIS, sample_rate, channels, tuple(lengths))


def _modes(setup: bytes) -> list[bool]:
    """Which modes of a Vorbis stream have the long window.

    They stand at the end of a packet whose other parts only a decoder can follow, so they are read from behind: a bit that
    is set, then modes of 41 bits with 32 zeros in each, then 6 bits that say how many they are.
    """
    bits = int.from_bytes(setup, "little")
    end = bits.bit_length() - 1  # of the bits before the last one, which is set
    found: list[bool] = []
    modes: list[bool] = []
    while end - 41 * (len(modes) + 1) >= 6 and len(modes) < 64:
        mode = bits >> (end - 41 * (len(modes) + 1)) & ((1 << 41) - 1)
        if mode >> 1 & 0xFFFFFFFF or mode >> 33 > 63:
            break
        modes.insert(0, bool(mode & 1))
        if bits >> (end - 41 * len(modes) - 6) & 63 == len(modes) - 1:
            found = list(modes)
    return found


def opus(head: bytes) -> Timing:
    """What the first packet of an Opus stream says.

    libsndfile decodes at the lowest rate that holds the input's. Where that is unknown, it is taken for the highest.

    Raises
    ------
    AudioError
        DECODE.
    """
    if len(head) < 19:
        raise AudioError(Status.DECODE, "the first packet of its Opus stream is too short")
    channels, lead, _ = struct.unpack_from("<BHI", head, 9)
    rate_hz = _opus_input_hz(head) or OPUS_HZ
    divisor = next((divisor for limit, divisor in ((8000, 6), (12000, 4), (16000, 3), (24000, 2)) if rate_hz <= limit), 1)
    lengths = []
    for byte in range(256):
        kind = byte >> 3
        if kind < 12:
            lengths.append((480, 960, 1920, 2880)[kind & 3])
        else:
            lengths.append(480 << (kind & 1) if kind < 16 else 120 << (kind & 3))
    return Timing(OPUS, OPUS_HZ // divisor, channels, tuple(lengths), lead, divisor)


def opus_head_at(head: bytes, rate_hz: int) -> bytes:
    """The first packet of an Opus stream, with another rate of its input, and without what later versions append."""
    length = 19 if head[18] == 0 else 21 + head[9]
    return head[:8] + b"\x01" + head[9:12] + struct.pack("<I", rate_hz) + head[16:length]


def opus_head_is_plain(head: bytes) -> bool:
    """Whether libsndfile reads this first packet of an Opus stream, and at a rate that loses nothing."""
    rate_hz = _opus_input_hz(head)
    return head[8] <= 1 and rate_hz > 0 and opus_head_at(head, rate_hz)[9:] == head[9:]


def _opus_input_hz(head: bytes) -> int:
    return int(struct.unpack_from("<I", head, 12)[0])


def comments_are_whole(packet: bytes, mark: bytes) -> bool:
    """Whether the comments of a Vorbis or Opus stream are as long as they say."""
    position = len(mark)
    if not packet.startswith(mark) or len(packet) < position + 8:
        return False
    position += 4 + int.from_bytes(packet[position : position + 4], "little")
    if position + 4 > len(packet):
        return False
    count = int.from_bytes(packet[position : position + 4], "little")
    position += 4
    for _ in range(count):
        if position + 4 > len(packet):
            return False
        position += 4 + int.from_bytes(packet[position : position + 4], "little")
        if position > len(packet):
            return False
    return True
