"""Intervals over speakers: delete one speaker at a time, t with S - 1 degrees of freedom, on the scale of the figure.

A percentile bootstrap over few speakers is too narrow: its "95 %" cover 80 to 85 % with five speakers and 85 to 91 % with ten.
These cover 93 to 97 %, which ``tests/statistics/test_coverage.py`` simulates.

References
----------
Efron, Stein 1981: The jackknife estimate of variance. Tukey 1958, for the t of its S - 1 degrees of freedom.
Clopper, Pearson 1934: The use of confidence or fiducial limits illustrated in the case of the binomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurekit.errors import ParameterError
from featurekit.statistics.jackknife import LeftOut
from featurekit.statistics.scales import SHARE, Scale
from featurekit.statistics.speakers import too_few_speakers

LEVEL = 0.95
_ROUNDING = 1e-12  # a spread below it is the rounding of sums


@dataclass(frozen=True)
class Interval:
    """An interval, or why there is none.

    Parameters
    ----------
    borders : (float, float) or None
        Lower and upper border.
    note : str
        Why there is none, or how it was made where it was made in another way than the others; else empty.
    """

    borders: tuple[float, float] | None
    note: str = ""


def intervals(found: LeftOut, scales: Sequence[Scale], *, level: float = LEVEL) -> list[Interval]:
    """An interval of each figure.

    Parameters
    ----------
    found : LeftOut
        As :func:`leave_one_out` returns it, m figures.
    scales : sequence of Scale, m
        What kind of figure each is.
    level : float
        Coverage of each interval by itself.

    Returns
    -------
    list of Interval
        None of them has borders below five speakers; one has none where the figure is not defined without some speaker. A share
        of 0 or 1 in all speakers has Clopper and Pearson's of the number of speakers; any other figure that is the same
        whoever is left out has no width, and its note says so.

    Raises
    ------
    ParameterError
        When ``level`` is not in (0, 1), or the numbers of figures and scales differ.
    """
    if not 0 < level < 1:
        raise ParameterError(f"level is {level}; it must lie between 0 and 1, for example 0.95")
    if len(scales) != len(found.values):
        raise ParameterError(f"got {len(scales)} scales for {len(found.values)} figures")
    if why := too_few_speakers(found.n_speakers):
        return [Interval(None, why)] * len(scales)
    errors = found.standard_errors
    return [_interval(found, place, errors[place], scale, level) for place, scale in enumerate(scales)]


def method(found: LeftOut) -> str:
    """How intervals of these figures are made, as a sentence's part."""
    who = "speaker" if found.n_speakers == len(found.without) else f"of {len(found.without)} groups of speakers"
    return f"one {who} left out at a time, t with {found.freedom} degrees of freedom"


def _interval(found: LeftOut, place: int, error: float, scale: Scale, level: float) -> Interval:
    value = float(found.values[place])
    if not np.isfinite(value):
        return Interval(None, "it is not defined")
    undefined = np.flatnonzero(~np.isfinite(found.without[:, place]))
    if len(undefined):
        return Interval(None, f"it is not defined without speaker {found.speakers[undefined[0]]}")
    if error <= _ROUNDING:
        if scale is SHARE and value in scale.ends:
            return _at_an_end(value, found.n_speakers, level)
        return Interval((value, value), "it is the same whichever speaker is left out")
    from scipy.special import stdtrit  # a quarter of a second to import

    half = float(stdtrit(found.freedom, (1 + level) / 2)) * error * scale.slope(value)
    middle = scale.forth(value)
    return Interval((scale.back(middle - half), scale.back(middle + half)))


def _at_an_end(value: float, n_speakers: int, level: float) -> Interval:
    """Clopper and Pearson's interval of 0 or of all speakers, which needs no table."""
    far = ((1 - level) / 2) ** (1 / n_speakers)
    borders = (far, 1.0) if value else (0.0, 1 - far)
    return Interval(borders, f"the same in all {n_speakers} speakers: Clopper and Pearson's interval of their number")
