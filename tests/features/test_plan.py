from __future__ import annotations

import importlib.util
import pickle
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.features import FEATURES, Plan, cuda, extract, feature, parse, warm_up
from featurekit.features import plan as plan_module
from featurekit.features.graph import NODES

RATE = 22050
Signal = Callable[..., np.ndarray]


def test_stored_arrays_are_frames_by_dims_float32_contiguous(speech_like: Signal) -> None:
    out = extract(speech_like(), RATE, "luo2019")
    for column in parse("luo2019"):
        array = out[column.name]
        assert array.shape == (1 + len(speech_like()) // 512, column.dims)
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert array.flags.owndata


def test_columns_of_two_rates_are_computed_from_two_signals() -> None:
    plan = Plan(parse("luo2019/rms, rms"))
    assert plan.sample_rates == (16000, 22050)
    out = plan.compute({16000: np.full(1600, 0.5, np.float32), 22050: np.zeros(2205, np.float32)})
    assert out["rms"].max() > 0
    assert out["luo2019/rms"].max() == 0


def test_a_missing_rate_an_empty_and_a_stereo_signal_are_refused() -> None:
    plan = Plan(parse("rms"))
    with pytest.raises(ParameterError, match=r"needs the signal at 16000 Hz; got \[8000\]"):
        plan.compute({8000: np.zeros(10, np.float32)})
    for bad in (np.zeros((2, 10), np.float32), np.zeros(0, np.float32)):
        with pytest.raises(ParameterError, match="one-dimensional"):
            plan.compute({16000: bad})


def test_two_names_of_one_computation_are_two_arrays(tone: Signal) -> None:
    out = extract(tone(440), RATE, "luo2019/rms, luo2019-best4/mfcc, luo2019/mfcc")
    np.testing.assert_array_equal(out["luo2019/mfcc"], out["luo2019-best4/mfcc"])
    out["luo2019/mfcc"][:] = 0
    assert out["luo2019-best4/mfcc"].any()


def test_a_plan_refuses_two_columns_of_one_name() -> None:
    with pytest.raises(ParameterError, match="repeated: rms"):
        Plan([parse("rms")[0], parse("rms(hop_length=128)")[0].renamed("rms")])


def test_computing_twice_gives_the_same_bytes(speech_like: Signal) -> None:
    plan, signal = Plan(parse("luo2019, mel256")), speech_like()
    first, second = plan.compute({RATE: signal}), plan.compute({RATE: signal})
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_a_plan_survives_pickling(tone: Signal) -> None:
    plan = pickle.loads(pickle.dumps(Plan(parse("luo2019/rms"))))
    assert plan.compute({RATE: tone(440)})["luo2019/rms"].shape == (44, 1)


def test_intermediates_are_freed_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log-mel runs, the STFT and the spectra before it are gone."""
    alive: dict[str, weakref.ref] = {}
    seen: dict[str, set[str]] = {}
    real_run = plan_module.run_step

    def run(bound, values, signals, *rest):
        value = real_run(bound, values, signals, *rest)
        seen[bound.name] = {name for name, ref in alive.items() if ref() is not None}
        if isinstance(value, np.ndarray):
            alive[bound.name] = weakref.ref(value)
        return value

    monkeypatch.setattr(plan_module, "run_step", run)
    Plan(parse("mfcc")).compute({16000: np.ones(16000, np.float32)})
    assert "stft" in seen["magnitude"]
    assert "mel" in seen["log_mel"]
    assert not {"stft", "magnitude", "power"} & seen["mfcc"]


def test_spectra_of_one_framing_are_gone_before_those_of_the_next() -> None:
    requests = ("mfcc", "luo2019/mfcc", "spectral_centroid", "luo2019/spectral_centroid", "chroma_stft", "luo2019/rms")
    alive: dict[str, str] = {}
    for step in Plan(parse(", ".join(requests))).steps:
        alive[step.bound.key] = step.bound.name
        assert sum(name == "magnitude" for name in alive.values()) <= 1
        for key in step.frees:
            del alive[key]
    assert alive == {}  # what is stored is stored at once, and not held twice until the end


def test_each_utterance_is_its_own_array_for_top_db(tone: Signal, speech_like: Signal) -> None:
    """A loud neighbour must not raise a quiet utterance's floor."""
    plan, quiet = Plan(parse("luo2019/mfcc")), 0.01 * speech_like()
    alone = plan.compute({RATE: quiet})["luo2019/mfcc"]
    plan.compute({RATE: tone(440, peak=1.0)})
    np.testing.assert_array_equal(plan.compute({RATE: quiet})["luo2019/mfcc"], alone)


def test_a_feature_that_breaks_the_shape_law_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    column = parse("rms")[0]
    monkeypatch.setattr(plan_module, "run_step", lambda *_: np.zeros((1, 3)))
    with pytest.raises(ParameterError, match=r"feature rms returned shape \(1, 3\).*\(dims, frames\), here \(1, 63\)"):
        Plan([column]).compute({16000: np.zeros(16000, np.float32)})


def test_extract_resamples_once_a_rate(tone: Signal) -> None:
    """A 1 kHz tone keeps its centroid at any rate."""
    out = extract(tone(1000, rate=48000), 48000, "spectral_centroid, luo2019/spectral_centroid")
    assert out["spectral_centroid"][20:40].mean() == pytest.approx(1000, abs=3)
    assert out["luo2019/spectral_centroid"][10:30].mean() == pytest.approx(1000, abs=3)


def test_extract_takes_several_requests_as_a_list(tone: Signal) -> None:
    together, listed = (extract(tone(440), 16000, request) for request in ("rms,mfcc(n_mfcc=3)", ["rms", "mfcc(n_mfcc=3)"]))
    assert list(together) == list(listed)
    np.testing.assert_array_equal(together["mfcc3"], listed["mfcc3"])


@pytest.mark.parametrize("rate", [0, -1, "16k", float("nan")])
def test_extract_refuses_what_is_no_rate(rate: object) -> None:
    with pytest.raises(ParameterError, match="expected a positive number of Hz"):
        extract(np.zeros(100), rate, "rms")  # type: ignore[arg-type]


def test_extract_takes_integers_at_full_scale() -> None:
    square = np.where(np.arange(16000) % 2, 2**14, -(2**14)).astype(np.int16)
    assert extract(square, 16000, "rms")["rms"][20, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 100)), "average the channels"),
        (np.zeros(0), "at least one"),
        (np.array([0.0, np.nan]), "NaN or infinite"),
        (np.array([0.0, np.inf]), "NaN or infinite"),
        (np.array([0.0, 1e300]), "NaN or infinite"),  # in float32
        (np.zeros(5, complex), "floats or signed integers"),
        (np.zeros(5, bool), "floats or signed integers"),
        (np.zeros(5, np.int16).tolist(), "int64, which does not say their full scale"),
    ],
)
def test_extract_refuses_what_is_not_a_signal(samples: np.ndarray, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        extract(samples, 16000, "rms")


def test_a_feature_that_hears_nothing_is_computed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (NODES, FEATURES):
        registry.names()  # discover before adding, so that the real members stay
        monkeypatch.setattr(registry, "_members", dict(registry._members))

    @feature(unit="Hz", kind="vector")
    def nyquist(sample_rate: int) -> np.ndarray:
        """Half the sample rate."""
        return np.array([[sample_rate / 2]])

    assert extract(np.ones(100), 16000, "rms, nyquist")["nyquist"].tolist() == [[8000.0]]
    if importlib.util.find_spec("torch"):
        assert cuda.on_gpu(parse("nyquist")[0]) is None


def test_samples_so_loud_that_a_feature_overflows_are_refused_without_a_warning() -> None:
    loud = 1e30 * np.sin(np.arange(16000))
    assert np.isfinite(extract(loud, 16000, "zcr")["zcr"]).all()
    with pytest.raises(ParameterError, match=r"fbank is not finite for these samples, which reach 1e\+30; full scale is 1"):
        extract(loud, 16000, "zcr, fbank")


def test_warm_up_touches_every_node_of_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    real_run = plan_module.run_step
    monkeypatch.setattr(plan_module, "run_step", lambda bound, *rest: (ran.append(bound.name), real_run(bound, *rest))[1])
    warm_up(parse("luo2019"))
    assert {"stft", "mfcc", "tonnetz"} <= set(ran)
    assert all(name in NODES for name in ran)
