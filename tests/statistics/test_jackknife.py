import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from featurekit.errors import ParameterError
from featurekit.statistics import leave_one_out
from featurekit.statistics.jackknife import MOST_GROUPS


def test_three_speakers_by_hand():
    # Means 1, 2 and 6 of one utterance each: the mean is 3; without each 4, 3.5, 1.5.
    found = leave_one_out(np.mean, ["a", "b", "c"], [1.0, 2.0, 6.0])
    assert found.values == [3.0]
    assert found.without[:, 0].tolist() == [4.0, 3.5, 1.5]
    assert found.standard_errors[0] == pytest.approx(np.sqrt(2 / 3 * (1**2 + 0.5**2 + 1.5**2)))
    assert (found.speakers, found.n_speakers, found.freedom) == (("a", "b", "c"), 3, 2)


def test_of_one_utterance_each_it_is_the_standard_error_of_a_mean():
    x = np.random.default_rng(0).normal(size=40)
    assert leave_one_out(np.mean, np.arange(40), x).standard_errors[0] == pytest.approx(stats.sem(x))


def test_of_shares_of_hits_it_is_near_the_cluster_robust_one():
    rng = np.random.default_rng(1)
    speakers = np.repeat(np.arange(30), rng.integers(5, 40, 30))
    hit = rng.random(len(speakers)) < rng.beta(4, 2, 30)[speakers]
    n, hits = np.bincount(speakers), np.bincount(speakers, weights=hit)
    robust = np.sqrt(30 / 29 * np.sum((hits - hit.mean() * n) ** 2)) / n.sum()  # of a ratio of sums over speakers
    assert leave_one_out(np.mean, speakers, hit).standard_errors[0] == pytest.approx(robust, rel=0.05)


def test_several_figures_are_what_each_is_alone():
    rng = np.random.default_rng(2)
    speakers, x = np.repeat(np.arange(8), 10), rng.normal(size=80)
    both = leave_one_out(lambda x: (np.mean(x), np.std(x)), speakers, x)
    for place, figure in enumerate((np.mean, np.std)):
        alone = leave_one_out(figure, speakers, x)
        np.testing.assert_array_equal(both.without[:, place], alone.without[:, 0])


@given(st.integers(0, 2**32 - 1))
def test_neither_order_nor_names_nor_copies_of_speakers_matter(seed):
    rng = np.random.default_rng(seed)
    speakers, x = rng.integers(0, 6, 50), rng.normal(size=50)
    errors = leave_one_out(np.mean, speakers, x).standard_errors
    order = rng.permutation(50)
    np.testing.assert_allclose(leave_one_out(np.mean, speakers[order], x[order]).standard_errors, errors)
    np.testing.assert_allclose(leave_one_out(np.mean, [f"s{7 - who}" for who in speakers], x).standard_errors, errors)
    # A corpus whose every utterance is there twice has not more speakers.
    np.testing.assert_allclose(leave_one_out(np.mean, np.tile(speakers, 2), np.tile(x, 2)).standard_errors, errors)


def test_very_many_speakers_are_left_out_group_by_group():
    x = np.random.default_rng(3).normal(size=5000)
    found = leave_one_out(np.mean, np.arange(5000), x)
    assert (len(found.without), found.n_speakers) == (MOST_GROUPS, 5000)
    assert found.standard_errors[0] == pytest.approx(stats.sem(x), rel=0.05)


def test_arrays_of_other_lengths_are_refused():
    with pytest.raises(ParameterError, match=r"got 2 speakers for arrays of \[3\] rows"):
        leave_one_out(np.mean, ["a", "b"], [1, 2, 3])
