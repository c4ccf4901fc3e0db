"""How bytes reach the disk, and how they are read back.

One protocol for every file that must not be lost (shards, heads, manifests, splits): written plainly to ``tmp/``,
fsynced, read back, linked to its name, the folder fsynced. A name that exists is therefore a whole file, whoever was
killed and whenever. The order matters: ``tests/store/test_files.py`` removes each step and watches a test fail.
"""
# System calls go by their own names here, since their order is what this module is about.
# ruff: noqa: PTH104, PTH105, PTH108

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import stat
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from featurekit.errors import CorruptStoreError, StoreError, StoreNotFoundError
from featurekit.store.schema import TMP

PIECE_BYTES = 1 << 26
PIECE_IN_CACHE_BYTES = 1 << 19  # compared at a time: more would go through memory twice
VECTORS = 1000  # buffers of one preadv; Linux takes 1024

_REASONS = {
    errno.ENOSPC: "no space is left on the device; free some and run again, finished shards are kept",
    errno.EDQUOT: "the disk quota is used up; free some and run again, finished shards are kept",
    errno.EACCES: "permission denied; the folder must be writable for you",
    errno.EPERM: "permission denied; the folder must be writable for you",
    errno.EROFS: "the file system is read-only; choose a path on a writable one",
    errno.ENOTDIR: "a file is where a folder is needed; choose another path",
    errno.EEXIST: "a file is where a folder is needed; choose another path",
    errno.EIO: "the disk reported an input/output error; check the disk and run again, finished shards are kept",
    errno.EMFILE: "too many files are open; raise `ulimit -n`",
    errno.ENAMETOOLONG: "the path is too long for the file system",
}
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


@contextlib.contextmanager
def explained(path: Path, verb: str) -> Iterator[None]:
    """Turn an ``OSError`` inside the block into a :class:`StoreError` that names the path and says what to do."""
    try:
        yield
    except StoreError:
        raise
    except FileNotFoundError as cause:
        missing = StoreNotFoundError(f"cannot {verb} {path}: it is not there; was the store moved or collected meanwhile?")
        missing.errno = cause.errno
        raise missing from cause
    except OSError as cause:
        reason = _REASONS.get(cause.errno or 0, cause.strerror or str(cause))
        error = StoreError(f"cannot {verb} {path}: {reason}")
        error.errno = cause.errno
        raise error from cause


def commit_bytes(root: Path, target: Path, data: bytes) -> bool:
    """Give a file its name once and for all.

    Parameters
    ----------
    root : Path
        The store.
    target : Path
        Final name, inside the store.
    data : bytes
        The whole file.

    Returns
    -------
    bool
        True when this call made the name; False when it was there already. Either way it outlives a power cut.

    Raises
    ------
    StoreError
        When the disk refuses; nothing is left in ``tmp/`` then.
    """
    with explained(target, "write"):
        if os.path.lexists(target):
            sync_folder(target.parent)  # whoever made the name may have been killed before this step
            return False
        with _temporary(root, target, data) as tmp:
            won = _link(tmp, target)
            sync_folder(target.parent)
        return won


def replace_bytes(root: Path, target: Path, data: bytes) -> None:
    """Write a derived file, in place of an older one if there is one; readers see the old or the new, never a mixture.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    with explained(target, "write"), _temporary(root, target, data) as tmp:
        os.replace(tmp, target)
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _temporary(root: Path, target: Path, data: bytes) -> Iterator[Path]:
    """A file in ``tmp/`` whose bytes are on the disk and were read back; gone after the block."""
    host = "".join(letter if letter.isalnum() else "_" for letter in socket.gethostname()[:40])
    tmp = root / TMP / f"{host}-{os.getpid()}-{uuid.uuid4().hex}{target.suffix}"
    tmp.parent.mkdir(exist_ok=True)
    try:
        _write(tmp, data)
        _read_back(tmp, data)
        yield tmp
    finally:
        with contextlib.suppress(OSError):  # renamed away, or the disk is failing: tmp/ may hold rubbish
            os.unlink(tmp)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        view, done = memoryview(data), 0
        while done < len(view):  # a write may be short
            written = os.write(descriptor, view[done : done + PIECE_BYTES])
            if written == 0:
                raise OSError(errno.EIO, "the disk takes no more bytes")
            done += written
        os.fsync(descriptor)  # never tried twice: after a failed fsync the page cache may claim to be clean
    finally:
        os.close(descriptor)


def _read_back(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # numpy, for a memoryview compares byte by byte.
        written, done = np.frombuffer(data, np.uint8), 0
        while piece := os.read(descriptor, PIECE_IN_CACHE_BYTES):
            if not np.array_equal(written[done : done + len(piece)], np.frombuffer(piece, np.uint8)):
                break
            done += len(piece)
    finally:
        os.close(descriptor)
    if done != len(data):
        raise StoreError(f"{path} reads back other bytes than were written from byte {done} on; check the disk")


def _link(tmp: Path, target: Path) -> bool:
    """Put the name if it is absent; True when it is ours."""
    try:
        os.link(tmp, target)
    except OSError as error:
        if _same_file(tmp, target):  # the link was made and its reply was lost (a network file system)
            return True
        if error.errno == errno.EEXIST:
            return False
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(target):
            return False
        os.rename(tmp, target)
    return True


def _same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False


class OpenFile:
    """A regular file of a store, open for reading; closed when the last user lets go of it.

    Links are not followed and pipes and devices are refused, so that a stranger's store cannot make us read elsewhere.

    Raises
    ------
    StoreNotFoundError
        When it is not there.
    CorruptStoreError
        When it is not a regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.descriptor = path, -1
        with explained(path, "read"):
            try:
                self.descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise CorruptStoreError(f"{path} is a link; a store holds plain files only") from None
                raise
            status = os.fstat(self.descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CorruptStoreError(f"{path} is not a plain file; a store holds plain files only")
        self.size = status.st_size

    def __del__(self) -> None:
        # Counting references closes it: another thread may still be reading when a cache lets go.
        if getattr(self, "descriptor", -1) >= 0:
            os.close(self.descriptor)

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes at ``offset``; checked against the size of the file before anything is allocated."""
        buffer = np.empty(self.check_inside(offset, size), np.uint8)
        self.read_into([buffer], offset)
        return buffer.tobytes()

    def read_into(self, buffers: Sequence[np.ndarray], offset: int) -> None:
        """Fill contiguous arrays, one after the other, from ``offset`` on: one system call for most requests.

        Raises
        ------
        CorruptStoreError
            When the file ends before.
        """
        views = [buffer.data.cast("B") for buffer in buffers if buffer.size]
        self.check_inside(offset, sum(view.nbytes for view in views))
        with explained(self.path, "read"):
            while views:
                got = os.preadv(self.descriptor, views[:VECTORS], offset)
                if got == 0:
                    raise CorruptStoreError(f"{self.path} became shorter while it was read; run `featurekit store verify`")
                offset += got
                while views and got >= views[0].nbytes:
                    got -= views.pop(0).nbytes
                if got:
                    views[0] = views[0][got:]

    def check_inside(self, offset: int, size: int) -> int:
        """Return ``size``, after making sure that the file has that many bytes at ``offset``.

        Raises
        ------
        CorruptStoreError
            When it has not.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise CorruptStoreError(
                f"{self.path} holds {self.size} bytes, yet bytes {offset} to {offset + size} are asked for; "
                "run `featurekit store repair`"
            )
        return size


def read_bytes(path: Path) -> bytes:
    """All bytes of a regular file of a store.

    Raises
    ------
    StoreNotFoundError, CorruptStoreError
        When it is absent or not a regular file.
    """
    file = OpenFile(path)
    return file.read(0, file.size)


def check_writable(path: str | Path, needed_bytes: int = 0) -> None:
    """Refuse, before any work, a place that cannot take ``needed_bytes``.

    Raises
    ------
    StoreError
        One sentence: not writable, or how many bytes are missing.
    """
    place = Path(path).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK):
        raise StoreError(f"cannot write {path}: permission denied at {place}; choose a folder that is writable for you")
    with explained(place, "look at"):
        free_bytes = shutil.disk_usage(place).free
    if needed_bytes > free_bytes:
        raise StoreError(
            f"cannot write {path}: about {needed_bytes / 1e6:,.1f} MB are needed and {free_bytes / 1e6:,.1f} MB are free; "
            "free some space or choose another disk"
        )
