"""What is asked of a store, of every view of one."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurekit import store as stores
from featurekit.data import SpeakerNormalisedStore, TrimmedStore
from featurekit.data.views.renamed import RenamedStore
from featurekit.data.views.store_view import DelegatingView, StoreView, opened
from featurekit.errors import ParameterError

VIEWS = {
    "delegating": DelegatingView,
    "trimmed": lambda store: TrimmedStore(store, 10.0, "rms"),
    "speaker normalised": SpeakerNormalisedStore,
    "renamed": lambda store: RenamedStore(store, {name: name for name in store.columns}),
}


@pytest.fixture
def levelled(store):
    """With a column of levels, the first and last frame of each utterance silent."""
    store.columns["rms"] = replace(store.columns["x/c0"], name="rms", dims=1)
    store.values["rms"] = [np.ones((len(values), 1), np.float32) for values in store.values["x/c0"]]
    for values in store.values["rms"]:
        values[[0, -1]] = 0.01
    return store


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_answers_whatever_is_asked_of_a_store(name, levelled):
    view = VIEWS[name](levelled)
    assert isinstance(view, StoreView)
    assert view.manifest is levelled.manifest
    assert list(view.columns) == list(levelled.columns)
    for column, info in view.columns.items():
        assert view.status(column).tolist() == [0] * len(view.manifest)
        rows = [view.read(column, index) for index in range(len(view.manifest))]
        assert all(values.shape[1] == info.dims for values in rows)
        if info.kind != "image":
            assert view.lengths(column).tolist() == [len(values) for values in rows]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_pickled_as_a_dataset_with_workers_pickles_it(name, levelled):
    view = VIEWS[name](levelled)
    again = pickle.loads(pickle.dumps(view))
    np.testing.assert_array_equal(again.read("x/c0", 3), view.read("x/c0", 3))


def test_a_store_is_opened_by_its_path_and_a_view_is_taken_as_it_is(tiny_store, store):
    assert opened(store) is store
    for path in (Path(tiny_store), str(tiny_store)):
        assert isinstance(opened(path), stores.Store)
    one = stores.open_store(tiny_store)
    assert opened(one) is one
    assert isinstance(one, StoreView)


@pytest.mark.parametrize("other", [None, 3, {"columns": {}}])
def test_what_is_no_store_is_refused(other):
    with pytest.raises(ParameterError, match=r"expected a store, as open_store\(path\) returns it, or its path; got"):
        opened(other)
