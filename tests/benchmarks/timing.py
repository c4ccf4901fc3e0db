"""What the benchmarks share: clips, times in turns, and tables."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import soundfile
import soxr

LIBRARIES = ("numpy", "scipy", "numba", "librosa", "soxr", "praat-parselmouth", "kaldi-native-fbank")


@dataclass
class Row:
    """One feature or set: milliseconds a clip of an oracle and of ours, clip by clip, and how far they differ."""

    label: str
    oracle: str
    error: str = ""
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of the clips' own ratios."""
        return float(np.median(np.array(self.theirs) / np.array(self.ours)))


def milliseconds(function: Callable[[], object], repeats: int) -> float:
    """Best of several runs, in time on the processor: both sides have one thread, and others' work hardly counts."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1000 * best


def spread(times: list[float]) -> str:
    """Median and range."""
    return f"{np.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"


def markdown(rows: list[Row]) -> str:
    """A table: feature, oracle, milliseconds of both, ratio, error."""
    lines = ["| feature | oracle | its ms | ours | ratio | error |", "|---|---|---|---|---|---|"]
    cells = ((row.label, row.oracle, spread(row.theirs), spread(row.ours), f"{row.ratio:.1f}x", row.error) for row in rows)
    return "\n".join([*lines, *(f"| {' | '.join(cell)} |" for cell in cells)])


def machine() -> str:
    """Processor, Python and libraries, in one line."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    cpu = next((line.split(": ")[1] for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    return f"{cpu}, Python {platform.python_version()}, {', '.join(found)}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def clips_of(folder: Path, n_clips: int, rate: int, n_samples: int) -> list[np.ndarray]:
    """Clips spread over a folder's files, mono, at one rate, repeated or cut to one length."""
    files = sorted([*folder.rglob("*.flac"), *folder.rglob("*.wav")])
    clips = []
    for path in files[:: max(1, len(files) // n_clips)][:n_clips]:
        samples, from_rate = soundfile.read(path, dtype="float32", always_2d=True)
        clips.append(np.resize(soxr.resample(samples.mean(axis=1), from_rate, rate), n_samples).astype(np.float32))
    return clips


def ravdess() -> Path:
    """Where the clips come from when no folder is named."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "corpora"
    return Path(os.environ.get("FEATUREKIT_TEST_CORPORA", beside)) / "ravdess"
