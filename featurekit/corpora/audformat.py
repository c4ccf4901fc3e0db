"""Databases in audformat (audb's format), read without audformat: a YAML header and CSV or Parquet tables."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import number, records, say_left_out
from featurekit.corpora._parquet import parquet_records
from featurekit.corpora._speakers import with_stand_ins
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError, MissingDependencyError
from featurekit.manifest import Utterance

HEADER = "db.yaml"
FIELDS = {"speaker": "speaker", "gender": "gender", "sex": "gender", "language": "language"}
TEXTS = {"transcription": "text", "text": "text", "transcript": "text"}

CORPUS = Corpus(
    name="audformat",
    title="Any database in audformat (audb)",
    languages=(),
    licence="that of the database, in its header",
    citation="audEERING, audformat: format for storing media files and corresponding annotations",
    obtain="a database that audb.load_to or audformat wrote, with its media (tables as CSV or Parquet, not pickle)",
    tree=f"""
<root>/
├── {HEADER}              header: schemes, tables, columns
├── db.emotion.csv       one file a table: file,emotion or file,start,end,emotion; .parquet too
└── audio/*.wav
""",
    labels={"<column>": "every other column of every table; <table>.<column> where two tables disagree"},
    defects=(
        Defect(
            "what a column means is in the header; files that no table lists are left out, and said",
            source="audformat's format",
        ),
    ),
)

_TIME = re.compile(r"(?:(\d+) days? )?(\d+):(\d+):(\d+(?:\.\d+)?)")
_Index = tuple[str, float | None, float | None]


@dataclass
class _Facts:
    fields: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Join all tables of a database: segments where a table has them, else files.

    ::

        <root>/db.yaml            tables: {emotion: {type: filewise, columns: {emotion: {scheme_id: emotion}}}}
        <root>/db.emotion.csv     audio/001.wav,anger

    What a table says of a whole file holds for its segments. Columns speaker, gender, language and transcription, and what the
    speaker scheme's labels say of a speaker, become fields; every other column stays a raw label. Misc tables are not read.

    Header and tables are as audformat 1.4 writes them (a test compares where it is installed).

    Raises
    ------
    ManifestError
        For a broken header or table, a value its scheme does not allow, or tables stored as pickle.
    MissingDependencyError
        Without PyYAML.
    """
    if not (root / HEADER).is_file():
        return
    header = _read_header(root / HEADER)
    facts: dict[_Index, _Facts] = {}
    for table_id, table in sorted((header.get("tables") or {}).items()):
        for where, record in _rows(root, table_id):
            _add(facts.setdefault(_index(record, where), _Facts()), record, table_id, table, header, where)
    yield from with_stand_ins(_utterances(facts))
    say_left_out(set(audio_paths(root)) - {file for file, _, _ in facts}, "are in no table")


def _utterances(facts: Mapping[_Index, _Facts]) -> Iterator[Utterance]:
    cut = {file for file, start, end in facts if (start, end) != (None, None)}
    positions: dict[str, int] = {}
    for file, start, end in sorted(facts, key=lambda index: (index[0], index[1] or 0.0, index[2] or 0.0)):
        if start is None and end is None and file in cut:
            continue
        shared, own = facts.get((file, None, None), _Facts()), facts[file, start, end]
        recording = str(PurePosixPath(file).with_suffix(""))
        yield Utterance(
            id=recording if (start, end) == (None, None) else f"{recording}_{start or 0.0}_{'' if end is None else end}",
            path=file,
            start=start,
            end=end,
            recording=recording,
            position=positions.setdefault(file, 0),
            labels={**shared.labels, **own.labels},
            **{**shared.fields, **own.fields},  # type: ignore[arg-type]
        )
        positions[file] += 1


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


def _rows(root: Path, table_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    stem = root / f"db.{table_id}"
    if stem.with_name(f"{stem.name}.parquet").is_file():
        yield from parquet_records(stem.with_name(f"{stem.name}.parquet"))
    elif stem.with_name(f"{stem.name}.csv").is_file():
        yield from records(stem.with_name(f"{stem.name}.csv"), ("file",))
    else:
        raise ManifestError(
            f"{root / HEADER}: the table {table_id!r} is neither {stem.name}.csv nor .parquet; save it so again"
        )


def _index(record: dict[str, Any], where: str) -> _Index:
    file = record.pop("file", "")
    return str(file), _seconds(record.pop("start", None), where), _seconds(record.pop("end", None), where)


def _seconds(value: Any, where: str) -> float | None:
    if value in (None, "", "NaT"):
        return None
    if hasattr(value, "total_seconds"):
        return float(value.total_seconds())
    match = _TIME.fullmatch(str(value))
    if match is None:
        raise ManifestError(f"{where}: expected a time like 0 days 00:00:01.5, got {value!r}")
    days, hours, minutes, seconds = match.groups()
    return round(int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds), 9)


def _add(facts: _Facts, record: dict[str, Any], table_id: str, table: Any, header: dict[str, Any], where: str) -> None:
    columns = (table or {}).get("columns") or {}
    if (table or {}).get("split_id"):
        facts.labels["split"] = table["split_id"]
    for name, cell in record.items():
        if cell in (None, ""):
            continue
        scheme_id = (columns.get(name) or {}).get("scheme_id", "")
        scheme = (header.get("schemes") or {}).get(scheme_id) or {}
        value = _checked(name, cell, scheme, where)
        kind = FIELDS.get(name) or FIELDS.get(scheme_id) or TEXTS.get(name)
        if kind:
            facts.fields[kind] = str(value)
            about = scheme.get("labels", {}).get(value) if isinstance(scheme.get("labels"), dict) else None
            if kind == "speaker" and isinstance(about, Mapping):
                facts.fields |= {FIELDS[key]: str(told) for key, told in about.items() if key in FIELDS}
        elif facts.labels.get(name, value) != value:
            facts.labels[f"{table_id}.{name}"] = value
        else:
            facts.labels[name] = value


def _checked(name: str, cell: Any, scheme: Mapping[str, Any], where: str) -> Any:
    """The cell as its scheme's type; labels and limits of the scheme hold."""
    if scheme.get("dtype") in ("float", "int"):
        low, high = (float(scheme.get(limit, sign)) for limit, sign in (("minimum", "-inf"), ("maximum", "inf")))
        value: Any = number(str(cell), name, where, low, high)
        value = int(value) if scheme["dtype"] == "int" else value
    else:
        value = cell if isinstance(cell, (str, bool)) else str(cell)
    labels = scheme.get("labels")
    if isinstance(labels, (list, dict)) and value not in labels:
        raise ManifestError(f"{where}: {name} {value!r} is no label of its scheme ({', '.join(map(str, labels))})")
    return value
