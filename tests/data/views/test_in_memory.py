from __future__ import annotations

from dataclasses import replace

import numpy as np

from featurekit.data import TrimmedStore
from featurekit.data.layout import Layout
from featurekit.data.stacked import Stacked
from featurekit.data.views.in_memory import UtteranceInMemory
from featurekit.data.views.store_view import StoreView


def test_one_utterance_is_read_as_a_store_of_one_row(store):
    values = {name: store.values[name][3] for name in store.columns}
    one = UtteranceInMemory(store.columns, values)
    assert isinstance(one, StoreView)
    assert len(one.manifest) == 1
    for name, array in values.items():
        np.testing.assert_array_equal(one.read(name, 0), array)
        assert one.lengths(name).tolist() == [len(array)]
        assert one.status(name).tolist() == [0]


def test_it_is_stacked_and_trimmed_as_a_store_is(store):
    names = ["x/c0", "x/c1"]
    values = {name: store.values[name][3] for name in names}
    layout = Layout.of(store.columns, names)
    one = UtteranceInMemory(store.columns, values)
    np.testing.assert_array_equal(Stacked(one, layout).frames(0), Stacked(store, layout).frames(3))
    level = np.zeros((len(values["x/c0"]), 1), np.float32)
    level[1:3] = 1.0
    columns = {**store.columns, "rms": replace(store.columns["x/c0"], name="rms", dims=1)}
    trimmed = TrimmedStore(UtteranceInMemory(columns, {**values, "rms": level}), 20.0, "rms")
    np.testing.assert_array_equal(Stacked(trimmed, layout).frames(0), Stacked(store, layout).frames(3)[1:3])
