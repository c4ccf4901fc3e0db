"""What a person gives: columns in any form that --features takes, tasks by name, a store or its path, ids or utterances."""

from dataclasses import replace

import pytest

from featurekit import data, store
from featurekit.data.columns import holding, named_columns
from featurekit.errors import ParameterError, UnknownNameError

SPECTRAL = ["luo2019/mfcc", "luo2019/rms"]


@pytest.fixture(scope="module")
def preset_store(tiny_corpus, tiny_manifest, tmp_path_factory):
    """A store with two of luo2019's columns and one of ours."""
    from featurekit import extraction

    out = tmp_path_factory.mktemp("stores") / "preset"
    columns = [*SPECTRAL, "mel(n_mels=24)"]
    extraction.build_store(tiny_manifest[:6], root=tiny_corpus, out=out, columns=columns, corpus="demo", backend="serial")
    return store.open_store(out)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("luo2019/mfcc", ["luo2019/mfcc"]),
        (["luo2019/rms", "luo2019/mfcc"], ["luo2019/rms", "luo2019/mfcc"]),
        ("luo2019/rms, luo2019/mfcc, luo2019/rms", ["luo2019/rms", "luo2019/mfcc"]),
        ("mel24", ["mel24"]),
        ("other=mel(n_mels=24)", ["mel24"]),
        ("luo2019-best4/mfcc", ["luo2019/mfcc"]),  # the same values under another name
        (("luo2019/rms,mel24",), ["luo2019/rms", "mel24"]),
    ],
)
def test_columns_are_asked_for_as_the_command_line_does(preset_store, asked, found):
    assert named_columns(preset_store, asked) == found
    assert data.usable_ids(preset_store, asked) == preset_store.ids


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ("luo2019", ParameterError, r"has no column luo2019/spectral_centroid .*it has luo2019/mfcc.*add it: .*--features"),
        ("luo2018", UnknownNameError, "unknown column, feature or preset 'luo2018'; did you mean luo2019"),
        ("mel(n_mel=3)", UnknownNameError, "did you mean n_mels"),
        (None, ParameterError, r"features are names, as in .*'luo2019,rms'; got None"),
        ([1], ParameterError, "features are names.*; got 1"),
        ([], ParameterError, "no features given; this store has luo2019/mfcc"),
    ],
)
def test_what_is_not_there_is_said_with_the_way_on(preset_store, asked, error, message):
    for takes in (data.as_arrays, data.Dataset, data.usable_ids):
        with pytest.raises(error, match=message):
            takes(preset_store, asked)
    with pytest.raises(error, match=message):
        data.Normaliser.fit(preset_store, asked, preset_store.ids)


def test_a_preset_is_all_of_its_columns_and_a_folder_of_columns_is_one_too(tiny_corpus, tiny_manifest, tmp_path):
    from featurekit import extraction

    how = {"root": tiny_corpus, "out": tmp_path / "s", "corpus": "demo", "backend": "serial"}
    extraction.build_store(tiny_manifest[:2], columns="luo2019, mine/rms=rms, mine/zcr=zcr", **how)
    opened = store.open_store(tmp_path / "s")
    arrays = [data.as_arrays(opened, asked, "sentiment3")[0] for asked in ("luo2019", ["luo2019"])]
    assert [len(row) for array in arrays for row in array] == [82] * 4
    assert named_columns(opened, "luo2019")[:2] == ["luo2019/mfcc", "luo2019/rms"]  # the preset's order
    assert named_columns(opened, "mine") == ["mine/rms", "mine/zcr"]
    dataset = data.Dataset(opened, features="luo2019", task="sentiment3")
    assert dataset.dims == 41
    assert list(data.Normaliser.fit(opened, "luo2019", dataset.ids).columns) == dataset.features


def test_a_task_goes_by_its_name_wherever_one_is_taken(store):
    task = data.get_task("emotion", store.manifest)
    assert data.get_task(task, store.manifest) is task
    by_name, by_task = (data.make_split("speaker-disjoint", store.manifest, one) for one in ("emotion", task))
    assert by_name.digest == by_task.digest == data.make_split("speaker-disjoint", store).digest
    folds = by_name.folds
    assert data.predefined(store.manifest, "emotion", folds).digest == data.predefined(store, task, folds).digest
    assert data.labelled(store.manifest, "emotion") == data.labelled(store.manifest, task)
    assert data.tasks.shuffled("emotion", store.manifest).description == data.tasks.shuffled(task, store.manifest).description
    with pytest.raises(ParameterError, match=r"a task is named, as in get_task\('emotion', store.manifest\); got Manifest"):
        data.get_task(store.manifest, "emotion")


def test_a_task_without_labels_names_those_that_have_some(tiny_manifest):
    told = r"the manifest has 'score'; tasks that read what it has: gender, sentiment-score, sent"
    with pytest.raises(ParameterError, match=told):
        data.make_split("speaker-disjoint", tiny_manifest)


def test_a_split_may_have_its_settings_in_its_name(manifest):
    called = data.make_split("speaker-kfold(k=3)", manifest)
    assert called.digest == data.make_split("speaker-kfold", manifest, k=3).digest
    with pytest.raises(UnknownNameError, match="a split is named by text, got"):
        data.make_split(manifest, "speaker-disjoint", "emotion")


def test_a_store_stands_for_its_manifest_and_a_path_for_its_store(preset_store):
    by_path, by_store = (
        data.as_arrays(one, "mel24", "sentiment3", "mean")[0] for one in (str(preset_store.path), preset_store)
    )
    assert by_path.tolist() == by_store.tolist()
    assert by_path.shape == (6, 24)
    with pytest.raises(ParameterError, match=r"expected a store, as open_store\(path\) returns it, or its path; got Manifest"):
        data.as_arrays(preset_store.manifest, "mel24")
    with pytest.raises(ParameterError, match=r"expected a manifest .* or a store, got str"):
        data.make_split("loso", "cache/demo", "emotion")


def test_ids_may_be_utterances_and_a_split_in_their_place_is_explained(store):
    split = data.make_split("speaker-disjoint", store)
    assert (split.train, split.dev, split.test) == (split.fold().train, split.fold().dev, split.fold().test)
    items = [store.manifest[name] for name in split.train]
    assert data.Normaliser.fit(store, "x/c0", items).ids_digest == data.Normaliser.fit(store, "x/c0", split.train).ids_digest
    for wrong, message in (
        (split, r"got a Split; a part of it has some, as in split.fold\(\).train"),
        ("s0_0", "a list of ids"),
    ):
        with pytest.raises(ParameterError, match=message):
            data.as_arrays(store, "x/c0", ids=wrong)
    with pytest.raises(ParameterError, match=r"expected a split, as make_split\(.* got 'speaker-disjoint'"):
        data.Dataset(store, "x/c0", "speaker-disjoint")
    with pytest.raises(ParameterError, match="expected a split"):
        data.audit_split("speaker-disjoint", store)


def test_a_column_is_found_by_what_it_holds(store):
    columns = {
        "a": replace(store.columns["x/c0"], key="1", spec="mfcc()"),
        "b": replace(store.columns["x/c0"], key="2", spec="rms()", engine="cuda"),
        "c": replace(store.columns["x/c0"], key="3", spec="zcr()", engine="cuda", of_run="run"),
    }
    assert holding(columns, "1", "whatever", "cpu") == "a"
    assert holding(columns, "9", "rms()", "cpu") == "b"  # the GPU's
    assert holding(columns, "9", "mfcc()", "cpu") is None  # another version of the feature
    assert holding(columns, "9", "zcr()", "cpu") is None  # a network's output
