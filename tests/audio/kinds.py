"""What the oracle's matrix is made of: kinds of files, and what can happen to a file.

A kind is a container with a codec. A fate is what happened to a file after it was written; it gives other bytes, and the number
of frames that are now in them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 2.0
CUTS = 20


@dataclass(frozen=True)
class Kind:
    """A container with a codec.

    ``family`` says what its bytes are built like, for the fates that need to know. ``slack`` is the number of frames by which
    two decoders may differ in one stream: encoders' delay, and what a codec pads at the end. ``exact`` are sample values equal.
    """

    name: str
    suffix: str
    family: str
    write: Callable[[Path, np.ndarray, int, Callable[..., bytes]], None]
    rates: tuple[int, ...] = (8000, 16000, 44100)
    channels: tuple[int, ...] = (1, 2)
    slack: int = 0
    exact: bool = True
    needs_ffmpeg: bool = False  # to be read

    def __str__(self) -> str:
        return self.name


def speech_like(rate: int, channels: int, frames: int = 0) -> np.ndarray:
    """Harmonics below 3.4 kHz whose pitch and loudness move, with a little noise, shape (frames, channels), float32."""
    time_s = np.arange(frames or round(SECONDS * rate)) / rate
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 1.3 * time_s)) / rate
    harmonics = sum(np.sin(number * phase) / number for number in range(1, 18))
    loudness = 0.1 + 0.1 * np.sin(2 * np.pi * 2.1 * time_s) ** 2
    noise = np.random.default_rng(rate).standard_normal((len(time_s), channels))
    shares = np.array([1.0, 0.6])[:channels]
    return ((loudness * harmonics)[:, None] * shares + 0.002 * noise).astype(np.float32)


def _soundfile(container: str, subtype: str, endian: str = "FILE", **options: object) -> Callable[..., None]:
    def write(path: Path, samples: np.ndarray, rate: int, ffmpeg: Callable[..., bytes]) -> None:
        soundfile.write(path, samples, rate, format=container, subtype=subtype, endian=endian, **options)

    return write


def _ffmpeg(*options: str) -> Callable[..., None]:
    def write(path: Path, samples: np.ndarray, rate: int, ffmpeg: Callable[..., bytes]) -> None:
        source = path.with_suffix(".source.wav")
        soundfile.write(source, samples, rate, subtype="FLOAT")
        ffmpeg("-i", str(source), "-map_metadata", "-1", *options, str(path))
        source.unlink()

    return write


def _piped(*options: str) -> Callable[..., None]:
    """Written into a pipe, so that the writer cannot go back to say how long it was."""

    def write(path: Path, samples: np.ndarray, rate: int, ffmpeg: Callable[..., bytes]) -> None:
        source = path.with_suffix(".source.wav")
        soundfile.write(source, samples, rate, subtype="FLOAT")
        path.write_bytes(ffmpeg("-i", str(source), *options, "pipe:1"))
        source.unlink()

    return write


PCM = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
KINDS = [
    *(Kind(f"wav-{name}", ".wav", "wav", _soundfile("WAV", name)) for name in (*PCM, "PCM_U8")),
    *(
        Kind(f"wav-{name}", ".wav", "wav-codec", _soundfile("WAV", name), slack=4096, exact=False)
        for name in ("IMA_ADPCM", "MS_ADPCM")
    ),
    Kind("wav-GSM610", ".wav", "wav-codec", _soundfile("WAV", "GSM610"), channels=(1,), slack=320, exact=False),
    Kind("wav-big-endian", ".wav", "rifx", _soundfile("WAV", "PCM_16", "BIG")),
    Kind("wavex-PCM_24", ".wav", "wav", _soundfile("WAVEX", "PCM_24")),
    Kind("rf64-PCM_16", ".wav", "rf64", _soundfile("RF64", "PCM_16")),
    Kind("wav-ffmpeg-s16", ".wav", "wav", _ffmpeg("-c:a", "pcm_s16le")),
    Kind("wav-ffmpeg-rf64", ".wav", "rf64", _ffmpeg("-c:a", "pcm_s16le", "-rf64", "always")),
    Kind("wav-ffmpeg-bext", ".wav", "wav", _ffmpeg("-c:a", "pcm_s16le", "-write_bext", "1", "-metadata", "description=take 1")),
    Kind("wav-piped", ".wav", "wav-piped", _piped("-c:a", "pcm_s16le", "-f", "wav")),
    Kind("wav-mp3", ".wav", "wav-mp3", _ffmpeg("-c:a", "libmp3lame", "-b:a", "64k"), slack=2400, exact=False),
    *(Kind(f"w64-{name}", ".w64", "w64", _soundfile("W64", name)) for name in ("PCM_16", "PCM_24", "ULAW")),
    *(Kind(f"aiff-{name}", ".aiff", "aiff", _soundfile("AIFF", name)) for name in PCM[:5]),
    # Of these libsndfile counts a byte of padding as a sample.
    *(Kind(f"aiff-{name}", ".aiff", "aiff", _soundfile("AIFF", name), slack=1) for name in ("ULAW", "ALAW", "PCM_S8")),
    Kind("aiff-sowt", ".aifc", "aiff", _soundfile("AIFF", "PCM_16", "LITTLE")),
    *(Kind(f"au-{name}", ".au", "au", _soundfile("AU", name)) for name in (*PCM, "PCM_S8")),
    Kind("au-piped", ".au", "au-piped", _piped("-c:a", "pcm_s16be", "-f", "au")),
    *(Kind(f"caf-{name}", ".caf", "caf", _soundfile("CAF", name)) for name in PCM),
    Kind("caf-ALAC_16", ".caf", "caf", _soundfile("CAF", "ALAC_16"), slack=4096),
    *(Kind(f"sphere-{name}", ".sph", "sphere", _soundfile("NIST", name)) for name in ("PCM_16", "PCM_24", "ULAW", "ALAW")),
    *(Kind(f"flac-{name}", ".flac", "flac", _soundfile("FLAC", name)) for name in ("PCM_S8", "PCM_16", "PCM_24")),
    Kind("flac-ffmpeg", ".flac", "flac", _ffmpeg("-c:a", "flac", "-sample_fmt", "s16")),
    Kind("flac-piped", ".flac", "flac-piped", _piped("-c:a", "flac", "-sample_fmt", "s16", "-f", "flac")),
    Kind("ogg-VORBIS", ".ogg", "ogg", _soundfile("OGG", "VORBIS"), slack=128, exact=False),
    Kind("ogg-ffmpeg-vorbis", ".oga", "ogg", _ffmpeg("-c:a", "libvorbis"), slack=1024, exact=False),
    Kind("opus", ".opus", "ogg", _soundfile("OGG", "OPUS"), rates=(8000, 16000, 48000), slack=128, exact=False),
    Kind("opus-ffmpeg", ".opus", "ogg", _ffmpeg("-c:a", "libopus"), rates=(16000, 48000), slack=128, exact=False),
    Kind("opus-piped", ".opus", "ogg", _piped("-c:a", "libopus", "-f", "ogg"), rates=(48000,), slack=128, exact=False),
    Kind("mp3", ".mp3", "mp3", _soundfile("MP3", "MPEG_LAYER_III"), slack=2400, exact=False),
    Kind("mp3-lame-cbr", ".mp3", "mp3", _ffmpeg("-c:a", "libmp3lame", "-b:a", "48k"), slack=2400, exact=False),
    Kind("mp3-lame-vbr", ".mp3", "mp3", _ffmpeg("-c:a", "libmp3lame", "-q:a", "4"), slack=2400, exact=False),
    Kind(
        "mp3-vbr-no-xing",
        ".mp3",
        "mp3-bare",
        _ffmpeg("-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0"),
        slack=2400,
        exact=False,
    ),
    Kind("mp3-piped", ".mp3", "mp3-bare", _piped("-c:a", "libmp3lame", "-b:a", "48k", "-f", "mp3"), slack=2400, exact=False),
    Kind(
        "mp2",
        ".mp2",
        "mp3-bare",
        _ffmpeg("-c:a", "mp2", "-b:a", "96k"),
        rates=(16000, 44100),
        slack=2400,
        exact=False,
    ),
    # The same containers by another writer.
    *(
        Kind(f"{suffix}-ffmpeg-{codec}", f".{suffix}", suffix, _ffmpeg("-c:a", codec))
        for suffix, codecs in (
            ("w64", ("pcm_s16le", "pcm_f32le", "pcm_f64le", "pcm_s24le")),
            ("aiff", ("pcm_s16be", "pcm_f32be", "pcm_s24be", "pcm_mulaw", "pcm_s16le")),
            ("au", ("pcm_s16be", "pcm_f32be", "pcm_mulaw")),
            ("caf", ("pcm_s16be", "pcm_s16le", "pcm_f32le", "pcm_s24be", "pcm_alaw")),
            ("wav", ("pcm_f32le", "pcm_f64le", "pcm_s24le", "pcm_u8", "pcm_alaw")),
        )
        for codec in codecs
    ),
    *(
        Kind(f"wav-ffmpeg-{codec}", ".wav", "wav-codec", _ffmpeg("-c:a", codec), slack=4096, exact=False)
        for codec in ("adpcm_ima_wav", "adpcm_ms")
    ),
    # What is read through ffmpeg alone.
    *(
        Kind(name, suffix, family, _ffmpeg(*options), rates=(16000, 44100), slack=slack, exact=False, needs_ffmpeg=True)
        for name, suffix, family, options, slack in (
            ("m4a-aac", ".m4a", "other", ("-c:a", "aac"), 2048),
            ("m4a-aac-faststart", ".m4a", "other", ("-c:a", "aac", "-movflags", "+faststart"), 2048),
            ("m4a-alac", ".m4a", "other", ("-c:a", "alac"), 4096),
            ("mp4-fragmented", ".mp4", "other", ("-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"), 2048),
            ("aac-adts", ".aac", "adts", ("-c:a", "aac", "-f", "adts"), 2048),
            ("mka-vorbis", ".mka", "other", ("-c:a", "libvorbis"), 2048),
            ("webm-opus", ".webm", "other", ("-c:a", "libopus", "-ar", "48000"), 2048),
            ("wma", ".wma", "other", ("-c:a", "wmav2"), 8192),
            ("wavpack", ".wv", "other", ("-c:a", "wavpack"), 0),
            ("tta", ".tta", "other", ("-c:a", "tta"), 0),
            ("ogg-flac", ".oga", "ogg", ("-c:a", "flac", "-sample_fmt", "s16"), 0),
            ("ogg-speex", ".spx", "ogg", ("-c:a", "libspeex", "-ar", "16000"), 1024),
        )
    ),
]


def cuts(data: bytes, places: int = CUTS, seed: int = 0) -> Iterator[bytes]:
    """The beginning of a file, at places that are spread over it and not at round numbers."""
    rng = random.Random(seed)
    for place in range(places):
        yield data[: max(1, int(len(data) * (place + rng.random()) / places))]


def tagged_behind(data: bytes) -> bytes:
    """An APE tag and an ID3v1 tag at the end."""
    item = struct.pack("<II", 5, 0) + b"Title\0a  b "
    footer = b"APETAGEX" + struct.pack("<IIII8x", 2000, len(item) + 32, 1, 0)
    return data + item + footer + b"TAG" + b"x" * 125


def tagged_in_front(data: bytes, artwork_bytes: int = 100) -> bytes:
    """An ID3v2 tag with a picture in front; the picture holds what looks like the beginning of frames."""
    picture = (b"\xff\xfb\x90\x64fLaCOggS" * (artwork_bytes // 12 + 1))[:artwork_bytes]
    frame = b"\0image/png\0\3\0" + picture
    frame = b"APIC" + struct.pack(">I", len(frame)) + b"\0\0" + frame
    size = len(frame)
    head = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    return b"ID3\3\0\0" + head + frame + data


@dataclass(frozen=True)
class Fate:
    """What happened to a file.

    ``change`` gives its bytes; ``copies`` how many times the audio is in them. ``known`` says whether ffmpeg is asked, too: it
    trusts a stale header, takes padding for audio where a container has no chunks, and loses the joints of what was joined.
    ``slack`` is 1 where nothing says where the samples end, so that a byte of padding behind an odd number of bytes is one.
    """

    name: str
    families: tuple[str, ...]
    change: Callable[[bytes, Kind], bytes]
    copies: int = 1
    known: bool = False
    slack: int = 0

    def __str__(self) -> str:
        return self.name


SIZED = ("wav", "rifx", "rf64", "w64", "aiff", "au", "sphere")
FRAMED = ("flac", "flac-piped", "ogg", "mp3", "mp3-bare")
TAGGED = ("wav", "wav-codec", "aiff", "flac", "mp3", "mp3-bare", "adts")


def _resized(share: float, less: int = 0) -> Callable[[bytes, Kind], bytes]:
    """The header says a share of what is there, and all sizes in it agree with that."""

    def change(data: bytes, kind: Kind) -> bytes:
        return _with_size(data, kind.family, lambda size: int(size * share) // 64 * 64 - less)

    return change


def _with_size(data: bytes, family: str, change: Callable[[int], int]) -> bytes:
    if family == "flac":
        packed = int.from_bytes(data[18:26], "big")
        total = change(packed & (1 << 36) - 1)
        return data[:18] + (packed >> 36 << 36 | total).to_bytes(8, "big") + data[26:]
    if family == "sphere":
        line = data[data.index(b"sample_count") :].split(b"\n")[0]
        count = int(line.split()[-1])
        replaced = line[: -len(str(count))] + str(change(count)).zfill(len(str(count))).encode()
        return data.replace(line, replaced, 1)
    at, form = {
        "wav": (data.find(b"data") + 4, "<I"),
        "wav-codec": (data.find(b"data") + 4, "<I"),
        "rifx": (data.find(b"data") + 4, ">I"),
        "rf64": (data.find(b"ds64") + 16, "<Q"),
        "w64": (data.find(b"data\xf3\xac\xd3\x11") + 16, "<Q"),
        "aiff": (data.find(b"SSND") + 4, ">I"),
        "au": (8, ">I"),
        "caf": (data.find(b"data") + 4, ">q"),
    }[family]
    (size,) = struct.unpack_from(form, data, at)
    made, new = bytearray(data), change(size)
    struct.pack_into(form, made, at, new)
    whole = {"wav": (4, "<I"), "wav-codec": (4, "<I"), "rifx": (4, ">I"), "rf64": (data.find(b"ds64") + 8, "<Q")}
    whole |= {"w64": (16, "<Q"), "aiff": (4, ">I")}
    if family in whole:
        at, form = whole[family]
        struct.pack_into(form, made, at, struct.unpack_from(form, data, at)[0] - size + new)
    if family == "aiff":
        at = data.find(b"COMM") + 10
        (frames,) = struct.unpack_from(">I", data, at)
        struct.pack_into(">I", made, at, frames * (new - 8) // (size - 8))
    return bytes(made)


def _marked(mark: int) -> Callable[[bytes, Kind], bytes]:
    """Both sizes are what a writer puts there who does not know them."""

    def change(data: bytes, kind: Kind) -> bytes:
        at = data.index(b"data") + 4
        return data[:4] + struct.pack("<I", mark) + data[8:at] + struct.pack("<I", mark) + data[at + 4 :]

    return change


FATES = [
    Fate("whole", (), lambda data, kind: data, known=True),
    Fate("padded", (*SIZED, *FRAMED, "wav-codec", "adts"), lambda data, kind: data + bytes(5000)),
    Fate("padded in front", ("mp3", "mp3-bare"), lambda data, kind: bytes(700) + data),
    Fate("tagged behind", (*SIZED, *FRAMED, "wav-codec", "adts"), lambda data, kind: tagged_behind(data)),
    Fate("tagged in front", TAGGED, lambda data, kind: tagged_in_front(data)),
    Fate("artwork", TAGGED, lambda data, kind: tagged_in_front(data, 300_000)),
    Fate("joined", ("flac", "flac-piped", "ogg", "mp3", "mp3-bare", "adts"), lambda data, kind: data * 2, copies=2),
    Fate(
        "tagged and joined",
        ("mp3", "mp3-bare"),
        lambda data, kind: tagged_behind(tagged_in_front(data)) + tagged_in_front(data),
        copies=2,
    ),
    Fate("stale by much", (*SIZED, "wav-codec", "flac"), _resized(0.25)),
    Fate("stale by little", (*SIZED, "flac"), _resized(1.0, 64), slack=1),
    *(
        Fate(f"streamed, marked {mark:#x}", ("wav",), _marked(mark), slack=1)
        for mark in (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000)
    ),
]


def cells() -> Iterator[tuple[Kind, int, int, Fate]]:
    """Every kind at each of its rates and channel counts with every fate that it can have."""
    for kind in KINDS:
        for rate in kind.rates:
            for channels in kind.channels:
                for fate in FATES:
                    if not fate.families or kind.family in fate.families:
                        yield kind, rate, channels, fate
