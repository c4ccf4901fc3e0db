"""Milliseconds a clip: librosa one feature at a time against featurekit, on RAVDESS clips at 22.05 kHz, one core.

    python tests/benchmarks/bench_features.py [folder of clips] [number of clips] [--write]

Prints a Markdown table; with ``--write`` it goes into docs/speed.md, together with bench_voice's. Each figure is the median
over clips of the best of several runs, both sides in turns in one process, the ratio the median of the clips' ratios; the
range is that of the clips. A set's librosa time is the sum of its rows'. The error is the largest over the largest value;
tonal features are compared where a frame is above 1e-4 of the clip's peak.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one core against one core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bench_voice
import librosa
import numpy as np
import scipy.stats
from timing import Row, clips_of, machine, markdown, milliseconds, ravdess

try:
    import kaldi_native_fbank as kaldi
except ImportError:
    kaldi = None

from featurekit.features import Column, Plan, parse
from featurekit.features.binding import accepted, bind
from featurekit.features.columns import make_column
from featurekit.features.language import read
from featurekit.features.plan import run_step

RATE = 22050
FRAMING = {"sample_rate": RATE, "n_fft": 2048, "hop_length": 512}
TONAL = ("chroma_cqt", "tonnetz", "tonnetz_harmonic", "issa_tonnetz")
FMAX = 4096.0  # Banerjee's
Feature = Callable[[np.ndarray], np.ndarray]


def librosa_lpc(y: np.ndarray) -> np.ndarray:
    frames = librosa.util.frame(np.pad(y.astype(np.float64), 1024), frame_length=2048, hop_length=512)
    return librosa.lpc(frames, order=16, axis=0)[1:]


def kaldi_fbank(y: np.ndarray) -> np.ndarray:
    options = kaldi.FbankOptions()
    options.frame_opts.dither, options.frame_opts.samp_freq, options.frame_opts.snip_edges = 0, RATE, False
    options.frame_opts.frame_length_ms, options.frame_opts.frame_shift_ms = 25, 10  # 551 and 220 samples
    options.mel_opts.num_bins = 80
    bank = kaldi.OnlineFbank(options)
    bank.accept_waveform(RATE, y * 32768)
    bank.input_finished()
    return np.array([bank.get_frame(index) for index in range(bank.num_frames_ready)]).T


def scipy_functionals(values: np.ndarray) -> np.ndarray:
    percentiles = np.percentile(values, [25, 50, 75], axis=1)
    low, high = values.min(axis=1), values.max(axis=1)
    shape = scipy.stats.skew(values, axis=1), scipy.stats.kurtosis(values, axis=1)
    slope = np.polyfit(np.arange(values.shape[1]), values.T, 1)[0]
    rows = [values.mean(axis=1), values.std(axis=1), low, high, high - low, *percentiles, *shape, slope]
    return np.stack(rows, axis=1).reshape(-1, 1)


# Label → (a request without its framing, what librosa, or whom the label names, computes one by one).
ROWS: dict[str, tuple[str, Feature]] = {
    "mfcc": ("mfcc(n_mfcc=13)", lambda y: librosa.feature.mfcc(y=y, n_mfcc=13)),
    "mfcc20": ("mfcc(n_mfcc=20)", lambda y: librosa.feature.mfcc(y=y, n_mfcc=20)),
    "mel256": ("mel(n_mels=256)", lambda y: librosa.feature.melspectrogram(y=y, n_mels=256)),
    "spectral_centroid": ("spectral_centroid", lambda y: librosa.feature.spectral_centroid(y=y)),
    "spectral_bandwidth": ("spectral_bandwidth", lambda y: librosa.feature.spectral_bandwidth(y=y)),
    "spectral_rolloff": ("spectral_rolloff", lambda y: librosa.feature.spectral_rolloff(y=y)),
    "spectral_contrast": ("spectral_contrast", lambda y: librosa.feature.spectral_contrast(y=y)),
    "chroma_stft": ("chroma_stft", lambda y: librosa.feature.chroma_stft(y=y)),
    "rms": ("rms", lambda y: librosa.feature.rms(y=y)),
    "zcr": ("zcr", lambda y: librosa.feature.zero_crossing_rate(y)),
    "tonnetz": ("tonnetz", lambda y: librosa.feature.tonnetz(y=y)),
    "chroma_cqt": ("chroma_cqt", lambda y: librosa.feature.chroma_cqt(y=y)),
    "log_mel": ("log_mel(n_mels=128)", lambda y: librosa.power_to_db(librosa.feature.melspectrogram(y=y))),
    "spectral_flatness": ("spectral_flatness", lambda y: librosa.feature.spectral_flatness(y=y)),
    "mfcc delta": ("delta(of=mfcc)", lambda y: librosa.feature.delta(librosa.feature.mfcc(y=y, n_mfcc=13))),
    "lpc": ("lpc", librosa_lpc),
    "mel htk": (
        "mel(n_mels=40, htk=True, mel_norm=None)",
        lambda y: librosa.feature.melspectrogram(y=y, n_mels=40, htk=True, norm=None),
    ),
    "functionals": ("functionals(of=mfcc)", lambda y: scipy_functionals(librosa.feature.mfcc(y=y, n_mfcc=13))),
    "harmonic": ("harmonic", lambda y: librosa.effects.harmonic(y)[None]),
    "percussive": ("percussive", lambda y: librosa.effects.percussive(y)[None]),
    "tonnetz_harmonic": ("tonnetz_harmonic", lambda y: librosa.feature.tonnetz(y=librosa.effects.harmonic(y))),
    "issa_mel": (
        f"functionals(of=mel(n_mels=256, fmax={FMAX}), stats=mean)",
        lambda y: librosa.feature.melspectrogram(y=y, n_mels=256, fmax=FMAX).mean(axis=1)[:, None],
    ),
    "issa_mfcc": (
        f"functionals(of=mfcc(n_mfcc=20, fmax={FMAX}), stats=mean)",
        lambda y: librosa.feature.mfcc(y=y, n_mfcc=20, fmax=FMAX).mean(axis=1)[:, None],
    ),
    "issa_chroma": (
        "functionals(of=chroma_stft, stats=mean)",
        lambda y: librosa.feature.chroma_stft(y=y).mean(axis=1)[:, None],
    ),
    "issa_contrast": (
        "functionals(of=spectral_contrast, stats=mean)",
        lambda y: librosa.feature.spectral_contrast(y=y).mean(axis=1)[:, None],
    ),
    "issa_tonnetz": (
        "functionals(of=tonnetz_harmonic, stats=mean)",
        lambda y: librosa.feature.tonnetz(y=librosa.effects.harmonic(y)).mean(axis=1)[:, None],
    ),
}
if kaldi is not None:
    ROWS["fbank"] = ("fbank(win_length=551, hop_length=220, n_fft=1024)", kaldi_fbank)
ORACLES = {"functionals": "scipy", "fbank": "Kaldi"}  # the others': librosa's
NODES = ("harmonic", "percussive")
SPECTRAL = tuple(ROWS)[:10]
LUO = tuple(column.name.removeprefix("luo2019/") for column in parse("luo2019"))
SETS = {
    "ten spectral features": SPECTRAL,
    "luo2019": LUO,
    "luo2019 + mel256": (*LUO, "mel256"),
    "issa2020": ("issa_mel", "issa_mfcc", "issa_chroma", "issa_contrast", "issa_tonnetz"),
}


class Ours:
    """Computes the rows of a label together: columns by a plan, a node that gives a signal by its own graph."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.node = bind(names[0], {"sample_rate": RATE})[0] if names[0] in NODES else None
        if self.node is None:
            self.columns = {name: request(name) for name in names}
            self.plan = Plan(self.columns.values())

    def __call__(self, clip: np.ndarray) -> dict[str, np.ndarray]:
        if self.node is None:
            return self.plan.compute({RATE: clip})
        values: dict[str, np.ndarray] = {}
        for bound in self.node.walk():
            if bound.node is not None:
                values[bound.key] = run_step(bound, values, {RATE: clip})
        return {self.node.name: values[self.node.key][:, None]}


def request(name: str) -> Column:
    node, given = read(ROWS[name][0])
    takes = accepted(node, given.get("of"))
    framing = {key: value for key, value in FRAMING.items() if key in takes and key not in given}
    return make_column(name, node, {**framing, **given})


def error(name: str, signal: np.ndarray, ours: np.ndarray) -> float:
    theirs = ROWS[name][1](signal).T
    theirs = theirs.reshape(ours.shape) if theirs.size == ours.size else theirs
    if name in TONAL and len(ours) > 1:
        audible = librosa.feature.rms(y=signal)[0] > 1e-4 * np.abs(signal).max()
        theirs, ours = theirs[audible], ours[audible]
    return float(np.abs(theirs - ours).max() / np.abs(theirs).max())


def table(clips: list[np.ndarray]) -> list[Row]:
    """Every row, then the sets."""
    rows = {name: Row(name, ORACLES.get(name, "librosa")) for name in ROWS}
    for label, names in ({name: (name,) for name in ROWS} | SETS).items():
        compute = Ours(names)
        outputs = [compute(clip) for clip in clips]
        row = rows.setdefault(label, Row(label, "librosa"))
        for index, clip in enumerate(clips):
            if label in ROWS:
                row.theirs.append(milliseconds(partial(ROWS[label][1], clip), 3))
            else:
                row.theirs.append(sum(rows[name].theirs[index] for name in names))
            row.ours.append(milliseconds(partial(compute, clip), 7))
        worst = max(error(name, clip, out[name]) for name in names for clip, out in zip(clips, outputs, strict=True))
        row.error = f"{worst:.1e}"
    return list(rows.values())


PART = """
Milliseconds of processor time for a clip of
4 s of speech (RAVDESS), one core, warm: median over {n} clips of the best of several runs, and their range, both sides in
turns in one process; the ratio is the median of the clips' own ratios.

{machine}.

### Spectral, tonal and derived features, at 22.05 kHz

The oracle computes one feature at a time, a set's time is the sum of its features'. The error is the largest difference
over the largest value; `fbank`'s is that of Kaldi's float32 transform, in the top bands, which hold next to nothing here.

{features}

### Voice, at 16 kHz

{voice}

"""
# docs/speed.md has this part between two comments that both end like this.
MARK = "written by `python tests/benchmarks/bench_features.py --write`. -->\n"


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    folder = Path(arguments[0]) if arguments else ravdess()
    count = int(arguments[1]) if len(arguments) > 1 else 9
    clips = clips_of(folder, count, RATE, 4 * RATE)
    if not clips:
        sys.exit(f"no clips under {folder}")
    warnings.simplefilter("ignore")
    features = markdown(table(clips))
    print(f"{len(clips)} clips of 4 s from {folder}, one core; {machine()}\n\n{features}")
    if "--write" in sys.argv:
        voice = markdown(bench_voice.table(bench_voice.clips(folder, count)))
        part = PART.format(n=len(clips), machine=machine(), features=features, voice=voice)
        target = Path(__file__).resolve().parents[2] / "docs" / "speed.md"
        before, _, after = target.read_text().split(MARK)
        target.write_text(f"{before}{MARK}{part}<!-- The part above is {MARK}{after}")
        print(f"\n{voice}\n\nwritten to {target}")


if __name__ == "__main__":
    main()
