from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from featurekit import metrics
from featurekit.errors import ParameterError

LABELS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40)


@settings(max_examples=60)
@given(LABELS)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
def test_every_classification_metric_equals_scikit_learn(pairs):
    truth, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    assert metrics.accuracy(truth, predicted) == pytest.approx(sk.accuracy_score(truth, predicted))
    assert metrics.unweighted_accuracy(truth, predicted) == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
    assert metrics.macro_f1(truth, predicted) == pytest.approx(sk.f1_score(truth, predicted, average="macro", zero_division=0))
    assert metrics.weighted_f1(truth, predicted) == pytest.approx(
        sk.f1_score(truth, predicted, average="weighted", zero_division=0)
    )
    classes = list("abcd")
    expected = sk.confusion_matrix(truth, predicted, labels=classes)
    np.testing.assert_array_equal(metrics.confusion(truth, predicted, classes), expected)
    scores = sk.f1_score(truth, predicted, labels=classes, average=None, zero_division=0)
    np.testing.assert_allclose(metrics.f1(truth, predicted, classes), scores)
    assert metrics.macro_f1(truth, predicted, classes) == pytest.approx(scores.mean())


@settings(max_examples=60)
@given(LABELS)
def test_the_headline_of_a_confusion_matrix_is_what_the_single_functions_say(pairs):
    truth, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    for name, value in metrics.headline(metrics.confusion(truth, predicted, list("abcd"))).items():
        assert value == pytest.approx(getattr(metrics, name)(truth, predicted))


def test_the_headline_of_nothing_is_nan():
    assert np.isnan(list(metrics.headline(np.zeros((2, 2), int)).values())).all()


def test_numbers_and_names_of_classes_give_the_same_scores():
    truth, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    names = np.array(["x", "y", "z"])
    assert metrics.unweighted_accuracy(truth, predicted) == metrics.unweighted_accuracy(names[truth], names[predicted])
    np.testing.assert_array_equal(
        metrics.confusion(names[truth], names[predicted], ["z", "y", "x"])[::-1, ::-1], metrics.confusion(truth, predicted)
    )


def test_unweighted_accuracy_averages_only_classes_that_are_true_somewhere():
    assert metrics.unweighted_accuracy(["a", "a", "b", "b"], ["a", "c", "b", "b"]) == pytest.approx(0.75)


def test_a_lost_label_is_an_error_that_names_it():
    with pytest.raises(ParameterError, match="'d' is not one of the classes a, b"):
        metrics.confusion(["a"], ["d"], ["a", "b"])
    with pytest.raises(ParameterError, match="one length"):
        metrics.accuracy(["a"], ["a", "b"])


def test_error_and_correlation_follow_their_closed_forms():
    truth = np.array([-3.0, 0.0, 1.0, 2.5])
    assert metrics.mae(truth, truth + np.array([1, -1, 1, -1])) == 1.0
    assert metrics.correlation(truth, 2 - 3 * truth) == pytest.approx(-1.0)
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 50))
    assert metrics.correlation(left, right) == pytest.approx(np.corrcoef(left, right)[0, 1])
    assert np.isnan(metrics.correlation(truth, np.ones(4)))


def test_concordance_is_lins_coefficient():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=60)
    predicted = 0.5 * truth + rng.normal(size=60) + 0.3
    # Lin 1989: Pearson's correlation times the bias correction factor.
    r = stats.pearsonr(truth, predicted).statistic
    v, u = truth.std() / predicted.std(), (truth.mean() - predicted.mean()) / np.sqrt(truth.std() * predicted.std())
    assert metrics.concordance(truth, predicted) == pytest.approx(r * 2 / (v + 1 / v + u**2))
    assert metrics.correlation(truth, predicted) == pytest.approx(r)
    assert metrics.concordance(truth, truth) == pytest.approx(1)
    assert metrics.concordance(truth, truth + 1) < metrics.correlation(truth, truth + 1)
    assert metrics.concordance(truth, np.full(60, 0.1)) == pytest.approx(0)
    assert np.isnan(metrics.concordance([2.0, 2.0], [2.0, 2.0]))


def test_sentiment_scores_follow_mmsa_by_hand():
    truth = [-2.6, -0.4, 0.0, 0.2, 1.4, 3.0]
    predicted = [-1.2, 0.1, -0.3, 0.5, 1.5, 2.2]
    found = metrics.sentiment(truth, predicted)
    assert found["has0_accuracy"] == pytest.approx(4 / 6)  # -0.4 and 0 fall on the wrong side
    assert found["non0_accuracy"] == pytest.approx(4 / 5)  # 0 is left out
    assert found["accuracy7"] == pytest.approx(3 / 6)  # -3/-1, -0/0, 0/-0, 0/0 (0.5 rounds to even), 1/2, 3/2
    for name, keep in (("has0", [True] * 6), ("non0", [score != 0 for score in truth])):
        t, p = (np.array(side)[keep] for side in (truth, predicted))
        sides = (t >= 0, p >= 0) if name == "has0" else (t > 0, p > 0)
        assert found[f"{name}_f1"] == pytest.approx(sk.f1_score(*sides, average="weighted"))


def test_sentiment_scores_equal_mmsas_own_formulas():
    rng = np.random.default_rng(0)
    truth, predicted = rng.uniform(-3.5, 3.5, (2, 200)).round(1)
    found = metrics.sentiment(truth, predicted)
    for limit in (2, 3):
        left, right = np.round(np.clip(predicted, -limit, limit)), np.round(np.clip(truth, -limit, limit))
        assert found[f"accuracy{2 * limit + 1}"] == np.sum(left == right) / 200
    kept = np.array([i for i, value in enumerate(truth) if value != 0])
    assert found["non0_accuracy"] == sk.accuracy_score(truth[kept] > 0, predicted[kept] > 0)
    assert found["has0_accuracy"] == sk.accuracy_score(truth >= 0, predicted >= 0)
    assert np.isnan(metrics.sentiment([0.0], [1.0])["non0_accuracy"])


def test_calibration_by_hand():
    found = metrics.calibration([0.95, 0.92, 0.55, 0.51, 1.0], [1, 0, 1, 1, 1], n_bins=2)
    assert found["bins"] == [{"above": 0.5, "n": 5, "confidence": pytest.approx(0.786), "accuracy": 0.8}]
    assert found["ece"] == pytest.approx(0.014)
    assert metrics.calibration([0.5, 0.8], [1, 1], n_bins=2)["ece"] == pytest.approx(
        0.5 * 0.5 + 0.5 * 0.2
    )  # 0.5 is in (0, 0.5]
    assert np.isnan(metrics.calibration([], [])["ece"])


def test_confidences_that_are_true_are_calibrated():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 200_000)
    assert metrics.calibration(confidence, rng.uniform(size=200_000) < confidence)["ece"] < 0.005


def test_what_is_not_defined_is_nan_and_not_zero():
    assert np.isnan(metrics.accuracy([], []))
    assert np.isnan(metrics.unweighted_accuracy([], []))
    assert np.isnan(metrics.macro_f1([], []))
    assert np.isnan(metrics.mae([], []))


def test_a_part_of_a_whole_is_scored_over_the_classes_of_the_whole():
    whole = np.array([[2, 0, 1], [1, 1, 0], [0, 0, 0]])  # the third class is guessed only
    part = np.array([[2, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert metrics.headline(part)["macro_f1"] == 1
    assert metrics.headline(part, whole=whole)["macro_f1"] == pytest.approx(2 / 3)
    assert metrics.headline(whole, whole=whole) == metrics.headline(whole)
    lacking = metrics.headline(np.array([[2, 0, 0], [0, 0, 0], [0, 0, 0]]), whole=whole)
    assert np.isnan([lacking["unweighted_accuracy"], lacking["macro_f1"]]).all()
    assert lacking["accuracy"] == lacking["weighted_f1"] == 1


def test_rounding_leads_no_correlation_out_of_its_range():
    rng = np.random.default_rng(0)
    values = [rng.normal(size=32) for _ in range(200)]
    found = [metrics.correlation(one, sign * one + 1) for one in values for sign in (-1, 1)]
    assert max(map(abs, found)) <= 1
    assert max(abs(np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))) for a, b in _centred(values)) > 1


def _centred(values):
    for one in values:
        moved = one + 1
        yield one - one.mean(), moved - moved.mean()
