"""How work is spread: ``backend.map(function, items)`` yields results as they come, and nothing else knows how.

Every backend runs ``function(item)`` once for each item, in any order, and yields ``(index, result)``. An exception of
``function`` is raised to the caller and ends the map; a worker that dies raises :class:`~featurekit.errors.WorkerError`.
Functions and items must be picklable; results should be small receipts, since they travel back to the caller.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from featurekit.errors import ParameterError, UnknownNameError, WorkerError

BACKENDS = ("serial", "joblib", "dask")


class Backend(Protocol):
    """What a backend offers; use it as a context manager so that its workers end."""

    workers: int

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield ``(index of the item, function(item))`` as results come."""

    def __enter__(self) -> Backend: ...

    def __exit__(self, *exc_info: object) -> None: ...


def open_backend(
    name: str, workers: int | None = None, *, scheduler: str | None = None, preload: Callable[[], None] | None = None
) -> Backend:
    """Start a backend.

    Parameters
    ----------
    name : str
        One of ``serial``, ``joblib`` (loky processes) or ``dask``.
    workers : int or None
        Processes; None means one a physical core.
    scheduler : str or None
        Address of an existing Dask scheduler; None starts a local cluster. Dask only.
    preload : callable or None
        What every worker process runs once, before its work. Workers that are forked have it from the caller, who runs it now;
        fresh ones warm up while the caller goes on.

    Raises
    ------
    UnknownNameError
        For a name that is not a backend.
    ParameterError
        For fewer than one worker, or a scheduler with a backend that has none.
    WorkerError
        Where the system has no shared memory for the locks between processes.
    """
    if name not in BACKENDS:
        raise UnknownNameError("backend", name, BACKENDS)
    if workers is not None and workers < 1:
        raise ParameterError(f"--jobs must be 1 or more, got {workers}")
    if scheduler is not None and name != "dask":
        raise ParameterError(f"--scheduler is for --backend dask, got --backend {name}")
    if name != "serial" and scheduler is None:
        _check_shared_memory()
    module = importlib.import_module(f"featurekit.backends._{name}")
    return module.start(workers or physical_cores(), scheduler, preload)


def _check_shared_memory() -> None:
    """Refuse to start processes where the system has no shared memory for the locks between them."""
    import multiprocessing

    how = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    try:
        multiprocessing.get_context(how).Lock()
    except OSError as error:
        raise WorkerError(
            f"worker processes need shared memory, and the system refuses it ({error.strerror or error}): have /dev/shm "
            "writable and not full, in a container with --shm-size, or take --backend serial"
        ) from None


def physical_cores() -> int:
    """Physical cores this process may use: containers' and schedulers' limits count, hyper-threads do not."""
    import joblib

    return int(joblib.cpu_count(only_physical_cores=True))
