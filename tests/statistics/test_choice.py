import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.statistics import get_figure, judge_choice, tally


def test_the_best_of_many_equal_points_is_lucky_by_what_is_said():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    predicted = np.where(rng.random((30, 400)) < 0.6, truth, 1 - truth)
    found = judge_choice(tally(get_figure("wa"), np.arange(400) % 20, truth, predicted, n_classes=2), 3)
    shares = (predicted == truth).mean(axis=1)
    assert (found.best, found.value, found.n_points) == (shares.argmax(), shares[3], 30)
    assert found.optimism == pytest.approx(shares.max() - shares[3])
    assert found.chances.sum() == pytest.approx(1)
    assert found.chances[found.best] < 0.9


def test_of_errors_the_lowest_is_best():
    truth = np.zeros(12)
    tallies = tally(get_figure("mae"), np.arange(12) % 6, truth, [truth + 0.5, truth + 0.2, truth + 0.2])
    found = judge_choice(tallies, 0)
    assert (found.best, found.optimism) == (1, pytest.approx(0.3))
    assert found.chances.tolist() == [0, 0.5, 0.5]  # equal points share it


def test_a_point_that_is_none_is_refused():
    tallies = tally(get_figure("wa"), np.arange(6), np.zeros(6, dtype=int), np.zeros(6, dtype=int), n_classes=1)
    with pytest.raises(ParameterError, match="point 2 is none of 1"):
        judge_choice(tallies, 2)
