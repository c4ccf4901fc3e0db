"""What libsndfile does not read, read through the program ffmpeg where it is installed: m4a, webm, mp4, wma, aac, amr and more.

ffmpeg decodes a file's first audio stream, at its own rate, into a temporary file of samples that has no name, so that
nothing is left behind whatever ends the process. The usual decoder reads it; the last one is kept, for the segments of a
video follow each other. The samples keep the type to which ffmpeg decodes them, so they are the numbers of
``ffmpeg -f f32le``.

A file is held to the promise of all others: anything that ffmpeg calls an error is a status, and so is less audio than the
container states. ffmpeg opens this file alone: no playlist, script or reference in it can name another one, or a server.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from featurekit.audio import decoder
from featurekit.audio.containers import Recording, Span, Stream, foreign, refuse_irregular, tags
from featurekit.audio.containers.recording import Source
from featurekit.audio.statuses import BY_FFMPEG, MAX_S, Status, refuse_insane
from featurekit.errors import AudioError

REMEDY = "install ffmpeg (apt-get install ffmpeg), or convert the file to WAV or FLAC"
_PROGRAMS, _MISSING = ("ffmpeg", "ffprobe"), "is not installed here"
_TYPES = {"u8": "pcm_s8", "s16": "pcm_s16le", "s32": "pcm_s32le"}  # of ffmpeg's samples; all others become float32
_EXACT = frozenset({"wv", "tta", "ape", "flac"})  # containers that state their length to the sample
_STATING = _EXACT | {"mov", "matroska", "asf"}  # for others ffprobe guesses from the bit rate, and for an ASF stream
_SHORT_S = 0.5  # a length that is stated may count the frames that fill and empty an encoder
_LONGEST_S = int(MAX_S) + 60  # what is longer is refused as TOO_LONG
_CPU_S = 3600
_LINES, _LINE_BYTES = 40, 4096  # of what ffmpeg says, that are kept
_STOPPED = -1 & 0xFF  # its exit code when a signal ends it


class Installed(NamedTuple):
    """The programs.

    Parameters
    ----------
    ffmpeg, ffprobe : str
        Where they are.
    version : str
        For example ``"5.1.9"``.
    """

    ffmpeg: str
    ffprobe: str
    version: str


def installed() -> Installed | None:
    """The ffmpeg that is on the PATH, with the ffprobe that comes with it; None where there is none that runs."""
    if lack():
        return None
    ffmpeg, ffprobe = (shutil.which(name) or name for name in _PROGRAMS)
    return Installed(ffmpeg, ffprobe, _version(ffmpeg))


def lack() -> str:
    """What is wrong with the ffmpeg of this machine, as ``"is not installed here"``; empty where nothing is."""
    ffmpeg, ffprobe = (shutil.which(name) for name in _PROGRAMS)
    if ffmpeg is None:
        return _MISSING
    if ffprobe is None:
        return "is here without ffprobe, which comes with it"
    return next((f"does not run here ({program})" for program in (ffmpeg, ffprobe) if not _version(program)), "")


@contextmanager
def open_sound(path: str | Path, why: str) -> Iterator[decoder.Sound]:
    """Decode a file with ffmpeg, and open what came out.

    Parameters
    ----------
    path : str or Path
        The file.
    why : str
        Why libsndfile does not read it, for the message where ffmpeg cannot either.

    Raises
    ------
    AudioError
        DECODE, with the remedy where ffmpeg is not installed; TRUNCATED; EMPTY for a file without audio.
    OSError
        When the file cannot be read, or there is no space for its samples.
    """
    made = _converted(path, why)
    with decoder.open_sound(f"/dev/fd/{made.descriptor}", made.recording) as sound:
        sound.origin, sound.notes = made.origin, made.notes
        yield sound


def stated_duration_s(path: str | Path) -> float | None:
    """Seconds that a container states of its audio, without decoding it; None where it does not, or ffmpeg is missing."""
    programs = installed()
    with _source(path) as source:
        demuxer, extent = foreign.demuxer_of(source), foreign.extent(source)
    if programs is None or not demuxer:
        return None
    return _Facts.probed(path, programs, demuxer, extent, "").stated_s


class _Converted:
    """The samples of a file, in a temporary file without a name that lives as long as this object."""

    def __init__(self, descriptor: int, origin: str, notes: tuple[str, ...]) -> None:
        self.descriptor, self.origin, self.notes = descriptor, origin, notes
        weakref.finalize(self, os.close, descriptor)

    @property
    def recording(self) -> Recording:
        """What the decoder reads; pieces are read at their offsets, so that a forked process may, too."""
        return Recording((Stream((Span(0, os.fstat(self.descriptor).st_size),)),))


_last: tuple[Any, _Converted | AudioError] | None = None  # which file, and what came of it


def _converted(path: str | Path, why: str) -> _Converted:
    global _last
    programs = installed()
    if programs is None:
        what = lack()
        raise AudioError(Status.DECODE, f"{why}; {REMEDY}" if what == _MISSING else f"{why}; ffmpeg {what}: {REMEDY}")
    status = refuse_irregular(path)
    which = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, programs)
    kept = _last
    if kept is None or kept[0] != which:
        _last = None  # its space is free before the next file takes some
        try:
            kept = (which, _convert(path, why, programs))
        except AudioError as error:
            kept = (which, error)
        _last = kept
    found = kept[1]
    if isinstance(found, AudioError):
        raise AudioError(found.status, found.reason)
    return found


def _convert(path: str | Path, why: str, programs: Installed) -> _Converted:
    with _source(path) as source:
        demuxer, extent, container = foreign.demuxer_of(source), foreign.extent(source), foreign.find(source)
    if not demuxer:
        raise AudioError(Status.DECODE, why)
    facts = _Facts.probed(path, programs, demuxer, extent, why)
    if extent.joined_at is not None:
        raise AudioError(Status.DECODE, f"is several files joined to one: cut it at byte {extent.joined_at}")
    missing = extent.promised is not None and extent.promised > os.stat(path).st_size  # noqa: PTH116
    with tempfile.TemporaryFile() as samples:
        inout = ["-map", f"0:{facts.index}", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-t", str(_LONGEST_S)]
        written = ["-c:a", _TYPES.get(facts.sample_type, "pcm_f32le"), "-f", "caf", f"file:/dev/fd/{samples.fileno()}"]
        command = [programs.ffmpeg, "-nostdin", "-y", "-timelimit", str(_CPU_S), *_reading(path, demuxer), *inout, *written]
        code, said = _run(command, (samples.fileno(),))
        said = [line for line in said if not line.startswith(facts.of_pictures)]
        if code or said:
            raise _fault(path, code, said, programs, why, missing=missing)
        name = container.name if container is not None else demuxer.upper()
        origin = f"{_named(name, facts.codec.upper())}, ffmpeg {programs.version}"
        made = _Converted(os.dup(samples.fileno()), origin, facts.notes(programs))
    _refuse_short(made, facts, demuxer, missing)
    return made


@dataclass(frozen=True)
class _Facts:
    """What ffprobe says of a file's first audio stream."""

    index: int
    codec: str
    sample_type: str
    streams: int
    stated_s: float | None
    of_pictures: tuple[str, ...]  # how ffmpeg's lines on video, covers and subtitles begin, which are not our concern

    @classmethod
    def probed(cls, path: str | Path, programs: Installed, demuxer: str, extent: foreign.Extent, why: str) -> _Facts:
        """Ask ffprobe.

        Raises
        ------
        AudioError
            EMPTY, when there is no audio; DECODE, RATE or CHANNELS.
        """
        entries = "index,codec_type,codec_name,sample_fmt,sample_rate,channels,duration:stream_tags=DURATION:format=duration"
        command = [programs.ffprobe, *_reading(path, demuxer), "-show_entries", f"stream={entries}", "-of", "json"]
        with tempfile.TemporaryFile() as answer:
            code, said = _run(command, (), answer)
            answer.seek(0)
            text = answer.read()
        try:
            found = json.loads(text.decode("utf-8", "replace"))
        except ValueError:
            found = {}
        if code or "streams" not in found:
            raise _fault(path, code or 1, said, programs, why)
        streams = found["streams"]
        audio = [stream for stream in streams if stream.get("codec_type") == "audio"]
        if not audio:
            kinds = sorted({str(stream.get("codec_type", "data")) for stream in streams})
            if "video" in kinds:
                raise AudioError(Status.EMPTY, f"holds no audio stream ({', '.join(kinds)})")
            raise AudioError(Status.DECODE, f"{why}, and ffmpeg {programs.version} finds no audio in it")
        first = audio[0]
        refuse_insane(int(first.get("sample_rate") or 0) or None, int(first.get("channels") or 0) or None)
        stated = first.get("duration") or (first.get("tags") or {}).get("DURATION")
        if stated is None and len(streams) == 1:
            stated = (found.get("format") or {}).get("duration")
        states = demuxer in _STATING and (demuxer != "asf" or extent.promised is not None)
        others = {str(stream.get("codec_name")) for stream in streams} - {str(stream.get("codec_name")) for stream in audio}
        return cls(
            index=int(first["index"]),
            codec=str(first.get("codec_name", "unknown codec")),
            sample_type=str(first.get("sample_fmt", "")).removesuffix("p"),
            streams=len(audio),
            stated_s=_seconds(stated) if states else None,
            of_pictures=tuple(f"[{name} @" for name in sorted(others)),
        )

    def notes(self, programs: Installed) -> tuple[str, ...]:
        """What the store says of the utterance: who decoded it, and which of several streams."""
        read = (f"{BY_FFMPEG}: {self.codec} was decoded by ffmpeg {programs.version}",)
        several = (f"{Status.DECODE}: the first of {self.streams} audio streams is read",) if self.streams > 1 else ()
        return read + several


def _reading(path: str | Path, demuxer: str) -> list[str | bytes]:
    """The arguments of ffmpeg and ffprobe that open one file, as one container, and nothing else."""
    narrow = ["-v", "error", "-protocol_whitelist", "file", "-format_whitelist", demuxer, "-f", demuxer]
    return [*narrow, "-i", b"file:" + os.fsencode(path)]


def _run(command: list[Any], passed: tuple[int, ...], output: Any = subprocess.DEVNULL) -> tuple[int, list[str]]:
    """Exit code, and the first lines on standard error."""
    said: list[str] = []
    # A session of its own: an interrupt from the keyboard is ours to handle, and must not look like a damaged file.
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, pass_fds=passed, start_new_session=True
    ) as running:
        try:
            for line in iter(lambda: running.stderr.readline(_LINE_BYTES), b""):  # type: ignore[union-attr]
                text = line.decode("utf-8", "replace").strip()
                if text and len(said) < _LINES:
                    said.append(text)
            return running.wait(), said
        except BaseException:
            running.kill()
            raise


def _fault(path: str | Path, code: int, said: list[str], programs: Installed, why: str, *, missing: bool = False) -> Exception:
    """What ffmpeg's words mean: damage, or something that says nothing about the file."""
    words = " ".join(said)
    name = os.fsdecode(path)
    if "No space left on device" in words:
        return OSError(errno.ENOSPC, "no space for the samples of", name)
    if "Input/output error" in words:  # it says so of a disk that fails, and of a file that ends too early
        _read_through(path)
    if "Cannot allocate memory" in words:
        return MemoryError(f"ffmpeg has no memory to decode {name}")
    if (code == _STOPPED and not said) or -code in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        return OSError(errno.EINTR, "ffmpeg was stopped while it decoded", name)
    sentence = _sentence(said, path) or (f"ended by signal {-code}" if code < 0 else f"ended with code {code}")
    if missing or any(word in words for word in ("partial file", "ended prematurely", "truncat")):
        return AudioError(Status.TRUNCATED, f"the file ends before its audio does; ffmpeg {programs.version} says: {sentence}")
    if "moov atom not found" in words:
        return AudioError(Status.DECODE, f"{why}, and was cut or never finished: the index at its end (moov) is missing")
    return AudioError(Status.DECODE, f"{why}, and ffmpeg {programs.version} says: {sentence}")


def _read_through(path: str | Path) -> None:
    """Read every byte: an OSError where the disk fails, nothing where the bytes are at fault."""
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass


def _sentence(said: list[str], path: str | Path) -> str:
    """The first thing that ffmpeg said, without addresses of its memory and the file's name."""
    name = os.fsencode(path).decode("utf-8", "replace")
    for line in said:
        text = re.sub(r"^(\[[^\]]*\] *)+", "", line).replace(f"file:{name}: ", "").strip(" .")
        if text:
            return text
    return ""


def _named(container: str, codec: str) -> str:
    """``MP4 AAC``; ``AC-3`` alone, for both have one name."""
    same = container.partition(" ")[0].replace("-", "").upper() == codec.replace("_", "")
    return container if same else f"{container} {codec}"


def _refuse_short(made: _Converted, facts: _Facts, demuxer: str, missing: bool) -> None:
    """Refuse less audio than the container states, or than its bytes that are not there could hold."""
    with decoder.open_sound(f"/dev/fd/{made.descriptor}", made.recording) as sound:
        has_s, sample_s = sound.frames / sound.sample_rate, 1.5 / sound.sample_rate
    if facts.stated_s is None:
        if missing:
            raise AudioError(Status.TRUNCATED, f"bytes at the end of the file are missing, {has_s:.3f} s of audio are left")
        return
    permitted_s = sample_s if missing or demuxer in _EXACT else _SHORT_S
    if facts.stated_s - has_s > permitted_s:
        raise AudioError(Status.TRUNCATED, f"{facts.stated_s:.3f} s promised, {has_s:.3f} s present")


@contextmanager
def _source(path: str | Path) -> Iterator[Source]:
    with open(path, "rb") as file:
        source = Source(path, file)
        source.start = tags.after_front(source)
        yield source


def _seconds(stated: Any) -> float | None:
    """Seconds of ``"5.008"`` or ``"00:00:05.008"``; None of anything else."""
    try:
        parts = [float(part) for part in str(stated).split(":")]
    except ValueError:
        return None
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))


@functools.lru_cache(4)
def _version(program: str) -> str:
    """What a program says of its version; empty where it does not run."""
    try:
        done = subprocess.run([program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    words = done.stdout.decode("utf-8", "replace").split()
    full = words[2] if len(words) > 2 else "of unknown version"
    number = re.match(r"n?(\d+(\.\d+)+)", full)
    return number[1] if number else full
