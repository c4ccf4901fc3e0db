"""Reading a store: plain reads at recorded offsets, verified against the checksum of each utterance.

A :class:`Store` holds no open HDF5 file. It may be pickled, forked and used from threads; per-utterance facts are numpy
arrays, so worker processes share their memory.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from featurekit.errors import CorruptStoreError, ParameterError, StoreError, StoreNotFoundError, UnknownNameError
from featurekit.manifest import Manifest, position
from featurekit.notebook import Shown, Table
from featurekit.store import documents
from featurekit.store.container import damaged, read_header
from featurekit.store.files import OpenFile
from featurekit.store.hashing import xxh64
from featurekit.store.index import IndexTables
from featurekit.store.schema import DTYPES, OK, SHARD_MAGIC, SHARDS, ColumnInfo, Head, encode_id
from featurekit.store.tables import ColumnTable, ShardTables

Answer = TypeVar("Answer")
_STATUS_NAMES = {1: "failed", 2: "was skipped"}


def open_store(path: str | Path, verify: bool = True) -> Store:
    """Open the latest generation of a store for reading.

    Parameters
    ----------
    path : str or Path
        The folder; of a store that is open already, its folder is opened again.
    verify : bool
        Check every utterance against its checksum when it is read.

    Returns
    -------
    Store

    Raises
    ------
    StoreNotFoundError
        When there is no store.
    ParameterError
        For what is no path.
    StoreError
        When it is of another version, or nothing was published yet.
    CorruptStoreError
        When its head is damaged, or it has no index and a shard or the manifest is damaged.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ParameterError(f"a store is opened by its folder, as in open_store('cache/ravdess'); got {path!r:.60}")
    root = Path(path)
    head = documents.latest_head(root)
    if head is None:
        shards = len(list((root / SHARDS).glob("*.h5")))
        raise StoreError(f"{root} is not finished ({shards} shards, no head yet); run `featurekit extract` again, it resumes")
    return Store(root, head, verify)


class Store(Shown):
    """One generation of a store; ``store[utterance_id][column]`` is an array, and ``store[0]`` the first utterance.

    Parameters
    ----------
    path : Path
        The folder.
    head : Head
        The generation.
    verify : bool
        Check every utterance against its checksum when it is read.
    """

    def __init__(self, path: Path, head: Head, verify: bool = True) -> None:
        self.path, self.head, self.verify = path, head, verify
        self.corpus, self.generation, self.digest = head.corpus, head.generation, head.digest
        self.about = head.about  # what the corpus's owner says of it
        self.columns: Mapping[str, ColumnInfo] = head.columns
        self._files = _OpenShards(path / SHARDS)
        self._tables: dict[str, ColumnTable] = {}
        self._source: IndexTables | ShardTables
        try:
            self._source = IndexTables(path, head)
        except (StoreNotFoundError, CorruptStoreError):
            self._source = ShardTables(path, head)

    def _shown_facts(self) -> dict[str, Any]:
        facts = {"path": self.path, "corpus": self.corpus, "utterances": len(self), "columns": list(self.columns)}
        return facts | {"generation": str(self.generation)}

    def _shown_table(self) -> Table:
        rows = [
            (name, info.kind, info.image_shape or info.dims, info.unit, _milliseconds(info.hop_s), info.sample_rate)
            for name, info in self.columns.items()
        ]
        return ("column", "kind", "dims", "unit", "every, ms", "Hz"), rows

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, utterance_id: str) -> bool:
        return self._find(utterance_id)[1]

    def __getitem__(self, which: str | int) -> UtteranceView:
        """One utterance by its id or its position."""
        return UtteranceView(self, self.index(which) if isinstance(which, str) else position(which, len(self)))

    def __fspath__(self) -> str:
        """Its folder: wherever a path of a store is taken, the store itself is too."""
        return str(self.path)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "head": self.head, "verify": self.verify}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @cached_property
    def manifest(self) -> Manifest:
        """Labels, speakers and times of the utterances; read when first asked for."""
        return documents.read_manifest(self.path, self.head.manifest_digest)

    @property
    def ids(self) -> list[str]:
        """Utterance ids in manifest order."""
        return [data.decode("utf-8", "surrogateescape") for data in self._ids.tolist()]

    @property
    def original_rates(self) -> np.ndarray:
        """Sample rates of the audio files in Hz, int32 (n,); 0 where unknown."""
        return self._ask(lambda source: source.groups)[0].original_rate

    def index(self, utterance_id: str) -> int:
        """Position of an utterance in the manifest; Unicode forms of one id are one id.

        Raises
        ------
        UnknownNameError
            With the closest ids.
        ParameterError
            For a position instead of an id, or a column.
        """
        if not isinstance(utterance_id, str):
            raise ParameterError(f"an id is text, as in store.index(store.ids[0]); got {utterance_id!r}")
        if utterance_id in self.columns and utterance_id not in self:
            raise ParameterError(
                f"{utterance_id} is a column; its values belong to an utterance, as in store[0][{utterance_id!r}]"
            )
        at, found = self._find(utterance_id)
        order = self._id_order[1]
        if not found:
            # difflib over 300,000 ids takes a minute; 60 of more are too many to be printed as all there are
            near = order[max(0, min(at - 30, len(order) - 60)) :][:60]
            raise UnknownNameError("utterance", utterance_id, [self._name(index) for index in near])
        return int(order[at])

    def lengths(self, column: str) -> np.ndarray:
        """Rows of every utterance, int64 (n,); 0 where it failed."""
        return self._table(column).rows

    def status(self, column: str) -> np.ndarray:
        """0 ok, 1 failed, 2 skipped, uint8 (n,)."""
        return self._table(column).status

    def hashes(self, column: str) -> np.ndarray:
        """Checksum of every utterance's values, uint64 (n,)."""
        return self._table(column).hash

    def errors(self, column: str) -> list[str]:
        """One text an utterance: why it failed, or a note (``CLIPPED: ...``) on one that did not; mostly empty."""
        table, texts = self._table(column), [""] * len(self)
        for index in table.error_at.tolist():
            texts[index] = table.error_text(index)
        return texts

    def scale(self, column: str, index: int) -> tuple[float, float]:
        """Decibels at the values 0 and 255 of an image.

        Raises
        ------
        ParameterError
            When the column holds no images.
        """
        table = self._table(column)
        if self.columns[column].kind != "image":
            raise ParameterError(f"column {column} holds {self.columns[column].kind}, and only images have a scale")
        low, high = table.scale[index]
        return float(low), float(high)

    def read(self, column: str, index: int | str) -> np.ndarray:
        """Values of one utterance, by its position or its id.

        Returns
        -------
        ndarray
            ``(frames, dims)``, ``(1, dims)`` or, for images, ``(height, width)``; yours to change.

        Raises
        ------
        UnknownNameError
            For an unknown column.
        StoreError
            When the utterance failed or was skipped, with the reason.
        CorruptStoreError
            When the bytes are not those that were committed.
        """
        return self.read_window(column, [self.index(index) if isinstance(index, str) else index])[0]

    def read_window(self, column: str, indices: Sequence[int]) -> list[np.ndarray]:
        """Values of several utterances; neighbours in a conversation lie side by side and are one read.

        Raises
        ------
        UnknownNameError, StoreError, CorruptStoreError
            As :meth:`read`.
        """
        table, info = self._table(column), self.columns[column]
        dtype, row_bytes = np.dtype(DTYPES[info.dtype]), info.row_bytes
        runs: list[tuple[OpenFile, int, list[np.ndarray]]] = []
        arrays, end = [], (-1, -1)
        for index in indices:
            if table.status[index] != OK:
                raise self._unread(table, column, index)
            shard, rows = int(table.group.shard[index]), int(table.rows[index])
            offset = int(table.base[shard]) + int(table.first_row[index]) * row_bytes
            if (shard, offset) != end:
                runs.append((self._files.get(table.group.keys[shard], table.group.hashes[shard]), offset, []))
            runs[-1][0].check_inside(offset, rows * row_bytes)  # before anything is allocated
            array = np.empty((rows, *info.row_shape), dtype)
            runs[-1][2].append(array)
            arrays.append(array)
            end = (shard, offset + array.nbytes)
        for file, offset, buffers in runs:
            file.read_into(buffers, offset)
        if self.verify:
            for index, array in zip(indices, arrays, strict=True):
                if xxh64(array) != table.hash[index]:
                    path = self._files.path(table.group.keys[table.group.shard[index]])
                    raise damaged(path, f"{column} of utterance {self._name(index)} is not what was committed")
        return [array[0] for array in arrays] if info.kind == "image" else arrays

    @property
    def _ids(self) -> np.ndarray:
        return self._ask(lambda source: source.ids)

    @cached_property
    def _id_order(self) -> tuple[np.ndarray, np.ndarray]:
        """Ids as they are compared, sorted, and their positions: a dict of 300,000 strings would not be shared by workers."""
        keys = np.array([encode_id(name) for name in self.ids])
        order = np.argsort(keys)
        return keys[order], order

    def _find(self, utterance_id: str) -> tuple[int, bool]:
        """Where the id is, or would be, among the sorted ones."""
        keys, wanted = self._id_order[0], encode_id(utterance_id)
        at = int(np.searchsorted(keys, wanted[: keys.itemsize]))  # a longer one would have numpy copy all keys
        return at, at < len(keys) and keys[at] == wanted

    def _name(self, index: int) -> str:
        return str(self._ids[index].decode("utf-8", "replace"))

    def _table(self, column: str) -> ColumnTable:
        if column not in self.columns:
            raise UnknownNameError("column", column, self.columns)
        if column not in self._tables:
            self._tables[column] = self._ask(lambda source: source.column(column))
        return self._tables[column]

    def _ask(self, question: Callable[[IndexTables | ShardTables], Answer]) -> Answer:
        try:
            return question(self._source)
        except CorruptStoreError:  # a damaged index; the shards say the same
            if isinstance(self._source, ShardTables):
                raise
            self._source = ShardTables(self.path, self.head)
            return question(self._source)

    def _unread(self, table: ColumnTable, column: str, index: int) -> StoreError:
        status = _STATUS_NAMES.get(int(table.status[index]), "has an unknown status")
        return StoreError(
            f"{column} of utterance {self._name(index)} {status}: {table.error_text(index)}; "
            "leave it out (store.status(column) says which) or mend the file and run the same `featurekit extract` again"
        )


class UtteranceView(Shown, Mapping[str, np.ndarray]):
    """One utterance: column → array, read when asked for."""

    def __init__(self, store: Store, index: int) -> None:
        self._store, self._index = store, index

    def _shown_facts(self) -> dict[str, Any]:
        item = self._store.manifest.utterances[self._index]
        return {"id": item.id, "speaker": item.speaker, "labels": item.labels, "columns": list(self)}

    def _shown_table(self) -> Table:
        infos = self._store.columns
        rows = [(name, (int(self._store.lengths(name)[self._index]), *infos[name].row_shape)[-2:]) for name in self]
        return ("column", "shape"), rows

    def __getitem__(self, column: str) -> np.ndarray:
        return self._store.read(column, self._index)

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.columns)

    def __contains__(self, column: object) -> bool:
        return column in self._store.columns  # a Mapping would read the array to find out

    def __len__(self) -> int:
        return len(self._store.columns)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.4g}"


class _OpenShards:
    """The shards read last, open; fewer than the process may hold, and none taken over from a parent process."""

    def __init__(self, folder: Path) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(4, min(256, soft // 4))
        self._folder, self._pid = folder, os.getpid()
        self._files: dict[str, OpenFile] = {}

    def path(self, key: str) -> Path:
        """The file of a shard."""
        return self._folder / f"{key}.h5"

    def get(self, key: str, file_hash: str) -> OpenFile:
        """The open file; a dict operation is atomic, so two threads at worst open a file twice."""
        if self._pid != os.getpid():
            self._pid, self._files = os.getpid(), {}
        file = self._files.pop(key, None) or self._open(key, file_hash)
        self._files[key] = file  # last in the dict: the first is the one unused for longest
        while len(self._files) > self._most:
            with contextlib.suppress(RuntimeError):  # another thread changed the dict between the two calls
                self._files.pop(next(iter(self._files)), None)
        return file

    def _open(self, key: str, file_hash: str) -> OpenFile:
        path = self.path(key)
        try:
            file = OpenFile(path)
        except StoreNotFoundError:
            raise CorruptStoreError(f"{path} is missing; run `featurekit extract` again, it computes what is missing") from None
        if read_header(file, SHARD_MAGIC)["hash"] != file_hash:
            raise CorruptStoreError(f"{path} is another one than the index knows; run `featurekit store index` and open again")
        return file
