from __future__ import annotations

import numpy as np
import pytest

from featurekit.data.layout import Layout, usable_ids
from featurekit.errors import ParameterError, UnknownNameError


def test_columns_are_stacked_in_the_order_given(store):
    layout = Layout.of(store, ["x/c1", "x/c0", "x/image"])
    assert layout.slices == {"x/c1": slice(0, 2), "x/c0": slice(2, 5)}
    assert (layout.dims, layout.image) == (5, "x/image")
    expected = np.concatenate([store.values["x/c1"][4], store.values["x/c0"][4]], axis=1)
    np.testing.assert_array_equal(layout.frames(store, 4, None, None), expected)
    np.testing.assert_array_equal(layout.frames(store, 4, None, 3), expected[:3])


def test_columns_on_different_clocks_are_refused_with_their_clocks(store):
    with pytest.raises(ParameterError, match=r"x/c0 \(hop 0.01 s.*x/slow \(hop 0.02 s.*as_arrays"):
        Layout.of(store, ["x/c0", "x/slow"])
    with pytest.raises(ParameterError, match="one vector an utterance"):
        Layout.of(store, ["x/c0", "x/vector"])


def test_different_frame_counts_are_refused_with_the_utterance(store):
    store.values["x/c1"][5] = store.values["x/c1"][5][:-1]
    with pytest.raises(ParameterError, match="s0_5 has"):
        Layout.of(store, ["x/c0", "x/c1"]).check_lengths(store, np.arange(8))


def test_one_image_an_utterance(store):
    store.columns["x/image2"] = store.columns["x/image"]
    with pytest.raises(ParameterError, match="one image"):
        Layout.of(store, ["x/image", "x/image2"])


def test_unknown_and_no_columns_are_refused(store):
    with pytest.raises(UnknownNameError, match="did you mean"):
        Layout.of(store, "x/c")
    with pytest.raises(ParameterError, match="this store has x/c0"):
        Layout.of(store, [])


def test_usable_are_those_that_neither_failed_nor_are_empty(store):
    store.values["x/c0"][0] = None
    store.values["x/c1"][1] = np.zeros((0, 2), np.float32)
    assert usable_ids(store, ["x/c0", "x/c1"]) == store.ids[2:]
    assert usable_ids(store, ["x/image"]) == store.ids
