"""McNemar's test for utterances that come in speakers.

The plain test takes utterances for independent and calls a quarter of true nulls different, since systems suit speakers
differently. Here each speaker is one fact: how many more utterances the first system has right than the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from featurekit.statistics.speakers import numbered, too_few_speakers


@dataclass(frozen=True)
class McNemar:
    """Who is right where the other is wrong.

    Parameters
    ----------
    only_one, only_other : int
        Utterances that only the first system has right, and only the second.
    p : float
        Two-sided; nan where the note says why.
    note : str
        Why there is no p; else empty.
    """

    only_one: int
    only_other: int
    p: float
    note: str = ""


def clustered_mcnemar(speakers: ArrayLike, one_is_right: ArrayLike, other_is_right: ArrayLike) -> McNemar:
    """Test whether two systems have equally many utterances right, speakers as units.

    With ``d`` a speaker's difference, ``sum(d) / sqrt(sum(d²))`` is compared with t of S - 1 degrees of freedom.

    Parameters
    ----------
    speakers : array (n,)
        Speaker of each utterance.
    one_is_right, other_is_right : bool array (n,)
        Whether each system has it right.

    Returns
    -------
    McNemar

    Raises
    ------
    ParameterError
        When lengths differ.
    """
    names, numbers, (one, other) = numbered(speakers, one_is_right, other_is_right)
    one, other = one.astype(bool), other.astype(bool)
    only_one, only_other = int(np.sum(one & ~other)), int(np.sum(other & ~one))
    if why := too_few_speakers(len(names)):
        return McNemar(only_one, only_other, float("nan"), why.replace("an interval", "a test"))
    of_speaker = np.bincount(numbers, weights=one.astype(float) - other, minlength=len(names))
    squares = float(np.sum(of_speaker**2))
    if squares == 0:
        return McNemar(only_one, only_other, 1.0)
    from scipy.special import stdtr  # a quarter of a second to import

    t = float(of_speaker.sum()) / squares**0.5
    return McNemar(only_one, only_other, float(2 * stdtr(len(names) - 1, -abs(t))))
