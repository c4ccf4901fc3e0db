from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from featurekit.data import as_arrays, as_frame, feature_names
from featurekit.errors import MissingDependencyError, ParameterError


def test_arrays_for_scikit_learn_are_pooled_in_the_order_of_columns_and_statistics(store):
    X, y, speakers = as_arrays(store, ["x/c1", "x/vector", "x/slow"], pool=("mean", "std", "min", "max"))
    assert X.shape == (48, 2 * 4 + 5 + 2 * 4)
    values = store.values["x/c1"][7].astype(np.float64)
    expected = np.concatenate([values.mean(axis=0), values.std(axis=0), values.min(axis=0), values.max(axis=0)])
    np.testing.assert_allclose(X[7, :8], expected, rtol=1e-5)
    np.testing.assert_array_equal(X[7, 8:13], store.values["x/vector"][7][0])
    assert y[7] == store.manifest.utterances[7].labels["emotion"]
    assert speakers[7] == "s0"


def test_arrays_take_power_to_decibels_and_pass_over_what_is_not_finite(store):
    store.values["x/power"][0][1:] = np.nan
    X, _, _ = as_arrays(store, "x/power", pool=("mean", "max"), ids=store.ids[:2])
    expected = 10 * np.log10(store.values["x/power"][0][0])
    np.testing.assert_allclose(X[0], np.tile(expected, 2), rtol=1e-5)
    store.values["x/c0"][0][:] = np.nan
    np.testing.assert_array_equal(as_arrays(store, "x/c0", pool=("min", "std"), ids=["s0_0"])[0], np.zeros((1, 6)))


def test_arrays_refuse_images_failures_and_unknown_statistics(store):
    with pytest.raises(ParameterError, match="no time to pool"):
        as_arrays(store, ["x/image"])
    with pytest.raises(ParameterError, match="mean, std, min, max"):
        as_arrays(store, "x/c0", pool=("median",))
    store.values["x/c0"][0] = None
    with pytest.raises(ParameterError, match="s0_0"):
        as_arrays(store, "x/c0", ids=store.ids)
    assert len(as_arrays(store, "x/c0")[0]) == 47


def test_names_of_columns_come_with_arrays(make):
    store = make.store(make.manifest())
    store.columns["x/c0"] = replace(store.columns["x/c0"], dim_names=("c_0", "c_1", "c_2"))
    store.columns["x/c1"] = replace(store.columns["x/c1"], dim_names=("C", "C#"))
    features, pool = ["x/c1", "x/vector", "x/c0"], ("mean", "max")
    names = feature_names(store, features, pool)
    assert names[:4] == ["x/c1_C_mean", "x/c1_C#_mean", "x/c1_C_max", "x/c1_C#_max"]
    assert names[4:9] == [f"x/vector_{number}" for number in range(5)]
    assert names[9:] == [f"x/c0_{number}_{statistic}" for statistic in pool for number in range(3)]
    assert as_arrays(store, features, pool=pool)[0].shape == (48, len(names))
    store.columns["x/c0"] = replace(store.columns["x/c0"], dims=1, dim_names=("c",))
    assert feature_names(store, "x/c0", "mean") == ["x/c0_mean"]
    with pytest.raises(ParameterError, match="no time to pool"):
        feature_names(store, "x/image")


def test_a_frame_is_the_arrays_with_their_names(store):
    pytest.importorskip("pandas")
    frame = as_frame(store, ["x/c1", "x/vector"], ids=store.ids[5:9])
    X, y, speakers = as_arrays(store, ["x/c1", "x/vector"], ids=store.ids[5:9])
    assert frame.index.name == "id"
    assert frame.index.tolist() == store.ids[5:9]
    assert frame.columns.tolist() == [*feature_names(store, ["x/c1", "x/vector"]), "label", "speaker"]
    np.testing.assert_array_equal(frame.drop(columns=["label", "speaker"]).to_numpy(), X)
    assert (frame["label"].tolist(), frame["speaker"].tolist()) == (y.tolist(), speakers.tolist())


def test_without_pandas_a_frame_names_the_command(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for ask in (lambda: as_frame(store, "x/c0"), store.manifest.to_frame):
        with pytest.raises(MissingDependencyError, match=r"^data frames need pandas; pip install pandas$"):
            ask()
