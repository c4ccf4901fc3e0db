"""What belongs to a run's identity, and what is recorded beside it: settings that others say better, contents, versions."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from featurekit import __version__
from featurekit.data.views.joined import OpenedStore
from featurekit.settings import digest

VERSION = 2  # of what a run's name is made of

# Paths, and what the columns, the split and the task say better.
OF_OTHERS = ("store", "features", "split", "test_store", "test_task")


def contents(opened: OpenedStore, columns: Sequence[str], ids: Sequence[str]) -> str:
    """What the columns hold for these utterances, by the checksums in the store: a change of any value changes it."""
    rows = [opened.manifest.index(name) for name in ids]
    return digest([list(ids), [opened.hashes(name)[rows].tolist() for name in columns]])


def by_content(value: Any) -> Any:
    """A path to a file → digest of its bytes; a table → of each of its values; anything else as it is."""
    if isinstance(value, dict):
        return {name: by_content(own) for name, own in value.items()}
    if isinstance(value, str) and value and Path(value).is_file():
        return {"sha256": hashlib.sha256(Path(value).read_bytes()).hexdigest()}
    return value


def versions() -> dict[str, str]:
    """Of featurekit, Python and the libraries that decide the numbers."""
    found = {"featurekit": __version__, "python": platform.python_version()}
    for library in ("torch", "torchvision", "numpy", "h5py"):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
