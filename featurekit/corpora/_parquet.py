"""Rows of a Parquet file; pyarrow is asked for only when there is one."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from featurekit.errors import ManifestError, MissingDependencyError


def parquet_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file and row, column → value) without columns that hold nothing, streamed in batches.

    Whole numbers that pandas wrote as floats (a column with a gap) are whole numbers again; a NaN is no value.

    Raises
    ------
    MissingDependencyError
        Without pyarrow.
    ManifestError
        When there is no such file or it is not Parquet.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingDependencyError(
            f"{path}: reading Parquet needs pyarrow: pip install 'featurekit[tables]', or save it as CSV"
        ) from None
    if not path.is_file():
        raise ManifestError(f"there is no table {str(path)!r}")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    record = {name: _plain(name, value) for name, value in row.items()}
                    yield f"{path}: row {number}", {name: value for name, value in record.items() if value not in (None, "")}
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise ManifestError(f"{path}: not a Parquet file that can be read ({error})") from None


def _plain(name: str, value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return None
    if name in ("position", "channel") and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
