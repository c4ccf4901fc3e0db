import numpy as np
import pytest
from scipy import stats

from featurekit.errors import ParameterError
from featurekit.statistics import bootstrap_interval


def test_the_interval_of_independent_utterances_matches_the_normal_one():
    right = np.arange(400) % 4 != 0
    found = bootstrap_interval(np.mean, np.arange(400), right, n_resamples=2000)
    half = stats.norm.ppf(0.975) * np.sqrt(0.75 * 0.25 / 400)
    assert found.borders == pytest.approx((0.75 - half, 0.75 + half), abs=0.01)
    assert found.note == "percentiles of 2000 resamples of speakers, too narrow for few"


def test_the_interval_is_seeded_and_a_median_has_one():
    x = np.random.default_rng(0).normal(size=60)
    speakers = np.repeat(np.arange(6), 10)
    first = bootstrap_interval(np.median, speakers, x, seed=3)
    assert first == bootstrap_interval(np.median, speakers, x, seed=3)
    assert first != bootstrap_interval(np.median, speakers, x, seed=4)
    assert first.borders[0] < np.median(x) < first.borders[1]


def test_of_independent_utterances_it_comes_near_that_of_confidence_intervals():
    """Its conditions are no oracle: beside speakers it draws each speaker's utterances, too."""
    oracle = pytest.importorskip("confidence_intervals")
    right = np.random.default_rng(1).random(600) < 0.7
    np.random.seed(0)  # noqa: NPY002 - the oracle draws from here
    _, expected = oracle.evaluate_with_conf_int(right, np.mean, num_bootstraps=2000, alpha=5)
    found = bootstrap_interval(np.mean, np.arange(600), right, n_resamples=2000)
    assert found.borders == pytest.approx(expected, abs=0.006)


def test_without_enough_speakers_or_a_figure_there_is_none():
    assert "4 speakers are too few" in bootstrap_interval(np.median, [1, 2, 3, 4], [0, 1, 2, 3]).note
    assert bootstrap_interval(lambda x: float("nan"), range(5), range(5)).note == "it is not defined"
    with pytest.raises(ParameterError, match="level is 0"):
        bootstrap_interval(np.median, range(5), range(5), level=0)
