"""How far the shards under way are: workers append to a file in the store's ``tmp/``, and the caller looks at it.

A shard may take minutes, and its receipt comes when it is committed. A file serves every backend alike, since all of their
workers write to the store anyhow. It is for the eyes alone: nothing depends on it, and what cannot be written is not said.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

LOOK_INTERVAL_S = 0.25
_ENTRY = struct.Struct("<d")  # seconds of speech of one utterance; so short an append is one piece


@dataclass(frozen=True)
class Done:
    """Utterances just computed, and their seconds of speech."""

    utterances: int
    speech_s: float


@contextlib.contextmanager
def entries(file: Path | None) -> Iterator[Callable[[float], None]]:
    """In a worker: a function to call with the seconds of speech of each utterance that is computed."""
    descriptor = -1
    if file is not None:
        with contextlib.suppress(OSError):
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)

    def add(speech_s: float) -> None:
        if descriptor >= 0:
            with contextlib.suppress(OSError):  # a full disk is reported where it matters
                os.write(descriptor, _ENTRY.pack(speech_s))

    try:
        yield add
    finally:
        if descriptor >= 0:
            os.close(descriptor)


class Tally:
    """Reports what workers append, while the caller waits for their receipts; a context manager.

    Parameters
    ----------
    folder : Path
        Where the file lies, for all workers.
    total : int
        Utterances; no more are reported, although an attempt that failed counts its own twice.
    report : callable
        Called with :class:`Done`, from a thread and, at the end, from the caller's.
    """

    def __init__(self, folder: Path, total: int, report: Callable[[Done], None]) -> None:
        self.file: Path | None = folder / f"tally-{uuid.uuid4().hex}"
        self._left, self._read_bytes, self._report = total, 0, report
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_again, daemon=True)

    def __enter__(self) -> Tally:
        try:
            (self.file or Path()).touch(exist_ok=False)
        except OSError:
            self.file = None
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._watch.join()
        if kind is None:
            self._look()
            if self._left:  # a network disk may lose appends of several machines
                self._report(Done(self._left, 0.0))
        if self.file is not None:
            with contextlib.suppress(OSError):
                self.file.unlink()

    def _look_again(self) -> None:
        while not self._over.wait(LOOK_INTERVAL_S):
            self._look()

    def _look(self) -> None:
        if self.file is None:
            return
        try:
            with self.file.open("rb") as file:
                file.seek(self._read_bytes)
                new = file.read()
        except OSError:
            return
        new = new[: len(new) // _ENTRY.size * _ENTRY.size]
        self._read_bytes += len(new)
        seconds = [entry[0] for entry in _ENTRY.iter_unpack(new)][: self._left]
        if seconds:
            self._left -= len(seconds)
            self._report(Done(len(seconds), sum(seconds)))
