"""numba's ``njit``, once there is a folder for what it compiles; and who is told that it compiles.

Every kernel takes ``njit`` from here, so that the folder is there first.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from numba import config, njit
from numba.core import event

from featurekit.errors import FeaturekitWarning

__all__ = ["ensure_cache", "njit", "private_folder", "watched"]


def ensure_cache() -> None:
    """Have numba keep what it compiles in a temporary folder where it has no other place.

    numba writes beside the module, or else below the user's home, and refuses to compile where it may do neither: the
    package was installed by root, and the home cannot be written. Processes that are started from here use the same folder.
    """
    try:
        njit(cache=True)(_probe)  # looks for a place; nothing is compiled
    except RuntimeError:
        folder = private_folder(Path(tempfile.gettempdir()))
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        setattr(config, "CACHE_DIR", str(folder))  # noqa: B010 - numba read the variable when it was imported
        warnings.warn(
            f"neither the package's folder nor the home can be written: compiled kernels are kept in {folder}; "
            "set NUMBA_CACHE_DIR to a folder that stays",
            FeaturekitWarning,
            stacklevel=2,
        )


def private_folder(parent: Path) -> Path:
    """Folder of this user for compiled code below ``parent``, the same each time unless somebody else has made it.

    What numba finds in its cache it runs, so nobody else may write there.
    """
    folder = parent / f"featurekit-kernels-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if is_ours else Path(tempfile.mkdtemp(prefix="featurekit-kernels-", dir=parent))


@contextlib.contextmanager
def watched(compiling: Callable[[int], None]) -> Iterator[None]:
    """Call ``compiling(number)`` each time this process begins to compile a kernel for want of a stored one; 1 at first."""
    listener = _Listener(compiling)
    event.register("numba:compile", listener)
    try:
        yield
    finally:
        event.unregister("numba:compile", listener)


class _Listener(event.Listener):
    """Counts kernels; one that is compiled for another counts too."""

    def __init__(self, compiling: Callable[[int], None]) -> None:
        self._compiling, self._count = compiling, 0

    def on_start(self, event: event.Event) -> None:
        self._count += 1
        self._compiling(self._count)

    def on_end(self, event: event.Event) -> None:
        pass


def _probe() -> None:
    """A function that numba is asked to keep."""


ensure_cache()
