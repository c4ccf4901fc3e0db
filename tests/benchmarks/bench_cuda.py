"""The GPU engine: times real time by family and batch size, and from files to a store.

    python tests/benchmarks/bench_cuda.py [--device cpu] [--root FOLDER] [--workers N] [--files N]

Kernels need numpy, numba and torch alone. `--device cpu` runs the same engine on CPU tensors, which says nothing about a
GPU but that this script works. From files to a store needs soundfile, soxr, h5py, joblib (its cloudpickle) and
threadpoolctl too: FOLDER holds the audio; without it, FLAC files of 4 s at 16 kHz are synthesised. Each figure is the
median of several runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # a machine that only has the checkout

import numpy as np

try:
    import torch
except ImportError:
    sys.exit("bench_cuda needs torch: nothing was measured")

from featurekit.features import cuda, parse
from featurekit.features.cuda.engine import Engine

RATE, SECONDS, RUNS = 22050, 4.0, 5
DISTINCT = 500
FRAMING = "n_fft=2048, hop_length=512, sample_rate=22050"
CONTRAST = f"spectral_contrast({FRAMING})"
SHAPE = ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff", "spectral_flatness", "spectral_flux", "spectral_slope")
FAMILIES = {
    "rms, zcr": ", ".join(f"{name}({FRAMING})" for name in ("rms", "zcr")),
    "magnitude (fft_spectrum)": f"fft_spectrum({FRAMING})",
    "shape of the spectrum (6)": ", ".join(f"{name}({FRAMING})" for name in SHAPE),
    "contrast": CONTRAST,
    "mel256": "mel256",
    "mfcc13 and 2 deltas": "m=luo2019/mfcc, d=delta(of=luo2019/mfcc), e=delta(of=luo2019/mfcc, order=2)",
    "chroma and tuning": "luo2019/chroma_stft",
    "image 512 x 512": "luo2019-image",
    "fbank80 (16 kHz)": "lu2020",
    "functionals of mfcc20": f"functionals(of=mfcc(n_mfcc=20, {FRAMING}))",
    "ten spectral": "luo2019/mfcc, m20=banerjee2021/mfcc, mel256, luo2019/spectral_centroid, luo2019/spectral_bandwidth, "
    f"spectral_rolloff({FRAMING}), {CONTRAST}, luo2019/chroma_stft, luo2019/rms, zcr({FRAMING})",
}
STORES = ("luo2019-best4", "luo2019-best4,mel256", "lu2020", "luo2019-image")


def noise(rate: int, seconds: float, seed: int) -> np.ndarray:
    """A gliding tone in noise under syllables."""
    random, time_s = np.random.default_rng(seed), np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * order * (110 + 5 * seed % 50) * time_s) / order for order in range(1, 8))
    signal = np.sin(2 * np.pi * 2 * time_s) ** 2 * voice + 0.05 * random.standard_normal(len(time_s))
    return (0.1 * signal).astype(np.float32)


def median_s(call: Callable[[], object], device: str) -> float:
    """Seconds of a call whose work on the device is done."""
    times = []
    for run in range(RUNS + 2):  # two to warm up: FFT plans, memory, clocks
        started = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        if run > 1:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def kernels(device: str, sizes: list[int]) -> None:
    """Print times real time by family and clips a batch: on the device alone, and at the largest with copies."""
    print(f"\nkernels, batches of {SECONDS:g} s clips: x real time; * with copies there and back")
    print(f"{'clips a batch':<28}" + "".join(f"{size:>11,}" for size in sizes) + f"{f'{sizes[-1]:,}*':>11}")
    for label, request in FAMILIES.items():
        columns = [column for column in map(cuda.on_gpu, parse(request)) if column is not None]
        engine = Engine(columns, device)
        row = []
        for size in sizes:
            clips = [{rate: noise(rate, SECONDS, seed % 16) for rate in engine.plan.sample_rates} for seed in range(size)]
            sent = {rate: engine._sent([clip[rate] for clip in clips]) for rate in engine.plan.sample_rates}
            with torch.inference_mode():
                row.append(size * SECONDS / median_s(partial(computed, engine, sent), device))
        row.append(sizes[-1] * SECONDS / median_s(partial(engine.compute, clips), device))
        print(f"{label:<28}" + "".join(f"{speed:>11,.0f}" for speed in row))


def computed(engine: Engine, sent: dict[int, object]) -> None:
    """Compute every column and leave it on the device."""
    for _ in engine._run(sent):
        pass


def copies(device: str) -> None:
    """Print what copying samples to the device allows."""
    clips = [noise(RATE, SECONDS, seed) for seed in range(64)]
    engine = Engine([cuda.on_gpu(parse("luo2019/rms")[0])], device)
    print(f"\ncopies to the device: {64 * SECONDS / median_s(partial(engine._sent, clips), device):,.0f} x real time")


def stores(root: Path | None, workers: int | None, files: int) -> None:
    """Print times real time from files to a verified store."""
    from featurekit import extraction, store
    from featurekit.manifest import Manifest, Utterance

    with tempfile.TemporaryDirectory() as folder:
        root = root or synthesised(Path(folder) / "audio", files)
        found = sorted(path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in (".flac", ".wav"))
        manifest = Manifest(Utterance(id=str(path.with_suffix("")), path=str(path)) for path in found)
        print(f"\nfrom {len(manifest)} files to a store")
        print(f"{'columns':<28}{'wall s':>9}{'x real time':>13}{'workers':>9}")
        for number, columns in enumerate(STORES):
            out = Path(folder) / str(number)
            summary = extraction.build_store(manifest, root=root, out=out, columns=columns, workers=workers, device="cuda")
            if not store.verify(out).ok:
                sys.exit(f"{columns}: the store does not verify")
            speed = summary.computed_speech_s / summary.wall_s
            print(f"{columns:<28}{summary.wall_s:>9.2f}{speed:>13,.0f}{summary.workers:>9}")


def synthesised(folder: Path, files: int) -> Path:
    """FLAC files of 4 s at 16 kHz: 500 that differ, each under several names."""
    import soundfile

    folder.mkdir()
    kinds = [noise(16000, SECONDS, seed) for seed in range(16)]
    for number in range(files):
        path = folder / f"{number:06}.flac"
        if number < DISTINCT:
            soundfile.write(path, np.roll(kinds[number % len(kinds)], number), 16000)
        else:
            path.hardlink_to(folder / f"{number % DISTINCT:06}.flac")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 16, 64, 256, 1024])
    given = parser.parse_args()
    cuda.DEVICE = given.device
    if not cuda.ready():
        print("no GPU that torch can use: nothing was measured; --device cpu tries the script")
        return
    name = torch.cuda.get_device_name() if given.device == "cuda" else "CPU tensors: no figure here is a GPU's"
    print(f"{name}, torch {torch.__version__}, {len(os.sched_getaffinity(0))} cores")
    kernels(given.device, given.sizes)
    copies(given.device)
    try:
        stores(given.root, given.workers, given.files)
    except ImportError as error:
        print(f"\nfrom files to a store: left out, {error}")


if __name__ == "__main__":
    main()
