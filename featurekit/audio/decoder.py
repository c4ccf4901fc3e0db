"""libsndfile, held to three rules that it does not keep by itself.

The bytes decide, not names: a file is opened by its descriptor. Under its name libsndfile would take any bytes called
``.au``, ``.snd``, ``.vox`` or ``.gsm`` for headerless samples, soundfile would ask for the rate of a ``.raw``, and a
hidden ``._x.mp3``, as macOS leaves it, would be read in place of ``x.mp3``. Whatever goes wrong is a status of that file.
And the decoders do not print.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.audio.containers import Recording, Stream
from featurekit.audio.pieces import Pieces
from featurekit.audio.quiet import quiet
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError, FeaturekitError

HEADERLESS = frozenset({".au", ".snd", ".vox", ".gsm", ".raw", ".pcm"})  # suffixes of samples that often have no header
_SYSTEM_ERROR, _UNKNOWN_FORMAT, _NO_FILE = 2, 1, 7  # libsndfile's numbers
_UNREAD = frozenset({4, 18, 92, 110})  # its words: unsupported encoding, unimplemented or unknown format, compression
_MPEG_EARLY_SAMPLES = 96 * 576  # at 8 kbit/s a stereo frame adds 3 bytes to the 255 that the next ones may look back
_BUFFER_BYTES = 1 << 16
_BLOCK_SAMPLES = 1 << 22  # 16 MiB of float32 at a time, whatever the header says


@contextmanager
def open_sound(path: str | Path, recording: Recording) -> Iterator[Sound]:
    """Open a file's streams; what the decoder prints meanwhile goes nowhere.

    Parameters
    ----------
    path : str or Path
        The file.
    recording : Recording
        What :func:`featurekit.audio.containers.examine` found in it.

    Raises
    ------
    AudioError
        DECODE, when libsndfile cannot read it, or finds other audio than its container promises.
    OSError
        When the file cannot be opened.
    """
    with quiet(), Sound(path, recording) as sound:
        yield sound


class UnreadError(AudioError):
    """A format or codec that libsndfile does not know; another program may."""


class Sound:
    """The streams of a file, decoded one after the other as if they were one.

    Attributes
    ----------
    frames : int
        Samples per channel of all streams.
    sample_rate : int
        In Hz.
    channels : int
        Equal in all streams.
    format, subtype : str
        libsndfile's container and sample type, for example ``"WAV"`` and ``"PCM_16"``.
    origin : str
        What was decoded to these samples by another program, and by which; empty where libsndfile reads the file itself.
    notes : tuple of str
        What is odd beside what the recording's own notes say.
    """

    origin: str = ""
    notes: tuple[str, ...] = ()

    def __init__(self, path: str | Path, recording: Recording) -> None:
        self.path = path
        self.streams = recording.streams
        self._decoder: _Decoder | None = None
        self._number = -1
        try:
            first = self._opened(0).file
            self.sample_rate, self.channels = int(first.samplerate), int(first.channels)
            self.format, self.subtype = recording.container or str(first.format), str(first.subtype)
            self.counts = [self._checked(number, recording.channels) for number in range(len(self.streams))]
        except BaseException:
            self.close()
            raise
        self.frames = sum(self.counts)

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._decoder is not None:
            self._decoder.close()
        self._decoder, self._number = None, -1

    def blocks(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Decode frames ``first`` to ``last``, float32 (frames, channels) at a time; ends early where the decoder does.

        Raises
        ------
        AudioError
            DECODE, or TRUNCATED where the file ends before the frames that its header promises.
        """
        begins = 0
        for number, count in enumerate(self.counts):
            if first < begins + count and last > begins:
                yield from self._blocks(number, max(first - begins, 0), min(last - begins, count))
            begins += count

    def _blocks(self, number: int, first: int, last: int) -> Iterator[np.ndarray]:
        import soundfile

        block_frames = max(_BLOCK_SAMPLES // self.channels, 1)
        with _faults_as_statuses(self.path):
            try:
                decoder = self._opened(number)
                if not decoder.seeks:
                    decoder = self._passed_over(number, first)
                elif first or decoder.file.tell():
                    decoder.seek(first)
                while first < last:
                    block = decoder.read(min(block_frames, last - first))
                    if not len(block):
                        return
                    first += len(block)
                    yield block
            except soundfile.LibsndfileError:
                if self._ends_early(number):
                    reason = f"{self.frames} frames promised, the file ends before them"
                    raise AudioError(Status.TRUNCATED, reason) from None
                raise

    def _opened(self, number: int) -> _Decoder:
        """The decoder of one stream; one is open at a time."""
        if self._decoder is None or self._number != number:
            self.close()
            with _faults_as_statuses(self.path):
                self._decoder = _Decoder(self.path, self.streams[number])
            self._number = number
        return self._decoder

    def _passed_over(self, number: int, frames: int) -> _Decoder:
        """The decoder of one stream behind its first frames, of a codec in which libsndfile cannot seek (GSM, G.721)."""
        self.close()
        decoder = self._opened(number)
        while frames > 0:
            passed = len(decoder.read(min(frames, _BLOCK_SAMPLES // self.channels)))
            if not passed:
                break
            frames -= passed
        return decoder

    def _checked(self, number: int, channels: int | None) -> int:
        """Frames of a stream, in which the decoder finds what the container promises, and the audio that the first one has."""
        file, stream = self._opened(number).file, self.streams[number]
        frames = int(file.frames)
        if stream.guessed and stream.frames is not None:
            frames = min(frames, stream.frames)
        for word, promised, found in (("frames", stream.frames, frames), ("channels", channels, self.channels)):
            if promised is not None and promised != found:
                raise AudioError(Status.DECODE, f"header promises {promised} {word}, the decoder finds {found}")
        kinds = (("Hz", self.sample_rate, int(file.samplerate)), ("channels", self.channels, int(file.channels)))
        for word, here, there in kinds:
            if here != there:
                raise AudioError(Status.DECODE, f"is joined of parts with {here} and {there} {word}: cut it where they meet")
        return frames

    def _ends_early(self, number: int) -> bool:
        """Whether the last frame cannot be reached: a FLAC cut short, where one damaged in the middle still seeks there."""
        import soundfile

        try:
            decoder = _Decoder(self.path, self.streams[number])
        except soundfile.LibsndfileError:
            return True
        try:
            decoder.file.seek(self.counts[number] - 1)
            return len(decoder.read(1)) == 0
        except soundfile.LibsndfileError:
            return True
        finally:
            decoder.close()


class _Decoder:
    """libsndfile on one stream."""

    def __init__(self, path: str | Path, stream: Stream) -> None:
        import soundfile  # lazy: a machine that only reads stores has no decoder

        self.pieces = Pieces(path, stream.pieces) if stream.pieces else None
        try:
            # libmpg123 asks for a few bytes at a time. A descriptor libsndfile closes, whatever happens.
            buffered = io.BufferedReader(self.pieces, _BUFFER_BYTES) if self.pieces else None
            self.file = soundfile.SoundFile(buffered or os.open(path, os.O_RDONLY))
        except BaseException:
            self._refuse_unread()
            self._close_pieces()
            raise
        # soundfile seeks after every read, to where the file is. Of MP3 libmpg123 then forgets what the next frames need.
        self.seeks = bool(self.file.seekable())
        self.file.seekable = lambda: False

    def read(self, frames: int) -> np.ndarray:
        """The next frames, float32 (frames, channels); fewer where the stream ends."""
        block: np.ndarray = self.file.read(frames, dtype="float32", always_2d=True)
        self._refuse_unread()
        return block

    def seek(self, frame: int) -> None:
        """Move to a frame.

        Frames of MP3 begin with bits that earlier ones hold. libmpg123 decodes too few of these where they are small, and
        gives silence; so more are decoded here.
        """
        early = min(frame, _MPEG_EARLY_SAMPLES) if self.file.format == "MP3" else 0
        self.file.seek(frame - early)
        if early:
            self.read(early)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        self._close_pieces()

    def _close_pieces(self) -> None:
        if self.pieces is not None:
            self.pieces.close()

    def _refuse_unread(self) -> None:
        if self.pieces is not None and self.pieces.error is not None:
            raise self.pieces.error


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
    reason = " ".join(str(error.error_string).split()).rstrip(".") or "format not recognised"
    suffix = Path(os.fsdecode(path)).suffix.lower()
    if error.code in _UNREAD:
        return UnreadError(Status.DECODE, f"libsndfile: {reason}")
    if error.code == _UNKNOWN_FORMAT and suffix in HEADERLESS:
        reason += f"; if {suffix} means samples without a header, put one before them: sox -t raw -r RATE … FILE.wav"
    return AudioError(Status.DECODE, f"libsndfile: {reason}")
