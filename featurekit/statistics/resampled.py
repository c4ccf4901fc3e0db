"""Differences over folds and seeds: whose recipe is better, when every fold and every seed trains anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError
from featurekit.statistics.intervals import LEVEL, Interval
from featurekit.statistics.jackknife import LeftOut

_ROUNDING = 1e-12


@dataclass(frozen=True)
class RecipeDifference:
    """A difference of two recipes.

    Parameters
    ----------
    value : float
        Mean difference.
    standard_error : float
        Of the mean.
    freedom : float
        Degrees of freedom of the standard error.
    interval : Interval
        95 % by default.
    p : float
        Two-sided, of no difference; nan where it is not defined.
    """

    value: float
    standard_error: float
    freedom: float
    interval: Interval
    p: float


def corrected_resampled_t(differences: ArrayLike, test_share: float, *, level: float = LEVEL) -> RecipeDifference:
    """Nadeau and Bengio's t test of differences over folds and seeds.

    Training sets of folds overlap, so their differences are not independent: the variance of the mean is
    ``(1/n + n_test/n_train)`` times the variance of one, not ``1/n`` times.

    Parameters
    ----------
    differences : array
        One per fold and seed, any shape.
    test_share : float
        Test utterances per training utterance of a fold, ``n_test / n_train``: 0.25 in five folds.
    level : float
        Of the interval.

    Returns
    -------
    RecipeDifference

    Raises
    ------
    ParameterError
        With fewer than two differences, a share below 0 or one that is not finite, or a difference that is not finite.

    References
    ----------
    Nadeau, Bengio 2003: Inference for the generalization error. Bouckaert, Frank 2004, for repeated cross-validation.
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    if len(values) < 2 or not np.isfinite(values).all():
        raise ParameterError(
            f"got {len(values)} differences, {np.isfinite(values).sum()} of them finite; at least two are needed"
        )
    if not 0 <= test_share < np.inf:
        raise ParameterError(f"test_share is {test_share}; it is n_test / n_train of a fold, for example 0.25")
    variance = (1 / len(values) + test_share) * float(np.var(values, ddof=1))
    return _by_t(float(values.mean()), variance**0.5, len(values) - 1, level)


def over_speakers_and_seeds(found: LeftOut, of_seeds: ArrayLike, *, level: float = LEVEL) -> RecipeDifference:
    """Difference of two recipes: what other speakers *and* other seeds would change.

    The variance over speakers (one left out at a time, counts averaged over seeds) and that over seeds are added. Their degrees
    of freedom are Satterthwaite's.

    Parameters
    ----------
    found : LeftOut
        One figure: the difference, counts averaged over seeds, without each speaker.
    of_seeds : array (seeds,)
        The difference of each seed by itself.
    level : float
        Of the interval.

    Returns
    -------
    RecipeDifference

    Raises
    ------
    ParameterError
        When there are fewer than two seeds, or ``found`` has several figures.
    """
    seeds = np.asarray(of_seeds, dtype=np.float64).ravel()
    if len(seeds) < 2:
        raise ParameterError(f"got {len(seeds)} seed; the spread over seeds needs two or more")
    if len(found.values) != 1:
        raise ParameterError(f"got {len(found.values)} figures; one difference is needed")
    variances = np.array([float(found.standard_errors[0]) ** 2, float(np.var(seeds, ddof=1)) / len(seeds)])
    freedoms = np.array([found.freedom, len(seeds) - 1])
    below = float(np.sum(variances**2 / freedoms))
    freedom = float(variances.sum()) ** 2 / below if below > 0 else float(found.freedom)
    return _by_t(float(found.values[0]), float(variances.sum()) ** 0.5, freedom, level)


def _by_t(value: float, error: float, freedom: float, level: float) -> RecipeDifference:
    from scipy.special import stdtr, stdtrit  # a quarter of a second to import

    if not np.isfinite(value) or not np.isfinite(error):
        return RecipeDifference(value, error, freedom, Interval(None, "it is not defined"), float("nan"))
    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    if error > _ROUNDING:
        p = float(2 * stdtr(freedom, -abs(value) / error))
    else:
        p = 1.0 if abs(value) <= _ROUNDING else 0.0
    return RecipeDifference(value, error, freedom, Interval((value - half, value + half)), p)
