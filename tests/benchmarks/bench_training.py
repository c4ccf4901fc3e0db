"""How fast batches come and a fit is kept: ``python tests/benchmarks/bench_training.py STORE FEATURES [FEATURES …]``.

For each request, on the device there is: samples/s of batches gathered by index against samples stacked one by one by
``collate`` (what training did before), alone and with context; and what keeping the state of a fit costs.
"""

from __future__ import annotations

import sys
import tempfile
import time

import torch

from featurekit import data, store
from featurekit.data.collate import collate
from featurekit.experiments import stored_columns
from featurekit.training import TrainSettings, build_for
from featurekit.training.batches import Batches, shuffled
from featurekit.training.residency import choose_residency
from featurekit.training.resume import Keeper
from featurekit.training.trainer import Trainer

BATCH, PASSES = 32, 5


def rate(passes, n):
    """Samples/s of the best pass: the first one warms up."""
    best = 0.0
    for number in range(PASSES):
        start = time.perf_counter()
        for _ in passes(number):
            pass
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = max(best, n / (time.perf_counter() - start))
    return best


def bench_batches(dataset, device):
    n = len(dataset)

    def stacked(number):
        for indices in shuffled(n, BATCH, 0, number):
            yield collate([dataset[index] for index in indices], columns=dataset.columns).to(device)

    gathered = Batches(dataset, device, residency="device")
    streamed = Batches(dataset, device, residency="stream")
    old = rate(stacked, n)
    new = rate(lambda number: gathered.of(shuffled(n, BATCH, 0, number)), n)
    read = rate(lambda number: streamed.of(shuffled(n, BATCH, 0, number)), n)
    print(f"  {old:12,.0f} {new:12,.0f} {new / old:8.1f} {read:12,.0f}")


def bench_keeping(name, dataset, device):
    settings = TrainSettings(epochs=1, batch_size=BATCH)
    with tempfile.TemporaryDirectory() as folder:
        model = build_for(name, dataset).to(device)
        trainer = Trainer(model, dataset, settings, device, choose_residency(settings, [dataset], device), print)
        trainer.begin(None)
        epoch = time.perf_counter()
        trainer.epoch(1)
        epoch = time.perf_counter() - epoch
        keeper = Keeper(folder, "bench")
        start = time.perf_counter()
        keeper.save(trainer.standing())
        spent = time.perf_counter() - start
        size = (keeper.path.stat().st_size if keeper.path else 0) / 1e6
    print(f"  {name:12} an epoch {epoch:7.2f} s, keeping {size:7.1f} MB {1000 * spent:7.1f} ms")


def main():
    opened, requests = store.open_store(sys.argv[1]), sys.argv[2:]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for request in requests:
        columns = stored_columns(opened, request)
        ids = data.usable_ids(opened, columns)
        normaliser = data.Normaliser.fit(opened, columns, ids)
        task = next(name for name in ("emotion", "sentiment3", "label") if _has(opened, name))
        for context in (1, 3):
            how = {"task": task, "context": context, "n_frames": 256, "normaliser": normaliser}
            dataset = data.Dataset(opened, columns, preload=True, **how)
            print(f"{request} on {device}, {len(dataset)} utterances, context {context}, {dataset.nbytes / 1e6:.0f} MB")
            print(f"  {'stacked/s':>12} {'gathered/s':>12} {'ratio':>8} {'streamed/s':>12}")
            bench_batches(dataset, device)
        bench_keeping("resnet18" if device.type == "cuda" else "ub-lstm", dataset, device)


def _has(opened, name):
    try:
        data.get_task(name, opened.manifest)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
