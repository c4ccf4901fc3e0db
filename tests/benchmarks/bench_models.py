"""Every model: inputs, parameters, the paper's result, milliseconds of forward and backward on a batch; as Markdown.

    make bench-models
    python tests/benchmarks/bench_models.py --device cuda --side 512 --batch 20 sbcnn-resnet152 aff-acrnn

Frames have the paper's dimensions and 100 frames, or the number its recipe cuts to; images are 64 x 64 by default, where
the papers have 512 x 512, so that a laptop gets through. All slots of a window are there. Classical models are timed
fitting and judging one batch.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.models import MODELS, build
from featurekit.models.explanation import made_batch

N_CLASSES, REPEATS = 3, 3
_LUO, _LU, _BANERJEE = "MOSI 2/5/7 classes, WA", "IEMOCAP WA/UA", "RAVDESS, WA"
# As printed (systems.md); a result, unless it says parameters.
FIGURES = {
    "ub-lstm": f"68.23 / 33.15 / 26.27 ({_LUO})",
    "ub-bilstm": f"68.72 / 34.27 / 26.82 ({_LUO})",
    "sbcnn-lenet": f"56.75 / 23.67 / 15.63 ({_LUO})",
    "sbcnn-alexnet": f"58.71 / 26.43 / 19.21 ({_LUO})",
    "sbcnn-vgg16": f"57.88 / 27.37 / 17.34 ({_LUO})",
    "sbcnn-zfnet": f"55.37 / 21.90 / 12.82 ({_LUO})",
    "sbcnn-resnet18": f"58.94 / 25.26 / 18.35 ({_LUO})",
    "sbcnn-resnet50": f"62.52 / 28.13 / 20.21 ({_LUO})",
    "sbcnn-resnet152": f"65.42 / 28.78 / 21.56 ({_LUO})",
    "aff-acrnn-ub-res18": f"67.19 / 33.83 / 26.78 ({_LUO})",
    "aff-acrnn-ub-res50": f"67.83 / 34.21 / 27.75 ({_LUO})",
    "aff-acrnn-ub-res152": f"68.64 / 35.87 / 28.15 ({_LUO})",
    "aff-acrnn-ubbi-res18": f"68.26 / 35.43 / 27.63 ({_LUO})",
    "aff-acrnn-ubbi-res50": f"69.18 / 36.93 / 28.11 ({_LUO})",
    "aff-acrnn-ubbi-res152": f"69.64 / 37.71 / 29.26 ({_LUO})",
    "aff-acrnn": f"69.64 / 37.71 / 29.26 ({_LUO})",
    "bc-lstm": "60.31 / 47.20 (MOSI, MOSI → MOUD, WA, from Luo's Table 6)",
    "svm-text": "57.23 (MOUD, WA)",
    "naive-bayes-text": "55.72 (MOUD, WA)",
    "gmm": "54.66 (MOUD, WA)",
    "hmm": "56.63 (MOUD, WA)",
    "dtw": "53.92 (MOUD, WA)",
    "mlp-pool": f"68.68 / 68.98 ({_LU})",
    "rnn-pool": f"70.71 / 71.55 ({_LU})",
    "rnn-attention": f"71.72 / 72.56 ({_LU})",
    "cnn-acoustic": "54.23 / 39.63 (SWBD-sentiment WA/UA)",
    "acoustic-text": "65.65 / 54.59 (SWBD-sentiment WA/UA)",
    "cnn2d": "3,588,803 parameters as Keras counts",
    "lstm-stack": "645,123 parameters as Keras counts",
    "bilstm-stack": "1,467,651 parameters as Keras counts; 92.86 (own data)",
    "logistic": f"22.22 ({_BANERJEE})",
    "cnn5": f"13.19 ({_BANERJEE})",
    "issa": f"75.69 ({_BANERJEE})",
    "vit": f"15.28 ({_BANERJEE})",
    "resnet50": f"76.39 ({_BANERJEE})",
    "resnet50-stitched": f"74.31 ({_BANERJEE})",
    "densenet201": f"73.61 ({_BANERJEE})",
    "densenet201-stitched": f"79.17 ({_BANERJEE})",
    "multinet": f"77.78 ({_BANERJEE})",
    "sae-cnn-blstm-attention": "74.03 / 77.97 / 82.95 (CASIA, EMO-DB, IEMOCAP: mean of the class recalls)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="all models by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"Batch of {options.batch}, images {options.side} x {options.side}, {options.device}, one thread, {torch.__version__}\n"
    )
    print("| model | reads | input | C | parameters | the paper's figure | ms |\n|---|---|---|---|---|---|---|")
    for name in options.names or MODELS.names():
        print(row(name, options), flush=True)


def row(name: str, options: argparse.Namespace) -> str:
    member = MODELS.get(name)
    made = made_batch(member, n=options.batch, side=options.side)
    full = torch.ones_like(made.present)
    steps = 1 if made.frames is None else made.frames.shape[2]
    batch = Batch(
        made.frames,
        full * steps,
        made.images,
        full,
        torch.arange(options.batch) % N_CLASSES,
        [str(i) for i in range(options.batch)],
        {},
        made.text,
        None if made.text is None else full * made.text.shape[2],
    ).to(options.device)
    shape = None if batch.images is None else (options.side, options.side)
    model = build(name, n_classes=N_CLASSES, dims=None if batch.frames is None else batch.frames.shape[-1], image_shape=shape)
    model = model.to(options.device).train()
    count = sum(value.numel() for value in model.parameters())
    ms = statistics.median(timed(model, batch) for _ in range(REPEATS))
    inputs = [
        f"{kind} {' x '.join(map(str, value.shape[2:]))}"
        for kind in member.reads
        if (value := getattr(batch, kind)) is not None
    ]
    reads = (" or " if member.either else " and ").join(member.reads)
    figure = FIGURES.get(name, "")
    return f"| `{name}` | {reads} | {', '.join(inputs)} | {member.context} | {count:,} | {figure} | {ms:.0f} |"


def timed(model: torch.nn.Module, batch: Batch) -> float:
    """Milliseconds of one step; the fit of what the model fits otherwise is in it where nothing else is trained."""
    trained = any(value.requires_grad for value in model.parameters())
    if hasattr(model, "prepare") and trained:
        model.prepare(lambda: iter([batch]), torch.Generator().manual_seed(0))
    wait(batch)
    # On a CPU its own time: one thread does everything, and what else runs on the machine does not count.
    clock = time.perf_counter if batch.lengths.is_cuda else time.process_time
    started = clock()
    if trained:
        F.cross_entropy(model(batch).logits, batch.labels).backward()
    else:
        model.prepare(lambda: iter([batch]), torch.Generator().manual_seed(0))
        model(batch)
    wait(batch)
    return 1000 * (clock() - started)


def wait(batch: Batch) -> None:
    if batch.lengths.is_cuda:
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
