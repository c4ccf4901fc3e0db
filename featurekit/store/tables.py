"""Where every utterance of a head lies: one row per utterance in manifest order, gathered from the shards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.errors import CorruptStoreError, StoreError, StoreNotFoundError
from featurekit.manifest import Manifest
from featurekit.store.documents import read_manifest
from featurekit.store.schema import SHARDS, ColumnInfo, GroupInfo, Head, check_names, decode_id, encode_id
from featurekit.store.shard import Shard, ShardTable


@dataclass(frozen=True)
class GroupTable:
    """Which shard holds an utterance, for the columns of one group.

    Parameters
    ----------
    keys, hashes : tuple of str
        Key of each shard and the hash in its header, which tells a shard from one that was computed anew.
    shard : ndarray of int32 (n,)
        Position in ``keys``.
    original_rate : ndarray of int32 (n,)
        Sample rate of the audio file in Hz.
    """

    keys: tuple[str, ...]
    hashes: tuple[str, ...]
    shard: np.ndarray
    original_rate: np.ndarray


@dataclass(frozen=True)
class ColumnTable:
    """Where the values of one column lie.

    Parameters
    ----------
    group : GroupTable
        The shards.
    datasets : tuple of str
        Path of the values in each shard.
    base : ndarray of int64 (shards,)
        Offset of the values in each shard, in bytes.
    first_row, rows, hash, status : ndarray (n,)
        As in :class:`featurekit.store.shard.ShardTable`.
    scale : ndarray of float32 (n, 2) or (0, 2)
        Decibels at the image values 0 and 255; empty for columns that are no images.
    error_at, error : ndarray (texts,)
        Which utterances have a text (why they failed, or a note on one that did not), and the texts.
    """

    group: GroupTable
    datasets: tuple[str, ...]
    base: np.ndarray
    first_row: np.ndarray
    rows: np.ndarray
    hash: np.ndarray
    status: np.ndarray
    scale: np.ndarray
    error_at: np.ndarray
    error: np.ndarray

    def error_text(self, index: int) -> str:
        """Why an utterance failed, or a note on one that did not; mostly empty."""
        at = int(np.searchsorted(self.error_at, index))
        found = at < len(self.error_at) and self.error_at[at] == index
        return self.error[at].decode("utf-8", "replace") if found else ""


class ShardTables:
    """The tables of a head, taken from its manifest and shards (the index holds the same, ready-made).

    Parameters
    ----------
    root : Path
        The store.
    head : Head
        The generation.
    manifest : Manifest, optional
        When the caller has it already.

    Attributes
    ----------
    groups : list of GroupTable
        In the order of the head.
    versions : dict of str to dict
        Column name → the libraries' versions its shards were computed with, as :attr:`ColumnInfo.versions` has them.

    Raises
    ------
    StoreError
        When the shards of a group are not exactly the utterances of the manifest, in its order.
    CorruptStoreError
        When a shard is missing or damaged.
    """

    def __init__(self, root: Path, head: Head, manifest: Manifest | None = None) -> None:
        self.manifest = manifest or read_manifest(root, head.manifest_digest)
        self.groups: list[GroupTable] = []
        self.versions: dict[str, dict[str, Any]] = {}
        self._columns: dict[str, ColumnTable] = {}
        for group in head.groups:
            table, columns, versions = _read_group(root, self.manifest, group)
            self.groups.append(table)
            self._columns |= columns
            self.versions |= versions

    @cached_property
    def ids(self) -> np.ndarray:
        """Ids as the manifest has them, (n,) bytes."""
        return np.array([utterance.id.encode("utf-8", "surrogateescape") for utterance in self.manifest])

    def column(self, name: str) -> ColumnTable:
        """The table of a live column."""
        return self._columns[name]


def check_head(root: Path, head: Head, manifest: Manifest) -> Head:
    """Refuse a head that could not be read: whatever :class:`ShardTables` would find.

    Returns
    -------
    Head
        The same, with the versions of libraries that its shards were computed with, whoever publishes it.

    Raises
    ------
    StoreError, CorruptStoreError
        Naming the column, the utterance or the shard.
    """
    check_names(column.name for group in head.groups for column in group.columns)
    if not len(manifest) or not head.groups or not all(group.columns for group in head.groups):
        raise StoreError(f"a head needs utterances and columns, got {len(manifest)} and {', '.join(head.columns) or 'none'}")
    ids = {encode_id(utterance.id) for utterance in manifest}
    if len(ids) != len(manifest):
        raise StoreError("two ids of the manifest are the same in Unicode form NFC; rename one of the utterances")
    versions = ShardTables(root, head, manifest).versions
    groups = (
        replace(group, columns=tuple(replace(info, versions=versions[info.name]) for info in group.columns))
        for group in head.groups
    )
    return replace(head, groups=tuple(groups))


def _read_group(
    root: Path, manifest: Manifest, group: GroupInfo
) -> tuple[GroupTable, dict[str, ColumnTable], dict[str, dict[str, Any]]]:
    """Shard by shard, so that one file is open at a time."""
    position, hashes, sizes, rates = 0, [], [], []
    tables: dict[str, list[ShardTable]] = {column.name: [] for column in group.columns}
    computed: dict[str, list[ColumnInfo]] = {column.name: [] for column in group.columns}
    for key in group.shards:
        try:
            shard = Shard(root, key)
        except StoreNotFoundError:
            path = root / SHARDS / f"{key}.h5"
            raise CorruptStoreError(f"{path} is missing; run `featurekit extract` again, it computes what is missing") from None
        _check_cover(manifest, group, shard, position)
        position += shard.n
        hashes.append(shard.container.hash)
        sizes.append(shard.n)
        rates.append(shard.original_rate)
        for column in group.columns:
            tables[column.name].append(shard.table(column))
            computed[column.name].append(shard.column(column))
    if position != len(manifest):
        names = ", ".join(tables)
        raise StoreError(f"the shards of {names} hold {position} of {len(manifest)} utterances; commit the rest first")
    which = np.repeat(np.arange(len(sizes), dtype="<i4"), sizes)
    table = GroupTable(group.shards, tuple(hashes), which, np.concatenate(rates))
    gathered = {column.name: _gather(table, column, tables[column.name]) for column in group.columns}
    return table, gathered, {name: _merged(infos) for name, infos in computed.items()}


def _merged(shards: Iterable[ColumnInfo]) -> dict[str, Any]:
    """Library → its version, or all of them where shards were computed with several."""
    found: dict[str, set[str]] = {}
    for library, version in (entry for of_shard in shards for entry in of_shard.versions_of_libraries):
        found.setdefault(library, set()).add(version)
    return {library: sorted(several) if len(several) > 1 else next(iter(several)) for library, several in found.items()}


def _check_cover(manifest: Manifest, group: GroupInfo, shard: Shard, start: int) -> None:
    """Refuse a shard that is not the manifest from ``start`` on: the same utterances, in order, from the same audio."""
    names = ", ".join(column.name for column in group.columns)
    held = {column.key for column in shard.columns}
    if not {column.key for column in group.columns} <= held <= set(group.column_keys):  # a dropped one may be in older shards
        raise StoreError(f"{shard.path} holds other columns than its group ({names}); give the group's column_keys")
    for position, (data, fingerprint) in enumerate(zip(shard.id_bytes.tolist(), shard.fingerprints, strict=True), start):
        utterance = manifest.utterances[position] if position < len(manifest) else None
        if utterance is None or encode_id(utterance.id) != data:
            expected = "nothing" if utterance is None else repr(utterance.id)
            raise StoreError(
                f"the shards of {names} have {decode_id(data)!r} as utterance {position}; the manifest has {expected} there"
            )
        if utterance.fingerprint and utterance.fingerprint != fingerprint:
            raise StoreError(f"{names} of {utterance.id!r} was computed from other audio than the manifest's; extract again")


def _gather(group: GroupTable, info: ColumnInfo, tables: list[ShardTable]) -> ColumnTable:
    errors = np.concatenate([table.error for table in tables])
    error_at = np.flatnonzero(errors != b"").astype("<i8")  # few have one, and texts are wide
    scales = [table.scale for table in tables] if info.kind == "image" else [np.empty((0, 2), "<f4")]
    return ColumnTable(
        group=group,
        datasets=tuple(table.dataset for table in tables),
        base=np.array([table.base for table in tables], "<i8"),
        first_row=np.concatenate([table.first_row for table in tables]),
        rows=np.concatenate([table.rows for table in tables]),
        hash=np.concatenate([table.hash for table in tables]),
        status=np.concatenate([table.status for table in tables]),
        scale=np.concatenate(scales),
        error_at=error_at,
        error=errors[error_at],
    )
