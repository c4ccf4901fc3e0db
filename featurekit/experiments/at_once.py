"""Several folds trained at once, a process each, and how far they are meanwhile.

A process writes how far its fold is into a small file in the fold's folder; the caller looks at these files now and then.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurekit.backends import open_backend
from featurekit.experiments.fold import History, train_fold
from featurekit.experiments.options import RunProgress
from featurekit.runs import StoredRun
from featurekit.runs.schema import PROGRESS
from featurekit.training.devices import share_threads

if TYPE_CHECKING:
    from featurekit.experiments.run import Run

WRITE_EVERY_S = 1.0
LOOK_EVERY_S = 1.0


def train_pending(runs: Sequence[Run], jobs: int, progress: RunProgress) -> Iterator[tuple[Run, int, History]]:
    """Train the folds that are not done, of several runs, in so many processes at once.

    A fold is the same whoever trains it: its result is that of one process with as many threads.

    Parameters
    ----------
    runs : sequence of Run
        The runs.
    jobs : int
        Processes.
    progress : RunProgress
        Its ``batch`` is called from another thread while folds train.

    Yields
    ------
    (Run, int, list of dict)
        The run, the fold's number and its history, as they are done.

    Raises
    ------
    WorkerError
        When a process dies.
    """
    for run in runs:
        run.begin()
    work = [(run, number) for run in runs for number in run.pending]
    items = [(run.settings, run.runs, number, min(jobs, len(work))) for run, number in work]
    with _watched(work, progress), open_backend("joblib", jobs) as backend:
        for index, history in backend.map(_in_a_process, items):
            yield *work[index], history


def _in_a_process(work: tuple[Any, Path, int, int]) -> History:
    """Train one fold in a worker process: (settings of the run, folder of runs, number, how many at once) → history."""
    from featurekit.experiments.run import Run

    settings, runs, number, sharing = work
    share_threads(sharing)
    run = Run(settings, runs=runs)
    file = StoredRun(run.folder).fold(number).path / PROGRESS
    written_s = 0.0

    def write(epoch: int, batch: int, batches: int) -> None:
        nonlocal written_s
        if time.monotonic() - written_s >= WRITE_EVERY_S:
            written_s = time.monotonic()
            with contextlib.suppress(OSError):  # a training need not end because nobody hears of it
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps([epoch, batch, batches]))

    try:
        return train_fold(run, number, on_batch=write, sharing=sharing)
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _watched(work: Sequence[tuple[Run, int]], progress: RunProgress) -> Iterator[None]:
    """Meanwhile tell ``progress`` how far the folds are."""
    ended = threading.Event()
    files = [StoredRun(run.folder).fold(number).path / PROGRESS for run, number in work]

    def look() -> None:
        while not ended.wait(LOOK_EVERY_S):
            for (run, number), file in zip(work, files, strict=True):
                with contextlib.suppress(OSError, ValueError):  # not begun, or half written
                    epoch, batch, batches = json.loads(file.read_text())
                    progress.batch(run, run.split.folds[number], epoch, batch, batches)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
