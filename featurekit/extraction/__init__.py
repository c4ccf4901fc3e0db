"""Manifest × features → a store: plan, spread, commit, resume, summary."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from featurekit import audio, backends, features, store
from featurekit.errors import CorpusNotFoundError, FeaturekitError, StoreError, WorkerError
from featurekit.extraction import augmented, engines
from featurekit.extraction.fingerprints import FileFacts, fingerprint
from featurekit.extraction.forecast import Forecast, dry_run
from featurekit.extraction.gpu import compute_shards
from featurekit.extraction.learnt import check_covered, learnt_groups, training_ids
from featurekit.extraction.losses import Losses, losses, refuse
from featurekit.extraction.plan import Group, estimated_bytes, plan_groups, plan_shards
from featurekit.extraction.shards import Receipt, ShardWork, column_info, work
from featurekit.extraction.tally import Done, Tally
from featurekit.manifest import Manifest, manifest_of
from featurekit.notebook import Shown

__all__ = ["Forecast", "Losses", "Progress", "Summary", "build_store", "dry_run"]

# A shard that fails for an outside reason (a network file system's hiccup, a killed worker) is tried again so often.
ATTEMPTS = 3


class Progress(Protocol):
    """What a caller hears while a store is built; the command line draws bars, a notebook may ignore it."""

    def kernel(self, number: int) -> None:
        """Called before the first, second, … kernel is compiled, which a machine does once for each."""
        return

    def files(self, total: int) -> Callable[[int], None]:
        """Called before files are hashed; the result is called with the number just done."""
        return lambda done: None

    def utterances(self, total: int) -> Callable[[Done], None]:
        """Called before utterances are computed; the result is called with those just computed, also from a thread."""
        return lambda done: None


class _Silent(Progress):
    """Nobody listens."""


@dataclass(repr=False)
class Summary(Shown):
    """What a build did, for the screen and for ``--json``."""

    store: Path
    corpus: str
    generation: int
    utterances: int
    columns: list[str]
    held_as: dict[str, str] = field(default_factory=dict)  # asked name → the column that holds the same values
    losses: Losses = field(default_factory=Losses)  # what the store had and has no longer
    on_gpu: list[str] = field(default_factory=list)
    shards: int = 0
    computed_shards: int = 0
    computed_utterances: int = 0
    computed_speech_s: float = 0.0
    speech_s: float = 0.0
    wall_s: float = 0.0
    workers: int = 1
    failed: dict[str, str] = field(default_factory=dict)
    flagged: Counter[str] = field(default_factory=Counter)
    rates_note: str = ""  # what it means that files have a lower sample rate than the features want
    clocks: dict[str, list[str]] = field(default_factory=dict)  # where what was asked for has several: clock → columns

    def _shown_facts(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "corpus": self.corpus,
            "utterances": self.utterances,
            "columns": self.columns,
            "computed": f"{self.computed_utterances:,} utterances in {self.wall_s:.1f} s",
            "failed": str(len(self.failed)),
            "flagged": self.flagged,
        }

    @property
    def failed_by_status(self) -> dict[str, int]:
        """Status → number of utterances that failed so."""
        return dict(Counter(reason.split(":")[0] for reason in self.failed.values()).most_common())

    @property
    def failed_share(self) -> float:
        """Failed utterances as a share of all, in [0, 1]."""
        return len(self.failed) / max(1, self.utterances)


def build_store(
    manifest: Manifest,
    *,
    root: str | Path,
    out: str | Path,
    columns: str,
    corpus: str = "custom",
    backend: str = "joblib",
    workers: int | None = None,
    scheduler: str | None = None,
    device: str = "auto",
    replace: bool = False,
    rehash: bool = False,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Extract features of every utterance into a store, or complete a store that exists.

    Shards that are committed are never computed again, so an interrupted build goes on where it was, and a second one
    with more features or more utterances does only what is new.

    Parameters
    ----------
    manifest : Manifest
        The utterances, in an order that keeps conversations together.
    root : path
        Folder the manifest's paths are relative to.
    out : path
        Folder of the store; made when absent.
    columns : str
        Features and presets, as ``--features`` takes them.
    corpus : str
        Name recorded in the store.
    backend, workers, scheduler
        See :func:`featurekit.backends.open_backend`.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        What computes the columns: see :mod:`featurekit.extraction.engines`.
    replace : bool
        Agree to lose what the store has of utterances that this manifest leaves out, or whose audio is gone or another.
    rehash : bool
        Read every audio file to see whether it changed, where otherwise inode, size and times say so.
    about : mapping, optional
        What the corpus's owner says of it (:func:`featurekit.corpora.about`), for cards; None leaves what the store has.
    progress : Progress or None
        What to tell while it runs.

    Returns
    -------
    Summary

    Raises
    ------
    FeaturekitError
        For unusable input, for losses that ``replace`` does not agree to, or a store that cannot be written; what was
        committed stays.
    """
    manifest = manifest_of(manifest)
    started, root, out, progress = time.perf_counter(), Path(root), Path(out), progress or _Silent()
    if not root.is_dir():
        raise CorpusNotFoundError(f"there is no folder {str(root)!r} to read audio from")
    on_cpu = features.parse(columns)
    before = store.latest_head(out) if store.exists(out) else None
    if not (replace or learnt_groups(before)):  # those have their own refusal, which names the run
        refuse(losses(out, before, manifest), out)
    device = augmented.device_of(manifest, device, new=before is None)
    wanted = engines.choose(on_cpu, device, before)
    augmented.check_columns(manifest, wanted)
    told = {"about": about} if about else {}
    store.create(out, corpus=corpus)
    lacking = _lacking(before, wanted)
    preload = partial(features.warm_up, [column for column in lacking if column.engine == "cpu"])
    if lacking:
        features.load_kernels()
        if scheduler is None:
            _compile(preload, progress)
    receipts: dict[str, Receipt] = {}
    opened = backends.open_backend(backend, workers, scheduler=scheduler, preload=preload if lacking else None)
    with features.cuda.computing_on(device), opened as pool:
        file_count = len({utterance.path for utterance in manifest})
        memory, bar = out / "tmp" / "hashes.jsonl", progress.files(file_count)
        manifest, files = fingerprint(manifest, root, memory, rehash=rehash, progress=bar)
        if device == "auto" and before is None and engines.begun_on_cpu(out, manifest, on_cpu):
            wanted = on_cpu
        while True:
            head = store.latest_head(out)
            check_covered(out, head, manifest)
            lost = losses(out, head, manifest)
            if not replace:
                refuse(lost, out)
            groups = plan_groups(manifest, wanted, head)
            receipts |= _compute(pool, _missing(out, root, groups, manifest, files), progress)
            try:
                store.publish_head(out, manifest, partial(_unless_newer, head, groups, corpus), **told)
                break
            except _NewerHeadError:
                continue  # another extraction added columns meanwhile: plan again, so that both are kept
        worker_count = pool.workers
    store.build_index(out, manifest)
    summary = _summarise(out, manifest, wanted, groups, receipts)
    summary.losses = lost
    summary.workers, summary.wall_s = worker_count, time.perf_counter() - started
    return summary


def _compile(preload: Callable[[], None], progress: Progress) -> None:
    """Compile here what no process has compiled before: all the workers would, each for itself and in silence."""
    from featurekit.features.kernels.cache import watched

    with watched(progress.kernel), contextlib.suppress(Exception):  # what fails here fails again in the work itself
        preload()


def _lacking(head: store.Head | None, wanted: list[features.Column]) -> list[features.Column]:
    """Columns that certainly have to be computed, whatever the files are: the first name of each key."""
    have = {column.key for column in head.columns.values()} if head else set()
    return list({column.key: column for column in reversed(wanted) if column.key not in have}.values())


class _NewerHeadError(FeaturekitError):
    """Somebody else published a generation since the plan was made."""


def _unless_newer(
    planned: store.Head | None, groups: list[Group], corpus: str, latest: store.Head | None
) -> list[store.GroupInfo]:
    if (latest and latest.generation) != (planned and planned.generation):
        raise _NewerHeadError("another extraction published first")
    return [*(_group_info(group, corpus) for group in groups), *learnt_groups(latest)]


def _missing(
    out: Path, root: Path, groups: list[Group], manifest: Manifest, files: dict[str, FileFacts]
) -> dict[str, ShardWork]:
    """Shards that have to be computed, by key."""
    committed = store.committed(out)
    for group in groups:
        plan_shards(group, manifest, committed)
    return {
        shard.key: ShardWork(out, root, shard, {item.path: files[item.path] for item in shard.utterances})
        for group in groups
        for shard in group.shards
        if shard.key not in committed
    }


def _compute(pool: backends.Backend, tasks: dict[str, ShardWork], progress: Progress) -> dict[str, Receipt]:
    """Run all shards. What fails for an outside reason is tried again; a full disk is not, since it stays full."""
    if not tasks:
        return {}
    shards = [task.shard for task in tasks.values()]
    engines.check(shards)
    out = next(iter(tasks.values())).store
    store.check_writable(out, int(sum(estimated_bytes(item, shard.columns) for shard in shards for item in shard.utterances)))
    total = sum(len(shard.utterances) for shard in shards)
    with contextlib.suppress(WorkerError):  # workers are forked before there is a second thread; if they die, they die below
        list(pool.map(_ready, [None]))
    with Tally(out / "tmp", total, progress.utterances(total)) as tally:
        return _in_attempts(pool, {key: dataclasses.replace(task, tally=tally.file) for key, task in tasks.items()})


def _ready(nothing: None) -> None:
    """Work that starts the workers."""


def _in_attempts(pool: backends.Backend, tasks: dict[str, ShardWork]) -> dict[str, Receipt]:
    receipts: dict[str, Receipt] = {}
    longest_first = sorted(tasks, key=lambda key: -tasks[key].shard.speech_s)  # so that all workers end at once
    for attempt in range(1, ATTEMPTS + 1):
        left = [tasks[key] for key in longest_first if key not in receipts]
        try:
            for receipt in _receipts(pool, left):
                receipts[receipt.key] = receipt
            break
        except StoreError:
            raise
        except (OSError, WorkerError) as error:
            if attempt == ATTEMPTS:
                raise WorkerError(
                    f"{len(tasks) - len(receipts)} of {len(tasks)} shards failed {ATTEMPTS} times, at last with: {error}; "
                    "finished shards are kept, run the same command again"
                ) from error
    return receipts


def _receipts(pool: backends.Backend, tasks: list[ShardWork]) -> Iterator[Receipt]:
    on_gpu = [task for task in tasks if task.shard.engine == "cuda"]
    if on_gpu:
        yield from compute_shards(pool, on_gpu)
    for _, receipt in pool.map(work, [task for task in tasks if task.shard.engine == "cpu"]):
        yield receipt


def _group_info(group: Group, corpus: str) -> store.GroupInfo:
    columns = tuple(
        dataclasses.replace(column_info(column), trained_on=training_ids(column, corpus)) for column in group.columns
    )
    shards = tuple(shard.key for shard in group.shards)
    return store.GroupInfo(columns, shards, plan=dict(group.cuts), column_keys=group.keys_of_committed)


def _summarise(
    out: Path, manifest: Manifest, wanted: list[features.Column], groups: list[Group], receipts: dict[str, Receipt]
) -> Summary:
    """What the store now holds (failures of earlier runs too), what this run did, and the flags of what was asked for."""
    made = store.open_store(out)
    name_of = {info.key: name for name, info in made.columns.items()}
    asked = {name_of.get(item.key) for item in wanted}
    failed: dict[str, str] = {}
    flags: set[tuple[str, str]] = set()
    for column in made.columns:
        for name, status, note in zip(made.ids, made.status(column), made.errors(column), strict=True):
            if status:
                failed[name] = note
            elif note and column in asked:
                flags.update((name, part.split(":")[0]) for part in note.split("; "))
    return Summary(
        store=out,
        corpus=made.corpus,
        generation=made.generation,
        utterances=len(made),
        columns=sorted(made.columns),
        held_as={item.name: name_of[item.key] for item in wanted if name_of.get(item.key, item.name) != item.name},
        on_gpu=sorted(name for name, column in made.columns.items() if column.engine == "cuda"),
        shards=sum(len(group.shards) for group in groups),
        computed_shards=len(receipts),
        computed_utterances=sum(receipt.utterances for receipt in receipts.values()),
        computed_speech_s=sum(receipt.speech_s for receipt in receipts.values()),
        speech_s=sum(utterance.duration_s or 0.0 for utterance in manifest),
        failed=failed,
        flagged=Counter(status for _, status in flags),
        rates_note=audio.rates_note(
            Counter(int(rate) for rate in made.original_rates), max(column.sample_rate for column in wanted)
        ),
        clocks=features.differing(wanted),
    )
