"""Decoders that do not print: libmpg123 writes notes to standard error, libsndfile some to standard output."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """What C libraries print meanwhile goes nowhere; what Python prints is not touched."""
    streams = _streams()
    if streams is None:
        yield
        return
    streams.enter()
    try:
        yield
    finally:
        streams.leave()


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
