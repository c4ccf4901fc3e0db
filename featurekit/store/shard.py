"""A shard: the results of one stretch of utterances as a container, and its tables read back."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.errors import FeaturekitError, StoreError
from featurekit.settings import canonical_json
from featurekit.store.container import Container, Dataset, build, damaged
from featurekit.store.hashing import xxh64
from featurekit.store.schema import (
    DTYPES,
    ERROR_BYTES,
    FAILED,
    OK,
    SHARD_MAGIC,
    SHARDS,
    SKIPPED,
    ColumnInfo,
    ShardContent,
    UtteranceResult,
    check_names,
    decode_id,
    encode_id,
    shard_key,
)


@dataclass(frozen=True)
class ShardTable:
    """The utterances of one column in one shard; all arrays have one entry an utterance.

    Parameters
    ----------
    dataset : str
        Path of the values in the shard.
    base : int
        Offset of the values in the file, in bytes.
    first_row, rows : ndarray of int64 (n,)
        Which rows of the values.
    hash : ndarray of uint64 (n,)
        XXH64 of the bytes.
    status : ndarray of uint8 (n,)
        0 ok, 1 failed, 2 skipped.
    error : ndarray of bytes (n,)
        Why.
    scale : ndarray of float32 (n, 2)
        Decibels at the image values 0 and 255; (0, 0) where there is no image.
    """

    dataset: str
    base: int
    first_row: np.ndarray
    rows: np.ndarray
    hash: np.ndarray
    status: np.ndarray
    error: np.ndarray
    scale: np.ndarray


def build_shard(content: ShardContent) -> bytes:
    """The bytes of a shard; equal contents give equal bytes.

    Raises
    ------
    StoreError
        For duplicate ids, a key that is not that of the contents, or a result that the column cannot hold.
    """
    ids = _check_content(content)
    rates = [max(result.original_rate for result in results) for results in zip(*content.results.values(), strict=True)]
    datasets = {
        "index/utt_id": Dataset(np.array(ids)),
        "index/fingerprint": Dataset(np.array([text.encode() or b" " for text in content.fingerprints])),
        "index/original_rate": Dataset(np.array(rates, "<i4")),
    }
    columns = sorted(content.columns, key=lambda column: column.name)
    for column in columns:
        datasets |= _column_datasets(column, content.ids, content.results[column.name])
    facts = {"columns": [column.to_dict() for column in columns]}
    return build(SHARD_MAGIC, content.key, len(ids), datasets, facts)


class Shard:
    """A shard on disk.

    Parameters
    ----------
    root : Path
        The store.
    key : str
        Name of the shard.

    Raises
    ------
    StoreNotFoundError, CorruptStoreError
        When it is absent or damaged.
    """

    def __init__(self, root: Path, key: str) -> None:
        self.path, self.key = root / SHARDS / f"{key}.h5", key
        self.container = Container(self.path, SHARD_MAGIC)
        if self.container.key != key:
            raise damaged(self.path, f"it is the shard {self.container.key}")
        if self.container.n < 1:
            raise damaged(self.path, "it holds no utterance")
        self.n = self.container.n
        try:
            self.columns = tuple(ColumnInfo.from_dict(entry) for entry in self.container.facts["columns"])
        except (FeaturekitError, KeyError, TypeError, AttributeError) as error:
            raise damaged(self.path, f"its columns cannot be read ({error})") from None

    @cached_property
    def id_bytes(self) -> np.ndarray:
        """Ids as they lie on disk, (n,) bytes."""
        return self.container.table("index/utt_id", "S", (self.n,))

    @cached_property
    def fingerprints(self) -> list[str]:
        """Input fingerprints, in order."""
        return [text.decode("utf-8", "replace").strip() for text in self.container.table("index/fingerprint", "S", (self.n,))]

    @cached_property
    def original_rate(self) -> np.ndarray:
        """Sample rate of the audio files in Hz, int32 (n,); 0 where unknown."""
        return self.container.table("index/original_rate", "<i4", (self.n,))

    def column(self, column: ColumnInfo) -> ColumnInfo:
        """The column as the shard has it, found by its key: its name when it was written, what it was computed with.

        Raises
        ------
        StoreError
            When the shard lacks it, or holds that key in another layout.
        """
        mine = next((info for info in self.columns if info.key == column.key), None)
        if mine is None or mine.layout != column.layout:
            raise StoreError(
                f"{self.path} does not hold column {column.name} as the head describes it "
                f"({column.kind}, {column.dims} dims, {column.dtype}); extract the column under another key"
            )
        return mine

    def table(self, column: ColumnInfo) -> ShardTable:
        """Where the utterances of a column lie, found by the column's key and checked for sense.

        Raises
        ------
        StoreError
            When the shard holds that key in another layout.
        CorruptStoreError
            When a table is damaged or makes no sense.
        """
        mine = self.column(column)
        n, read = self.n, self.container.table
        offset = read(f"index/offset/{mine.name}", "<i8", (n + 1,))
        values = self.container.place(mine.dataset)
        table = ShardTable(
            dataset=mine.dataset,
            base=values.offset,
            first_row=offset[:-1],
            rows=np.diff(offset),
            hash=read(f"index/hash/{mine.name}", "<u8", (n,)),
            status=read(f"index/status/{mine.name}", "|u1", (n,)),
            error=read(f"index/error/{mine.name}", "S", (n,)),
            scale=read(f"index/scale/{mine.name}", "<f4", (n, 2)) if mine.kind == "image" else np.zeros((n, 2), "<f4"),
        )
        sound = offset[0] == 0 and (table.rows >= 0).all() and values.shape == (offset[-1], *mine.row_shape)
        if not sound or values.dtype != np.dtype(DTYPES[mine.dtype]) or (table.rows[table.status != OK] != 0).any():
            raise damaged(self.path, f"the rows of {mine.name} do not fit its index")
        return table

    def check_content(self) -> None:
        """Check that the key is that of the contents and that every utterance's bytes have their checksum.

        Raises
        ------
        CorruptStoreError
            Naming the utterance and the column.
        """
        ids = [decode_id(text) for text in self.id_bytes.tolist()]
        if shard_key([column.key for column in self.columns], zip(ids, self.fingerprints, strict=True)) != self.key:
            raise damaged(self.path, "its contents are those of another shard")
        for column in self.columns:
            table = self.table(column)
            for index in range(self.n):
                values = np.empty((table.rows[index], *column.row_shape), DTYPES[column.dtype])
                self.container.file.read_into([values], table.base + int(table.first_row[index]) * column.row_bytes)
                if xxh64(values) != table.hash[index]:
                    raise damaged(self.path, f"{column.name} of utterance {ids[index]} is not what was written")


def _check_content(content: ShardContent) -> list[bytes]:
    ids = [encode_id(name) for name in content.ids]
    check_names(column.name for column in content.columns)
    if not ids or not content.columns:
        raise StoreError("a shard needs at least one utterance and one column")
    if len(set(ids)) != len(ids):
        twice = next(name for name, data in zip(content.ids, ids, strict=True) if ids.count(data) > 1)
        raise StoreError(f"the utterance id {twice!r} occurs twice in one shard (in Unicode form NFC); ids must be unique")
    if len(content.fingerprints) != len(ids):
        raise StoreError(f"a shard of {len(ids)} utterances got {len(content.fingerprints)} fingerprints; give one each")
    for column in content.columns:
        got = len(content.results.get(column.name, ()))
        if got != len(ids):
            raise StoreError(f"column {column.name} has results for {got} of {len(ids)} utterances; give one each")
    if len(content.results) != len(content.columns):
        raise StoreError(f"results are given for {', '.join(sorted(content.results))}; give them for the columns of the shard")
    key = shard_key([column.key for column in content.columns], zip(content.ids, content.fingerprints, strict=True))
    if key != content.key:
        raise StoreError(f"a shard of these columns and utterances has the key {key}, got {content.key}; use store.shard_key")
    return ids


def _column_datasets(column: ColumnInfo, ids: list[str], results: list[UtteranceResult]) -> dict[str, Dataset]:
    name = column.name
    arrays = [_rows(column, utterance_id, result) for utterance_id, result in zip(ids, results, strict=True)]
    offset = np.concatenate(([0], np.cumsum([len(array) for array in arrays])))
    datasets = {
        f"index/status/{name}": Dataset(np.array([result.status for result in results], "|u1")),
        f"index/error/{name}": Dataset(np.array([_error_text(result) for result in results])),
        f"index/offset/{name}": Dataset(offset.astype("<i8")),
        f"index/hash/{name}": Dataset(np.array([xxh64(array) for array in arrays], "<u8")),
        column.dataset: Dataset(np.concatenate(arrays), _attributes(column), large=True),
    }
    if column.kind == "image":
        scale = [(0.0, 0.0) if result.array is None else result.scale or (0.0, 255.0) for result in results]
        if not np.isfinite(scale).all():
            raise StoreError(f"column {name}: the scale of an image must be two finite numbers of decibels")
        datasets[f"index/scale/{name}"] = Dataset(np.array(scale, "<f4"))
    return datasets


def _rows(column: ColumnInfo, utterance_id: str, result: UtteranceResult) -> np.ndarray:
    """The rows of one utterance as they are stored; none where it failed or was skipped."""
    where = f"utterance {utterance_id}, column {column.name}"
    if result.status not in (OK, FAILED, SKIPPED) or (result.status == OK) != (result.array is not None):
        raise StoreError(
            f"{where}: status {result.status} with array {type(result.array).__name__}; 0 has one, 1 and 2 have not"
        )
    dtype = np.dtype(DTYPES[column.dtype])
    if result.array is None:
        return np.empty((0, *column.row_shape), dtype)
    array = result.array[None] if column.kind == "image" and result.array.ndim == 2 else result.array
    if array.dtype != dtype and not (column.dtype == "f2" and array.dtype == np.float32):
        raise StoreError(f"{where}: got {array.dtype} values, the column holds {dtype}; convert them before")
    if array.shape[1:] != column.row_shape or (column.kind != "frames" and len(array) != 1):
        shape = column.row_shape if column.kind == "image" else ("frames" if column.kind == "frames" else 1, column.dims)
        raise StoreError(f"{where}: got the shape {result.array.shape}, the column holds ({', '.join(map(str, shape))})")
    with np.errstate(over="ignore"):  # a value too large for float16 becomes infinite and is refused below
        array = np.ascontiguousarray(array, dtype)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise StoreError(f"{where}: {np.count_nonzero(~np.isfinite(array))} values are not finite in {dtype}; give it status 1")
    return array


def _error_text(result: UtteranceResult) -> bytes:
    reason = result.error or ("" if result.status == OK else "no reason was given")
    text = unicodedata.normalize("NFC", reason).replace("\0", " ")
    return text.encode("utf-8", "replace")[:ERROR_BYTES].decode("utf-8", "ignore").encode()


def _attributes(column: ColumnInfo) -> dict[str, Any]:
    """What a person with any HDF5 tool should find beside the values."""
    texts = {"settings": canonical_json(column.settings), "versions": canonical_json(column.versions)}
    facts = {name: getattr(column, name) for name in ("key", "kind", "unit", "sample_rate", "spec", "engine", "dim_names")}
    clock = {"hop_s": column.hop_s, "start_s": column.start_s}
    return {name: value for name, value in (facts | clock | texts).items() if value not in (None, ())}
