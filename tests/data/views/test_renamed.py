from __future__ import annotations

import numpy as np
import pytest

from featurekit.data import Dataset, Normaliser
from featurekit.data.views.renamed import RenamedStore
from featurekit.errors import UnknownNameError


def test_columns_are_read_under_their_new_names_and_the_others_are_gone(store):
    view = RenamedStore(store, {"mine": "x/c0", "x/c0": "x/c1"})
    assert list(view.columns) == ["mine", "x/c0"]
    np.testing.assert_array_equal(view.read("mine", 3), store.values["x/c0"][3])
    np.testing.assert_array_equal(view.read("x/c0", 3), store.values["x/c1"][3])
    assert view.lengths("mine").tolist() == store.lengths("x/c0").tolist()
    with pytest.raises(UnknownNameError, match="column 'x/c1'"):
        view.read("x/c1", 3)


def test_a_dataset_and_a_normaliser_go_by_the_new_names(store):
    view = RenamedStore(store, {"mine": "x/c0"})
    normaliser = Normaliser.fit(view, ["mine"], store.ids)
    assert normaliser.columns["mine"] == Normaliser.fit(store, ["x/c0"], store.ids).columns["x/c0"]
    assert list(Dataset(view, "mine", normaliser=normaliser).columns) == ["mine"]
