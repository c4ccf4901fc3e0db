"""Which audio an utterance is: digests of a file's bytes, and of what is taken from it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from featurekit.audio.containers import refuse_irregular


def hash_file(path: str | Path) -> str:
    """Sha256 (hex) of a file's bytes.

    Raises
    ------
    AudioError
        DECODE for a directory, FIFO or device, which could be read for ever.
    OSError
        When the file cannot be read.
    """
    refuse_irregular(path)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(
    file_hash: str, start: float | None = None, end: float | None = None, channel: int | None = None, perturbation: str = ""
) -> str:
    """Identity of an utterance's input: sha256 (hex) of the file's hash and of what is taken from it.

    No path and no time stamp: a moved corpus keeps its fingerprints, two cuts of one video differ.
    """
    times = [None if value is None else float(value) for value in (start, end)]
    text = json.dumps([file_hash, *times, channel, perturbation], separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
