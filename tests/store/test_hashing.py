from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurekit.store.hashing import xxh64, xxh64_plain

# From the README of python-xxhash and of github.com/cespare/xxhash.
KNOWN = {
    b"": 0xEF46DB3751D8E999,
    b"a": 0xD24EC4F1A98C6E5B,
    b"abc": 0x44BC2CF5AD770999,
    b"xxhash": 0x32DD38952C4BC720,
    b"Nobody inspects the spammish repetition": 0xFBCEA83C8A378BF1,
}


@pytest.mark.parametrize("data", KNOWN)
def test_known_values(data):
    assert xxh64(np.frombuffer(data, np.uint8)) == xxh64_plain(data) == KNOWN[data]


@given(st.binary(max_size=200), st.integers(0, 7))
def test_the_kernel_equals_its_plain_twin_at_any_alignment(data, shift):
    array = np.frombuffer(b"x" * shift + data, np.uint8)[shift:]
    assert xxh64(array) == xxh64_plain(data)


def test_shape_and_dtype_do_not_matter_and_an_empty_array_has_a_checksum():
    array = np.arange(60, dtype=np.float32).reshape(5, 12)
    assert xxh64(array) == xxh64(array.view(np.uint8)) == xxh64_plain(array.tobytes())
    assert xxh64(np.zeros((0, 13), np.float32)) == KNOWN[b""]


def test_the_xxhash_package_agrees():
    xxhash = pytest.importorskip("xxhash")
    for size in (0, 3, 4, 31, 32, 33, 1000, 4097):
        data = np.random.default_rng(size).bytes(size)
        assert xxh64(np.frombuffer(data, np.uint8)) == xxhash.xxh64_intdigest(data)
