from __future__ import annotations

import numpy as np
import pytest

from featurekit.data import Normaliser
from featurekit.data.layout import Layout
from featurekit.data.stacked import Stacked
from featurekit.errors import ParameterError


def stacked(store, names, **how):
    return Stacked(store, Layout.of(store.columns, names), **how)


def test_frames_lie_as_the_layout_says_normalised_and_cut(store):
    names = ["x/c1", "x/c0"]
    expected = np.concatenate([store.values[name][4] for name in names], axis=1)
    np.testing.assert_array_equal(stacked(store, names).frames(4), expected)
    np.testing.assert_array_equal(stacked(store, names, n_frames=3).frames(4), expected[:3])
    normaliser = Normaliser.fit(store, names, store.ids)
    wanted = np.concatenate([normaliser(name, store.values[name][4]) for name in names], axis=1)
    np.testing.assert_array_equal(stacked(store, names, normaliser=normaliser).frames(4), wanted)


def test_an_image_is_between_0_and_1_or_normalised(store):
    raw = store.values["x/image"][2]
    np.testing.assert_array_equal(stacked(store, ["x/image"]).image(2), (raw / 255).astype(np.float32))
    normaliser = Normaliser.fit(store, ["x/image"], store.ids)
    one = stacked(store, ["x/image"], normaliser=normaliser)
    np.testing.assert_array_equal(one.image(2), normaliser("x/image", raw))
    np.testing.assert_array_equal(one.levels[one.stored_image(2)], one.image(2))


def test_lengths_and_bytes_are_those_of_what_is_read(store):
    lengths = np.array([len(values) for values in store.values["x/c0"]])
    one = stacked(store, ["x/c0", "x/c1", "x/image"], n_frames=9)
    assert one.lengths.tolist() == np.minimum(lengths, 9).tolist()
    rows = np.array([0, 3])
    assert one.nbytes(rows) == np.minimum(lengths, 9)[rows].sum() * 5 * 4 + 2 * 6 * 8
    assert stacked(store, ["x/image"]).lengths.tolist() == [0] * len(lengths)


def test_different_frame_counts_are_refused_with_the_utterance(store):
    store.values["x/c1"][5] = store.values["x/c1"][5][:-1]
    with pytest.raises(ParameterError, match="s0_5 has"):
        stacked(store, ["x/c0", "x/c1"]).check_lengths(np.arange(8))
