"""An audformat database: its header, the rows of its tables, and what its schemes and misc tables say of a value."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from featurekit.corpora._labels import number, records
from featurekit.corpora._parquet import parquet_records
from featurekit.errors import ManifestError, MissingDependencyError

HEADER = "db.yaml"
_TIME = re.compile(r"(?:(-?\d+) days?)?(?:(?:^| )[+]?(\d+):(\d+):(\d+(?:\.\d+)?))?")
_BOOLEANS = {"true": True, "false": False}
_PARTS = ("train", "dev", "test")
_WORDS = 3  # longer than this, what a scheme says of a code is a sentence about it


class Database:
    """A database below a folder.

    Parameters
    ----------
    root : Path
        Where db.yaml lies.

    Raises
    ------
    ManifestError
        For a header that is none.
    MissingDependencyError
        Without PyYAML.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._header = _read_header(root / HEADER)
        self.tables = self._mappings("tables")
        self._schemes = self._mappings("schemes")
        self._splits = self._mappings("splits")
        self._misc_tables = self._mappings("misc_tables")
        self._columns = {
            table_id: self._scheme_ids(table_id, table) for table_id, table in {**self.tables, **self._misc_tables}.items()
        }

    @property
    def language(self) -> str:
        """The language, where the header names a single one."""
        languages = self._header.get("languages") or ()
        languages = [languages] if isinstance(languages, str) else languages
        return str(languages[0]) if isinstance(languages, list) and len(languages) == 1 else ""

    def part(self, table_id: str) -> str:
        """The part of the official split that a table is: the name of its split, or the type where that says more."""
        split_id = str(self.tables[table_id].get("split_id") or "")
        kind = self._splits.get(split_id, {}).get("type")
        return split_id if split_id.lower().startswith(_PARTS) or kind not in _PARTS else str(kind)

    def is_part(self, table_id: str) -> bool:
        """Whether a table is the train, dev or test part of the official split."""
        return self._splits.get(str(self.tables[table_id].get("split_id") or ""), {}).get("type") in _PARTS

    def scheme_of(self, table_id: str, column: str) -> str:
        """The scheme of a table's column; empty where it has none."""
        return self._columns[table_id].get(column, "")

    def value(self, column: str, cell: Any, scheme_id: str, where: str) -> Any:
        """The cell as its scheme's type.

        Raises
        ------
        ManifestError
            For a value that the scheme does not allow.
        """
        value = _typed(column, cell, self._schemes.get(scheme_id, {}), where)
        allowed = self._labels.get(scheme_id)
        if allowed is not None and _key(value) not in allowed:
            raise ManifestError(f"{where}: {column} {value!r} is no label of its scheme ({', '.join(allowed)})")
        return value

    def told(self, column: str, scheme_id: str, value: Any) -> Any:
        """What the scheme's labels, or a misc table, say of a value: a mapping, a text, or None."""
        found = self._labels.get(scheme_id, {}).get(_key(value))
        if found is not None:
            return found
        names = {(column,), (scheme_id,)}
        rows = [rows.get((_key(value),), {}) for levels, rows in self.misc.values() if levels in names]
        return {key: told for row in rows for key, told in row.items()} or None

    @cached_property
    def _labels(self) -> dict[str, dict[str, Any]]:
        """Scheme → its labels, by their text → what is said of them; of those that have labels, or a misc table of them."""
        found: dict[str, dict[str, Any]] = {}
        for scheme_id, scheme in self._schemes.items():
            labels = scheme.get("labels")
            if isinstance(labels, str):
                found[scheme_id] = {key[0]: row for key, row in self.misc.get(labels, ((), {}))[1].items() if key}
            elif isinstance(labels, Mapping):
                found[scheme_id] = {_key(label): about for label, about in labels.items()}
            elif isinstance(labels, list):
                found[scheme_id] = dict.fromkeys(map(_key, labels))
        return found

    def word(self, scheme_id: str, value: Any) -> Any:
        """What a value is called: the word of its scheme's labels where they give each code a word of its own, else itself."""
        return self._words.get(scheme_id, {}).get(_key(value), value)

    @cached_property
    def _words(self) -> dict[str, dict[str, str]]:
        """Scheme → code → word, of schemes such as ``labels: {1: calm, 2: sad}``; sentences describe a code, and are none."""
        found: dict[str, dict[str, str]] = {}
        for scheme_id, scheme in self._schemes.items():
            labels = scheme.get("labels")
            if isinstance(labels, Mapping) and all(isinstance(word, str) and word.strip() for word in labels.values()):
                words = {_key(label): word.strip() for label, word in labels.items()}
                if len(set(words.values())) == len(words) and all(len(word.split()) <= _WORDS for word in words.values()):
                    found[scheme_id] = words
        return found

    def told_of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What misc tables of several levels say of a row that has them all as columns."""
        several = [(levels, rows) for levels, rows in self.misc.values() if len(levels) > 1 and set(levels) <= record.keys()]
        found = [rows.get(tuple(_key(record[level]) for level in levels), {}) for levels, rows in several]
        return {key: told for row in found for key, told in row.items()}

    def unread(self) -> list[str]:
        """Misc tables that no scheme and no column refers to."""
        schemes = {str(scheme.get("labels")) for scheme in self._schemes.values()}
        columns = {name for table_id in self.tables for pair in self._columns[table_id].items() for name in pair}
        return [name for name, (levels, _) in self.misc.items() if name not in schemes and not set(levels) <= columns]

    @cached_property
    def misc(self) -> dict[str, tuple[tuple[str, ...], dict[tuple[str, ...], dict[str, Any]]]]:
        """Misc table → (levels of its index, index → its row)."""
        found = {}
        for table_id, table in self._misc_tables.items():
            named = table.get("levels") or {}  # level → type; older databases name the levels alone
            if not isinstance(named, (dict, list)):
                raise ManifestError(f"{self._root / HEADER}: levels of {table_id} must be a mapping, got {named!r}")
            dtypes = {str(level): {"dtype": named[level]} if isinstance(named, dict) else {} for level in named}
            levels = tuple(dtypes)
            rows: dict[tuple[str, ...], dict[str, Any]] = {}
            for where, record in self.rows(table_id, levels):
                key = tuple(_key(_typed(level, record.pop(level, ""), dtypes[level], where)) for level in levels)
                rows[key] = {
                    name: self.word(scheme_id, _typed(name, cell, self._schemes.get(scheme_id, {}), where))
                    for name, cell in record.items()
                    if cell not in (None, "")
                    for scheme_id in [self.scheme_of(table_id, name)]
                }
            found[table_id] = levels, rows
        return found

    def rows(self, table_id: str, required: tuple[str, ...] = ("file",)) -> Iterator[tuple[str, dict[str, Any]]]:
        """File and line, and column → cell, of a table's rows.

        Raises
        ------
        ManifestError
            For a table that is neither CSV nor Parquet, or broken.
        """
        stem = self._root / f"db.{table_id}"
        if stem.with_name(f"{stem.name}.parquet").is_file():
            yield from parquet_records(stem.with_name(f"{stem.name}.parquet"))
        elif stem.with_name(f"{stem.name}.csv").is_file():
            yield from records(stem.with_name(f"{stem.name}.csv"), required)
        else:
            raise ManifestError(
                f"{self._root / HEADER}: the table {table_id!r} is neither {stem.name}.csv nor .parquet; save it so again"
            )

    def _mappings(self, name: str) -> dict[str, dict[str, Any]]:
        """A part of the header: name → mapping, empty where it has none."""
        found = _mapping(self._header.get(name), name, self._root / HEADER)
        return {key: _mapping(value, f"{name}: {key}", self._root / HEADER) for key, value in found.items()}

    def _scheme_ids(self, table_id: str, table: dict[str, Any]) -> dict[str, str]:
        """Column → its scheme, empty where it has none."""
        where = self._root / HEADER
        columns = _mapping(table.get("columns"), f"columns of {table_id}", where)
        return {
            name: str(_mapping(column, f"column {name} of {table_id}", where).get("scheme_id") or "")
            for name, column in columns.items()
        }


def seconds(value: Any, where: str) -> float | None:
    """A time of pandas in seconds; None where there is none.

    >>> seconds("0 days", ""), seconds("1 days 00:00:01.5", ""), seconds("NaT", ""), seconds("-1 days +23:59:59.5", "")
    (0.0, 86401.5, None, -0.5)

    Raises
    ------
    ManifestError
        For anything else.
    """
    if value in (None, "", "NaT"):
        return None
    if hasattr(value, "total_seconds"):
        return float(value.total_seconds())
    match = _TIME.fullmatch(str(value))
    if match is None or not any(match.groups()):
        raise ManifestError(f"{where}: expected a time like 0 days 00:00:01.5, got {value!r}")
    days, hours, minutes, rest = (float(group or 0) for group in match.groups())
    return round(days * 86400 + hours * 3600 + minutes * 60 + rest, 9)


def _typed(name: str, cell: Any, scheme: Mapping[str, Any], where: str) -> Any:
    dtype = scheme.get("dtype")
    if dtype in ("float", "int"):
        low, high = (_limit(scheme.get(limit), sign) for limit, sign in (("minimum", "-inf"), ("maximum", "inf")))
        value = number(str(cell), name, where, low, high)
        return int(value) if dtype == "int" else value
    if dtype == "time":
        return seconds(cell, where)
    if dtype == "bool" and isinstance(cell, str):
        return _BOOLEANS.get(cell.lower(), cell)
    return cell if isinstance(cell, (str, bool)) else str(cell)


def _limit(value: Any, otherwise: str) -> float:
    return float(value if isinstance(value, (int, float)) else otherwise)


def _mapping(value: Any, what: str, where: Path) -> dict[str, Any]:
    if not isinstance(value, dict) and value is not None:
        raise ManifestError(f"{where}: {what} must be a mapping, got {value!r}")
    return {str(key): item for key, item in (value or {}).items()}


def _key(cell: Any) -> str:
    """One form of a misc table's index, whatever type the table's file gave it."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise MissingDependencyError(f"{path}: reading it needs PyYAML: pip install 'featurekit[tables]'") from None
    try:
        header = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError) as error:
        raise ManifestError(f"{path}: not YAML: {error}") from None
    if not isinstance(header, dict):
        raise ManifestError(f"{path}: expected a mapping with schemes and tables")
    return header
