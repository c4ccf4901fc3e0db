import numpy as np
import pytest
from scipy import stats

from featurekit.errors import ParameterError
from featurekit.statistics import clustered_mcnemar


def test_three_and_more_speakers_by_hand():
    speakers = np.repeat(np.arange(6), 4)
    one, other = np.ones(24, dtype=bool), np.ones(24, dtype=bool)
    other[[0, 1, 4, 8, 12]] = False  # the first speakers: 2, 1, 1, 1 more hits of the first system
    one[20] = False  # the last speaker: one more of the second
    found = clustered_mcnemar(speakers, one, other)
    assert (found.only_one, found.only_other) == (5, 1)
    t = 4 / np.sqrt(4 + 1 + 1 + 1 + 1)
    assert found.p == pytest.approx(2 * stats.t.sf(t, 5))


def test_it_is_nearly_the_cluster_robust_regression_of_statsmodels():
    """Which takes each speaker's squares about the mean, not about 0: with a small mean that is no matter."""
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(3)
    speakers = np.repeat(np.arange(40), 25)
    one, other = rng.random((2, 1000)) < 0.6
    fit = sm.OLS(one.astype(float) - other, np.ones(1000)).fit(cov_type="cluster", cov_kwds={"groups": speakers}, use_t=True)
    assert clustered_mcnemar(speakers, one, other).p == pytest.approx(fit.pvalues[0], abs=0.02)


def test_equal_systems_and_few_speakers():
    right = np.array([True, False] * 5)
    assert clustered_mcnemar(np.arange(10), right, right).p == 1
    found = clustered_mcnemar(np.arange(10) % 3, right, ~right)
    assert np.isnan(found.p)
    assert found.note == "3 speakers are too few for a test over speakers, which needs 5"
    with pytest.raises(ParameterError, match="rows"):
        clustered_mcnemar(np.arange(9), right, right)


@pytest.mark.parametrize("n_speakers", [10, 40])
def test_systems_that_suit_speakers_differently_are_not_called_different_where_the_plain_test_calls_them_so(n_speakers):
    rng = np.random.default_rng(2)
    draws, size = 400, 60
    speakers = np.repeat(np.arange(n_speakers), size)
    clustered = plain = 0
    for _ in range(draws):
        one, other = (
            rng.random((n_speakers, size)) < np.clip(0.6 + rng.normal(0, 0.15, (n_speakers, 1)), 0, 1) for _ in range(2)
        )
        found = clustered_mcnemar(speakers, one.ravel(), other.ravel())
        clustered += found.p <= 0.05
        plain += stats.binomtest(found.only_one, found.only_one + found.only_other).pvalue <= 0.05
    assert clustered <= stats.binom.ppf(0.999, draws, 0.05)
    assert plain > 0.15 * draws
