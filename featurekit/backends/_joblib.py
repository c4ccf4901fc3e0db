"""joblib's loky: processes of which each may die alone, results as they come.

A worker is forked where this process has a single thread, as ``featurekit extract`` has until it looks at files: it begins
with everything imported and preloaded, which takes a fresh process a second and a half. Where there are more threads (BLAS,
OpenMP, a notebook), one may hold a lock that nobody would release in a fork, so a worker is a fresh process there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor, process_executor
from joblib.externals.loky.backend.context import LokyContext
from joblib.externals.loky.backend.process import LokyProcess
from joblib.externals.loky.process_executor import BrokenProcessPool

from featurekit.backends._interrupts import held_back, ignore
from featurekit.errors import WorkerError

# One thread a process: the processes are what fills the cores.
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
ORPHAN_S = 2.0  # how often a worker looks whether its parent was killed


class JoblibBackend:
    """``workers`` loky processes; they start at once when there is something to preload, else at the first map."""

    def __init__(self, workers: int, preload: Callable[[], None] | None) -> None:
        self.workers, self._preload = workers, preload
        self._executor: Any = None
        if preload is not None:
            if single_threaded():  # once, for all that are forked from here
                _begin_with(preload)
            self._running()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield ``(index, function(item))`` as results come.

        Raises
        ------
        WorkerError
            When a worker process is killed.
        """
        waiting = iter(enumerate(items))
        index_of: dict[Future[Any], int] = {}
        try:
            # Two items in flight a worker keep it busy without queueing work that an interrupt would waste.
            for _, (index, item) in zip(range(2 * self.workers), waiting, strict=False):
                index_of[self._running().submit(function, item)] = index
            while index_of:
                for future in wait(index_of, return_when=FIRST_COMPLETED).done:
                    index, result = index_of.pop(future), future.result()
                    upcoming = next(waiting, None)
                    if upcoming is not None:
                        index_of[self._running().submit(function, upcoming[1])] = upcoming[0]
                    yield index, result
        except BrokenProcessPool as error:
            self._executor = None  # it never recovers; the next map starts another
            raise WorkerError(
                f"a worker process was killed ({type(error).__name__}), most often for lack of memory; "
                "run the same command again with fewer --jobs, finished work is kept"
            ) from None
        finally:
            for future in index_of:
                future.cancel()

    def _running(self) -> Any:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self.workers,
                context=_Context(),
                initializer=_begin,
                initargs=(self._preload, os.getpid()),
                env=_ENVIRONMENT,
            )
            self._executor.submit(_nothing)  # starts the processes
        return self._executor

    def __enter__(self) -> JoblibBackend:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=exc_info[0] is not None)


def start(workers: int, scheduler: str | None, preload: Callable[[], None] | None) -> JoblibBackend:
    """Start loky workers."""
    return JoblibBackend(workers, preload)


class _Worker(LokyProcess):
    """A process that begins as a fork where that is a whole one, else as loky has it."""

    @staticmethod
    def _Popen(process_obj: LokyProcess) -> Any:  # noqa: N802 - multiprocessing's name
        if not single_threaded():
            resource_tracker.ensure_running()  # started later, it would let through what is held back
            with held_back():
                return LokyProcess._Popen(process_obj)
        from multiprocessing.popen_fork import Popen  # not there on Windows

        with held_back():
            return Popen(process_obj)


class _Context(LokyContext):
    Process = _Worker


def single_threaded() -> bool:
    """Whether this process has one thread by the system's own count, which Linux tells."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _begin(preload: Callable[[], None] | None, parent: int) -> None:
    """Preload, which costs a fork nothing; what fails here fails again in the work itself, where it is reported."""
    ignore()
    # Registered first, run last: tidying up numba and LLVM takes a quarter of a second, and the caller waits for it.
    atexit.register(os._exit, 0)
    # Loky ends a worker that has grown by 300 MB since its first task, which was empty, and warns of a leak: a training has.
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    os.environ.update(_ENVIRONMENT)  # a forked worker has some libraries already; this is for what it loads later
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if preload is not None:
        _begin_with(preload)


def _begin_with(preload: Callable[[], None]) -> None:
    with contextlib.suppress(Exception):
        preload()


def _end_with(parent: int) -> None:
    """End when the parent was killed: nobody else would tell a worker that waits for work."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_S)
    os._exit(1)


def _nothing() -> None:
    """Work that starts the processes."""
