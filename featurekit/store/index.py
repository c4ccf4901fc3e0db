"""index.h5: the tables of a head and the facts of its manifest in one file, so that a large store opens in milliseconds.

It is derived and may be deleted. Ten lines of h5py can use it::

    with h5py.File("cache/mosi/index.h5") as index:
        i = list(index["utterances/utt_id"]).index(b"03bSnISJMiM_1")
        column = index["columns/luo2019/mfcc"]
        group = index["groups"][str(column["group"][0])]  # columns that were extracted together
        key = group["key"][group["shard"][i]].decode()
        first, rows = column["first_row"][i], column["rows"][i]
    with h5py.File(f"cache/mosi/shards/{key}.h5") as shard:
        frames = shard["features/luo2019/mfcc"][first : first + rows]

``/manifest/jsonl`` with ``/manifest/offset`` holds the manifest's lines (labels and all), ``/splits/<digest>`` the splits.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.errors import StoreError
from featurekit.manifest import Manifest
from featurekit.settings import canonical_json
from featurekit.store import documents, files
from featurekit.store.container import Container, Dataset, build, damaged
from featurekit.store.schema import INDEX_FILE, INDEX_MAGIC, SPLITS, Head
from featurekit.store.tables import ColumnTable, GroupTable, ShardTables

_COLUMN_TABLES = {
    "base": "<i8",
    "first_row": "<i8",
    "rows": "<i8",
    "hash": "<u8",
    "status": "|u1",
    "error_at": "<i8",
    "error": "S",
}


def build_index(path: str | Path, manifest: Manifest | None = None) -> Path:
    """Write index.h5 for the latest head, in place of an older one.

    Parameters
    ----------
    path : str or Path
        The store.
    manifest : Manifest, optional
        When the caller has it already; of another head, it is not used.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        When nothing was published yet, or the disk refuses.
    CorruptStoreError
        When a shard or the manifest is damaged.
    """
    root = Path(path)
    head = documents.latest_head(root)
    if head is None:
        raise StoreError(f"{root} has no published generation to index; run `featurekit extract` to its end first")
    known = manifest is not None and manifest.digest == head.manifest_digest
    tables = ShardTables(root, head, manifest if known else None)
    datasets = _manifest_datasets(tables) | _split_datasets(root)
    for number, group in enumerate(tables.groups):
        datasets |= _group_datasets(number, group)
    for name in head.columns:
        datasets |= _column_datasets(name, group_of(head, name), tables)
    data = build(INDEX_MAGIC, head.digest, len(tables.ids), datasets, {"generation": head.generation})
    files.replace_bytes(root, root / INDEX_FILE, data)
    return root / INDEX_FILE


def group_of(head: Head, column: str) -> int:
    """Number of the group, in the order of the head, that holds a live column."""
    names = [{info.name for info in group.columns} for group in head.groups]
    return next(number for number, found in enumerate(names) if column in found)


class IndexTables:
    """The tables of a head from index.h5; each is read, and verified, when it is first asked for.

    Parameters
    ----------
    root : Path
        The store.
    head : Head
        The generation it must have been made from.

    Raises
    ------
    StoreNotFoundError, CorruptStoreError
        When it is absent, damaged, or made from another head.
    """

    def __init__(self, root: Path, head: Head) -> None:
        self.head = head
        self.container = Container(root / INDEX_FILE, INDEX_MAGIC)
        self.n = self.container.n
        if self.container.key != head.digest:
            raise damaged(self.container.path, "it was made from another head")

    @cached_property
    def ids(self) -> np.ndarray:
        """Ids as the manifest has them, (n,) bytes."""
        return self.container.table("utterances/utt_id", "S", (self.n,))

    @cached_property
    def groups(self) -> list[GroupTable]:
        """In the order of the head."""
        return [self._group(number) for number in range(len(self.head.groups))]

    def column(self, name: str) -> ColumnTable:
        """The table of a live column."""
        read, info = self.container.table, self.head.columns[name]
        group = self.groups[group_of(self.head, name)]
        lengths = {"base": len(group.keys), "error_at": -1, "error": -1}
        found: dict[str, Any] = {
            table: read(f"columns/{name}/{table}", dtype, (lengths.get(table, self.n),))
            for table, dtype in _COLUMN_TABLES.items()
        }
        datasets = tuple(text.decode() for text in read(f"columns/{name}/dataset", "S", (len(group.keys),)).tolist())
        scales = self.n if info.kind == "image" else 0
        return ColumnTable(group=group, datasets=datasets, scale=read(f"columns/{name}/scale", "<f4", (scales, 2)), **found)

    def _group(self, number: int) -> GroupTable:
        read, where, shards = self.container.table, f"groups/{number}", len(self.head.groups[number].shards)
        return GroupTable(
            keys=self.head.groups[number].shards,
            hashes=tuple(text.decode() for text in read(f"{where}/hash", "S", (shards,)).tolist()),
            shard=read(f"{where}/shard", "<i4", (self.n,)),
            original_rate=read(f"{where}/original_rate", "<i4", (self.n,)),
        )


def _manifest_datasets(tables: ShardTables) -> dict[str, Dataset]:
    lines = [utterance.to_json().encode("utf-8", "surrogateescape") + b"\n" for utterance in tables.manifest]
    facts = {name: _texts([getattr(utterance, name) for utterance in tables.manifest]) for name in ("speaker", "recording")}
    return {
        "utterances/utt_id": Dataset(tables.ids),
        "utterances/speaker": Dataset(facts["speaker"]),
        "utterances/recording": Dataset(facts["recording"]),
        "manifest/jsonl": Dataset(np.frombuffer(b"".join(lines), np.uint8)),
        "manifest/offset": Dataset(np.cumsum([0, *map(len, lines)]).astype("<i8")),
    }


def _split_datasets(root: Path) -> dict[str, Dataset]:
    names = sorted(file.stem for file in (root / SPLITS).glob("*.json"))
    splits = {name: canonical_json(documents.read_split(root, name)) for name in names}
    return {f"splits/{name}": Dataset(_texts([text])) for name, text in splits.items()}


def _group_datasets(number: int, group: GroupTable) -> dict[str, Dataset]:
    tables = {
        "key": _texts(group.keys),
        "hash": _texts(group.hashes),
        "shard": group.shard,
        "original_rate": group.original_rate,
    }
    return {f"groups/{number}/{name}": Dataset(array) for name, array in tables.items()}


def _column_datasets(name: str, group: int, tables: ShardTables) -> dict[str, Dataset]:
    table = tables.column(name)
    arrays = {entry: getattr(table, entry) for entry in (*_COLUMN_TABLES, "scale")} | {"dataset": _texts(table.datasets)}
    # For those who read with other tools. Our own reader asks the head, so an older index without it still opens.
    arrays["group"] = np.array([group], dtype="<i4")
    return {f"columns/{name}/{entry}": Dataset(array) for entry, array in arrays.items()}


def _texts(texts: Any) -> np.ndarray:
    return np.array([text.encode("utf-8", "surrogateescape") for text in texts], dtype=np.bytes_)
