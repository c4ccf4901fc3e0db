from __future__ import annotations

import pytest

from featurekit.data.layout import Layout
from featurekit.errors import ParameterError, UnknownNameError


def test_columns_lie_in_the_order_given(store):
    layout = Layout.of(store.columns, ["x/c1", "x/c0", "x/image"])
    assert layout.slices == {"x/c1": slice(0, 2), "x/c0": slice(2, 5)}
    assert (layout.dims, layout.image, layout.image_shape) == (5, "x/image", (6, 8))
    assert list(layout.columns) == ["x/c1", "x/c0", "x/image"]


def test_all_columns_are_taken_where_none_are_named(store):
    columns = {name: store.columns[name] for name in ("x/c0", "x/power")}
    assert Layout.of(columns) == Layout.of(store.columns, ["x/c0", "x/power"])
    assert (Layout.of(columns).image, Layout.of(columns).image_shape) == (None, None)


def test_columns_on_different_clocks_are_refused_with_their_clocks(store):
    with pytest.raises(ParameterError, match=r"x/c0 \(hop 0.01 s.*x/slow \(hop 0.02 s.*as_arrays"):
        Layout.of(store.columns, ["x/c0", "x/slow"])
    with pytest.raises(ParameterError, match="one vector an utterance"):
        Layout.of(store.columns, ["x/c0", "x/vector"])


def test_one_image_an_utterance(store):
    store.columns["x/image2"] = store.columns["x/image"]
    with pytest.raises(ParameterError, match="one image"):
        Layout.of(store.columns, ["x/image", "x/image2"])


def test_an_unknown_column_is_refused(store):
    with pytest.raises(UnknownNameError, match="did you mean"):
        Layout.of(store.columns, ["x/c"])
