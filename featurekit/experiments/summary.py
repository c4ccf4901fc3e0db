"""A run at a glance, from what its folder holds: how it was made, how each fold was fitted, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from featurekit.experiments.scores import rescored
from featurekit.runs import FoldRecord, RunRecord, StoredRun

_OF_FOLD = ("best_epoch", "train_s", "started", "host", "device", "precision", "parameters")
_SCORES = ("accuracy", "unweighted_accuracy", "macro_f1", "weighted_f1", "binary_f1", "mae", "correlation", "ccc", "loss")


def summary_of(folder: str | Path) -> dict[str, Any]:
    """What a person wants to know of a run; JSON-able. What a run of an earlier version did not keep is left out.

    Parameters
    ----------
    folder : path
        A run, finished or not.

    Returns
    -------
    dict
        ``model``, ``corpus``, ``task``, ``features``, ``split``, ``verdict``; ``begun``: ``started`` (UTC), ``host``,
        ``command``; ``monitor``; ``folds``: of each that is fitted ``fold``, ``epochs``, ``best_epoch``, ``train_s``,
        ``started``, ``host``, ``device``, ``precision``, ``parameters`` (``all`` and ``trained``) and ``at_best``, the row of
        that epoch; ``seconds``: of all of them; ``finished``; and of a finished one ``test``: the pooled scores, the class
        of the binary F1 (``positive``), and the loss by gender.

    Raises
    ------
    ParameterError
        When the folder is no run.
    """
    run = StoredRun(folder)
    record = run.record
    folds = [_of_fold(fold.record) for fold in run.folds if fold.is_trained]
    return {
        "run": str(folder),
        "model": record.settings.model,
        "corpus": record.corpus,
        "task": record.task,
        "features": record.column_names,
        "split": record.split.kind,
        "verdict": record.verdict,
        "monitor": _monitor(record),
        **({"begun": record.begun} if record.begun else {}),
        "folds": folds,
        "of_folds": len(record.folds),
        "seconds": round(sum(fold["train_s"] for fold in folds), 3),
        "finished": run.is_finished,
        **({"test": _of_test(rescored(folder))} if run.is_finished else {}),
    }


def _monitor(record: RunRecord) -> str:
    if record.training.monitor != "auto":
        return record.training.monitor
    return "ccc" if record.kind == "values" else "ua"


def _of_fold(made: FoldRecord) -> dict[str, Any]:
    kept = {name: value for name in _OF_FOLD if (value := getattr(made, name)) not in ("", {})}
    row: Mapping[str, Any] = next((row for row in made.history if row["epoch"] == made.best_epoch), {})
    return {"fold": made.fold, "epochs": len(made.history), **kept, "at_best": row}


def _of_test(scores: Mapping[str, Any]) -> dict[str, Any]:
    pooled = {name: scores["pooled"][name] for name in _SCORES if name in scores["pooled"]}
    if "binary_f1" in pooled:
        pooled["positive"] = scores["positive"]
    by_gender = {name: row["loss"] for name, row in scores["per_gender"].items() if "loss" in row}
    return {"n": scores["n"], **pooled, **({"loss_by_gender": by_gender} if by_gender else {})}
