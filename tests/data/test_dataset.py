from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from featurekit.data import Dataset, Normaliser, get_task, make_split, usable_ids
from featurekit.data.arrays import as_arrays
from featurekit.data.collate import collate
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance


def split_of(store, name="speaker-disjoint", **settings):
    return make_split(name, store.manifest, get_task("emotion", store.manifest), **settings)


def test_a_dataset_is_one_part_of_a_fold_with_labels_as_numbers(store):
    split = split_of(store)
    parts = {part: Dataset(store, ["x/c0"], split, part) for part in ("train", "dev", "test")}
    assert {part: data.ids for part, data in parts.items()} == {p: list(split.fold().part(p)) for p in parts}
    data = parts["test"]
    assert data.classes == ("angry", "happy", "sad")
    assert [data.classes[i] for i in data.labels] == [store.manifest[name].labels["emotion"] for name in data.ids]
    assert data.speakers == [name[:2] for name in data.ids]
    assert set(data.genders) <= {"f", "m"}
    sample = data[1]
    np.testing.assert_array_equal(sample.frames[0], store.values["x/c0"][store.manifest.index(sample.id)])
    assert (sample.label, sample.images) == (data.labels[1], None)


def test_context_slots_hold_neighbours_of_the_same_part(store):
    data = Dataset(store, ["x/c0", "x/c1"], split_of(store), context=3)
    sample = data[data.ids.index("s1_0")] if "s1_0" in data.ids else data[0]
    row = store.manifest.index(sample.id)
    assert sample.present.tolist() == [False, True, True]
    assert sample.frames[0].shape == (0, 5)
    np.testing.assert_array_equal(sample.frames[2][:, :3], store.values["x/c0"][row + 1])


def test_preloaded_or_not_the_samples_are_equal(store):
    normaliser = Normaliser.fit(store, ["x/c0", "x/power", "x/image"], store.ids)
    kinds = [
        Dataset(store, ["x/c0", "x/power", "x/image"], context=3, n_frames=9, normaliser=normaliser, preload=preload)
        for preload in (True, False)
    ]
    for one, two in zip(*kinds, strict=True):
        assert one.id == two.id
        for left, right in zip([*one.frames, *one.images], [*two.frames, *two.images], strict=True):
            np.testing.assert_array_equal(left, right)
            assert left.dtype == np.float32


def test_a_preloaded_dataset_reads_each_row_once(store):
    data = Dataset(store, ["x/c0"], context=3)
    reads = store.reads
    for index in range(len(data)):
        data[index]
    assert reads == store.reads == len(store.ids)


def test_frames_are_cut_to_the_first_n(store):
    data = Dataset(store, ["x/c0"], n_frames=6)
    assert max(len(sample.frames[0]) for sample in (data[i] for i in range(len(data)))) == 6
    np.testing.assert_array_equal(data.lengths, [len(data[i].frames[0]) for i in range(len(data))])


def test_images_come_in_the_unit_interval_and_empty_slots_as_zeros(store):
    data = Dataset(store, ["x/image"], context=3)
    assert (data.image_shape, data.dims, data.columns) == ((6, 8), 0, {})
    first = data[0]
    assert first.frames is None
    np.testing.assert_array_equal(first.images[0], np.zeros((6, 8)))
    np.testing.assert_allclose(first.images[1] * 255, store.values["x/image"][0], atol=1e-4)


def test_a_dataset_pickles(store):
    data = Dataset(store, ["x/c0"], split_of(store), context=3)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again[0].frames[1], data[0].frames[1])


def test_without_a_split_all_usable_labelled_utterances_count(store):
    store.values["x/c0"][0] = None
    assert Dataset(store, "x/c0").ids == store.ids[1:]


def test_a_failed_target_is_refused_with_the_way_on_and_a_failed_neighbour_is_absent(store):
    store.values["x/c0"][0] = None
    split = split_of(store, "loso")
    fold = next(fold.name for fold in split.folds if "s0_0" in fold.train)
    with pytest.raises(ParameterError, match=r"1 utterances have no values in x/c0: s0_0; .*usable_ids"):
        Dataset(store, "x/c0", split, fold=fold)
    better = split_of(store, "loso", ids=usable_ids(store, ["x/c0"]))
    sample = Dataset(store, "x/c0", better, fold=fold, context=3)[0]
    assert sample.id == "s0_1"
    assert sample.present.tolist() == [False, True, True]


def test_what_the_task_excludes_is_context_but_no_target(store):
    data = Dataset(store, "x/c0", task="sentiment2-nonzero", context=3)
    assert "s0_3" not in data.ids
    sample = data[data.ids.index("s0_4")]
    np.testing.assert_array_equal(sample.frames[0], store.values["x/c0"][3])


def test_speakers_without_a_name_are_their_recordings(make):
    store = make.store(make.manifest(2, 3, speaker=""))
    assert Dataset(store, "x/c0").speakers == ["r0"] * 3 + ["r1"] * 3


def test_an_unknown_speaker_beside_known_ones_stays_unknown(make):
    items = make.manifest(2, 3).utterances
    some = Manifest([replace(item, speaker="" if item.recording == items[0].recording else "ann") for item in items])
    store = make.store(some)
    assert Dataset(store, "x/c0").speakers == [""] * 3 + ["ann"] * 3
    assert as_arrays(store, ["x/c0"], pool="mean")[2].tolist() == [""] * 3 + ["ann"] * 3


def test_wrong_arguments_are_refused(store):
    with pytest.raises(UnknownNameError, match="did you mean"):
        Dataset(store, ["x/c9"])
    with pytest.raises(ParameterError, match="training part only"):
        Dataset(store, "x/c0", part="test", augment=lambda batch, generator: batch)
    with pytest.raises(ParameterError, match="n_frames"):
        Dataset(store, "x/c0", n_frames=0)
    with pytest.raises(ParameterError, match="different clocks"):
        Dataset(store, ["x/c0", "x/slow"])
    with pytest.raises(UnknownNameError, match="task"):
        Dataset(store, "x/c0", task="emotions")
    with pytest.raises(UnknownNameError, match="part"):
        Dataset(store, "x/c0", split_of(store), part="valid")


def test_augmented_children_of_training_utterances_are_samples(make):
    originals = list(make.manifest())
    children = [
        Utterance(**{**{n: getattr(u, n) for n in u.__slots__}, "id": f"{u.id}~", "parent": u.id, "perturbation": "fast"})
        for u in originals
    ]
    store = make.store(Manifest([*originals, *children]))
    data = Dataset(store, "x/c0", split_of(store), context=3)
    assert sum(name.endswith("~") for name in data.ids) == len(data) / 2


def test_shares_and_ratings_are_labels_beside_the_class_numbers(store):
    emotion = get_task("emotion", store.manifest)
    shares = {"angry": (0.5, 0.5, 0.0), "happy": (0.0, 1.0, 0.0), "sad": (0.0, 0.25, 0.75)}
    soft = replace(emotion, name="soft", kind="soft", target_of=lambda utterance: shares[utterance.labels["emotion"]])
    data = Dataset(store, "x/c0", task=soft)
    assert data.labels.dtype == np.float32
    np.testing.assert_array_equal(data.labels, [shares[soft.classes[number]] for number in data.class_numbers])
    rated = Dataset(store, "x/c0", task="sentiment-score")
    np.testing.assert_array_equal(rated.labels[:, 0], [item.labels["score"] for item in store.manifest])
    assert rated.labels.shape == (48, 1)
    batch = collate([rated[2], rated[0]])
    assert batch.labels.tolist() == [[-1.0], [-3.0]]
    plain = Dataset(store, "x/c0", task=emotion)
    assert plain.labels is plain.class_numbers


def test_samples_are_taken_by_position_by_id_and_by_slice(store):
    data = Dataset(store, ["x/c0"])
    assert data["s0_2"].id == data[2].id == data[2 - len(data)].id == "s0_2"
    assert [sample.id for sample in data[1:4]] == data.ids[1:4]
    assert len(list(data)) == len(data)
    with pytest.raises(IndexError, match="there is no utterance 48"):
        data[48]
    with pytest.raises(UnknownNameError, match="unknown utterance of part train: 's9_9'"):
        data["s9_9"]
