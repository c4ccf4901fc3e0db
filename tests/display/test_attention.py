from __future__ import annotations

import numpy as np
import pytest

from featurekit import display
from featurekit.display.attention import Word
from featurekit.errors import ManifestError, ParameterError
from featurekit.store import ColumnInfo

HEADS = ColumnInfo("r/attention/frames", "k", "frames", 2, ("head 1", "head 2"), hop_s=0.01, start_s=0.0, unit="share")
WINDOW = ColumnInfo("r/attention/context", "k", "vector", 3, ("before", "target", "after"), unit="share")


@pytest.fixture(autouse=True)
def matplotlib():
    return pytest.importorskip("matplotlib")


def test_a_word_weighs_the_mean_of_its_frames_and_of_all_heads():
    weights = np.zeros((100, 2))
    weights[20:40] = [0.02, 0.04]
    weights[60:80] = [0.0, 0.03]
    words = [Word(0.0, 0.2, "so"), Word(0.2, 0.4, "great"), Word(0.6, 0.8, "fun"), Word(0.301, 0.302, "a")]
    found = display.weigh_words(words, HEADS, weights)
    np.testing.assert_allclose([word.weight for word in found], [0.0, 0.03, 0.015, 0.03])
    assert [word.bin for word in found] == [1, 3, 2, 3]


def test_even_weights_are_all_in_the_lowest_bin():
    found = display.weigh_words([Word(0, 0.5, "a"), Word(0.5, 1, "b")], HEADS, np.full((100, 2), 0.01))
    assert [word.bin for word in found] == [1, 1]


def test_words_come_from_the_raw_label_and_a_broken_one_says_what_is_expected():
    assert display.aligned_words({"words": [[0, 0.5, "hi"]], "score": 1}) == [Word(0.0, 0.5, "hi")]
    assert display.aligned_words({"emotion": "sad"}) == []
    for wrong in ([[0, "hi"]], "hi there", [["a", "b", "c"]], 7):
        with pytest.raises(ManifestError, match="start_s, end_s, word"):
            display.aligned_words({"words": wrong})


def test_the_picture_holds_red_words_where_the_weight_is(tmp_path):
    from matplotlib.image import imread

    weights = np.full((100, 2), 0.001)
    weights[50:] = 0.02
    words = display.weigh_words([Word(0, 0.5, "pale"), Word(0.5, 1.0, "red")], HEADS, weights)
    window = np.array([[0.2, 0.7, 0.1]])
    path = display.write_attention(
        [(HEADS, weights), (WINDOW, window)], tmp_path / "p" / "a.png", title="t", end_s=1.0, words=words
    )
    pixels = imread(path)[..., :3]
    red = np.abs(pixels - np.array([200, 68, 42]) / 255).max(axis=-1) < 0.02
    places = np.argwhere(red)[:, 1] / pixels.shape[1]
    assert red.sum() > 1000
    assert places.min() > 0.4  # only the right half of the words


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="no attention"):
        display.write_attention([], tmp_path / "a.png", title="t", end_s=1.0)
