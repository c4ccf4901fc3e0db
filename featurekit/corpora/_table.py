"""Label tables that people write: CSV, JSONL or Parquet → utterances, with errors that name file and line."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from featurekit.corpora._parquet import parquet_records
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance, validate
from featurekit.settings import canonical_json

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
_FIELDS = frozenset(item.name for item in dataclasses.fields(Utterance))
_NUMBERS: Mapping[str, type] = {"start": float, "end": float, "duration_s": float, "channel": int, "position": int}


def read_table(path: str | Path) -> Iterator[Utterance]:
    """Read a table of utterances, a row at a time; of the rows before, only the recordings' lengths are remembered.

    Columns: ``path`` (needed), ``label``, ``speaker``, ``id``, ``start``, ``end`` (seconds), ``channel``, ``recording``,
    ``position``, ``gender``, ``language``, ``text``; any other column is kept as a raw label of its name. An empty cell is
    no value. ``label`` stays text; other raw labels become numbers where a cell is one. Defaults: ``id`` is the file's
    stem, with ``_<start>_<end>`` for a segment; ``recording`` the path without suffix for a segment, else the id;
    ``position`` the order in the table within a recording. A JSONL table may be one that ``Manifest.write`` wrote. A
    Parquet table needs pyarrow and keeps its types.

    Raises
    ------
    ManifestError
        With file and line: not UTF-8, no ``path``, a row too short or too long, a number that is none. Two rows of one id
        are found by the manifest that is made of them.
    MissingDependencyError
        For a Parquet table without pyarrow.
    """
    path = Path(path)
    readers = {".jsonl": _json_records, ".parquet": parquet_records}
    records = readers.get(path.suffix.lower(), _csv_records)(path)
    positions: dict[str, int] = {}
    empty = True
    for where, record in records:
        empty = False
        yield _utterance(record, where, positions)
    if empty:
        raise ManifestError(f"{path}: the table has no rows")


def read_text(path: Path, errors: str = "strict") -> str:
    """Text of a UTF-8 file, with or without a byte order mark.

    Raises
    ------
    ManifestError
        When there is no such file, or for another encoding, with the line of the first byte that is wrong.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ManifestError(f"there is no table {str(path)!r}") from None
    if data[:2] in _UTF16_MARKS:
        raise ManifestError(f"{path} is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save the table as UTF-8") from None


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[str, list[str]]]:
    """Yield (file and line, stripped cells) of the rows of a CSV file that are not empty.

    Raises
    ------
    ManifestError
        For text that is not CSV.
    """
    with _open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield f"{path}:{reader.line_num}", cells
        except csv.Error as error:
            raise ManifestError(f"{path}:{reader.line_num}: not CSV: {error}") from None


@contextmanager
def _open_text(path: Path, errors: str = "strict", newline: str = "") -> Iterator[TextIO]:
    """A UTF-8 file as a stream of lines, whose errors are those of :func:`read_text`."""
    try:
        with open(path, "rb") as file:
            is_utf16 = file.read(2) in _UTF16_MARKS
        if is_utf16:
            read_text(path)
        with open(path, encoding="utf-8-sig", errors=errors, newline=newline) as text:
            yield text
    except (FileNotFoundError, UnicodeDecodeError):
        read_text(path, errors)
        raise


def _csv_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with _open_text(path) as file:
        first_line = next((line for line in file if line.strip()), "")
    delimiter = max(",;\t", key=first_line.count)
    rows = csv_rows(path, delimiter)
    where, columns = next(rows, (f"{path}:1", []))
    if "path" not in columns:
        raise ManifestError(
            f"{where}: the first line must name the columns, path among them; got {', '.join(columns) or 'nothing'}"
        )
    if len(set(columns)) != len(columns) or "" in columns:
        raise ManifestError(f"{where}: column names must be unique and not empty, got {columns}")
    for where, cells in rows:
        if len(cells) != len(columns):
            raise ManifestError(f"{where}: {len(cells)} cells for {len(columns)} columns ({', '.join(columns)})")
        record: dict[str, Any] = {}
        for column, cell in zip(columns, cells, strict=True):
            if cell:
                record[column] = _number(column, cell, where) if column in _NUMBERS else cell
        yield where, {name: value if name in _FIELDS or name == "label" else _guess(value) for name, value in record.items()}


def _json_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    # Manifest.write keeps the bytes of file names that are not UTF-8; _utterance refuses such bytes anywhere else.
    with _open_text(path, "surrogateescape", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"{path}:{number}", _json_record(line, f"{path}:{number}")


def _json_record(line: str, where: str) -> dict[str, Any]:
    try:
        record = _DECODER.decode(line.strip())
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where}: {error}") from None
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: expected an object with a path, got {type(record).__name__}")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number JSON allows; leave the value out")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _utterance(record: dict[str, Any], where: str, positions: dict[str, int]) -> Utterance:
    path = record.get("path")
    if not isinstance(path, str) or not path:
        raise ManifestError(f"{where}: lacks a path")
    known = {name: value for name, value in record.items() if name in _FIELDS and name != "labels" and value is not None}
    labels = record.get("labels", {})
    if not isinstance(labels, Mapping):
        raise ManifestError(f"{where}: labels must be an object, got {labels!r}")
    extra = {name: value for name, value in record.items() if name not in _FIELDS and value is not None}
    if "label" in extra:
        extra["label"] = str(extra["label"])
    is_segment = "start" in known or "end" in known
    known.setdefault("id", _default_id(path, known.get("start"), known.get("end")))
    if "recording" in known or is_segment:  # otherwise it is a recording of its own, and the first in it
        place = str(known.setdefault("recording", _without_suffix(path)))
        rank = positions.get(place, 0)
        known.setdefault("position", rank)
        positions[place] = rank + 1
    utterance = Utterance(**known, labels={**labels, **extra})
    validate(utterance, where)
    told = [utterance.speaker, utterance.gender, utterance.language, utterance.text, dict(utterance.labels)]
    try:
        canonical_json(told).encode()
    except (TypeError, ValueError):
        raise ManifestError(f"{where}: holds text that is not UTF-8, or a number that JSON does not allow: {told}") from None
    return utterance


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")) if PurePosixPath(path).name else path


def _default_id(path: str, start: object, end: object) -> str:
    stem = PurePosixPath(path).stem
    return stem if start is None and end is None else f"{stem}_{_seconds(start)}_{_seconds(end)}"


def _seconds(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def _number(column: str, cell: str, where: str) -> float | int:
    try:
        return _NUMBERS[column](cell)  # type: ignore[no-any-return]
    except ValueError:
        kind = "a number of seconds" if _NUMBERS[column] is float else "a whole number"
        raise ManifestError(f"{where}: {column} must be {kind}, got {cell!r}") from None


def _guess(cell: str) -> Any:
    """A cell that is a JSON number becomes one; ``01`` is none and stays a code."""
    try:
        value = _DECODER.decode(cell)
    except ValueError:
        return cell
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else cell


def find_table(names: Iterable[Path]) -> Path | None:
    """The first of some files that exists, or None."""
    return next((name for name in names if name.is_file()), None)
