"""Figures with each speaker left out in turn: how much they would change with other speakers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from featurekit.statistics.speakers import numbered

# Of more speakers (utterances that name none count as one each), so many groups of about one size are left out in turn.
MOST_GROUPS = 1000


@dataclass(frozen=True)
class LeftOut:
    """Figures of all speakers, and without each.

    Parameters
    ----------
    values : float64 array (m,)
        The figures of all.
    without : float64 array (groups, m)
        The figures without each group; a group is one speaker, up to :data:`MOST_GROUPS` of them.
    speakers : tuple of str
        Who is left out, group by group; a group of several has the first one's name.
    n_speakers : int
        How many there are.
    """

    values: np.ndarray
    without: np.ndarray
    speakers: tuple[str, ...]
    n_speakers: int

    @property
    def standard_errors(self) -> np.ndarray:
        """Of each figure, (m,): the root of (S - 1)/S times the squared deviations; nan where one is not defined."""
        n_groups = len(self.without)
        deviations = self.without - self.without.mean(axis=0)
        errors: np.ndarray = np.sqrt((n_groups - 1) / n_groups * np.sum(deviations**2, axis=0))
        return errors

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the standard errors."""
        return len(self.without) - 1


def leave_one_out(figures: Callable[..., Any], speakers: ArrayLike, *arrays: ArrayLike) -> LeftOut:
    """Compute figures of all speakers, and with each speaker left out.

    Parameters
    ----------
    figures : callable
        Called as ``figures(*arrays)`` on the rows that are left; it returns a number, or several as an array (m,).
    speakers : array (n,)
        Speaker of each row.
    *arrays : array (n, …)
        What ``figures`` takes, one row per utterance (truth and prediction, say).

    Returns
    -------
    LeftOut

    Raises
    ------
    ParameterError
        When lengths differ.
    """
    names, numbers, columns = numbered(speakers, *arrays)
    groups = numbers % MOST_GROUPS
    n_groups = min(len(names), MOST_GROUPS)
    values = np.atleast_1d(np.asarray(figures(*columns), dtype=np.float64))
    without = np.full((n_groups, len(values)), np.nan)
    for group in range(n_groups if len(names) > 1 else 0):
        left = groups != group
        without[group] = figures(*(column[left] for column in columns))
    return LeftOut(values, without, tuple(str(name) for name in names[:n_groups]), len(names))
