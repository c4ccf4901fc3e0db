import sys

import pytest

from featurekit.data import Fold, Split, get_task
from featurekit.errors import MissingDependencyError
from featurekit.experiments import RunResult
from featurekit.experiments.scores import _of_each_fold, reference
from featurekit.manifest import Manifest, Utterance
from featurekit.runs import FoldRecord, Prediction, StoredRun
from featurekit.runs.schema import SplitStamp
from tests.runs.making import make_record

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


def run_folder(path, outputs, rows):
    """The folder of a run of two folds, the first of which has predicted."""
    folds = (Fold("s1", ("u2",), (), ("u0", "u1")), Fold("s2", ("u0",), (), ("u2",)))
    split = Split("loso", folds, {}, "manifest", False, "0" * 64)
    kind = "values" if outputs == ["score"] else "classes"
    known = {"training_mean": [0.0]} if kind == "values" else {"training_counts": dict.fromkeys(outputs, 1)}
    record = make_record(
        kind=kind,
        classes=() if kind == "values" else tuple(outputs),
        outputs=tuple(outputs),
        reference={**known, "human": None},
        folds=("s1", "s2"),
        split=SplitStamp(split.kind, split.digest, ""),
    )
    run = StoredRun(path)
    run.begin(record, split, {})
    if rows:
        run.fold(0).write(b"", FoldRecord("s1", {}, {}, ""), [Prediction(**row) for row in rows])
    return RunResult(path, {}, "")


WHO = {"id": "u0", "speaker": "s1", "gender": "female", "fold": "s1"}


@pytest.mark.parametrize(
    ("outputs", "row", "columns"),
    [
        (
            ["angry", "sad"],
            {"label": "sad", "predicted": "angry", "probabilities": [0.75, 0.25], "target": [0.5, 0.5]},
            {"truth": "sad", "predicted": "angry", "p_angry": 0.75, "p_sad": 0.25, "target_angry": 0.5, "target_sad": 0.5},
        ),
        (
            ["angry", "sad"],
            {"label": "sad", "predicted": "sad", "scores": [-1.0, 2.0], "order_by": "margins"},
            {"truth": "sad", "predicted": "sad", "score_angry": -1.0, "score_sad": 2.0},
        ),
        (["score"], {"label": [1.5], "predicted": [-0.5]}, {"truth_score": 1.5, "predicted_score": -0.5}),
    ],
    ids=["shares", "scores", "ratings"],
)
def test_predictions_as_a_data_frame(tmp_path, outputs, row, columns):
    pytest.importorskip("pandas")
    frame = run_folder(tmp_path, outputs, [WHO | row, WHO | {"id": "u1"} | row]).frame()
    assert frame.index.tolist() == ["u0", "u1"]
    assert frame.loc["u0"].to_dict() == {name: WHO[name] for name in ("fold", "speaker", "gender")} | columns


def test_without_pandas_predictions_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"pip install pandas$"):
        run_folder(tmp_path, ["a"], []).frame()
