"""What is asked of a store by everything that reads features: the protocol, its opening, and a view that passes it all on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from featurekit.errors import ParameterError
from featurekit.manifest import Manifest
from featurekit.store import ColumnInfo, open_store


@runtime_checkable
class StoreView(Protocol):
    """A store as datasets, normalisers and audits read it; :class:`featurekit.store.Store` is one, and so is each view."""

    @property
    def columns(self) -> Mapping[str, ColumnInfo]:
        """Name → what the column is."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The utterances; row i of every column belongs to the i-th of them."""
        ...

    def lengths(self, column: str) -> np.ndarray:
        """Rows of each utterance, int64 (n,); 0 where it failed."""
        ...

    def status(self, column: str) -> np.ndarray:
        """0 ok, 1 failed, 2 skipped, uint8 (n,)."""
        ...

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of one utterance: ``(frames, dims)``, ``(1, dims)``, or ``(height, width)`` of an image."""
        ...


StoreOrPath: TypeAlias = StoreView | str | os.PathLike[str]


def opened(store: StoreOrPath) -> StoreView:
    """A store or a view as it is; a path is opened.

    Raises
    ------
    StoreError
        When there is no store at the path.
    ParameterError
        For what is neither.
    """
    if isinstance(store, StoreView):
        return store
    if isinstance(store, (str, os.PathLike)):
        return open_store(Path(store))
    raise ParameterError(f"expected a store, as open_store(path) returns it, or its path; got {type(store).__name__}")


class DelegatingView:
    """A view that answers as the store under it does. A subclass answers otherwise where that is its purpose.

    Parameters
    ----------
    store : StoreView
        What is seen.
    """

    def __init__(self, store: StoreView) -> None:
        self.store = store

    @property
    def columns(self) -> Mapping[str, ColumnInfo]:
        """Those of the store."""
        return self.store.columns

    @property
    def manifest(self) -> Manifest:
        """That of the store."""
        return self.store.manifest

    def lengths(self, column: str) -> np.ndarray:
        """Rows of each utterance, int64 (n,)."""
        return self.store.lengths(column)

    def status(self, column: str) -> np.ndarray:
        """0 ok, 1 failed, 2 skipped, uint8 (n,)."""
        return self.store.status(column)

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of one utterance."""
        return self.store.read(column, index)
