"""A run at a glance, from what its folder holds: how it was made, how each fold was fitted, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from featurekit import training
from featurekit.experiments.fold import is_finished
from featurekit.experiments.scores import rescored
from featurekit.inference import fold_folder, read_record

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
        that epoch; ``seconds``: of all of them; ``finished``; and of a finished one ``test``: the pooled scores, and the loss
        by gender.

    Raises
    ------
    ParameterError
        When the folder is no run.
    """
    folder = Path(folder)
    record = read_record(folder)
    fitted = [number for number in range(len(record["folds"])) if training.is_checkpoint(fold_folder(folder, number))]
    folds = [_of_fold(training.checkpoint_record(fold_folder(folder, number))) for number in fitted]
    finished = is_finished(folder, record)
    return {
        "run": str(folder),
        "model": record["settings"]["model"],
        "corpus": record.get("corpus", ""),
        "task": record.get("task", ""),
        "features": [column["name"] for column in record["columns"]],
        "split": record.get("split", {}).get("kind", ""),
        "verdict": record.get("verdict", ""),
        "monitor": record["training"].get("monitor") or ("ccc" if record["kind"] == "values" else "ua"),
        **({"begun": record["begun"]} if record.get("begun") else {}),
        "folds": folds,
        "of_folds": len(record["folds"]),
        "seconds": round(sum(fold["train_s"] for fold in folds), 3),
        "finished": finished,
        **({"test": _of_test(rescored(folder))} if finished else {}),
    }


def _of_fold(facts: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: facts[name] for name in _OF_FOLD if name in facts}
    row: Mapping[str, Any] = next((row for row in facts["history"] if row["epoch"] == facts["best_epoch"]), {})
    return {"fold": facts["fold"], "epochs": len(facts["history"]), **kept, "at_best": row}


def _of_test(scores: Mapping[str, Any]) -> dict[str, Any]:
    pooled = {name: scores["pooled"][name] for name in _SCORES if name in scores["pooled"]}
    by_gender = {name: row["loss"] for name, row in scores["per_gender"].items() if "loss" in row}
    return {"n": scores["n"], **pooled, **({"loss_by_gender": by_gender} if by_gender else {})}
