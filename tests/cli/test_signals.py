"""SIGTERM ends a verb as Ctrl-C does, in every backend, and a closed standard error ends none."""

import os
import shlex
import signal
import subprocess
import sys
import time

import psutil
import pytest

from featurekit import backends, store

PLUGIN = '''
"""A feature that is quick twenty times and then takes for ever."""
import pathlib, time
from featurekit.extraction import plan
from featurekit.features import feature

plan.SMALLEST_TARGET_BYTES = 2**9  # many shards, of which the first are finished in time
FOLDER = pathlib.Path({folder!r})


@feature(unit="")
def slow(rms):
    """Zero, in the end."""
    (FOLDER / str(time.monotonic_ns())).touch()
    if len(list(FOLDER.iterdir())) > 20:
        time.sleep(300)
    return 0 * rms
'''


def started(command, **how):
    """The command line in a process group of its own, as a shell starts it."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "featurekit", *command]
    return subprocess.Popen(words, env=environment, start_new_session=True, **streams | how)


@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_sigterm_keeps_what_is_finished_ends_all_processes_and_says_the_command(tiny_corpus, tmp_path, backend):
    folder, plugin, out = tmp_path / "calls", tmp_path / "plugin.py", tmp_path / "my store"
    folder.mkdir()
    plugin.write_text(PLUGIN.format(folder=str(folder)))
    command = ["--plugin", str(plugin), "extract", "--corpus", "demo", "--root", str(tiny_corpus), "--features", "slow"]
    command += ["-o", str(out), "--backend", backend, "--jobs", "2"]
    verb = started(command)
    until = time.monotonic() + 120
    while len(list(folder.iterdir())) <= 20 and verb.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    finished = store.committed(out)
    children = psutil.Process(verb.pid).children(recursive=True)
    # To the whole group, as a scheduler does it, and again to the parent, as `timeout` does it.
    os.killpg(verb.pid, signal.SIGTERM)
    verb.terminate()
    said = verb.communicate(timeout=60)[1]
    assert verb.returncode == 143, said
    assert "interrupted; what was finished is kept" in said
    assert said.endswith(f"\n  featurekit {shlex.join(command)}\n")
    assert "Traceback" not in said
    assert finished
    assert finished <= store.committed(out)
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_a_closed_standard_error_ends_no_verb_and_reaches_no_file(tiny_corpus, tmp_path):
    out = tmp_path / "store"
    words = [sys.executable, "-m", "featurekit", "extract", "--corpus", "demo", "--root", str(tiny_corpus)]
    words += ["--features", "rms", "-o", str(out), "--backend", "serial"]
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&- 0<&-', "sh", *words], stdout=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0
    assert "36 utterances" in done.stdout
    assert store.verify(out).problems == []
