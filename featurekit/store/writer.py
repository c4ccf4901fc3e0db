"""Making a store: create it, commit shards in any order from any process, publish a head when all are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurekit import __version__
from featurekit.errors import ParameterError, StoreError, StoreNotFoundError, UnknownNameError
from featurekit.manifest import Manifest
from featurekit.store import documents, files
from featurekit.store.schema import (
    FOLDERS,
    FORMAT,
    HEADS,
    INDEX_FILE,
    MANIFESTS,
    SHARDS,
    STORE_FILE,
    VERSION,
    GroupInfo,
    Head,
    ShardContent,
)
from featurekit.store.shard import build_shard
from featurekit.store.tables import check_head

Groups = Sequence[GroupInfo] | Callable[[Head | None], Sequence[GroupInfo]]


def exists(path: str | Path) -> bool:
    """Whether there is a store at that path."""
    return (Path(path) / STORE_FILE).is_file()


def create(path: str | Path, corpus: str) -> None:
    """Make an empty store, or check that the one there is of this format and corpus.

    Raises
    ------
    StoreError
        When the folder holds something else, a store of another version, or another corpus.
    """
    import h5py  # noqa: F401 - a machine without it hears so before any work, and processes forked from here have it

    root = Path(path)
    with files.explained(root, "make"):
        root.mkdir(parents=True, exist_ok=True)
        strange = sorted(entry.name for entry in root.iterdir() if entry.name not in (*FOLDERS, STORE_FILE, INDEX_FILE))
    if strange and not exists(root):
        raise StoreError(f"{root} is not a store and not empty (it holds {strange[0]!r}); choose another folder")
    with files.explained(root, "make"):
        for folder in FOLDERS:
            (root / folder).mkdir(exist_ok=True)
        files.sync_folder(root)
        files.sync_folder(root.parent)
    identity = {"format": FORMAT, "version": VERSION, "corpus": corpus}
    if not files.commit_bytes(root, root / STORE_FILE, documents.encode(identity)):
        found = documents.read_identity(root)["corpus"]
        if found != corpus:
            raise StoreError(f"{root} is a store of the corpus {found!r}, not of {corpus!r}; choose another folder")


def commit_shard(path: str | Path, content: ShardContent) -> bool:
    """Write one shard; safe to call twice, from several processes, and to be killed in.

    Returns
    -------
    bool
        True when this call made the shard, False when it was there already.

    Raises
    ------
    StoreError
        When the content does not fit its columns (naming utterance and column) or the disk refuses.
    """
    root = Path(path)
    target = root / SHARDS / f"{content.key}.h5"
    if target.exists():  # before the work of building it; the sync is for a writer who was killed before his own
        with files.explained(target, "commit"):
            files.sync_folder(target.parent)
        return False
    return files.commit_bytes(root, target, build_shard(content))


def committed(path: str | Path) -> set[str]:
    """Keys of all shards that are there: what resume needs to know.

    Raises
    ------
    StoreNotFoundError
        When there is no store.
    """
    folder = Path(path) / SHARDS
    if not exists(path):
        raise StoreNotFoundError(f"there is no store at {path}; make one with `featurekit extract`")
    with files.explained(folder, "read"):
        return {file.stem for file in folder.glob("*.h5")}


def publish_head(path: str | Path, manifest: Manifest, groups: Groups, about: Mapping[str, Any] | None = None) -> Head:
    """Publish a generation: these utterances, these columns, these shards.

    Parameters
    ----------
    path : str or Path
        The store.
    manifest : Manifest
        Every group must cover it exactly, in its order.
    groups : sequence of GroupInfo, or function of (Head or None) → such a sequence
        A function is asked again, with the newer head, when another writer was faster: the way to add a group
        without losing theirs.
    about : mapping, optional
        What the corpus's owner says of it; None is what the latest generation has.

    Returns
    -------
    Head
        The new one; the latest when it says the same already.

    Raises
    ------
    StoreError
        When the shards do not cover the manifest, or the disk refuses.
    """
    root = Path(path)
    target = root / MANIFESTS / f"{manifest.digest}.jsonl"
    documents.read_identity(root)
    files.commit_bytes(root, target, documents.encode_manifest(manifest))
    return _publish(root, lambda latest: _draft(root, latest, manifest, groups, about))


def drop(path: str | Path, column: str, dry_run: bool = False) -> Head:
    """Publish a generation without a column; shards stay, since others may need them.

    Parameters
    ----------
    path : str or Path
        The store.
    column : str
        Its name.
    dry_run : bool
        Publish nothing.

    Returns
    -------
    Head
        The new one, with ``dry_run`` as it would be.

    Raises
    ------
    StoreError
        When it is the last column.
    UnknownNameError
        When there is no such column.
    """
    root = Path(path)

    def shorter(latest: Head | None) -> Head:
        if latest is None or column not in latest.columns:
            raise UnknownNameError("column", column, latest.columns if latest else ())
        groups = tuple(group.without(column) for group in latest.groups)
        if len(latest.columns) == 1:
            raise StoreError(f"{column} is the last column of {root}; remove the folder instead")
        return replace(latest, groups=tuple(group for group in groups if group.columns))

    return shorter(documents.latest_head(root)) if dry_run else _publish(root, shorter)


def revert(path: str | Path, generation: int, dry_run: bool = False) -> Head:
    """Publish the contents of an older generation again, as the newest: the way back from a drop or a lost utterance.

    Nothing is removed: the generation that was the newest stays, so a revert can be reverted.

    Parameters
    ----------
    path : str or Path
        The store.
    generation : int
        One that :func:`featurekit.store.generations` lists.
    dry_run : bool
        Check that it can be read, and publish nothing.

    Returns
    -------
    Head
        The new one; the latest when it says the same already. With ``dry_run`` the older one.

    Raises
    ------
    ParameterError
        When that generation is not kept.
    CorruptStoreError
        When a shard or the manifest it needs is gone.
    """
    root = Path(path)
    documents.read_identity(root)
    kept = documents.head_generations(root)
    if generation not in kept:
        numbers = ", ".join(map(str, kept)) or "none"
        raise ParameterError(
            f"{root} has no generation {generation}; it keeps {numbers} (`featurekit store gc` removes the older ones)"
        )
    older = documents.read_head(root / HEADS / f"{generation}.json")
    check_head(root, older, documents.read_manifest(root, older.manifest_digest))
    return older if dry_run else _publish(root, lambda latest: older)


def _draft(root: Path, latest: Head | None, manifest: Manifest, groups: Groups, about: Mapping[str, Any] | None) -> Head:
    wanted = groups(latest) if callable(groups) else groups
    kept = {} if latest is None else latest.about
    head = Head(
        0, documents.read_identity(root)["corpus"], manifest.digest, tuple(wanted), about=dict(kept if about is None else about)
    )
    return head if latest is not None and latest.digest == head.digest else check_head(root, head, manifest)


def _publish(root: Path, draft: Callable[[Head | None], Head]) -> Head:
    """Put the next generation if its number is free; else look at what the other writer published and try again."""
    tried = 0
    while True:
        latest = documents.latest_head(root)
        head = draft(latest)
        if latest is not None and latest.digest == head.digest:
            return latest
        tried = max(tried, latest.generation if latest else 0) + 1
        head = replace(head, generation=tried, created_by=__version__)
        with files.explained(root / SHARDS, "sync"):
            files.sync_folder(root / SHARDS)  # a shard whose writer was killed before its own sync counts from here on
        if files.commit_bytes(root, root / HEADS / f"{tried}.json", documents.encode(head.to_dict())):
            return head
