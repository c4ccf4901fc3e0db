"""Label tables and transcripts as bytes: in what encoding they are, and whether their ids carry blanks."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from featurekit.inspection.findings import Finding, Item, Severity, seen

TEXT_SUFFIXES = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".jsonl", ".lab", ".lbl", ".lst", ".trn", ".textgrid", ".annotprocessed"}
)
ID_COLUMNS = frozenset(
    {"id", "utt_id", "utterance", "utterance_id", "path", "file", "filename", "file_name", "name", "wav", "audio"}
)
MAX_BYTES = 1 << 26  # a larger "table" is data
_PIECE_BYTES = 1 << 20


def table_findings(root: Path, names: list[str]) -> Iterator[Finding]:
    """Look at every text file of a corpus.

    Parameters
    ----------
    root : Path
        The corpus's folder.
    names : list of str
        Files relative to it; those that are not text by their suffix are passed over.
    """
    found: dict[str, list[Item]] = {}
    padded: list[Item] = []
    for name in names:
        if PurePosixPath(name).suffix.lower() not in TEXT_SUFFIXES:
            continue
        try:
            encoding = encoding_of(root / name)
            if encoding not in ("UTF-8", ""):
                found.setdefault(encoding, []).append(Item((name,), encoding))
            padded += _padded_ids(root, name, encoding)
        except OSError as error:
            found.setdefault("unreadable", []).append(Item((name,), error.strerror or str(error)))
    yield from seen("unreadable", Severity.ERROR, "{n} text [file|files] cannot be read", found.pop("unreadable", []))
    latin = found.pop("Latin-1", [])
    wide = [item for items in found.values() for item in items]
    text = "{n} text [file is|files are] not UTF-8: a reader that takes [it|them] for it garbles the text"
    yield from seen("encoding", Severity.WARNING, text, wide)
    yield from seen(
        "encoding", Severity.NOTE, "{n} text [file is|files are] Latin-1 (or another encoding of single bytes)", latin
    )
    text = (
        "{n} [table has|tables have] ids or paths with blanks around them: featurekit strips those of a CSV, other tools do not"
    )
    yield from seen("id-blanks", Severity.WARNING, text, padded)


def encoding_of(path: Path) -> str:
    """Name of a text file's encoding, from its bytes alone.

    Returns
    -------
    str
        ``"UTF-8"`` (ASCII too), ``"UTF-16"``, ``"UTF-16 without a byte order mark"``, ``"UTF-32"``, ``"GBK"``,
        ``"Latin-1"``, or empty for a file too large to be a table.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    if path.stat().st_size > MAX_BYTES:
        return ""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(path, "rb") as file:
        head = file.read(4096)
        marked = _wide_encoding(head)
        if marked:
            return marked
        file.seek(0)
        try:
            while piece := file.read(_PIECE_BYTES):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
            return "UTF-8"
        except UnicodeDecodeError:
            file.seek(0)
            return "GBK" if _is_gbk(file.read()) else "Latin-1"


def _wide_encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    zeros = [head[start::2].count(0) / max(1, len(head) // 2) for start in (0, 1)]
    return "UTF-16 without a byte order mark" if len(head) >= 8 and max(zeros) > 0.3 and min(zeros) < 0.05 else ""


def _is_gbk(data: bytes) -> bool:
    """Chinese in GBK has its high bytes in pairs; the lone umlaut of a Latin-1 text may look like half a character."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    wide = [letter.encode("gb18030") for letter in text if ord(letter) > 127]
    paired = sum(len(code) == 2 and min(code) >= 0xA1 for code in wide)
    return paired >= 0.8 * len(wide)


def _padded_ids(root: Path, name: str, encoding: str) -> Iterator[Item]:
    """One item for a table with padded ids: how many, and the first of them."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in (".csv", ".tsv", ".jsonl") or not encoding:
        return
    with open(root / name, encoding=_CODECS.get(encoding, "utf-8-sig"), errors="replace", newline="") as file:
        values = _json_ids(file) if suffix == ".jsonl" else _csv_ids(file, suffix)
        padded = [value for value in values if value != value.strip()]
    if padded:
        yield Item((name,), f"{len(padded)} padded, the first is {padded[0]!r}")


_CODECS = {"UTF-16": "utf-16", "UTF-32": "utf-32", "GBK": "gb18030", "Latin-1": "latin-1"}


def _csv_ids(file: TextIO, suffix: str) -> Iterator[str]:
    first_line = next((line for line in file if line.strip()), "")
    delimiter = "\t" if suffix == ".tsv" else max(",;\t", key=first_line.count)
    columns = [0]
    file.seek(0)
    try:
        for number, cells in enumerate(csv.reader(file, delimiter=delimiter)):
            if number == 0:
                columns = [at for at, cell in enumerate(cells) if cell.strip().lower() in ID_COLUMNS] or columns
                if any(cell.strip().lower() in ID_COLUMNS for cell in cells):
                    continue  # a header
            # An aligned first column of numbers is a matter of looks, not an id.
            yield from (cells[at] for at in columns if at < len(cells) and not _is_number(cells[at]))
    except csv.Error:
        return  # the recipe says what is wrong with it, if it reads it at all


def _json_ids(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield from (value for key, value in record.items() if key.lower() in ID_COLUMNS and isinstance(value, str))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True
