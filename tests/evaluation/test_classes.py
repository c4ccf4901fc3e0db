from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from featurekit import metrics
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.evaluation import score
from featurekit.statistics import SHARE, intervals, leave_one_out


def predictions(n=90, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array(["angry", "calm", "sad"])
    rows = []
    for i in range(n):
        label = rng.integers(3)
        predicted = label if rng.random() < 0.6 else rng.integers(3)
        rows.append(
            {
                "id": f"u{i}", "speaker": f"s{i % 6}", "gender": "fm"[i % 2], "fold": f"f{i % 3}",
                "label": str(names[label]), "predicted": str(names[predicted]), "probabilities": [0.2, 0.3, 0.5],
            }
        )  # fmt: skip
    return rows


def test_pooled_and_fold_metrics_equal_scikit_learns():
    rows = predictions()
    result = score(rows)
    truth, predicted = [row["label"] for row in rows], [row["predicted"] for row in rows]
    assert result["n"] == 90
    assert result["pooled"]["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted))
    assert result["pooled"]["unweighted_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
    assert result["pooled"]["macro_f1"] == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    assert result["confusion"] == sk.confusion_matrix(truth, predicted).tolist()
    recalls = sk.recall_score(truth, predicted, average=None)
    np.testing.assert_allclose([entry["recall"] for entry in result["per_class"].values()], recalls)
    folds = [
        sk.balanced_accuracy_score(*([row[key] for row in rows if row["fold"] == fold] for key in ("label", "predicted")))
        for fold in ("f0", "f1", "f2")
    ]
    np.testing.assert_allclose([fold["unweighted_accuracy"] for fold in result["folds"].values()], folds)
    assert result["fold_mean"]["unweighted_accuracy"] == pytest.approx(np.mean(folds))
    assert result["fold_std"]["unweighted_accuracy"] == pytest.approx(np.std(folds, ddof=1))


def test_speakers_and_genders_are_scored_apart_and_unknown_genders_left_out():
    rows = predictions()
    rows[0]["gender"] = ""
    result = score(rows)
    assert set(result["per_speaker"]) == {f"s{i}" for i in range(6)}
    assert result["per_speaker"]["s1"]["n"] == 15
    assert set(result["per_gender"]) == {"f", "m"}
    assert result["per_gender"]["f"]["n"] == 44


def test_unknown_speakers_are_no_speakers():
    rows = predictions()
    for row in rows:
        if row["speaker"] in ("s4", "s5"):
            row["speaker"] = ""
    result = score(rows)
    assert set(result["per_speaker"]) == {f"s{i}" for i in range(4)}
    assert result["intervals"]["n_speakers"] == 4
    assert result["intervals"]["why"].startswith("4 speakers are too few")


def test_the_interval_leaves_out_a_speaker_at_a_time_and_needs_no_seed():
    rows = predictions()
    result = score(rows)
    low, high = result["intervals"]["unweighted_accuracy"]
    assert low < result["pooled"]["unweighted_accuracy"] < high
    assert result["intervals"]["n_speakers"] == 6
    assert result["intervals"]["method"] == "one speaker left out at a time, t with 5 degrees of freedom"
    assert "notes" not in result["intervals"]
    assert score(rows[::-1])["intervals"]["accuracy"] == pytest.approx(result["intervals"]["accuracy"])


def test_a_class_that_one_speaker_alone_has_leaves_the_means_over_classes_without_an_interval():
    rows = predictions()
    rows[0]["label"] = "bored"
    found = score(rows)["intervals"]
    assert found["unweighted_accuracy"] is None
    assert found["macro_f1"] is None
    assert found["notes"] == dict.fromkeys(("unweighted_accuracy", "macro_f1"), "speaker s0 alone has bored")
    assert found["accuracy"][0] < found["accuracy"][1]


def test_a_class_that_is_only_guessed_counts_in_macro_f1_whoever_is_left_out():
    rows = predictions()
    rows[0]["predicted"] = "bored"  # s0 alone is called so; without s0 the mean would else run over a class less
    truth, predicted, speakers = (np.array([row[key] for row in rows]) for key in ("label", "predicted", "speaker"))
    names = ["angry", "bored", "calm", "sad"]
    found = leave_one_out(lambda t, p: metrics.macro_f1(t, p, names), speakers, truth, predicted)
    (expected,) = intervals(found, [SHARE])
    assert score(rows)["intervals"]["macro_f1"] == pytest.approx(expected.borders)


def test_a_perfect_result_has_the_interval_of_the_number_of_speakers_and_says_so():
    rows = [{**row, "predicted": row["label"]} for row in predictions()]
    found = score(rows)["intervals"]
    assert found["accuracy"] == pytest.approx([0.025 ** (1 / 6), 1])
    assert found["notes"]["accuracy"] == "the same in all 6 speakers: Clopper and Pearson's interval of their number"


def test_always_one_answer_has_the_same_mean_recall_for_any_speakers_and_says_so():
    rows = [{**row, "predicted": "sad"} for row in predictions()]
    found = score(rows)["intervals"]
    assert found["unweighted_accuracy"] == pytest.approx([1 / 3, 1 / 3])
    assert found["notes"] == {"unweighted_accuracy": "it is the same whichever speaker is left out"}


def test_the_majority_is_taken_from_training_where_it_is_known():
    rows = predictions()
    counts = {fold: {"sad": 2, "calm": 1} for fold in ("f0", "f1", "f2")}
    found = score(rows, training_counts=counts)["majority"]
    assert found["class"] == dict.fromkeys(("f0", "f1", "f2"), "sad")
    assert found["accuracy"] == pytest.approx(np.mean([row["label"] == "sad" for row in rows]))
    counts = {name: sum(row["label"] == name for row in rows) for name in ("angry", "calm", "sad")}
    assert score(rows)["majority"]["accuracy"] == pytest.approx(max(counts.values()) / 90)


def test_each_fold_is_answered_by_the_majority_of_its_own_training_part():
    rows = [{"id": name, "fold": fold, "label": label, "predicted": "x"} for name, fold, label in ("a1x", "b1x", "c2y", "d2x")]
    found = score(rows, ["x", "y"], training_counts={"1": {"x": 3, "y": 5}, "2": {"x": 2, "y": 2}})["majority"]
    # y, y and of equals x, x: only d is right. All training labels together, or those of another fold, would say otherwise.
    assert found == {"class": {"1": "y", "2": "x"}, "accuracy": 0.25, "unweighted_accuracy": pytest.approx((1 / 3 + 0) / 2)}


def test_what_is_no_probability_has_no_calibration_and_says_why():
    rows = [{**row, "scores": row["probabilities"], "order_by": "won comparisons"} for row in predictions()]
    found = score([{k: v for k, v in row.items() if k != "probabilities"} for row in rows])["calibration"]
    assert found == {"ece": None, "why": "the model orders classes by won comparisons: not a probability"}


def test_the_result_is_json_and_what_is_not_defined_is_none():
    rows = [{"id": "a", "label": "x", "predicted": "x"}, {"id": "b", "label": "x", "predicted": "y"}]
    result = score(rows, ["x", "y", "z"])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["per_class"]["z"]["recall"] is None
    assert result["fold_std"]["accuracy"] is None
    assert result["confusion"] == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_a_perfect_fold_that_lacks_a_class_loses_nothing():
    rows = [{"id": i, "fold": "1" if i < 3 else "2", "label": c, "predicted": c} for i, c in enumerate("aabbcc")]
    assert {fold["macro_f1"] for fold in score(rows)["folds"].values()} == {1.0}


def test_predictions_that_cannot_be_scored_are_refused():
    row = {"id": "a", "label": "x", "predicted": "x"}
    with pytest.raises(ParameterError, match="no predictions"):
        score([])
    with pytest.raises(ParameterError, match="lacks predicted"):
        score([{"id": "a", "label": "x"}])
    with pytest.raises(ParameterError, match="a is predicted twice in fold 0"):
        score([row, row])
    with pytest.raises(ParameterError, match="'x' is not one of the classes y, z"):
        score([row], ["y", "z"])
    assert score([{**row, "fold": "1"}, {**row, "fold": "2"}])["n"] == 2


def test_every_headline_metric_has_an_interval_of_its_own():
    rows = predictions()
    result = score(rows)
    speakers = np.array([row["speaker"] for row in rows])
    truth, predicted = (np.array([row[key] for row in rows]) for key in ("label", "predicted"))
    for name in ("accuracy", "unweighted_accuracy", "macro_f1", "weighted_f1"):
        (alone,) = intervals(leave_one_out(getattr(metrics, name), speakers, truth, predicted), [SHARE])
        assert result["intervals"][name] == pytest.approx(alone.borders, abs=1e-12)


def test_the_calibration_is_that_of_the_likeliest_class():
    rows = predictions()
    for row in rows:
        row["probabilities"] = [0.7 if name == row["predicted"] else 0.15 for name in ("angry", "calm", "sad")]
    result = score(rows)
    assert result["calibration"]["ece"] == pytest.approx(abs(0.7 - result["pooled"]["accuracy"]))
    assert score([{**row, "probabilities": None} for row in rows])["calibration"] is None


def test_what_people_reach_is_carried_along():
    human = {"n": 12, "accuracy": 0.8, "unweighted_accuracy": 0.7}
    assert score(predictions(), human=human)["human"] == human
    assert score(predictions())["human"] is None


def test_precision_of_a_class_equals_scikit_learns():
    rows = predictions()
    expected = sk.precision_score([row["label"] for row in rows], [row["predicted"] for row in rows], average=None)
    found = [entry["precision"] for entry in score(rows)["per_class"].values()]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_nothing_is_no_class_and_no_speaker(nothing):
    rows = [{"id": n, "label": "ab"[n % 2], "predicted": "a", "speaker": nothing} for n in range(12)]
    assert score(rows)["intervals"]["n_speakers"] == 12  # each its own, as where no speaker is said
    for name, what in (("label", "label"), ("predicted", "prediction")):
        with pytest.raises(ParameterError, match=f"3 has no {what} .* leave such utterances out"):
            score([{**row, name: nothing} if row["id"] == 3 else row for row in rows])


def test_a_speaker_may_be_the_number_0():
    rows = [{"id": n, "label": "ab"[n % 2], "predicted": "ab"[n % 3 % 2], "speaker": n % 5} for n in range(30)]
    found = score(rows)
    assert found["intervals"]["n_speakers"] == 5
    assert list(found["per_speaker"]) == ["0", "1", "2", "3", "4"]


def test_names_beside_numbers_are_refused_since_none_could_be_right():
    rows = [{"id": n, "label": str(n % 2), "predicted": n % 2} for n in range(6)]
    with pytest.raises(ParameterError, match="some classes are text, as '1', and some are not, as 1"):
        score(rows)


def test_the_loss_is_the_mean_cross_entropy_also_by_fold_speaker_and_gender():
    rows = predictions()
    shares = np.random.default_rng(1).dirichlet(np.ones(3), len(rows))
    for row, share in zip(rows, shares, strict=True):
        row["probabilities"] = share.tolist()
    result = score(rows)
    truth = [row["label"] for row in rows]
    assert result["pooled"]["loss"] == pytest.approx(sk.log_loss(truth, shares, labels=result["classes"]))
    women = [place for place, row in enumerate(rows) if row["gender"] == "f"]
    of_women = sk.log_loss([truth[place] for place in women], shares[women], labels=result["classes"])
    assert result["per_gender"]["f"]["loss"] == pytest.approx(of_women)
    assert {"loss"} <= result["folds"]["f0"].keys() & result["per_speaker"]["s0"].keys() & result["fold_mean"].keys()
    low, high = result["intervals"]["loss"]
    assert 0 < low < result["pooled"]["loss"] < high


def test_the_loss_of_shares_is_against_the_shares_and_without_probabilities_there_is_none():
    row = {"id": "a", "label": "x", "predicted": "x", "probabilities": [0.75, 0.25], "target": [0.5, 0.5]}
    assert score([row], ["x", "y"])["pooled"]["loss"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    rows = [{**row, "order_by": "distances"} for row in predictions()]
    for row in rows:
        row["scores"] = row.pop("probabilities")
    result = score(rows)
    assert "loss" not in result["pooled"]
    assert "loss" not in result["per_gender"]["f"]


def test_the_f1_of_a_named_class_stands_beside_macro_and_weighted_f1():
    rows = predictions()
    truth, predicted = [row["label"] for row in rows], [row["predicted"] for row in rows]
    result = score(rows, positive="sad")
    of_sad = sk.f1_score([label == "sad" for label in truth], [label == "sad" for label in predicted])
    assert result["pooled"]["binary_f1"] == pytest.approx(of_sad) == pytest.approx(result["per_class"]["sad"]["f1"])
    assert result["positive"] == "sad"
    assert result["intervals"]["binary_f1"][0] < of_sad < result["intervals"]["binary_f1"][1]
    assert "binary_f1" not in score(rows)["pooled"]
    with pytest.raises(UnknownNameError, match="unknown class 'said'; did you mean sad"):
        score(rows, positive="said")
