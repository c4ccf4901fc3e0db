"""verify: is every byte what was committed? repair: put aside what is not, so that extraction can fill the gap."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from featurekit.errors import CorruptStoreError, FeaturekitError, StoreError
from featurekit.store import documents, files, hdf5_view
from featurekit.store.container import Container
from featurekit.store.index import build_index
from featurekit.store.schema import HEADS, INDEX_FILE, INDEX_MAGIC, MANIFESTS, QUARANTINE, SHARDS, SPLITS, STORE_FILE, Head
from featurekit.store.shard import Shard
from featurekit.store.tables import ShardTables


@dataclass(frozen=True)
class Problem:
    """A file that is not what was committed, and in what way."""

    path: Path
    what: str


@dataclass
class Report:
    """What :func:`verify` found.

    Parameters
    ----------
    problems : list of Problem
        Empty when the store is in order.
    counts : dict of str to int
        Files looked at, by folder.
    moved : list of Path
        What :func:`repair` put aside.
    """

    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    moved: list[Path] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(path: str | Path, deep: bool = True) -> Report:
    """Check every file of a store.

    Parameters
    ----------
    path : str or Path
        The store.
    deep : bool
        Also read all values: hash of each shard, checksum of each utterance, and how HDF5 sees the shards. Without it
        only headers, indices and the documents are read.

    Raises
    ------
    StoreNotFoundError, StoreError
        When there is no store, or one of another version; anything less is in the report.
    """
    root, report = Path(path), Report()
    try:
        documents.read_identity(root)
    except CorruptStoreError as error:
        report.problems.append(Problem(root / STORE_FILE, str(error)))
    checks: dict[str, Callable[[Path], object]] = {
        HEADS: documents.read_head,
        MANIFESTS: lambda file: documents.read_manifest(root, file.stem),
        SPLITS: lambda file: documents.read_split(root, file.stem),
        SHARDS: lambda file: _check_shard(root, file, deep),
    }
    for folder, check in checks.items():
        found = sorted((root / folder).iterdir()) if (root / folder).is_dir() else []
        report.counts[folder] = len(found)
        report.problems += _failures(found, check)
    if (root / INDEX_FILE).exists():
        report.problems += _failures([root / INDEX_FILE], _check_index)
    if report.ok:  # what follows needs files that are sound by themselves
        report.problems += _failures([root / HEADS], lambda _: _check_latest(root))
    if report.ok and deep:
        seen = hdf5_view.problems(sorted((root / SHARDS).iterdir()))
        report.problems += [Problem(file, what) for file, what in seen.items()]
    return report


def repair(path: str | Path, dry_run: bool = False) -> Report:
    """Move what :func:`verify` refuses to ``quarantine/``, each with its reason, and make the index again.

    Extraction then computes the missing shards and publishes a missing manifest or head anew.

    Parameters
    ----------
    path : str or Path
        The store.
    dry_run : bool
        Only say what would be moved.

    Returns
    -------
    Report
        What was wrong, and under ``moved`` what was put aside; with ``dry_run`` the files that would be.

    Raises
    ------
    StoreError
        When STORE.json itself is damaged, or the disk refuses.
    """
    root = Path(path)
    documents.read_identity(root)
    report = verify(root)
    folders = {root / name for name in (HEADS, MANIFESTS, SPLITS, SHARDS)}
    damaged = [problem for problem in report.problems if problem.path.parent in folders]
    if dry_run:
        report.moved += [problem.path for problem in damaged]
        return report
    with files.explained(root / QUARANTINE, "write"):
        report.moved += [_put_aside(root, problem) for problem in damaged]
        (root / INDEX_FILE).unlink(missing_ok=True)
    with contextlib.suppress(StoreError):  # shards or a head may be missing now; extraction makes them, and then the index
        build_index(root)
    return report


def _check_shard(root: Path, file: Path, deep: bool) -> None:
    if file.suffix != ".h5":
        raise CorruptStoreError(f"{file} is not a shard")
    shard = Shard(root, file.stem)
    if deep:
        shard.container.check_hash()
        shard.check_content()
    for column in shard.columns:
        shard.table(column)


def _check_index(file: Path) -> None:
    Container(file, INDEX_MAGIC).check_hash()


def _check_latest(root: Path) -> Head | None:
    head = documents.latest_head(root)
    if head is not None:
        ShardTables(root, head)
    return head


def _failures(paths: list[Path], check: Callable[[Path], object]) -> Iterator[Problem]:
    for path in paths:
        try:
            check(path)
        except FeaturekitError as error:
            yield Problem(path, str(error))


def _put_aside(root: Path, problem: Problem) -> Path:
    """Rename into quarantine under a name that is free, the reason beside it."""
    number = 0
    while os.path.lexists(target := root / QUARANTINE / f"{problem.path.name}.{number}"):
        number += 1
    reason = {"file": str(problem.path.relative_to(root)), "reason": problem.what}
    files.replace_bytes(root, target.with_name(target.name + ".json"), json.dumps(reason, indent=1).encode() + b"\n")
    problem.path.rename(target)
    files.sync_folder(problem.path.parent)
    files.sync_folder(target.parent)
    return target
