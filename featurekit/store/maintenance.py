"""What is in a store, and what in it is needed no more."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from featurekit.store import documents, files
from featurekit.store.reader import Store, open_store
from featurekit.store.schema import FAILED, FORMAT, HEADS, INDEX_FILE, MANIFESTS, SHARDS, SKIPPED, TMP, VERSION, Head
from featurekit.store.writer import committed

DAY_S = 24 * 3600.0


def info(path: str | Path) -> dict[str, Any]:
    """What is in a store, ready for JSON.

    Returns
    -------
    dict
        ``generation`` (0 before the first), ``utterances``, ``seconds`` of speech, ``shards``, ``bytes``, ``waiting``
        (committed shards that no head names: an extraction under way or interrupted), ``interrupted`` (nothing was
        published yet), ``original_rates`` (sample rate of the files in Hz, 0 where not known → utterances), and
        ``columns``: for each its dims, unit, hop, rows, bytes, failed and skipped.

    Raises
    ------
    StoreNotFoundError, StoreError, CorruptStoreError
        As :func:`featurekit.store.open_store`.
    """
    root = Path(path)
    head, keys = documents.latest_head(root), committed(root)
    live = {key for group in head.groups for key in group.shards} if head else set()
    found: dict[str, Any] = {
        "path": str(root),
        "format": f"{FORMAT} {VERSION}",
        "corpus": documents.read_identity(root)["corpus"],
        "generation": head.generation if head else 0,
        "interrupted": head is None,
        "indexed": (root / INDEX_FILE).exists(),
        "shards": len(live),
        "waiting": len(keys - live),
        "bytes": sum(file.stat().st_size for file in (root / SHARDS).glob("*.h5")),
    }
    if head is None:
        return found | {"utterances": 0, "seconds": 0.0, "original_rates": {}, "columns": {}}
    store = open_store(root)
    found["original_rates"] = dict(Counter(int(rate) for rate in store.original_rates).most_common())
    columns = {name: _describe(store, name) for name in store.columns}
    return found | {"utterances": len(store), "seconds": _seconds(store), "columns": columns}


def generations(path: str | Path) -> list[dict[str, Any]]:
    """Every generation that is kept, the oldest first, ready for JSON.

    Returns
    -------
    list of dict
        ``generation``, ``published`` (seconds since 1970, by the file's own stamp), ``utterances`` and ``columns``.

    Raises
    ------
    StoreNotFoundError, StoreError, CorruptStoreError
        When there is no readable store.
    """
    root = Path(path)
    documents.read_identity(root)
    found = []
    for number in documents.head_generations(root):
        file = root / HEADS / f"{number}.json"
        head = documents.read_head(file)
        manifest = files.read_bytes(root / MANIFESTS / f"{head.manifest_digest}.jsonl")
        facts = {"generation": number, "published": file.stat().st_mtime, "utterances": manifest.count(b"\n")}
        found.append(facts | {"columns": list(head.columns)})
    return found


def gc(path: str | Path, dry_run: bool = False) -> list[Path]:
    """Remove what the latest generation does not use: older heads with the manifests and shards that only they use.

    Shards that no head names may belong to an extraction under way; they, and files in tmp/, go when they are a day
    old by the file system's own clock, which may be another machine's. Do not collect while an older generation is
    being read or reverted to; afterwards there is no way back to one.

    Parameters
    ----------
    path : str or Path
        The store.
    dry_run : bool
        Only say what would go.

    Returns
    -------
    list of Path
        What was, or would be, removed.

    Raises
    ------
    StoreError
        When there is no readable store.
    """
    root = Path(path)
    latest = documents.latest_head(root)
    older = [root / HEADS / f"{number}.json" for number in documents.head_generations(root)[:-1]]
    used = _named(root, latest) if latest else set()
    once_used = {file for head in older for file in _named(root, documents.read_head(head))}
    old = _older_than_a_day(root, [file for folder in (MANIFESTS, SHARDS, TMP) for file in _files(root / folder)])
    # Heads go first: a head that is there has all its shards, even if we are killed in between.
    doomed = [*older, *sorted((once_used | old) - used)]
    if not dry_run:
        with files.explained(root, "clean"):
            for file in doomed:
                file.unlink(missing_ok=True)
                if file.parent.name == HEADS:
                    files.sync_folder(file.parent)
    return doomed


def _describe(store: Store, name: str) -> dict[str, Any]:
    column, rows, status = store.columns[name], int(store.lengths(name).sum()), store.status(name)
    facts = {fact: getattr(column, fact) for fact in ("kind", "dims", "unit", "hop_s", "sample_rate", "dtype", "spec")}
    counts = {"failed": int((status == FAILED).sum()), "skipped": int((status == SKIPPED).sum())}
    return facts | {"rows": rows, "bytes": rows * column.row_bytes} | counts


def _seconds(store: Store) -> float:
    """From the manifest where it knows; else from the first column that has a clock."""
    durations_s = [utterance.duration_s for utterance in store.manifest]
    if all(duration_s is not None for duration_s in durations_s):
        return float(sum(duration_s for duration_s in durations_s if duration_s))
    clocks = ((name, column.hop_s) for name, column in store.columns.items() if column.kind == "frames")
    name, hop_s = next(clocks, ("", None))
    return float(store.lengths(name).sum() * hop_s) if hop_s else 0.0


def _named(root: Path, head: Head) -> set[Path]:
    """The files a head needs."""
    shards = {root / SHARDS / f"{key}.h5" for group in head.groups for key in group.shards}
    return shards | {root / MANIFESTS / f"{head.manifest_digest}.jsonl"}


def _older_than_a_day(root: Path, candidates: list[Path]) -> set[Path]:
    """By the clock that stamps them: a file made just now says what time it is there."""
    probe = root / TMP / f"clock-{uuid.uuid4().hex}"
    try:
        probe.touch()
        now_s = probe.stat().st_mtime
    except OSError:  # nothing can be removed from a read-only store
        return set()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return {file for file in candidates if now_s - file.stat().st_mtime > DAY_S}


def _files(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder)] if folder.is_dir() else []
