"""Metrics of speech emotion and sentiment, in numpy; every one states the convention it follows.

Labels are one-dimensional arrays of class names or class numbers. All metrics are fractions in [0, 1] unless their
docstring says otherwise; where a metric is not defined (no utterances, a constant prediction) it is ``nan``, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError


def confusion(truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Any] | None = None) -> np.ndarray:
    """Rows are the truth, columns the prediction (scikit-learn's convention); counts, not shares.

    Parameters
    ----------
    truth, predicted : array (n,)
        Labels.
    classes : sequence, optional
        Order of rows and columns; by default the sorted union of both arrays.

    Returns
    -------
    int64 array (K, K)

    Raises
    ------
    ParameterError
        When the lengths differ or a label is not in ``classes``.
    """
    truth, predicted = _pair(truth, predicted)
    names = np.unique(np.concatenate([truth, predicted])) if classes is None else np.asarray(classes)
    rows, columns = _numbers(truth, names), _numbers(predicted, names)
    counts = np.bincount(rows * len(names) + columns, minlength=len(names) ** 2)
    return counts.reshape(len(names), len(names))


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """WA (weighted accuracy) of the speech emotion literature: correct utterances over utterances; each counts once."""
    truth, predicted = _pair(truth, predicted)
    return float(np.mean(truth == predicted)) if len(truth) else float("nan")


def unweighted_accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """UA = UAR = balanced accuracy: the mean recall of the classes **present in the truth**; each class counts once.

    A class that is predicted but never true lowers the recall of the others and is not averaged itself, as in
    scikit-learn's ``balanced_accuracy_score``.
    """
    recalls = recall(confusion(truth, predicted))
    present = ~np.isnan(recalls)
    return float(recalls[present].mean()) if present.any() else float("nan")


def recall(counts: np.ndarray) -> np.ndarray:
    """Recall of each class: the diagonal over the row sums of a confusion matrix (rows = truth); nan without truth.

    Parameters
    ----------
    counts : array (K, K)
        As :func:`confusion` returns it.

    Returns
    -------
    float64 array (K,)
    """
    support = counts.sum(axis=1).astype(np.float64)
    return np.divide(np.diag(counts), support, out=np.full(len(counts), np.nan), where=support > 0)


def headline(counts: np.ndarray, *, whole: np.ndarray | None = None) -> dict[str, float]:
    """``accuracy``, ``unweighted_accuracy``, ``macro_f1`` and ``weighted_f1`` of a confusion matrix (rows = truth).

    The numbers that the functions of these names give. Classes that are neither true nor predicted take no part.

    Parameters
    ----------
    counts : array (K, K)
        As :func:`confusion` returns it.
    whole : array (K, K), optional
        Counts of which these are a part: the means over classes run over the classes of the whole, so that they are the same
        figure, and are nan where the part lacks the truth of one of them.
    """
    support, hits = counts.sum(axis=1).astype(np.float64), np.diag(counts).astype(np.float64)
    total, either = support.sum(), support + counts.sum(axis=0)
    if not total:
        return dict.fromkeys(("accuracy", "unweighted_accuracy", "macro_f1", "weighted_f1"), float("nan"))
    scores = np.divide(2 * hits, either, out=np.zeros(len(counts)), where=either > 0)
    true, named = support > 0, either > 0
    if whole is not None:
        true, named = whole.sum(axis=1) > 0, whole.sum(axis=1) + whole.sum(axis=0) > 0
    lacks = bool(np.any(support[true] == 0))
    return {
        "accuracy": float(hits.sum() / total),
        "unweighted_accuracy": float("nan") if lacks else float((hits[true] / support[true]).mean()),
        "macro_f1": float("nan") if lacks else float(scores[named].mean()),
        "weighted_f1": float((scores * support).sum() / total),
    }


def f1(truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Any] | None = None) -> np.ndarray:
    """F1 of each class, one against the rest: 2 TP / (2 TP + FP + FN); 0 for a class neither true nor predicted.

    Parameters
    ----------
    truth, predicted : array (n,)
        Labels.
    classes : sequence, optional
        Order of the result; by default the sorted union of both arrays.

    Returns
    -------
    float64 array (K,)
    """
    counts = confusion(truth, predicted, classes)
    denominator = (counts.sum(axis=0) + counts.sum(axis=1)).astype(np.float64)
    return np.divide(2.0 * np.diag(counts), denominator, out=np.zeros(len(counts)), where=denominator > 0)


def binary_f1(counts: np.ndarray, place: int) -> float:
    """F1 of one class against the rest, of a confusion matrix: 2 TP / (2 TP + FP + FN); nan where it is neither true nor told.

    Parameters
    ----------
    counts : array (K, K)
        As :func:`confusion` returns it.
    place : int
        The class's row.
    """
    either = float(counts[place].sum() + counts[:, place].sum())
    return 2.0 * float(counts[place, place]) / either if either else float("nan")


def macro_f1(truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Any] | None = None) -> float:
    """Macro-F1: the plain mean of the classes' F1 (not the F1 of mean precision and recall).

    Without ``classes`` the mean runs over the classes that occur in truth or prediction (scikit-learn's default);
    with ``classes`` over exactly these, absent ones counting 0 (scikit-learn's ``labels=``).
    """
    scores = f1(truth, predicted, classes)
    return float(scores.mean()) if len(np.asarray(truth)) else float("nan")


def weighted_f1(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Weighted F1: the mean of the classes' F1, each weighted by its share of the truth (MMSA's F1 for MOSI)."""
    counts = confusion(truth, predicted)
    support = counts.sum(axis=1)
    return float(np.average(f1(truth, predicted), weights=support)) if support.sum() else float("nan")


def mae(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error, in the unit of the score."""
    truth, predicted = _pair(truth, predicted, np.float64)
    return float(np.mean(np.abs(truth - predicted))) if len(truth) else float("nan")


def correlation(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson's correlation in [-1, 1] over all utterances; nan when either side is constant."""
    truth, predicted = _pair(truth, predicted, np.float64)
    if not len(truth) or not np.ptp(truth) or not np.ptp(predicted):
        return float("nan")
    left, right = truth - truth.mean(), predicted - predicted.mean()
    scale = float(np.sqrt(np.sum(left**2) * np.sum(right**2)))
    # Rounding may lead out of [-1, 1].
    return float(np.clip(np.sum(left * right) / scale, -1.0, 1.0)) if scale > 0 else float("nan")


def concordance(truth: ArrayLike, predicted: ArrayLike) -> float:
    """CCC, Lin's concordance correlation, in [-1, 1]: 2 cov / (var + var + (difference of means)^2), population moments.

    It is 1 only where the values themselves agree, and 0 for a constant prediction; nan where nothing varies on either side
    and both agree.
    """
    truth, predicted = _pair(truth, predicted, np.float64)
    if not len(truth):
        return float("nan")
    spread = truth.var() + predicted.var() + (truth.mean() - predicted.mean()) ** 2
    covariance = np.mean((truth - truth.mean()) * (predicted - predicted.mean()))
    return float(2 * covariance / spread) if spread > 0 else float("nan")


def sentiment(truth: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """What is reported on scores in [-3, 3] of CMU-MOSI and MOSEI, by the rules of MMSA, whose figures one compares with.

    Parameters
    ----------
    truth, predicted : array (n,)
        Scores.

    Returns
    -------
    dict
        ``has0_accuracy``, ``has0_f1``: negative (below 0) against the rest; ``non0_accuracy``, ``non0_f1``: negative against
        positive among utterances whose true score is not 0 (a prediction of 0 counts as negative); the F1 are weighted.
        ``accuracy5``, ``accuracy7``: both sides clipped to [-2, 2] or [-3, 3] and rounded, halves to even as numpy does; nan
        without utterances.

    References
    ----------
    https://github.com/thuiar/MMSA, ``utils/metricsTop.py``
    """
    truth, predicted = _pair(truth, predicted, np.float64)
    scored = truth != 0
    forms = {"has0": (truth >= 0, predicted >= 0), "non0": (truth[scored] > 0, predicted[scored] > 0)}
    result = {}
    for name, (t, p) in forms.items():
        result[f"{name}_accuracy"], result[f"{name}_f1"] = accuracy(t, p), weighted_f1(t, p)
    for limit in (2, 3):
        t, p = (np.round(np.clip(side, -limit, limit)) for side in (truth, predicted))
        result[f"accuracy{2 * limit + 1}"] = accuracy(t, p)
    return result


def calibration(confidence: ArrayLike, correct: ArrayLike, n_bins: int = 15) -> dict[str, Any]:
    """Expected calibration error: how far confidence lies from accuracy, the mean over bins of confidence by their share.

    Parameters
    ----------
    confidence : array (n,)
        Probability of the predicted class, in [0, 1].
    correct : array (n,)
        Whether it is the true one.
    n_bins : int
        Bins of one width, (0, 1/n], (1/n, 2/n], …

    Returns
    -------
    dict
        ``ece`` in [0, 1], nan without utterances; ``bins``: for each that is not empty ``above``, ``n``, ``confidence``,
        ``accuracy``.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger 2017: On Calibration of Modern Neural Networks.
    """
    confidence, correct = _pair(confidence, correct, np.float64)
    number = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    bins: list[dict[str, float]] = []
    for place in np.unique(number).tolist():
        inside = number == place
        means = {"confidence": float(confidence[inside].mean()), "accuracy": float(correct[inside].mean())}
        bins.append({"above": place / n_bins, "n": int(inside.sum()), **means})
    gaps = sum(entry["n"] * abs(entry["confidence"] - entry["accuracy"]) for entry in bins)
    return {"ece": gaps / len(confidence) if len(confidence) else float("nan"), "bins": bins}


def _pair(truth: ArrayLike, predicted: ArrayLike, dtype: Any = None) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = np.asarray(truth, dtype=dtype), np.asarray(predicted, dtype=dtype)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ParameterError(f"truth and prediction must be two lists of one length, got {truth.shape}, {predicted.shape}")
    return truth, predicted


def _numbers(labels: np.ndarray, names: np.ndarray) -> np.ndarray:
    if not len(names):
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(names, kind="stable")
    places = order[np.minimum(np.searchsorted(names, labels, sorter=order), len(names) - 1)]
    wrong = names[places] != labels
    if np.any(wrong):
        raise ParameterError(f"the label {labels[wrong][0].item()!r} is not one of the classes {', '.join(map(str, names))}")
    return places
