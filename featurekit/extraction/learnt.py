"""Columns that a network of the user's made, which knows labels, and columns that no feature request makes.

The latter extraction keeps as they are, and cannot extend: a run wrote them (``featurekit embed``), or a program of the user's
by the store's own functions.
"""

from __future__ import annotations

from pathlib import Path

from featurekit import store
from featurekit.errors import ParameterError
from featurekit.features import Column
from featurekit.manifest import Manifest
from featurekit.runs import StoredRun
from featurekit.runs.schema import FOLD_RECORD


def training_ids(column: Column, corpus: str) -> tuple[str, ...]:
    """Ids of a corpus whose labels a feature column knows: its encoder is a run's, which was trained or chosen on them.

    Parameters
    ----------
    column : Column
        As it is to be computed.
    corpus : str
        Name of the store's corpus.

    Returns
    -------
    tuple of str
        Sorted; empty where no run of featurekit trained an encoder, or one trained it on another corpus.

    Raises
    ------
    ParameterError
        When the run's folder is damaged.
    """
    encoders = {str(one.settings["model"]) for one in column.bound().walk() if one.settings.get("model") is not None}
    seen: set[str] = set()
    for folder in map(Path, encoders):
        run = StoredRun(folder.parent.parent)
        if (folder / FOLD_RECORD).is_file() and StoredRun.is_run(run.path) and folder.name.isdecimal():
            fold = run.folds_of(corpus)[run.fold(int(folder.name)).number]
            seen |= {*fold.train, *fold.dev}
    return tuple(sorted(seen))


def learnt_groups(head: store.Head | None) -> list[store.GroupInfo]:
    """The groups of a generation whose columns a run, or another program, wrote."""
    return [group for group in head.groups if is_learnt(group.columns[0])] if head else []


def is_learnt(column: store.ColumnInfo) -> bool:
    """Whether a run wrote a column, or another program, which gives no request that makes it again."""
    return bool(column.of_run) or not column.spec


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
    if not column.of_run:
        raise ParameterError(
            f"the store's column {column.name} was computed elsewhere, and extraction cannot compute it for {changed} new, "
            f"changed or removed utterances; drop it (featurekit store drop {out} '{column.name}'), run this command again, "
            "and add it again"
        )
    raise ParameterError(
        f"the store's column {column.name} was written by `featurekit embed` with the run {column.of_run}, and extraction "
        f"cannot compute it for {changed} new, changed or removed utterances; drop it (featurekit store drop {out} "
        f"'{column.name}'), run this command again, then embed again: featurekit embed {column.of_run} {out}"
    )
