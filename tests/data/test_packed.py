from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Normaliser
from featurekit.data.collate import Developer, Pool, collate
from featurekit.manifest import Manifest

FEATURES = ["x/c0", "x/power", "x/image"]
TENSORS = ("frames", "lengths", "images", "text", "text_lengths", "present", "labels")


def gathered(data, indices, packed=None):
    packed, slots = (data.packed(), data.slots[indices]) if packed is None else packed
    batch = Pool(packed).batch(slots, data.labels[indices], [data.ids[i] for i in indices], data.columns)
    return Developer(data.levels, data.moments)(batch)


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


def halve(store, *names):
    """Keep these columns as float16, with what a float16 can be: -0, infinity, NaN, and far too large for a mean."""
    for name in names:
        store.values[name] = [value.astype(np.float16) for value in store.values[name]]
        store.values[name][0].reshape(-1)[:3] = -0.0, np.inf, np.nan
        store.columns[name] = replace(store.columns[name], dtype="f2")


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("context", [1, 3])
def test_halves_stay_halves_in_memory_and_give_the_bits_of_the_collated_batch(store, context, normalised):
    names = ["x/c0", "x/c1", "x/image"]
    halve(store, *names)
    normaliser = Normaliser.fit(store, names, store.ids) if normalised else None
    data = Dataset(store, names, context=context, n_frames=9, normaliser=normaliser)
    packed = data.packed()
    assert packed.frames.values.dtype == packed.images.dtype == np.float16
    assert data.nbytes == packed.frames.values[:-1].nbytes + packed.images[:-1].nbytes
    for indices in ([0, 9, 20], [47], [1, 0, 0]):
        expected = collate([data[i] for i in indices], columns=data.columns)
        assert expected.frames.dtype == expected.images.dtype == torch.float32
        for found in (gathered(data, indices), gathered(data, indices, data.packed_for(indices))):
            assert_equal(replace(found, **same_nan(found)), replace(expected, **same_nan(expected)))
    if normalised:  # and a sample is what the normaliser makes of the stored values
        row = 0 if context == 1 else 1
        np.testing.assert_array_equal(data[0].frames[row][:, :3], normaliser("x/c0", store.values["x/c0"][0][:9]))


def same_nan(batch):
    """Frames and images with a number in place of NaN, which equals nothing; without a normaliser it stays."""
    return {name: getattr(batch, name).nan_to_num(nan=-12345.0) for name in ("frames", "images")}


def test_a_half_beside_a_float_and_a_half_of_power_are_floats_in_memory(store):
    halve(store, "x/c0", "x/power")
    for names in (["x/c0", "x/c1"], ["x/power"]):
        data = Dataset(store, names, normaliser=Normaliser.fit(store, names, store.ids))
        assert data.packed().frames.values.dtype == np.float32
        assert_equal(gathered(data, [0, 5]), collate([data[0], data[5]], columns=data.columns))


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
