import numpy as np
import pytest

from featurekit import metrics
from featurekit.errors import ParameterError
from featurekit.statistics import against, all_pairs, get_figure, leave_one_out, tally


def drawn(seed=0, n_speakers=7, n_classes=3, n=120, n_systems=3):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    predicted = np.where(rng.random((n_systems, n)) < 0.5, truth, rng.integers(0, n_classes, (n_systems, n)))
    return rng.integers(0, n_speakers, n), truth, predicted


def test_figures_without_each_speaker_are_those_computed_anew():
    speakers, truth, predicted = drawn()
    for name, figure in (("ua", metrics.unweighted_accuracy), ("macro_f1", metrics.macro_f1)):
        found = tally(get_figure(name), speakers, truth, predicted, n_classes=3).left_out()
        for system, said in enumerate(predicted):
            expected = leave_one_out(figure, speakers, truth, said)
            assert found.values[system] == pytest.approx(expected.values[0])
            assert found.without[:, system] == pytest.approx(expected.without[:, 0])
        assert (found.speakers, found.n_speakers) == (expected.speakers, 7)


def test_a_difference_leaves_the_same_speaker_out_of_both():
    speakers, truth, predicted = drawn()
    tallies = tally(get_figure("ua"), speakers, truth, predicted, n_classes=3)
    found = tallies.differences([(2, 0)])
    alone = tallies.left_out()
    assert found.values.tolist() == [alone.values[2] - alone.values[0]]
    assert found.without[:, 0].tolist() == (alone.without[:, 2] - alone.without[:, 0]).tolist()


def test_the_order_and_the_names_of_speakers_change_nothing():
    speakers, truth, predicted = drawn()
    order = np.random.default_rng(3).permutation(len(truth))
    named = np.array([f"speaker {9 - number}" for number in speakers])
    one = tally(get_figure("ua"), speakers, truth, predicted, n_classes=3)
    other = tally(get_figure("ua"), named[order], truth[order], predicted[:, order], n_classes=3)
    assert one.values == pytest.approx(other.values)
    assert one.left_out().standard_errors == pytest.approx(other.left_out().standard_errors)


def test_very_many_speakers_are_left_out_in_groups_as_elsewhere():
    rng = np.random.default_rng(0)
    speakers, truth, predicted = np.arange(2500), rng.integers(0, 2, 2500), rng.integers(0, 2, 2500)
    found = tally(get_figure("wa"), speakers, truth, predicted, n_classes=2).left_out()
    expected = leave_one_out(metrics.accuracy, speakers, truth, predicted)
    assert found.without == pytest.approx(expected.without)
    assert found.n_speakers == 2500


def test_sums_of_seeds_are_averaged():
    speakers, truth, predicted = drawn(n_systems=4)
    tallies = tally(get_figure("wa"), speakers, truth, predicted, n_classes=3)
    averaged = tallies.mean_over([[0, 1], [2, 3]])
    assert averaged.values == pytest.approx(tallies.values.reshape(2, 2).mean(axis=1))


def test_pairs():
    assert against(1, 3) == [(0, 1), (2, 1)]
    assert len(all_pairs(5)) == 10


def test_what_does_not_fit_is_refused():
    speakers, truth, predicted = drawn()
    with pytest.raises(ParameterError, match="rows"):
        tally(get_figure("ua"), speakers[1:], truth, predicted, n_classes=3)
    with pytest.raises(ParameterError, match="no system"):
        tally(get_figure("ua"), speakers, truth, np.empty((0, 120), dtype=int), n_classes=3)
    tallies = tally(get_figure("ua"), speakers, truth, predicted, n_classes=3)
    with pytest.raises(ParameterError, match="no pair"):
        tallies.differences([])
    with pytest.raises(ParameterError, match="system 3"):
        tallies.differences([(3, 0)])
