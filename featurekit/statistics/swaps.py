"""Swap tests over speakers: what differences would come out if the two systems were one and the same.

Under the null it is a toss which of two systems said what on a speaker. So the predictions of the two are swapped speaker by
speaker, and the difference of the figures is taken again. What is swapped are the sums behind the figures, not the figures of
single speakers: most figures are no mean over speakers.

All systems were tested on the same speakers, so one set of swaps serves a whole table, and the largest difference that it makes
anywhere in the table is what a difference has to exceed (step-down max-T). That keeps the error of the family, and gains where
systems are alike, as feature subsets are.

References
----------
Westfall, Young 1993: Resampling-based multiple testing. Ge, Dudoit, Speed 2003 (algorithm of the step-down).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurekit.errors import ParameterError
from featurekit.statistics.intervals import LEVEL
from featurekit.statistics.tallies import Tallies, _columns

DRAWS = 10_000
MOST_EXACT = 16  # speakers; of so many all 2^16 swaps are taken
MOST_PAIRS = 20_000  # their swapped differences are held in memory, as float32
_BLOCK = 1000  # swaps whose sums are computed at once: few enough for the cache of a core
_TIE = 1e-4  # in standard deviations: what float32 leaves of two equal differences


@dataclass(frozen=True)
class SwapTest:
    """Differences of pairs of systems beside what swaps of speakers make of them.

    Parameters
    ----------
    values : float64 array (m,)
        The differences.
    p : float64 array (m,)
        Of each pair by itself, two-sided; nan where it is not defined, and everywhere if no p could be below 0.05.
    p_family : float64 array (m,)
        Adjusted over the family of all m pairs by step-down max-T; nan where ``p`` is.
    n_swaps : int
        How many swaps there were.
    is_exact : bool
        Whether these were all.
    level_each : float
        Coverage that each of m intervals needs, so that 95 % of such tables have the truth in all of theirs.
    note : str
        Why there is no p; else empty.
    """

    values: np.ndarray
    p: np.ndarray
    p_family: np.ndarray
    n_swaps: int
    is_exact: bool
    level_each: float
    note: str = ""

    @property
    def how(self) -> str:
        """The method in words."""
        swaps = f"all {self.n_swaps} swaps" if self.is_exact else f"{self.n_swaps} random swaps"
        family = "" if len(self.values) == 1 else f", step-down max-T over {len(self.values)} differences"
        return f"{swaps} of the two systems' predictions, speaker by speaker{family}"


def swap_test(
    tallies: Tallies,
    pairs: Sequence[tuple[int, int]],
    *,
    n_swaps: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> SwapTest:
    """Test whether systems differ on speakers like these.

    Parameters
    ----------
    tallies : Tallies
        Of all systems, on the same utterances.
    pairs : sequence of (int, int)
        Whom to compare; together they are the family. :func:`~featurekit.statistics.tallies.against` and
        :func:`~featurekit.statistics.tallies.all_pairs` make them.
    n_swaps : int
        How many swaps are drawn with more than 16 speakers; with fewer all of them are taken.
    seed : int
        Of the draws.
    level : float
        Of the simultaneous intervals whose own level is wanted.

    Returns
    -------
    SwapTest

    Raises
    ------
    ParameterError
        When ``n_swaps`` is below 1, there is no pair, one names a system that is none, or there are more than 20,000.
    """
    if n_swaps < 1:
        raise ParameterError(f"n_swaps is {n_swaps}; expected 1 or more, for example {DRAWS}")
    ones, others = _columns(pairs, tallies.n_systems)
    if len(ones) > MOST_PAIRS:
        raise ParameterError(f"{len(ones)} pairs are more than {MOST_PAIRS}; compare with one reference instead")
    values = tallies.values[ones] - tallies.values[others]
    swaps, is_exact = _draws(len(tallies.speakers), n_swaps, seed)
    n_all = 2 * len(swaps) if is_exact else len(swaps)
    why = _cannot_show(len(tallies.speakers), tallies.n_speakers)
    if why:
        undefined = np.full(len(ones), np.nan)
        return SwapTest(values, undefined, undefined, n_all, is_exact, level, why)

    swapped = _swapped_differences(tallies, ones, others, swaps)
    spread = np.sqrt(np.mean(np.square(swapped, dtype=np.float64), axis=1))
    is_defined = np.isfinite(values) & np.isfinite(spread)
    scale = np.where(is_defined & (spread > 0), spread, np.inf)  # systems that are equal everywhere differ by 0
    standard = np.where(is_defined, np.abs(values) / scale, 0.0)
    np.abs(swapped, out=swapped)
    swapped /= scale[:, None].astype(np.float32)
    swapped[~is_defined] = 0

    extra = 0 if is_exact else 1  # what was seen is one of the draws
    hits = (swapped >= (standard[:, None] - _TIE)).sum(axis=1)
    p = np.where(is_defined, (hits + extra) / (len(swaps) + extra), np.nan)
    p_family = np.where(is_defined, _step_down(standard, swapped, extra), np.nan)
    return SwapTest(values, p, p_family, n_all, is_exact, _level_each(swapped, level))


def _cannot_show(n_groups: int, n_speakers: int) -> str:
    """Why no p can come out; the smallest is that of the two swaps that swap none or all."""
    smallest = 2.0 ** (1 - n_groups)
    if smallest <= 0.05:
        return ""
    who = "1 speaker" if n_speakers == 1 else f"{n_speakers} speakers"
    return f"{who} cannot show a difference at 5 %: the smallest p of all swaps is {smallest:.4g}"


def _draws(n_groups: int, n_swaps: int, seed: int) -> tuple[np.ndarray, bool]:
    """Rows of 0 and 1 per group, and whether these are all.

    Of all swaps one half is enough: to swap the other speakers gives the same difference with the other sign.
    """
    if n_groups <= MOST_EXACT:
        numbers = np.arange(2 ** max(n_groups - 1, 0))
        return ((numbers[:, None] >> np.arange(n_groups)) & 1).astype(np.float64), True
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (n_swaps, n_groups)).astype(np.float64), False


def _swapped_differences(tallies: Tallies, ones: np.ndarray, others: np.ndarray, swaps: np.ndarray) -> np.ndarray:
    """The difference of each pair under each swap, float32 (pairs, swaps)."""
    figure, total = tallies.figure, tallies.sums.sum(axis=1)
    if figure.weights is not None:
        # The truth is the same whoever predicted, so a speaker adds a fixed amount, with one sign or the other.
        added = tallies.sums @ figure.weights(total[0])
        of_speakers = added[ones] - added[others]
        return np.asarray((of_speakers @ (1 - 2 * swaps.T)).astype(np.float32))
    found = np.empty((len(ones), len(swaps)), dtype=np.float32)
    for place, (one, other) in enumerate(zip(ones, others, strict=True)):
        change = tallies.sums[other] - tallies.sums[one]
        for start in range(0, len(swaps), _BLOCK):
            moved = swaps[start : start + _BLOCK] @ change
            values = figure.value(total[one] + moved) - figure.value(total[other] - moved)
            found[place, start : start + _BLOCK] = values
    return found


def _step_down(standard: np.ndarray, swapped: np.ndarray, extra: int) -> np.ndarray:
    """Adjusted p: the j-th largest difference against the largest of itself and all smaller ones, under each swap."""
    order = np.argsort(-standard, kind="stable")
    largest = np.zeros(swapped.shape[1], dtype=np.float32)
    by_rank = np.empty(len(order))
    for rank in range(len(order) - 1, -1, -1):
        np.maximum(largest, swapped[order[rank]], out=largest)
        hits = np.count_nonzero(largest >= standard[order[rank]] - _TIE)
        by_rank[rank] = (hits + extra) / (swapped.shape[1] + extra)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(by_rank)
    return adjusted


def _level_each(swapped: np.ndarray, level: float) -> float:
    """How often one difference stays below what the largest of all exceeds in 5 % of swaps."""
    if len(swapped) == 1:
        return level
    border = np.quantile(swapped.max(axis=0), level)
    beyond = float(np.mean(swapped > border - _TIE))
    return 1 - min(max(beyond, (1 - level) / len(swapped)), 1 - level)
