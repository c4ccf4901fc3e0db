"""Shards of GPU columns: worker processes decode, this process computes and commits.

A worker decodes a part of a shard and sends its samples here; the backend's own bound on items in flight is the bound on
memory. How a shard is parted depends on its utterances alone, so its bytes do not depend on workers or on what is
computed beside it. Commits run behind the computing, in one thread, a few at a time.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from featurekit import backends
from featurekit.errors import AudioError
from featurekit.extraction import tally
from featurekit.extraction.shards import Heard, Outcome, Receipt, ShardWork, commit, hear, judged
from featurekit.features import Column
from featurekit.manifest import Utterance

if TYPE_CHECKING:
    from featurekit.features.cuda.engine import Engine

# A part keeps a GPU busy for milliseconds and takes 16 MB to send; images, of one size whatever the clip, bound its number.
PART_SAMPLES, PART_UTTERANCES = 2**22, 128
COMMITS_BEHIND = 2


def compute_shards(pool: backends.Backend, tasks: Sequence[ShardWork]) -> Iterator[Receipt]:
    """Compute and commit shards of GPU columns.

    Yields
    ------
    Receipt
        Of each shard, once it is committed.

    Raises
    ------
    WorkerError
        When the GPU's memory is full, or a worker was killed.
    """
    from featurekit.features.cuda.engine import Engine  # imports torch

    parts = [(number, part) for number, task in enumerate(tasks) for part in _parts(task)]
    parts_of = Counter(number for number, _ in parts)
    done: dict[int, dict[int, list[Outcome]]] = defaultdict(dict)
    engines: dict[tuple[Column, ...], Engine] = {}
    committing: deque[Future[Receipt]] = deque()
    with ThreadPoolExecutor(1) as committer:
        for index, heard in pool.map(_hear, [part for _, part in parts]):
            number, columns = parts[index][0], parts[index][1].shard.columns
            engine = engines.get(columns) or engines.setdefault(columns, Engine(columns))
            done[number][index] = _computed(engine, heard)
            if len(done[number]) == parts_of[number]:
                outcomes = [outcome for _, part in sorted(done.pop(number).items()) for outcome in part]
                committing.append(committer.submit(commit, tasks[number], outcomes))
            while committing and (committing[0].done() or len(committing) > COMMITS_BEHIND):
                yield committing.popleft().result()
        while committing:
            yield committing.popleft().result()


def _parts(task: ShardWork) -> Iterator[ShardWork]:
    """The same work for stretches of the shard's utterances."""
    rate = max(column.sample_rate for column in task.shard.columns)
    part: list[Utterance] = []
    samples = 0.0
    for utterance in task.shard.utterances:
        more = (utterance.duration_s or 0.0) * rate
        if part and (samples + more > PART_SAMPLES or len(part) == PART_UTTERANCES):
            yield _narrowed(task, part)
            part, samples = [], 0.0
        part.append(utterance)
        samples += more
    yield _narrowed(task, part)


def _narrowed(task: ShardWork, utterances: Sequence[Utterance]) -> ShardWork:
    return dataclasses.replace(task, shard=dataclasses.replace(task.shard, utterances=tuple(utterances)))


def _hear(part: ShardWork) -> list[Heard | AudioError]:
    """In a worker: every utterance decoded and resampled, or why it cannot be."""
    found: list[Heard | AudioError] = []
    with tally.entries(part.tally) as counted:
        for utterance in part.shard.utterances:
            found.append(_heard(part, utterance))
            counted(0.0 if isinstance(found[-1], AudioError) else found[-1].duration_s)
    return found


def _heard(part: ShardWork, utterance: Utterance) -> Heard | AudioError:
    try:
        return hear(part, utterance)
    except AudioError as error:
        return error


def _computed(engine: Engine, heard: Sequence[Heard | AudioError]) -> list[Outcome]:
    columns, usable = engine.plan.columns, [item for item in heard if isinstance(item, Heard)]
    try:
        arrays = iter(engine.compute([item.signals for item in usable]))
    except AudioError as error:
        if len(heard) == 1:
            return [judged(columns, error, {})]
        return [outcome for item in heard for outcome in _computed(engine, [item])]  # which one? Alone, each tells
    return [judged(columns, item, next(arrays) if isinstance(item, Heard) else {}) for item in heard]
