"""Features compute where librosa, soundfile, soxr and dask are not installed: a GPU machine often lacks them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")

CODE = """
import sys
for name in ("librosa", "soundfile", "soxr", "dask", "distributed", "joblib", "threadpoolctl", "click"):
    sys.modules[name] = None
import numpy as np
from featurekit.features import FEATURES, Plan, cuda, parse
from featurekit.features.cuda.engine import Engine
clip = {16000: np.random.default_rng(0).standard_normal(4000).astype("f4")}
# A constant-Q transform halves the rate with soxr, whose rounding is part of librosa's values.
names = [name for name in FEATURES.names() if not FEATURES.get(name).extra]
cpu = [column for name in names for column in parse(name)
       if not any(bound.name == "chroma_cqt" for bound in column.bound().walk())]
Plan(cpu).compute(clip)
gpu = [twin for column in cpu if (twin := cuda.on_gpu(column))]
Engine(gpu, "cpu").compute([clip])
print(len(cpu), len(gpu), len(names))
"""


def test_both_engines_compute_without_audio_libraries() -> None:
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    cpu, gpu, features = map(int, result.stdout.split())
    assert features - cpu == 3  # chroma_cqt, tonnetz, tonnetz_harmonic
    assert gpu > 15
