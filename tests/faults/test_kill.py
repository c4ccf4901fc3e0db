"""kill -9 of a process that extracts, at random times; what it committed stays, and the next run ends with the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import featurekit
from featurekit import store

UTTERANCES = 150
KILLS_A_STORE = 5
SECONDS_A_KILL = 0.25  # a whole run takes about 0.7 s


def start(making, path):
    environment = os.environ | {"PYTHONPATH": str(Path(featurekit.__file__).parents[1])}
    command = [sys.executable, making.__file__, str(path), "0", str(UTTERANCES)]
    worker = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE)
    worker.stdout.readline()  # its imports are done
    return worker


def shards(path):
    return {file.name: file.stat().st_mtime_ns for file in (path / "shards").glob("*.h5")} if path.exists() else {}


def check(making, path, kills, seed):
    rng = np.random.default_rng(seed)
    whole = path.with_name("whole")
    making.fill(whole, making.manifest(UTTERANCES))
    for number in range(kills):
        store_path = path.with_name(f"store{number // KILLS_A_STORE}")
        before = shards(store_path)
        with start(making, store_path) as worker:
            time.sleep(rng.random() * SECONDS_A_KILL)
            os.killpg(worker.pid, signal.SIGKILL)
        assert before.items() <= shards(store_path).items()  # nothing lost, nothing computed again
        assert len(list(store_path.glob("tmp/*"))) <= number % KILLS_A_STORE + 1  # at most the shard in hand is to be redone
        if number % KILLS_A_STORE == KILLS_A_STORE - 1:
            finish(making, store_path, whole)
            shutil.rmtree(store_path)


def finish(making, path, whole):
    before = shards(path)
    making.fill(path, making.manifest(UTTERANCES))
    assert before.items() <= shards(path).items()
    assert store.verify(path).ok
    opened = store.open_store(path)
    assert opened.ids == making.manifest(UTTERANCES).ids
    for name in opened.ids:
        np.testing.assert_array_equal(opened[name]["luo2019/mfcc"], making.array(making.FRAMES, name))
    assert {file.name: file.read_bytes() for file in (path / "shards").iterdir()} == {
        file.name: file.read_bytes() for file in (whole / "shards").iterdir()
    }


@pytest.mark.parametrize("kills", [5, pytest.param(1000, marks=pytest.mark.slow)])
def test_killed_and_resumed(making, tmp_path, kills):
    check(making, tmp_path / "store", kills, seed=kills)
