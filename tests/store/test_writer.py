from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import featurekit
from featurekit import store
from featurekit.errors import StoreError, StoreNotFoundError, UnknownNameError
from featurekit.manifest import Manifest, Utterance


def changed(making, column, **changes):
    """A shard of one column in which the second utterance's result is another one."""
    content = making.content(making.manifest(3), [column])
    content.results[column.name][1] = dataclasses.replace(content.results[column.name][1], **changes)
    return content


@given(data=st.data())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_any_ragged_arrays_come_back_as_they_went_in(making, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("ragged") / "store"
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    dims = data.draw(st.integers(1, 5))
    lengths = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=7))
    values = [data.draw(arrays(np.float32, (rows, dims), elements=finite)) for rows in lengths]
    column, utterances = making.column("any", dims=dims), making.manifest(len(values))
    content = making.content(utterances, [column], results={"any": [store.UtteranceResult(0, "", array) for array in values]})
    store.create(path, "test")
    store.commit_shard(path, content)
    store.publish_head(path, utterances, [making.group([content], [column])])
    reader = store.open_store(path)
    for index, array in enumerate(values):
        np.testing.assert_array_equal(reader.read("any", index), array)
    assert reader.lengths("any").tolist() == lengths


def test_ten_lines_of_h5py_read_the_same_arrays(making, filled):
    with h5py.File(filled / "index.h5") as index:
        i = index["utterances/utt_id"][:].tolist().index(b"utt_004")
        key = index["groups/0/key"][index["groups/0/shard"][i]].decode()
        column = index["columns/luo2019/mfcc"]
        first, rows = column["first_row"][i], column["rows"][i]
        start, end = index["manifest/offset"][i : i + 2]
        labels = json.loads(index["manifest/jsonl"][start:end].tobytes())["labels"]
    with h5py.File(filled / "shards" / f"{key}.h5") as shard:
        frames = shard["features/luo2019/mfcc"][first : first + rows]
        attributes = dict(shard["features/luo2019/mfcc"].attrs)
    np.testing.assert_array_equal(frames, making.array(making.FRAMES, "utt_004"))
    assert labels == {"emotion": "anger", "score": 2.0}
    assert attributes["hop_s"] == 0.01
    assert json.loads(attributes["settings"]) == {"n_fft": 512}


def test_two_builds_give_identical_files(making, filled, tmp_path):
    making.fill(tmp_path / "again")
    files = [path.relative_to(filled) for path in making.all_files(filled)]
    assert files == [path.relative_to(tmp_path / "again") for path in making.all_files(tmp_path / "again")]
    for file in files:
        assert (filled / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_creating_twice_is_once(tmp_path):
    store.create(tmp_path / "s", corpus="mosi")
    store.create(tmp_path / "s", corpus="mosi")
    assert store.exists(tmp_path / "s")
    assert not store.exists(tmp_path)
    with pytest.raises(StoreError, match="'mosi', not of 'ravdess'"):
        store.create(tmp_path / "s", corpus="ravdess")


def test_a_folder_with_other_things_does_not_become_a_store(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StoreError, match=r"thesis\.tex"):
        store.create(tmp_path, corpus="mosi")


def test_a_store_whose_creation_was_interrupted_is_created(tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / "tmp").mkdir()
    store.create(tmp_path, corpus="mosi")
    assert store.exists(tmp_path)


@pytest.mark.parametrize("version", [0, 2, "next"])
def test_another_version_is_not_touched(filled, version):
    document = json.loads((filled / "STORE.json").read_text()) | {"version": version}
    (filled / "STORE.json").write_text(json.dumps(document))
    for verb in (store.open_store, store.latest_head, store.info, store.verify, store.repair, store.gc, store.build_index):
        with pytest.raises(StoreError, match=f"version {version}.*reads version 1.*extract"):
            verb(filled)
    with pytest.raises(StoreError, match="reads version 1"):
        store.create(filled, "test")


def test_a_second_commit_says_that_it_was_there(making, tmp_path):
    store.create(tmp_path / "s", "test")
    shard = making.contents(making.manifest())[0]
    assert store.commit_shard(tmp_path / "s", shard)
    before = next((tmp_path / "s" / "shards").iterdir()).stat()
    assert not store.commit_shard(tmp_path / "s", shard)
    assert next((tmp_path / "s" / "shards").iterdir()).stat() == before
    assert store.committed(tmp_path / "s") == {shard.key}


def test_what_is_committed_needs_a_store(tmp_path):
    with pytest.raises(StoreNotFoundError, match="no store"):
        store.committed(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"array": np.zeros((2, 5), np.float32)}, r"shape \(2, 5\), the column holds \(frames, 4\)"),
        ({"array": np.zeros(4, np.float32)}, "shape"),
        ({"array": np.zeros((2, 4))}, "float64"),
        ({"array": np.array([[1, 2, np.nan, np.inf]], np.float32)}, "2 values are not finite"),
        ({"array": None}, "status 0"),
        ({"status": 1}, "status 1"),
        ({"status": 7}, "status 7"),
    ],
)
def test_a_result_that_does_not_fit_is_refused_by_utterance_and_column(making, tmp_path, changes, words):
    store.create(tmp_path / "s", "test")
    with pytest.raises(StoreError, match=rf"utterance utt_001, column luo2019/mfcc: .*{words}"):
        store.commit_shard(tmp_path / "s", changed(making, making.FRAMES, **changes))
    assert not list((tmp_path / "s" / "shards").iterdir())


def test_a_number_too_large_for_float16_is_refused(making, tmp_path):
    store.create(tmp_path / "s", "test")
    with pytest.raises(StoreError, match="1 values are not finite in float16"):
        store.commit_shard(tmp_path / "s", changed(making, making.VECTOR, array=np.float32([[1, 2, 3, 4, 5, 6, 1e6]])))


@pytest.mark.parametrize("scale", [(np.nan, 0.0), (-np.inf, 0.0)])
def test_a_scale_that_is_no_number_is_refused(making, tmp_path, scale):
    store.create(tmp_path / "s", "test")
    with pytest.raises(StoreError, match="scale"):
        store.commit_shard(tmp_path / "s", changed(making, making.IMAGE, scale=scale))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "0" * 64}, "has the key"),
        ({"fingerprints": ["a"]}, "fingerprints"),
        ({"ids": ["one", "two", "one"]}, "'one' occurs twice"),
        ({"ids": ["\u00e9", "two", "e\u0301"]}, "occurs twice"),
        ({"ids": []}, "at least one utterance"),
        ({"columns": ()}, "one column"),
        ({"results": {}}, "results for 0 of 3"),
    ],
)
def test_a_shard_that_contradicts_itself_is_refused(making, tmp_path, changes, words):
    store.create(tmp_path / "s", "test")
    content = dataclasses.replace(making.content(making.manifest(3)), **changes)
    with pytest.raises(StoreError, match=words):
        store.commit_shard(tmp_path / "s", content)


def test_failures_are_kept_with_their_reason_cut_at_a_letter(making, tmp_path):
    store.create(tmp_path / "s", "test")
    content = changed(making, making.FRAMES, status=1, array=None, error="x" * 199 + "é")
    content.results["luo2019/mfcc"][2] = store.UtteranceResult(2)
    store.commit_shard(tmp_path / "s", content)
    store.publish_head(tmp_path / "s", making.manifest(3), [making.group([content], [making.FRAMES])])
    reader = store.open_store(tmp_path / "s")
    assert reader.status("luo2019/mfcc").tolist() == [0, 1, 2]
    assert reader.errors("luo2019/mfcc") == ["", "x" * 199, "no reason was given"]
    assert reader.lengths("luo2019/mfcc").tolist()[1:] == [0, 0]


@pytest.mark.parametrize("indexed", [False, True])
def test_a_note_on_a_good_utterance_is_kept(making, tmp_path, indexed):
    content = changed(making, making.FRAMES, error="CLIPPED: 3 samples at full scale")
    store.create(tmp_path / "s", "test")
    store.commit_shard(tmp_path / "s", content)
    store.publish_head(tmp_path / "s", making.manifest(3), [making.group([content], [making.FRAMES])])
    if indexed:
        store.build_index(tmp_path / "s")
    reader = store.open_store(tmp_path / "s")
    assert reader.errors("luo2019/mfcc") == ["", "CLIPPED: 3 samples at full scale", ""]
    assert reader["utt_001"]["luo2019/mfcc"].shape[1] == 4


def test_publishing_the_same_again_publishes_nothing(making, filled):
    shards = making.contents(making.manifest())
    head = store.publish_head(filled, making.manifest(), [making.group(shards)])
    assert head.generation == 1
    assert [file.name for file in (filled / "heads").iterdir()] == ["1.json"]


def test_a_corrected_label_makes_a_new_head_and_no_new_shard(making, filled):
    old = making.manifest()
    new = Manifest(dataclasses.replace(item, labels={"emotion": "sad"}) for item in old)
    head = store.publish_head(filled, new, [making.group(making.contents(old))])
    assert head.generation == 2
    assert store.open_store(filled).manifest["utt_003"].labels == {"emotion": "sad"}


def test_an_append_keeps_the_old_shards(making, filled):
    utterances = making.manifest(14)
    shards = making.contents(utterances)
    assert [store.commit_shard(filled, shard) for shard in shards] == [False, False, True, True, True]
    store.publish_head(filled, utterances, [making.group(shards)])
    reader = store.open_store(filled)
    assert len(reader) == 14
    np.testing.assert_array_equal(reader["utt_013"]["luo2019/mfcc"], making.array(making.FRAMES, "utt_013"))


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda shards: shards[:2], "hold 6 of 8"),
        (lambda shards: shards[::-1], "'utt_006' as utterance 0; the manifest has 'utt_000'"),
        (lambda shards: [*shards, shards[0]], "the manifest has nothing"),
        (lambda shards: [shards[0], shards[0], shards[2]], "'utt_000' as utterance 3"),
        (lambda shards: [], "hold 0 of 8"),
    ],
)
def test_shards_that_are_not_the_manifest_are_not_published(making, filled, choose, words):
    with pytest.raises(StoreError, match=words):
        store.publish_head(filled, making.manifest(), [making.group(choose(making.contents(making.manifest())))])
    assert store.latest_head(filled).generation == 1


def test_a_missing_shard_is_not_published(making, filled):
    with pytest.raises(StoreError, match="missing"):
        store.publish_head(filled, making.manifest(), [store.GroupInfo(making.COLUMNS, ("0" * 64,))])


def test_other_audio_than_the_manifests_is_not_published(making, filled):
    old = making.manifest()
    new = Manifest(dataclasses.replace(item, fingerprint="other") for item in old)
    with pytest.raises(StoreError, match="other audio"):
        store.publish_head(filled, new, [making.group(making.contents(old))])


def test_a_column_in_two_groups_is_not_published(making, filled):
    group = making.group(making.contents(making.manifest()))
    with pytest.raises(StoreError, match="occurs twice"):
        store.publish_head(filled, making.manifest(), [group, group])


def test_a_group_with_other_columns_than_its_shards_is_not_published(making, filled):
    shards = making.contents(making.manifest())
    with pytest.raises(StoreError, match="other columns than its group"):
        store.publish_head(filled, making.manifest(), [making.group(shards, [making.FRAMES])])
    wide = dataclasses.replace(making.FRAMES, dims=5, dim_names=())
    with pytest.raises(StoreError, match="as the head describes it"):
        store.publish_head(filled, making.manifest(), [making.group(shards, [wide, making.VECTOR, making.IMAGE])])


def test_a_head_without_columns_or_utterances_is_not_published(making, filled):
    with pytest.raises(StoreError, match="needs utterances and columns"):
        store.publish_head(filled, making.manifest(), [])
    with pytest.raises(StoreError, match="needs utterances and columns"):
        store.publish_head(filled, Manifest([]), [making.group([])])


def test_a_column_may_be_renamed_without_a_new_shard(making, filled):
    shards = making.contents(making.manifest())
    renamed = dataclasses.replace(making.FRAMES, name="mfcc")
    store.publish_head(filled, making.manifest(), [making.group(shards, [renamed, making.VECTOR, making.IMAGE])])
    np.testing.assert_array_equal(store.open_store(filled)["utt_005"]["mfcc"], making.array(making.FRAMES, "utt_005"))
    store.build_index(filled)
    np.testing.assert_array_equal(store.open_store(filled)["utt_005"]["mfcc"], making.array(making.FRAMES, "utt_005"))


def test_a_dropped_column_is_gone_and_the_others_stay(making, filled):
    head = store.drop(filled, "mel256")
    assert head.generation == 2
    for indexed in (False, True):
        if indexed:
            store.build_index(filled)
        reader = store.open_store(filled)
        assert list(reader.columns) == ["functionals", "luo2019/mfcc"]
        np.testing.assert_array_equal(reader["utt_007"]["luo2019/mfcc"], making.array(making.FRAMES, "utt_007"))
    assert store.verify(filled).ok
    with pytest.raises(UnknownNameError):
        store.drop(filled, "mel256")
    store.drop(filled, "functionals")
    with pytest.raises(StoreError, match="last column"):
        store.drop(filled, "luo2019/mfcc")


def test_a_rival_who_publishes_first_is_not_overwritten(making, filled):
    """Both add a group of their own; the slower one is asked again and adds to what the faster one published."""
    first, second = making.column("pitch", dims=1), making.column("rms", dims=1)
    utterances, shards = making.manifest(), {}
    for column in (first, second):
        shards[column.name] = making.contents(utterances, [column])
        for shard in shards[column.name]:
            store.commit_shard(filled, shard)
    calls = []

    def slow(latest):
        calls.append(latest.generation)
        if len(calls) == 1:
            store.publish_head(filled, utterances, lambda head: [*head.groups, making.group(shards["rms"], [second])])
        return [*latest.groups, making.group(shards["pitch"], [first])]

    head = store.publish_head(filled, utterances, slow)
    assert calls == [1, 2]
    assert head.generation == 3
    assert {"pitch", "rms", "mel256"} <= set(head.columns)


def test_many_threads_that_add_a_group_each_lose_none(making, filled):
    utterances = making.manifest()
    columns = [making.column(f"column{number}", dims=1) for number in range(6)]

    def add(column):
        shards = making.contents(utterances, [column])
        for shard in shards:
            store.commit_shard(filled, shard)
        store.publish_head(filled, utterances, lambda head: [*head.groups, making.group(shards, [column])])

    threads = [threading.Thread(target=add, args=(column,)) for column in columns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.open_store(filled).columns) == 9
    assert store.latest_head(filled).generation == 7


def test_processes_that_build_the_same_store_at_once_make_one_store(making, filled, tmp_path):
    path, script = tmp_path / "together", making.__file__
    environment = os.environ | {"PYTHONPATH": str(Path(featurekit.__file__).parents[1])}
    command = [sys.executable, script, str(path), "0", "8"]
    builders = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(4)]
    assert [(builder.communicate()[1], builder.returncode) for builder in builders] == [(b"", 0)] * 4
    for file in making.all_files(filled):
        assert (path / file.relative_to(filled)).read_bytes() == file.read_bytes()
    assert len(making.all_files(path)) == len(making.all_files(filled))


def test_ids_that_are_equal_in_nfc_are_not_published(making, tmp_path):
    store.create(tmp_path / "s", "test")
    utterances = Manifest(Utterance(id=name, path="a.wav", fingerprint=name) for name in ("\u00e9", "e\u0301"))
    with pytest.raises(StoreError, match="NFC"):
        store.publish_head(tmp_path / "s", utterances, [making.group([], making.COLUMNS)])
