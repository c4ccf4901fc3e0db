"""Why a file is missing, as far as a look below the root can say it: it is elsewhere, or a link that leads out."""

from __future__ import annotations

import os
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath

from featurekit.errors import AudioError

_MOST_LOOKED_AT = 200_000  # a look takes a second or two then


def missing(root: Path, path: str) -> AudioError:
    """The error of a file that is not there.

    Parameters
    ----------
    root : Path
        The corpus's folder.
    path : str
        As the manifest has it.
    """
    if os.path.lexists(root / path):
        where = "leads out of the corpus's root, or nowhere; --follow-links reads what it leads to"
        return AudioError("MISSING", f"{path} {where}")
    reason = f"there is no file {path} inside the corpus's root"
    if "\\" in path:
        return AudioError("MISSING", f"{reason}; its backslashes are no slashes here")
    found = _files(str(root))
    near = found.get(_key(PurePosixPath(path).name)) or found.get(_key(PurePosixPath(path).stem))
    return AudioError("MISSING", f"{reason}; {near} is there" if near else reason)


@lru_cache(maxsize=4)  # one of a corpus's files that is missing is seldom the only one
def _files(root: str) -> dict[str, str]:
    """Name, and stem, without case and in one Unicode form → the first file below the root that has it."""
    found: dict[str, str] = {}
    count = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        place = os.path.relpath(folder, root)
        for name in sorted(names):
            path = name if place == "." else f"{place}/{name}"
            found.setdefault(_key(name), path)
            found.setdefault(_key(PurePosixPath(name).stem), path)
        count += len(names)
        if count > _MOST_LOOKED_AT:
            break
    return found


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
