"""Percentile bootstrap over speakers, for figures that are not smooth: a median, the worst class, the worst speaker.

With few speakers it is too narrow (:mod:`featurekit.statistics.intervals` is not), so whoever prints it says what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError
from featurekit.statistics.intervals import LEVEL, Interval
from featurekit.statistics.speakers import numbered, too_few_speakers


def bootstrap_interval(
    figure: Callable[..., Any],
    speakers: ArrayLike,
    *arrays: ArrayLike,
    level: float = LEVEL,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a figure when speakers are drawn with replacement.

    Parameters
    ----------
    figure : callable
        Called as ``figure(*arrays)`` on each resample; it returns a number. Resamples on which it is not finite take no part.
    speakers : array (n,)
        Speaker of each row.
    *arrays : array (n, …)
        What ``figure`` takes, one row per utterance.
    level : float
        What the interval is called; it covers less with few speakers.
    n_resamples, seed : int
        How many samples, from which seed; the same seed gives the same interval.

    Returns
    -------
    Interval
        Its note says that it is a bootstrap.

    Raises
    ------
    ParameterError
        When lengths differ or ``level`` is not in (0, 1).
    """
    if not 0 < level < 1:
        raise ParameterError(f"level is {level}; it must lie between 0 and 1, for example 0.95")
    names, numbers, columns = numbered(speakers, *arrays)
    if why := too_few_speakers(len(names)):
        return Interval(None, why)
    rows = [np.flatnonzero(numbers == number) for number in range(len(names))]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(n_resamples):
        drawn = np.concatenate([rows[number] for number in rng.integers(0, len(rows), len(rows))])
        values.append(float(figure(*(column[drawn] for column in columns))))
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return Interval(None, "it is not defined")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval((float(low), float(high)), f"percentiles of {n_resamples} resamples of speakers, too narrow for few")
