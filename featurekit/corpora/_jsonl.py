"""Lines of other tools' JSONL files, compressed or not."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from featurekit.errors import ManifestError


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file and line, object) of a UTF-8 file; ``.gz`` is unpacked on the way, and nothing is read ahead.

    Raises
    ------
    ManifestError
        For a line that is no JSON object, other encodings, or a broken archive.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                number += 1
                if line.strip():
                    yield f"{path}:{number}", _parse(line, f"{path}:{number}")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ManifestError(f"{path}:{number + 1}: the archive is broken ({error})") from None


def json_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, object) of a JSONL file, or of a JSON file with one list of objects; ``.gz`` is unpacked.

    Raises
    ------
    ManifestError
        As :func:`json_lines`, and for JSON that is no list of objects.
    """
    if not path.name.endswith((".json", ".json.gz")):
        yield from json_lines(path)
        return
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            records = json.load(file, parse_constant=_refuse)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ManifestError(f"{path}: the archive is broken ({error})") from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: not JSON that can be kept ({error})") from None
    if not isinstance(records, list):
        raise ManifestError(f"{path}: expected a list of objects, got {type(records).__name__}")
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise ManifestError(f"{path}: number {number} must be an object, got {type(record).__name__}")
        yield f"{path}: number {number}", record


def _parse(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # also bytes that are not UTF-8
        raise ManifestError(f"{where}: not JSON that can be kept ({error})") from None
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: expected an object, got {type(record).__name__}")
    return record


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number JSON allows")


def field(record: dict[str, Any], name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field that must be there and be of a kind.

    Raises
    ------
    ManifestError
        When it is absent or of another kind.
    """
    value = record.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = " or ".join(item.__name__ for item in (kind if isinstance(kind, tuple) else (kind,)))
        raise ManifestError(f"{where}: {name} must be {wanted}, got {value!r}")
    return value
