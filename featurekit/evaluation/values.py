"""Score predicted ratings: error and correlation by output, fold, speaker and gender, beside the mean and intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from featurekit import metrics, statistics
from featurekit.errors import ParameterError
from featurekit.evaluation.rows import Groups, Scores, checked, jsonable

_SENTIMENT_SCALE = (-3.0, 3.0)
_ERRORS = ("mae", "correlation", "ccc")
_SCALES = {
    "mae": statistics.ERROR,
    "loss": statistics.ERROR,
    "correlation": statistics.CORRELATION,
    "ccc": statistics.CORRELATION,
}


def score_values(
    predictions: Iterable[Mapping[str, Any]],
    outputs: Sequence[str],
    *,
    scale: tuple[float, float] | None = None,
    training_means: Mapping[str, Sequence[float]] | None = None,
    level: float = 0.95,
) -> dict[str, Any]:
    """Everything a report says about predicted ratings; JSON-able, with None where a number is not defined.

    Parameters
    ----------
    predictions : iterable of mapping
        ``id``, ``label``, ``predicted`` (lists of K numbers) and, where known, ``speaker``, ``gender``, ``fold``; as
        :func:`featurekit.training.prediction.records` makes them. An id may occur once a fold.
    outputs : sequence of str
        Names of the K ratings.
    scale : (float, float), optional
        Lowest and highest rating. One rating on [-3, 3] is a sentiment score and gets MOSI's metrics
        (:func:`featurekit.metrics.sentiment`) too.
    training_means : mapping, optional
        Fold → mean ratings of its training part, which the baseline answers there; without them those of the evaluated
        ones.
    level : float
        Coverage of the intervals.

    Returns
    -------
    dict
        ``kind``: "values"; ``n``, ``outputs``; ``pooled``: ``mae``, ``correlation`` (Pearson), ``ccc``, each the mean over the
        outputs, ``loss``, the mean squared error, and for a sentiment score ``has0_accuracy``, …;
        ``intervals``: (low, high) of each over speakers;
        ``folds``, ``fold_mean``, ``fold_std``; ``per_output``: MAE, correlation, CCC; ``per_speaker``, ``per_gender``: n,
        MAE and loss; ``constant``: the same metrics of answering in each fold its training mean, with the ``values`` answered.

    Raises
    ------
    ParameterError
        When there are no predictions, a field is missing, an id occurs twice in a fold, or a row has not K finite numbers.
    """
    rows = checked(predictions)
    t, p = (_table(rows, key, outputs) for key in ("label", "predicted"))
    groups, of_sentiment = Groups(rows), len(outputs) == 1 and scale == _SENTIMENT_SCALE

    def measured(t: np.ndarray, p: np.ndarray) -> Scores:
        columns = [_errors(t[:, k], p[:, k]) for k in range(len(outputs))]
        found = {name: float(np.mean([column[name] for column in columns])) for name in _ERRORS}
        found["loss"] = float(np.mean((t - p) ** 2)) if len(t) else float("nan")
        return found | metrics.sentiment(t[:, 0], p[:, 0]) if of_sentiment else found

    def scored(inside: np.ndarray) -> Scores:
        return {"n": int(inside.sum()), **measured(t[inside], p[inside])}

    of_all = t.mean(axis=0).tolist()
    folds = groups.folds.tolist()
    means = {fold: of_all if training_means is None else list(training_means[fold]) for fold in dict.fromkeys(folds)}
    result = {
        "kind": "values",
        "n": len(rows),
        "outputs": list(outputs),
        "pooled": scored(np.ones(len(rows), dtype=bool)),
        "intervals": groups.intervals(measured, t, p, scales=_SCALES, level=level, notes={}),
        **groups.by_fold(scored),
        "per_output": {name: _errors(t[:, k], p[:, k]) for k, name in enumerate(outputs)},
        **groups.by_person(scored, ("mae", "loss")),
        "constant": {"values": means, **measured(t, np.array([means[fold] for fold in folds], dtype=np.float64))},
    }
    return jsonable(result)


def _errors(truth: np.ndarray, predicted: np.ndarray) -> Scores:
    return {
        "mae": metrics.mae(truth, predicted),
        "correlation": metrics.correlation(truth, predicted),
        "ccc": metrics.concordance(truth, predicted),
    }


def _table(rows: Sequence[Mapping[str, Any]], key: str, outputs: Sequence[str]) -> np.ndarray:
    """(n, K) float64."""
    for row in rows:
        if not isinstance(row[key], (list, tuple)) or len(row[key]) != len(outputs):
            raise ParameterError(
                f"{row['id']} has {row[key]!r} as its {key}; expected {len(outputs)} numbers: {', '.join(outputs)}"
            )
        if not all(isinstance(value, (int, float, np.number)) and math.isfinite(value) for value in row[key]):
            raise ParameterError(f"{row['id']} has {row[key]!r} as its {key}; expected finite numbers: leave such rows out")
    return np.array([row[key] for row in rows], dtype=np.float64)
