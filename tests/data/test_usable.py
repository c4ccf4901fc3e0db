from __future__ import annotations

import numpy as np
import pytest

from featurekit.data import usable_ids
from featurekit.data.usable import refuse_unusable
from featurekit.errors import ParameterError, UnknownNameError


def test_usable_are_those_that_neither_failed_nor_are_empty(store):
    store.values["x/c0"][0] = None
    store.values["x/c1"][1] = np.zeros((0, 2), np.float32)
    assert usable_ids(store, ["x/c0", "x/c1"]) == store.ids[2:]
    assert usable_ids(store, ["x/image"]) == store.ids


def test_an_utterance_without_values_is_refused_by_its_id(store):
    store.values["x/c0"][2] = None
    assert refuse_unusable(store, ["x/c0"], store.ids[:2]) == store.ids[:2]
    with pytest.raises(ParameterError, match=r"1 utterances have no values in x/c0: s0_2; make the split of usable ones"):
        refuse_unusable(store, ["x/c0"], store.ids)


def test_unknown_and_no_columns_are_refused(store):
    with pytest.raises(UnknownNameError, match="did you mean"):
        usable_ids(store, "x/c")
    with pytest.raises(ParameterError, match="this store has x/c0"):
        usable_ids(store, [])
