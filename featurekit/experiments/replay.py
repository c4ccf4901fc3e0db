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
from featurekit.experiments.predictions import read_predictions
from featurekit.experiments.run import Run
from featurekit.inference import fold_folder, read_run
from featurekit.runs import RunSettings
from featurekit.settings import from_mapping

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
    folder = Path(folder)
    record, of_first = read_run(folder), _facts(folder, 0)
    with tempfile.TemporaryDirectory(prefix="featurekit-replay-") as runs:
        run = _again(folder, record, store, runs)
        result = run.execute(progress)
        now = json.loads((result.folder / "run.json").read_text("utf-8"))
        then = json.loads((folder / "metrics.json").read_text("utf-8"))
        numbers = range(min(len(record["folds"]), len(now["folds"])))
        pairs = _deciding(record, now)
        pairs |= {key: (of_first[key], _facts(result.folder, 0)[key]) for key in ("device", "threads")}
        return Replay(
            {key: pair for key, pair in pairs.items() if pair[0] != pair[1]},
            [_compared(folder, result.folder, number) | {"fold": now["folds"][number]} for number in numbers],
            {key: (value, result.metrics["pooled"].get(key)) for key, value in then["pooled"].items()},
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
    folder = Path(folder)
    record = read_run(folder)
    run = _again(folder, record, store, folder.parent)
    now = json.loads(json.dumps(run.record()))  # as a file has it: lists for tuples
    pairs = _deciding(record, now)
    seconds = sum(_facts(folder, number)["train_s"] for number in range(len(record["folds"])))
    changed = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    return ReplayForecast(len(run.split.folds), run.training.epochs, seconds, changed)


def _again(folder: Path, record: Mapping[str, Any], store: str | None, runs: str | Path) -> Run:
    """The run of a record, to be made in another folder of runs."""
    settings = from_mapping(RunSettings, record["settings"], where=str(folder / "run.json"))
    # Threads share out sums, which changes their last bits: as many as then.
    how = {"threads": _facts(folder, 0)["threads"], **settings.training}
    settings = dataclasses.replace(settings, store=store or settings.store, training=how)
    try:
        return Run(settings, runs=runs)
    except StoreNotFoundError as error:
        raise StoreNotFoundError(f"{error}; or name the store after the run") from None


def _deciding(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What decides the numbers in two records of a run."""
    pairs = {key: (then[key], now[key]) for key in _DECIDING}
    return pairs | {"training": (_identity(then["training"]), _identity(now["training"]))}


def _compared(then: Path, now: Path, number: int) -> dict[str, Any]:
    digests = [_facts(run, number) for run in (then, now)]
    rows = [{row["id"]: row for row in read_predictions(run, number)} for run in (then, now)]
    both = [name for name in rows[0] if name in rows[1]]
    key = next(key for key in ("probabilities", "scores", "predicted") if all(key in row for row in rows[1].values()))
    values = [np.array([side[name][key] for name in both], dtype=np.float64) for side in rows]
    changed = sum(rows[0][name]["predicted"] != rows[1][name]["predicted"] for name in both)
    return {
        "weights_equal": digests[0]["tensors_sha256"] == digests[1]["tensors_sha256"],
        "predictions_changed": changed + len(rows[0].keys() ^ rows[1].keys()),
        "of": len(rows[0]),
        "largest_difference": float(np.abs(values[0] - values[1]).max()) if both else 0.0,
    }


def _facts(run: Path, number: int) -> dict[str, Any]:
    return training.checkpoint_record(fold_folder(run, number))


def _identity(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a fit was; a setting that there was not yet is as it was by default."""
    known = {field.name for field in dataclasses.fields(training.TrainSettings)}
    return training.identity(training.TrainSettings(**{key: value for key, value in settings.items() if key in known}))
