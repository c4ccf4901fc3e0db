"""Which fold's network judges an utterance of a store, and which utterances it may hear beside it.

A run of one fold has one network. Of several folds, an utterance belongs to the one that tests it, whose network has
neither trained nor chosen its epoch on it; what no fold tests (an utterance without a label, or of another corpus) goes to
the first fold that did not see it; what all have seen (the training part of a single division) goes to the first one. So
the column says whom its networks have seen: ``trained_on``, and a run that tests on these is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurekit.data import Fold


@dataclass(frozen=True)
class Share:
    """Utterances that one fold's network judges; context windows stay among them, as they stay in a part.

    Parameters
    ----------
    fold : Fold
        With the ids of the store.
    number : int
        Of the fold.
    ids : tuple of str
        In the store's order.
    """

    fold: Fold
    number: int
    ids: tuple[str, ...]

    @property
    def seen(self) -> set[str]:
        """Ids that the network was trained, or its epoch chosen, on."""
        return {*self.fold.train, *self.fold.dev}


def shares(folds: Sequence[Fold], ids: Sequence[str], only: int | None = None) -> list[Share]:
    """Deal a store's utterances out to the folds.

    Parameters
    ----------
    folds : sequence of Fold
        With the ids of the store's corpus, as :meth:`featurekit.runs.StoredRun.folds_of` has them.
    ids : sequence of str
        Usable utterances, in the store's order.
    only : int, optional
        One fold for all of them.
    """
    parts = [_part_of(fold) for fold in folds]
    dealt: dict[tuple[int, str], list[str]] = {}
    for name in ids:
        number = only if only is not None else _fold_for(name, parts)
        dealt.setdefault((number, parts[number].get(name, "")), []).append(name)
    return [Share(folds[number], number, tuple(names)) for (number, _), names in sorted(dealt.items())]


def _part_of(fold: Fold) -> dict[str, str]:
    return {name: part for part in ("train", "dev", "test") for name in fold.part(part)}


def _fold_for(name: str, parts: Sequence[Mapping[str, str]]) -> int:
    found = [part.get(name, "") for part in parts]
    wanted = next((part for part in ("test", "") if part in found), found[0])
    return found.index(wanted)
