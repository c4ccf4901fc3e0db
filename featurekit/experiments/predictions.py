"""What the folds of a run predicted, as its folder holds it; read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from featurekit.errors import ParameterError
from featurekit.inference import fold_folder

PREDICTIONS = "predictions.jsonl"


def has_predicted(folder: Path, number: int) -> bool:
    """Whether a fold of the run in this folder has predicted: all that scoring needs."""
    return (fold_folder(folder, number) / PREDICTIONS).exists()


def read_predictions(folder: Path, number: int) -> list[dict[str, Any]]:
    """What a finished fold of the run in this folder predicted.

    Raises
    ------
    ParameterError
        When the file was damaged.
    """
    path = fold_folder(folder, number) / PREDICTIONS
    try:
        return [dict(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    except (ValueError, TypeError) as error:
        raise ParameterError(
            f"{path} is damaged ({error}); remove it and run the same `featurekit train` again, which trains that fold"
        ) from None
