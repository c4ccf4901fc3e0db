import os
import platform
import signal

import pytest

from featurekit import backends
from featurekit.errors import ParameterError, UnknownNameError, WorkerError


def square(number):
    return number * number


def refuse_three(number):
    if number == 3:
        raise ParameterError("three is refused")
    return number


def die_once_asked(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_every_backend_yields_every_result_once(name):
    with backends.open_backend(name, 2) as backend:
        results = dict(backend.map(square, range(20)))
    assert results == {number: number * number for number in range(20)}


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_an_error_of_the_function_reaches_the_caller_as_itself(name):
    with backends.open_backend(name, 2) as backend, pytest.raises(ParameterError, match="three is refused"):
        list(backend.map(refuse_three, range(6)))


def test_a_killed_loky_worker_is_a_worker_error():
    with backends.open_backend("joblib", 2) as backend, pytest.raises(WorkerError, match="fewer --workers"):
        list(backend.map(die_once_asked, range(6)))


def test_an_unknown_backend_is_suggested():
    with pytest.raises(UnknownNameError, match="did you mean joblib"):
        backends.open_backend("jobli")


def test_a_scheduler_needs_dask():
    with pytest.raises(ParameterError, match="--backend dask"):
        backends.open_backend("joblib", 2, scheduler="tcp://127.0.0.1:1")


def test_zero_workers_are_refused():
    with pytest.raises(ParameterError, match="1 or more"):
        backends.open_backend("serial", 0)


def fresh_pages(_):
    """Pages that the system hands out anew while a large array is made again and again."""
    import resource

    import numpy as np

    from featurekit.features.kernels.memory import keep_freed_memory

    keep_freed_memory()
    np.ones(1 << 17)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(1 << 17)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is taught")
@pytest.mark.parametrize("name", ["joblib", "dask"])
def test_workers_keep_the_memory_that_their_work_frees(name):
    with backends.open_backend(name, 1) as backend:
        assert dict(backend.map(fresh_pages, [0]))[0] < 2_000
