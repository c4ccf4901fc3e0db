"""Dask distributed: a local cluster of processes, or the workers behind an existing scheduler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dask
import distributed

from featurekit.backends._interrupts import interrupts_for_us_alone
from featurekit.errors import ParameterError, WorkerError

# Dask has glibc return every freed block to the system at once; work of the same size comes next, and fresh pages cost
# more than many a kernel. These are the limits that glibc learns by itself where nobody sets one.
_ENVIRONMENT = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 26,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 25,
}


class DaskBackend:
    """A Dask client; the cluster is closed with the backend when it is ours."""

    def __init__(self, workers: int, scheduler: str | None, preload: Callable[[], None] | None) -> None:
        self._cluster = None
        if scheduler is None:
            # One thread a process: h5py and numba gain nothing from threads. No dashboard: a port nobody asked for.
            with interrupts_for_us_alone(), dask.config.set(_ENVIRONMENT):
                self._cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
        try:
            self._client = distributed.Client(self._cluster or scheduler, timeout="20s")
        except (OSError, ValueError) as error:
            reason = f"no Dask scheduler answers at {scheduler!r} ({error}); start one with `dask scheduler`"
            raise ParameterError(reason) from None
        addresses = list(self._client.scheduler_info(n_workers=-1)["workers"])
        self.workers = max(1, len(addresses))
        if preload is not None:  # what fails here fails again in the work itself, where it is reported
            self._preloads = [self._client.submit(preload, workers=[address], pure=False) for address in addresses]

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield ``(index, function(item))`` as results come.

        Raises
        ------
        WorkerError
            When the work kills its worker again and again.
        """
        # A bounded window: a graph of a million tasks would make the scheduler the bottleneck.
        window = 2 * self.workers
        waiting = iter(enumerate(items))
        index_of: dict[Any, int] = {}
        futures = distributed.as_completed()
        for _, (index, item) in zip(range(window), waiting, strict=False):
            self._submit(function, index, item, futures, index_of)
        for future in futures:
            try:
                result = future.result()
            except distributed.KilledWorker:
                raise WorkerError(
                    "Dask workers were killed at the same work again and again, most often for lack of memory; "
                    "run the same command again with fewer or larger workers, finished work is kept"
                ) from None
            index = index_of.pop(future.key)
            future.release()
            upcoming = next(waiting, None)
            if upcoming is not None:
                self._submit(function, *upcoming, futures, index_of)
            yield index, result

    def _submit(self, function: Any, index: int, item: Any, futures: Any, index_of: dict[Any, int]) -> None:
        future = self._client.submit(function, item, pure=False)
        index_of[future.key] = index
        futures.add(future)

    def __enter__(self) -> DaskBackend:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def start(workers: int, scheduler: str | None, preload: Callable[[], None] | None) -> DaskBackend:
    """Start a local cluster of ``workers`` processes, or connect to ``scheduler``."""
    return DaskBackend(workers, scheduler, preload)
