"""Ten seconds of audio to a class: resampling, features, network; median and 99th percentile, against Luo et al.'s 655.94 ms.

    make bench-latency
    python tests/benchmarks/bench_latency.py --runs 100 --cores 1 ub-bilstm
    python tests/benchmarks/bench_latency.py --runs 50 --precision bf16 aff-acrnn

Untrained networks of the papers' sizes behind the real Predictor; samples at 44.1 kHz are in memory. A window of three is
timed twice: *cold*, where all three utterances are new, and *seen*, where the two neighbours were judged before and only
the target is new, as in a conversation that is followed utterance by utterance. A row ends after ``--runs`` runs or
``--seconds`` seconds, whichever comes first; how many there were is printed. Where others keep the machine busy, time on the
processors (of all threads together) says what one free core would take.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it

import numpy as np
import torch
from timing import machine

from featurekit import features, inference, models, training
from featurekit.data.columns import Layout
from featurekit.data.normalise import scale_of
from featurekit.extraction.shards import column_info
from featurekit.inference.heard import Heard

GOAL_MS = 655.94
RATE, SECONDS = 44_100, 10.0
MAIN = (
    "mlp-pool",
    "rnn-attention",
    "ub-lstm",
    "ub-bilstm",
    "cnn2d",
    "resnet18",
    "sbcnn-resnet50",
    "sbcnn-resnet152",
    "aff-acrnn",
)
ASR_FREE = {"mlp-pool": "fbank", "rnn-attention": "fbank"}  # in place of an ASR encoder, whose time is not theirs
CLASSES = ("negative", "neutral", "positive")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MAIN)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120.0, help="at most, for a row")
    parser.add_argument("--cores", type=int, nargs="*", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--precision", nargs="*", default=["fp32", "bf16"])
    options = parser.parse_args()
    print(f"{machine()}, torch {torch.__version__}; load before: {os.getloadavg()[0]:.1f}\n")
    print(
        "| model | columns | window | precision | cores | runs | median, ms | 99 %, ms | of 655.94 | on processors, ms | load |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    every = sorted(os.sched_getaffinity(0))
    for name in options.names:
        for precision in options.precision if of_pictures(name) else ["fp32"]:
            with tempfile.TemporaryDirectory() as folder:
                columns = write_run(name, Path(folder))
                predictor = inference.Predictor(folder, device="cpu", precision=precision)
            for cores in options.cores:
                os.sched_setaffinity(0, every[:cores])
                torch.set_num_threads(cores)
                for window in ("cold", "seen") if predictor.context > 1 else ("alone",):
                    times, busy = timed(predictor, window, options)
                    median, late = np.percentile(times, [50, 99])
                    cells = [f"`{name}`", columns, window, precision, cores, len(times), f"{median:.1f}", f"{late:.1f}"]
                    cells += [f"{median / GOAL_MS:.2f}", f"{np.median(busy):.1f}", f"{os.getloadavg()[0]:.1f}"]
                    print(f"| {' | '.join(map(str, cells))} |", flush=True)
            os.sched_setaffinity(0, every)


def of_pictures(name: str) -> bool:
    return any(word in name for word in ("resnet", "aff"))


def timed(predictor: inference.Predictor, window: str, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Milliseconds of each run, by the clock and on all processors, after two that warm up."""
    random = np.random.default_rng(0)
    clips = [(0.1 * random.standard_normal(round(RATE * SECONDS))).astype(np.float32) for _ in range(3)]
    half = predictor.context // 2
    before, after = [predictor.ear(clip, RATE) for clip in clips[:2]] if half else [None, None]
    if window == "seen":  # judged once, so that everything that can be kept of them is kept
        predictor.judge([[before, after, None]])
    times: list[float] = []
    busy: list[float] = []
    started = time.perf_counter()
    for number in range(options.runs + 2):
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
        if time.perf_counter() - started > options.seconds and times:
            break
    return times, busy


def write_run(name: str, folder: Path) -> str:
    """A finished run's folder with an untrained network of the paper's size; returns its columns."""
    member = models.MODELS.get(name)
    asked = ASR_FREE.get(name, member.features)
    columns = features.parse(asked)
    infos = {column.name: column_info(column) for column in columns}
    layout = Layout.of(SimpleNamespace(columns=infos), list(infos))  # type: ignore[arg-type]
    shape = infos[layout.image].image_shape if layout.image else None
    build = {"n_classes": len(CLASSES), "dims": layout.dims or None, "image_shape": shape}
    torch.manual_seed(0)
    network = models.build(name, columns=layout.slices, **build)
    flat = {}
    for key, info in infos.items():
        width = 1 if info.kind == "image" else info.dims
        flat[key] = {"scale": scale_of(info.kind, info.unit), "mean": [0.0] * width, "std": [1.0] * width, "left_out": 0}
    facts = {"build": build, "normaliser": {"columns": flat, "ids_digest": "", "n_ids": 1}}
    training.save_checkpoint(folder / "folds" / "0", network.state_dict(), facts)
    record = {
        "format": inference.RUN_FORMAT,
        "settings": {"model": name, "context_of": "same_speaker", "test_store": ""},
        "training": {"n_frames": member.recipe.get("n_frames")},
        "columns": [info.to_dict() for info in infos.values()],
        "kind": "classes",
        "classes": CLASSES,
        "outputs": CLASSES,
        "scale": None,
        "context": member.context,
        "folds": ["0"],
    }
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.json").write_text("{}")
    return asked


if __name__ == "__main__":
    main()
