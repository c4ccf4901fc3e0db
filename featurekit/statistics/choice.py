"""What looking at the test set would flatter: the best of many points is partly lucky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurekit.errors import ParameterError
from featurekit.statistics.tallies import Tallies

_TIE = 1e-9  # the rounding of sums


@dataclass(frozen=True)
class Choice:
    """A point that was chosen on dev, beside the one that is best on test.

    Parameters
    ----------
    chosen, best : int
        Numbers of the two points.
    value, best_value : float
        Their figures on test. Only the first may be claimed.
    n_points : int
        How many were tried.
    chances : float64 array (points,)
        How often each is the best when speakers are drawn anew; they sum to 1.
    """

    chosen: int
    best: int
    value: float
    best_value: float
    n_points: int
    chances: np.ndarray

    @property
    def optimism(self) -> float:
        """What choosing on test would have added to the figure: 0 or more, of errors as well."""
        return abs(self.best_value - self.value)


def judge_choice(tallies: Tallies, chosen: int, *, n_resamples: int = 1000, seed: int = 0) -> Choice:
    """Compare a chosen point with the best on test.

    Parameters
    ----------
    tallies : Tallies
        Of all points on the test part.
    chosen : int
        The number of the point that dev chose.
    n_resamples, seed : int
        How often speakers are drawn with replacement for the chances, from which seed.

    Returns
    -------
    Choice

    Raises
    ------
    ParameterError
        When ``chosen`` is no point, or no point has a figure.
    """
    values = tallies.values if tallies.figure.higher_is_better else -tallies.values
    if not 0 <= chosen < len(values):
        raise ParameterError(f"point {chosen} is none of {len(values)}, numbered from 0")
    if not np.isfinite(values).any():
        raise ParameterError("no point has a figure on this test part")
    best = int(np.nanargmax(values))
    rng = np.random.default_rng(seed)
    n_groups = len(tallies.speakers)
    drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_resamples)
    wins = np.zeros(len(values))
    for times in drawn:
        again = tallies.figure.value(np.tensordot(times.astype(float), tallies.sums, axes=(0, 1)))
        again = np.where(np.isfinite(again), again if tallies.figure.higher_is_better else -again, -np.inf)
        is_best = again >= again.max() - _TIE
        wins += is_best / is_best.sum()  # equal ones share it
    figures = tallies.values
    return Choice(chosen, best, float(figures[chosen]), float(figures[best]), len(values), wins / n_resamples)
