"""Columns that a run wrote (``featurekit embed``): extraction keeps them as they are, and cannot extend them."""

from __future__ import annotations

from pathlib import Path

from featurekit import store
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest


def learnt_groups(head: store.Head | None) -> list[store.GroupInfo]:
    """The groups of a generation whose columns a run wrote."""
    return [group for group in head.groups if group.columns[0].of_run] if head else []


def check_covered(out: Path, head: store.Head | None, manifest: Manifest) -> None:
    """Refuse, before anything is computed, a manifest that learnt columns do not cover.

    Raises
    ------
    ParameterError
        With the way on: drop the column, extract, embed again.
    """
    groups = learnt_groups(head)
    if not groups:
        return
    had = [(item.id, item.fingerprint) for item in store.open_store(out).manifest]
    new = [(item.id, item.fingerprint) for item in manifest]
    if had == new:
        return
    column = groups[0].columns[0]
    changed = len(set(new) ^ set(had))
    raise ParameterError(
        f"the store's column {column.name} was written by `featurekit embed` with the run {column.of_run}, and extraction "
        f"cannot compute it for {changed} new, changed or removed utterances; drop it (featurekit store drop {out} "
        f"'{column.name}'), run this command again, then embed again: featurekit embed {column.of_run} {out}"
    )
