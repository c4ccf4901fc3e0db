import numpy as np
import pytest
from scipy import stats

from featurekit.errors import ParameterError
from featurekit.statistics import smallest_difference, speakers_needed


def test_the_smallest_difference_is_found_as_often_as_promised():
    rng = np.random.default_rng(0)
    n_speakers, draws = 12, 4000
    true = smallest_difference(1 / np.sqrt(n_speakers), n_speakers)  # speakers' differences have a deviation of 1
    found = stats.ttest_1samp(rng.normal(true, 1, (draws, n_speakers)), 0, axis=1).pvalue <= 0.05
    assert 0.77 <= found.mean() <= 0.83


def test_so_many_speakers_are_needed_and_not_one_fewer():
    needed = speakers_needed(0.03, 0.02, 10)

    def error(n):
        return 0.02 * np.sqrt(10 / n)

    assert smallest_difference(error(needed), needed) <= 0.03 < smallest_difference(error(needed - 1), needed - 1)
    assert speakers_needed(-0.03, 0.02, 10) == needed
    assert speakers_needed(5, 0.02, 10) == 5


def test_what_has_no_answer_is_refused():
    with pytest.raises(ParameterError, match="4 speakers"):
        smallest_difference(0.02, 4)
    with pytest.raises(ParameterError, match="power"):
        smallest_difference(0.02, 10, power=1)
    for difference in (0.0, 1e-12, float("nan")):
        with pytest.raises(ParameterError, match="no number of speakers"):
            speakers_needed(difference, 0.02, 10)
