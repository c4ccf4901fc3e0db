"""The work of one shard: decode, compute, commit. It runs in a worker process and sends back a receipt."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from featurekit import audio, features, store
from featurekit.errors import AudioError, ManifestError
from featurekit.extraction import augmented, tally
from featurekit.extraction.fingerprints import MISSING, FileFacts
from featurekit.extraction.missing import missing
from featurekit.extraction.plan import Shard, stored_dtype
from featurekit.features import Column
from featurekit.manifest import Utterance


@dataclass(frozen=True)
class ShardWork:
    """Everything a worker needs; small, since it is pickled."""

    store: Path
    root: Path
    shard: Shard
    files: dict[str, FileFacts]
    tally: Path | None = None  # where computed utterances are counted while the shard is not yet done


@dataclass
class Receipt:
    """What became of one shard: small, since it travels back to the parent. Statuses are in the store itself."""

    key: str
    utterances: int = 0
    failed: int = 0
    speech_s: float = 0.0


def work(task: ShardWork) -> Receipt:
    """Compute one shard and commit it to the store.

    A file whose bytes are bad becomes a row with a status. I/O errors, a full disk or lack of memory are raised:
    they say nothing about the data, and the shard is computed again by the next run.
    """
    plan = _plan(task.shard.columns)
    # BLAS threads change the order of sums: one thread, so that any number of workers gives the same bytes.
    with _thread_pools(len(sys.modules)).limit(limits=1), tally.entries(task.tally) as counted:
        outcomes = []
        for utterance in task.shard.utterances:
            outcomes.append(_outcome(task, plan, utterance))
            counted(outcomes[-1].speech_s)
    return commit(task, outcomes)


# What follows is the same for all shards of a group, and takes as long as an utterance.
@functools.lru_cache(2)
def _plan(columns: tuple[Column, ...]) -> features.Plan:
    return features.Plan(columns)


@functools.lru_cache(1)
def _thread_pools(modules: int) -> ThreadpoolController:
    """The libraries that have threads, looked for again only when a module was imported, which may have brought one."""
    return ThreadpoolController()


@dataclass(frozen=True)
class Heard:
    """A decoded utterance: samples by sample rate, and what the store records of the file."""

    signals: dict[int, np.ndarray]
    duration_s: float
    original_rate: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of one utterance: the result of each column, and the seconds of speech that were usable."""

    results: dict[str, store.UtteranceResult]
    speech_s: float


def hear(task: ShardWork, utterance: Utterance) -> Heard:
    """Decode an utterance at every sample rate its columns ask for.

    Raises
    ------
    AudioError
        When its bytes are bad.
    """
    _check_unchanged(task, utterance)
    rates = sorted({column.sample_rate for column in task.shard.columns})
    read = augmented.load_at_rates(task.root, utterance, rates)
    return Heard(read.samples, read.duration_s, read.original_rate, read.notes)


def judged(columns: Sequence[Column], heard: Heard | AudioError, arrays: Mapping[str, features.Value]) -> Outcome:
    """The rows of an utterance: its arrays, or one status in every column where it cannot be used."""
    try:
        if isinstance(heard, AudioError):
            raise heard
        results = {column.name: _result(column, arrays[column.name], heard) for column in columns}
    except AudioError as error:
        return Outcome(dict.fromkeys((column.name for column in columns), _failure(error)), 0.0)
    return Outcome(results, heard.duration_s)


def commit(task: ShardWork, outcomes: Sequence[Outcome]) -> Receipt:
    """Write a shard of which every utterance is computed, and say what became of it."""
    columns = task.shard.columns
    store.commit_shard(
        task.store,
        store.ShardContent(
            key=task.shard.key,
            columns=tuple(column_info(column) for column in columns),
            ids=[utterance.id for utterance in task.shard.utterances],
            fingerprints=[utterance.fingerprint for utterance in task.shard.utterances],
            results={column.name: [outcome.results[column.name] for outcome in outcomes] for column in columns},
        ),
    )
    return Receipt(
        key=task.shard.key,
        utterances=len(outcomes),
        failed=sum(any(result.status for result in outcome.results.values()) for outcome in outcomes),
        speech_s=sum(outcome.speech_s for outcome in outcomes),
    )


def column_info(column: Column) -> store.ColumnInfo:
    """The store's description of a feature column."""
    return store.ColumnInfo(
        name=column.name,
        key=column.key,
        kind=column.kind,
        dims=column.dims,
        dim_names=column.dim_names,
        dtype=stored_dtype(column),
        hop_s=column.hop_s,
        start_s=column.start_s,
        unit=column.unit,
        sample_rate=column.sample_rate,
        spec=column.spec,
        settings=dict(column.settings),
        engine=column.engine,
        versions=column.versions(),
        image_shape=column.image_shape,
    )


def _outcome(task: ShardWork, plan: features.Plan, utterance: Utterance) -> Outcome:
    try:
        heard = hear(task, utterance)
        with np.errstate(all="ignore"):  # samples of 1e30 overflow: what comes of it is judged, and said with its utterance
            arrays = plan.compute(heard.signals, augmented.mask_of(utterance))
        return judged(task.shard.columns, heard, arrays)
    except AudioError as error:
        return judged(task.shard.columns, error, {})
    except Exception as error:
        error.add_note(
            f"while computing utterance {utterance.id} ({utterance.path})"
        )  # a feature's own mistake, say a plugin's
        raise


def _check_unchanged(task: ShardWork, utterance: Utterance) -> None:
    path, facts = task.root / utterance.path, task.files[utterance.path]
    if facts.digest == MISSING:
        raise missing(task.root, utterance.path)
    # Another machine may have the same file under other times: where these differ, the bytes decide.
    if not facts.still_hold(path.stat()) and audio.hash_file(path) != facts.digest:
        raise ManifestError(f"{utterance.path} changed while the corpus was being extracted; run the same command again")


def _result(column: Column, value: features.Value, heard: Heard) -> store.UtteranceResult:
    array, scale = (value.pixels, value.db_range) if isinstance(value, features.ImageArray) else (value, None)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise AudioError("NONFINITE", f"{column.name} is not finite for this utterance")
    notes = "; ".join(heard.notes + audio.upsampling_note(heard.original_rate, column.sample_rate))
    return store.UtteranceResult(status=0, error=notes, array=array, scale=scale, original_rate=heard.original_rate)


def _failure(error: AudioError) -> store.UtteranceResult:
    return store.UtteranceResult(status=1, error=str(error))
