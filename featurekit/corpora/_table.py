"""Label tables that people write: CSV, TSV, JSON, JSONL or Parquet → utterances, with errors that name file and line.

A table is read twice: once to see what its columns and cells are as a whole, once for its rows, of which none is held.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from featurekit.corpora._delimited import csv_rows as csv_rows  # these two are what recipes read their own tables with
from featurekit.corpora._delimited import read_text as read_text
from featurekit.corpora._names import Names
from featurekit.corpora._rows import ImpossibleTimeError, Rows
from featurekit.corpora._sources import source_of
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

_logger = logging.getLogger(__name__)
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")  # those that are looked for; a .json is read where it is named
_MOST_SHOWN = 10


def read_table(path: str | Path, root: str | Path | None = None) -> Iterator[Utterance]:
    """Read a table of utterances, a row at a time.

    Columns: ``path`` (needed), ``label``, ``speaker``, ``id``, ``start``, ``end`` or ``duration`` (seconds), ``channel``,
    ``recording``, ``position``, ``gender``, ``language``, ``text``; any other column is kept as a raw label of its name.
    Columns that are nearly called so are read with a note. An empty cell is no value. ``label`` stays text; another column
    is one of numbers where all its cells are. Defaults: ``id`` is the file's stem, or its path without suffix where two rows
    have one stem, with ``_<start>_<end>`` for a segment; ``recording`` the path without suffix for a segment, else the id;
    ``position`` the order in the table within a recording. A JSONL table may be one that ``Manifest.write`` wrote. A Parquet
    table needs pyarrow and keeps its types.

    Parameters
    ----------
    path : str or Path
        The table.
    root : str, Path or None
        The corpus's folder, to find names in; None looks nothing up.

    Raises
    ------
    ManifestError
        With file and line: not UTF-8, no ``path``, a row too short or too long, a number that is none. Two rows of one id
        are found by the manifest that is made of them.
    MissingDependencyError
        For a Parquet table without pyarrow.
    """
    path = Path(path)
    source = source_of(path)
    rows = Rows(Names(None if root is None else Path(root)), whole_paths=source.whole_paths)
    _say(path, source.notes)
    for warning in source.warnings:
        _logger.warning("%s: %s", path.name, warning)
    if source.whole_paths:
        _say(path, ["several files have one name: the id is the path without suffix"])
    impossible: list[ImpossibleTimeError] = []
    count = 0
    for where, record in source.records():
        count += 1
        try:
            yield rows.utterance(record, where)
        except ImpossibleTimeError as error:
            impossible.append(error)
    if not count:
        raise ManifestError(f"{path}: the table has no rows")
    if len(impossible) == count:
        raise impossible[0]
    _say(path, rows.names.notes())
    if impossible:
        shown = "; ".join(map(str, impossible[:_MOST_SHOWN])) + ("; …" if len(impossible) > _MOST_SHOWN else "")
        _logger.warning("%d of %d rows are left out, since their times cannot be: %s", len(impossible), count, shown)


def find_table(names: Iterable[Path]) -> Path | None:
    """The first of some files that exists, or None."""
    return next((name for name in names if name.is_file()), None)


def _say(path: Path, notes: Iterable[str]) -> None:
    for note in notes:
        _logger.warning("note: %s: %s", path.name, note)
