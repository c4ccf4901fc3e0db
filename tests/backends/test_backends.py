import errno
import os
import platform
import signal
import subprocess
import sys

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
    with backends.open_backend("joblib", 2) as backend, pytest.raises(WorkerError, match="fewer --jobs"):
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


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
@pytest.mark.parametrize("name", ["joblib", "dask"])
def test_shared_memory_that_is_read_only_or_full_is_named(name, number, monkeypatch):
    def refuse(*arguments, **how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    with pytest.raises(WorkerError, match=f"{os.strerror(number)}.*/dev/shm.*--backend serial"):
        backends.open_backend(name, 1)


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


# A worker that is a fork knows what its parent did before; one that is a fresh process does not.
PARENT = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts the tests in the background has it ignored
os.done_before = True
if "threads" in sys.argv:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
from featurekit import backends
with backends.open_backend("joblib", 2) as pool:
    forked = {forked for _, forked in pool.map(lambda _: hasattr(os, "done_before"), range(4))}
    print("forked" if forked == {True} else "fresh", flush=True)
    if "wait" in sys.argv:
        time.sleep(60)
"""


def parent_of_workers(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how many threads there are")
def test_workers_are_forked_from_a_process_of_one_thread_and_fresh_elsewhere():
    alone, threaded = parent_of_workers(), parent_of_workers("threads")
    assert alone.communicate(timeout=60)[0].split() == ["forked"]
    assert threaded.communicate(timeout=60)[0].split() == ["fresh"]


@pytest.mark.parametrize("threads", [[], ["threads"]])
def test_workers_end_with_a_parent_that_is_killed(threads):
    parent = parent_of_workers("wait", *threads)
    parent.stdout.readline()
    parent.kill()
    parent.communicate(timeout=30)  # the pipe is at its end when the last worker has closed it


@pytest.mark.parametrize("threads", [[], ["threads"]])
def test_an_interrupt_is_the_parents_alone(threads):
    parent = parent_of_workers("wait", *threads)
    parent.stdout.readline()
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.communicate(timeout=30)[1].count("Traceback") == 1
