from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurekit.data import Dataset
from featurekit.data.collate import collate
from featurekit.data.words import word_numbers
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest


def test_batches_are_padded_with_zeros_to_the_longest(store):
    data = Dataset(store, ["x/c0", "x/c1", "x/image"], context=3)
    samples = [data[i] for i in (0, 9, 20)]
    batch = collate(samples, columns=data.columns)
    longest = max(len(values) for sample in samples for values in sample.frames)
    assert batch.frames.shape == (3, 3, longest, 5)
    assert batch.images.shape == (3, 3, 6, 8)
    assert (len(batch), batch.ids, batch.labels.tolist()) == (3, [s.id for s in samples], [s.label for s in samples])
    assert batch.columns == {"x/c0": slice(0, 3), "x/c1": slice(3, 5)}
    for i, sample in enumerate(samples):
        for c, values in enumerate(sample.frames):
            n = len(values)
            assert int(batch.lengths[i, c]) == n
            assert bool(batch.present[i, c]) == (n > 0)
            np.testing.assert_array_equal(batch.frames[i, c, :n].numpy(), values)
            assert not batch.frames[i, c, n:].any()


def test_a_fixed_number_of_frames_pads_and_cuts(store):
    data = Dataset(store, "x/c0")
    samples = [data[i] for i in range(6)]
    assert collate(samples, n_frames=50).frames.shape[2] == 50
    cut = collate(samples, n_frames=2)
    assert cut.frames.shape[2] == 2
    assert set(cut.lengths.flatten().tolist()) == {2}


def test_a_batch_of_images_alone_has_no_frames(store):
    batch = collate([Dataset(store, "x/image")[0]])
    assert batch.frames is None
    assert batch.lengths.tolist() == [[0]]


def test_transcripts_are_padded_numbers_of_words(store):
    said = {name: f"{'well ' * i}done" for i, name in enumerate(store.manifest.ids)}
    store.manifest = Manifest(replace(item, text=said[item.id]) for item in store.manifest)
    data = Dataset(store, "x/c0", context=3, text=True)
    batch = collate([data[i] for i in (0, 1, 8)])
    assert batch.text.dtype == torch.int64
    assert batch.text_lengths.tolist() == [[0, 1, 2], [1, 2, 3], [0, 9, 10]]
    assert (batch.text[0, 0] == 0).all()
    np.testing.assert_array_equal(batch.text[1, 2, :3].numpy(), word_numbers("Well, well: done!"))


def test_a_model_of_transcripts_needs_some(store):
    with pytest.raises(ParameterError, match="add text to the manifest"):
        Dataset(store, "x/c0", text=True)


def test_moving_a_batch_moves_its_tensors(store):
    batch = collate([Dataset(store, "x/c0")[0]])
    moved = batch.to("meta")
    assert moved.frames.device.type == moved.labels.device.type == moved.present.device.type == "meta"
    assert moved.ids == batch.ids
    assert moved.images is None
    assert batch.labels.dtype == torch.int64


def test_no_samples_are_refused():
    with pytest.raises(ParameterError, match="at least one sample"):
        collate([])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_plain_loader_yields_batches(store, workers):
    data = Dataset(store, ["x/c0", "x/c1", "x/image"], context=3)
    how = {"multiprocessing_context": "spawn"} if workers else {}  # a process that has not imported collate itself
    loader = torch.utils.data.DataLoader(data, batch_size=20, num_workers=workers, **how)
    batches = list(loader)
    assert [len(batch) for batch in batches] == [20, 20, 8]
    wanted = collate([data[index] for index in range(20)], columns=data.columns)
    assert batches[0].ids == wanted.ids
    assert batches[0].columns == wanted.columns == data.columns
    for name in ("frames", "lengths", "images", "present", "labels"):
        assert torch.equal(getattr(batches[0], name), getattr(wanted, name))
