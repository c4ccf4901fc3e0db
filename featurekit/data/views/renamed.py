"""A store whose columns go by other names, such as those by which a run knows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from featurekit.data.views.store_view import DelegatingView, StoreView
from featurekit.errors import UnknownNameError
from featurekit.store import ColumnInfo


class RenamedStore(DelegatingView):
    """Some columns of a store, under other names.

    Parameters
    ----------
    store : StoreView
    names : mapping
        Name here → name in the store.
    """

    def __init__(self, store: StoreView, names: Mapping[str, str]) -> None:
        super().__init__(store)
        self.names = dict(names)

    @cached_property
    def columns(self) -> Mapping[str, ColumnInfo]:
        """Name here → what the column is, as the store describes it."""
        return {name: self.store.columns[own] for name, own in self.names.items()}

    def lengths(self, column: str) -> np.ndarray:
        """Rows of each utterance, int64 (n,)."""
        return self.store.lengths(self._own(column))

    def status(self, column: str) -> np.ndarray:
        """0 ok, 1 failed, 2 skipped, uint8 (n,)."""
        return self.store.status(self._own(column))

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of one utterance."""
        return self.store.read(self._own(column), index)

    def _own(self, column: str) -> str:
        if column not in self.names:
            raise UnknownNameError("column", column, self.names)
        return self.names[column]
