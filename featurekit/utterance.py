"""One utterance: what a corpus says of it, checked, as one line of JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from featurekit.errors import ManifestError
from featurekit.notebook import Shown
from featurekit.settings import canonical_json


@dataclass(frozen=True, slots=True, repr=False)
class Utterance(Shown):
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
    written : mapping
        Speaker, recording and path as they were given, where that is not their one form: names are compared in Unicode form
        NFC (an ``ü`` may be one sign or two), and ``./a//b.wav`` is ``a/b.wav``. :meth:`to_json` gives them as written, so
        that a manifest keeps its digest.
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
    written: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.recording:
            object.__setattr__(self, "recording", self.id)
        for name in _SECONDS:  # 1 and 1.0 must give one digest
            value = getattr(self, name)
            if value is not None and _is_number(value):
                object.__setattr__(self, name, float(value))
        self._unify()
        for name in _REPEATED:  # a million utterances share a few thousand of these: half of their memory
            object.__setattr__(self, name, _shared(getattr(self, name)))
        if isinstance(self.labels, dict):
            object.__setattr__(self, "labels", {_shared(key): _shared(value) for key, value in self.labels.items()})

    def _shown_facts(self) -> dict[str, Any]:
        full = {name: getattr(self, name) for name in FIELDS}
        said = {name: value for name, value in full.items() if value != _DEFAULTS.get(name) and name != "fingerprint"}
        return {name: str(value) if isinstance(value, (int, float)) else value for name, value in said.items()}

    def _unify(self) -> None:
        """Give names their one form; of one that was given in another form, keep that beside it."""
        written = {}
        for name, form in _FORMS.items():
            value = getattr(self, name)
            if type(value) is not str:
                continue  # said by :func:`validate`
            one, before = form(value), self.written.get(name)
            if one != value:
                object.__setattr__(self, name, one)
                written[name] = value
            elif before is not None and form(before) == one:  # a copy of an utterance, with this name as it was
                written[name] = before
        object.__setattr__(self, "written", written or _NOTHING)

    def as_written(self, name: str) -> str:
        """Speaker, recording or path as it was given, in whatever form."""
        value: str = self.written.get(name, getattr(self, name))
        return value

    @property
    def seconds(self) -> float | None:
        """Its length: as it was found or is stated, else from start to end; None where nothing says it."""
        if self.duration_s is not None or self.end is None:
            return self.duration_s
        return self.end - (self.start or 0.0)

    def to_json(self) -> str:
        """One line of JSON without fields that hold their default."""
        full = {name: getattr(self, name) for name in FIELDS} | dict(self.written)
        return canonical_json({name: value for name, value in full.items() if value != _DEFAULTS.get(name)})


FIELDS = tuple(item.name for item in dataclasses.fields(Utterance) if item.name != "written")
_DEFAULTS: dict[str, Any] = {
    item.name: {} if item.name == "labels" else item.default
    for item in dataclasses.fields(Utterance)
    if item.name in FIELDS and item.name not in ("id", "path")
}
_TEXTS = {"id", "path", "recording", "speaker", "gender", "language", "text", "parent", "perturbation", "fingerprint"}
_SECONDS = ("start", "end", "duration_s")
_REPEATED = ("recording", "speaker", "gender", "language")


def one_form(name: str) -> str:
    """A name in Unicode form NFC: macOS, and what is copied from it, writes ``ü`` as two signs.

    >>> one_form("Ju\u0308rgen") == "J\u00fcrgen"
    True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def one_path(path: str) -> str:
    """A relative path without ``.`` and empty parts, as ``find .`` and joined folder names have them.

    >>> one_path("./a//b.wav")
    'a/b.wav'
    """
    if path.startswith("/") or not ("//" in path or path.startswith("./") or "/./" in path):
        return path
    return "/".join(part for part in path.split("/") if part not in ("", ".")) or path


_FORMS = {"speaker": one_form, "recording": one_form, "path": one_path}
_NOTHING: Mapping[str, str] = {}


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
    unknown = sorted(record.keys() - set(FIELDS))
    if unknown:
        raise ManifestError(f"{where}: unknown field {unknown[0]!r}; fields are {', '.join(FIELDS)}")
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
