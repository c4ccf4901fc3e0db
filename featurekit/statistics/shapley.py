"""What a feature group is worth: Shapley values and interactions of the figures of all combinations.

The Shapley value of a group is the mean, over all orders in which groups could be added, of what it adds. It is a weighted sum
of figures, so the same weights on the figures without each speaker give its interval.

References
----------
Shapley 1953: A value for n-person games. Grabisch, Roubens 1999 (interaction index).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

from featurekit.errors import ParameterError
from featurekit.statistics.intervals import Interval, intervals
from featurekit.statistics.jackknife import LeftOut
from featurekit.statistics.scales import DIFFERENCE

MOST_EXACT = 12  # groups; of more there are too many combinations to train

Combination = frozenset[str]


@dataclass(frozen=True)
class Worth:
    """What groups are worth, or pairs of them beyond both alone.

    Parameters
    ----------
    names : tuple
        Of a group, or two of a pair.
    values : float64 array (m,)
        In the figure's unit. Those of groups sum to the figure of all groups minus that of none.
    intervals : tuple of Interval
        Over speakers, each by itself.
    """

    names: tuple[str | tuple[str, str], ...]
    values: np.ndarray
    intervals: tuple[Interval, ...]


def shapley_values(found: LeftOut, combinations: Sequence[Combination], nothing: float) -> Worth:
    """Exact Shapley value of each group.

    Parameters
    ----------
    found : LeftOut
        One figure per combination.
    combinations : sequence of frozenset of str
        The groups of each: every combination of them but the empty one, in any order.
    nothing : float
        The figure with no group: chance, 1/classes for UA.

    Returns
    -------
    Worth
        Groups sorted by name.

    Raises
    ------
    ParameterError
        When a combination is absent or there twice, or there are more than 12 groups.
    """
    groups = _groups_of(combinations)
    n = len(groups)
    weights = np.zeros((n, 2**n))
    for place in range(n):
        for subset in range(2**n):
            if not subset >> place & 1:
                size = subset.bit_count()
                weight = factorial(size) * factorial(n - size - 1) / factorial(n)
                weights[place, subset | 1 << place] += weight
                weights[place, subset] -= weight
    return _worth(tuple(groups), weights, _table(found, combinations, groups, nothing))


def interactions(found: LeftOut, combinations: Sequence[Combination], nothing: float) -> Worth:
    """Shapley interaction index of each pair: what two groups give beyond what each gives. Below 0, one replaces the other.

    Parameters, Raises
    ------------------
    As for :func:`shapley_values`.

    Returns
    -------
    Worth
        Pairs of names, sorted; none with fewer than two groups.
    """
    groups = _groups_of(combinations)
    pairs = list(itertools.combinations(range(len(groups)), 2))
    n = len(groups)
    weights = np.zeros((len(pairs), 2**n))
    for row, (one, other) in enumerate(pairs):
        both = 1 << one | 1 << other
        for subset in range(2**n):
            if not subset & both:
                size = subset.bit_count()
                weight = factorial(size) * factorial(n - size - 2) / factorial(n - 1)
                weights[row, subset | both] += weight
                weights[row, subset | 1 << one] -= weight
                weights[row, subset | 1 << other] -= weight
                weights[row, subset] += weight
    names = tuple((groups[one], groups[other]) for one, other in pairs)
    return _worth(names, weights, _table(found, combinations, groups, nothing))


def sampled_shapley_values(
    figure: Callable[[Combination], float], groups: Sequence[str], *, n_orders: int = 200, seed: int = 0
) -> Mapping[str, tuple[float, float]]:
    """Shapley values from random orders, for more groups than all combinations of which could be trained.

    Parameters
    ----------
    figure : callable
        The figure of a combination; it is called with the empty one, too, and once for each that is met.
    groups : sequence of str
        Their names.
    n_orders : int
        How many orders are drawn.
    seed : int
        Of the draws.

    Returns
    -------
    mapping
        Group → its value and the standard error that drawing leaves.

    Raises
    ------
    ParameterError
        With fewer than two orders, or a group named twice.
    """
    if n_orders < 2:
        raise ParameterError(f"n_orders is {n_orders}; expected 2 or more")
    if len(set(groups)) < len(groups):
        raise ParameterError(f"a group is named twice: {', '.join(groups)}")
    known: dict[Combination, float] = {}

    def known_figure(combination: Combination) -> float:
        if combination not in known:
            known[combination] = figure(combination)
        return known[combination]

    rng = np.random.default_rng(seed)
    gains = np.empty((n_orders, len(groups)))
    for row in range(n_orders):
        there: Combination = frozenset()
        for place in rng.permutation(len(groups)):
            more = there | {groups[place]}
            gains[row, place] = known_figure(more) - known_figure(there)
            there = more
    errors = gains.std(axis=0, ddof=1) / n_orders**0.5
    return {name: (float(gains[:, place].mean()), float(errors[place])) for place, name in enumerate(groups)}


def _groups_of(combinations: Sequence[Combination]) -> list[str]:
    groups = sorted(set().union(*combinations)) if combinations else []
    if len(groups) > MOST_EXACT:
        raise ParameterError(f"{len(groups)} groups are more than {MOST_EXACT}: take sampled_shapley_values")
    there = {combination for combination in combinations if combination}
    if len(there) < len(combinations):
        raise ParameterError("a combination is empty or there twice; give each once, and the empty one's figure as nothing")
    if not groups or len(there) < 2 ** len(groups) - 1:
        needed = 2 ** len(groups) - 1
        raise ParameterError(
            f"Shapley values need all {needed} combinations of {len(groups)} groups; {len(there)} are there. "
            "Of a part of them, look at the differences"
        )
    return groups


def _table(found: LeftOut, combinations: Sequence[Combination], groups: Sequence[str], nothing: float) -> LeftOut:
    """Figures by the number whose bits are the groups; number 0 is the empty combination."""
    if len(found.values) != len(combinations):
        raise ParameterError(f"got {len(found.values)} figures for {len(combinations)} combinations")
    place = {name: number for number, name in enumerate(groups)}
    values = np.full(2 ** len(groups), float(nothing))
    without = np.full((len(found.without), len(values)), float(nothing))
    for column, combination in enumerate(combinations):
        number = sum(1 << place[name] for name in combination)
        values[number] = found.values[column]
        without[:, number] = found.without[:, column]
    return LeftOut(values, without, found.speakers, found.n_speakers)


def _worth(names: tuple[str | tuple[str, str], ...], weights: np.ndarray, table: LeftOut) -> Worth:
    weighted = LeftOut(weights @ table.values, table.without @ weights.T, table.speakers, table.n_speakers)
    return Worth(names, weighted.values, tuple(intervals(weighted, [DIFFERENCE] * len(names))))
