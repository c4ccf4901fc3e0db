from __future__ import annotations

import hashlib
import json

import pytest

from featurekit import store
from featurekit.errors import ParameterError, StoreError
from featurekit.store.schema import Head, check_names, decode_id, encode_id


def test_a_head_comes_back_from_json_as_it_was(making):
    group = store.GroupInfo(making.COLUMNS, ("0" * 64,), {"modulus": 8})
    head = Head(3, "mosi", "f" * 64, (group,), "0.1.0")
    assert Head.from_dict(json.loads(json.dumps(head.to_dict()))) == head


def test_settings_with_tuples_compare_equal_after_a_round_trip(making):
    column = making.column(settings={"bands": (1, 2)})
    assert store.ColumnInfo.from_dict(json.loads(json.dumps(column.to_dict()))) == column


def test_the_digest_of_a_head_is_about_its_content_only(making):
    group = store.GroupInfo(making.COLUMNS, ("0" * 64,))
    assert Head(1, "a", "f" * 64, (group,), "0.1").digest == Head(2, "a", "f" * 64, (group,), "0.2").digest
    assert Head(1, "a", "f" * 64, (group,)).digest != Head(1, "b", "f" * 64, (group,)).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "ragged"},
        {"dtype": "f8"},
        {"dims": 0},
        {"dim_names": ("one",)},
        {"image_shape": (3, 3)},
        {"kind": "image"},
        {"hop_s": None},
        {"hop_s": 0.0},
    ],
)
def test_a_column_that_the_format_cannot_hold_is_refused(making, changes):
    with pytest.raises(ParameterError, match="column mfcc"):
        making.column(**changes)


@pytest.mark.parametrize("name", ["", "/", "a//b", "../x", "a/./b", "a\0b", "/a"])
def test_a_name_that_leads_elsewhere_in_the_file_is_refused(making, name):
    with pytest.raises(ParameterError, match="cannot name a column"):
        making.column(name)


def test_a_column_may_not_be_the_folder_of_another():
    with pytest.raises(StoreError, match="stands in the way"):
        check_names(["a", "a/b"])
    with pytest.raises(StoreError, match="twice"):
        check_names(["a", "a"])


def test_a_head_cannot_name_files_outside_the_store():
    with pytest.raises(ParameterError, match="64 hexadecimal"):
        store.GroupInfo((), ("../../../etc/passwd",))
    with pytest.raises(ParameterError, match="64 hexadecimal"):
        Head(1, "a", "../secret", ())


def test_the_key_of_a_shard_depends_on_columns_ids_order_and_fingerprints_only():
    pairs = [("one", "f1"), ("two", "f2")]
    key = store.shard_key(["a", "b"], pairs)
    assert key == store.shard_key(("b", "a"), iter(pairs))
    assert len({key, store.shard_key(["a"], pairs), store.shard_key(["a", "b"], pairs[::-1])}) == 3
    assert key != store.shard_key(["a", "b"], [("one", "f1"), ("two", "f3")])


def test_the_key_of_a_shard_is_the_sha256_of_one_line_of_json():
    expected = hashlib.sha256(b'[["a","b"],[["one","f1"]]]').hexdigest()
    assert store.shard_key(["b", "a"], [("one", "f1")]) == expected


def test_ids_are_nfc_on_disk_and_keep_bytes_that_were_never_text():
    assert encode_id("e\u0301") == encode_id("\u00e9") == b"\xc3\xa9"
    assert decode_id(encode_id("caf\udce9")) == "caf\udce9"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 2000, "\ud800"])
def test_an_id_that_a_fixed_text_cannot_hold_is_refused(name):
    with pytest.raises(StoreError, match="utterance id"):
        encode_id(name)


def test_what_a_run_wrote_says_so_and_a_feature_of_audio_keeps_the_form_it_always_had():
    feature = store.ColumnInfo("rms", "k", "vector", 1)
    assert not {"of_run", "trained_on"} & feature.to_dict().keys()  # else every digest of every head would change
    learnt = store.ColumnInfo("r/embedding", "k", "vector", 1, of_run="r", trained_on=("a", "b"))
    head = Head(1, "demo", "0" * 64, (store.GroupInfo((learnt,), ("1" * 64,)),))
    again = Head.from_dict(json.loads(json.dumps(head.to_dict())))
    assert again == head
    assert again.columns["r/embedding"].trained_on == ("a", "b")
    assert again.digest == head.digest != Head(1, "demo", "0" * 64, (store.GroupInfo((feature,), ("1" * 64,)),)).digest
