"""A run trained again from its own record, elsewhere, and compared with what it said.

On a CPU, with the same versions and as many threads, everything is equal to the bit. Where it is not, what differs is
said: the store, the split, the versions, the weights, the predictions, the scores.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from featurekit import training
from featurekit.errors import StoreNotFoundError
from featurekit.experiments.options import RunProgress
from featurekit.experiments.run import Run
from featurekit.runs import RunRecord, StoredFold, StoredRun, finished_run

# What decides the numbers, by its name in run.json.
_DECIDING = ("columns", "contents", "classes", "outputs", "context", "split", "initial", "versions")


@dataclasses.dataclass(frozen=True)
class Replay:
    """What came of training again.

    Parameters
    ----------
    changed : dict
        What decides the numbers and is not what it was → (then, now).
    folds : list of dict
        One a fold: ``fold``, ``weights_equal``, ``predictions_changed`` (how many), ``of``, ``largest_difference`` (of a
        probability or rating).
    pooled : dict
        Metric → (then, now).
    """

    changed: Mapping[str, tuple[Any, Any]]
    folds: Sequence[Mapping[str, Any]]
    pooled: Mapping[str, tuple[Any, Any]]

    @property
    def same(self) -> bool:
        """Whether every prediction came again, to the last bit."""
        return all(not fold["predictions_changed"] and not fold["largest_difference"] for fold in self.folds)

    def to_record(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"same": self.same, **dataclasses.asdict(self)}


def replay(folder: str | Path, *, store: str | None = None, progress: RunProgress | None = None) -> Replay:
    """Train a finished run again in a temporary folder, and compare.

    Parameters
    ----------
    folder : path
        The run.
    store : path, optional
        Where its store is now, if not where it was.
    progress : RunProgress, optional
        Hears the training.

    Raises
    ------
    FeaturekitError
        When the folder is no finished run, or its store or columns are not there.
    """
    then = finished_run(folder)
    with tempfile.TemporaryDirectory(prefix="featurekit-replay-") as runs:
        result = _again(then, store, runs).execute(progress)
        now = StoredRun(result.folder)
        pairs = _deciding(_as_json(then.record), _as_json(now.record))
        pairs |= {key: (getattr(then.fold(0).record, key), getattr(now.fold(0).record, key)) for key in ("device", "threads")}
        return Replay(
            {key: pair for key, pair in pairs.items() if pair[0] != pair[1]},
            [_compared(one, other) | {"fold": other.name} for one, other in zip(then.folds, now.folds, strict=False)],
            {key: (value, result.metrics["pooled"].get(key)) for key, value in then.metrics["pooled"].items()},
        )


@dataclasses.dataclass(frozen=True)
class ReplayForecast:
    """What training again would do.

    Parameters
    ----------
    folds, epochs : int
        How much would be trained; of epochs as many at most.
    seconds_then : float
        What the training took when the run was made, by its own record.
    changed : dict
        As :class:`Replay` has it, as far as it is known before training.
    """

    folds: int
    epochs: int
    seconds_then: float
    changed: Mapping[str, tuple[Any, Any]]


def forecast(folder: str | Path, *, store: str | None = None) -> ReplayForecast:
    """Say what :func:`replay` would train; nothing is trained or written.

    Parameters
    ----------
    folder, store
        As of :func:`replay`.

    Raises
    ------
    FeaturekitError
        As :func:`replay`.
    """
    then = finished_run(folder)
    run = _again(then, store, then.path.parent)
    pairs = _deciding(_as_json(then.record), _as_json(run.record()))
    seconds = sum(fold.record.train_s for fold in then.folds)
    changed = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    return ReplayForecast(len(run.split.folds), run.training.epochs, seconds, changed)


def _as_json(record: RunRecord) -> dict[str, Any]:
    """As a file has it: lists for tuples."""
    found: dict[str, Any] = json.loads(json.dumps(record.to_dict()))
    return found


def _again(then: StoredRun, store: str | None, runs: str | Path) -> Run:
    """The run of a record, to be made in another folder of runs."""
    settings = then.record.settings
    # Threads share out sums, which changes their last bits: as many as then.
    how = {"threads": then.fold(0).record.threads, **settings.training}
    settings = dataclasses.replace(settings, store=store or settings.store, training=how)
    try:
        return Run(settings, runs=runs)
    except StoreNotFoundError as error:
        raise StoreNotFoundError(f"{error}; or name the store after the run") from None


def _deciding(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What decides the numbers in two records of a run."""
    pairs = {key: (then[key], now[key]) for key in _DECIDING}
    return pairs | {"training": (_identity(then["training"]), _identity(now["training"]))}


def _compared(then: StoredFold, now: StoredFold) -> dict[str, Any]:
    rows = [{row.id: row.to_dict() for row in fold.predictions} for fold in (then, now)]
    both = [name for name in rows[0] if name in rows[1]]
    key = next(key for key in ("probabilities", "scores", "predicted") if all(key in row for row in rows[1].values()))
    values = [np.array([side[name][key] for name in both], dtype=np.float64) for side in rows]
    changed = sum(rows[0][name]["predicted"] != rows[1][name]["predicted"] for name in both)
    return {
        "weights_equal": then.record.tensors_sha256 == now.record.tensors_sha256,
        "predictions_changed": changed + len(rows[0].keys() ^ rows[1].keys()),
        "of": len(rows[0]),
        "largest_difference": float(np.abs(values[0] - values[1]).max()) if both else 0.0,
    }


def _identity(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a fit was; a setting that there was not yet is as it was by default."""
    known = {field.name for field in dataclasses.fields(training.TrainSettings)}
    return training.identity(training.TrainSettings(**{key: value for key, value in settings.items() if key in known}))
