"""Which utterances have values in every column that is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from featurekit.data.columns import named_columns
from featurekit.data.normalise import store_rows
from featurekit.data.views.store_view import StoreOrPath, StoreView, opened
from featurekit.errors import ParameterError


def usable_ids(store: StoreOrPath, features: Sequence[str] | str) -> list[str]:
    """Ids whose rows are there and not empty in every one of these columns, in the store's order.

    Make splits of these (``make_split(..., ids=usable_ids(store, features))``), so that a failed utterance is left
    out before the parts are cut, not after.

    Parameters
    ----------
    store : StoreView or path
    features : str or sequence of str
        Its columns, features or presets.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownNameError
        For a column the store does not have.
    """
    store = opened(store)
    usable = usable_rows(store, named_columns(store, features))
    return [name for name, fine in zip(store.manifest.ids, usable, strict=True) if fine]


def usable_rows(store: StoreView, features: Iterable[str]) -> np.ndarray:
    """Mask (n,) of the rows with status 0 and at least one frame in every column."""
    usable = np.ones(len(store.manifest), dtype=bool)
    for name in features:
        usable &= np.asarray(store.status(name)) == 0
        if store.columns[name].kind != "image":
            usable &= np.asarray(store.lengths(name)) > 0
    return usable


def refuse_unusable(store: StoreView, features: Sequence[str], ids: list[str]) -> list[str]:
    """The ids, all of which have values in every column.

    Raises
    ------
    ParameterError
        For utterances that have none, with the way on.
    """
    usable = usable_rows(store, features)
    failed = [name for name, row in zip(ids, store_rows(store, ids), strict=True) if not usable[row]]
    if failed:
        shown = ", ".join(failed[:3]) + (", …" if len(failed) > 3 else "")
        raise ParameterError(
            f"{len(failed)} utterances have no values in {', '.join(features)}: {shown}; make the split of usable ones "
            "(ids=usable_ids(store, features)), or mend the files and run the same `featurekit extract` again"
        )
    return ids
