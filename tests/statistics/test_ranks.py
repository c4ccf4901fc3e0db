import numpy as np
import pytest
from scipy import stats

from featurekit.errors import ParameterError
from featurekit.statistics import rank_over_corpora

posthocs = pytest.importorskip("scikit_posthocs")


def test_ranks_are_scipys_and_scikit_posthocs():
    figures = np.random.default_rng(0).normal(0, 1, (7, 4)) + np.arange(4) * 0.7
    found = rank_over_corpora(figures)
    assert found.mean_ranks == pytest.approx(stats.rankdata(-figures, axis=1).mean(axis=0))
    assert found.p == pytest.approx(stats.friedmanchisquare(*figures.T).pvalue)
    assert found.p_pairs == pytest.approx(posthocs.posthoc_nemenyi_friedman(figures).to_numpy(), abs=1e-4)


def test_ties_share_ranks_as_in_scipy():
    figures = np.round(np.random.default_rng(1).normal(0, 1, (6, 3)))
    assert rank_over_corpora(figures).p == pytest.approx(stats.friedmanchisquare(*figures.T).pvalue)
    assert rank_over_corpora(np.ones((5, 3))).p == 1


def test_the_critical_difference_is_demsars():
    # Demšar 2006, Table 5: q(0.05) = 2.569 for four systems.
    found = rank_over_corpora(np.random.default_rng(2).normal(0, 1, (14, 4)))
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), rel=1e-3)


def test_of_errors_the_lowest_is_first():
    errors = np.tile([0.1, 0.2, 0.3], (5, 1))
    assert rank_over_corpora(errors, higher_is_better=False).mean_ranks.tolist() == [1, 2, 3]


def test_four_corpora_are_too_few():
    with pytest.raises(ParameterError, match="4 corpora and 3 systems are too few"):
        rank_over_corpora(np.ones((4, 3)))
    with pytest.raises(ParameterError, match="finite"):
        rank_over_corpora(np.full((5, 3), np.nan))
