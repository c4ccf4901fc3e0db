"""Every audio file once: header, decoded samples, level and two digests, in parallel and in constant memory."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from featurekit import audio
from featurekit.backends import open_backend, physical_cores
from featurekit.data.audit.duplicates import words
from featurekit.errors import AudioError
from featurekit.inspection.tree import is_inside

UNREADABLE, OUTSIDE = "UNREADABLE", "OUTSIDE"
BATCH = 32  # files a task: small enough to balance, large enough that its receipt is worth the way
SAMPLED = 8  # files that are read to say how long all take
FEW_FILES = 64  # starting processes takes longer than reading so few
MOST_FRAMES = 30_000_000  # of all fingerprints, 130 hours: what is compared in about a gigabyte
_FINGERPRINT_HZ, _FINGERPRINT_HOP = 16_000, 256
_PIECE_S = 300  # decoded at a time: six hours of a meeting must not fill the memory


@dataclass(frozen=True, slots=True)
class Sound:
    """What one file is.

    Parameters
    ----------
    path : str
        Relative to the root.
    status : str
        ``"OK"``, a :class:`featurekit.audio.Status` that refuses the file, ``"UNREADABLE"`` or ``"OUTSIDE"`` of the root.
    reason : str
        Why it is not OK.
    format : str
        Container and sample type as libsndfile names them.
    sample_rate, channels : int
        0 where the file is not OK.
    duration_s, peak, rms : float
        Level of the channels' mean; full scale is 1.
    clipped : str
        The note on samples at full scale, empty when there is none.
    notes : tuple of str
        Oddities of the header.
    bytes_digest, samples_digest : str
        Sha256 of the file, and of its rate and decoded samples: equal for a WAV and a FLAC of one recording.
    fingerprint : bytes
        The frames of :func:`~featurekit.features.fingerprint.audio_fingerprint`, 32 bits each; empty where there are too
        many files to compare.
    """

    path: str
    status: str = "OK"
    reason: str = ""
    format: str = ""
    sample_rate: int = 0
    channels: int = 0
    duration_s: float = 0.0
    peak: float = 0.0
    rms: float = 0.0
    clipped: str = ""
    notes: tuple[str, ...] = ()
    bytes_digest: str = ""
    samples_digest: str = ""
    fingerprint: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether it could be decoded to its end."""
        return self.status == "OK"

    @property
    def level_db(self) -> float:
        """RMS in dB of full scale; minus infinity for digital silence."""
        return 20 * math.log10(self.rms) if self.rms > 0 else -math.inf


@dataclass(frozen=True)
class ListeningForecast:
    """What listening to files would take.

    Parameters
    ----------
    files, missing : int
        How many there are, and how many are named and not there.
    bytes : int
        Of all files.
    sampled : int
        How many were read to measure.
    seconds : float
        How long all take on this machine, by the bytes of those; starting processes is not in it.
    workers : int
        Processes at once.
    """

    files: int
    missing: int
    bytes: int
    sampled: int
    seconds: float
    workers: int


def forecast_listening(
    root: Path, paths: Sequence[str], *, backend: str = "joblib", workers: int | None = None
) -> ListeningForecast:
    """Measure a few files, spread over all, and say what :func:`listen` would take.

    Parameters
    ----------
    root, paths, backend, workers
        As of :func:`listen`.
    """
    sizes = {path: size for path in paths for size in [_size(root / path)] if size is not None}
    there = list(sizes)
    sample = there[:: max(1, -(-len(there) // SAMPLED))]
    started_s = time.perf_counter()
    _listen_to(root, tuple(sample))
    measured_s = time.perf_counter() - started_s
    at_once = 1 if backend == "serial" or len(paths) <= FEW_FILES else workers or physical_cores()
    read = sum(sizes[path] for path in sample)
    seconds = measured_s * sum(sizes.values()) / read / at_once if read else 0.0
    return ListeningForecast(len(paths), len(paths) - len(there), sum(sizes.values()), len(sample), seconds, at_once)


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def listen(
    root: Path,
    paths: Sequence[str],
    *,
    backend: str = "joblib",
    workers: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Sound]:
    """Decode every file once.

    Parameters
    ----------
    root : Path
        The corpus's folder; nothing outside it is opened.
    paths : sequence of str
        Files relative to it.
    backend, workers
        As :func:`featurekit.backends.open_backend`; few files are read in this process.
    progress : callable
        Called with the number of files just read.

    Returns
    -------
    list of Sound
        In the order of ``paths``.

    Raises
    ------
    WorkerError
        When a worker process is killed.
    """
    batches = [tuple(paths[start : start + BATCH]) for start in range(0, len(paths), BATCH)]
    results: dict[int, list[Sound]] = {}
    frames = 0
    with open_backend("serial" if len(paths) <= FEW_FILES else backend, workers) as pool:
        for index, sounds in pool.map(partial(_listen_to, root), batches):
            frames += sum(len(sound.fingerprint) for sound in sounds) // 4
            if frames > MOST_FRAMES:  # nothing will be compared: not to be held either
                sounds = [replace(sound, fingerprint=b"") for sound in sounds]
            results[index] = sounds
            progress(len(sounds))
    found = [sound for index in range(len(batches)) for sound in results[index]]
    return found if frames <= MOST_FRAMES else [replace(sound, fingerprint=b"") for sound in found]


def _listen_to(root: Path, paths: tuple[str, ...]) -> list[Sound]:
    real_root = os.path.realpath(root)
    return [_listen(root, path, real_root) for path in paths]


def _listen(root: Path, path: str, real_root: str) -> Sound:
    full = root / path
    if not is_inside(full, real_root):
        return Sound(path, OUTSIDE, "leads out of the root and is not followed")
    try:
        header = audio.read_header(full)
        return Sound(
            path,
            format=header.format,
            sample_rate=header.sample_rate,
            channels=header.channels,
            duration_s=header.duration_s,
            notes=header.notes,
            bytes_digest=audio.hash_file(full),
            **_measure(full, header),
        )
    except AudioError as error:
        return Sound(path, str(error.status), error.reason)
    except FileNotFoundError:
        return Sound(path, str(audio.Status.MISSING), "there is no such file")
    except OSError as error:
        return Sound(path, UNREADABLE, error.strerror or str(error))


def _measure(path: Path, header: audio.Header) -> dict[str, Any]:
    """Peak, RMS, clipping, digest and fingerprint of the samples."""
    from featurekit.features.fingerprint import audio_fingerprint  # and what all features need: not for --help

    digest = hashlib.sha256(str(header.sample_rate).encode())
    peak, energy, frames, clipped, prints = 0.0, 0.0, 0, "", list[bytes]()
    for start, end in _pieces(header.duration_s):
        signal = audio.decode(path, start, end)
        samples = signal.samples
        digest.update(samples.data)
        peak = max(peak, float(np.max(np.abs(samples))))
        energy += float(np.einsum("i,i->", samples, samples, dtype=np.float64))  # float32 would overflow past 1e19
        frames += len(samples)
        prints.append(_words(audio_fingerprint, samples, signal.sample_rate, is_last=end is None))
        clipped = clipped or next((_sentence(note) for note in signal.notes if note.startswith(audio.Status.CLIPPED)), "")
    said = {"peak": peak, "rms": math.sqrt(energy / frames), "clipped": clipped, "samples_digest": digest.hexdigest()}
    return {**said, "fingerprint": b"".join(prints)}


def _words(fingerprint: Callable[..., np.ndarray], samples: np.ndarray, rate: int, *, is_last: bool) -> bytes:
    """Fingerprint frames of a piece, one word of 32 bits each; the frame at the end of a piece is the next one's first."""
    peak = np.max(np.abs(samples))
    if not 0 < peak < np.inf:
        return b""
    bits = fingerprint(audio.resample(samples / peak, rate, _FINGERPRINT_HZ), _FINGERPRINT_HZ, hop_length=_FINGERPRINT_HOP)
    return words(bits.T if is_last else bits.T[:-1]).tobytes()


def _pieces(duration_s: float) -> Iterator[tuple[float | None, float | None]]:
    """Stretches of whole seconds, so that no sample is lost between them; the last takes the rest with it."""
    count = max(1, int(duration_s / _PIECE_S))
    for number in range(count):
        start = float(number * _PIECE_S) if number else None
        yield start, None if number == count - 1 else float((number + 1) * _PIECE_S)


def _sentence(note: str) -> str:
    return note.partition(": ")[2]
