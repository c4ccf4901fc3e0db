"""Which epoch of a fit is kept: the measure on the development part that chooses it, and stops a fit that it no longer moves.

Everything here is a function of the history, whose rows know the training and the development part only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from featurekit.data.tasks import Task
from featurekit.errors import ParameterError
from featurekit.runs import TrainSettings

_OF_CLASSES, _OF_RATINGS = ("ua", "wa", "loss"), ("ccc", "mae", "loss")
_LOWER_IS_BETTER = ("loss", "mae")

History = Sequence[Mapping[str, Any]]


def resolved(settings: TrainSettings, task: Task) -> TrainSettings:
    """The settings with the monitor that ``auto`` stands for: UA for classes and shares, CCC for ratings.

    Raises
    ------
    ParameterError
        When the monitor does not fit what the task learns, with those that do.
    """
    rates = task.kind == "values"
    fitting = _OF_RATINGS if rates else _OF_CLASSES
    if settings.monitor == "auto":
        return replace(settings, monitor=fitting[0])
    if settings.monitor not in fitting:
        learns = "ratings" if rates else "classes"
        raise ParameterError(
            f"monitor is {settings.monitor!r}; task {task.name} learns {learns}, whose epoch is chosen by {', '.join(fitting)}"
        )
    return settings


def score(row: Mapping[str, Any], monitor: str) -> float:
    """How good an epoch is by its row of the history, more is better; without a development part a later one is."""
    if f"dev_{monitor}" not in row:
        return float(row["epoch"])
    value = float(row[f"dev_{monitor}"])
    return -value if monitor in _LOWER_IS_BETTER else value


def best_epoch(history: History, monitor: str) -> int:
    """The epoch that is kept: the best by the monitor; of equals the one of the lowest development loss, then the first."""
    best = max(history, key=lambda row: (score(row, monitor), -row.get("dev_loss", 0.0)))
    return int(best["epoch"])


def has_converged(history: History, settings: TrainSettings) -> bool:
    """Whether patience has run out, or the mean score of the last epochs hardly lies above that of those before."""
    if not history or "dev_loss" not in history[0]:
        return False
    if settings.patience is not None and len(history) - best_epoch(history, settings.monitor) >= settings.patience:
        return True
    n = settings.improvement_epochs
    if settings.improvement is None or len(history) < 2 * n:
        return False
    scores = [score(row, settings.monitor) for row in history]
    return float(np.mean(scores[-n:]) - np.mean(scores[-2 * n : -n])) < settings.improvement
