from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Normaliser
from featurekit.data.collate import Pool, collate, developed
from featurekit.manifest import Manifest

FEATURES = ["x/c0", "x/power", "x/image"]
TENSORS = ("frames", "lengths", "images", "text", "text_lengths", "present", "labels")


def gathered(data, indices, packed=None):
    packed, slots = (data.packed(), data.slots[indices]) if packed is None else packed
    batch = Pool(packed).batch(slots, data.labels[indices], [data.ids[i] for i in indices], data.columns)
    return developed(batch, None if data.levels is None else torch.from_numpy(data.levels))


def assert_equal(one, two):
    assert (one.ids, one.columns) == (two.ids, two.columns)
    for name in TENSORS:
        left, right = getattr(one, name), getattr(two, name)
        assert (left is None) == (right is None), name
        if left is not None:
            assert left.dtype == right.dtype
            assert torch.equal(left, right), name


@pytest.mark.parametrize("features", [FEATURES, "x/c0", "x/image", "x/vector"])
@pytest.mark.parametrize("context", [1, 3])
@pytest.mark.parametrize("normalised", [True, False])
def test_a_gathered_batch_is_the_collated_one(store, features, context, normalised):
    store.manifest = Manifest(replace(item, text="well " * (i % 4)) for i, item in enumerate(store.manifest))
    normaliser = Normaliser.fit(store, [features] if isinstance(features, str) else features, store.ids) if normalised else None
    data = Dataset(store, features, context=context, n_frames=9, normaliser=normaliser, text=True)
    for indices in ([0, 9, 20], [47], [8, 0, 0]):
        expected = collate([data[i] for i in indices], columns=data.columns)
        assert_equal(gathered(data, indices), expected)
        assert_equal(gathered(data, indices, data.packed_for(indices)), expected)


def test_images_that_are_no_bytes_are_normalised_once(store):
    store.values["x/image"] = [value.astype(np.float32) / 7 for value in store.values["x/image"]]
    store.columns["x/image"] = replace(store.columns["x/image"], dtype="f4")
    data = Dataset(store, "x/image", context=3, normaliser=Normaliser.fit(store, ["x/image"], store.ids))
    assert data.levels is None
    assert_equal(gathered(data, [0, 5]), collate([data[0], data[5]]))


def test_the_bytes_foretold_are_those_of_the_arrays(store):
    data = Dataset(store, ["x/c0", "x/c1", "x/image"], context=3, n_frames=9)
    packed = data.packed()
    rows = len(store.ids)
    assert data.nbytes == packed.frames.values[:-1].nbytes + packed.images[:rows].nbytes


def test_nothing_is_read_until_it_is_wanted(store):
    data = Dataset(store, "x/c0", context=3, preload=False)
    assert store.reads == 0
    data.packed_for([0, 1])
    assert store.reads == 3


def test_the_levels_are_what_the_normaliser_makes_of_each_byte(store):
    normaliser = Normaliser.fit(store, ["x/image"], store.ids)
    data = Dataset(store, "x/image", normaliser=normaliser)
    np.testing.assert_array_equal(data.packed().image(3), normaliser("x/image", store.values["x/image"][3]))
