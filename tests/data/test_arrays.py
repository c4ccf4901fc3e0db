from __future__ import annotations

import numpy as np
import pytest

from featurekit.data import as_arrays
from featurekit.errors import ParameterError


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
