"""The record of a run, and where its parts lie in its folder; read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from featurekit.errors import ParameterError

RUN_FORMAT = 2
_NEEDED = ("settings", "training", "columns", "kind", "classes", "outputs", "scale", "context", "folds")


def read_run(run: str | Path) -> dict[str, Any]:
    """The record of a finished run.

    Raises
    ------
    ParameterError
        When the folder is not a run, the run is not finished, or its format is another version's.
    """
    record = read_record(run)
    if not (Path(run) / "metrics.json").exists():
        raise ParameterError(f"{run} is not finished; `featurekit train {run}` goes on from there")
    return record


def read_record(run: str | Path) -> dict[str, Any]:
    """The record of a run, finished or not.

    Raises
    ------
    ParameterError
        When the folder is not a run, or its format is another version's.
    """
    folder = Path(run)
    try:
        record = json.loads((folder / "run.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ParameterError(f"{folder} is not a run (it has no run.json); `featurekit train` prints a run's folder") from None
    except ValueError as error:
        raise ParameterError(f"{folder / 'run.json'} is not JSON ({error}); train again") from None
    said = record.get("format") if isinstance(record, dict) else None
    if said != RUN_FORMAT:
        raise ParameterError(f"{folder} is a run of format {said}, this version reads {RUN_FORMAT}; remove it and train again")
    lacking = [name for name in _NEEDED if name not in record]
    if lacking:
        raise ParameterError(f"{folder / 'run.json'} lacks {', '.join(lacking)}; remove that file and train again")
    return dict(record)


def fold_folder(run: str | Path, number: int) -> Path:
    """Where the checkpoint of a fold lies."""
    return Path(run) / "folds" / str(number)
