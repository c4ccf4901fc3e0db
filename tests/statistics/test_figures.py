import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn_metrics

from featurekit import metrics
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.statistics import FIGURES, get_figure, tally

CLASSES = ("ua", "wa", "macro_f1")


def value(name, truth, predicted, n_classes=0):
    return get_figure(name).value(get_figure(name).sums(np.array(truth), np.array(predicted), n_classes).sum(axis=0))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 60))
def test_figures_of_classes_are_scikit_learns_and_the_metrics_of_this_package(seed, n_classes, n):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, n_classes, (2, n))
    counts = metrics.confusion(truth, predicted)
    expected = metrics.headline(counts)
    assert value("ua", truth, predicted, n_classes) == pytest.approx(expected["unweighted_accuracy"])
    assert value("wa", truth, predicted, n_classes) == pytest.approx(expected["accuracy"])
    assert value("macro_f1", truth, predicted, n_classes) == pytest.approx(expected["macro_f1"])
    f1 = sklearn_metrics.f1_score(truth, predicted, average="macro", zero_division=0)
    assert value("macro_f1", truth, predicted, n_classes) == pytest.approx(f1)
    recalls = sklearn_metrics.recall_score(truth, predicted, average=None, labels=range(n_classes), zero_division=np.nan)
    for number in range(n_classes):
        assert value(f"recall[{number}]", truth, predicted, n_classes) == pytest.approx(recalls[number], nan_ok=True)


def test_figures_of_ratings_are_those_of_scipy_and_of_this_package():
    rng = np.random.default_rng(1)
    truth = rng.normal(1000, 1, 50)  # far from 0, where sums of squares lose digits
    predicted = truth + rng.normal(0.5, 1, 50)
    assert value("mae", truth, predicted) == pytest.approx(np.abs(truth - predicted).mean())
    assert value("pearson", truth, predicted) == pytest.approx(stats.pearsonr(truth, predicted).statistic)
    above = 2 * np.cov(truth, predicted, bias=True)[0, 1]
    assert value("ccc", truth, predicted) == pytest.approx(
        above / (truth.var() + predicted.var() + 0.25 * (2 * (truth.mean() - predicted.mean())) ** 2)
    )


def test_a_constant_prediction_has_no_correlation():
    truth = np.arange(6.0)
    assert np.isnan(value("pearson", truth, np.full(6, 0.1)))
    assert value("ccc", truth, np.full(6, 0.1)) == 0


@pytest.mark.parametrize("name", ["ua", "wa", "mae", "recall[1]"])
def test_weights_give_the_figure_of_any_prediction_of_the_same_truth(name):
    rng = np.random.default_rng(2)
    truth = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])  # the fourth class never comes
    figure = get_figure(name)
    for predicted in rng.integers(0, 4, (5, 9)):
        sums = figure.sums(truth, predicted, 4).sum(axis=0)
        assert sums @ figure.weights(sums) == pytest.approx(figure.value(sums))


def test_a_class_that_goes_with_its_only_speaker_leaves_no_figure():
    speakers, truth = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2])
    for name in ("ua", "macro_f1"):
        without = tally(get_figure(name), speakers, truth, truth, n_classes=3).without_each
        assert without[:2].ravel().tolist() == [1, 1]
        assert np.isnan(without[2])
    assert tally(get_figure("wa"), speakers, truth, truth, n_classes=3).without_each.ravel().tolist() == [1, 1, 1]


def test_what_is_no_figure_is_named():
    with pytest.raises(UnknownNameError, match="ua"):
        get_figure("uar2")
    with pytest.raises(UnknownNameError):
        get_figure("recall[x]")
    assert all(get_figure(name) is FIGURES[name] for name in FIGURES)


def test_class_numbers_that_are_none_are_refused():
    for name in CLASSES:
        with pytest.raises(ParameterError, match="there are 2 classes"):
            value(name, [0, 1], [0, 2], 2)
        with pytest.raises(ParameterError, match="there are 2 classes"):
            value(name, [-1, 1], [0, 1], 2)
