"""Score predictions: by fold and pooled, by class, speaker and gender, beside the majority baseline and an interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from featurekit import metrics
from featurekit.errors import ParameterError

_FIELDS = ("id", "label", "predicted")


def score(
    predictions: Iterable[Mapping[str, Any]],
    classes: Sequence[str] | None = None,
    *,
    training_labels: Sequence[str] | None = None,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything a report says about predictions; JSON-able, with None where a number is not defined.

    Parameters
    ----------
    predictions : iterable of mapping
        ``id``, ``label``, ``predicted`` (class names) and, where known, ``speaker``, ``gender``, ``fold``; as
        :func:`featurekit.training.prediction.records` makes them. An id may occur once a fold.
    classes : sequence of str, optional
        Order of the classes; by default those that occur, sorted.
    training_labels : sequence of str, optional
        Class names the majority baseline takes its class from; without them it takes the evaluated ones.
    level, n_resamples, seed : float, int, int
        Of the bootstrap by speaker.

    Returns
    -------
    dict
        ``n``, ``classes``; ``pooled``: ``accuracy`` (WA), ``unweighted_accuracy`` (UA), ``macro_f1``, ``weighted_f1``
        over all predictions together; ``intervals``: (low, high) of WA and UA, resampling speakers; ``folds``: the
        same metrics of each fold; ``fold_mean``, ``fold_std``: plain mean and sample deviation over folds;
        ``per_class``: recall, F1, support; ``per_speaker``, ``per_gender``: n, WA, UA; ``confusion``: counts, rows are
        the truth; ``majority``: the baseline.

    Raises
    ------
    ParameterError
        When there are no predictions, a field is missing, an id occurs twice in a fold, or a label is not a class.
    """
    rows = _checked(predictions)
    truth, predicted = [row["label"] for row in rows], [row["predicted"] for row in rows]
    names = list(classes) if classes is not None else sorted({*truth, *predicted})
    t, p = _numbers(truth, names), _numbers(predicted, names)
    speakers = np.array([str(row.get("speaker") or row["id"]) for row in rows])
    folds = np.array([str(row.get("fold", "0")) for row in rows])
    genders = np.array([str(row.get("gender") or "") for row in rows])
    by_fold = {name: _scores(t[folds == name], p[folds == name]) for name in dict.fromkeys(folds.tolist())}
    intervals = {
        name: metrics.clustered_interval(metric, speakers, t, p, level=level, n_resamples=n_resamples, seed=seed)
        for name, metric in (("accuracy", metrics.accuracy), ("unweighted_accuracy", metrics.unweighted_accuracy))
    }
    counts = metrics.confusion(t, p, range(len(names)))
    result = {
        "n": len(rows),
        "classes": names,
        "pooled": _scores(t, p),
        "intervals": {**intervals, "level": level, "n_speakers": len(np.unique(speakers))},
        "folds": by_fold,
        "fold_mean": {key: float(np.mean([fold[key] for fold in by_fold.values()])) for key in _METRICS},
        "fold_std": {key: _deviation([fold[key] for fold in by_fold.values()]) for key in _METRICS},
        "per_class": _per_class(counts, names),
        "per_speaker": _groups(t, p, speakers),
        "per_gender": _groups(t, p, genders),
        "confusion": counts.tolist(),
        "majority": metrics.majority_baseline(truth, training_labels),
    }
    return _json(result)


_METRICS = ("accuracy", "unweighted_accuracy", "macro_f1", "weighted_f1")


def _scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    # Macro-F1 runs over the classes that are true or guessed here: a speaker who never says a class must not lose by it.
    return {
        "n": len(truth),
        "accuracy": metrics.accuracy(truth, predicted),
        "unweighted_accuracy": metrics.unweighted_accuracy(truth, predicted),
        "macro_f1": metrics.macro_f1(truth, predicted),
        "weighted_f1": metrics.weighted_f1(truth, predicted),
    }


def _per_class(counts: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, float]]:
    recalls = metrics.recall(counts)
    totals = (counts.sum(axis=0) + counts.sum(axis=1)).astype(np.float64)
    f1 = np.divide(2.0 * np.diag(counts), totals, out=np.zeros(len(counts)), where=totals > 0)
    return {
        name: {"recall": float(recalls[row]), "f1": float(f1[row]), "support": int(counts[row].sum())}
        for row, name in enumerate(names)
    }


def _groups(truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> dict[str, dict[str, float]]:
    """n, WA and UA of each group; utterances whose group is unknown ("") are left out."""
    result = {}
    for name in sorted(set(groups.tolist()) - {""}):
        t, p = truth[groups == name], predicted[groups == name]
        result[name] = {
            "n": len(t),
            "accuracy": metrics.accuracy(t, p),
            "unweighted_accuracy": metrics.unweighted_accuracy(t, p),
        }
    return result


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _checked(predictions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    rows = list(predictions)
    if not rows:
        raise ParameterError("there are no predictions to score")
    seen = set()
    for row in rows:
        lacking = [name for name in _FIELDS if name not in row]
        if lacking:
            raise ParameterError(f"a prediction lacks {', '.join(lacking)}; got {', '.join(row)}")
        key = (str(row.get("fold", "0")), row["id"])
        if key in seen:
            raise ParameterError(f"{row['id']} is predicted twice in fold {key[0]}; score each utterance once a fold")
        seen.add(key)
    return rows


def _numbers(labels: Sequence[str], names: Sequence[str]) -> np.ndarray:
    places = {name: number for number, name in enumerate(names)}
    unknown = sorted({str(label) for label in labels if label not in places})
    if unknown:
        raise ParameterError(f"the label {unknown[0]!r} is not one of the classes {', '.join(names)}")
    return np.array([places[label] for label in labels], dtype=np.int64)


def _json(value: Any) -> Any:
    """NaN → None, tuples → lists: JSON has neither."""
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
