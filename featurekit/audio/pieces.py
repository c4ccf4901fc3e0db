"""Bytes of a file, and others in the place of a wrong header, as one file."""

from __future__ import annotations

import bisect
import io
import os
from pathlib import Path
from typing import Any

from featurekit.audio.containers import Span


class Pieces(io.RawIOBase):
    """Bytes of a file and bytes in their place, as one file.

    libsndfile calls it, and cannot hear an exception: it is told that the file ends, and the error is kept.

    Parameters
    ----------
    path : str or Path
        The file.
    pieces : tuple of Span and bytes
        In order.

    Attributes
    ----------
    error : OSError or None
        What the system said when it could not read.
    """

    def __init__(self, path: str | Path, pieces: tuple[Span | bytes, ...]) -> None:
        super().__init__()
        self.descriptor = os.open(path, os.O_RDONLY)
        self.pieces = pieces
        self.begins = [0]
        for piece in pieces:
            self.begins.append(self.begins[-1] + (piece.length if isinstance(piece, Span) else len(piece)))
        self.position = 0
        self.error: OSError | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; libsndfile may ask for any place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.begins[-1]}[whence]
        self.position = max(base + offset, 0)
        return self.position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as bytes are there."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            data = self._next(len(view) - done)
            if not data:
                break
            view[done : done + len(data)] = data
            done += len(data)
            self.position += len(data)
        return done

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self.descriptor)
        super().close()

    def _next(self, length: int) -> bytes:
        number = bisect.bisect_right(self.begins, self.position) - 1
        if number >= len(self.pieces):
            return b""
        piece, within = self.pieces[number], self.position - self.begins[number]
        if not isinstance(piece, Span):
            return piece[within : within + length]
        try:
            return os.pread(self.descriptor, min(length, piece.length - within), piece.offset + within)
        except OSError as error:
            self.error = error
            return b""
