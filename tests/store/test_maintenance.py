from __future__ import annotations

import json
import os

import numpy as np
import pytest

from featurekit import store
from featurekit.errors import CorruptStoreError, ParameterError, StoreError


def names(paths):
    return sorted(path.name for path in paths)


def age(file, hours):
    status = file.stat()
    os.utime(file, (status.st_atime, status.st_mtime - hours * 3600))


def test_info_tells_what_a_person_asks_and_is_json(making, filled):
    info = json.loads(json.dumps(store.info(filled)))
    assert (info["generation"], info["utterances"], info["shards"], info["waiting"]) == (1, 8, 3, 0)
    assert (info["corpus"], info["indexed"], info["interrupted"]) == ("test", True, False)
    assert info["seconds"] == 12.0
    rows = sum(len(making.array(making.FRAMES, utterance.id)) for utterance in making.manifest())
    column = info["columns"]["luo2019/mfcc"]
    assert (column["rows"], column["bytes"], column["failed"], column["hop_s"]) == (rows, rows * 16, 0, 0.01)


def test_info_of_an_interrupted_extraction(making, tmp_path):
    store.create(tmp_path / "s", "test")
    assert store.info(tmp_path / "s")["interrupted"]
    store.commit_shard(tmp_path / "s", making.contents(making.manifest())[0])
    info = store.info(tmp_path / "s")
    assert (info["generation"], info["waiting"], info["interrupted"], info["columns"]) == (0, 1, True, {})


def test_collection_removes_what_only_older_generations_used(making, filled):
    old = {file.name for file in (filled / "shards").iterdir()}
    making.fill(filled, making.manifest(6), making.COLUMNS[:1])
    would = store.gc(filled, dry_run=True)
    assert {file.name for file in would if file.parent.name == "shards"} == old
    assert len(list((filled / "shards").iterdir())) == 5
    assert names(store.gc(filled)) == names(would)
    assert names((filled / "heads").iterdir()) == ["2.json"]
    assert store.verify(filled).ok
    assert store.gc(filled) == []
    np.testing.assert_array_equal(store.open_store(filled).read("luo2019/mfcc", 5), making.array(making.FRAMES, "utt_005"))


def test_collection_keeps_shards_that_are_still_used_after_a_drop(making, filled):
    store.drop(filled, "mel256")
    assert names(store.gc(filled)) == ["1.json"]
    assert len(list((filled / "shards").iterdir())) == 3


def test_collection_spares_an_extraction_under_way_for_a_day(making, filled):
    waiting = making.contents(making.manifest(), [making.column("pitch")])[0]
    store.commit_shard(filled, waiting)
    assert store.gc(filled) == []
    age(filled / "shards" / f"{waiting.key}.h5", hours=25)
    assert names(store.gc(filled)) == [f"{waiting.key}.h5"]


def test_collection_empties_tmp_by_the_file_systems_clock(filled):
    for name, hours in (("old.h5", 25), ("young.h5", 23)):
        (filled / "tmp" / name).touch()
        age(filled / "tmp" / name, hours)
    assert names(store.gc(filled)) == ["old.h5"]
    assert names((filled / "tmp").iterdir()) == ["young.h5"]


def test_collection_needs_a_store(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        store.gc(tmp_path)


def test_an_index_needs_a_published_head(tmp_path):
    store.create(tmp_path / "s", "test")
    with pytest.raises(StoreError, match="no published generation"):
        store.build_index(tmp_path / "s")


def test_a_revert_brings_back_a_dropped_column_as_a_new_generation(making, filled):
    before = store.latest_head(filled)
    store.drop(filled, "mel256")
    assert store.revert(filled, 1, dry_run=True).columns.keys() == before.columns.keys()
    assert store.latest_head(filled).generation == 2
    head = store.revert(filled, 1)
    assert (head.generation, head.digest) == (3, before.digest)
    store.build_index(filled)
    np.testing.assert_array_equal(store.open_store(filled).read("luo2019/mfcc", 5), making.array(making.FRAMES, "utt_005"))
    assert "mel256" in store.open_store(filled).columns
    assert [facts["generation"] for facts in store.generations(filled)] == [1, 2, 3]
    assert store.revert(filled, 3).generation == 3  # it says the same: nothing to publish
    assert store.revert(filled, 2).columns.keys() == before.columns.keys() - {"mel256"}
    assert store.verify(filled).ok


def test_a_revert_brings_back_utterances(making, filled):
    making.fill(filled, making.manifest(6), making.COLUMNS[:1])
    assert [facts["utterances"] for facts in store.generations(filled)] == [8, 6]
    store.revert(filled, 1)
    store.build_index(filled)
    assert len(store.open_store(filled)) == 8
    assert store.generations(filled)[-1]["columns"] == store.generations(filled)[0]["columns"]


def test_a_revert_is_refused_once_the_generation_or_its_shards_are_gone(making, filled):
    making.fill(filled, making.manifest(6), making.COLUMNS[:1])
    old = set(store.latest_head(filled).groups[0].shards)
    lost = next(file for file in (filled / "shards").iterdir() if file.stem not in old)
    lost.rename(filled / "quarantine" / lost.name)
    with pytest.raises(CorruptStoreError, match=f"{lost.stem}.* is missing"):
        store.revert(filled, 1)
    assert store.latest_head(filled).generation == 2
    store.gc(filled)
    with pytest.raises(ParameterError, match=r"no generation 1; it keeps 2 \(`featurekit store gc`"):
        store.revert(filled, 1)


def test_a_revert_killed_at_any_step_leaves_the_old_or_the_new_head(filled, monkeypatch):
    store.drop(filled, "mel256")
    real, steps = os.fsync, []
    for survived in range(20):

        def fsync(descriptor, survived=survived):
            steps.append(descriptor)
            if len(steps) > survived:
                raise KeyboardInterrupt
            real(descriptor)

        steps.clear()
        monkeypatch.setattr(os, "fsync", fsync)
        try:
            store.revert(filled, 1)
            break
        except KeyboardInterrupt:
            assert store.latest_head(filled).generation in (2, 3)
    monkeypatch.undo()
    assert survived >= 2  # the shards' folder, the head's bytes, the heads' folder: each is a step
    assert store.latest_head(filled).generation == 3
    assert store.verify(filled).ok
