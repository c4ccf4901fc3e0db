"""One row of a table → an utterance: what it says by itself, and what the rows before it say of its recording."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from featurekit.corpora._cells import as_name
from featurekit.corpora._columns import DURATION, RAW
from featurekit.corpora._elsewhere import refuse_absolute
from featurekit.corpora._names import Names
from featurekit.errors import ManifestError
from featurekit.manifest import FIELDS, Utterance, validate
from featurekit.settings import canonical_json

_NAMED = ("id", "recording", "speaker")  # fields that are numbers in other people's tables


class ImpossibleTimeError(ManifestError):
    """A segment whose times cannot be: before its file, in the wrong order, or no numbers; the rows beside it are read."""


class Rows:
    """Rows of one table, in order; of those before only how many each recording has is remembered.

    Parameters
    ----------
    names : Names
        Finds the files.
    whole_paths : bool
        Whether an id that no column gives is the path without suffix; else it is the file's stem.
    """

    def __init__(self, names: Names, *, whole_paths: bool = False) -> None:
        self.names, self._whole_paths = names, whole_paths
        self._positions: dict[str, int] = {}

    def utterance(self, record: Mapping[str, Any], where: str) -> Utterance:
        """The utterance of a row.

        Parameters
        ----------
        record : mapping
            Field, ``label``, :data:`~featurekit.corpora._columns.DURATION` or raw label → value; None is no value.
        where : str
            File and line.

        Raises
        ------
        ImpossibleTimeError
            For a start before the file's, or an end before the start.
        ManifestError
            For anything else that cannot be right.
        """
        written = record.get("path")
        if not isinstance(written, str) or not written:
            raise ManifestError(f"{where}: lacks a path")
        spelt, path = self.names.paths(written)
        known = {name: value for name, value in record.items() if name in FIELDS and name != "labels" and value is not None}
        known |= {"path": path, **{name: as_name(known[name]) for name in _NAMED if name in known}}
        labels = record.get("labels", {})
        if not isinstance(labels, Mapping):
            raise ManifestError(f"{where}: labels must be an object, got {labels!r}")
        others = {name: value for name, value in record.items() if name not in FIELDS and value is not None}
        extra = {name.removeprefix(RAW): value for name, value in others.items()}
        if "label" in extra:
            extra["label"] = str(extra["label"])
        if DURATION in extra:
            known["end"] = _end(known.get("start", 0.0), extra.pop(DURATION), where)
        _refuse_impossible(known, where)
        is_segment = "start" in known or "end" in known
        known.setdefault("id", default_id(spelt, known.get("start"), known.get("end"), whole_path=self._whole_paths))
        refuse_absolute(self.names.root, path, f"{where}: {known['id']}")
        if "recording" in known or is_segment:  # otherwise it is a recording of its own, and the first in it
            place = str(known.setdefault("recording", _without_suffix(spelt)))
            rank = self._positions.get(place, 0)
            known.setdefault("position", rank)
            self._positions[place] = rank + 1
        utterance = Utterance(**known, labels={**labels, **extra})
        validate(utterance, where)
        _refuse_bytes(utterance, where)
        return utterance


def default_id(path: str, start: object, end: object, *, whole_path: bool) -> str:
    """The id of a file, or of a segment of it, that no column names."""
    name = _without_suffix(path) if whole_path else PurePosixPath(path).stem
    return name if start is None and end is None else f"{name}_{_seconds(start)}_{_seconds(end)}"


def _end(start: Any, duration: Any, where: str) -> Any:
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (start, duration)):
        raise ManifestError(f"{where}: start and duration must be numbers of seconds, got {start!r} and {duration!r}")
    if duration < 0:
        raise ImpossibleTimeError(f"{where}: the segment at {start} s lasts {duration} s")
    return round(start + duration, 9)  # 0.1 and 0.2 are 0.3


def _refuse_impossible(known: Mapping[str, Any], where: str) -> None:
    times = [known.get(name) for name in ("start", "end")]
    start, end = (value if isinstance(value, (int, float)) and not isinstance(value, bool) else None for value in times)
    for name, time in (("start", start), ("end", end)):
        if time is not None and not math.isfinite(time):
            raise ImpossibleTimeError(
                f"{where}: {name} is {time}, which is no time; leave the cell empty where nothing is known"
            )
    if start is not None and start < 0:
        raise ImpossibleTimeError(f"{where}: the segment starts at {start} s, before its file")
    if end is not None and end < (start or 0.0):
        raise ImpossibleTimeError(f"{where}: end {end} s lies before start {start or 0.0} s")


def _refuse_bytes(utterance: Utterance, where: str) -> None:
    told = [utterance.speaker, utterance.gender, utterance.language, utterance.text, dict(utterance.labels)]
    try:
        canonical_json(told).encode()
    except (TypeError, ValueError):
        raise ManifestError(f"{where}: holds text that is not UTF-8, or a number that JSON does not allow: {told}") from None


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")) if PurePosixPath(path).name else path


def _seconds(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
