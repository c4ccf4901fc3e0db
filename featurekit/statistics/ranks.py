"""Ranks of systems over corpora: whether any differs (Friedman), and which do (Nemenyi).

References
----------
Demšar 2006: Statistical comparisons of classifiers over multiple data sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError
from featurekit.statistics.intervals import LEVEL

FEWEST_CORPORA = 5


@dataclass(frozen=True)
class Ranks:
    """Systems over corpora.

    Parameters
    ----------
    mean_ranks : float64 array (systems,)
        1 is the best; equal figures share the mean of their ranks.
    p : float
        Friedman's: that all systems are alike.
    p_pairs : float64 array (systems, systems)
        Nemenyi's, of each pair, adjusted for all of them.
    critical_difference : float
        Mean ranks that lie closer are not told apart.
    """

    mean_ranks: np.ndarray
    p: float
    p_pairs: np.ndarray
    critical_difference: float


def rank_over_corpora(figures: ArrayLike, *, higher_is_better: bool = True, level: float = LEVEL) -> Ranks:
    """Rank systems within each corpus and compare their mean ranks.

    Parameters
    ----------
    figures : array (corpora, systems)
        One figure per corpus and system.
    higher_is_better : bool
        False of errors.
    level : float
        One minus the error that the critical difference keeps.

    Returns
    -------
    Ranks

    Raises
    ------
    ParameterError
        With fewer than five corpora or two systems, or a figure that is not finite.
    """
    table = np.asarray(figures, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise ParameterError(f"got figures of shape {table.shape}; a finite (corpora, systems) is needed")
    n_corpora, n_systems = table.shape
    if n_corpora < FEWEST_CORPORA or n_systems < 2:
        raise ParameterError(
            f"{n_corpora} corpora and {n_systems} systems are too few for ranks, which need {FEWEST_CORPORA} and 2"
        )
    from scipy.stats import chi2, rankdata, studentized_range  # half a second to import

    ranks = rankdata(-table if higher_is_better else table, axis=1)
    means = ranks.mean(axis=0)
    # Friedman's statistic with the correction for ties: deviations of rank sums over the variance of ranks in the corpora.
    spread = float(np.sum((ranks - (n_systems + 1) / 2) ** 2))
    if spread == 0:
        statistic = 0.0
    else:
        statistic = (n_systems - 1) * n_corpora**2 * float(np.sum((means - (n_systems + 1) / 2) ** 2)) / spread
    error = (n_systems * (n_systems + 1) / (6 * n_corpora)) ** 0.5
    studentised = np.abs(means[:, None] - means) / error * 2**0.5
    p_pairs = studentized_range.sf(studentised, n_systems, np.inf)
    border = float(studentized_range.ppf(level, n_systems, np.inf)) / 2**0.5
    return Ranks(means, float(chi2.sf(statistic, n_systems - 1)), np.asarray(p_pairs), border * error)
