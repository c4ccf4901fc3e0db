"""What an extraction would do and cost, measured on a few utterances: ``featurekit extract --dry-run``.

Nothing is written, not even the store's folder. The work of an utterance is taken as ``fixed + slope * duration`` seconds,
fitted to a sample of short and long ones that is decoded and computed here by one thread, as a worker would; shards are
then dealt to the workers as the backends deal them.
"""

from __future__ import annotations

import dataclasses
import gc
import heapq
import os
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from featurekit import audio, backends, features, store
from featurekit.errors import AudioError, CorpusNotFoundError
from featurekit.extraction import augmented, engines
from featurekit.extraction.fingerprints import MISSING, FileFacts, find, fingerprint
from featurekit.extraction.losses import Losses, losses, refuse
from featurekit.extraction.missing import missing
from featurekit.extraction.plan import Group, Shard, estimated_bytes, plan_groups, plan_shards
from featurekit.manifest import Manifest, Utterance

SAMPLE_SIZE = 16
SAMPLE_BUDGET_S = 20.0  # no more utterances are measured after so many seconds
# A worker begins as a fork, or imports the libraries; committing a shard hashes, writes, reads back and syncs it.
WORKER_START_S = 0.5
COMMIT_S, COMMIT_BYTES_PER_S = 0.02, 150e6
SHARD_BYTES = 12_000  # the HDF5 structure of a shard; each of its datasets of texts and numbers adds to an utterance:
UTTERANCE_BYTES, CELL_BYTES = 150, 230
HASH_BYTES_PER_S = 600e6


@dataclass
class Forecast:
    """What would be done. Seconds, bytes and memory are estimates; counts are exact.

    Attributes
    ----------
    there, new : list of str
        Wanted columns that the store has, and that it lacks.
    on_gpu : list of str
        Wanted columns that are computed on a GPU. It is taken to be faster than the workers decode: their work counts.
    shards, shards_to_do, utterances_to_do : int
        Of all column groups; an utterance counts once.
    speech_s, speech_to_do_s : float
        Seconds of speech, as far as headers can be read.
    sampled, sample_failed : int, dict
        Utterances measured, and why some could not be.
    seconds : float
        From start to summary with ``workers`` on this machine, should it stay as busy as it is; ``start_s``, ``hashing_s``
        and ``work_s`` (of a core, all workers together) are parts.
    slowdown : float
        Seconds that pass while a worker computes for one: as many as in the sample, which waits where files come slowly, or
        as the cores' share leaves it where others run too, whichever is more.
    load, cores : float, int
        Processes that wanted to run in the last minute, and cores.
    bytes_to_write, memory_per_worker : int
    losses : Losses
        What the store would lose, with ``replace``.
    clocks : dict
        Where the wanted columns have several clocks: clock in words → columns.
    """

    store: Path
    corpus: str
    exists: bool
    utterances: int
    speech_s: float
    there: list[str]
    new: list[str]
    workers: int
    on_gpu: list[str] = field(default_factory=list)
    shards: int = 0
    shards_to_do: int = 0
    utterances_to_do: int = 0
    speech_to_do_s: float = 0.0
    unreadable: int = 0
    sampled: int = 0
    sampled_speech_s: float = 0.0
    sample_failed: dict[str, str] = field(default_factory=dict)
    start_s: float = 0.0
    hashing_s: float = 0.0
    work_s: float = 0.0
    slowdown: float = 1.0
    load: float = 0.0
    cores: int = 1
    seconds: float = 0.0
    bytes_to_write: int = 0
    memory_per_worker: int = 0
    losses: Losses = field(default_factory=Losses)
    clocks: dict[str, list[str]] = field(default_factory=dict)


def dry_run(
    manifest: Manifest,
    *,
    root: str | Path,
    out: str | Path,
    columns: str,
    corpus: str = "custom",
    backend: str = "joblib",
    workers: int | None = None,
    device: str = "auto",
    replace: bool = False,
    rehash: bool = False,
) -> Forecast:
    """Plan an extraction and predict what it costs; the arguments are those of :func:`featurekit.extraction.build_store`.

    Returns
    -------
    Forecast

    Raises
    ------
    FeaturekitError
        For what would also stop the extraction: unknown features, no such folder, a store that is damaged, losses that
        ``replace`` does not agree to.
    """
    root, out = Path(root), Path(out)
    if not root.is_dir():
        raise CorpusNotFoundError(f"there is no folder {str(root)!r} to read audio from")
    on_cpu = features.parse(columns)
    exists = store.exists(out)
    head = store.latest_head(out) if exists else None
    device = augmented.device_of(manifest, device, new=head is None)
    wanted = engines.choose(on_cpu, device, head)
    augmented.check_columns(manifest, wanted)
    workers = 1 if backend == "serial" else workers or backends.physical_cores()
    manifest, files, hashing_s = _looked_at(manifest, root, out if exists else None, rehash)
    lost = losses(out, head, manifest)
    if not replace:
        refuse(lost, out)
    if device == "auto" and head is None and exists and engines.begun_on_cpu(out, manifest, on_cpu):
        wanted = on_cpu
    committed = store.committed(out) if exists else set()
    groups = plan_groups(manifest, wanted, head)
    for group in groups:
        plan_shards(group, manifest, committed)
    have = {column.key for info in (head.groups if head else ()) for column in info.columns}
    made = Forecast(
        store=out,
        corpus=corpus,
        exists=exists,
        utterances=len(manifest),
        speech_s=sum(item.duration_s or 0.0 for item in manifest),
        there=[column.name for column in wanted if column.key in have],
        new=[column.name for column in wanted if column.key not in have],
        on_gpu=[column.name for column in wanted if column.engine == "cuda"],
        workers=workers,
        unreadable=sum(item.duration_s is None for item in manifest),
        hashing_s=hashing_s,
        load=os.getloadavg()[0],
        cores=backends.physical_cores(),
        losses=lost,
        clocks=features.differing(wanted),
    )
    _predict(made, groups, committed, root, files)
    return made


def _looked_at(
    manifest: Manifest, root: Path, existing: Path | None, rehash: bool
) -> tuple[Manifest, dict[str, FileFacts], float]:
    """Durations of all utterances, and fingerprints where a store may hold some of them; seconds that hashing will take.

    Without a store there is nothing to compare digests with: headers are enough, and the hashing is foretold.
    """
    if existing is not None:
        with tempfile.TemporaryDirectory() as folder:  # digests are remembered in the store, which must not change here
            memory = existing / "tmp" / "hashes.jsonl"
            if memory.is_file():
                shutil.copy(memory, folder)
            started = time.perf_counter()
            known, files = fingerprint(manifest, root, Path(folder) / memory.name, rehash=rehash)
            return known, files, time.perf_counter() - started
    paths = list(dict.fromkeys(item.path for item in manifest))
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        real_root = os.path.realpath(root)
        files = dict(zip(paths, pool.map(lambda path: _header(root, real_root, path), paths), strict=True))
    seconds = time.perf_counter() - started + sum(facts.size for facts in files.values()) / HASH_BYTES_PER_S
    return Manifest(_timed(item, files[item.path]) for item in manifest), files, seconds


def _header(root: Path, real_root: str, path: str) -> FileFacts:
    status = find(root, real_root, path)
    if status is None:
        return FileFacts(MISSING)
    try:
        return FileFacts("not hashed", status.st_size, 0, audio.read_duration_s(root / path))
    except AudioError:
        return FileFacts("not hashed")


def _timed(item: Utterance, facts: FileFacts) -> Utterance:
    if facts.duration_s is None:
        return dataclasses.replace(item, duration_s=None)
    end = facts.duration_s if item.end is None else min(item.end, facts.duration_s)
    return dataclasses.replace(item, duration_s=round(max(0.0, end - (item.start or 0.0)), 6))


def _predict(made: Forecast, groups: Sequence[Group], committed: set[str], root: Path, files: dict[str, FileFacts]) -> None:
    """Fill in what is to do and what it costs."""
    made.shards = sum(len(group.shards) for group in groups)
    made.seconds = made.hashing_s
    todo = [[shard for shard in group.shards if shard.key not in committed] for group in groups]
    made.shards_to_do = sum(map(len, todo))
    if not made.shards_to_do:
        return
    items = {item.id: item for shards in todo for shard in shards for item in shard.utterances}
    made.utterances_to_do = len(items)
    made.speech_to_do_s = sum(item.duration_s or 0.0 for item in items.values())
    costs: list[tuple[Shard, float]] = []
    memory = 0.0
    for shards in filter(None, todo):
        fixed, slope, peak = _measure(made, shards, root, files)
        costs += [(shard, _shard_s(shard, fixed, slope)) for shard in shards]
        memory = max(memory, peak)
    made.bytes_to_write = round(sum(_shard_bytes(shard) for shard, _ in costs))
    made.work_s = sum(seconds for _, seconds in costs)
    made.slowdown = max(made.slowdown, (made.load + made.workers) / made.cores)
    started = made.start_s + (made.slowdown * WORKER_START_S if made.workers > 1 else 0.0)
    made.seconds += started + made.slowdown * _makespan([seconds for _, seconds in costs], made.workers)
    made.memory_per_worker = round(_resident_bytes() + memory)


def _measure(made: Forecast, shards: Sequence[Shard], root: Path, files: dict[str, FileFacts]) -> tuple[float, float, float]:
    """Seconds an utterance, seconds a second of speech, and bytes of memory above what the process holds."""
    columns = shards[0].columns
    started = time.perf_counter()
    if shards[0].engine == "cpu":
        features.warm_up(columns)
    plan = features.Plan(columns)
    made.start_s += time.perf_counter() - started
    items = sorted((item for shard in shards for item in shard.utterances), key=lambda item: (item.duration_s or 0.0, item.id))
    begun, busy_s = time.perf_counter(), time.process_time()
    durations: list[float] = []
    seconds: list[float] = []
    longest = items[-1]
    for item in _spread(items, SAMPLE_SIZE):
        if seconds and time.perf_counter() - begun > SAMPLE_BUDGET_S:
            break
        took = _one(made, plan, root, item, files)
        if np.isfinite(took):
            durations.append(item.duration_s or 0.0)
            seconds.append(took)
            longest = item
    made.slowdown = max(made.slowdown, (time.perf_counter() - begun) / max(1e-3, time.process_time() - busy_s))
    made.sampled += len(seconds)
    made.sampled_speech_s += sum(durations)
    fixed, slope = fit(durations, seconds)
    working = _peak_bytes(made, plan, root, longest, files) if seconds else 0.0
    growth = max(1.0, (items[-1].duration_s or 0.0) / max(longest.duration_s or 0.0, 1e-3))
    # While its last utterance is computed a shard is held once; while it is committed thrice: arrays, the columns made of
    # them, the file in memory, which grows with some room to spare.
    shard_bytes = max(_shard_bytes(shard) for shard in shards)
    return fixed, slope, max(working * growth + shard_bytes, 4 * shard_bytes)


def _one(made: Forecast, plan: features.Plan, root: Path, item: Utterance, files: dict[str, FileFacts]) -> float:
    """Seconds of a core to decode and compute one utterance; infinite when it cannot be."""
    try:
        if files[item.path].digest == MISSING:
            raise missing(root, item.path)
        with threadpool_limits(1):
            started = time.process_time()  # setting limits takes as long as a clip; a worker does it once a shard
            signal = augmented.decode(root, item)
            signals = {rate: audio.resample(signal.samples, signal.sample_rate, rate) for rate in plan.sample_rates}
            if plan.columns[0].engine == "cpu":
                plan.compute(signals)
    except (AudioError, FileNotFoundError) as error:
        made.sample_failed[item.id] = str(error)
        return float("inf")
    return time.process_time() - started


def _peak_bytes(made: Forecast, plan: features.Plan, root: Path, item: Utterance, files: dict[str, FileFacts]) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        _one(made, plan, root, item, files)
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def _spread(items: Sequence[Utterance], count: int) -> list[Utterance]:
    """Evenly spaced ranks of duration, from the middle outwards, so that a measurement cut short is still typical."""
    ranks = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[rank] for rank in sorted(ranks.tolist(), key=lambda rank: abs(rank - (len(items) - 1) / 2))]


def fit(durations_s: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Least squares of ``seconds = fixed + slope * duration``, neither below zero.

    >>> fit([1.0, 2.0, 3.0], [0.5, 0.7, 0.9])
    (0.3, 0.2)
    """
    if not seconds:
        return 0.0, 0.0
    x, y = np.asarray(durations_s, float), np.asarray(seconds, float)
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else 0.0
    fixed = float(y.mean() - slope * x.mean())
    if slope < 0:
        return round(float(y.mean()), 9), 0.0
    if fixed < 0:
        return 0.0, round(float((x * y).sum() / (x * x).sum()), 9)
    return round(fixed, 9), round(slope, 9)


def _shard_s(shard: Shard, fixed: float, slope: float) -> float:
    work = sum(fixed + slope * (item.duration_s or 0.0) for item in shard.utterances)
    return work + COMMIT_S + _shard_bytes(shard) / COMMIT_BYTES_PER_S


def _shard_bytes(shard: Shard) -> float:
    values = sum(estimated_bytes(item, shard.columns) for item in shard.utterances)
    per_utterance = UTTERANCE_BYTES + CELL_BYTES * len(shard.columns)
    return values + SHARD_BYTES + len(shard.utterances) * per_utterance


def _makespan(costs: Sequence[float], workers: int) -> float:
    """Seconds until the last worker is done, each taking the longest shard that is left when it is free.

    >>> _makespan([1.0, 1.0, 1.0, 3.0], 2)
    3.0
    """
    free_at = [0.0] * workers
    for seconds in sorted(costs, reverse=True):
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)


def _resident_bytes() -> int:
    """Memory this process holds, its libraries and models included: now where the system says, else at its most."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
