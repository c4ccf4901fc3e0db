import pytest

from featurekit.data import Fold, get_task
from featurekit.experiments.scores import _of_each_fold, reference
from featurekit.manifest import Manifest, Utterance

SAID = (("angry", ("angry", "angry", "sad")), ("sad", ("sad", "sad", "sad")), ("sad", ("sad", "angry", "sad")))


@pytest.fixture
def manifest():
    return Manifest(
        Utterance(
            id=f"u{i}",
            path="a.wav",
            speaker=f"s{i}",
            labels={"emotion": label, "raters": {f"r{k}": choice for k, choice in enumerate(choices)}, "score": float(i)},
        )
        for i, (label, choices) in enumerate(SAID + SAID)
    )


FOLDS = [Fold("0", ("u0", "u1"), ("u2",), ("u3", "u4")), Fold("1", ("u3", "u4"), (), ("u0",))]


def test_people_are_compared_on_the_test_parts_and_the_majority_on_the_training_parts(manifest):
    found = reference(manifest, get_task("emotion", manifest), FOLDS, shuffled=False)
    assert found["training_counts"] == {"0": {"angry": 1, "sad": 1}, "1": {"angry": 1, "sad": 1}}
    # Tested are u0 and u3 (angry, two of three agree) and u4 (sad, all agree).
    assert found["human"] == {
        "n": 3,
        "accuracy": pytest.approx((2 / 3 + 2 / 3 + 1) / 3),
        "unweighted_accuracy": pytest.approx((2 / 3 + 1) / 2),
    }


def test_nobody_agrees_with_dealt_labels_and_ratings_have_a_mean(manifest):
    assert reference(manifest, get_task("emotion", manifest), FOLDS, shuffled=True)["human"] is None
    found = reference(manifest, get_task("sentiment-score", manifest), FOLDS, shuffled=False)
    assert found == {"training_mean": {"0": [0.5], "1": [3.5]}, "human": None}


def test_a_corpus_without_raters_has_no_people_to_compare_with(manifest):
    alone = Manifest(Utterance(id=item.id, path="a.wav", labels={"emotion": item.labels["emotion"]}) for item in manifest)
    assert reference(alone, get_task("emotion", alone), FOLDS, shuffled=False)["human"] is None


def test_a_run_of_before_training_was_counted_by_fold_has_one_count_for_all():
    assert _of_each_fold({"angry": 2, "sad": 1}, ["0", "1"]) == {fold: {"angry": 2, "sad": 1} for fold in ("0", "1")}
    assert _of_each_fold([2.5], ["0"]) == {"0": [2.5]}
    by_fold = {"0": {"angry": 2}, "1": {"angry": 1}}
    assert _of_each_fold(by_fold, ["0", "1"]) == by_fold
    assert _of_each_fold({"a": 2, "b": 1}, ["a", "b"]) == {
        "a": {"a": 2, "b": 1},
        "b": {"a": 2, "b": 1},
    }  # folds called like classes
