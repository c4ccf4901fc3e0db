"""The files that tables come in: each gives its rows, by field or raw label, as often as it is asked.

All rows are looked at before the first is given: a column is one of numbers, and an id a stem, only where all of them allow it.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.corpora._cells import NUMBERS, Survey, is_number, number_in, value_of
from featurekit.corpora._columns import DURATION, Columns, understand
from featurekit.corpora._delimited import csv_rows, delimiter_of
from featurekit.corpora._json_table import line_records, list_records
from featurekit.corpora._parquet import parquet_records
from featurekit.errors import ManifestError
from featurekit.manifest import FIELDS, one_form

Record = tuple[str, dict[str, Any]]  # file and line, column or field → value
_TYPED = {".json": list_records, ".jsonl": line_records, ".parquet": parquet_records}


@dataclass(frozen=True)
class Source:
    """A table that was looked at.

    Parameters
    ----------
    records : callable
        Its rows, each time from the first.
    notes : tuple of str
        What was taken for what.
    warnings : tuple of str
        What is probably meant otherwise.
    whole_paths : bool
        Whether two rows without an id have one file name.
    """

    records: Callable[[], Iterator[Record]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    whole_paths: bool


def source_of(path: Path) -> Source:
    """Look at a table.

    Raises
    ------
    ManifestError
        For a table whose columns are not understood, or a row that does not fit them.
    MissingDependencyError
        For a Parquet table without pyarrow.
    """
    read = _TYPED.get(path.suffix.lower())
    return _typed(path, read) if read else _delimited(path)


def _typed(path: Path, read: Callable[[Path], Iterator[Record]]) -> Source:
    """A table whose cells have types: their columns are those of all rows."""
    columns: dict[str, None] = {}
    survey, stems, first_where = Survey(), _Stems(), ""
    for where, record in read(path):
        first_where = first_where or where
        columns |= dict.fromkeys(record)
        _look_at(record, survey, stems)
    if not columns:
        return Source(lambda: iter(()), (), (), False)
    found = understand(list(columns), first_where, is_json=path.suffix.lower() != ".parquet")
    if found.names.keys() != set(found.names.values()):
        survey, stems = Survey(), _Stems()
        for _, record in _renamed(read(path), found):
            _look_at(record, survey, stems)
    return Source(lambda: _renamed(read(path), found), found.notes, (*found.questions, *survey.warnings()), stems.repeat)


def _look_at(record: Mapping[str, Any], survey: Survey, stems: _Stems) -> None:
    """See the texts of a row among its names and labels."""
    labels = record.get("labels")
    for name, cell in (*record.items(), *(labels.items() if isinstance(labels, Mapping) else ())):
        if isinstance(cell, str) and cell and name not in ("path", "id", "text"):
            survey.see(name, cell)
    stems.see(record)


def _delimited(path: Path) -> Source:
    """A CSV or TSV: all cells are text."""
    delimiter = delimiter_of(path)
    where, head = next(csv_rows(path, delimiter), (f"{path}:1", []))
    if len({name for name in head if name}) < sum(map(bool, head)):
        raise ManifestError(f"{where}: column names must be unique, got {', '.join(head)}")
    found = understand([name for name in head if name], where, first_row=_first_row(path, delimiter, head))
    names = [found.names.get(name, "") for name in head]
    numbers = {name for name in names if name in NUMBERS}
    survey, stems = Survey(), _Stems()
    unnamed: dict[int, list[str]] = {}
    for cells_where, cells in _rows(path, delimiter, head):
        for place, (name, cell) in enumerate(zip(names, cells, strict=True)):
            if cell and not name:
                unnamed.setdefault(place, [cells_where, "counter"])
                unnamed[place][1] = "counter" if unnamed[place][1] and cell.isdecimal() else ""
            elif cell and name not in numbers and name not in ("path", "id", "text"):
                survey.see(name, cell)
        stems.see(dict(zip(names, cells, strict=True)))
    for place, (first, is_counter) in unnamed.items():
        if not is_counter:
            raise ManifestError(f"{where}: column {place + 1} has no name, and a cell in {first.rpartition(':')[2]}; name it")
    counters = [f"column {place + 1} has no name and holds whole numbers: it is passed over" for place in unnamed]
    labels = [name for name in names if name and name not in FIELDS and name != "label" and survey.is_numeric(name)]

    def records() -> Iterator[Record]:
        for row_where, cells in _rows(path, delimiter, head):
            record: dict[str, Any] = {name: cell for name, cell in zip(names, cells, strict=True) if name and cell}
            _end_by_duration(record, found)
            for name in (numbers | {DURATION}) & record.keys():
                written = found.spare_duration if name not in names else head[names.index(name)]
                record[name] = number_in(written, name, record[name], row_where)
            for name in labels:
                if name in record and is_number(record[name]):
                    record[name] = value_of(record[name])
            yield row_where, record

    return Source(records, (*found.notes, *counters), (*found.questions, *survey.warnings()), stems.repeat)


def _first_row(path: Path, delimiter: str, head: list[str]) -> dict[str, str]:
    """Column → cell of the first row; a broken one is said when the rows are read."""
    _, cells = next(itertools.islice(csv_rows(path, delimiter), 1, None), ("", []))
    return dict(zip(head, cells, strict=False))


def _rows(path: Path, delimiter: str, head: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The rows below the head, which tables that were joined have again."""
    for where, cells in csv_rows(path, delimiter):
        if cells == head:
            continue
        if not any(cells[len(head) :]):
            cells = cells[: len(head)]  # a spreadsheet may write empty cells beyond its columns
        if len(cells) != len(head):
            lines = "; in a TSV a cell holds no line break and no tab" if delimiter == "\t" else ""
            raise ManifestError(f"{where}: {len(cells)} cells for {len(head)} columns ({', '.join(head)}){lines}")
        yield where, cells


def _renamed(records: Iterator[Record], columns: Columns) -> Iterator[Record]:
    for where, record in records:
        renamed = {field: value for name, value in record.items() if (field := columns.names.get(name, name))}
        _end_by_duration(renamed, columns)
        yield where, renamed


def _end_by_duration(record: dict[str, Any], columns: Columns) -> None:
    """Of a segment whose end is not told, beside others', the duration is the segment's."""
    duration = record.get(columns.spare_duration)
    if duration is not None and record.get("start") is not None and record.get("end") is None:
        record[DURATION] = duration


class _Stems:
    """Whether the file names of rows, with their times, are unique; 8 bytes a row."""

    def __init__(self) -> None:
        self._hashes = array("q")

    @property
    def repeat(self) -> bool:
        """Whether two rows have one."""
        ordered = np.sort(np.frombuffer(self._hashes, np.int64)) if self._hashes else np.zeros(0, np.int64)
        return bool((ordered[1:] == ordered[:-1]).any())

    def see(self, record: Mapping[str, Any]) -> None:
        """Look at a row."""
        path = record.get("path")
        if isinstance(path, str) and not record.get("id"):
            stem = one_form(path).replace("\\", "/").rpartition("/")[2].rpartition(".")
            self._hashes.append(hash((stem[0] or stem[2], *(str(record.get(name)) for name in ("start", "end", DURATION)))))
