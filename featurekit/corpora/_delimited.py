"""Rows of CSV and TSV files, none lost: what spreadsheets, pandas and Common Voice write, with errors that name the line."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from featurekit.audio import is_audio_name
from featurekit.errors import ManifestError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SPREADSHEETS = {b"PK\x03\x04": "a spreadsheet or another zip archive", b"\xd0\xcf\x11\xe0": "an old Excel file"}
_DELIMITERS = ",;\t|"
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"  # joined files and copied cells leave them at the ends
_CELL = re.compile(r'"(?:[^"]|"")*"|[^"\t]+')
_QUOTED_LINE = re.compile(rf"(?:(?:{_CELL.pattern})?\t)*(?:{_CELL.pattern})?")
_CSV_HINTS = {  # of Python's errors
    "unexpected end": "; a quotation mark is not closed",
    "field larger": "; a quotation mark is probably not closed",
    "expected after": '; write a quotation mark inside a quoted cell twice ("say ""hi"" now")',
}
_EXCEL_SEP = re.compile(r"sep=(.)\s*")


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
    if data[:4] in _SPREADSHEETS:
        raise ManifestError(f"{path} is {_SPREADSHEETS[data[:4]]}; save the sheet as CSV in UTF-8")
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save the table as UTF-8") from None


@contextmanager
def open_text(path: Path, errors: str = "strict", newline: str | None = "") -> Iterator[TextIO]:
    """A UTF-8 file as a stream of lines, whose errors are those of :func:`read_text`."""
    try:
        with open(path, "rb") as file:
            head = file.read(4)
        if head[:2] in _UTF16_MARKS or head in _SPREADSHEETS:
            read_text(path)
        with open(path, encoding="utf-8-sig", errors=errors, newline=newline) as text:
            yield text
    except (FileNotFoundError, UnicodeDecodeError):
        read_text(path, errors)
        raise


def delimiter_of(path: Path) -> str:
    """What stands between the cells of a table: of comma, semicolon, tab and bar what its first line has most of."""
    with open_text(path) as file:
        first = next((line for line in file if line.strip()), "")
    told = _EXCEL_SEP.fullmatch(first)
    if told:
        return told[1]
    return "\t" if path.suffix.lower() == ".tsv" and "\t" in first else max(_DELIMITERS, key=first.count)


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[str, list[str]]]:
    """Yield (file and line, stripped cells) of the rows of a CSV file that are not empty.

    With tabs between cells a row is a line. Its quotation marks belong to the text, unless the file as a whole quotes cells as
    CSV does: only those that need it, or all.

    Raises
    ------
    ManifestError
        For text that is not CSV, a zero byte, and where a quotation mark that is not closed swallows the rows that follow.
    """
    rows = _lines(path) if delimiter == "\t" else _quoted(path, delimiter)
    for where, row in rows:
        if any("\0" in cell for cell in row):
            raise ManifestError(
                f"{where}: holds a zero byte: the file is damaged, or UTF-16 without its mark; save it as UTF-8"
            )
        cells = [cell.strip().strip(_INVISIBLE).strip() for cell in row]
        if any(cells) and not _EXCEL_SEP.fullmatch(delimiter.join(row)):
            yield where, cells


def _quoted(path: Path, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        columns, begins = 0, 1
        try:
            for row in reader:
                columns = columns or len(row)
                if reader.line_num > begins:
                    _refuse_swallowed(row, delimiter, columns, f"{path}:{begins}")
                yield f"{path}:{reader.line_num}", row
                begins = reader.line_num + 1
        except csv.Error as error:
            hint = next((hint for part, hint in _CSV_HINTS.items() if part in str(error)), "")
            raise ManifestError(f"{path}:{begins}: not CSV: {error}{hint}") from None


def _refuse_swallowed(row: list[str], delimiter: str, columns: int, where: str) -> None:
    """A cell of several lines may be a text; one that holds whole rows was opened by a quotation mark of the text."""
    for place, cell in enumerate(row):
        lines = cell.splitlines()
        if len(lines) < 2:
            continue
        pieces = [piece.strip() for line in lines for piece in line.split(delimiter)]
        whole = sum(line.count(delimiter) == columns - 1 for line in lines[1:-1]) if columns > 1 else 0
        has_rows = len(pieces) > len(lines) and (whole > 1 or any(is_audio_name(piece) for piece in pieces))
        if has_rows or _are_rows(lines, place, columns, delimiter):
            raise ManifestError(
                f"{where}: a quotation mark opens a cell here that runs over {len(lines)} lines and swallows their rows; write "
                'a quotation mark at the beginning of a text as three ("""Hello"" he said"), or save the table as TSV'
            )


def _are_rows(lines: list[str], place: int, columns: int, delimiter: str) -> bool:
    """Whether the lines of a cell are the end of one row, whole rows, and the beginning of another, up to the same column."""
    counts = [columns - 1 - place, *[columns - 1] * (len(lines) - 2), place]
    is_text = any(f"{delimiter} " in line for line in lines)  # which has a space after a comma
    return columns > 2 and not is_text and [line.count(delimiter) for line in lines] == counts


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    quotes = _quotes_cells(path)
    with open_text(path, newline=None) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            yield f"{path}:{number}", next(csv.reader([line], delimiter="\t"), []) if quotes else line.split("\t")


def _quotes_cells(path: Path) -> bool:
    """Whether a TSV quotes cells: all with a quotation mark are well quoted, and they need it or all of the head are, too."""
    found = False
    with open_text(path, newline=None) as file:
        head = next(file, "").rstrip("\n")
        quotes_all = all(cell[:1] == '"' for cell in head.split("\t"))
        for line in itertools.chain((head,), file):
            if '"' not in line:
                continue
            line = line.rstrip("\n")
            if not _QUOTED_LINE.fullmatch(line):
                return False
            quoted = [cell[1:-1] for cell in _CELL.findall(line) if cell[:1] == '"']
            if not quotes_all and not all(any(sign in cell for sign in '"\t,') for cell in quoted):
                return False  # the comma: Excel quotes a cell for it in a TSV, too
            found = True
    return found
