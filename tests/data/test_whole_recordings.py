"""Whole recordings as context: all utterances of a recording that the part has, in their order, in one row of a batch."""

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Fold
from featurekit.data.collate import Pool, collate
from featurekit.data.windows import as_recordings, whole_recordings
from featurekit.errors import ParameterError
from featurekit.training.batches import Batches, by_length, in_order, shuffled

from .conftest import make_manifest, make_store


@pytest.fixture
def manifest():
    return make_manifest(n_speakers=3, n_each=4)


@pytest.fixture
def dataset(manifest):
    """Recordings of 4, 3 and 4 utterances; one of the last has no label."""
    train = [name for name in manifest.ids if name != "s1_2"]
    return Dataset(make_store(manifest), "x/vector", Fold("0", tuple(train), (), ("s1_2",)), "train", context=0)


def test_each_target_has_its_recording_in_order_and_what_is_of_another_part_is_not_there(manifest):
    shuffled_ids = ["s1_3", "s0_1", "s1_0", "s0_3", "s1_1"]
    rows, places = whole_recordings(manifest, shuffled_ids, targets=["s1_1", "s0_3", "s1_0"])
    names = [[manifest.ids[row] for row in found if row >= 0] for found in rows]
    assert names == [["s1_0", "s1_1", "s1_3"], ["s0_1", "s0_3"], ["s1_0", "s1_1", "s1_3"]]
    assert places.tolist() == [1, 1, 0]
    assert rows[1].tolist()[2:] == [-1]
    with pytest.raises(ParameterError, match="'s0_0' is not"):
        whole_recordings(manifest, ["s0_1"], targets=["s0_0"])


def test_in_a_dialogue_it_is_the_speakers_own_utterances_or_everyones():
    manifest = make_manifest(n_speakers=2, n_each=3, recording="dialogue")
    own, _ = whole_recordings(manifest, manifest.ids)
    every, _ = whole_recordings(manifest, manifest.ids, "any_speaker")
    assert (own.shape, every.shape) == ((6, 3), (6, 6))
    assert [manifest.ids[row] for row in every[0]] == ["s0_0", "s1_0", "s0_1", "s1_1", "s0_2", "s1_2"]


def test_targets_of_one_recording_share_a_row(dataset):
    assert [[dataset.ids[i] for i in group] for group in dataset.recordings] == [
        ["s0_0", "s0_1", "s0_2", "s0_3"],
        ["s1_0", "s1_1", "s1_3"],
        ["s2_0", "s2_1", "s2_2", "s2_3"],
    ]
    indices = [*dataset.recordings[1], *dataset.recordings[0][1:3]]
    rows, targets = dataset.placed(indices, dataset.slots[indices])
    assert rows.shape == (2, 4)
    assert targets.tolist() == [[True, True, True, False], [False, True, True, False]]
    # targets that do not follow each other in the order of their recording get rows of their own
    rows, targets = as_recordings(np.array([[4, 5], [4, 5]]), np.array([1, 0]))
    assert targets.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("residency", ["device", "stream"])
def test_a_batch_of_recordings_has_the_values_labels_and_ids_row_by_row(dataset, residency):
    order = shuffled(len(dataset), 2, 0, 1, dataset.recordings)
    assert sorted(index for batch in order for index in batch) == list(range(len(dataset)))
    for indices, batch in zip(order, Batches(dataset, residency=residency).of(order), strict=True):
        assert batch.ids == [dataset.ids[index] for index in indices]
        assert batch.labels.tolist() == dataset.labels[indices].tolist()
        assert int(batch.targets.sum()) == len(batch.ids)
        values = batch.frames[batch.targets][:, 0]
        expected = torch.from_numpy(np.concatenate([dataset[index].frames[dataset[index].place] for index in indices]))
        torch.testing.assert_close(values, expected)
        assert not batch.frames[~batch.present].any()


def test_samples_stacked_one_by_one_are_rows_with_one_target(dataset):
    batch = collate([dataset[name] for name in ("s1_3", "s0_0")])
    assert batch.targets.tolist() == [[False, False, True, False], [True, False, False, False]]
    assert batch.present.sum(dim=1).tolist() == [3, 4]
    rows, targets = dataset.slots[:1], dataset.places[:1]
    gathered = Pool(dataset.packed()).batch(*as_recordings(rows, targets)[:1], dataset.labels[:1], ["s0_0"], {})
    torch.testing.assert_close(gathered.frames[0], batch.frames[1])


def test_recordings_are_never_cut_in_two():
    groups = [[0, 3], [1], [2, 4, 5]]
    assert in_order(6, 2, groups) == [[0, 3, 1], [2, 4, 5]]
    assert by_length(np.ones(6), 1, groups) == [[1], [0, 3], [2, 4, 5]]
    for epoch in range(5):
        for batch in shuffled(6, 1, 0, epoch, groups):
            assert any(set(group) <= set(batch) for group in groups)
        assert sorted(len(batch) for batch in shuffled(6, 2, 0, epoch, groups)) == [6]  # a last one joins the one before
