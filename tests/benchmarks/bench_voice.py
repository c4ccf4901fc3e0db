"""Milliseconds a clip: librosa's and Praat's pitch, formants and voice quality against featurekit, on RAVDESS, one core.

    python tests/benchmarks/bench_voice.py [folder of clips] [number of clips]

Prints a Markdown table. Each figure is the median over clips of the best of several runs; the spread is the range of the
clips. The ratio is the median of the clips' own ratios, both sides timed in turns in one process. Praat is
praat-parselmouth; without it those rows are left out. Errors: share of frames that differ (pitch), median and 95th
percentile of the absolute difference over voiced frames (formants; harmonicity, where Praat's also takes lags shorter than
the highest pitch's), mean difference of the clips' means (jitter, shimmer: Praat finds its own pitch).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one core against one core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import importlib.util
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import librosa
import numpy as np
from timing import Row, clips_of, machine, markdown, milliseconds, ravdess

from featurekit.features import Plan, parse, warm_up

RATE, HOP, FRAME = 16000, 256, 1024
FMIN, FMAX = 65.0, 400.0
SETTINGS = {"sr": RATE, "frame_length": FRAME, "hop_length": HOP, "fmin": FMIN, "fmax": FMAX}
Oracle = Callable[[np.ndarray], np.ndarray]
ROWS = {
    "f0_yin": "f0_yin",
    "f0_pyin + voicing": "f0_pyin, voicing",
    "formants": "formants",
    "hnr": "hnr",
    "jitter + shimmer": "jitter, shimmer",
    "all of them": "f0_yin, f0_pyin, voicing, formants, hnr, jitter, shimmer",
}


def by_librosa() -> dict[str, Oracle]:
    def pyin(y: np.ndarray) -> np.ndarray:
        f0_hz, voiced, probability = librosa.pyin(y, **SETTINGS)
        return np.stack([np.nan_to_num(f0_hz), probability, voiced], axis=1)

    return {"f0_yin": lambda y: librosa.yin(y, **SETTINGS)[:, None], "f0_pyin + voicing": pyin}


def by_praat() -> dict[str, Oracle]:
    if importlib.util.find_spec("parselmouth") is None:
        return {}
    import parselmouth

    def formants(y: np.ndarray) -> object:
        return parselmouth.Sound(y.astype(np.float64), RATE).to_formant_burg(HOP / RATE, 5, 5500.0, 0.025, 50.0)

    def harmonicity(y: np.ndarray) -> object:
        return parselmouth.Sound(y.astype(np.float64), RATE).to_harmonicity_ac(HOP / RATE, FMIN, 0.1, FMIN * FRAME / RATE)

    def perturbation(y: np.ndarray) -> np.ndarray:
        sound = parselmouth.Sound(y.astype(np.float64), RATE)
        points = parselmouth.praat.call(sound, "To PointProcess (periodic, cc)", FMIN, FMAX)
        jitter = parselmouth.praat.call(points, "Get jitter (local)", 0, 0, 1e-4, 0.02, 1.3)
        return np.array([jitter, parselmouth.praat.call([sound, points], "Get shimmer (local)", 0, 0, 1e-4, 0.02, 1.3, 1.6)])

    return {"formants": formants, "hnr": harmonicity, "jitter + shimmer": perturbation}


def clips(folder: Path, n_clips: int) -> list[np.ndarray]:
    """A multiple of the hop and one sample more: Praat's frames, laid about the middle, are then ours."""
    return clips_of(folder, n_clips, RATE, 250 * HOP + 1)


def frames_of(track: object) -> np.ndarray:
    return np.rint((np.array(track.xs()) * RATE - 0.5) / HOP).astype(int)  # type: ignore[attr-defined]


def errors(label: str, theirs: list, ours: list[dict[str, np.ndarray]], voiced: list[np.ndarray]) -> str:
    """What differs, in words."""
    if label.startswith("f0"):
        pairs = [(a.astype(np.float32), np.concatenate([*b.values()], axis=1)) for a, b in zip(theirs, ours, strict=True)]
        differing = sum(int((np.abs(a - b) > 1e-6 * np.abs(a)).any(axis=1).sum()) for a, b in pairs)
        return f"{differing} of {sum(len(a) for a, _ in pairs)} frames"
    if label.startswith("jitter"):
        means = [[b[name][v, 0].mean() for name in ("jitter", "shimmer")] for b, v in zip(ours, voiced, strict=True)]
        return "mean {:+.4f}, {:+.4f}".format(*np.nanmean(np.array(means) - np.array(theirs), axis=0))
    found = []
    for track, out, flag in zip(theirs, ours, voiced, strict=True):
        frames = frames_of(track)
        if label == "hnr":
            expected, got = track.values[0][:, None], out["hnr"][frames]
            keep = flag[frames] & (expected[:, 0] > 0)
        else:
            expected = np.nan_to_num([[track.get_value_at_time(n, t) for n in range(1, 6)] for t in track.xs()])
            got, keep = out["formants"][frames, :5], flag[frames]
        found.append(np.abs(got - expected)[keep])
    difference = np.concatenate(found)
    unit = "dB" if label == "hnr" else "Hz"
    return f"median {np.median(difference):.2g}, 95 % {np.percentile(difference, 95):.2g} {unit}"


def table(clips: list[np.ndarray]) -> list[Row]:
    """Every row that has an oracle here, then all of them together."""
    warm_up(parse(ROWS["all of them"]))
    voiced = [Plan(parse("voicing")).compute({RATE: clip})["voicing"][:, 1] > 0 for clip in clips]
    of_praat = by_praat()
    oracles = {**by_librosa(), **of_praat}
    rows: list[Row] = []
    for label, request in ROWS.items():
        plan, oracle = Plan(parse(request)), oracles.get(label)
        row = Row(label, "both" if oracle is None else "Praat" if label in of_praat else "librosa")
        if oracle is None and label != "all of them":
            continue
        for index, clip in enumerate(clips):
            theirs = sum(row.theirs[index] for row in rows) if oracle is None else milliseconds(partial(oracle, clip), 2)
            row.theirs.append(theirs)
            row.ours.append(milliseconds(partial(plan.compute, {RATE: clip}), 7))
        if oracle is not None:
            ours = [plan.compute({RATE: clip}) for clip in clips]
            row.error = errors(label, [oracle(clip) for clip in clips], ours, voiced)
        rows.append(row)
    return rows


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ravdess()
    heard = clips(folder, int(sys.argv[2]) if len(sys.argv) > 2 else 9)
    if not heard:
        sys.exit(f"no clips under {folder}")
    warnings.simplefilter("ignore")
    print(f"{len(heard)} clips of 4 s from {folder}, one core; {machine()}\n\n{markdown(table(heard))}")


if __name__ == "__main__":
    main()
