"""Protocols of published corpora: which speakers, recordings or utterances each fold tests, as data with its source.

A protocol is a JSON file in ``protocols/``, so that an installed package has it::

    {"corpus": "iemocap", "title": "…", "by": "speaker", "source": "…", "note": "…",
     "folds": {"Ses01F": {"test": ["Ses01F"], "dev": ["Ses01M"]}, …}}

``train`` may be listed; else it is what dev and test leave. ``dev`` may be; else it is cut by speaker from training. An
utterance that no fold lists is refused, or left out where the protocol says ``"leaves_out": true``.

Where a paper says how it divided and prints no list, a protocol is a ``rule`` in the place of folds, one of our splits with all
its settings, and ``ids``, the form of the corpus's ids. Its seed is 0 whatever ``--seed`` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from featurekit.data.splits.folds import PARTS, Fold
from featurekit.data.splits.material import Material, listed
from featurekit.errors import SplitError
from featurekit.settings import from_mapping

FOLDER = Path(__file__).parent / "protocols"


@dataclass(frozen=True)
class Protocol:
    """An official division of a corpus.

    Parameters
    ----------
    corpus : str
        The corpus it divides, as in ``list corpora``.
    title : str
        One line.
    by : {"speaker", "recording", "id"}
        What the folds list.
    source, note : str
        Where it is from; what a user has to know.
    folds : mapping
        Fold → part → names.
    leaves_out : bool
        Whether an utterance that no fold lists is left out; all parts are then listed. Else it is refused.
    rule : str
        In the place of folds: a split with its settings.
    ids : str
        With a rule: a regular expression for the corpus's ids; another one is refused.
    """

    corpus: str
    title: str
    by: str
    source: str
    folds: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    note: str = ""
    leaves_out: bool = False
    rule: str = ""
    ids: str = ""

    @property
    def has_dev(self) -> bool:
        """Whether every fold lists its development part, or a rule makes one."""
        return all("dev" in parts for parts in self.folds.values())

    @property
    def members(self) -> dict[str, str]:
        """Every name the folds list, by its form without case."""
        return {name.casefold(): name for parts in self.folds.values() for part in PARTS for name in parts.get(part, ())}


@cache
def protocols() -> dict[str, Protocol]:
    """Name → protocol, sorted."""
    return {
        path.stem: from_mapping(Protocol, json.loads(path.read_text(encoding="utf-8")), where=path.name)
        for path in sorted(FOLDER.glob("*.json"))
    }


def absent(protocol: Protocol, material: Material) -> list[str]:
    """Speakers, recordings or ids that the protocol lists and the material has not, sorted."""
    have = {_member(protocol, material, name) for name in material.labels}
    return sorted(name for key, name in protocol.members.items() if key not in have)


def of_no_fold(protocol: Protocol, material: Material) -> int:
    """How many utterances of the material no fold of the protocol lists."""
    members = protocol.members
    return sum(_member(protocol, material, name) not in members for name in material.labels)


def official_folds(protocol: Protocol, material: Material, *, dev: float = 0.0) -> list[Fold]:
    """The folds of a protocol on this material.

    Raises
    ------
    SplitError
        When an utterance is none the protocol knows, or a fold has nobody to test.
    """
    groups: dict[str, list[str]] = {}
    for name in material.labels:
        groups.setdefault(_member(protocol, material, name), []).append(name)
    strangers = sorted(groups.keys() - protocol.members.keys())
    if strangers and not (protocol.leaves_out and len(strangers) < len(groups)):
        unknown = [item for key in strangers for item in groups[key]]
        theirs = sorted({str(getattr(material.manifest[item], protocol.by)) for item in unknown})
        raise SplitError(
            f"{len(unknown)} utterances belong to no fold of this protocol for {protocol.corpus}: their {protocol.by} is "
            f"{listed(theirs, 3)}, it knows {listed(sorted(protocol.members.values()), 3)}; use it on a manifest of "
            f"{protocol.corpus} itself, or another split"
        )
    return [_fold(name, parts, groups, material, dev) for name, parts in protocol.folds.items()]


def refuse_strangers(protocol: Protocol, material: Material) -> None:
    """Refuse a manifest whose ids are not of the corpus that a rule divides.

    Raises
    ------
    SplitError
        Naming the first ones.
    """
    strangers = [name for name in material.labels if not re.fullmatch(protocol.ids, name)]
    if strangers:
        raise SplitError(
            f"{len(strangers)} utterances are not called like those of {protocol.corpus}, which this protocol divides: "
            f"{listed(strangers, 3)}; use it on a manifest of {protocol.corpus} itself, or another split: {protocol.rule}"
        )


def _fold(name: str, parts: Mapping[str, list[str]], groups: Mapping[str, list[str]], material: Material, dev: float) -> Fold:
    ids = {part: [item for key in keys for item in groups.get(key.casefold(), ())] for part, keys in parts.items()}
    if not ids["test"]:
        raise SplitError(f"fold {name}: the manifest has nothing of {listed(parts['test'])}, which it tests")
    rest = material.labels.keys() - set(ids["test"]) - set(ids.get("dev", ()))
    train = ids.get("train", sorted(rest))
    if "dev" in ids:
        return Fold(name, tuple(train), tuple(ids["dev"]), tuple(ids["test"]))
    return material.fold(name, ids["test"], dev, train)


def _member(protocol: Protocol, material: Material, name: str) -> str:
    return str(getattr(material.manifest[name], protocol.by)).casefold()
