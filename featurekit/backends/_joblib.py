"""joblib's loky: fresh processes (no fork after BLAS or numba have started threads), results as they come."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

from featurekit.errors import WorkerError

# One thread a process: the processes are what fills the cores.
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class JoblibBackend:
    """``workers`` loky processes; they start at once when there is something to preload, else at the first map."""

    def __init__(self, workers: int, preload: Callable[[], None] | None) -> None:
        self.workers, self._preload = workers, preload
        self._executor: Any = None
        if preload is not None:
            self._running().submit(_nothing)

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
                "run the same command again with fewer --workers, finished work is kept"
            ) from None
        finally:
            for future in index_of:
                future.cancel()

    def _running(self) -> Any:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self.workers, initializer=_quietly, initargs=(self._preload,), env=_ENVIRONMENT
            )
        return self._executor

    def __enter__(self) -> JoblibBackend:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=exc_info[0] is not None)


def start(workers: int, scheduler: str | None, preload: Callable[[], None] | None) -> JoblibBackend:
    """Start loky workers."""
    return JoblibBackend(workers, preload)


def _quietly(preload: Callable[[], None] | None) -> None:
    """Preload, if it can be: what fails here fails again in the work itself, where it is reported."""
    # Registered first, run last: tidying up numba and LLVM takes a quarter of a second, and the caller waits for it.
    atexit.register(os._exit, 0)
    if preload is not None:
        try:
            preload()
        except Exception:
            return


def _nothing() -> None:
    """Work that starts the processes."""
