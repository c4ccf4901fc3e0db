"""On which scale an interval is made: where a figure's error is about symmetric, and no border leaves its range.

Shares (accuracy, mean recall, F1) lie in [0, 1]: the logit. Correlations lie in [-1, 1]: Fisher's z. Errors such as the MAE are
positive: the logarithm. Differences are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Function = Callable[[float], float]


@dataclass(frozen=True)
class Scale:
    """A kind of figure, and the scale of its intervals.

    Parameters
    ----------
    name : str
        Of the kind of figure.
    forth, back : callable
        Figure → its place on the scale, and the reverse.
    slope : callable
        Figure → derivative of ``forth`` there.
    ends : tuple of float
        Figures at which every speaker says the same: the slope is not finite there.
    """

    name: str
    forth: Function
    back: Function
    slope: Function
    ends: tuple[float, ...] = ()


def _inverse_logit(place: float) -> float:
    return float(0.5 * (1 + np.tanh(place / 2)))  # exp would overflow far out


SHARE = Scale("share", lambda p: float(np.log(p / (1 - p))), _inverse_logit, lambda p: 1 / (p * (1 - p)), (0.0, 1.0))
CORRELATION = Scale(
    "correlation",
    lambda r: float(np.arctanh(r)),
    lambda z: float(np.tanh(z)),
    lambda r: 1 / (1 - r**2),
    (-1.0, 1.0),
)
ERROR = Scale("error", lambda e: float(np.log(e)), lambda place: float(np.exp(place)), lambda e: 1 / e, (0.0,))
DIFFERENCE = Scale("difference", float, float, lambda _: 1.0)
