"""Corrections of p-values that come from elsewhere, for how many of them there are.

Differences of systems that were tested on the same speakers have a better one: :func:`featurekit.statistics.swap_test`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError


def holm(p: ArrayLike) -> np.ndarray:
    """Adjusted p-values that keep the chance of *any* false finding (Holm 1979).

    Parameters
    ----------
    p : array (m,)
        nan are no tests: they stay nan and do not count.

    Returns
    -------
    float64 array (m,)

    Raises
    ------
    ParameterError
        When a p lies outside [0, 1].

    Examples
    --------
    >>> [round(float(p), 4) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values, is_test, order = _ordered(p)
    m = len(order)
    adjusted = np.maximum.accumulate(values[order] * (m - np.arange(m)))
    return _back(values, is_test, order, adjusted)


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Adjusted p-values that keep the *share* of false findings among all findings (Benjamini and Hochberg 1995).

    Parameters
    ----------
    p : array (m,)
        nan are no tests: they stay nan and do not count.

    Returns
    -------
    float64 array (m,)

    Raises
    ------
    ParameterError
        When a p lies outside [0, 1].

    Examples
    --------
    >>> [round(float(p), 4) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    values, is_test, order = _ordered(p)
    m = len(order)
    raised = values[order] * m / (1 + np.arange(m))
    adjusted = np.minimum.accumulate(raised[::-1])[::-1]
    return _back(values, is_test, order, adjusted)


def _ordered(p: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The values, which of them are tests, and the order of the tests' values."""
    given = np.asarray(p, dtype=np.float64).ravel()
    is_test = ~np.isnan(given)
    values = given[is_test]
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise ParameterError(f"p-values lie between 0 and 1; got {values.min():g} to {values.max():g}")
    return given, is_test, np.flatnonzero(is_test)[np.argsort(values, kind="stable")]


def _back(values: np.ndarray, is_test: np.ndarray, order: np.ndarray, adjusted: np.ndarray) -> np.ndarray:
    found = np.where(is_test, values, np.nan)
    found[order] = np.minimum(adjusted, 1.0)
    return found
