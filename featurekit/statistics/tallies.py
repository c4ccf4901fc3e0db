"""What each speaker adds to the sums of a figure, for one system or many that were tested on the same utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError
from featurekit.statistics.figures import Figure
from featurekit.statistics.jackknife import MOST_GROUPS, LeftOut
from featurekit.statistics.speakers import numbered


@dataclass(frozen=True)
class Tallies:
    """Sums by system and speaker, from which a figure is computed.

    Parameters
    ----------
    figure : Figure
        What the sums are for.
    sums : float64 array (systems, groups, k)
        A group is one speaker; of more than :data:`~featurekit.statistics.jackknife.MOST_GROUPS` speakers it is several.
    speakers : tuple of str
        Who each group is; a group of several has the first one's name.
    n_speakers : int
        How many there are.
    """

    figure: Figure
    sums: np.ndarray
    speakers: tuple[str, ...]
    n_speakers: int

    @property
    def n_systems(self) -> int:
        """How many systems were tested."""
        return len(self.sums)

    @property
    def values(self) -> np.ndarray:
        """The figure of each system, (systems,)."""
        return self.figure.value(self.sums.sum(axis=1))

    @property
    def without_each(self) -> np.ndarray:
        """The figure of each system with each group left out, (groups, systems).

        It is nan where a class goes with the speaker: a mean over fewer classes is another figure.
        """
        if len(self.speakers) < 2:
            return np.full((len(self.speakers), self.n_systems), np.nan)
        total = self.sums.sum(axis=1, keepdims=True)
        values = np.array(self.figure.value(total - self.sums))
        if self.figure.support is not None:
            has_gone = (self.figure.support(total - self.sums) == 0) & (self.figure.support(total) > 0)
            values[has_gone.any(axis=-1)] = np.nan
        return values.T

    def left_out(self) -> LeftOut:
        """The figures of all speakers and without each: one figure per system."""
        return LeftOut(self.values, self.without_each, self.speakers, self.n_speakers)

    def differences(self, pairs: Sequence[tuple[int, int]]) -> LeftOut:
        """Of each pair (one, other) the figure of one minus that of the other, of all speakers and without each."""
        ones, others = _columns(pairs, self.n_systems)
        without = self.without_each
        return LeftOut(
            self.values[ones] - self.values[others],
            without[:, ones] - without[:, others],
            self.speakers,
            self.n_speakers,
        )

    def mean_over(self, systems: Sequence[Sequence[int]]) -> Tallies:
        """Sums averaged over systems (over the seeds of one recipe): one system per list of numbers."""
        return Tallies(
            self.figure,
            np.stack([self.sums[list(numbers)].mean(axis=0) for numbers in systems]),
            self.speakers,
            self.n_speakers,
        )


def tally(figure: Figure, speakers: ArrayLike, truth: ArrayLike, predicted: ArrayLike, *, n_classes: int = 0) -> Tallies:
    """Sum up by speaker.

    Parameters
    ----------
    figure : Figure
        What is wanted; :func:`~featurekit.statistics.figures.get_figure` has it by name.
    speakers : array (n,)
        Speaker of each utterance (or recording, session: whatever the split keeps apart).
    truth : array (n,)
        Class numbers, or ratings.
    predicted : array (n,) or (systems, n)
        What one system said, or each of several.
    n_classes : int
        How many classes there are; of no meaning for ratings.

    Returns
    -------
    Tallies

    Raises
    ------
    ParameterError
        When lengths differ, or a class number is none.
    """
    rows = np.atleast_2d(np.asarray(predicted))
    names, numbers, (true, *systems) = numbered(speakers, truth, *rows)
    groups = numbers % MOST_GROUPS
    n_groups = min(len(names), MOST_GROUPS)
    sums = []
    for system in systems:
        added = figure.sums(true, system, n_classes)
        of_groups = np.zeros((n_groups, added.shape[-1]))
        np.add.at(of_groups, groups, added)
        sums.append(of_groups)
    if not sums:
        raise ParameterError("got predictions of no system; give at least one row")
    return Tallies(figure, np.stack(sums), tuple(map(str, names[:n_groups])), len(names))


def against(reference: int, n_systems: int) -> list[tuple[int, int]]:
    """Pairs of each system with one reference.

    >>> against(0, 3)
    [(1, 0), (2, 0)]
    """
    return [(system, reference) for system in range(n_systems) if system != reference]


def all_pairs(n_systems: int) -> list[tuple[int, int]]:
    """Every pair of systems, the later one first.

    >>> all_pairs(3)
    [(1, 0), (2, 0), (2, 1)]
    """
    return [(one, other) for one in range(n_systems) for other in range(one)]


def _columns(pairs: Sequence[tuple[int, int]], n_systems: int) -> tuple[np.ndarray, np.ndarray]:
    """Firsts and seconds of pairs.

    Raises
    ------
    ParameterError
        When there is no pair, or one names a system that is none.
    """
    table = np.asarray(pairs, dtype=np.intp).reshape(-1, 2)
    if not len(table):
        raise ParameterError("got no pair of systems to compare")
    if table.min() < 0 or table.max() >= n_systems:
        raise ParameterError(f"a pair names system {table.max()}; there are {n_systems}, numbered from 0")
    return table[:, 0], table[:, 1]
