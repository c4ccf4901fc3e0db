"""Segments of files as mono signals, at the file's own rate or at those that are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.audio import containers, decoder
from featurekit.audio.levels import SILENT_PEAK as SILENT_PEAK
from featurekit.audio.levels import Levels
from featurekit.audio.statuses import MIN_S, Status, refuse_insane, refuse_length, upsampling_note
from featurekit.errors import AudioError, ParameterError
from featurekit.resampling import Resampler

END_TOLERANCE_S = 0.1  # label tables are rounded; a segment may overshoot the file by this much


@dataclass(frozen=True)
class Header:
    """What a file says about itself, after the check against its size.

    Parameters
    ----------
    frames : int
        Samples per channel.
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


@dataclass(frozen=True, eq=False)
class SignalAtRates:
    """Mono audio at several rates.

    Parameters
    ----------
    samples : dict of int to np.ndarray, shape (n,), float32
        Rate in Hz → samples.
    original_rate : int
        Rate of the file in Hz.
    duration_s : float
        Length in seconds, by the file's own samples.
    notes : tuple of str
        What was odd, each ``"STATUS: sentence"``.
    """

    samples: dict[int, np.ndarray]
    original_rate: int
    duration_s: float
    notes: tuple[str, ...] = ()


def read_header(path: str | Path) -> Header:
    """Read and check a header; no sample is decoded.

    Raises
    ------
    AudioError
        TRUNCATED, EMPTY, DECODE, TOO_LONG, RATE or CHANNELS, with the reason.
    OSError
        When the file cannot be read (FileNotFoundError, PermissionError, an I/O error).
    """
    recording = containers.examine(path)
    with _open(path, recording) as sound:
        return _header(sound, recording)


def read_duration_s(path: str | Path) -> float:
    """Seconds of audio in a file, as :func:`read_header` has them; nothing is decoded where the bytes say it.

    Raises
    ------
    AudioError, OSError
        As :func:`read_header`, but for what only a decoder finds wrong.
    """
    recording = containers.examine(path)
    if recording.codec:
        stated_s = _ffmpeg().stated_duration_s(path)
        return read_header(path).duration_s if stated_s is None else stated_s
    if recording.frames is None or recording.sample_rate is None:
        return read_header(path).duration_s
    refuse_length(recording.frames, recording.sample_rate)
    return recording.frames / recording.sample_rate


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
    read = _read(path, start, end, channel, (sample_rate,))
    notes = read.notes + upsampling_note(read.original_rate, sample_rate)
    return Signal(read.samples[sample_rate], sample_rate, read.original_rate, notes)


def load_at_rates(
    path: str | Path,
    rates: Iterable[int],
    *,
    start: float | None = None,
    end: float | None = None,
    channel: int | None = None,
) -> SignalAtRates:
    """Load a segment as mono float32 at several rates, decoded once and block by block.

    Parameters
    ----------
    path : str or Path
        Audio file.
    rates : iterable of int
        Target rates in Hz.
    start, end, channel
        As :func:`decode`.

    Raises
    ------
    AudioError, ParameterError, OSError
        As :func:`decode`.
    """
    return _read(path, start, end, channel, tuple(rates))


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
    read = _read(path, start, end, channel, ())
    return Signal(read.samples[read.original_rate], read.original_rate, read.original_rate, read.notes)


def _read(
    path: str | Path, start: float | None, end: float | None, channel: int | None, rates: tuple[int, ...]
) -> SignalAtRates:
    """A segment at each of ``rates``, or at the file's own rate where there are none."""
    recording = containers.examine(path)
    with _open(path, recording) as sound:
        header = _header(sound, recording)
        if channel is not None and not 0 <= channel < header.channels:
            raise AudioError(Status.CHANNELS, f"channel {channel} asked for, the file has 0 to {header.channels - 1}")
        first, last, notes = _segment_frames(header, start, end)
        levels = Levels(sound.subtype, header.sample_rate)
        resamplers = {rate: Resampler(header.sample_rate, rate) for rate in rates or (header.sample_rate,)}
        frames = 0
        for mono in _mono(sound.blocks(first, last), channel, levels):
            frames += len(mono)
            for resampler in resamplers.values():
                resampler.add(mono)
    if frames < last - first:
        raise AudioError(Status.TRUNCATED, f"{last - first} frames promised, {frames} present")
    levels.refuse_nonfinite()
    samples = {rate: resampler.finish() for rate, resampler in resamplers.items()}
    mixed = (f"{Status.CHANNELS}: {header.channels} channels mixed down",) if header.channels > 1 and channel is None else ()
    notes = header.notes + notes + mixed + levels.notes()
    return SignalAtRates(samples, header.sample_rate, frames / header.sample_rate, notes)


def _mono(blocks: Iterable[np.ndarray], channel: int | None, levels: Levels) -> Iterator[np.ndarray]:
    """Blocks of shape (frames, channels) → blocks of shape (frames,): one channel, or the mean of all."""
    for block in blocks:
        chosen = block if channel is None else block[:, channel : channel + 1]
        mono = chosen[:, 0] if chosen.shape[1] == 1 else chosen.mean(axis=1, dtype=np.float32)
        levels.hear(chosen, mono)
        yield mono


@contextmanager
def _open(path: str | Path, recording: containers.Recording) -> Iterator[decoder.Sound]:
    """Decode with libsndfile, or with ffmpeg what libsndfile does not read.

    Raises
    ------
    AudioError
        DECODE, for a codec that nothing here reads.
    """
    with ExitStack() as opened:
        try:
            if recording.codec:
                raise decoder.UnreadError(Status.DECODE, f"is {recording.codec}, which libsndfile does not read")
            sound = opened.enter_context(decoder.open_sound(path, recording))
        except decoder.UnreadError as error:
            sound = opened.enter_context(_ffmpeg().open_sound(path, error.reason))
        yield sound


def _header(sound: decoder.Sound, recording: containers.Recording) -> Header:
    refuse_insane(sound.sample_rate, sound.channels)
    refuse_length(sound.frames, sound.sample_rate)
    names = sound.origin or f"{sound.format} {sound.subtype}"
    return Header(sound.frames, sound.sample_rate, sound.channels, names, recording.notes + sound.notes)


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


def _ffmpeg() -> Any:
    from featurekit.audio import ffmpeg  # lazy: few files want it, and it takes as long to import as this module

    return ffmpeg
