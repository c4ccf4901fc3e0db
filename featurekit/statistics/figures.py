"""Figures as functions of sums over speakers: what leaving speakers out and swapping their systems is computed from.

Every figure here is known from a few sums over utterances: UA from the hits and the utterances of each class, a correlation
from sums of squares and products. A speaker adds a row of such sums. So a figure without a speaker, or with two systems swapped
on some speakers, costs a subtraction or a matrix product instead of a pass over the utterances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.statistics.scales import CORRELATION, ERROR, SHARE, Scale

_CONSTANT = 1e-12  # a variance below this share of the mean square is the rounding of sums


@dataclass(frozen=True)
class Figure:
    """A figure that sums over utterances determine.

    Parameters
    ----------
    name : str
        As tables print it.
    scale : Scale
        On which its intervals are made.
    sums : callable
        ``sums(truth, predicted, n_classes)`` → float64 (n, k): what each utterance adds. Of classes both are class numbers
        (n,), of ratings they are ratings (n,).
    value : callable
        ``value(sums)`` → (…,): the figure of sums (…, k); nan where it is not defined.
    support : callable, optional
        ``support(sums)`` → (…, classes): true utterances of each class, of a figure that is a mean over classes.
    weights : callable, optional
        ``weights(sums)`` → (k,): of a figure that is a weighted sum where only predictions change, ``value(s) == s @ weights``
        for all sums ``s`` of the same truth. Swaps of such a figure are one matrix product.
    higher_is_better : bool
        False of errors.
    """

    name: str
    scale: Scale
    sums: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    support: Callable[[np.ndarray], np.ndarray] | None = None
    weights: Callable[[np.ndarray], np.ndarray] | None = None
    higher_is_better: bool = True


def get_figure(name: str) -> Figure:
    """The figure of a name, one of :data:`FIGURES`, or ``recall[K]``: the recall of class number K.

    Raises
    ------
    UnknownNameError
        When there is none of this name.

    Examples
    --------
    >>> import numpy as np
    >>> ua = get_figure("ua")
    >>> sums = ua.sums(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    >>> float(ua.value(sums.sum(axis=0)))
    0.75
    """
    if name in FIGURES:
        return FIGURES[name]
    number = name.removeprefix("recall[").removesuffix("]")
    if name == f"recall[{number}]" and number.isdecimal():
        return recall_of(int(number))
    raise UnknownNameError("figure", name, [*FIGURES, "recall[0]"])


def recall_of(class_number: int) -> Figure:
    """Recall of one class.

    Parameters
    ----------
    class_number : int
        Its place in the order of classes.
    """

    def sums(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
        _check_classes(truth, predicted, n_classes)
        is_it = truth == class_number
        return np.stack([is_it & (predicted == truth), is_it], axis=-1).astype(np.float64)

    return Figure(f"recall[{class_number}]", SHARE, sums, _hits_over_all, weights=_share_weights)


def _check_classes(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> None:
    for name, numbers in (("truth", truth), ("predicted", predicted)):
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < n_classes):
            raise ParameterError(
                f"{name} has class numbers from {numbers.min()} to {numbers.max()}; there are {n_classes} classes"
            )


def _one_hot(numbers: np.ndarray, n_classes: int) -> np.ndarray:
    """(n, n_classes) of 0 and 1."""
    return np.eye(n_classes)[numbers]


def _hits_and_utterances(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """1 for a hit, and 1: (n, 2)."""
    _check_classes(truth, predicted, n_classes)
    return np.stack([truth == predicted, np.ones(len(truth))], axis=-1).astype(np.float64)


def _hits_over_all(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 0], sums[..., 1])


def _share_weights(sums: np.ndarray) -> np.ndarray:
    """Hits count one over the utterances, which no prediction changes."""
    return np.array([_ratio(np.ones(()), sums[1]), 0.0])


def _hits_by_class(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Hits and utterances of each class: (n, 2 x classes)."""
    _check_classes(truth, predicted, n_classes)
    is_class = _one_hot(truth, n_classes)
    return np.concatenate([is_class * (truth == predicted)[:, None], is_class], axis=-1)


def _mean_recall(sums: np.ndarray) -> np.ndarray:
    """Over the classes that are there."""
    hits, utterances = np.split(sums, 2, axis=-1)
    return _mean_of_defined(_ratio(hits, utterances))


def _mean_recall_weights(sums: np.ndarray) -> np.ndarray:
    """A hit counts one over the utterances of its class and the number of classes that are there."""
    utterances = np.split(sums, 2)[1]
    each = np.divide(1.0, utterances, out=np.zeros(len(utterances)), where=utterances > 0)
    return np.concatenate([each / max(np.count_nonzero(utterances), 1), np.zeros(len(utterances))])


def _hits_true_and_predicted(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Hits, true and predicted utterances of each class: (n, 3 x classes)."""
    return np.concatenate([_hits_by_class(truth, predicted, n_classes), _one_hot(predicted, n_classes)], axis=-1)


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """Over the classes that are true or predicted."""
    hits, true, predicted = np.split(sums, 3, axis=-1)
    return _mean_of_defined(_ratio(2 * hits, true + predicted))


def _errors(truth: np.ndarray, predicted: np.ndarray, _: int) -> np.ndarray:
    """Absolute error, and 1: (n, 2)."""
    return np.stack([np.abs(truth - predicted), np.ones(len(truth))], axis=-1)


def _moments(truth: np.ndarray, predicted: np.ndarray, _: int) -> np.ndarray:
    """1, t, p, t², p² and tp of each utterance: (n, 6).

    Both are moved by one offset, so that large means do not swamp the squares.
    """
    middle = truth.mean() if len(truth) else 0.0
    t, p = truth - middle, predicted - middle
    return np.stack([np.ones(len(t)), t, p, t * t, p * p, t * p], axis=-1)


def _variances(sums: np.ndarray) -> tuple[np.ndarray, ...]:
    """Means of truth and prediction, their variances and the covariance; a variance that is rounding is 0."""
    n = np.where(sums[..., 0] > 0, sums[..., 0], np.nan)
    mean_t, mean_p, square_t, square_p, product = (sums[..., place] / n for place in range(1, 6))
    var_t, var_p = square_t - mean_t**2, square_p - mean_p**2
    var_t = np.where(var_t > _CONSTANT * square_t, var_t, 0.0)
    var_p = np.where(var_p > _CONSTANT * square_p, var_p, 0.0)
    return mean_t, mean_p, var_t, var_p, product - mean_t * mean_p


def _pearson(sums: np.ndarray) -> np.ndarray:
    _, _, var_t, var_p, covariance = _variances(sums)
    return _ratio(covariance, np.sqrt(var_t * var_p))


def _concordance(sums: np.ndarray) -> np.ndarray:
    """Lin 1989: 2 cov / (var_t + var_p + (mean_t - mean_p)²)."""
    mean_t, mean_p, var_t, var_p, covariance = _variances(sums)
    return _ratio(2 * covariance, var_t + var_p + (mean_t - mean_p) ** 2)


def _second_of(n_blocks: int) -> Callable[[np.ndarray], np.ndarray]:
    """The second of so many equal blocks of columns: true utterances of each class."""
    return lambda sums: np.split(sums, n_blocks, axis=-1)[1]


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is not nan."""
    defined = ~np.isnan(values)
    if defined.all():
        return np.asarray(values.mean(axis=-1))
    return _ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Not a number where ``below`` is 0."""
    if np.all(below > 0):
        return np.asarray(above / below)  # several times as fast as the masked form
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0))


FIGURES = {
    "ua": Figure("UA", SHARE, _hits_by_class, _mean_recall, support=_second_of(2), weights=_mean_recall_weights),
    "wa": Figure("WA", SHARE, _hits_and_utterances, _hits_over_all, weights=_share_weights),
    "macro_f1": Figure("macro-F1", SHARE, _hits_true_and_predicted, _macro_f1, support=_second_of(3)),
    "mae": Figure("MAE", ERROR, _errors, _hits_over_all, weights=_share_weights, higher_is_better=False),
    "pearson": Figure("r", CORRELATION, _moments, _pearson),
    "ccc": Figure("CCC", CORRELATION, _moments, _concordance),
}
