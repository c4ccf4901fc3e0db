"""Databases in audformat (audb's format), read without audformat: a YAML header and CSV or Parquet tables."""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._audformat_database import HEADER, Database, seconds
from featurekit.corpora._elsewhere import refuse_absolute
from featurekit.corpora._labels import ImpossibleSpans, say_left_out
from featurekit.corpora._languages import short_code
from featurekit.corpora._speakers import with_stand_ins
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

FIELDS = {"speaker": "speaker", "gender": "gender", "sex": "gender", "language": "language"}
TEXTS = {"transcription": "text", "text": "text", "transcript": "text", "sentence": "text"}
GENDERS = {"f": "female", "m": "male"}

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
    labels={
        "<column>": "every other column of every table; <table>.<column> where two tables disagree",
        "<fact>": "what a scheme's labels or a misc table say of a value (a speaker's age); <column>.<fact> where two disagree",
        "split": "part of the official split that a table is",
    },
    defects=(
        Defect(
            "what a column means is in the header; files that no table lists are left out, and said",
            source="audformat's format",
        ),
    ),
)

_Index = tuple[str, float | None, float | None]
_logger = logging.getLogger(__name__)


@dataclass
class _Facts:
    fields: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)


def _of_tables(root: Path, manifest: Path) -> Iterable[Utterance] | None:
    """The utterances of some tables, as ``--manifest`` names them: ``db.emotion.csv``, ``emotion`` or ``emotion,arousal``."""
    if manifest.suffix == ".jsonl" or not (root / HEADER).is_file():
        return None
    database = Database(root)
    names = [name.strip() for name in str(manifest).split(",")]
    chosen = [PurePosixPath(name).name.removeprefix("db.") for name in names]
    chosen = [name if name in database.tables else PurePosixPath(name).stem for name in chosen]
    unknown = [name for name in chosen if name not in database.tables]
    if len(unknown) == len(chosen) and manifest.suffix:
        return None  # a table that somebody wrote
    if unknown:
        raise ManifestError(f"{root / HEADER}: there is no table {unknown[0]!r}; its tables are {', '.join(database.tables)}")
    return _read(root, database, frozenset(chosen))


@recipe(CORPUS, of_tables=_of_tables)
def utterances(root: Path) -> Iterator[Utterance]:
    """Join all tables of a database: segments where a table has them, else files.

    ::

        <root>/db.yaml            tables: {emotion: {type: filewise, columns: {emotion: {scheme_id: emotion}}}}
        <root>/db.emotion.csv     audio/001.wav,anger

    What a table says of a whole file holds for its segments. Where only the rows of some tables are to be utterances,
    ``--manifest`` names them (``db.emotion.csv``). Columns speaker, gender, language and transcription become fields, a text as
    its scheme's sentence; so does what a scheme's labels or a misc table say of a speaker's gender or language. Every other
    column, and every other fact (age), is a raw label, by its word where the scheme has one for each code (``{1: calm}``); a
    longer text is kept beside the code, as ``<column>.text``. The header's language holds where it names one. A segment whose
    times cannot be is left out, and said. Ids are paths without suffix; with it, where ``a.wav`` lies beside ``a.flac``.

    Header and tables are as audformat 1.4 writes them (a test compares where it is installed).

    Raises
    ------
    ManifestError
        For a broken header or table, a value its scheme does not allow, or tables stored as pickle.
    MissingDependencyError
        Without PyYAML.
    """
    if (root / HEADER).is_file():
        yield from _read(root, Database(root))


def _read(root: Path, database: Database, chosen: frozenset[str] = frozenset()) -> Iterator[Utterance]:
    facts: dict[_Index, _Facts] = {}
    rows: dict[str, dict[_Index, None]] = {}  # table → its index
    impossible = ImpossibleSpans()
    labelled: set[str] = set()  # tables of whole files that say more than who speaks
    for table_id in sorted(database.tables):
        rows[table_id] = {}
        for where, record in database.rows(table_id):
            file, start, end = str(record.pop("file", "")), record.pop("start", None), record.pop("end", None)
            refuse_absolute(root, file, where)
            index = file, seconds(start, where), seconds(end, where)
            if impossible.has(index[1] or 0.0, math.inf if index[2] is None else index[2], where):
                continue
            rows[table_id][index] = None
            if _add(facts.setdefault(index, _Facts()), record, table_id, database, where) and index[1:] == (None, None):
                labelled.add(table_id)
    # A table that is a part comes before one of another kind of split, whatever their names.
    for table_id in sorted(rows, key=lambda name: (not database.is_part(name), name)):
        if part := database.part(table_id):
            for index in rows[table_id]:
                _label(facts[index], "split", part, table_id)
    impossible.say()
    wanted = {index for table_id in chosen or rows for index in rows[table_id]}
    if not chosen:
        wanted = _finest(wanted, rows, labelled)
        say_left_out(set(audio_paths(root)) - {file for file, _, _ in facts}, "are in no table")
    if unread := database.unread():
        _logger.warning("misc tables that no column refers to, left out: %s", ", ".join(unread))
    yield from with_stand_ins(_utterances(facts, wanted, short_code(database.language)))


def _finest(wanted: set[_Index], rows: Mapping[str, Mapping[_Index, None]], labelled: set[str]) -> set[_Index]:
    """Segments of a file in place of the whole; a warning says where they replace labelled files."""
    cut = {file for file, start, end in wanted if (start, end) != (None, None)}
    replaced = {file for name in labelled for file, start, end in rows[name] if file in cut and (start, end) == (None, None)}
    if replaced:
        files = {file for name in labelled for file, start, end in rows[name] if (start, end) == (None, None)}
        parts = [name for name, index in rows.items() if any(start is not None or end is not None for _, start, end in index)]
        count = sum(file in replaced and (start, end) != (None, None) for file, start, end in wanted)
        text = "%d of %d labelled files are read as their %d segments (%s); --manifest %s reads the files"
        tables = ",".join(sorted(labelled))
        _logger.warning(text, len(replaced), len(files), count, ", ".join(parts), tables)
    return {index for index in wanted if index[1:] != (None, None) or index[0] not in cut}


def _utterances(facts: Mapping[_Index, _Facts], wanted: set[_Index], language: str) -> Iterator[Utterance]:
    positions: dict[str, int] = {}
    stems = Counter(_stem(file) for file in {file for file, _, _ in facts})
    for file, start, end in sorted(wanted, key=lambda index: (index[0], index[1] or 0.0, index[2] or 0.0)):
        shared, own = facts.get((file, None, None), _Facts()), facts[file, start, end]
        name = file if stems[_stem(file)] > 1 else _stem(file)
        yield Utterance(
            id=name if (start, end) == (None, None) else f"{name}_{start or 0.0}_{'' if end is None else end}",
            path=file,
            start=start,
            end=end,
            recording=_stem(file),  # a.wav and a.flac are one recording, as far as anybody knows
            position=positions.setdefault(_stem(file), 0),
            labels={**shared.labels, **own.labels},
            **{"language": language, **shared.fields, **own.fields},  # type: ignore[arg-type]
        )
        positions[_stem(file)] += 1


def _stem(file: str) -> str:
    return str(PurePosixPath(file).with_suffix(""))


def _add(facts: _Facts, record: dict[str, Any], table_id: str, database: Database, where: str) -> bool:
    """Take in a row; whether it labels its file or segment, beyond who speaks, how and what."""
    labels = 0
    for name, cell in record.items():
        if cell in (None, ""):
            continue
        scheme_id = database.scheme_of(table_id, name)
        value = database.value(name, cell, scheme_id, where)
        told = database.told(name, scheme_id, value)
        kind = FIELDS.get(name) or FIELDS.get(scheme_id) or TEXTS.get(name) or TEXTS.get(scheme_id)
        if isinstance(told, Mapping):
            sentence = _sentence(told) if kind == "text" else name if not kind and isinstance(told.get(name), str) else None
            value = value if sentence is None else told[sentence]
            _facts_of(facts, {key: fact for key, fact in told.items() if key != sentence}, name)
        elif kind == "text" and isinstance(told, str):
            value = told
        elif isinstance(told, str):
            value = _called(facts, name, kind or "", value, told, database.word(scheme_id, value))
        if kind:
            facts.fields[kind] = _field(kind, value)
        else:
            labels += 1
            _label(facts, name, value, table_id)
    _facts_of(facts, database.told_of(record), table_id)
    return labels > 0


def _sentence(told: Mapping[str, Any]) -> str | None:
    """Which of the facts of a text is its wording: the one called so, else the only text among them."""
    texts = [key for key, fact in told.items() if isinstance(fact, str)]
    return next((key for key in texts if key in TEXTS), texts[0] if len(texts) == 1 else None)


def _called(facts: _Facts, name: str, kind: str, code: Any, told: str, word: Any) -> Any:
    """What a code is called of which its scheme tells a text: the text where it is a word; a sentence is kept beside the code.

    A speaker keeps the code, as other tables have it, and a gender or language one that is understood.
    """
    if kind == "speaker" or word != told.strip():
        _label(facts, name if word == told.strip() else f"{name}.text", told.strip(), name)
        return code
    is_understood = kind == "gender" and _field(kind, code) in GENDERS.values()
    return code if is_understood or (kind == "language" and re.fullmatch("[A-Za-z]{2,3}", str(code))) else word


def _facts_of(facts: _Facts, told: Mapping[str, Any], source: str) -> None:
    """What is said of a value: who speaks and how as fields, all else as labels."""
    for key, value in told.items():
        if value in (None, ""):
            continue
        if key in FIELDS:
            facts.fields[FIELDS[key]] = _field(FIELDS[key], value)
        else:
            _label(facts, str(key), value, source)


def _label(facts: _Facts, name: str, value: Any, source: str) -> None:
    """Keep a raw label; where another one of its name says something else, under the name of its source."""
    facts.labels[name if facts.labels.get(name, value) == value else f"{source}.{name}"] = value


def _field(kind: str, value: Any) -> str:
    text = str(value)
    return short_code(text) if kind == "language" else GENDERS.get(text.lower(), text) if kind == "gender" else text
