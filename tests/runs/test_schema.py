import copy
import json

import pytest

from featurekit.errors import FeaturekitError, ParameterError
from featurekit.runs import FoldRecord, Prediction, RunRecord
from tests.runs.making import make_record

ABSURD = (None, True, -1, 0, 1.5, 10**20, 1e300, "", "x", "\x00", [], [[]], {}, {"": {}}, [None] * 3, "9" * 10_000)


def as_json(record):
    return json.loads(json.dumps(record.to_dict()))


def paths(value, here=()):
    """Every key of nested objects and places of lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*here, key)
        yield from paths(inner, (*here, key))


def changed(record, path, value, *, gone=False):
    record = copy.deepcopy(record)
    place = record
    for key in path[:-1]:
        place = place[key]
    if gone:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return record


def test_a_record_comes_back_as_it_was():
    ratings = {"training_mean": {"a": [2.5], "b": [3.0]}, "human": {"n": 4}}
    rated = make_record(kind="values", classes=(), outputs=("arousal",), scale=(1.0, 5.0), reference=ratings)
    for record in (make_record(), rated):
        assert RunRecord.from_dict(as_json(record), where="run.json") == record


def test_whatever_stands_in_the_place_of_a_value_is_taken_or_refused_in_one_sentence():
    record = as_json(make_record())
    tried, sentences = 0, []
    for path in paths(record):
        changes = [changed(record, path, value) for value in ABSURD] + [changed(record, path, None, gone=True)]
        for one in changes:
            tried += 1
            try:
                RunRecord.from_dict(one, where="run.json")
            except FeaturekitError as error:
                sentences.append(str(error))
    assert tried > 500
    assert len(sentences) > tried / 3
    assert all("run.json" in said and "\n" not in said and len(said) < 1000 for said in sentences)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("format", 1, "format 1, this version reads 2 and 3"),
        ("format", 99, "format 99"),
        ("format", True, "format True"),
        ("kind", "clusters", "kind is 'clusters'"),
        ("context", 1_000_000_000, "context is 1000000000"),
        ("context", -1, "context is -1"),
        ("scale", [5.0, 1.0], "the lowest and the highest"),
        ("folds", [], "folds is empty"),
        ("folds", ["a", "a"], "a name twice"),
        ("columns", [], "columns is empty"),
        ("reference", {"human": None}, "lacks training_counts"),
        ("reference", {"training_counts": {"a": {"angry": -1}}, "human": None}, "training_counts that is none"),
        ("surprise", 1, "surprise"),
    ],
)
def test_what_no_run_has_is_named(key, value, expected):
    with pytest.raises(FeaturekitError, match=expected) as raised:
        RunRecord.from_dict({**as_json(make_record()), key: value}, where="here/run.json")
    assert "here/run.json" in str(raised.value)


def test_each_key_that_is_needed_is_named_when_it_is_absent():
    record = as_json(make_record())
    for key in ("settings", "training", "columns", "kind", "classes", "outputs", "scale", "context", "folds", "split"):
        with pytest.raises(ParameterError, match=key):
            RunRecord.from_dict({name: value for name, value in record.items() if name != key}, where="run.json")


def test_a_record_of_an_older_format_is_read():
    record = as_json(make_record(format=2))
    del record["reads_text"]
    assert RunRecord.from_dict(record, where="run.json").format == 2


def test_a_fold_record_comes_back_and_refuses_what_it_does_not_know():
    record = FoldRecord("a", {"dims": [1]}, {}, "0" * 64, ({"epoch": 1, "dev": None},), 1, host="here", train_s=1.5)
    assert FoldRecord.from_dict(as_json(record), where="model.json") == record
    with pytest.raises(FeaturekitError, match=r"model\.json.*epochs"):
        FoldRecord.from_dict({**as_json(record), "epochs": 3}, where="model.json")


def test_predictions_come_back_and_what_the_run_cannot_say_is_refused():
    record = make_record()
    row = {
        "id": "u1",
        "fold": "a",
        "label": "sad",
        "predicted": "angry",
        "speaker": None,
        "gender": "f",
        "probabilities": [0.5, 0.5],
    }
    assert Prediction.from_dict(row, record, where="line 1").to_dict() == row
    for key, value in (
        ("label", "happy"),
        ("label", ["sad"]),
        ("predicted", None),
        ("id", 5),
        ("speaker", {}),
        ("probabilities", [1.0]),
        ("probabilities", [1.0, float("nan")]),
        ("probabilities", [1.0, "x"]),
        ("probabilities", 1.0),
        ("certainty", 1.0),
    ):
        with pytest.raises(ParameterError, match="line 1"):
            Prediction.from_dict({**row, key: value}, record, where="line 1")
    with pytest.raises(ParameterError, match="lacks label"):
        Prediction.from_dict({key: row[key] for key in row if key != "label"}, record, where="line 1")
    with pytest.raises(ParameterError, match="list, not a prediction"):
        Prediction.from_dict([], record, where="line 1")


def test_ratings_have_a_number_for_each():
    record = make_record(kind="values", classes=(), outputs=("v", "a"), reference={"training_mean": [1, 2], "human": None})
    row = {"id": "u1", "fold": "a", "label": [1.0, 2], "predicted": [1.0, 2.5], "speaker": "s", "gender": None}
    assert Prediction.from_dict(row, record, where="line 1").to_dict() == row
    with pytest.raises(ParameterError, match="predicted"):
        Prediction.from_dict({**row, "predicted": "angry"}, record, where="line 1")
