"""Sequences too long for memory: items as lines of an unnamed temporary file, of which only the offsets are held."""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np

T = TypeVar("T")
_AT_ONCE = 4096


class Spool(Sequence[T], Generic[T]):
    """A sequence on disk: 8 bytes an item in memory; reading one item is a read of its line.

    Parameters
    ----------
    items : iterable
        Taken one by one.
    encode, decode : callable
        Item → bytes, and back.

    Notes
    -----
    The file has no name and vanishes with the object. Forked processes may read it too, since no read moves its position.
    """

    def __init__(self, items: Iterable[T], encode: Callable[[T], bytes], decode: Callable[[bytes], T]) -> None:
        self._decode = decode
        self._offsets = array("q", [0])
        self._file = tempfile.TemporaryFile(prefix="featurekit-")  # noqa: SIM115 - lives as long as the object
        weakref.finalize(self, self._file.close)
        for item in items:
            self._offsets.append(self._offsets[-1] + self._file.write(encode(item)))
        self._file.flush()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return tuple(self._stretch(start, stop)) if step == 1 else tuple(self[place] for place in range(start, stop, step))
        place = range(len(self))[index]  # negative numbers, IndexError
        return next(self._stretch(place, place + 1))

    def __iter__(self) -> Iterator[T]:
        return self._stretch(0, len(self))

    def __reduce__(self) -> Any:
        return tuple, (tuple(self),)  # the file cannot travel to another process

    def _stretch(self, start: int, stop: int) -> Iterator[T]:
        for first in range(start, stop, _AT_ONCE):
            last = min(first + _AT_ONCE, stop)
            base = self._offsets[first]
            data = os.pread(self._file.fileno(), self._offsets[last] - base, base)
            for place in range(first, last):
                yield self._decode(data[self._offsets[place] - base : self._offsets[place + 1] - base])


class HashedPlaces(Mapping[str, int]):
    """Name → its place in a sequence, by 16 bytes a name: hashes sorted, the name itself looked at in the sequence.

    Parameters
    ----------
    names : iterable of str
        In order.
    name_at : callable
        Place → name.
    """

    def __init__(self, names: Iterable[str], name_at: Callable[[int], str]) -> None:
        hashes = np.fromiter(map(_hash, names), dtype=np.uint64)
        self._order = np.argsort(hashes, kind="stable")
        self._hashes, self._name_at = hashes[self._order], name_at

    def first_twice(self) -> tuple[int, int] | None:
        """Places of a name that occurs more than once, or None."""
        for row in np.flatnonzero(self._hashes[1:] == self._hashes[:-1]):
            one, other = int(self._order[row]), int(self._order[row + 1])
            if self._name_at(one) == self._name_at(other):
                return one, other
        return None

    def __getitem__(self, name: str) -> int:
        wanted = _hash(name)
        row = int(np.searchsorted(self._hashes, wanted))
        while row < len(self) and self._hashes[row] == wanted:
            if self._name_at(int(self._order[row])) == name:
                return int(self._order[row])
            row += 1
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return map(self._name_at, range(len(self)))

    def __len__(self) -> int:
        return len(self._order)


def _hash(name: str) -> np.uint64:
    return np.frombuffer(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), np.uint64)[0]
