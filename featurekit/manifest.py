"""Utterances and manifests: what there is to extract, one utterance a line of JSONL.

A manifest names no root folder: paths are relative to the corpus's root, so it can be moved, shared and digested.
Raw labels are kept as the corpus gives them; a task (``featurekit.data.tasks``) turns them into classes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from featurekit.errors import ManifestError, ParameterError, PositionError, UnknownNameError
from featurekit.notebook import MOST_ROWS, Shown, Table, pandas
from featurekit.settings import canonical_json
from featurekit.spool import HashedPlaces, Spool
from featurekit.utterance import FIELDS as FIELDS  # these five are part of this module's interface
from featurekit.utterance import Utterance as Utterance
from featurekit.utterance import one_form as one_form
from featurekit.utterance import parse_line as parse_line
from featurekit.utterance import validate as validate

# Beyond it a look-up parses its line again, 50 times an utterance in a training. No corpus of emotional speech is as large.
IN_MEMORY = 300_000


class Manifest(Shown):
    """Utterances in a stable order, with look-up by id; beyond :data:`IN_MEMORY` of them they are held on disk.

    Parameters
    ----------
    utterances : iterable of Utterance
        Duplicate ids are refused.
    where : str
        What errors name as the source.

    Raises
    ------
    ManifestError
        For a duplicate id or an utterance that is not valid.
    """

    def __init__(self, utterances: Iterable[Utterance], *, where: str = "the manifest") -> None:
        self.utterances = _held(_validated(utterances, where))
        self._by_id: Mapping[str, int]
        if isinstance(self.utterances, Spool):
            self._by_id = HashedPlaces((item.id for item in self.utterances), lambda place: self.utterances[place].id)
            twice = self._by_id.first_twice()
        else:
            self._by_id = {utterance.id: place for place, utterance in enumerate(self.utterances)}
            twice = _first_twice(self.ids) if len(self._by_id) < len(self.utterances) else None
        if twice:
            one, other = (self.utterances[place] for place in twice)
            raise ManifestError(
                f"{where}: two utterances have the id {one.id!r}: number {twice[0] + 1}, {one.path}, and number "
                f"{twice[1] + 1}, {other.path}; ids must be unique (in a table of your own, add a column id)"
            )

    def __reduce__(self) -> Any:
        return Manifest, (tuple(self),)

    def _shown_facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"utterances": len(self)}
        if isinstance(self.utterances, Spool):  # it would be read through, which takes half a minute
            return facts
        known = [item.seconds for item in self if item.seconds is not None]
        return facts | {
            "speakers": len({item.speaker for item in self} - {""}),
            "recordings": len({item.recording for item in self}),
            "hours": f"{sum(known) / 3600:.2f}" if len(known) == len(self) else "",
            "labels": sorted({key for item in self for key in item.labels}),
        }

    def _shown_table(self) -> Table:
        rows = [(item.id, item.path, item.speaker, item.labels) for item in self.utterances[:MOST_ROWS]]
        return ("id", "path", "speaker", "labels"), [*rows, *[("…",)] * (len(self) > len(rows))][:MOST_ROWS]

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    @overload
    def __getitem__(self, which: str | int) -> Utterance: ...

    @overload
    def __getitem__(self, which: slice) -> Manifest: ...

    def __getitem__(self, which: str | int | slice) -> Utterance | Manifest:
        """One utterance by its id or its position; by a slice of positions, a manifest of those."""
        if isinstance(which, slice):
            return Manifest(self.utterances[which])
        return self.utterances[self.index(which) if isinstance(which, str) else position(which, len(self))]

    def __contains__(self, utterance_id: object) -> bool:
        return utterance_id in self._by_id

    def index(self, utterance_id: str) -> int:
        """Position of an utterance in the manifest.

        Raises
        ------
        UnknownNameError
            With the closest ids.
        ParameterError
            For what is no id.
        """
        if not isinstance(utterance_id, str):
            raise ParameterError(
                f"an id is text, as in {self.utterances[:1] and self.utterances[0].id!r}; got {utterance_id!r}"
            )
        place = self._by_id.get(utterance_id)
        if place is None:
            raise UnknownNameError("utterance", utterance_id, self._by_id)
        return place

    @property
    def ids(self) -> list[str]:
        """Ids in order."""
        return [utterance.id for utterance in self.utterances]

    @cached_property
    def digest(self) -> str:
        """Sha256 of all lines, as :func:`~featurekit.settings.digest` of their list: the identity of the manifest."""
        whole = hashlib.sha256(b"[")
        for number, utterance in enumerate(self.utterances):
            line = canonical_json(utterance.to_json())
            whole.update((f",{line}" if number else line).encode("utf-8", "surrogateescape"))
        whole.update(b"]")
        return whole.hexdigest()

    def filter(self, keep: Callable[[Utterance], bool]) -> Manifest:
        """The utterances for which ``keep`` is true, in the same order."""
        return Manifest(utterance for utterance in self.utterances if keep(utterance))

    def by_recording(self) -> dict[str, list[Utterance]]:
        """Recording → its utterances by position; recordings in order of first appearance."""
        groups: dict[str, list[Utterance]] = {}
        for utterance in self.utterances:
            groups.setdefault(utterance.recording, []).append(utterance)
        return {name: sorted(group, key=lambda item: item.position) for name, group in groups.items()}

    def write(self, path: str | Path) -> None:
        """Write as JSONL, UTF-8, one utterance a line."""
        with open(path, "wb") as file:
            file.writelines(self.lines())

    def to_frame(self) -> Any:
        """A pandas data frame: one row per utterance, its id as the index, its fields and its raw labels as columns.

        A raw label whose name is also a field's stands under ``labels.<name>``.

        Raises
        ------
        MissingDependencyError
            When pandas is not installed.
        """
        fields = [name for name in FIELDS if name != "labels"]
        rows = []
        for item in self:
            labels = {f"labels.{key}" if key in FIELDS else key: value for key, value in item.labels.items()}
            rows.append({name: getattr(item, name) for name in fields} | labels)
        return pandas().DataFrame(rows, columns=None if rows else fields).set_index("id")

    def lines(self) -> Iterator[bytes]:
        """The lines of :meth:`write`, one at a time."""
        for utterance in self.utterances:
            yield f"{utterance.to_json()}\n".encode("utf-8", "surrogateescape")

    @classmethod
    def read(cls, path: str | Path) -> Manifest:
        """Read a JSONL manifest.

        Raises
        ------
        ManifestError
            For a line that is not valid, with file and line.
        """
        try:
            with open(path, "rb") as file:
                lines = (line.decode("utf-8", "surrogateescape") for line in file)
                numbered = ((f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
                return cls((parse_line(line, where) for where, line in numbered), where=str(path))
        except FileNotFoundError:
            raise ManifestError(f"there is no manifest {str(path)!r}") from None


def manifest_of(source: object) -> Manifest:
    """A manifest, or that of the store that is given in its place.

    Raises
    ------
    ParameterError
        When it is neither.
    """
    found = getattr(source, "manifest", source)
    if not isinstance(found, Manifest):
        raise ParameterError(
            f"expected a manifest (store.manifest, read_corpus(…), Manifest.read(path)) or a store, got {type(source).__name__}"
        )
    return found


def position(which: Any, count: int) -> int:
    """A position among ``count`` utterances; from the end where it is negative.

    Raises
    ------
    ParameterError
        For what is neither an id nor a position.
    PositionError
        For a position beyond the last one.
    """
    try:
        asked = operator.index(which)
    except TypeError:
        got = f"{which!r:.60} ({type(which).__name__})"
        raise ParameterError(f"an utterance is asked for by its id or its position, a whole number; got {got}") from None
    if not -count <= asked < count:
        raise PositionError(f"there is no utterance {asked}: there are {count}, numbered 0 to {count - 1}")
    return asked % count


def _validated(utterances: Iterable[Utterance], where: str) -> Iterator[Utterance]:
    if isinstance(utterances, (str, bytes)) or not isinstance(utterances, Iterable):
        raise ManifestError(
            f"{where}: expected utterances, got {type(utterances).__name__}; a file is read by Manifest.read(path), a table or "
            "a corpus by read_corpus(name, root)"
        )
    for utterance in utterances:
        if not isinstance(utterance, Utterance):
            raise ManifestError(
                f"{where}: expected Utterance(id=…, path=…), got {type(utterance).__name__}; of a table of your own, "
                "read_corpus('custom', root, manifest='table.csv') makes a manifest"
            )
        validate(utterance, where)
        yield utterance


def _held(utterances: Iterator[Utterance]) -> Sequence[Utterance]:
    """A tuple, or on disk where there are more than memory should hold (600 bytes an utterance)."""
    first = tuple(itertools.islice(utterances, IN_MEMORY))
    if len(first) < IN_MEMORY:
        return first
    return Spool(itertools.chain(first, utterances), _encoded, lambda line: Utterance(**json.loads(line)))


def _encoded(utterance: Utterance) -> bytes:
    return utterance.to_json().encode("utf-8", "surrogatepass")


def _first_twice(ids: Iterable[str]) -> tuple[int, int] | None:
    seen: dict[str, int] = {}
    for place, name in enumerate(ids):
        if name in seen:
            return seen[name], place
        seen[name] = place
    return None
