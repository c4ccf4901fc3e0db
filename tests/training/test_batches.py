from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Normaliser
from featurekit.data.collate import collate
from featurekit.training.batches import Batches, by_length, one_ahead, shuffled


def test_every_index_comes_once_in_an_order_of_seed_and_epoch():
    for n in (1, 7, 8, 9, 30):
        assert sorted(i for batch in shuffled(n, 8, 0, 1) for i in batch) == list(range(n))
    assert shuffled(30, 8, 0, 1) == shuffled(30, 8, 0, 1)
    assert shuffled(30, 8, 0, 1) != shuffled(30, 8, 0, 2)
    assert shuffled(30, 8, 0, 1) != shuffled(30, 8, 1, 1)


def test_a_last_batch_of_one_joins_the_one_before():
    assert [len(batch) for batch in shuffled(17, 8, 0, 0)] == [8, 9]
    assert [len(batch) for batch in shuffled(18, 8, 0, 0)] == [8, 8, 2]
    assert [len(batch) for batch in shuffled(1, 8, 0, 0)] == [1]


def test_evaluation_batches_run_from_short_to_long():
    assert by_length(np.array([5, 1, 3, 2]), 2) == [[1, 3], [2, 0]]


@pytest.mark.parametrize("context", [1, 3])
@pytest.mark.parametrize("how", [{}, {"residency": "stream"}, {"residency": "stream", "workers": 1}])
def test_wherever_values_lie_the_batches_are_those_of_collate(store, context, how):
    if how.get("workers") and context == 1:
        return  # one process is enough
    features = ["x/a", "x/image"]
    data = Dataset(store, features, context=context, n_frames=9, normaliser=Normaliser.fit(store, features, store.manifest.ids))
    order = [[0, 1, 2], [35, 6, 5], [17]]
    for indices, batch in zip(order, Batches(data, **how).of(order), strict=True):
        expected = collate([data[index] for index in indices], columns=data.columns)
        assert (batch.ids, batch.columns) == (expected.ids, expected.columns)
        for name in ("frames", "lengths", "images", "present", "labels"):
            one, two = getattr(batch, name), getattr(expected, name)
            assert one.dtype == two.dtype
            assert torch.equal(one, two), name


def test_the_next_batch_is_fetched_while_this_one_is_used():
    fetched, used = [], threading.Event()

    def fetch():
        if len(fetched) == 1:
            assert used.wait(10)  # the first one was handed out before the second is there
        fetched.append(len(fetched))
        return fetched[-1] if len(fetched) < 4 else None

    coming = one_ahead(fetch)
    assert next(coming) == 0
    used.set()
    assert list(coming) == [1, 2]


def test_what_goes_wrong_while_fetching_is_raised():
    def fail():
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(one_ahead(fail))
