"""Audio in: one segment as mono float32 at one rate, after a look at what the header promises.

Decoders trust headers: a WAV cut to a third reads as a shorter file, a forged size asks for gigabytes. So
:func:`read_header` compares promise and file before anything is decoded, and :func:`decode` reads in blocks, so that
memory follows the bytes that are really there. What cannot be right is refused (:class:`~featurekit.errors.AudioError`
with a :class:`Status`); what is merely odd becomes a note of the :class:`Signal`.

==========  ====================================================================  =========
status      when                                                                  result
==========  ====================================================================  =========
TRUNCATED   fewer bytes or frames than promised; segment over the end by > 0.1 s  refused
EMPTY       no frames, under 0.01 s, a segment that starts at or after the end    refused
NONFINITE   NaN or infinity among the samples                                     refused
DECODE      not audio, or a header that contradicts itself                        refused
TOO_LONG    over 6 h, by the header                                               refused
RATE        under 1 kHz or over 768 kHz refused; upsampled                        note
CHANNELS    0 or over 64, or no such channel refused; several mixed down          note
SILENT      peak under 1e-4 (-80 dB)                                              note
CLIPPED     3 or more samples in a row at full scale; float peaks above 1         note
==========  ====================================================================  =========

Float peaks above 1 are kept as they are: scaling or clipping them would invent data.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurekit import decoder
from featurekit.containers import MAX_S as MAX_S  # these three are part of this module's interface
from featurekit.containers import MEANINGS as MEANINGS  # what a status, or a flag of what was kept, means
from featurekit.containers import MIN_S as MIN_S
from featurekit.containers import Promise, read_promise, refuse_insane, refuse_irregular, refuse_length
from featurekit.containers import Status as Status
from featurekit.containers import in_words as in_words
from featurekit.containers import rates_note as rates_note
from featurekit.errors import AudioError, ParameterError

AUDIO_EXTENSIONS = frozenset({".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".caf", ".rf64", ".sph", ".w64"})
AUDIO_EXTENSIONS |= {".flac", ".mp3", ".oga", ".ogg", ".opus"}
END_TOLERANCE_S = 0.1  # label tables are rounded; a segment may overshoot the file by this much
SILENT_PEAK = 1e-4
CLIPPED_RUN = 3
_BLOCK_SAMPLES = 1 << 22  # 16 MiB of float32 at a time, whatever the header says


@dataclass(frozen=True)
class Header:
    """What a file says about itself, after the check against its size.

    Parameters
    ----------
    frames : int
        Samples a channel.
    sample_rate : int
        In Hz.
    channels : int
        1 is mono.
    format : str
        libsndfile's container and sample type, for example ``"WAV PCM_16"``.
    notes : tuple of str
        Oddities that do not forbid decoding, for example ``"DECODE: is AIFF, named .wav"``.
    """

    frames: int
    sample_rate: int
    channels: int
    format: str
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


@dataclass(frozen=True, eq=False)
class Signal:
    """Mono audio.

    Parameters
    ----------
    samples : np.ndarray, shape (n,), float32
        Full scale is [-1, 1]; float files may exceed it.
    sample_rate : int
        Rate of ``samples`` in Hz.
    original_rate : int
        Rate of the file in Hz.
    notes : tuple of str
        What was odd, each ``"STATUS: sentence"``.
    """

    samples: np.ndarray
    sample_rate: int
    original_rate: int
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def is_audio_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file name ends like audio.

    >>> is_audio_name("Actor_01/03-01.WAV"), is_audio_name("notes.txt")
    (True, False)
    """
    return os.path.splitext(os.fspath(name))[1].lower() in AUDIO_EXTENSIONS  # noqa: PTH122 - Path() per name is slow


def read_header(path: str | Path) -> Header:
    """Read and check a header; no sample is decoded.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, TOO_LONG, RATE or CHANNELS, with the reason.
    OSError
        When the file cannot be read (FileNotFoundError, PermissionError, an I/O error).
    """
    promise = read_promise(path)
    with decoder.open_sound(path) as sound:
        return _checked_header(sound, promise)


def read_duration_s(path: str | Path) -> float:
    """Seconds that a file promises, as :func:`read_header` has them, from its first bytes alone where these say it.

    Raises
    ------
    AudioError, OSError
        As :func:`read_header`, but for what only a decoder finds wrong.
    """
    promise = read_promise(path)
    if promise.frames is None or promise.sample_rate is None:
        return read_header(path).duration_s
    refuse_length(promise.frames, promise.sample_rate)
    return promise.frames / promise.sample_rate


def load(
    path: str | Path, sample_rate: int, *, start: float | None = None, end: float | None = None, channel: int | None = None
) -> Signal:
    """Load a segment as mono float32 at one rate; see :func:`decode` and :func:`resample`.

    Parameters
    ----------
    path : str or Path
        Audio file.
    sample_rate : int
        Target rate in Hz; always resampled to it, and noted (RATE) when that is upwards.
    start, end : float or None
        Segment in seconds.
    channel : int or None
        0-based; None mixes all channels down.

    Raises
    ------
    AudioError, OSError
        As :func:`decode`.
    """
    signal = decode(path, start, end, channel)
    notes = signal.notes + upsampling_note(signal.original_rate, sample_rate)
    return Signal(resample(signal.samples, signal.sample_rate, sample_rate), sample_rate, signal.original_rate, notes)


def upsampling_note(from_rate: int, to_rate: int) -> tuple[str, ...]:
    """The RATE note of a resampling upwards, as a tuple of one, or an empty tuple."""
    if to_rate <= from_rate:
        return ()
    return (f"{Status.RATE}: upsampled from {from_rate} Hz to {to_rate} Hz, bands above {from_rate / 2:g} Hz hold nothing",)


def decode(path: str | Path, start: float | None = None, end: float | None = None, channel: int | None = None) -> Signal:
    """Decode a segment at the file's own rate, so that several target rates share one decode.

    Parameters
    ----------
    path : str or Path
        Audio file.
    start, end : float or None
        Segment in seconds, rounded to the nearest sample; None is the file's own border. An end up to 0.1 s beyond the
        file is cut and noted.
    channel : int or None
        0-based; None mixes all channels down (mean).

    Raises
    ------
    AudioError
        As :func:`read_header`, and TRUNCATED, EMPTY or NONFINITE of the segment itself.
    ParameterError
        For times that are not seconds >= 0.
    OSError
        When the file cannot be read.
    """
    promise = read_promise(path)
    with decoder.open_sound(path) as sound:
        header = _checked_header(sound, promise)
        if channel is not None and not 0 <= channel < header.channels:
            raise AudioError(Status.CHANNELS, f"channel {channel} asked for, the file has 0 to {header.channels - 1}")
        first, last, notes = _segment_frames(header, start, end)
        samples, clipped = _read_mono(sound, path, first, last, channel)
    if len(samples) < last - first:
        raise AudioError(Status.TRUNCATED, f"{last - first} frames promised, {len(samples)} present")
    _refuse_nonfinite(samples, header.sample_rate)
    mixed = (f"{Status.CHANNELS}: {header.channels} channels mixed down",) if header.channels > 1 and channel is None else ()
    notes = header.notes + notes + mixed + _level_notes(samples, clipped)
    return Signal(samples, header.sample_rate, header.sample_rate, notes)


def resample(samples: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample with soxr HQ; equal rates return the samples as they are.

    Parameters
    ----------
    samples : np.ndarray, shape (n,), float32
        Mono.
    from_rate, to_rate : int
        In Hz.

    Returns
    -------
    np.ndarray, shape (about n * to_rate / from_rate,), float32

    Raises
    ------
    ParameterError
        For a rate that is not positive.
    """
    if from_rate <= 0 or to_rate <= 0:
        raise ParameterError(f"sample rates must be positive, got {from_rate} and {to_rate} Hz")
    if from_rate == to_rate:
        return samples
    import soxr  # lazy: a machine that only reads stores has no resampler

    return np.asarray(soxr.resample(samples, from_rate, to_rate, quality="HQ"), dtype=np.float32)


def hash_file(path: str | Path) -> str:
    """Sha256 (hex) of a file's bytes.

    Raises
    ------
    AudioError
        DECODE for a directory, FIFO or device, which could be read for ever.
    OSError
        When the file cannot be read.
    """
    refuse_irregular(path)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(
    file_hash: str, start: float | None = None, end: float | None = None, channel: int | None = None, perturbation: str = ""
) -> str:
    """Identity of an utterance's input: sha256 (hex) of the file's hash and of what is taken from it.

    No path and no time stamp: a moved corpus keeps its fingerprints, two cuts of one video differ.
    """
    times = [None if value is None else float(value) for value in (start, end)]
    text = json.dumps([file_hash, *times, channel, perturbation], separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _checked_header(sound: Any, promise: Promise) -> Header:
    frames, rate, channels = int(sound.frames), int(sound.samplerate), int(sound.channels)
    for word, promised, found in (("frames", promise.frames, frames), ("channels", promise.channels, channels)):
        if promised is not None and promised != found:
            raise AudioError(Status.DECODE, f"header promises {promised} {word}, the decoder finds {found}")
    refuse_insane(rate, channels)
    refuse_length(frames, rate)
    return Header(frames, rate, channels, f"{sound.format} {sound.subtype}", promise.notes)


def _segment_frames(header: Header, start: float | None, end: float | None) -> tuple[int, int, tuple[str, ...]]:
    """Segment in seconds → (first frame, frame after the last, notes)."""
    for name, value in (("start", start), ("end", end)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ParameterError(f"{name} must be seconds >= 0, got {value}")
    first = round((start or 0.0) * header.sample_rate)
    last = header.frames if end is None else round(end * header.sample_rate)
    has = f"the file has {header.duration_s:.2f} s"
    if first >= header.frames:
        raise AudioError(Status.EMPTY, f"segment starts at {start:.2f} s but {has}")
    notes: tuple[str, ...] = ()
    if last > header.frames:
        if end is not None and end - header.duration_s > END_TOLERANCE_S:
            raise AudioError(Status.TRUNCATED, f"segment ends at {end:.2f} s but {has}")
        last, notes = header.frames, (f"{Status.TRUNCATED}: segment end {end:.3f} s cut, {has}",)
    if last - first < MIN_S * header.sample_rate:
        raise AudioError(
            Status.EMPTY, f"segment is {max(last - first, 0) / header.sample_rate:.3f} s long, at least {MIN_S} s needed"
        )
    return first, last, notes


def _read_mono(sound: Any, path: str | Path, first: int, last: int, channel: int | None) -> tuple[np.ndarray, int]:
    """Read frames in blocks → mono samples and how many were clipped; stops where the decoder does."""
    full_scale = _full_scale(sound.subtype)
    block_frames = max(_BLOCK_SAMPLES // sound.channels, 1)
    read, clipped = [], 0
    for block in decoder.blocks(sound, path, first, last, block_frames):
        chosen = block if channel is None else block[:, channel : channel + 1]
        clipped += sum(_count_clipped(column, full_scale) for column in chosen.T)
        read.append(chosen[:, 0] if chosen.shape[1] == 1 else chosen.mean(axis=1, dtype=np.float32))
    samples = np.concatenate(read) if read else np.zeros(0, np.float32)
    return np.ascontiguousarray(samples, dtype=np.float32), clipped


def _full_scale(subtype: str) -> float:
    """The largest positive value a sample type can hold; 1 for float files."""
    if subtype in ("FLOAT", "DOUBLE"):
        return 1.0
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_24": 24, "PCM_32": 24}.get(subtype, 16)  # float32 holds 24 bits
    return 1.0 - 2.0 ** (1 - bits)


def _count_clipped(column: np.ndarray, full_scale: float) -> int:
    """Samples that stand at full scale in runs of three or more."""
    hot = np.abs(column) >= full_scale
    if np.count_nonzero(hot) < CLIPPED_RUN:
        return 0
    edges = np.flatnonzero(np.diff(hot, prepend=False, append=False))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= CLIPPED_RUN].sum())


def _refuse_nonfinite(samples: np.ndarray, sample_rate: int) -> None:
    bad = ~np.isfinite(samples)
    if bad.any():
        where_s = int(np.argmax(bad)) / sample_rate
        raise AudioError(Status.NONFINITE, f"{np.count_nonzero(bad)} samples are NaN or infinite, the first at {where_s:.3f} s")


def _level_notes(samples: np.ndarray, clipped: int) -> tuple[str, ...]:
    peak = float(np.max(np.abs(samples)))
    if peak < SILENT_PEAK:
        return (f"{Status.SILENT}: peak {peak:.1e} of full scale",)
    if peak > 1.0:
        return (f"{Status.CLIPPED}: peak {peak:.4g} above full scale, kept as it is",)
    return (f"{Status.CLIPPED}: {clipped} samples at full scale",) if clipped else ()
