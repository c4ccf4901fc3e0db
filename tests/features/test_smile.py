"""openSMILE's sets against openSMILE itself; skipped where the optional package is not installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.features import FEATURES, Plan, parse
from featurekit.features import smile as room

RATE = 16000
SETS = {
    "egemaps": ("eGeMAPSv02", "Functionals", 88),
    "egemaps_lld": ("eGeMAPSv02", "LowLevelDescriptors", 25),
    "compare": ("ComParE_2016", "Functionals", 6373),
    "compare_lld": ("ComParE_2016", "LowLevelDescriptors", 65),
}


@pytest.fixture(scope="module")
def opensmile():
    return pytest.importorskip("opensmile")


def compute(name: str, signal: np.ndarray, rate: int = RATE) -> np.ndarray:
    return Plan(parse(f"x={name}(sample_rate={rate})")).compute({rate: signal})["x"]


@pytest.mark.parametrize("name", SETS)
def test_values_and_names_are_opensmiles(opensmile, speech_like, name):
    feature_set, level, dims = SETS[name]
    signal = speech_like(seconds=1.3, rate=RATE)
    own = opensmile.Smile(getattr(opensmile.FeatureSet, feature_set), getattr(opensmile.FeatureLevel, level))
    expected = own.process_signal(signal, RATE)
    np.testing.assert_array_equal(compute(name, signal), expected.to_numpy(np.float32))
    column = parse(name)[0]
    assert column.dim_names == tuple(expected.columns)
    assert column.dims == dims


@pytest.mark.parametrize("name", ["egemaps_lld", "compare_lld"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_clock_counts_opensmiles_frames(opensmile, name, rate, offset):
    signal = (0.1 * np.random.default_rng(0).standard_normal(rate // 2 + offset)).astype(np.float32)
    own = room._smile(*SETS[name][:2]).process_signal(signal, rate)
    assert len(compute(name, signal, rate)) == len(own)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    "clip",
    [
        np.array([0.3], np.float32),
        np.full(500, 0.1, np.float32),
        np.zeros(4000, np.float32),
        np.full(4000, 0.5, np.float32),
        np.eye(1, 4000, 2000, dtype=np.float32)[0],
        1e6 * np.sin(np.arange(4000, dtype=np.float32)),
    ],
    ids=["one sample", "short", "silence", "DC", "click", "very loud"],
)
def test_hostile_clips_give_finite_values_without_a_warning(opensmile, name, clip):
    values = compute(name, clip)
    assert np.isfinite(values).all()
    assert values.shape[1] == SETS[name][2]


def test_beyond_full_scale_is_clipped_and_not_wrapped(opensmile):
    wave = np.sin(0.05 * np.arange(8000)).astype(np.float32)
    np.testing.assert_array_equal(compute("egemaps", 3 * wave), compute("egemaps", np.clip(3 * wave, -1, 1)))


def test_a_rate_without_a_whole_hop_is_refused(opensmile):
    with pytest.raises(ParameterError, match="multiple of 100"):
        parse("egemaps_lld(sample_rate=11025)")


@pytest.mark.parametrize("name", SETS)
def test_the_licence_is_named_where_a_person_chooses_the_feature(name):
    assert "audEERING Research Licence" in FEATURES.get(name).summary


def test_without_the_package_the_extra_and_the_licence_are_named(monkeypatch):
    room._smile.cache_clear()
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(MissingDependencyError, match=r"Research Licence; pip install 'featurekit\[opensmile\]'"):
        parse("egemaps")


def test_a_column_names_opensmiles_version(opensmile):
    assert parse("egemaps")[0].versions()["opensmile"] == opensmile.__version__
