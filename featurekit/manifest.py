"""Utterances and manifests: what there is to extract, one utterance a line of JSONL.

A manifest names no root folder: paths are relative to the corpus's root, so it can be moved, shared and digested.
Raw labels are kept as the corpus gives them; a task (``featurekit.data.tasks``) turns them into classes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from featurekit.errors import ManifestError, ParameterError, PositionError, UnknownNameError
from featurekit.settings import canonical_json
from featurekit.spool import HashedPlaces, Spool

# Beyond it a look-up parses its line again, 50 times an utterance in a training. No corpus of emotional speech is as large.
IN_MEMORY = 300_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of a corpus.

    Parameters
    ----------
    id : str
        Unique in the manifest; no NUL, not empty, no leading or trailing white space.
    path : str
        Audio file relative to the corpus's root, with forward slashes, never out of the root.
    start, end : float or None
        Segment in seconds; None is the file's own border.
    channel : int or None
        0-based channel to read; None mixes all channels down.
    recording : str
        The conversation, video or file the utterance is part of; the id when not given.
    position : int
        Order inside the recording.
    speaker, gender, language, text : str
        Empty when unknown.
    labels : mapping
        Raw labels as the corpus gives them, for example ``{"emotion": "angry"}`` or ``{"score": -1.2}``.
    parent, perturbation : str
        For augmented children: the id they were made from, and how.
    duration_s : float or None
        What the corpus states, until the file has been looked at; then what is there.
    fingerprint : str
        Digest of (bytes of the file, start, end, channel, perturbation): the input's identity; filled in likewise.
    """

    id: str
    path: str
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    recording: str = ""
    position: int = 0
    speaker: str = ""
    gender: str = ""
    language: str = ""
    text: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    perturbation: str = ""
    duration_s: float | None = None
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.recording:
            object.__setattr__(self, "recording", self.id)
        for name in _SECONDS:  # 1 and 1.0 must give one digest
            value = getattr(self, name)
            if value is not None and _is_number(value):
                object.__setattr__(self, name, float(value))
        for name in _REPEATED:  # a million utterances share a few thousand of these: half of their memory
            object.__setattr__(self, name, _shared(getattr(self, name)))
        if isinstance(self.labels, dict):
            object.__setattr__(self, "labels", {_shared(key): _shared(value) for key, value in self.labels.items()})

    def to_json(self) -> str:
        """One line of JSON without fields that hold their default."""
        full = {name: getattr(self, name) for name in _FIELDS}
        return canonical_json({name: value for name, value in full.items() if value != _DEFAULTS.get(name)})


_FIELDS = tuple(item.name for item in dataclasses.fields(Utterance))
_DEFAULTS: dict[str, Any] = {
    item.name: {} if item.name == "labels" else item.default
    for item in dataclasses.fields(Utterance)
    if item.name not in ("id", "path")
}
_TEXTS = {"id", "path", "recording", "speaker", "gender", "language", "text", "parent", "perturbation", "fingerprint"}
_SECONDS = ("start", "end", "duration_s")
_REPEATED = ("recording", "speaker", "gender", "language")


class Manifest:
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


def manifest_of(source: Any) -> Manifest:
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


def parse_line(line: str, where: str) -> Utterance:
    """One line of a JSONL manifest → a validated utterance.

    Raises
    ------
    ManifestError
        Naming ``where`` (file and line) and what is wrong.
    """
    try:
        record = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError) as error:  # NaN, 1e999, a number of 5,000 digits, a thousand brackets
        raise ManifestError(f"{where}: not JSON that can be kept ({error})") from None
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: expected an object with id and path, got {type(record).__name__}")
    unknown = sorted(record.keys() - set(_FIELDS))
    if unknown:
        raise ManifestError(f"{where}: unknown field {unknown[0]!r}; fields are {', '.join(_FIELDS)}")
    for name in ("id", "path"):
        if name not in record:
            raise ManifestError(f"{where}: lacks {name!r}")
    utterance = Utterance(**record)
    validate(utterance, where)
    return utterance


def validate(utterance: Utterance, where: str) -> None:
    """Refuse an utterance that cannot be right.

    Raises
    ------
    ManifestError
        For a wrong type, an empty or padded id, a path out of the root, or times that run backwards.
    """
    for name in _TEXTS:
        if not isinstance(getattr(utterance, name), str):
            raise ManifestError(f"{where}: {name} must be text, got {getattr(utterance, name)!r}")
    if not utterance.id or utterance.id != utterance.id.strip() or "\0" in utterance.id or "\n" in utterance.id:
        raise ManifestError(f"{where}: the id {utterance.id!r} is empty, padded with white space or holds a control character")
    path = utterance.path
    if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ManifestError(
            f"{where}: {utterance.id}: path {utterance.path!r} must be relative and stay inside the corpus's root"
        )
    for name in _SECONDS:
        value = getattr(utterance, name)
        if value is not None and not (_is_number(value) and math.isfinite(value) and value >= 0):
            raise ManifestError(f"{where}: {utterance.id}: {name} must be seconds >= 0, got {value!r}")
    if utterance.end is not None and utterance.end < (utterance.start or 0.0):
        raise ManifestError(f"{where}: {utterance.id}: end {utterance.end} s lies before start {utterance.start} s")
    for name in ("position", "channel"):
        value = getattr(utterance, name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ManifestError(f"{where}: {utterance.id}: {name} must be a whole number >= 0, got {value!r}")
    if not isinstance(utterance.labels, Mapping):
        raise ManifestError(f"{where}: {utterance.id}: labels must be an object, got {utterance.labels!r}")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _shared(value: Any) -> Any:
    return sys.intern(value) if type(value) is str else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
