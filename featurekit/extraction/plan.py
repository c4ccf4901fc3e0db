"""Which shards there will be: a function of the corpus and the columns, never of workers, positions or clocks.

Columns that are computed together form a group. A group's shards are cut where a hash of the recording says so, or at
a maximum size estimated from duration: so that appending a recording re-keys at most its neighbour, and one, two or
eight workers make the same files.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from featurekit import features, store
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.extraction import augmented
from featurekit.extraction.learnt import is_learnt
from featurekit.features import Column, cuda
from featurekit.manifest import Manifest, Utterance

# About 32 shards keep workers evenly busy and make a kill cheap; past these bounds a shard is a file nobody wants.
SHARDS_AIMED_AT = 32
# The lower one is low: a column may hold few bytes and yet be slow to compute.
SMALLEST_TARGET_BYTES, LARGEST_TARGET_BYTES = 2**14, 2**26
# A hash cuts where it likes; without a floor one shard in three would be tiny. An eighth of the maximum is small enough
# for the cuts to fall in step again soon after an insertion.
SMALLEST_SHARE = 8


@dataclass(frozen=True)
class Shard:
    """One shard to be: its key and what it holds."""

    key: str
    columns: tuple[Column, ...]
    utterances: tuple[Utterance, ...]

    @property
    def engine(self) -> str:
        """What computes its columns, all of them: "cpu" or "cuda"."""
        return self.columns[0].engine

    @property
    def speech_s(self) -> float:
        """Seconds of speech, as far as headers tell."""
        return sum(utterance.duration_s or 0.0 for utterance in self.utterances)


@dataclass
class Group:
    """Columns that share shards. ``keys_of_committed`` is the key set of older shards that also hold dropped columns."""

    columns: tuple[Column, ...]
    cuts: dict[str, int]
    keys_of_committed: tuple[str, ...] = ()
    shards: list[Shard] = field(default_factory=list)


def plan_groups(manifest: Manifest, wanted: Sequence[Column], head: store.Head | None) -> list[Group]:
    """Groups for every column the store has or will have; the columns of one are computed by one engine.

    A store is a table: adding utterances extends all its columns, adding a column covers all its utterances. A wanted
    column the store has already (the same key, under any name) is not planned again; one whose name is taken by
    another key replaces it.

    Raises
    ------
    ParameterError
        When a column of the store can no longer be computed by this version, or not for children of the manifest.
    """
    groups = _existing_groups(head, {column.name: column.key for column in wanted}) if head else []
    have = {column.key for group in groups for column in group.columns}
    fresh = {column.key: column for column in reversed(wanted) if column.key not in have}  # the first name of a key wins
    for engine in ("cpu", "cuda"):
        columns = tuple(sorted((item for item in fresh.values() if item.engine == engine), key=lambda column: column.name))
        if columns:
            groups.append(Group(columns, cuts_for(manifest, columns)))
    augmented.check_columns(manifest, [column for group in groups for column in group.columns])
    return groups


def plan_shards(group: Group, manifest: Manifest, committed: set[str]) -> None:
    """Cut the manifest into the group's shards, reusing what is committed."""
    for utterances in cut(manifest, group.columns, **group.cuts):
        inputs = [(utterance.id, utterance.fingerprint) for utterance in utterances]
        key = store.shard_key([column.key for column in group.columns], inputs)
        if group.keys_of_committed:
            older = store.shard_key(list(group.keys_of_committed), inputs)
            key = older if older in committed else key
        group.shards.append(Shard(key, group.columns, tuple(utterances)))


def cuts_for(manifest: Manifest, columns: Sequence[Column]) -> dict[str, int]:
    """Modulus (recordings) and maximum size (bytes) of a new group's shards.

    Both are powers of two, so that a corpus that grows a little keeps them.
    """
    total = sum(estimated_bytes(utterance, columns) for utterance in manifest)
    target = min(max(total / SHARDS_AIMED_AT, SMALLEST_TARGET_BYTES), LARGEST_TARGET_BYTES)
    target = 2 ** round(math.log2(target))
    recordings = len({utterance.as_written("recording") for utterance in manifest})
    mean_bytes = max(1.0, total / max(1, recordings))
    return {"modulus": 2 ** max(0, round(math.log2(max(1.0, target / mean_bytes)))), "max_bytes": 2 * target}


def cut(manifest: Manifest, columns: Sequence[Column], *, modulus: int, max_bytes: int) -> Iterable[list[Utterance]]:
    """Consecutive utterances, one list a shard; a conversation is split only where it alone exceeds ``max_bytes``."""
    shard: list[Utterance] = []
    size, least = 0.0, max_bytes / SMALLEST_SHARE
    for utterance in manifest:
        weight = estimated_bytes(utterance, columns)
        recording = utterance.as_written("recording")  # shards that were cut before keep their borders
        may_begin = size >= least and recording != shard[-1].as_written("recording")
        if shard and (size + weight > max_bytes or (may_begin and starts_shard(recording, modulus))):
            yield shard
            shard, size = [], 0.0
        shard.append(utterance)
        size += weight
    if shard:
        yield shard


def starts_shard(recording: str, modulus: int) -> bool:
    """Whether a recording's own name makes it the first of a shard."""
    value = hashlib.sha256(recording.encode("utf-8", "surrogateescape")).digest()[:8]
    return int.from_bytes(value, "big") % modulus == 0


def estimated_bytes(utterance: Utterance, columns: Sequence[Column]) -> float:
    """Stored bytes of one utterance, from its duration and a constant a column."""
    duration_s = utterance.duration_s or 0.0
    frames = sum(column.bytes_per_second() * (0.5 if stored_dtype(column) == "f2" else 1.0) for column in columns)
    return frames * duration_s + sum(column.bytes_per_utterance() for column in columns)


def stored_dtype(column: Column) -> str:
    """How the store holds a column's numbers: float32, pixels, or float16 where the feature has a setting ``dtype``."""
    return "u1" if column.kind == "image" else str(column.settings.get("dtype", "f4"))


def _existing_groups(head: store.Head, wanted: dict[str, str]) -> list[Group]:
    groups = []
    for info in head.groups:
        kept = [
            column for column in info.columns if not is_learnt(column) and wanted.get(column.name, column.key) == column.key
        ]
        if kept:
            columns = tuple(rebuild(column) for column in kept)
            groups.append(Group(columns, dict(info.plan), tuple(info.column_keys)))
    return groups


def rebuild(info: store.ColumnInfo) -> Column:
    """The column a store describes, as this version would compute it.

    Raises
    ------
    ParameterError
        When this version has no such feature, or computes other numbers under that name.
    """
    if not info.spec and not info.of_run:
        raise ParameterError(f"the store's column {info.name} was computed elsewhere: it has no feature request that makes it")
    if info.of_run:
        raise ParameterError(
            f"the store's column {info.name} is what the run {info.of_run} made of other columns; "
            "`featurekit embed` computes it, not extraction"
        )
    try:
        column = features.parse(info.spec)[0].renamed(info.name)
        if info.engine == "cuda":
            column = cuda.as_stored(column, info.key)
    except UnknownNameError as error:
        raise ParameterError(
            f"the store's column {info.name} cannot be extended: {error}; "
            "drop it with `featurekit store drop`, or load its plugin"
        ) from None
    if column.key != info.key:
        raise ParameterError(
            f"the store's column {info.name} was computed by another version of its feature; "
            "name it in --features to compute it anew for every utterance"
        )
    return column
