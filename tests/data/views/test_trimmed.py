from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from featurekit.data import Dataset, Normaliser, TrimmedStore
from featurekit.data.views.trimmed import loud, on_clock


def test_the_ends_below_the_peak_are_silent_and_what_lies_inside_stays():
    level = np.array([0.001, 0.0999, 0.1, 0.0, 1.0, 0.2, 0.01, np.nan])
    assert loud(level, 20.0) == (2, 6)  # 20 dB below 1 is 0.1
    assert loud(level, 40.0) == (1, 7)
    assert loud(level[:, None], 60.0) == (0, 7)
    assert loud(np.array([np.inf, 0.5]), 20.0) == (1, 2)
    assert loud(np.zeros(4), 20.0) == (0, 4)
    assert loud(np.zeros(0), 20.0) == (0, 0)


def test_a_span_is_found_on_another_clock_by_time():
    clock, coarse = (SimpleNamespace(hop_s=hop, start_s=start) for hop, start in ((0.01, 0.0), (0.02, 0.01)))
    spans, lengths = np.array([[3, 9], [0, 2], [30, 40]]), np.array([20, 20, 20])
    np.testing.assert_array_equal(on_clock(spans, clock, clock, lengths), [[3, 9], [0, 2], [19, 20]])
    # Frames 3 to 8 lie from 0.03 to 0.08 s; 20 ms frames at 0.01, 0.03, … 0.09: the nearest are 1 and 3 or 4 (0.07, 0.09).
    assert on_clock(spans, clock, coarse, lengths)[0].tolist() in ([1, 4], [1, 5])


@pytest.fixture
def padded(store):
    """The same frames with silence before and after, and a level that says where; what was loud stays at its place."""
    levels, silence = [], (3, 5)
    for row, values in enumerate(store.values["x/c0"]):
        before, after = (row % silence[0], row % silence[1])
        level = np.concatenate([np.full(before, 1e-4), np.full(len(values), 0.5), np.full(after, 1e-4)])
        levels.append(level[:, None].astype(np.float32))
    whole = {name: [value.copy() for value in store.values[name]] for name in ("x/c0", "x/c1", "x/vector", "x/image")}
    for name in ("x/c0", "x/c1"):
        around = [(np.flatnonzero(level[:, 0] > 0.1), len(level)) for level in levels]
        store.values[name] = [
            np.pad(value, ((inside[0], n - 1 - inside[-1]), (0, 0)), constant_values=99.0)
            for value, (inside, n) in zip(whole[name], around, strict=True)
        ]
    store.columns["rms"] = replace(store.columns["x/c0"], name="rms", dims=1)
    store.values["rms"] = levels
    return store, whole


def test_a_trimmed_store_reads_as_if_there_had_been_no_silence(padded):
    store, whole = padded
    trimmed = TrimmedStore(store, 35.0, "rms")
    for name, values in whole.items():
        assert trimmed.lengths(name).tolist() == [len(value) for value in values]
        for row, value in enumerate(values):
            np.testing.assert_array_equal(trimmed.read(name, row), value)
    names = ["x/c0", "x/c1"]
    normaliser = Normaliser.fit(trimmed, names, store.ids)
    data = Dataset(trimmed, names, context=3, normaliser=normaliser)
    assert max(abs(frames).max() for sample in data for frames in sample.frames if len(frames)) < 10  # no 99
    np.testing.assert_array_equal(data[9].frames[1][:, :3], normaliser("x/c0", whole["x/c0"][9]))


def test_an_utterance_without_a_level_is_as_long_as_nothing(padded):
    store, _ = padded
    store.values["rms"][4] = None
    assert TrimmedStore(store, 35.0, "rms").spans("x/c0")[4].tolist() == [0, 1]  # usable_ids leaves it out by its status
