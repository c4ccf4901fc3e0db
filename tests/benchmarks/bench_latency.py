"""Ten seconds of audio to a class: resampling, features, network; median and 99th percentile, against Luo et al.'s 655.94 ms.

    make bench-latency
    python tests/benchmarks/bench_latency.py --runs 100 --cores 1 ub-bilstm
    python tests/benchmarks/bench_latency.py --runs 50 --precision bf16 aff-acrnn
    make bench-latency OPTIONS='--minutes 60'

Untrained networks of the papers' sizes behind the real Predictor; samples at 44.1 kHz are in memory. A window of three is
timed twice: *cold*, where all three utterances are new, and *seen*, where the two neighbours were judged before and only
the target is new, as in a conversation that is followed utterance by utterance. A row ends after ``--runs`` runs, or when its
share of what is left of ``--minutes`` is over; how many there were is printed, as soon as it is known. The quick models come
first, so that what they leave goes to the slow ones. Ctrl-C ends it with the row as far as it is. Where others keep the
machine busy, time on the processors (of all threads together) says what one free core would take.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # both as the command line sets them
os.environ.setdefault("GOMP_SPINCOUNT", "500")

import numpy as np
import torch
from timing import machine
from torch import nn

from featurekit import features, inference, models, training
from featurekit.data import Fold, Split
from featurekit.data.layout import Layout
from featurekit.data.normalise import scale_of
from featurekit.extraction.shards import column_info
from featurekit.inference.heard import Heard
from featurekit.models.backbones import Backbone
from featurekit.runs import FoldRecord, RunRecord, RunSettings, StoredRun, TrainSettings
from featurekit.runs.schema import FORMAT, SplitStamp
from featurekit.store import ColumnInfo

GOAL_MS = 655.94
RATE, SECONDS = 44_100, 10.0
MAIN = ("ub-bilstm", "ub-lstm", "rnn-attention", "mlp-pool", "cnn2d", "resnet18", "aff-acrnn", "sbcnn-resnet50")
GOALS = {"aff-acrnn": 3.0}  # whose share of the time is so many times that of others
ASR_FREE = {"mlp-pool": "fbank", "rnn-attention": "fbank"}  # in place of an ASR encoder, whose time is not theirs
CLASSES = ("negative", "neutral", "positive")


HEAD = ("model", "columns", "window", "precision", "cores", "runs", "median, ms", "99 %, ms", "of 655.94", "CPU, ms", "load")


@dataclass(frozen=True)
class Row:
    """One row of the table that is to be measured."""

    name: str
    precision: str
    cores: int
    window: str

    @property
    def share(self) -> float:
        return GOALS.get(self.name, 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MAIN, help=f"of models; by default {' '.join(MAIN)}")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=35.0, help="at most, for all rows together")
    parser.add_argument("--cores", type=int, nargs="*", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--precision", nargs="*", default=["bf16", "fp32"], choices=["bf16", "fp32"])
    parser.add_argument("--window", nargs="*", default=["cold", "seen"], choices=["cold", "seen"], help="of windows of three")
    options = parser.parse_args()
    print(f"{machine()}, torch {torch.__version__}; load before: {os.getloadavg()[0]:.1f}\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    rows = planned(options)
    every, ends = sorted(os.sched_getaffinity(0)), time.perf_counter() + 60 * options.minutes
    predictor, made = None, None
    for number, row in enumerate(rows):
        if made != (row.name, row.precision):
            os.sched_setaffinity(0, every)
            (predictor, columns), made = prepared(row), (row.name, row.precision)
        os.sched_setaffinity(0, every[: row.cores])
        torch.set_num_threads(row.cores)
        share = row.share / sum(later.share for later in rows[number:])
        times, busy, interrupted = timed(predictor, row.window, options.runs, share * (ends - time.perf_counter()))
        if times:
            median, late = np.percentile(times, [50, 99])
            cells = [f"`{row.name}`", columns, row.window, row.precision, row.cores, len(times), f"{median:.1f}", f"{late:.1f}"]
            cells += [f"{median / GOAL_MS:.2f}", f"{np.median(busy):.1f}", f"{os.getloadavg()[0]:.1f}"]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
        if interrupted:
            print(f"\ninterrupted; {len(rows) - number - 1} rows were not measured")
            return 130
    return 0


def planned(options: argparse.Namespace) -> list[Row]:
    """Rows in their order: model, precision, cores, window."""
    rows = []
    for name in options.names:
        precisions = [one for one in options.precision if one == "fp32" or has_backbone(name)]
        windows = options.window if models.MODELS.get(name).context > 1 else ("alone",)
        rows += [Row(name, one, cores, window) for one in precisions for cores in options.cores for window in windows]
    return rows


def has_backbone(name: str) -> bool:
    """Whether the model has a network of torchvision's, the only ones whose precision can be chosen."""
    return any(isinstance(module, Backbone) for module in built(name)[0].modules())


def prepared(row: Row) -> tuple[inference.Predictor, str]:
    """A predictor of an untrained network, and the columns it reads."""
    with tempfile.TemporaryDirectory() as folder:
        columns = write_run(row.name, Path(folder))
        return inference.Predictor(folder, device="cpu", precision=row.precision), columns


def timed(predictor: inference.Predictor, window: str, runs: int, seconds: float) -> tuple[list[float], list[float], bool]:
    """Milliseconds of each run, by the clock and on all processors, after two that warm up; and whether Ctrl-C ended them."""
    random = np.random.default_rng(0)
    clips = [(0.1 * random.standard_normal(round(RATE * SECONDS))).astype(np.float32) for _ in range(3)]
    half = predictor.context // 2
    before, after = [predictor.ear(clip, RATE) for clip in clips[:2]] if half else [None, None]
    if window == "seen":  # judged once, so that everything that can be kept of them is kept
        predictor.judge([[before, after, None]])
    times: list[float] = []
    busy: list[float] = []
    started = time.perf_counter()
    try:
        for number in range(runs + 2):
            begun, worked = time.perf_counter(), time.process_time()
            if window == "cold":
                slots: list[Heard | None] = [predictor.ear(clip, RATE) for clip in clips]
            else:
                target = predictor.ear(clips[2], RATE)
                slots = [before, target, after] if half else [target]
            answers = predictor.judge([slots])[0]
            predictor.prediction(answers, "-", "file", (0.0, SECONDS))
            if number >= 2:
                times.append(1000 * (time.perf_counter() - begun))
                busy.append(1000 * (time.process_time() - worked))
            if time.perf_counter() - started > seconds and times:
                break
    except KeyboardInterrupt:
        return times, busy[: len(times)], True
    return times, busy, False


@cache
def built(name: str) -> tuple[nn.Module, dict[str, Any], dict[str, ColumnInfo]]:
    """An untrained network of the paper's size, what it was built with, and its columns."""
    infos = {column.name: column_info(column) for column in features.parse(asked(name))}
    layout = Layout.of(infos)
    build = {"n_classes": len(CLASSES), "dims": layout.dims or None, "image_shape": layout.image_shape}
    torch.manual_seed(0)
    return models.build(name, columns=layout.slices, **build), build, infos


def asked(name: str) -> str:
    return ASR_FREE.get(name, models.MODELS.get(name).features)


def write_run(name: str, folder: Path) -> str:
    """A finished run's folder with an untrained network of the paper's size; returns its columns."""
    member, (network, build, infos) = models.MODELS.get(name), built(name)
    flat = {}
    for key, info in infos.items():
        width = 1 if info.kind == "image" else info.dims
        flat[key] = {"scale": scale_of(info.kind, info.unit), "mean": [0.0] * width, "std": [1.0] * width, "left_out": 0}
    weights = training.bytes_of(network.state_dict())
    normaliser = {"columns": flat, "ids_digest": "", "n_ids": 1}
    split = Split("none", (Fold("0", (), (), ()),), {}, "none", True, "")
    record = RunRecord(
        format=FORMAT,
        settings=RunSettings("", name),
        training=TrainSettings(n_frames=member.recipe.get("n_frames")),
        corpus="",
        store_digest="",
        contents="",
        columns=tuple(infos.values()),
        task="",
        kind="classes",
        classes=tuple(CLASSES),
        outputs=tuple(CLASSES),
        scale=None,
        context=member.context,
        folds=("0",),
        verdict="",
        split=SplitStamp("none", split.digest, ""),
        reference={"training_counts": dict.fromkeys(CLASSES, 1), "human": None},
    )
    run = StoredRun(folder)
    run.begin(record, split, {})
    run.fold(0).write(weights, FoldRecord("0", build, normaliser, hashlib.sha256(weights).hexdigest()), [])
    run.write_metrics({})
    return asked(name)


if __name__ == "__main__":
    sys.exit(main())
