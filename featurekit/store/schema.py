"""The format on one page: names on disk, dtypes, and what a column, a group, a shard and a head are.

A store is a folder::

    STORE.json                format and version; published once
    heads/<n>.json            generation n: which manifest, which columns, which shards
    manifests/<digest>.jsonl  the utterances of a generation
    splits/<digest>.json      folds
    shards/<key>.h5           committed if and only if the name exists; immutable
    tmp/                      may be deleted at any time
    index.h5                  derived from a head; may be deleted at any time
    quarantine/               what ``repair`` refused, with the reason

A shard holds the utterances of one stretch of the manifest and all columns of one group::

    /index/utt_id, /index/fingerprint, /index/original_rate     (n,)
    /index/status/<column>, /index/error/<column>               (n,)     0 ok, 1 failed, 2 skipped; the reason or a note
    /index/offset/<column>                                      (n+1,)   rows of utterance i: offset[i]:offset[i+1]
    /index/hash/<column>                                        (n,)     XXH64 of each utterance's bytes
    /index/scale/<column>                                       (n, 2)   images: decibels at 0 and at 255
    /features/<column>                                          (rows, dims)
    /images/<column>                                            (rows, height, width)

Shards know columns by their key; a head gives the names. So renaming or dropping a column touches no shard.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from featurekit.errors import ParameterError, StoreError
from featurekit.notebook import Shown
from featurekit.settings import canonical_json, digest, from_mapping

FORMAT, VERSION = "featurekit-store", 1
STORE_FILE, INDEX_FILE = "STORE.json", "index.h5"
HEADS, MANIFESTS, SPLITS, SHARDS, TMP, QUARANTINE = "heads", "manifests", "splits", "shards", "tmp", "quarantine"
FOLDERS = (HEADS, MANIFESTS, SPLITS, SHARDS, TMP, QUARANTINE)

SHARD_MAGIC, INDEX_MAGIC = b"FKSHARD1", b"FKINDEX1"
OK, FAILED, SKIPPED = 0, 1, 2
_DIGEST = re.compile("[0-9a-f]{64}")
ERROR_BYTES = 200
ID_BYTES = 1024

KINDS = ("frames", "image", "vector")
DTYPES = {"f4": "<f4", "f2": "<f2", "u1": "|u1"}


@dataclass(frozen=True, repr=False)
class ColumnInfo(Shown):
    """What a column is.

    Parameters
    ----------
    name : str
        ``mfcc`` or ``luo2019/mfcc``.
    key : str
        Digest of function, settings, upstream and engine: the column's identity.
    kind : {"frames", "image", "vector"}
        ``(frames, dims)``, one ``image_shape`` an utterance, or ``(1, dims)``.
    dims : int
        Columns of the matrix.
    dim_names : tuple of str
        Their names; empty when they have none.
    dtype : {"f4", "f2", "u1"}
        How numbers are stored, little endian.
    hop_s, start_s : float or None
        Clock of the frames in seconds: frame i lies at ``start_s + i * hop_s``.
    unit, spec : str
        Unit of the values; the text that makes this column again.
    sample_rate : int
        Hz at which it was computed.
    settings, versions : dict
        All settings; library versions, which are recorded and not part of the key. In a shard those it was computed with;
        in a head those of its shards, a list of them where they differ.
    engine : str
        "cpu" or "cuda".
    image_shape : tuple of int or None
        (height, width) of an image.
    of_run : str
        Name of the run whose network wrote it; empty for a feature of audio.
    trained_on : tuple of str
        Ids of this corpus that the network was trained, or its epoch chosen, on.

    Raises
    ------
    ParameterError
        For a name, kind, dtype or size that the format cannot hold.
    """

    name: str
    key: str
    kind: str
    dims: int
    dim_names: tuple[str, ...] = ()
    dtype: str = "f4"
    hop_s: float | None = None
    start_s: float | None = None
    unit: str = ""
    sample_rate: int = 0
    spec: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    engine: str = "cpu"
    versions: dict[str, Any] = field(default_factory=dict)
    image_shape: tuple[int, int] | None = None
    of_run: str = ""
    trained_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = self.name.split("/")
        if any(part in ("", ".", "..") for part in parts) or not self.name.isprintable():
            raise ParameterError(f"{self.name!r} cannot name a column; use a name such as 'mfcc' or 'luo2019/mfcc'")
        if self.kind not in KINDS or self.dtype not in DTYPES:
            raise ParameterError(
                f"column {self.name}: kind {self.kind!r} with dtype {self.dtype!r}; "
                f"kinds are {', '.join(KINDS)}, dtypes {', '.join(DTYPES)}"
            )
        if self.dims < 1 or len(self.dim_names) not in (0, self.dims):
            raise ParameterError(f"column {self.name}: {len(self.dim_names)} names for {self.dims} dims; give one each or none")
        if (self.kind == "image") != (self.image_shape is not None) or min(self.image_shape or (1,)) < 1:
            raise ParameterError(f"column {self.name}: images, and only they, have an image_shape; got {self.image_shape}")
        if self.kind == "frames" and not (self.hop_s and self.hop_s > 0):
            raise ParameterError(f"column {self.name}: frames need hop_s in seconds > 0, got {self.hop_s}")
        for name in ("settings", "versions"):  # as JSON gives them back, so that equal columns compare equal
            object.__setattr__(self, name, json.loads(canonical_json(getattr(self, name))))

    def _shown_facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "dims": self.dims,
            "unit": self.unit,
            "hop_s": self.hop_s,
        }
        return facts | {"spec": self.spec, "of_run": self.of_run}

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row: ``(dims,)``, or (height, width) of an image."""
        return self.image_shape or (self.dims,)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.row_shape) * np.dtype(DTYPES[self.dtype]).itemsize

    @property
    def layout(self) -> tuple[object, ...]:
        """What must be the same in a head and in its shards for the bytes to be read rightly."""
        return (self.key, self.kind, self.dims, self.dtype, self.image_shape)

    @property
    def dataset(self) -> str:
        """Path of the values in a shard."""
        return f"{'images' if self.kind == 'image' else 'features'}/{self.name}"

    @property
    def versions_of_libraries(self) -> list[tuple[str, str]]:
        """(library, version) pairs, several of a library where shards were computed with several."""
        several = {name: made if isinstance(made, list) else [made] for name, made in self.versions.items()}
        return [(name, str(version)) for name, made in several.items() for version in made]

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON; what only learnt columns have, only there."""
        return {name: value for name, value in asdict(self).items() if value or name not in ("of_run", "trained_on")}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> ColumnInfo:
        """The column that :meth:`to_dict` wrote."""
        return from_mapping(cls, mapping, where="a column of the store")


@dataclass(frozen=True)
class GroupInfo:
    """Columns that share shards.

    Parameters
    ----------
    columns : tuple of ColumnInfo
        The live ones.
    shards : tuple of str
        Keys in manifest order.
    plan : dict
        How the shards were cut (``modulus``, ``max_bytes``), so that an append cuts the same way.
    column_keys : tuple of str
        Keys of all columns that shards hold, dropped ones too (in those from before the drop); by default those of
        ``columns``.
    """

    columns: tuple[ColumnInfo, ...]
    shards: tuple[str, ...]
    plan: dict[str, Any] = field(default_factory=dict)
    column_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = tuple(sorted(self.columns, key=lambda column: column.name))
        keys = self.column_keys or [column.key for column in columns]
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "column_keys", tuple(sorted(keys)))
        for key in self.shards:
            _check_digest(key, "shard")

    def without(self, column: str) -> GroupInfo:
        """The same shards with one live column less."""
        return replace(self, columns=tuple(info for info in self.columns if info.name != column))

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self) | {"columns": [column.to_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> GroupInfo:
        """The group that :meth:`to_dict` wrote."""
        return from_mapping(cls, mapping, where="a column group of the store")


@dataclass(frozen=True)
class Head:
    """One generation of a store: this manifest, these columns, these shards.

    Parameters
    ----------
    generation : int
        1, 2, ...; the highest one counts.
    corpus : str
        Name of the corpus.
    manifest_digest : str
        Which file of ``manifests/``.
    groups : tuple of GroupInfo
        Each column belongs to exactly one group.
    created_by : str
        Version of featurekit.
    about : dict
        What the owner says of a corpus that no recipe knows: name, licence, language, source; in the file where there is any.
    """

    generation: int
    corpus: str
    manifest_digest: str
    groups: tuple[GroupInfo, ...]
    created_by: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_digest(self.manifest_digest, "manifest")

    @cached_property
    def columns(self) -> dict[str, ColumnInfo]:
        """Live columns by name, sorted."""
        found = {column.name: column for group in self.groups for column in group.columns}
        return dict(sorted(found.items()))

    @cached_property
    def digest(self) -> str:
        """Identity of the content: equal for two heads that say the same, whatever their generation."""
        return digest({name: value for name, value in self.to_dict().items() if name not in ("generation", "created_by")})

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        fields = asdict(self) | {"groups": [group.to_dict() for group in self.groups]}
        return {name: value for name, value in fields.items() if name != "about" or value}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Head:
        """The head that :meth:`to_dict` wrote."""
        return from_mapping(cls, mapping, where="a head of the store")


@dataclass(frozen=True)
class UtteranceResult:
    """What extraction has to say about one utterance in one column.

    Parameters
    ----------
    status : {0, 1, 2}
        ok, failed, skipped.
    error : str
        Why it failed, or a note on one that did not; cut at 200 bytes.
    array : ndarray or None
        ``(frames, dims)``, ``(1, dims)`` or an image; None unless the status is 0.
    scale : tuple of float or None
        Decibels at the image values 0 and 255.
    original_rate : int
        Sample rate of the audio file in Hz.
    """

    status: int
    error: str = ""
    array: np.ndarray | None = None
    scale: tuple[float, float] | None = None
    original_rate: int = 0


@dataclass(frozen=True)
class ShardContent:
    """Everything a shard holds; ``results[column][i]`` belongs to ``ids[i]``."""

    key: str
    columns: tuple[ColumnInfo, ...]
    ids: list[str]
    fingerprints: list[str]
    results: dict[str, list[UtteranceResult]]


def shard_key(column_keys: Iterable[str], pairs: Iterable[tuple[str, str]]) -> str:
    """Name of a shard: sha256 of the sorted column keys and the (utterance id, input fingerprint) pairs in order.

    >>> shard_key(["b", "a"], [("one", "f1")]) == shard_key(["a", "b"], [("one", "f1")])
    True
    """
    return digest([sorted(column_keys), [[normal_id(name), fingerprint] for name, fingerprint in pairs]])


def normal_id(utterance_id: str) -> str:
    """The id in NFC, the form on disk: two ids that look the same are the same."""
    return unicodedata.normalize("NFC", utterance_id)


def encode_id(utterance_id: str) -> bytes:
    """The bytes of an id on disk: UTF-8 of its NFC form; bytes that were never text stay as they were.

    Raises
    ------
    StoreError
        For an id that a fixed-width text cannot hold.
    """
    try:
        data = normal_id(utterance_id).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise StoreError(f"the utterance id {utterance_id!r} has no UTF-8 form; give the utterance another id") from None
    if not data or b"\0" in data or len(data) > ID_BYTES:
        raise StoreError(f"the utterance id {utterance_id[:80]!r} is empty, holds a NUL or is longer than {ID_BYTES} bytes")
    return data


def decode_id(data: bytes) -> str:
    """The id that :func:`encode_id` wrote."""
    return data.decode("utf-8", "surrogateescape")


def _check_digest(name: str, kind: str) -> None:
    """Names of files come from heads, which may be a stranger's: they must not lead out of the store."""
    if not _DIGEST.fullmatch(name):
        raise ParameterError(f"a {kind} is named by 64 hexadecimal digits, got {name!r}")


def check_names(names: Iterable[str]) -> None:
    """Refuse column names of which one is a folder of another, or that occur twice.

    Raises
    ------
    StoreError
        Naming both columns.
    """
    names = list(names)
    taken = set(names)
    if len(taken) != len(names):
        raise StoreError(f"a column occurs twice in {', '.join(sorted(names))}; every column belongs to exactly one group")
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder in taken:
                raise StoreError(f"column {folder!r} stands in the way of {name!r}; rename one of them")
