"""Two ratings of one recording: when they contradict each other, and when raters' means differ so by themselves.

Ratings are means of few people. The means of five raters, who spread by one step of a scale of seven, differ with a standard
error of sqrt(2 / 5) = 0.63 steps, which is a tenth of the scale. So far apart, or less, two ratings of one recording say the
same; farther apart they are two labels. Where a task makes classes of the ratings, it is these that count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from featurekit.data.tasks.schemes import RATINGS, finite
from featurekit.manifest import Utterance

SHARE = 0.1  # of the scale
_BEYOND = 0.5  # means lie so far outside of a scale in corpora as published
_ROUNDING = 1e-9


def tolerance(key: str, values: Iterable[object]) -> float:
    """By how much two ratings of one recording may differ, in units of the scale; 0 where the label is no rating.

    Parameters
    ----------
    key : str
        The raw label. Those that a task reads as ratings are on the first scale of such a task that holds all values; where
        none does, the values themselves are the scale.
    values : iterable
        All values of it; None where one is missing.

    Examples
    --------
    >>> round(tolerance("score", [0.75, -2.8]), 6), tolerance("label", [1, 2])
    (0.6, 0.0)
    """
    given = [value for value in values if value is not None and value != ""]
    numbers = [number for value in given if (number := finite(value)) is not None]
    scales = [ratings.scale for ratings in RATINGS.values() if key in ratings.keys]
    if not scales or not numbers or len(numbers) < len(given):
        return 0.0
    low, high = min(numbers), max(numbers)
    scale = next((scale for scale in scales if scale[0] - _BEYOND <= low and high <= scale[1] + _BEYOND), (low, high))
    return SHARE * (scale[1] - scale[0]) + _ROUNDING


@dataclass(frozen=True)
class Rated:
    """Ratings of utterances, to be compared.

    Parameters
    ----------
    values : mapping
        Id → ratings, None where one is missing.
    tolerances : sequence of float
        As :func:`tolerance` gives them, of each rating.
    """

    values: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    tolerances: Sequence[float] = ()

    @classmethod
    def of(cls, utterances: Sequence[Utterance], keys: Sequence[str]) -> Rated:
        """The ratings in these raw labels; none where one of the labels is no rating."""
        tolerances = [tolerance(key, (item.labels.get(key) for item in utterances)) for key in keys]
        if not all(tolerances):
            return cls()
        return cls({item.id: [finite(item.labels.get(key)) for key in keys] for item in utterances}, tolerances)

    def agree(self, first: str, second: str) -> bool:
        """Whether two utterances are rated alike."""
        if not self.tolerances:
            return False
        pairs = zip(self.values[first], self.values[second], self.tolerances, strict=True)
        return all(one is None or other is None or abs(one - other) <= most for one, other, most in pairs)
