"""What a test set could have shown: the smallest difference that its speakers find, and how many more find a smaller one."""

from __future__ import annotations

from featurekit.errors import ParameterError
from featurekit.statistics.intervals import LEVEL
from featurekit.statistics.speakers import FEWEST_SPEAKERS

POWER = 0.8
_MOST_SPEAKERS = 1_000_000_000


def smallest_difference(standard_error: float, n_speakers: int, *, level: float = LEVEL, power: float = POWER) -> float:
    """The true difference that a test on so many speakers would find with this power.

    ``(t(1 - (1 - level)/2) + t(power)) x standard error``, t with S - 1 degrees of freedom.

    Parameters
    ----------
    standard_error : float
        Of the difference, one speaker left out at a time.
    n_speakers : int
        That it was computed on.
    level, power : float
        Of the two-sided test, and how often it is to find the difference.

    Returns
    -------
    float
        In the figure's unit.

    Raises
    ------
    ParameterError
        With fewer than five speakers, or a level or power outside (0, 1).

    Examples
    --------
    >>> round(smallest_difference(0.02, 24), 4)
    0.0585
    """
    if n_speakers < FEWEST_SPEAKERS:
        raise ParameterError(f"got {n_speakers} speakers; at least {FEWEST_SPEAKERS} are needed")
    for name, value in (("level", level), ("power", power)):
        if not 0 < value < 1:
            raise ParameterError(f"{name} is {value}; it must lie between 0 and 1")
    from scipy.special import stdtrit  # a quarter of a second to import

    freedom = n_speakers - 1
    return float(stdtrit(freedom, (1 + level) / 2) + stdtrit(freedom, power)) * standard_error


def speakers_needed(
    difference: float, standard_error: float, n_speakers: int, *, level: float = LEVEL, power: float = POWER
) -> int:
    """How many speakers would show a true difference of this size.

    The standard error shrinks with the root of their number, if they differ as those at hand do.

    Parameters
    ----------
    difference : float
        The size that is to be found; its sign does not matter.
    standard_error : float
        Of the difference, on the speakers at hand.
    n_speakers : int
        At hand.
    level, power : float
        As for :func:`smallest_difference`.

    Returns
    -------
    int
        At least five.

    Raises
    ------
    ParameterError
        As :func:`smallest_difference`; also when ``difference`` is 0, or so small that a billion speakers would not show it.
    """
    wanted = abs(difference)

    def is_enough(count: int) -> bool:
        error = standard_error * (n_speakers / count) ** 0.5
        return smallest_difference(error, count, level=level, power=power) <= wanted

    smallest_difference(standard_error, n_speakers, level=level, power=power)  # refuses what is out of range
    if wanted == 0 or not is_enough(_MOST_SPEAKERS):
        raise ParameterError(f"no number of speakers shows a difference of {difference:g}")
    low, high = FEWEST_SPEAKERS - 1, _MOST_SPEAKERS
    while high - low > 1:  # the smallest number that is enough lies above low and at most at high
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
