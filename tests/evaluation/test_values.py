from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from featurekit import statistics
from featurekit.errors import ParameterError
from featurekit.evaluation import score_values


def predictions(n=90, outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        label = rng.uniform(-3, 3, outputs)
        guess = (0.6 * label + rng.normal(size=outputs)).tolist()
        person = {"speaker": f"s{i % 6}", "gender": "fm"[i % 2], "fold": f"f{i % 3}"}
        rows.append({"id": f"u{i}", **person, "label": label.tolist(), "predicted": guess})
    return rows


def columns(rows, k=0):
    return (np.array([row[key][k] for row in rows]) for key in ("label", "predicted"))


def test_errors_and_correlations_equal_scikit_learn_and_scipy():
    rows = predictions(outputs=2)
    result = score_values(rows, ["valence", "arousal"], scale=(1.0, 5.0))
    for k, name in enumerate(("valence", "arousal")):
        truth, predicted = columns(rows, k)
        found = result["per_output"][name]
        assert found["mae"] == pytest.approx(sk.mean_absolute_error(truth, predicted))
        assert found["correlation"] == pytest.approx(stats.pearsonr(truth, predicted).statistic)
    for metric in ("mae", "correlation", "ccc"):
        each = [found[metric] for found in result["per_output"].values()]
        assert result["pooled"][metric] == pytest.approx(np.mean(each))
    assert "accuracy7" not in result["pooled"]


def test_a_sentiment_score_gets_both_forms_of_acc2():
    rows = predictions()
    result = score_values(rows, ["score"], scale=(-3.0, 3.0))
    truth, predicted = columns(rows)
    assert result["pooled"]["has0_accuracy"] == pytest.approx(np.mean((truth >= 0) == (predicted >= 0)))
    assert {"has0_f1", "non0_accuracy", "non0_f1", "accuracy5", "accuracy7"} <= result["pooled"].keys()
    assert result["fold_mean"].keys() == result["fold_std"].keys() == result["pooled"].keys() - {"n"}
    assert result["intervals"].keys() == result["pooled"].keys() - {"n"} | {"level", "n_speakers", "method"}
    for name in ("mae", "ccc", "has0_accuracy"):
        low, high = result["intervals"][name]
        assert low < result["pooled"][name] < high


def test_each_rating_has_its_interval_on_its_own_scale():
    rows = predictions(n=400)
    for row in rows:
        row["predicted"] = [row["label"][0] * (0.999 if row["speaker"] != "s0" else 0.9)]
    found = score_values(rows, ["score"])["intervals"]
    truth, predicted = columns(rows)
    left_out = statistics.leave_one_out(lambda t, p: np.abs(t - p).mean(), [row["speaker"] for row in rows], truth, predicted)
    (expected,) = statistics.intervals(left_out, [statistics.ERROR])
    assert found["mae"] == pytest.approx(expected.borders)
    assert found["mae"][0] > 0  # on its own scale it would fall below
    assert -1 < found["ccc"][0] < found["ccc"][1] < 1
    exact = [{**row, "predicted": row["label"]} for row in rows]
    assert score_values(exact, ["score"])["intervals"]["notes"]["mae"] == "it is the same whichever speaker is left out"


def test_the_baseline_answers_the_training_mean():
    rows = predictions()
    result = score_values(rows, ["score"], scale=(-3.0, 3.0), training_means={fold: [1.0] for fold in ("f0", "f1", "f2")})
    truth, _ = columns(rows)
    assert result["constant"]["values"] == {"f0": [1.0], "f1": [1.0], "f2": [1.0]}
    assert result["constant"]["mae"] == pytest.approx(np.mean(np.abs(truth - 1)))
    assert result["constant"]["correlation"] is None
    assert result["constant"]["ccc"] == pytest.approx(0)
    assert score_values(rows, ["score"])["constant"]["values"]["f1"] == pytest.approx([truth.mean()])


def test_each_fold_is_answered_by_its_own_training_mean():
    rows = [{"id": str(i), "fold": str(i), "label": [float(i)], "predicted": [0.0]} for i in range(3)]
    means = {"0": [0.0], "1": [1.0], "2": [0.5]}
    assert score_values(rows, ["score"], training_means=means)["constant"]["mae"] == pytest.approx(0.5)


def test_the_result_is_json_and_groups_are_scored_apart():
    result = score_values(predictions(), ["score"])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["per_speaker"]["s1"]["n"] == 15
    assert set(result["per_gender"]) == {"f", "m"}
    assert list(result["folds"]) == ["f0", "f1", "f2"]


def test_rows_without_the_ratings_are_refused():
    rows = predictions(3)
    with pytest.raises(ParameterError, match="expected 2 numbers: valence, arousal"):
        score_values(rows, ["valence", "arousal"])
    with pytest.raises(ParameterError, match="there are no predictions"):
        score_values([], ["score"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "high", None])
@pytest.mark.parametrize("key", ["label", "predicted"])
def test_a_rating_is_a_finite_number(key, value):
    rows = predictions()
    rows[5][key] = [value]
    with pytest.raises(ParameterError, match=f"u5 has .* as its {key}; expected finite numbers"):
        score_values(rows, ["valence"])


def test_the_loss_of_ratings_is_the_mean_squared_error_by_gender_too():
    rows = [
        {"id": "a", "gender": "f", "speaker": "1", "label": [1.0], "predicted": [2.0]},
        {"id": "b", "gender": "m", "speaker": "2", "label": [1.0], "predicted": [4.0]},
    ]
    result = score_values(rows, ["valence"])
    assert result["pooled"]["loss"] == 5.0
    assert [result["per_gender"][name]["loss"] for name in "fm"] == [1.0, 9.0]
