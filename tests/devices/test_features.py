"""Every twin on the pretended GPU: the values it has on CPU tensors, bit for bit, and nothing that a GPU would refuse."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import featurekit as fk
from featurekit import extraction
from featurekit.errors import ParameterError, WorkerError
from featurekit.features import FEATURES, Column, ImageArray, cuda, parse
from featurekit.features.cuda.engine import Engine

STATS = "mean,std,min,max,range,skewness,kurtosis,slope,p5,p95"
REQUESTS = {
    "delta": "delta(of=[rms, mfcc20], order=2)",
    "functionals": f"functionals(of=[log_mel, zcr, spectral_centroid], stats='{STATS}')",
    "spectrogram": "spectrogram(height=64, width=48)",
}
WITH_TWIN = [name for name in FEATURES.names() if name in cuda.TWINS and not FEATURES.get(name).extra]


# What issue 3 asks of the GPU: spectral family, energy, mel, MFCC, chroma, contrast, log-mel, images.
ASKED = {
    "chroma_stft", "delta", "fbank", "fft_spectrum", "log_energy", "log_mel", "loudness", "mel", "mfcc", "mfdwc", "rms",
    "spectral_bandwidth", "spectral_centroid", "spectral_contrast", "spectral_flatness", "spectral_flux", "spectral_rolloff",
    "spectral_slope", "spectrogram", "zcr",
}  # fmt: skip


def test_no_family_that_was_asked_for_lacks_a_twin() -> None:
    assert set(WITH_TWIN) >= ASKED
    assert {name for name in FEATURES.names() if name.startswith("spectral_")} <= ASKED
    for preset in ("luo2019-best4", "luo2019-image", "lu2020", "cs582"):
        assert len(on_gpu(preset)) == len(parse(preset))


def on_gpu(request: str) -> list[Column]:
    return [column for column in map(cuda.on_gpu, parse(request)) if column is not None]


@pytest.fixture(scope="module")
def clips() -> list[dict[int, np.ndarray]]:
    rng = np.random.default_rng(0)
    signals = [np.sin(2 * np.pi * 440 * np.arange(n) / 16000) + 0.1 * rng.standard_normal(n) for n in (9000, 1, 700, 5000)]
    return [{16000: signal.astype(np.float32)} for signal in [*signals, np.zeros(3000)]]


@pytest.mark.parametrize("name", WITH_TWIN)
def test_every_twin_gives_there_what_it_gives_on_cpu_tensors(name: str, clips: Any, gpu: Any) -> None:
    columns = on_gpu(f"x={REQUESTS.get(name, name)}")
    expected = Engine(columns, "cpu").compute(clips)
    for one, other in zip(expected, Engine(columns, "cuda").compute(clips), strict=True):
        if isinstance(one["x"], ImageArray):
            one["x"], other["x"] = one["x"].pixels, other["x"].pixels
        np.testing.assert_array_equal(other["x"], one["x"])


def test_a_batch_waits_for_its_results_and_for_the_places_of_peaks_only(clips: Any, gpu: Any) -> None:
    requests = [f"x{number}={REQUESTS.get(name, name)}" for number, name in enumerate(WITH_TWIN)]
    engine = Engine(on_gpu(", ".join(requests)), "cuda")
    engine.compute(clips)  # windows and banks are copied once
    gpu.waits.clear()
    engine.compute(clips)
    assert sorted({wait.split(":")[0] for wait in gpu.waits}) == [
        "nonzero features/cuda/chroma.py",
        "synchronize features/cuda/engine.py",
    ]
    assert sum("synchronize" in wait for wait in gpu.waits) == 1


@pytest.mark.parametrize("kind", ["whisper", "wav2vec2"])
def test_encoders_give_there_what_they_give_here(kind: str, tiny: Any, gpu: Any) -> None:
    settings = f"model={str(tiny(kind))!r}, dtype='f4'"
    request = f"x=asr_encoder({settings}, layer=2), y=asr_encoder({settings}, layer='mean')"
    rng = np.random.default_rng(0)
    signals = [{16000: (0.1 * rng.standard_normal(n)).astype(np.float32)} for n in (9000, 16000, 300)]
    columns = on_gpu(request)
    expected = Engine(columns, "cpu").compute(signals)
    for one, other in zip(expected, Engine(columns, "cuda").compute(signals), strict=True):
        for name in ("x", "y"):
            np.testing.assert_allclose(other[name], one[name], rtol=0, atol=1e-5 * np.abs(one[name]).max())


COLUMNS = "luo2019/mfcc,luo2019/chroma_stft,spectrogram(height=32, width=32),functionals(of=rms),lpc"


@pytest.fixture
def there(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The GPU, seen by extraction too."""
    monkeypatch.setattr(cuda, "ready", lambda **asked: True)
    return gpu


def test_a_store_is_extracted_there(
    tiny_corpus: Path, tiny_manifest: Any, tmp_path: Path, there: Any, monkeypatch: Any
) -> None:
    digests = []
    for device in ("cuda", "cpu"):
        out = tmp_path / device
        monkeypatch.setattr(cuda, "DEVICE", device)
        extraction.build_store(
            tiny_manifest, root=tiny_corpus, out=out, columns=COLUMNS, corpus="demo", device="cuda", backend="serial"
        )
        opened = fk.open_store(out)
        assert sorted({info.engine for info in opened.columns.values()}) == ["cpu", "cuda"]
        digests.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (out / "shards").iterdir()})
    assert digests[0] == digests[1]


def test_arrays_of_one_part_stay_when_the_next_is_computed(clips: Any, gpu: Any) -> None:
    engine = Engine(on_gpu("mfcc, spectrogram(height=16, width=16)"), "cuda")
    first = engine.compute(clips)
    kept = [{name: np.copy(getattr(value, "pixels", value)) for name, value in item.items()} for item in first]
    engine.compute([{16000: np.ones(4000, np.float32)} for _ in clips])
    for one, other in zip(first, kept, strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(getattr(value, "pixels", value), other[name])


def test_a_full_gpu_stops_an_extraction_with_one_sentence(
    tiny_corpus: Path, tiny_manifest: Any, tmp_path: Path, there: Any, monkeypatch: Any
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Engine, "_run", full)
    with pytest.raises(WorkerError, match="the GPU's memory is full"):
        extraction.build_store(
            tiny_manifest, root=tiny_corpus, out=tmp_path / "s", columns="rms", corpus="demo", device="cuda", backend="serial"
        )


def test_page_locked_memory_that_runs_out_stops_an_extraction_with_one_sentence(clips: Any, gpu: Any, monkeypatch: Any) -> None:
    def full(*_: object, **how: Any) -> Any:
        if how.get("pin_memory"):
            raise RuntimeError("CUDA error: out of memory")
        return torch.zeros(1)

    engine = Engine(on_gpu("rms"), "cuda")
    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(WorkerError, match="page-locked memory of the host has run out"):
        engine.compute(clips)


def test_an_engine_computes_on_the_gpu_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with cuda.computing_on("cuda:1"):
        assert Engine(on_gpu("rms")).device == torch.device("cuda", 1)
    assert cuda.DEVICE == "cuda"
    with (
        pytest.raises(ParameterError, match="device is cuda:2, but the last GPU that torch sees is cuda:1"),
        cuda.computing_on("cuda:2"),
    ):
        pass
