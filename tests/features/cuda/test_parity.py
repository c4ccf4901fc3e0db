"""Every twin against the CPU engine: the same values to a stated tolerance, alone and in any company.

On CPU tensors where there is no GPU.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from featurekit.errors import ParameterError, WorkerError  # noqa: E402
from featurekit.features import FEATURES, NODES, Column, ImageArray, Plan, cuda, parse  # noqa: E402
from featurekit.features.cuda.engine import Engine  # noqa: E402

Signal = Callable[..., np.ndarray]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# The tolerance that docs/gpu.md states: a share of the column's largest value, and on top of it what lies at zero.
RELATIVE = 3e-6
ABSOLUTE = {"spectral_contrast": 1e-5, "spectral_flux": 1e-6, "delta": 3e-4}
EXACT = {"zcr"}
# Every feature that has a twin, as it is asked for here; all its upstream nodes are then covered too.
REQUESTS = {
    "delta": "delta(of=[rms, mfcc20], order=2)",
    "functionals": "functionals(of=[log_mel, zcr, spectral_centroid])",
    "mel": "mel(n_mels=64, htk=True, mel_norm=None)",
    "spectrogram": "spectrogram(height=64, width=48)",
}
# Those of an optional extra have their own tests, in test_encoders.
WITH_TWIN = [name for name in FEATURES.names() if name in cuda.TWINS and not FEATURES.get(name).extra]


def on_gpu(request: str) -> list[Column]:
    found = [cuda.on_gpu(column) for column in parse(request)]
    assert None not in found
    return [column for column in found if column is not None]


def both(request: str, clips: list[np.ndarray], rate: int = 16000) -> list[tuple[dict, dict]]:
    cpu, batch = Plan(parse(request)), [{rate: clip} for clip in clips]
    return [(cpu.compute(item), got) for item, got in zip(batch, Engine(on_gpu(request), DEVICE).compute(batch), strict=True)]


def hold(name: str, expected: np.ndarray | ImageArray, got: np.ndarray | ImageArray, bin_hz: float = 0.0) -> None:
    """The tolerance of docs/gpu.md."""
    if isinstance(expected, ImageArray):
        np.testing.assert_allclose(got.db_range, expected.db_range, atol=2e-5)
        difference = np.abs(expected.pixels.astype(int) - got.pixels)
        assert difference.max() <= 1
        assert (difference > 0).mean() <= 0.001
        return
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if name == "spectral_rolloff":
        beside = np.abs(expected - got)
        assert beside.max() <= 1.001 * bin_hz
        assert (beside > 0).mean() <= 0.01
    elif name in EXACT:
        np.testing.assert_array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=0, atol=RELATIVE * np.abs(expected).max() + ABSOLUTE.get(name, 0.0))


@pytest.fixture(scope="module")
def clips(tone: Signal, speech_like: Signal) -> dict[str, np.ndarray]:
    return {
        "one sample": np.array([0.3], np.float32),
        "two samples": np.array([0.3, -0.3], np.float32),
        "shorter than a frame": 0.1 * speech_like(seconds=0.02, rate=16000),
        "silence": np.zeros(8000, np.float32),
        "DC": np.full(8000, 0.5, np.float32),
        "click": np.eye(1, 8000, 4000, dtype=np.float32)[0],
        "full-scale square": np.where(np.arange(8000) // 40 % 2, 1.0, -1.0).astype(np.float32),
        "very quiet": np.float32(1e-30) * tone(200, 0.5, 16000),
        "very loud": np.float32(1e6) * tone(200, 0.5, 16000),
        "440 Hz": tone(440, 0.7, 16000),
        "445 Hz": tone(445, 0.4, 16000),
        "noise": 0.1 * np.random.default_rng(0).standard_normal(9001).astype(np.float32),
        "speech": speech_like(seconds=0.9, rate=16000),
        "other speech": speech_like(seed=1, seconds=0.33, rate=16000),
    }


@pytest.mark.parametrize("name", WITH_TWIN)
def test_every_twin_gives_the_cpus_values_for_every_clip(name: str, clips: dict[str, np.ndarray]) -> None:
    for expected, got in both(f"x={REQUESTS.get(name, name)}", list(clips.values())):
        hold(name, expected["x"], got["x"], bin_hz=16000 / 1024)


def test_every_twin_is_held_by_one_of_those_features() -> None:
    columns = [column for name in WITH_TWIN for column in on_gpu(f"x={REQUESTS.get(name, name)}")]
    needed = {name for name in cuda.TWINS.names() if name not in NODES or not NODES.get(name).extra}
    assert {bound.name for column in columns for bound in column.bound().walk()} >= needed


@pytest.mark.parametrize("name", WITH_TWIN)
def test_alone_is_as_in_company(name: str, clips: dict[str, np.ndarray]) -> None:
    # Loud, tonal and long company: top_db, tuning and padding are each utterance's own.
    engine = Engine(on_gpu(f"x={REQUESTS.get(name, name)}"), DEVICE)
    together = engine.compute([{16000: clip} for clip in clips.values()])
    for clip, in_company in zip(clips.values(), together, strict=True):
        alone = engine.compute([{16000: clip}])[0]["x"]
        if isinstance(alone, ImageArray):
            assert alone.db_range == in_company["x"].db_range
            assert np.abs(alone.pixels.astype(int) - in_company["x"].pixels).max() <= 1
        else:
            scale = np.abs(alone).max(initial=1e-30)
            np.testing.assert_allclose(in_company["x"], alone, rtol=0, atol=3e-7 * scale + ABSOLUTE.get(name, 0.0))


@pytest.mark.parametrize(
    "names",
    [
        "luo2019/mfcc, luo2019/spectral_contrast, luo2019/chroma_stft, luo2019/rms, mel256",
        "spectral_centroid(hop_length=100), spectral_rolloff(roll_percent=0.5), mfdwc(n_mels=64), rms(n_fft=300)",
        "lu2020, fbank(snip_edges=True), fbank(hop_length=500)",
        "f=fft_spectrum(n_fft=512, win_length=320, hop_length=160), zcr(hop_length=100), loudness(win_length=400)",
        "chroma_stft(n_chroma=24), spectral_contrast(n_bands=4, quantile=0.1), log_mel(top_db=None), delta(width=31)",
        "mfcc(sample_rate=96000), spectral_contrast(sample_rate=8000, n_bands=4), c=chroma_stft(sample_rate=8000)",
        "a=spectrogram(height=600, width=300), b=spectrogram(width=7), functionals(of=mfcc, stats='p5,p95,mean')",
    ],
)
def test_other_settings_and_rates_agree_too(names: str, speech_like: Signal) -> None:
    columns = on_gpu(names)
    clips = [speech_like(seed=seed, seconds=seconds, rate=22050) for seed, seconds in enumerate((0.6, 0.01, 1.1))]
    signals = [dict.fromkeys({column.sample_rate for column in columns}, clip) for clip in clips]
    for item, got in zip(signals, Engine(columns, DEVICE).compute(signals), strict=True):
        expected = Plan(parse(names)).compute(item)
        for column in columns:
            hold(column.node, expected[column.name], got[column.name], bin_hz=16000 / 1024)


def test_real_clips_agree(real_clips: list[tuple[np.ndarray, int]]) -> None:
    names = ", ".join(name for name in WITH_TWIN if name != "fft_spectrum")
    clips = [samples for samples, rate in real_clips if rate == 16000]
    for expected, got in both(names, clips):
        for column in on_gpu(names):
            hold(column.node, expected[column.name], got[column.name], bin_hz=16000 / 1024)


@pytest.mark.parametrize("name", [name for name in cuda.TWINS.names() if name != "stack"])
def test_a_twin_takes_what_its_node_takes(name: str) -> None:
    node = NODES.get(name)
    parameters = inspect.signature(cuda.TWINS.get(name).function).parameters.values()
    assert tuple(item.name for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD) == node.inputs
    settings = {item.name: item.default for item in parameters if item.kind is item.KEYWORD_ONLY}
    assert settings == dict.fromkeys(node.defaults, inspect.Parameter.empty)  # defaults are said once, by the node
    assert inspect.getdoc(cuda.TWINS.get(name).function)


def test_frames_stay_in_order_where_a_clip_needs_several_transforms(speech_like: Signal) -> None:
    clip = speech_like(seconds=5, rate=16000)
    (expected, got), _ = both("f=fft_spectrum(hop_length=32), fbank(hop_length=40)", [clip, clip[:100]])
    assert len(got["f"]) > 2048  # frames of more than two calls of the FFT
    hold("fft_spectrum", expected["f"], got["f"])
    hold("fbank", expected["fbank(hop_length=40)"], got["fbank(hop_length=40)"])


def test_the_engine_is_part_of_the_key_and_the_cpus_key_is_as_it_was() -> None:
    (column,) = parse("luo2019/mfcc")
    (twin,) = on_gpu("luo2019/mfcc")
    assert (column.engine, twin.engine) == ("cpu", "cuda")
    assert column.key == "d042712aad393512634de141abce3ad160e47560f5ca08172a2caa5e181b9a31"
    assert twin.key != column.key
    assert (twin.name, twin.spec, twin.dims) == (column.name, column.spec, column.dims)
    assert cuda.on_gpu(parse("other=luo2019/mfcc")[0]).key == twin.key


def test_a_bumped_twin_changes_the_key_of_what_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: on_gpu(name)[0].key for name in ("mfcc", "rms")}
    stft = cuda.TWINS.get("stft")
    monkeypatch.setitem(cuda.TWINS._members, "stft", cuda.Twin("stft", stft.function, stft.version + 1))
    assert on_gpu("mfcc")[0].key != before["mfcc"]
    assert on_gpu("rms")[0].key == before["rms"]


def test_what_lacks_a_twin_stays_the_cpus_and_says_why() -> None:
    (tonnetz,) = parse("luo2019/tonnetz")
    assert cuda.on_gpu(tonnetz) is None
    assert "chroma_cqt" in cuda.lacking(tonnetz)
    assert cuda.on_gpu(parse("he2019/functionals")[0]) is None  # one of what it reads has none
    with pytest.raises(ParameterError, match="on_gpu"):
        Engine([tonnetz], DEVICE)


def test_nothing_to_compute_is_nothing() -> None:
    assert Engine(on_gpu("rms"), DEVICE).compute([]) == []


def test_a_full_gpu_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(on_gpu("rms"), DEVICE)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine, "_run", full)
    with pytest.raises(WorkerError, match="memory is full"):
        engine.compute([{16000: np.zeros(10, np.float32)}])


def test_tf32_that_others_allowed_is_not_used_and_stays_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(on_gpu("mel"), DEVICE)
    seen = []
    real = engine._run
    monkeypatch.setattr(engine, "_run", lambda signals: (seen.append(torch.get_float32_matmul_precision()), real(signals))[1])
    torch.set_float32_matmul_precision("high")
    try:
        engine.compute([{16000: np.ones(100, np.float32)}])
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert seen == ["highest"]


def test_the_cpus_plan_refuses_a_column_of_the_gpu() -> None:
    with pytest.raises(ParameterError, match="columns of a GPU"):
        Plan(on_gpu("rms")).compute({16000: np.zeros(10, np.float32)})


def test_specs_are_what_a_store_can_keep() -> None:
    for column in on_gpu(", ".join(WITH_TWIN)):
        assert json.loads(json.dumps(column.settings)) == column.settings


def test_the_page_on_the_gpu_names_every_twin_and_no_other() -> None:
    page = (Path(__file__).parents[3] / "docs" / "gpu.md").read_text("utf-8")
    table = page.split("## What has a twin")[1].split("No twin")[0]
    named = {word for word in re.findall(r"`([a-z_]+)`", table) if word in NODES or word == "stack"}
    assert named == set(cuda.TWINS.names())


def test_names_of_twins_are_read_without_importing_them():
    assert cuda.names() == set(cuda.TWINS.names())
