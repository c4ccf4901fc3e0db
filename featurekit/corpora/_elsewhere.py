"""Absolute paths that lead out of a corpus's root: refused, with the place of the file where there is only one of its name."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[/\\]")


def refuse_absolute(root: Path | None, path: str, where: str) -> None:
    """Refuse a path that is still absolute after all that it may mean was tried.

    Parameters
    ----------
    root : Path or None
        The corpus's folder, where it is known.
    path : str
        As it is written.
    where : str
        File and line.

    Raises
    ------
    ManifestError
        For an absolute path: where the file lies, if exactly one of its name lies below the root.
    """
    if not _ABSOLUTE.match(path) or (root and path[0] != "/" and (root / path).exists()):
        return
    name = PurePosixPath(path.replace("\\", "/")).name
    there = [found for found in audio_paths(root, videos=True) if PurePosixPath(found).name == name] if root else []
    hint = f"; the only {name} there is {there[0]!r}: write the paths so" if len(there) == 1 else ""
    inside = f"the corpus's root {str(root)!r}" if root else "the corpus's root"
    raise ManifestError(f"{where}: path {path!r} must be relative and stay inside {inside}{hint}")
