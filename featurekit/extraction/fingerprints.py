"""What the input is: a digest and the duration of every utterance, found without decoding anything.

The digest of a file's bytes is remembered under its path, so a second run reads nothing. It counts while the file
system says that the file is the same one and was not written since: inode, size, mtime and ctime. Size and mtime alone
would not do: ``cp -p``, ``rsync -t`` and archives restore an mtime, but nobody can set a ctime back. The memory lies in
the store's ``tmp/``: it may be deleted at any time, and it is never part of a key.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from featurekit import audio
from featurekit.errors import AudioError
from featurekit.extraction import augmented
from featurekit.manifest import Manifest, Utterance
from featurekit.settings import follows_links

MISSING = "missing"
# A file written within the clock's granularity of being hashed may change again under the same times.
SETTLED_S = 2.0
FILES_AT_ONCE = 16  # a thread takes; handing over one at a time costs as much as looking at it


@dataclass(frozen=True)
class FileFacts:
    """One audio file as it was when it was hashed; ``digest`` is ``MISSING`` when there is no such file.

    ``inode`` and ``ctime_ns`` are 0 in a memory that an older version wrote, so that it is not relied on.
    """

    digest: str
    size: int = 0
    mtime_ns: int = 0
    duration_s: float | None = None
    inode: int = 0
    ctime_ns: int = 0

    def still_hold(self, status: os.stat_result) -> bool:
        """Whether the file is the one that was hashed, and was not written since, by all that the system says."""
        now = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
        return (self.size, self.mtime_ns, self.inode, self.ctime_ns) == now


def fingerprint(
    manifest: Manifest,
    root: Path,
    memory: Path,
    *,
    rehash: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Manifest, dict[str, FileFacts]]:
    """Fill in the fingerprint and the duration of every utterance.

    Parameters
    ----------
    manifest : Manifest
        As the recipe gives it.
    root : Path
        The corpus's root folder.
    memory : Path
        The file that remembers digests from run to run.
    rehash : bool
        Read every file again, whatever is remembered.
    progress : callable
        Called with the number of files just looked at.

    Returns
    -------
    manifest : Manifest
        The same utterances, with ``fingerprint`` and ``duration_s``.
    files : dict
        Path → what the file was, so that a worker can tell when it changes under the run.
    """
    started_ns = time.time_ns()
    known = {} if rehash else _recall(memory)
    paths = list(dict.fromkeys(utterance.path for utterance in manifest))
    # Threads: hashing and reading release the lock, and a network file system wants requests in flight.
    files: dict[str, FileFacts] = {}
    with ThreadPoolExecutor(8) as pool:
        real_root = os.path.realpath(root)
        some = [paths[at : at + FILES_AT_ONCE] for at in range(0, len(paths), FILES_AT_ONCE)]
        for found in pool.map(lambda some: {path: _look(root, real_root, path, known) for path in some}, some):
            files |= found
            progress(len(found))
    _remember(memory, root, files, started_ns)
    return Manifest(_with_facts(utterance, files[utterance.path]) for utterance in manifest), files


def find(root: Path, real_root: str, path: str) -> os.stat_result | None:
    """What the system knows of a corpus's file; None where there is none, or where it is none of the root's."""
    try:
        # A link out of the corpus's root is not followed. A path in one piece, for pathlib's take a tenth of a millisecond.
        real = os.path.realpath(root / path, strict=True)
        status = os.stat(real)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a circle of links
            return None
        raise
    inside = follows_links() or real.startswith(real_root.rstrip(os.sep) + os.sep)
    return status if inside and stat.S_ISREG(status.st_mode) else None


def _look(root: Path, real_root: str, path: str, known: dict[str, FileFacts]) -> FileFacts:
    status = find(root, real_root, path)
    if status is None:
        return FileFacts(MISSING)
    full = root / path
    facts = known.get(str(full))
    if facts is not None and facts.still_hold(status):
        return facts
    try:
        duration_s = audio.read_duration_s(full)
    except AudioError:
        duration_s = None  # the worker will say what is wrong with it
    digest = audio.hash_file(full)
    return FileFacts(digest, status.st_size, status.st_mtime_ns, duration_s, status.st_ino, status.st_ctime_ns)


def _with_facts(utterance: Utterance, facts: FileFacts) -> Utterance:
    duration_s = facts.duration_s
    if duration_s is not None:
        start, end = utterance.start or 0.0, utterance.end if utterance.end is not None else duration_s
        duration_s = max(0.0, min(end, duration_s) - start)
        duration_s = round(augmented.duration_s(utterance.perturbation, duration_s), 6)
    identity = audio.fingerprint(facts.digest, utterance.start, utterance.end, utterance.channel, utterance.perturbation)
    return dataclasses.replace(utterance, duration_s=duration_s, fingerprint=identity)


def _recall(memory: Path) -> dict[str, FileFacts]:
    try:
        records = [json.loads(line) for line in memory.read_text("utf-8", "surrogateescape").splitlines()]
        return {path: FileFacts(*facts) for path, *facts in records}
    except (OSError, ValueError, TypeError):
        return {}  # a memory that cannot be read only costs time


def _remember(memory: Path, root: Path, files: dict[str, FileFacts], started_ns: int) -> None:
    """Write down what was hashed, but for files that were written while that went on, or just before."""
    settled_ns = started_ns - int(SETTLED_S * 1e9)
    settled = {path: facts for path, facts in files.items() if 0 < max(facts.mtime_ns, facts.ctime_ns) < settled_ns}
    lines = _lines((str(root / path), facts) for path, facts in settled.items())
    temporary = memory.with_suffix(".new")
    try:
        temporary.write_text(lines, "utf-8", "surrogateescape")
        temporary.replace(memory)
    except OSError:
        temporary.unlink(missing_ok=True)  # a read-only or full disk is reported where it matters


def _lines(entries: Iterable[tuple[str, FileFacts]]) -> str:
    return "".join(json.dumps([path, *dataclasses.astuple(facts)], ensure_ascii=False) + "\n" for path, facts in entries)
