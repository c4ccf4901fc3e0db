"""Containers that libsndfile does not know, by their first bytes: what phones, browsers, cameras and Windows write.

Decoding them is the work of another program (:mod:`featurekit.audio.ffmpeg`). Here they are named, whatever their suffix
says, and the sizes that they state are compared with the bytes that are there.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from featurekit.audio.containers.recording import MAX_CHUNKS, UNKNOWN, Source


class Container(NamedTuple):
    """A kind of file.

    Parameters
    ----------
    name : str
        For people.
    demuxer : str
        ffmpeg's word for it.
    """

    name: str
    demuxer: str


class Extent(NamedTuple):
    """How far a file should reach by the sizes that it states.

    Parameters
    ----------
    promised : int or None
        Bytes; None where it does not say.
    joined_at : int or None
        Where a second file of its kind begins behind the first; None where there is none.
    """

    promised: int | None = None
    joined_at: int | None = None


_MP4, _ASF, _MATROSKA = Container("MP4", "mov"), Container("ASF", "asf"), Container("Matroska", "matroska")
_EBML, _ASF_HEADER = b"\x1aE\xdf\xa3", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_BY_MAGIC = {
    _EBML: _MATROSKA,
    _ASF_HEADER: _ASF,
    b"#!AMR\n": Container("AMR", "amr"),
    b"#!AMR-WB\n": Container("AMR-WB", "amr"),
    b"wvpk": Container("WavPack", "wv"),
    b"MAC ": Container("Monkey's Audio", "ape"),
    b"TTA1": Container("TTA", "tta"),
    b"FLV\x01": Container("FLV", "flv"),
    b".RMF": Container("RealMedia", "rm"),
    b".ra\xfd": Container("RealAudio", "rm"),
    b"MPCK": Container("Musepack", "mpc8"),
    b"MP+": Container("Musepack", "mpc"),
    b"tBaK": Container("TAK", "tak"),
    b"DSD ": Container("DSF", "dsf"),
    b"ajkg": Container("Shorten", "shn"),
    b"\x7f\xfe\x80\x01": Container("DTS", "dts"),
    b"\0\0\x01\xba": Container("MPEG program stream", "mpeg"),
}
_MP4_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
# What libsndfile knows, and ffmpeg decodes more codecs of.
_SHARED = {
    b"RIFF": "wav",
    b"RIFX": "wav",
    b"RF64": "wav",
    b"OggS": "ogg",
    b"fLaC": "flac",
    b"FORM": "aiff",
    b".snd": "au",
    b"riff": "w64",
    b"caff": "caf",
    b"NIST": "nistsphere",
    b"Crea": "voc",
}
_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_HEAD_BYTES = 16
_LONGEST_PAGE = 27 + 255 + 255 * 255
_MOST_BOXES = 1 << 20  # six hours have fewer; a file of empty boxes must not keep us busy
_SEGMENT = b"\x18\x53\x80\x67"


def find(source: Source) -> Container | None:
    """Which container that libsndfile does not know a file is; None for any other."""
    head = source.read(source.start, 16)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return Container("AVI", "avi")
    if head[4:8] in _MP4_BOXES and (head[:1] == b"\0" or head[4:8] == b"mdat"):
        return _MP4
    for magic, container in _BY_MAGIC.items():
        if head.startswith(magic):
            is_webm = container is _MATROSKA and b"webm" in source.read(source.start, 64)
            return Container("WebM", "matroska") if is_webm else container
    if all(source.read(source.start + 188 * number, 1) == b"\x47" for number in range(5)):
        return Container("MPEG transport stream", "mpegts")
    for container, frame_bytes in _FRAMED.items():
        if _holds_frames(source, frame_bytes):
            return container
    return None


def demuxer_of(source: Source) -> str:
    """Word of ffmpeg for the container of any file that may hold a codec which libsndfile does not read; empty for others."""
    container = find(source)
    if container is not None:
        return container.demuxer
    magic = source.read(source.start, 4)
    if magic[:4] in _SHARED:
        return _SHARED[magic]
    return "mp3" if len(magic) == 4 and magic[0] == 0xFF and magic[1] & 0xE0 == 0xE0 else ""


def extent(source: Source) -> Extent:
    """How far a file should reach, of the containers that say it in one place or another."""
    container = find(source)
    demuxer = container.demuxer if container is not None else demuxer_of(source)
    if demuxer in _EXTENTS:
        return _EXTENTS[demuxer](source)
    length_of = _PIECES.get(container.name if container is not None else "")
    return Extent() if length_of is None else Extent(_end_of_pieces(source, length_of))


def _mp4_extent(source: Source) -> Extent:
    """The end of the last box of samples or of their index; a second index belongs to a second file."""
    promised, indices = 0, 0
    begins = source.start
    for name, offset, end in _boxes(source):
        if name == b"ftyp" and indices:
            return Extent(promised, offset)
        if name == b"ftyp" or not begins:
            begins = offset
        if name == b"moov":
            indices += 1
            if indices > 1:
                return Extent(promised, begins)
        if name in (b"moov", b"mdat", b"moof"):
            promised = max(promised, end)
    return Extent(promised or None)


def _boxes(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, offset, end) of the boxes of an MP4, of which recordings in fragments have a few a second."""
    position = source.start
    for _ in range(_MOST_BOXES):
        if position + 8 > source.size:
            return
        head = source.read(position, 16).ljust(16, b"\0")
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if not all(32 <= byte < 127 for byte in name):
            return
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        end = position + length if length else source.size  # 0: up to the end of the file
        if end < position + 8:
            return
        yield name, position, end
        position = end


def _matroska_extent(source: Source) -> Extent:
    position = source.start
    for _ in range(MAX_CHUNKS):  # the EBML header, perhaps padding, then the segment
        head = source.read(position, 12)
        length, size_bytes = _ebml_size(head[4:])
        if head[:4] == _SEGMENT:
            if length is None:
                return Extent()
            end = position + 4 + size_bytes + length
            return Extent(end, end if source.read(end, 4) == _EBML else None)
        if head[:4] != _EBML or length is None:
            return Extent()
        position += 4 + size_bytes + length
    return Extent()


def _ebml_size(data: bytes) -> tuple[int | None, int]:
    """A size, None where it is not known, and the bytes that it takes."""
    if not data or not data[0]:
        return None, 1
    count = 9 - data[0].bit_length()
    value = int.from_bytes(data[:count], "big") & ((1 << 7 * count) - 1)
    return (None if value == (1 << 7 * count) - 1 else value), count


def _asf_extent(source: Source) -> Extent:
    head = source.read(source.start, 1 << 16)
    at = head.find(_FILE_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return Extent()
    (promised,) = struct.unpack_from("<Q", head, at + 40)
    is_broadcast = head[at + 88] & 1
    if is_broadcast or not promised:
        return Extent()
    end = source.start + promised
    return Extent(end, end if source.read(end, 16) == _ASF_HEADER else None)


def _avi_extent(source: Source) -> Extent:
    size = int.from_bytes(source.read(source.start + 4, 4), "little")
    return Extent() if size in (0, UNKNOWN) else Extent(source.start + 8 + size)


def _tta_extent(source: Source) -> Extent:
    """The sizes of all frames stand in a table behind the header."""
    rate, samples = struct.unpack("<II", source.read(source.start + 10, 8).ljust(8, b"\0"))
    frame_samples = 256 * rate // 245
    count = -(-samples // frame_samples) if frame_samples else 0
    table = source.read(source.start + 22, min(4 * count, source.size))
    sizes = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    end = source.start + 26 + 4 * count + sum(sizes)
    second = source.find(b"TTA1\x01\0", end)  # the first one's tag may stand between them
    return Extent(end, second if second >= 0 else None)


def _ogg_extent(source: Source) -> Extent:
    """The end of the last page."""
    searched = max(source.start, source.size - _LONGEST_PAGE)
    tail = source.read(searched, _LONGEST_PAGE)
    at = tail.rfind(b"OggS")
    if at < 0:
        return Extent()
    head = tail[at : at + 27]
    if len(head) < 27 or len(tail) < at + 27 + head[26]:
        return Extent(source.size + 1)
    return Extent(searched + at + 27 + head[26] + sum(tail[at + 27 : at + 27 + head[26]]))


_EXTENTS: dict[str, Callable[[Source], Extent]] = {
    "mov": _mp4_extent,
    "matroska": _matroska_extent,
    "asf": _asf_extent,
    "avi": _avi_extent,
    "tta": _tta_extent,
    "ogg": _ogg_extent,
}


def _end_of_pieces(source: Source, length_of: Callable[[bytes], int]) -> int:
    """Where the last of the pieces ends that follow each other from the beginning; what stands behind them is a tag."""
    position = source.start
    while position < source.size:
        length = length_of(source.read(position, _HEAD_BYTES))
        if length <= 0:
            break
        position += length
    return position


def _holds_frames(source: Source, length_of: Callable[[bytes], int]) -> bool:
    """Whether frames follow each other: three of them, or as many as the file has."""
    position = source.start
    for number in range(3):
        head = source.read(position, _HEAD_BYTES)
        if number and not head:
            return True
        length = length_of(head)
        if not length:
            return False
        position += length
        if number and position > source.size:
            return True
    return True


# The functions that follow give the length of a piece by its first bytes; 0 where it is none.


def _adts_bytes(head: bytes) -> int:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or (head[2] >> 2 & 15) > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def _ac3_bytes(head: bytes) -> int:
    if len(head) < 7 or head[:2] != b"\x0b\x77":
        return 0
    if head[5] >> 3 > 10:  # E-AC-3 says its size
        return 2 * ((head[2] & 7) << 8 | head[3]) + 2
    rate, code = head[4] >> 6, head[4] & 63
    if rate == 3 or code >= 2 * len(_AC3_KBITS):
        return 0
    kbits = _AC3_KBITS[code // 2]
    return 2 * (kbits * 2, 320 * kbits // 147 + code % 2, kbits * 3)[rate]


def _latm_bytes(head: bytes) -> int:
    if len(head) < 7 or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return 0
    return ((head[1] & 0x1F) << 8 | head[2]) + 3


def _amr_bytes(head: bytes, frames: bytes) -> int:
    if head.startswith(b"#!AMR"):
        return head.find(b"\n") + 1
    return 1 + frames[head[0] >> 3 & 15] if head else 0


def _wavpack_bytes(head: bytes) -> int:
    return 8 + int.from_bytes(head[4:8], "little") if head[:4] == b"wvpk" else 0


def _flv_bytes(head: bytes) -> int:
    if head.startswith(b"FLV"):
        return 4 + int.from_bytes(head[5:9], "big")
    return 15 + int.from_bytes(head[1:4], "big") if head[:1] in (b"\x08", b"\x09", b"\x12") else 0


def _transport_bytes(head: bytes) -> int:
    return 188 if head[:1] == b"G" else 0


_FRAMED = {
    Container("AAC (ADTS)", "aac"): _adts_bytes,
    Container("AC-3", "ac3"): _ac3_bytes,
    Container("AAC (LATM)", "loas"): _latm_bytes,
}
_PIECES: dict[str, Callable[[bytes], int]] = {
    **{container.name: length_of for container, length_of in _FRAMED.items()},
    "AMR": functools.partial(_amr_bytes, frames=bytes((12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0))),
    "AMR-WB": functools.partial(_amr_bytes, frames=bytes((17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0))),
    "WavPack": _wavpack_bytes,
    "FLV": _flv_bytes,
    "MPEG transport stream": _transport_bytes,
}
