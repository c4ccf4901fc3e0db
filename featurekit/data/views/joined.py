"""Two stores as one, for cross-corpus runs: train on the first, test on the second.

Ids, recordings, speakers and sessions get the corpus's name before them (``mosi/03bSnISJMiM_1``), since two corpora may both
have a speaker 01. Columns are those both stores computed alike: the same key, under any name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from featurekit.data.tasks import EXCLUDED, Task, class_maps, get_task
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest, Utterance
from featurekit.settings import digest
from featurekit.store import ColumnInfo, Store


class JoinedStore:
    """The rows of two stores, one after the other; it is read like one (:class:`~featurekit.data.views.store_view.StoreView`).

    Parameters
    ----------
    train, test : Store
        What is trained on, and what is tested on.

    Attributes
    ----------
    prefixes : tuple of str
        What the ids of each begin with: the corpus's name, or the store's where both hold a corpus of one name.

    Raises
    ------
    ParameterError
        When the stores cannot be told apart, or no column is in both.
    """

    def __init__(self, train: Store, test: Store) -> None:
        self.stores, self._border = (train, test), len(train.manifest)
        names = [(one.corpus, other) for one, other in zip(self.stores, (train.path.name, test.path.name), strict=True)]
        pairs = list(zip(*names, strict=True))
        self.prefixes: tuple[str, str] = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
        if not self.prefixes[0]:
            raise ParameterError(f"{train.path} and {test.path} are called alike; two different stores are needed")
        by_key = {info.key: name for name, info in test.columns.items()}
        self._names = {name: (name, by_key[info.key]) for name, info in train.columns.items() if info.key in by_key}
        if not self._names:
            raise ParameterError(
                f"{train.path} and {test.path} have no column in common (the same feature with the same settings); "
                "extract both with the same --features"
            )

    @property
    def corpus(self) -> str:
        """Both names."""
        return "-to-".join(self.prefixes)

    @property
    def path(self) -> Path:
        """Folder of the first store, which is trained on."""
        return self.stores[0].path

    @property
    def digest(self) -> str:
        """Identity of both."""
        return digest([store.digest for store in self.stores])

    @property
    def about(self) -> dict[str, Any]:
        """What the owner of each corpus says of it, under the corpus's name."""
        pairs = zip(self.stores, self.prefixes, strict=True)
        return {prefix: store.about for store, prefix in pairs if store.about}

    @property
    def columns(self) -> Mapping[str, ColumnInfo]:
        """The columns that are in both, as the first describes them; a learnt one with the training ids of both."""
        first = {name: self.stores[0].columns[name] for name in self._names}
        known = {name: self._trained_on(name) for name in first}
        return {name: replace(info, trained_on=known[name]) if known[name] else info for name, info in first.items()}

    @cached_property
    def manifest(self) -> Manifest:
        """Utterances of both, under prefixed names."""
        pairs = zip(self.stores, self.prefixes, strict=True)
        return Manifest(_prefixed(item, prefix) for store, prefix in pairs for item in store.manifest)

    @property
    def ids(self) -> list[str]:
        """Prefixed ids in order."""
        return self.manifest.ids

    def __len__(self) -> int:
        return len(self.manifest)

    def lengths(self, column: str) -> np.ndarray:
        """Rows of every utterance, int64 (n,)."""
        return np.concatenate([store.lengths(name) for store, name in self._of(column)])

    def status(self, column: str) -> np.ndarray:
        """0 ok, 1 failed, 2 skipped, uint8 (n,)."""
        return np.concatenate([store.status(name) for store, name in self._of(column)])

    def hashes(self, column: str) -> np.ndarray:
        """Checksum of every utterance's values, uint64 (n,)."""
        return np.concatenate([store.hashes(name) for store, name in self._of(column)])

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of one utterance."""
        first, second = self._of(column)
        (store, name), own = (first, index) if index < self._border else (second, index - self._border)
        return store.read(name, own)

    def task(self, train: str, test: str, *, class_map: str | class_maps.ClassMap = "", common: bool = False) -> Task:
        """A task for both: each corpus's raw labels by its own scheme, then by one class map.

        Parameters
        ----------
        train, test : str
            Label schemes of the two corpora, as in ``list tasks``.
        class_map : str or ClassMap
            A map, its name or file; ``canonical`` when empty, but for a scheme that is by a map already; ``none`` leaves each
            corpus its own words.
        common : bool
            Leave out of both what only one of them has, instead of an error.

        Raises
        ------
        ParameterError
            When one has utterances of a class that the other has not, or no class is in both.
        """
        own = [get_task(name, store.manifest) for name, store in zip((train, test), self.stores, strict=True)]
        if any(scheme.kind != "classes" for scheme in own):
            raise ParameterError(f"two corpora are scored on classes; {train} and {test} are not both tasks with classes")
        if class_map:
            own = [class_maps.mapped_by(scheme, class_map) for scheme in own]
        else:
            own = [scheme if scheme.map else class_maps.mapped_by(scheme, class_maps.CANONICAL) for scheme in own]
        counts = [_counted(scheme, store.manifest) for scheme, store in zip(own, self.stores, strict=True)]
        classes = tuple(name for name in own[0].classes if name in counts[0] and name in counts[1])
        if not classes or not (common or set(counts[0]) == set(counts[1])):
            raise ParameterError(self._differ(counts, classes))
        schemes = dict(zip(self.prefixes, own, strict=True))
        rules = "; ".join(f"{prefix}: {scheme.description}" for prefix, scheme in schemes.items())
        tables = [scheme.map or dict(zip(scheme.classes, scheme.classes, strict=True)) for scheme in own]
        words = {name: found for table in tables for name, found in table.items()}
        by_map = next((f"(map={class_maps.map_name(scheme)})" for scheme in own if scheme.map), "")
        return replace(
            own[0],
            name=" and ".join(dict.fromkeys(name.partition("(map=")[0] for name in (train, test))) + by_map,
            classes=classes,
            outputs=(),
            label_of=_LabelOf(schemes, classes),
            description=rules,
            map={name: found if found in classes else EXCLUDED for name, found in words.items()},
        )

    def left_out(self, task: Task, train: str, test: str) -> tuple[dict[str, int], dict[str, int]]:
        """Of each corpus its own classes that the joint task leaves out → how many utterances."""
        lost: list[dict[str, int]] = []
        for name, store, prefix in zip((train, test), self.stores, self.prefixes, strict=True):
            own = get_task(name, store.manifest).label_of
            pairs = ((own(item), task.label_of(_prefixed(item, prefix))) for item in store.manifest)
            lost.append(dict(sorted(Counter(label for label, found in pairs if label and not found).items())))
        return lost[0], lost[1]

    def _differ(self, counts: Sequence[Mapping[str, int]], classes: Sequence[str]) -> str:
        """Which classes one corpus alone has, and the ways on."""
        alone = []
        for one, other, place in ((0, 1, "training"), (1, 0, "test")):
            lacking = [f"{name} ({count})" for name, count in counts[one].items() if name not in counts[other]]
            if lacking:
                alone.append(f"{self.prefixes[other]} has no {', '.join(lacking)} of {self.prefixes[one]}, the {place} corpus")
        told = "; ".join(alone)
        gather = "gather the words of both by a table: --map FILE.toml (`featurekit list maps` has some that are here)"
        if not classes:
            return f"no class is in both corpora: {told}; {gather}, or choose another --task or --test-task"
        in_both = f"{len(classes)} {'class is' if len(classes) == 1 else 'classes are'} in both: {', '.join(classes)}"
        return f"{told}; {in_both}; score those alone: --common-classes, or {gather}"

    def _trained_on(self, column: str) -> tuple[str, ...]:
        infos = [store.columns[name] for store, name in self._of(column)]
        pairs = zip(self.prefixes, infos, strict=True)
        return tuple(f"{prefix}/{name}" for prefix, info in pairs for name in info.trained_on)

    def _of(self, column: str) -> list[tuple[Store, str]]:
        return list(zip(self.stores, self._names.get(column, (column, column)), strict=True))


# What a run is trained on: a store, or two as one.
OpenedStore: TypeAlias = Store | JoinedStore


def _counted(scheme: Task, manifest: Manifest) -> dict[str, int]:
    """Class → utterances, sorted; augmented children are none."""
    return dict(sorted(Counter(label for item in manifest if not item.parent and (label := scheme.label_of(item))).items()))


class _LabelOf:
    """Utterance → class by its own corpus's scheme; a class because a dataset with workers is pickled."""

    def __init__(self, schemes: Mapping[str, Task], classes: tuple[str, ...]) -> None:
        self._schemes, self._classes = dict(schemes), classes

    def __call__(self, utterance: Utterance) -> str | None:
        prefix, _, name = utterance.id.partition("/")
        parent = utterance.parent.removeprefix(f"{prefix}/")
        label = self._schemes[prefix].label_of(replace(utterance, id=name, parent=parent))
        return EXCLUDED if label is not None and label not in self._classes else label


def _prefixed(item: Utterance, prefix: str) -> Utterance:
    def named(name: str) -> str:
        return f"{prefix}/{name}" if name else ""

    labels = dict(item.labels)
    if labels.get("session") is not None:
        labels["session"] = named(str(labels["session"]))
    return replace(
        item,
        id=named(item.id),
        path=named(item.path),  # two corpora may call two files alike, and the audit tells files by their paths
        recording=named(item.recording),
        speaker=named(item.speaker),
        parent=named(item.parent),
        labels=labels,
    )
