"""How busy training keeps a GPU: images/s from wherever values lie, against one batch shown again and again.

    python tests/benchmarks/bench_gpu_training.py [--model NAME] [--side N] [--batch N] [--images N] [--precision P] [--compile]

Random gray images stand in for a store, stored as bytes as a store has them. One epoch warms up (kernels are looked for,
with --compile compiled), one is timed, and in a third the profiler adds up how long the GPU had a kernel to run. `--device cpu`
with small sizes tries the script, which says nothing about a GPU.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2]))  # a machine that only has the checkout

import numpy as np
import torch

from featurekit.data import Dataset, Fold
from featurekit.manifest import Manifest, Utterance
from featurekit.training import TrainSettings, build_for
from featurekit.training.batches import shuffled
from featurekit.training.devices import place, reproducible
from featurekit.training.residency import choose_residency
from featurekit.training.trainer import Trainer

CLASSES = ("angry", "happy", "sad")


class Images:
    """A store of random images in memory."""

    def __init__(self, number: int, side: int) -> None:
        self.manifest = Manifest(
            Utterance(id=f"u{n}", path="a.wav", recording=f"r{n}", speaker=f"s{n}", labels={"emotion": CLASSES[n % 3]})
            for n in range(number)
        )
        info = {"hop_s": 0.01, "start_s": 0.0, "unit": "", "dim_names": ()}
        self.columns = {
            "image": SimpleNamespace(name="image", kind="image", dtype="u1", dims=side * side, image_shape=(side, side), **info)
        }
        self._pixels = np.random.default_rng(0).integers(0, 256, (number, side, side), dtype=np.uint8)

    def lengths(self, column: str) -> np.ndarray:
        return np.zeros(len(self.manifest), np.int64)

    def status(self, column: str) -> np.ndarray:
        return np.zeros(len(self.manifest), np.uint8)

    def read(self, column: str, index: int) -> np.ndarray:
        return self._pixels[index]


def synchronised(device: torch.device) -> float:
    """Seconds on the clock, when the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def busy(trainer: Trainer, device: torch.device) -> str:
    """Share of an epoch in which the GPU ran kernels."""
    if device.type != "cuda":
        return "-"
    from torch.profiler import ProfilerActivity, profile

    started = synchronised(device)
    with profile(activities=[ProfilerActivity.CUDA]) as record:
        trainer.epoch(3)
        wall_s = synchronised(device) - started
    kernels_s = sum(event.self_device_time_total for event in record.key_averages()) / 1e6
    return f"{100 * kernels_s / wall_s:.1f} %"


def measured(kind: str, store: Images, given: argparse.Namespace, device: torch.device) -> tuple[str, float, str]:
    """Where values lay, images/s of an epoch, and how busy the GPU was; of ``one batch`` no values are fetched."""
    train = Dataset(store, ["image"], Fold("0", tuple(store.manifest.ids), (), ()), "train", preload=True)
    settings = TrainSettings(
        batch_size=given.batch,
        precision=given.precision,
        compile="on" if given.compile else "off",
        device=given.device,
        residency="device" if kind == "one batch" else kind,
        optimizer="adamw",
    )
    with reproducible(settings, device, one_shape=True):
        residency = choose_residency(settings, [train], device)
        trainer = Trainer(place(build_for(given.model, train), device), train, settings, device, residency, print)
        trainer.begin(None)
        trainer.epoch(1)
        order = shuffled(len(train), given.batch, 0, 2)
        batch = next(iter(trainer._batches.of(order[:1])))
        started = synchronised(device)
        if kind == "one batch":
            for number in range(len(order)):
                trainer._step(batch, number, order, 2)
        else:
            trainer.epoch(2)
        rate = len(train) / (synchronised(device) - started)
        share = "-" if kind == "one batch" else busy(trainer, device)
    return f"{kind}, {residency.workers} workers" if kind == "stream" else kind, rate, share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--model", default="sbcnn-resnet152")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no GPU that torch can use: nothing was measured; --device cpu tries the script")
        return
    device = torch.device(given.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU: no figure here is a GPU's"
    what = f"{given.model}, {given.images} images of {given.side} x {given.side}, {given.precision}"
    print(f"{name}, torch {torch.__version__}; {what}")
    store = Images(given.images, given.side)
    print(f"{'values':<28}{'images/s':>10}{'share':>8}{'GPU busy':>10}")
    best = 0.0
    for kind in ("one batch", "device", *(["pinned"] if device.type == "cuda" else []), "stream"):
        label, rate, share = measured(kind, store, given, device)
        best = best or rate
        print(f"{label:<28}{rate:>10,.1f}{rate / best:>8.2f}{share:>10}")


if __name__ == "__main__":
    main()
