from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features import Plan, extract, parse
from featurekit.features.functionals import ALL, functionals
from featurekit.features.kernels.statistics import moments, moments_plain

Signal = Callable[..., np.ndarray]


def by_scipy(values: np.ndarray, stats: str) -> np.ndarray:
    """Each statistic of rows by numpy or scipy, (dims, statistics)."""
    times = np.arange(values.shape[1])
    known = {
        "mean": values.mean(axis=1),
        "std": values.std(axis=1),
        "min": values.min(axis=1),
        "max": values.max(axis=1),
        "range": np.ptp(values, axis=1),
        "skewness": scipy.stats.skew(values, axis=1),
        "kurtosis": scipy.stats.kurtosis(values, axis=1),
        "slope": np.array([scipy.stats.linregress(times, row).slope for row in values]),
    }
    return np.stack([known[s] if s in known else np.percentile(values, int(s[1:]), axis=1) for s in stats.split(",")], axis=1)


@pytest.mark.parametrize("n_frames", [2, 3, 7, 100])
@pytest.mark.parametrize("stats", [ALL, "slope,mean", "p0,p5,p90,p100"])
def test_values_are_numpys_and_scipys(stats: str, n_frames: int) -> None:
    values = 3 + np.random.default_rng(n_frames).standard_normal((4, n_frames)) ** 3
    np.testing.assert_allclose(functionals(values, stats=stats)[:, 0], by_scipy(values, stats).ravel(), rtol=1e-9, atol=1e-12)


def test_a_ramp_is_known_in_closed_form() -> None:
    ramp = 5 + 2.0 * np.arange(11)[None]
    got = dict(zip(ALL.split(","), functionals(ramp)[:, 0].tolist(), strict=True))
    assert got == pytest.approx(
        {
            "mean": 15,
            "std": 2 * np.sqrt(10),
            "min": 5,
            "max": 25,
            "range": 20,
            "p25": 10,
            "p50": 15,
            "p75": 20,
            "skewness": 0,
            "kurtosis": -1.2 * (11**2 + 1) / (11**2 - 1),
            "slope": 2,
        }
    )


@pytest.mark.parametrize("value", [0.0, -100.0, 0.1, 1e30])
@pytest.mark.parametrize("n_frames", [1, 2, 99])
def test_a_constant_has_no_shape_and_no_slope(value: float, n_frames: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = dict(zip(ALL.split(","), functionals(np.full((1, n_frames), value))[:, 0], strict=True))
    assert got["skewness"] == got["kurtosis"] == got["range"] == 0
    assert got["mean"] == got["p25"] == value
    assert got["slope"] == got["std"] == 0


def test_names_units_and_shapes() -> None:
    (column,) = parse("functionals(of=mfcc20, stats='mean,p90')")
    assert (column.kind, column.dims, column.hop_s, column.start_s) == ("vector", 40, None, None)
    assert column.dim_names[:3] == ("mfcc_0_mean", "mfcc_0_p90", "mfcc_1_mean")
    assert column.unit == "dB"
    assert column.bytes_per_utterance() == 160
    assert parse("functionals(of=[rms, mfcc])")[0].unit == "mixed"
    assert parse("functionals(of=mfcc, stats=skewness)")[0].unit == "mixed"


def test_they_read_the_very_column_that_is_stored(speech_like: Signal) -> None:
    """One computation, whether the frames are stored beside it or not, at the rate of what is read."""
    plan = Plan(parse("luo2019/mfcc, means=functionals(of=luo2019/mfcc, stats=mean)"))
    assert plan.sample_rates == (22050,)
    assert [step.bound.name for step in plan.steps].count("mfcc") == 1
    out = plan.compute({22050: speech_like()})
    np.testing.assert_allclose(out["means"][0], out["luo2019/mfcc"].mean(axis=0), rtol=1e-5)


def test_a_list_is_the_parts_side_by_side(speech_like: Signal) -> None:
    signal = speech_like(rate=16000)
    out = extract(signal, 16000, "all=functionals(of=[rms, zcr, mfcc]), a=functionals(of=rms), b=functionals(of=mfcc)")
    np.testing.assert_array_equal(out["all"][0, :11], out["a"][0])
    np.testing.assert_array_equal(out["all"][0, 22:], out["b"][0])


@pytest.mark.parametrize(
    ("request_text", "message"),
    [
        ("functionals(of=mfcc, stats=median)", "unknown stats of functionals 'median'; did you mean mean"),
        ("functionals(of=mfcc, stats='mean,mean')", "named twice"),
        ("functionals(of=spectrogram)", "reads frames; spectrogram gives one image"),
        ("functionals(of=functionals)", "gives one vector"),
        ("functionals(of=mfc)", "did you mean mfcc"),
        ("functionals(of=luo2019)", "name one, as in luo2019/mfcc"),
        ("functionals(of=mfcc(n_mfc=3))", "did you mean n_mfcc"),
        ("functionals(of=mfcc, n_mells=3)", "did you mean n_mels"),
        ("functionals(of=[rms, fbank])", "features of one clock"),
        ("functionals(of=[rms, luo2019/rms])", "features of one clock"),
        ("functionals(of=[])", "names no feature"),
        ("functionals(of=3.5)", "unknown feature"),
    ],
)
def test_what_cannot_be_read_says_why(request_text: str, message: str) -> None:
    with pytest.raises((ParameterError, UnknownNameError), match=message):
        parse(request_text)


@pytest.mark.parametrize("n_frames", [2, 3, 50])
def test_moments_are_what_numpy_makes_of_them(n_frames: int) -> None:
    values = np.random.default_rng(n_frames).gamma(2.0, size=(5, n_frames))
    np.testing.assert_allclose(moments(values), moments_plain(values), rtol=1e-9, atol=1e-12)
