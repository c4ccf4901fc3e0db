"""Score predictions of classes: by fold and pooled, by class, speaker and gender, beside baseline, humans and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from featurekit import metrics, statistics
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.evaluation.rows import Groups, Scores, checked, is_missing, jsonable

_SMALLEST = 1e-300  # a probability of 0 costs as much as this one, as where the development part chooses the epoch


def score(
    predictions: Iterable[Mapping[str, Any]],
    classes: Sequence[str] | None = None,
    *,
    training_counts: Mapping[str, Mapping[str, int]] | None = None,
    human: Mapping[str, Any] | None = None,
    positive: str = "",
    level: float = 0.95,
) -> dict[str, Any]:
    """Everything a report says about predictions of classes; JSON-able, with None where a number is not defined.

    Parameters
    ----------
    predictions : iterable of mapping
        ``id``, ``label``, ``predicted`` (class names) and, where known, ``speaker``, ``gender``, ``fold``,
        ``probabilities`` (in the order of the classes), or ``order_by`` (what orders the classes where nothing is a
        probability); as :func:`featurekit.training.prediction.records` makes them. An id may occur once a fold.
    classes : sequence of str, optional
        Order of the classes; by default those that occur, sorted.
    training_counts : mapping, optional
        Fold → class → training utterances: the majority baseline answers in each fold what was most frequent in that
        fold's training part (of equals the first class). Without them it takes the evaluated ones.
    human : mapping, optional
        How far people agree with these labels (``accuracy``, ``unweighted_accuracy``); carried along.
    positive : str
        A class whose own F1 (binary F1, this class against the rest) stands beside macro and weighted F1; none when empty.
    level : float
        Coverage of the intervals.

    Returns
    -------
    dict
        ``kind``: "classes"; ``n``, ``classes``; ``pooled``: ``accuracy`` (WA), ``unweighted_accuracy`` (UA), ``macro_f1``,
        ``weighted_f1`` over all predictions together, ``binary_f1`` of ``positive`` where one is named, and where there are
        probabilities ``loss``: the mean cross-entropy in nats (of soft labels with their ``target``);
        ``intervals``: (low, high) of each over speakers (:mod:`featurekit.statistics`), or None with ``why`` where there are
        fewer than five, or with the reason in ``notes``;
        ``folds``: the same metrics of each fold; ``fold_mean``, ``fold_std``: plain mean and sample deviation over folds;
        ``per_class``: recall, precision, F1, support; ``per_speaker``, ``per_gender``: n, WA, UA, loss, and the WA of
        ``majority``; ``positive``: the class of ``binary_f1``; ``chance``: the expected UA of guessing; ``confusion``: counts,
        rows are the truth; ``calibration``: ``ece`` and ``bins``, None without probabilities, and where the model's scores are
        none ``ece`` None and ``why``; ``majority``: the baseline, with the ``class`` answered in each fold; ``human``.

    Raises
    ------
    ParameterError
        When there are no predictions, a field or a class is missing, an id occurs twice in a fold, a label is not a class, or
        classes are text here and numbers there.
    UnknownNameError
        When ``positive`` is not a class.
    """
    rows = checked(predictions)
    _check_classes(rows)
    truth, predicted = [row["label"] for row in rows], [row["predicted"] for row in rows]
    names = list(classes) if classes is not None else sorted({*truth, *predicted})
    check_positive(positive, names)
    t, p, costs = _numbers(truth, names), _numbers(predicted, names), _costs(rows, names)
    groups = Groups(rows)
    majority, answers = _majority(truth, groups.folds, names, training_counts)
    right = np.array([answer == label for answer, label in zip(answers, truth, strict=True)])

    def counted(t: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.bincount(t * len(names) + p, minlength=len(names) ** 2).reshape(len(names), len(names))

    def measured(t: np.ndarray, p: np.ndarray, costs: np.ndarray, whole: np.ndarray | None = None) -> Scores:
        # Macro-F1 runs over the classes that are true or guessed here: a speaker who never says a class must not lose by it.
        part = counted(t, p)
        found = metrics.headline(part, whole=whole)
        if positive:
            found["binary_f1"] = metrics.binary_f1(part, names.index(positive))
        return found if np.isnan(costs).any() else {**found, "loss": float(np.mean(costs))}

    def scored(inside: np.ndarray) -> Scores:
        return {"n": int(inside.sum()), **measured(t[inside], p[inside], costs[inside])}

    counts = counted(t, p)
    of_the_same_classes = partial(measured, whole=counts)
    loss = () if np.isnan(costs).any() else ("loss",)

    result = {
        "kind": "classes",
        "n": len(rows),
        "classes": names,
        "pooled": scored(np.ones(len(rows), dtype=bool)),
        "intervals": groups.intervals(
            of_the_same_classes, t, p, costs, scales={"loss": statistics.ERROR}, level=level, notes=_held_alone(truth, groups)
        ),
        **groups.by_fold(scored),
        "per_class": _per_class(counts, names),
        **groups.by_person(
            lambda inside: {**scored(inside), "majority": float(right[inside].mean())},
            ("accuracy", "unweighted_accuracy", *loss, "majority"),
        ),
        **({"positive": positive} if positive else {}),
        "confusion": counts.tolist(),
        "calibration": _calibration(rows, t == p, len(names)),
        "chance": {"unweighted_accuracy": 1 / len(names)},
        "majority": majority,
        "human": None if human is None else dict(human),
    }
    return jsonable(result)


def _check_classes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what is no class: nothing, and names beside numbers, of which none could be right."""
    for row in rows:
        for name, what in (("label", "label"), ("predicted", "prediction")):
            if is_missing(row[name]):
                raise ParameterError(f"{row['id']} has no {what} ({row[name]!r}): leave such utterances out")
    by_kind = {isinstance(row[name], str): row[name] for row in rows for name in ("label", "predicted")}
    if len(by_kind) > 1:
        raise ParameterError(
            f"some classes are text, as {by_kind[True]!r}, and some are not, as {by_kind[False]!r}: "
            "label and predicted must name them alike"
        )


def check_positive(positive: str, classes: Sequence[str]) -> None:
    """Refuse a name that is no class.

    Raises
    ------
    UnknownNameError
        With the classes, or the closest.
    """
    if positive and positive not in classes:
        raise UnknownNameError("class", positive, classes)


def _costs(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> np.ndarray:
    """Cross-entropy of each prediction in nats, (n,); nan everywhere where one has no probabilities."""
    shares = [row.get("probabilities") or () for row in rows]
    if any(len(share) != len(names) for share in shares):
        return np.full(len(rows), np.nan)
    costs = -np.log(np.maximum(np.array(shares, dtype=np.float64), _SMALLEST))
    wanted = [row.get("target") or np.eye(len(names))[names.index(row["label"])] for row in rows]
    return np.asarray((np.array(wanted, dtype=np.float64) * costs).sum(axis=1))


def _held_alone(truth: Sequence[str], groups: Groups) -> dict[str, str]:
    """Why the means over classes have no interval where one speaker alone has a class."""
    having: dict[str, set[str]] = {}
    for label, speaker in zip(truth, groups.speakers.tolist(), strict=True):
        having.setdefault(label, set()).add(speaker or "unknown")
    alone = [f"{next(iter(speakers))} alone has {label}" for label, speakers in sorted(having.items()) if len(speakers) == 1]
    return dict.fromkeys(("unweighted_accuracy", "macro_f1"), f"speaker {', '.join(alone)}") if alone else {}


def _majority(
    truth: Sequence[str], folds: np.ndarray, names: Sequence[str], training: Mapping[str, Mapping[str, int]] | None
) -> tuple[dict[str, Any], list[str]]:
    """Each fold answered by the majority of its own training part, scored together as the predictions are; the answers."""
    of_all = {name: list(truth).count(name) for name in names}
    counts = {fold: of_all if training is None else training[fold] for fold in dict.fromkeys(folds.tolist())}
    answer = {fold: max(names, key=lambda name: count.get(name, 0)) for fold, count in counts.items()}
    guess = [answer[fold] for fold in folds.tolist()]
    scores = {"accuracy": metrics.accuracy(truth, guess), "unweighted_accuracy": metrics.unweighted_accuracy(truth, guess)}
    return {"class": answer, **scores}, guess


def _per_class(counts: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, float]]:
    recalls, precisions = metrics.recall(counts), metrics.recall(counts.T)
    totals = (counts.sum(axis=0) + counts.sum(axis=1)).astype(np.float64)
    f1 = np.divide(2.0 * np.diag(counts), totals, out=np.zeros(len(counts)), where=totals > 0)
    return {
        name: {
            "recall": float(recalls[row]),
            "precision": float(precisions[row]),
            "f1": float(f1[row]),
            "support": int(counts[row].sum()),
        }
        for row, name in enumerate(names)
    }


def _calibration(rows: Sequence[Mapping[str, Any]], correct: np.ndarray, n_classes: int) -> dict[str, Any] | None:
    if made_of := rows[0].get("order_by"):
        return {"ece": None, "why": f"the model orders classes by {made_of}: not a probability"}
    shares = [row.get("probabilities") or () for row in rows]
    if any(len(share) != n_classes for share in shares):
        return None
    return metrics.calibration([max(share) for share in shares], correct)


def _numbers(labels: Sequence[str], names: Sequence[str]) -> np.ndarray:
    places = {name: number for number, name in enumerate(names)}
    unknown = sorted({str(label) for label in labels if label not in places})
    if unknown:
        raise ParameterError(f"the label {unknown[0]!r} is not one of the classes {', '.join(names)}")
    return np.array([places[label] for label in labels], dtype=np.int64)
