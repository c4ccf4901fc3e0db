"""Dask distributed: a local cluster of processes, or the workers behind an existing scheduler."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import sys
import tempfile
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
        with contextlib.ExitStack() as closing:
            cluster = _local_cluster(workers, closing) if scheduler is None else None
            try:
                self._client = distributed.Client(cluster or scheduler, timeout="20s")
            except (OSError, ValueError) as error:
                reason = f"no Dask scheduler answers at {scheduler!r} ({error}); start one with `dask scheduler`"
                raise ParameterError(reason) from None
            closing.callback(self._client.close)
            self._closing = closing.pop_all()
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
        if exc_info[0] is not None:
            # Workers that were cut off in the middle of a message leave a traceback in Dask's log, which is not a fault.
            logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._closing.close()


class _WithoutHTTP:
    """A server of Dask that opens no port but the one it works with; `dashboard_address=None` alone leaves one for HTTP."""

    def start_http_server(self, *arguments: Any, **settings: Any) -> None:
        """Open nothing: another user of this machine could read there, and the port may be taken."""


class _Scheduler(_WithoutHTTP, distributed.Scheduler):
    pass


class _Worker(_WithoutHTTP, distributed.Worker):
    pass


def _local_cluster(workers: int, closing: contextlib.ExitStack) -> distributed.SpecCluster:
    """Processes on this machine that obey nobody but us, closed with ``closing``.

    Dask's servers run what they are sent, and any user of this machine can connect to 127.0.0.1. So both sides of each
    connection prove by TLS that they have a key, which is made here and reaches the workers through the pipes that start
    them. The workers' folder, from which they import, is ours alone too.
    """
    try:
        security = distributed.Security.temporary()
    except ImportError:
        reason = "--backend dask needs the package cryptography for its local workers: pip install cryptography"
        raise ParameterError(reason) from None
    folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="featurekit-dask-", ignore_cleanup_errors=True))
    address = {"protocol": "tls://", "host": "127.0.0.1", "security": security}
    scheduler = {"cls": _Scheduler, "options": {**address, "port": 0, "dashboard": False}}
    worker = {
        "cls": distributed.Nanny,
        "options": {
            **address,
            "worker_class": _Worker,
            "nthreads": 1,  # h5py and numba gain nothing from threads
            "memory_limit": distributed.system.MEMORY_LIMIT // workers,
            "local_directory": folder,
            "silence_logs": logging.CRITICAL,
        },
    }
    try:
        with interrupts_for_us_alone(), dask.config.set(_ENVIRONMENT):
            cluster = distributed.SpecCluster(
                workers=dict.fromkeys(range(workers), worker),
                scheduler=scheduler,
                worker=worker,
                security=security,
                silence_logs=logging.CRITICAL,
            )
    except RuntimeError as error:
        raise WorkerError(
            f"Dask's workers did not start ({error}); every worker imports the script that starts them, "
            "so the script has to do that under `if __name__ == '__main__':`"
        ) from None
    return closing.enter_context(cluster)


def start(workers: int, scheduler: str | None, preload: Callable[[], None] | None) -> DaskBackend:
    """Start a local cluster of ``workers`` processes, or connect to ``scheduler``."""
    if scheduler is None and getattr(multiprocessing.current_process(), "_inheriting", False):
        # This is a worker that still imports the caller's script, which asks for workers again. Its parent says so.
        sys.exit(1)
    return DaskBackend(workers, scheduler, preload)
