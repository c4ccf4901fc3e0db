"""`extract` against what decoding, resampling and kernels alone allow: `make bench-extract`.

The floor is the time of those three for every file, on one core in this process, divided by the number of workers. The
extraction is the command, in a process of its own, by its own clock: from the request to the summary of a fresh store. The
difference is hashing, processes, building and syncing shards, the index. Each figure is the median of three runs, floor and
extraction in turns. The share of processor time (the floor's over that of the whole command, the start of Python included)
holds on a machine that others use too, but for what waits: for the disk, or for one process while the other cores idle.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from featurekit import audio, corpora, features
from featurekit.corpora import demo

RUNS, WORKERS = 3, 2


def floor(manifest, root, plan):
    """Seconds on one core, and of processor, for decode + resample + compute of the whole corpus, store left out."""
    started, busy = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        for item in manifest:
            signal = audio.decode(root / item.path, start=item.start, end=item.end)
            plan.compute({rate: audio.resample(signal.samples, signal.sample_rate, rate) for rate in plan.sample_rates})
    return time.perf_counter() - started, time.process_time() - busy


def extract(root, columns, corpus):
    """Seconds of a build into a fresh store, of the whole command, and of processor; and seconds of speech."""
    folder = Path(tempfile.mkdtemp())
    request = ["--corpus", corpus, "--root", root, "--features", columns, "--out", folder / "store", "--workers", WORKERS]
    try:
        started, busy = time.perf_counter(), sum(os.times()[2:4])
        command = [sys.executable, "-m", "featurekit", "extract", *map(str, request), "--device", "cpu", "--json"]
        said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return said["wall_s"], time.perf_counter() - started, sum(os.times()[2:4]) - busy, said["speech_s"]
    finally:
        shutil.rmtree(folder)


def main() -> None:
    name, root = (sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 2 else ("demo", demo.synthesise("cache/demo-corpus"))
    manifest = corpora.read_corpus(name, root)
    print(f"{name}: {len(manifest)} utterances, {WORKERS} workers, median of {RUNS}")
    titles = f"{'columns':<18}{'floor s':>9}{'extract s':>11}{'share':>8}{'x real time':>13}{'command s':>11}"
    print(f"{titles}{'of processor time':>19}")
    for columns in ("luo2019", "luo2019,mel256", "lu2020"):
        plan = features.Plan(features.parse(columns))
        features.warm_up(plan.columns)
        runs = [(*floor(manifest, root, plan), *extract(root, columns, name)) for _ in range(RUNS)]
        floor_s, floor_busy_s, wall_s, command_s, busy_s, speech_s = map(statistics.median, zip(*runs, strict=True))
        shares = (
            f"{floor_s / WORKERS / wall_s:>8.0%}{speech_s / wall_s:>13,.0f}{command_s:>11.2f}{floor_busy_s / busy_s:>19.0%}"
        )
        print(f"{columns:<18}{floor_s / WORKERS:>9.2f}{wall_s:>11.2f}{shares}")


if __name__ == "__main__":
    main()
