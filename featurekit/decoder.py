"""libsndfile, held to three rules that it does not keep by itself.

The bytes decide, not names: a file is opened by its descriptor. Under its name libsndfile would take any bytes called
``.au``, ``.snd``, ``.vox`` or ``.gsm`` for headerless samples, soundfile would ask for the rate of a ``.raw``, and a
hidden ``._x.mp3``, as macOS leaves it, would be read in place of ``x.mp3``. Whatever goes wrong is a status of that file.
And the decoders do not print: libmpg123 writes notes to standard error, libsndfile some to standard output.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.containers import Status, codec_of, first_mpeg_frame
from featurekit.errors import AudioError, FeaturekitError

HEADERLESS = frozenset({".au", ".snd", ".vox", ".gsm", ".raw", ".pcm"})  # suffixes of samples that often have no header
_SYSTEM_ERROR, _UNKNOWN_FORMAT, _NO_FILE = 2, 1, 7  # libsndfile's numbers


@contextmanager
def open_sound(path: str | Path) -> Iterator[Any]:
    """Open a file as a ``soundfile.SoundFile``; what the decoder prints meanwhile goes nowhere.

    Raises
    ------
    AudioError
        DECODE, when libsndfile cannot read it.
    OSError
        When the file cannot be opened.
    """
    with _quiet():
        with _faults_as_statuses(path):
            sound = _opened(path)
        with sound:
            yield sound


def blocks(sound: Any, path: str | Path, first: int, last: int, block_frames: int) -> Iterator[np.ndarray]:
    """Decode frames ``first`` to ``last``, (frames, channels) at a time; ends early where the decoder does.

    Raises
    ------
    AudioError
        DECODE, or TRUNCATED where the file ends before the frames that its header promises.
    """
    import soundfile

    with _faults_as_statuses(path):
        try:
            if first:
                sound.seek(first)
            while first < last:
                block = sound.read(min(block_frames, last - first), dtype="float32", always_2d=True)
                if not len(block):
                    return
                first += len(block)
                yield block
        except soundfile.LibsndfileError:
            if _ends_early(path, sound.frames):
                reason = f"{sound.frames} frames promised, the file ends before them"
                raise AudioError(Status.TRUNCATED, reason) from None
            raise


def _opened(path: str | Path) -> Any:
    import soundfile  # lazy: a machine that only reads stores has no decoder

    try:
        return soundfile.SoundFile(_descriptor(path))  # libsndfile closes it, whatever happens
    except soundfile.LibsndfileError as error:
        # Of an MP3 that begins in the middle of a frame, or with padding, the first bytes say nothing.
        if error.code != _UNKNOWN_FORMAT or Path(os.fsdecode(path)).suffix.lower() != ".mp3":
            raise
    start = first_mpeg_frame(path)
    if start is None:
        raise AudioError(Status.DECODE, "is named like MP3, and holds no MPEG frame")
    descriptor = _descriptor(path)
    os.lseek(descriptor, start, os.SEEK_SET)
    return soundfile.SoundFile(descriptor)


def _descriptor(path: str | Path) -> int:
    return os.open(path, os.O_RDONLY)


@contextmanager
def _faults_as_statuses(path: str | Path) -> Iterator[None]:
    """What a decoder raises, of whatever class, is a status of the file; the system's own errors stay what they are."""
    import soundfile

    try:
        yield
    except (FeaturekitError, OSError, MemoryError):
        raise
    except soundfile.LibsndfileError as error:
        raise _named(error, path) from None
    except Exception as error:
        raise AudioError(Status.DECODE, f"the decoder failed with {type(error).__name__}: {error}") from error


def _named(error: Any, path: str | Path) -> Exception:
    if error.code == _SYSTEM_ERROR:  # the disk, not the bytes
        return OSError(errno.EIO, "I/O error while decoding", os.fsdecode(path))
    if error.code == _NO_FILE:  # it says so of bytes that its MPEG decoder cannot read; the file was opened before
        return AudioError(Status.DECODE, "looks like MP3 by its first bytes, and holds no MPEG frame")
    codec = codec_of(path)
    if codec:
        return AudioError(Status.DECODE, f"is {codec}, which libsndfile does not read; convert it, as with ffmpeg to FLAC")
    reason = " ".join(str(error.error_string).split()).rstrip(".") or "format not recognised"
    suffix = Path(os.fsdecode(path)).suffix.lower()
    if error.code == _UNKNOWN_FORMAT and suffix in HEADERLESS:
        reason += f"; if {suffix} means samples without a header, put one before them: sox -t raw -r RATE … FILE.wav"
    return AudioError(Status.DECODE, f"libsndfile: {reason}")


def _ends_early(path: str | Path, frames: int) -> bool:
    """Whether the last frame cannot be reached: a FLAC cut short, where one damaged in the middle still seeks there."""
    import soundfile

    try:
        with _opened(path) as sound:
            sound.seek(frames - 1)
            return len(sound.read(1)) == 0
    except soundfile.LibsndfileError:
        return True


class _Streams:
    """The C library's variables ``stdout`` and ``stderr``, which can point to a stream that goes nowhere.

    Python and other programs write to the file descriptors and are not touched, so other threads keep their output.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        names = ("__stdoutp", "__stderrp") if sys.platform == "darwin" else ("stdout", "stderr")
        self.variables = [ctypes.c_void_p.in_dll(library, name) for name in names]
        self.originals = [variable.value for variable in self.variables]
        library.fopen.restype = ctypes.c_void_p
        self.nowhere = library.fopen(os.devnull.encode(), b"w")
        self.users = 0
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self.restore)

    def enter(self) -> None:
        """Point both to nowhere; several threads may."""
        with self.lock:
            self.users += 1
            for variable in self.variables:
                variable.value = self.nowhere

    def leave(self) -> None:
        """Point both back when the last thread is done."""
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self._point_back()

    def restore(self) -> None:
        """In the child of a fork, where the other threads are no more."""
        self.lock = threading.Lock()
        self.users = 0
        self._point_back()

    def _point_back(self) -> None:
        for variable, original in zip(self.variables, self.originals, strict=True):
            variable.value = original


@functools.cache
def _streams() -> _Streams | None:
    """None where the C library has no such variables: there the decoders print."""
    try:
        streams = _Streams()
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    return streams if streams.nowhere else None


@contextmanager
def _quiet() -> Iterator[None]:
    streams = _streams()
    if streams is None:
        yield
        return
    streams.enter()
    try:
        yield
    finally:
        streams.leave()
