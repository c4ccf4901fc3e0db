"""Ids as a person gives them, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError
from featurekit.manifest import Utterance


def speakers_of(store: StoreView, ids: Iterable[str]) -> list[str]:
    """Speaker of each id: empty where unknown beside known ones, the recording where the corpus names none."""
    named = any(item.speaker for item in store.manifest)
    items = [store.manifest[name] for name in ids]
    return [item.speaker if named else item.recording for item in items]


def listed_ids(ids: Any) -> list[str]:
    """Ids as a list, of ids or of utterances.

    Raises
    ------
    ParameterError
        For a single id, a split or whatever else is no list of them.
    """
    if hasattr(ids, "folds") or hasattr(ids, "part"):
        raise ParameterError(f"expected ids, got a {type(ids).__name__}; a part of it has some, as in split.fold().train")
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise ParameterError(f"expected a list of ids, got {ids!r:.60}")
    found = [item.id if isinstance(item, Utterance) else item for item in ids]
    wrong = next((item for item in found if not isinstance(item, str)), None)
    if wrong is not None:
        raise ParameterError(f"an id is text; got {wrong!r:.60}")
    return found
