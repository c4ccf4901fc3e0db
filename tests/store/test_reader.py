from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

import featurekit
from featurekit import store
from featurekit.errors import CorruptStoreError, ParameterError, StoreError, StoreNotFoundError, UnknownNameError
from featurekit.manifest import Manifest, Utterance
from featurekit.store import files, reader
from featurekit.store import index as index_module
from featurekit.store.index import IndexTables
from featurekit.store.tables import ShardTables

CHILD = """import pickle, sys
s = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps([s.read('luo2019/mfcc', i) for i in range(len(s))]))
"""


def expected(making):
    return [making.array(making.FRAMES, utterance.id) for utterance in making.manifest()]


def same(ours, theirs):
    return len(ours) == len(theirs) and all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("indexed", [True, False])
def test_every_array_comes_back(making, filled, indexed):
    if not indexed:
        (filled / "index.h5").unlink()
    opened = store.open_store(filled)
    assert isinstance(opened._source, IndexTables if indexed else ShardTables)
    for index, name in enumerate(opened.ids):
        for column in making.COLUMNS:
            array = opened[name][column.name]
            wanted = making.array(column, name).astype(array.dtype)
            np.testing.assert_array_equal(array, wanted)
            np.testing.assert_array_equal(opened.read(column.name, index), wanted)
            assert opened.lengths(column.name)[index] == (1 if column.kind == "image" else len(wanted))
    assert opened.scale("mel256", 3) == (-80.0, 0.0)
    assert opened.original_rates.tolist() == [44100] * 8


def test_a_store_says_what_it_is(making, filled):
    opened = store.open_store(filled)
    assert (opened.path, opened.corpus, opened.generation, len(opened)) == (filled, "test", 1, 8)
    assert opened.ids == list(opened) == making.manifest().ids
    assert opened.manifest.digest == making.manifest().digest
    assert opened.columns["luo2019/mfcc"] == making.FRAMES
    assert opened.digest == store.latest_head(filled).digest
    assert "utt_003" in opened
    assert "utt_3" not in opened
    assert list(opened["utt_003"]) == ["functionals", "luo2019/mfcc", "mel256"]
    assert "mel256" in opened["utt_003"]
    assert "8 utterances" in repr(opened)


def test_a_stale_index_is_not_used(making, filled):
    making.fill(filled, making.manifest(7), index=False)
    opened = store.open_store(filled)
    assert isinstance(opened._source, ShardTables)
    assert len(opened) == 7


def test_an_index_damaged_in_one_table_falls_back_to_the_shards(making, filled):
    data = bytearray((filled / "index.h5").read_bytes())
    place = IndexTables(filled, store.latest_head(filled)).container.place("columns/luo2019/mfcc/rows")
    data[place.offset] ^= 1
    (filled / "index.h5").write_bytes(data)
    opened = store.open_store(filled)
    assert isinstance(opened._source, IndexTables)
    assert same([opened.read("luo2019/mfcc", index) for index in range(8)], expected(making))
    assert isinstance(opened._source, ShardTables)


def test_unknown_names_suggest_the_known_ones(filled):
    opened = store.open_store(filled)
    with pytest.raises(UnknownNameError, match=r"did you mean luo2019/mfcc"):
        opened["utt_001"]["luo2019/mfc"]
    with pytest.raises(ParameterError, match=r"luo2019/mfcc is a column; .* as in store\[0\]\['luo2019/mfcc'\]"):
        opened["luo2019/mfcc"]
    with pytest.raises(ParameterError, match=r"an id is text, as in store.index\(store.ids\[0\]\); got 0"):
        opened.index(0)
    with pytest.raises(UnknownNameError, match=r"did you mean .*utt_001"):
        opened["utt_01"]
    with pytest.raises(UnknownNameError, match="utterance"):
        opened["utt_001 with a very long tail that is wider than any id"]
    with pytest.raises(ParameterError, match="only images have a scale"):
        opened.scale("luo2019/mfcc", 0)


def test_an_utterance_is_asked_for_by_position_too(making, filled):
    opened = store.open_store(filled)
    wanted = making.array(making.FRAMES, "utt_007")
    for found in (opened[7]["luo2019/mfcc"], opened[-1]["luo2019/mfcc"], opened.read("luo2019/mfcc", "utt_007")):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(IndexError, match="there is no utterance 8: there are 8, numbered 0 to 7"):
        opened[8]
    with pytest.raises(ParameterError, match=r"by its id or its position, a whole number; got 1.5"):
        opened[1.5]


def test_a_store_is_taken_where_its_path_is(filled):
    assert store.open_store(store.open_store(filled)).path == filled
    assert Path(store.open_store(filled)) == filled
    with pytest.raises(ParameterError, match=r"opened by its folder, as in open_store\('cache/ravdess'\); got None"):
        store.open_store(None)


def test_a_failed_utterance_is_an_error_with_its_reason(making, tmp_path):
    content = making.content(making.manifest(3), [making.FRAMES])
    content.results["luo2019/mfcc"][1] = store.UtteranceResult(1, "TRUNCATED: 31 % of the data")
    store.create(tmp_path / "s", "test")
    store.commit_shard(tmp_path / "s", content)
    store.publish_head(tmp_path / "s", making.manifest(3), [making.group([content], [making.FRAMES])])
    with pytest.raises(StoreError, match="utt_001 failed: TRUNCATED: 31 %"):
        store.open_store(tmp_path / "s")["utt_001"]["luo2019/mfcc"]


def test_a_window_of_neighbours_is_one_read(making, filled, monkeypatch):
    opened = store.open_store(filled)
    opened.read("luo2019/mfcc", 0)
    calls, preadv = [], os.preadv

    def counted(descriptor, views, offset):
        calls.append(len(views))
        return preadv(descriptor, views, offset)

    monkeypatch.setattr(files.os, "preadv", counted)
    assert same(opened.read_window("luo2019/mfcc", [0, 1, 2]), expected(making)[:3])
    assert calls == [3]
    assert same(opened.read_window("luo2019/mfcc", [2, 0, 7]), [expected(making)[i] for i in (2, 0, 7)])
    assert opened.read_window("luo2019/mfcc", []) == []


def test_the_index_names_the_group_of_each_column_and_one_without_it_still_opens(making, filled):
    utterances = making.manifest()
    added = making.column("added")
    shards = making.contents(utterances, [added])
    for shard in shards:
        store.commit_shard(filled, shard)
    store.publish_head(filled, utterances, [*store.latest_head(filled).groups, making.group(shards, [added])])
    store.build_index(filled)
    with h5py.File(filled / "index.h5") as index:
        groups = {name: index[f"columns/{name}/group"][:].tolist() for name in ("luo2019/mfcc", "mel256", "added")}
    assert groups == {"luo2019/mfcc": [0], "mel256": [0], "added": [1]}
    with pytest.MonkeyPatch.context() as patch:  # as before the group was written
        written = index_module._column_datasets
        patch.setattr(
            index_module,
            "_column_datasets",
            lambda *what: {path: item for path, item in written(*what).items() if not path.endswith("/group")},
        )
        store.build_index(filled)
    opened = store.open_store(filled)
    np.testing.assert_array_equal(opened.read("added", 3), making.array(added, "utt_003"))
    assert isinstance(opened._source, IndexTables)


def test_a_changed_value_is_found_when_it_is_read(making, filled):
    opened = store.open_store(filled)
    table = opened._table("luo2019/mfcc")
    path = filled / "shards" / f"{table.group.keys[0]}.h5"
    data = bytearray(path.read_bytes())
    data[int(table.base[0])] ^= 4
    path.write_bytes(data)
    with pytest.raises(CorruptStoreError, match=r"utt_000 .*featurekit store repair"):
        opened.read("luo2019/mfcc", 0)
    assert not np.array_equal(store.open_store(filled, verify=False).read("luo2019/mfcc", 0), expected(making)[0])


def test_a_shard_that_was_computed_anew_is_not_read_with_the_old_index(making, filled):
    opened = store.open_store(filled)
    path = filled / "shards" / f"{opened.head.groups[0].shards[0]}.h5"
    path.unlink()
    store.commit_shard(filled, making.contents(making.manifest(), seed=1)[0])
    with pytest.raises(CorruptStoreError, match="featurekit store index"):
        opened.read("luo2019/mfcc", 0)
    store.build_index(filled)
    np.testing.assert_array_equal(store.open_store(filled).read("luo2019/mfcc", 0), making.array(making.FRAMES, "utt_000", 1))


@pytest.mark.parametrize("indexed", [True, False])
def test_a_missing_shard_is_named(filled, indexed):
    key = store.latest_head(filled).groups[0].shards[1]
    (filled / "shards" / f"{key}.h5").unlink()
    if not indexed:
        (filled / "index.h5").unlink()
    with pytest.raises(CorruptStoreError, match=f"{key}.*missing.*featurekit extract"):
        store.open_store(filled).read("mel256", 4)


def test_no_store_and_an_unfinished_store_say_so(making, tmp_path):
    with pytest.raises(StoreNotFoundError, match="no store at"):
        store.open_store(tmp_path / "nothing")
    store.create(tmp_path / "s", "test")
    store.commit_shard(tmp_path / "s", making.contents(making.manifest())[0])
    with pytest.raises(StoreError, match=r"not finished \(1 shards"):
        store.open_store(tmp_path / "s")


def test_a_pickled_store_is_small_and_reads_the_same(making, filled):
    opened = store.open_store(filled, verify=False)
    opened.read("luo2019/mfcc", 0)
    data = pickle.dumps(opened)
    again = pickle.loads(data)
    assert len(data) < 5000
    assert not again.verify
    assert same([again.read("luo2019/mfcc", index) for index in range(8)], expected(making))


def test_a_spawned_process_reads_the_same(making, filled):
    environment = os.environ | {"PYTHONPATH": str(Path(featurekit.__file__).parents[1])}
    data = pickle.dumps(store.open_store(filled))
    output = subprocess.run([sys.executable, "-c", CHILD], input=data, env=environment, capture_output=True, check=True).stdout
    assert same(pickle.loads(output), expected(making))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_read_the_same_and_open_their_own_files(making, filled):
    opened = store.open_store(filled)
    opened.read("luo2019/mfcc", 0)
    wanted, inherited = expected(making), dict(opened._files._files)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            right = all(same([opened.read("luo2019/mfcc", index) for index in range(8)], wanted) for _ in range(20))
            fresh = not set(map(id, opened._files._files.values())) & set(map(id, inherited.values()))
            os._exit(0 if right and fresh else 1)
        children.append(child)
    assert same([opened.read("luo2019/mfcc", index) for index in range(8)], wanted)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]


def test_threads_read_the_same_with_few_descriptors(making, filled, monkeypatch):
    opened, wanted = store.open_store(filled), expected(making)
    opened._files._most = 1

    def read(seed):
        order = np.random.default_rng(seed).permutation(8)
        return all(np.array_equal(opened.read("luo2019/mfcc", index), wanted[index]) for index in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))
    assert len(opened._files._files) == 1
    assert threading.active_count() < 20


def test_descriptors_stay_below_their_cap(making, filled):
    opened = store.open_store(filled)
    opened._files._most = 2
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        for index in range(8):
            opened.read("luo2019/mfcc", index)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_ids_with_odd_bytes_and_forms_are_found(making, tmp_path):
    names = ["caf\udce9", "e\u0301t\u00e9", "笑", "a b", "../x", "$"]
    utterances = Manifest(Utterance(id=name, path="a.wav", fingerprint=name.encode("utf-8", "replace").hex()) for name in names)
    making.fill(tmp_path / "s", utterances)
    for indexed in (True, False):
        opened = store.open_store(tmp_path / "s")
        assert isinstance(opened._source, IndexTables if indexed else ShardTables)
        assert opened.ids == names
        assert [opened.index(name) for name in names] == list(range(6))
        assert opened.index("\u00e9te\u0301") == 1
        (tmp_path / "s" / "index.h5").unlink(missing_ok=True)
    assert store.verify(tmp_path / "s").ok


def test_a_store_may_be_moved(making, filled, tmp_path):
    shutil.move(filled, tmp_path / "elsewhere")
    assert same([store.open_store(tmp_path / "elsewhere").read("luo2019/mfcc", index) for index in range(8)], expected(making))


def test_a_store_may_be_read_only(making, filled, monkeypatch):
    for file in making.all_files(filled):
        file.chmod(0o444)
    assert store.verify(filled).ok
    assert len(store.open_store(filled)) == 8


def test_reading_needs_no_hdf5(making, filled):
    code = "import sys; sys.modules['h5py'] = None; " + CHILD
    environment = os.environ | {"PYTHONPATH": str(Path(featurekit.__file__).parents[1])}
    data = pickle.dumps(store.open_store(filled))
    output = subprocess.run([sys.executable, "-c", code], input=data, env=environment, capture_output=True, check=True).stdout
    assert same(pickle.loads(output), expected(making))


def test_a_hash_that_is_not_asked_for_is_not_computed(filled, monkeypatch):
    monkeypatch.setattr(reader, "xxh64", None)
    assert store.open_store(filled, verify=False).read("mel256", 0).shape == (6, 5)


def test_splits_are_kept_and_found(filled):
    split = {"name": "official", "test": ["utt_001"]}
    digest = store.add_split(filled, split)
    assert store.add_split(filled, dict(reversed(split.items()))) == digest
    assert store.read_split(filled, digest) == split
    with pytest.raises(UnknownNameError, match="split"):
        store.read_split(filled, "0" * 64)
    (filled / "splits" / f"{digest}.json").write_text("{}")
    with pytest.raises(CorruptStoreError, match="not the split"):
        store.read_split(filled, digest)


def test_a_column_of_another_dtype_under_the_same_key_is_refused(making, filled):
    half = dataclasses.replace(making.FRAMES, dtype="f2")
    shards = making.contents(making.manifest())
    with pytest.raises(StoreError, match="as the head describes it"):
        store.publish_head(filled, making.manifest(), [making.group(shards, [half, making.VECTOR, making.IMAGE])])
