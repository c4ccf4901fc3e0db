"""One utterance whose values are in memory, read as a store of one row: new audio, for what reads stores."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from featurekit.manifest import Manifest, Utterance
from featurekit.store import ColumnInfo


class UtteranceInMemory:
    """A store of one utterance, whose row is 0.

    Parameters
    ----------
    columns : mapping
        Name → what the column is.
    values : mapping
        Name → the values, as a store holds them.
    """

    def __init__(self, columns: Mapping[str, ColumnInfo], values: Mapping[str, np.ndarray]) -> None:
        self.columns, self.values = columns, values

    @cached_property
    def manifest(self) -> Manifest:
        """One utterance, of which nothing is known."""
        return Manifest([Utterance("utterance", "utterance")])

    def lengths(self, column: str) -> np.ndarray:
        """Rows of the utterance, int64 (1,)."""
        return np.array([len(self.values[column])], dtype=np.int64)

    def status(self, column: str) -> np.ndarray:
        """0, ok, uint8 (1,)."""
        return np.zeros(1, np.uint8)

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of the utterance."""
        return self.values[column]
