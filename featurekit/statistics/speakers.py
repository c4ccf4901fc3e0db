"""How many speakers an interval needs, and whose utterances are whose."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from featurekit.errors import ParameterError

FEWEST_SPEAKERS = 5  # with fewer an interval over speakers says nothing that can be trusted


def too_few_speakers(n_speakers: int) -> str:
    """Why so many speakers have no interval; empty where they have one.

    >>> too_few_speakers(2), too_few_speakers(5)
    ('2 speakers are too few for an interval over speakers, which needs 5', '')
    """
    if n_speakers >= FEWEST_SPEAKERS:
        return ""
    who = "1 speaker is" if n_speakers == 1 else f"{n_speakers} speakers are"
    return f"{who} too few for an interval over speakers, which needs {FEWEST_SPEAKERS}"


def numbered(speakers: ArrayLike, *arrays: ArrayLike) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Names of the speakers, the number of each row's, and the arrays.

    Raises
    ------
    ParameterError
        When an array has another number of rows.
    """
    columns = [np.asarray(array) for array in arrays]
    names, numbers = np.unique(np.asarray(speakers), return_inverse=True)
    if any(len(column) != len(numbers) for column in columns):
        raise ParameterError(f"got {len(numbers)} speakers for arrays of {[len(column) for column in columns]} rows")
    return names, numbers, columns
