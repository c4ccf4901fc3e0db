"""Records of JSON tables: an object a line, as ``Manifest.write`` and many tools write it, or one list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from featurekit.corpora._delimited import open_text, read_text
from featurekit.errors import ManifestError


def line_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file and line, object) of a JSONL file.

    Raises
    ------
    ManifestError
        For a line that is no object of JSON.
    """
    # Manifest.write keeps the bytes of file names that are not UTF-8; they are refused anywhere else.
    with open_text(path, "surrogateescape", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"{path}:{number}", _checked(_parsed(line.strip(), f"{path}:{number}"), f"{path}:{number}")


def list_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file and number, object) of a JSON file that is one list of objects; one of lines is read as such.

    Raises
    ------
    ManifestError
        For other JSON, and for what is none.
    """
    text = read_text(path)
    if text.lstrip()[:1] == "{" and "\n" in text.strip() and text.lstrip().partition("\n")[0].rstrip()[-1:] == "}":
        yield from line_records(path)
        return
    found = _parsed(text, str(path))
    if not isinstance(found, list):
        raise ManifestError(
            f"{path}: expected a list of objects with a path each, got {type(found).__name__}; "
            "pandas writes one with to_json(orient='records')"
        )
    for number, record in enumerate(found, 1):
        yield f"{path}: object {number}", _checked(record, f"{path}: object {number}")


def _checked(record: Any, where: str) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: expected an object with a path, got {type(record).__name__}")
    return record


def _parsed(text: str, where: str) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ManifestError(f"{where}: not JSON ({error.msg} at {line}column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where}: {error}") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number JSON allows; leave the value out")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
