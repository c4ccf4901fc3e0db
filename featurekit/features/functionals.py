"""Functionals: one vector of statistics an utterance, of any frame features."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features.graph import Settings, feature

ALL = "mean,std,min,max,range,p25,p50,p75,skewness,kurtosis,slope"
_PERCENTILE = re.compile(r"p(\d{1,2}|100)")


def chosen(stats: str) -> list[str]:
    """Names of a comma-separated list of statistics.

    >>> chosen("mean, p90")
    ['mean', 'p90']

    Raises
    ------
    UnknownNameError
        For a statistic that does not exist.
    ParameterError
        For an empty list or one named twice.
    """
    names = [name.strip() for name in stats.split(",")]
    for name in names:
        if name not in ALL.split(",") and not _PERCENTILE.fullmatch(name):
            raise UnknownNameError("stats of functionals", name, [*ALL.split(","), "p0 … p100"])
    if len(set(names)) < len(names):
        raise ParameterError(f"functionals: a statistic is named twice in {stats!r}")
    return names


def _check(settings: Settings) -> None:
    chosen(settings["stats"])


def _names(settings: Settings, columns: Any) -> tuple[str, ...]:
    return tuple(f"{name}_{stat}" for column in columns for name in column.dim_names for stat in chosen(settings["stats"]))


def _unit(settings: Settings, columns: Any) -> str:
    units = {column.unit for column in columns}
    alike = len(units) == 1 and not {"skewness", "kurtosis", "slope"} & {*chosen(settings["stats"])}
    return units.pop() if alike else "mixed"


@feature(unit=_unit, kind="vector", dim_names=_names, of="mfcc", check=_check)
def functionals(of: np.ndarray, *, stats: str = ALL) -> np.ndarray:
    """Statistics over time of any frame features: ``functionals(of=mfcc20, stats="mean,std")``, ``functionals(of=[rms, zcr])``.

    Parameters
    ----------
    of : np.ndarray [shape=(dims, frames)]
        What ``of`` names, default ``mfcc``; a list is taken together.
    stats : str
        Comma-separated: ``mean``; ``std``, of the population; ``min``, ``max``, ``range``; ``p25`` or any other
        percentile, linear between neighbours; ``skewness`` and ``kurtosis``, the latter in excess of 3, both 0 for a
        constant; ``slope`` of the best straight line, a frame, 0 for one frame.

    Returns
    -------
    np.ndarray [shape=(dims * statistics, 1)]
        All statistics of the first dim, then of the second: ``mfcc_0_mean``, ``mfcc_0_std``, …

    References
    ----------
    Eyben et al. (2016), The Geneva minimalistic acoustic parameter set (GeMAPS), IEEE TAC 7(2).
    doi:10.1109/TAFFC.2015.2457417
    """
    from featurekit.features.kernels.statistics import moments

    values = np.ascontiguousarray(of, np.float64)
    names = chosen(stats)
    found = dict(zip(("mean", "std", "min", "max", "range", "skewness", "kurtosis", "slope"), moments(values), strict=True))
    asked = [name for name in names if _PERCENTILE.fullmatch(name)]
    if asked:
        found |= dict(zip(asked, _percentiles(np.sort(values, axis=1), [int(name[1:]) for name in asked]), strict=True))
    return np.stack([found[name] for name in names], axis=1).reshape(-1, 1)


def _percentiles(ordered: np.ndarray, percents: list[int]) -> list[np.ndarray]:
    """Percentiles of rows in order, linear between neighbours, as numpy's."""
    found = []
    for percent in percents:
        place = percent / 100 * (ordered.shape[1] - 1)
        low = int(place)
        high = min(low + 1, ordered.shape[1] - 1)
        found.append(ordered[:, low] + (place - low) * (ordered[:, high] - ordered[:, low]))
    return found
