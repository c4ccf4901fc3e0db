"""Scores of a run from what its folder holds: the same when it ends and when it is looked at again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from featurekit import evaluation
from featurekit.data import Fold, Task, labelled, tasks
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest
from featurekit.notebook import pandas
from featurekit.runs import StoredRun


def rescored(folder: str | Path, *, positive: str | None = None) -> dict[str, Any]:
    """Everything a report says about a run, computed from its stored predictions.

    Parameters
    ----------
    folder : path
        A run whose folds are all there.
    positive : str, optional
        The class of the binary F1; the run's own by default.

    Returns
    -------
    dict
        As :func:`featurekit.evaluation.score` or :func:`featurekit.evaluation.score_values`, and ``split``; of two corpora
        ``over``: ``classes``, ``map`` (each corpus's own name → class, empty where left out) and, by corpus, ``left_out``.

    Raises
    ------
    ParameterError
        When the folder is no run, of another version, or a fold is missing; or ``positive`` is said of ratings.
    UnknownNameError
        When ``positive`` is no class.
    """
    run = StoredRun(folder)
    record = run.record
    names = record.folds
    missing = [fold.name for fold in run.folds if not fold.has_predicted]
    if missing:
        raise ParameterError(
            f"{folder} is not finished: fold {', '.join(missing[:10])} of {len(names)} is missing; "
            f"`featurekit train {folder}` goes on from there"
        )
    rows = [row.to_dict() for fold in run.folds for row in fold.predictions]
    reference = record.reference
    if positive and record.kind == "values":
        raise ParameterError(f"--positive {positive} is a class, and {folder} rates")
    if record.kind == "values":
        scale = None if record.scale is None else (record.scale[0], record.scale[1])
        means = _of_each_fold(reference["training_mean"], names)
        scores = evaluation.score_values(rows, record.outputs, scale=scale, training_means=means)
    else:
        counts = _of_each_fold(reference["training_counts"], names)
        named = record.settings.positive if positive is None else positive
        scores = evaluation.score(rows, record.classes, training_counts=counts, human=reference["human"], positive=named)
    over = {"over": record.over} if record.over else {}
    return scores | {"split": asdict(record.split)} | over


def predictions_frame(folder: str | Path) -> Any:
    """The predictions of a run's folder as a pandas data frame, as :meth:`featurekit.experiments.RunResult.frame` says.

    Raises
    ------
    ParameterError
        When the folder is no run.
    MissingDependencyError
        When pandas is not installed.
    """
    library, run = pandas(), StoredRun(folder)
    predicted = [row for fold in run.folds if fold.has_predicted for row in fold.predictions]
    rows = [_flat(row.to_dict(), run.record.outputs) for row in predicted]
    return library.DataFrame(rows).set_index("id")


def _flat(row: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, Any]:
    """A stored prediction with a name for each number."""
    flat = {name: row[name] for name in ("id", "fold", "speaker", "gender")}
    for name, told in (("label", "truth"), ("predicted", "predicted")):
        values = row[name]
        flat |= _named(told, values, outputs) if isinstance(values, list) else {told: values}
    for name, told in (("probabilities", "p"), ("scores", "score"), ("target", "target")):
        flat |= _named(told, row[name], outputs) if name in row else {}
    return flat


def _named(prefix: str, values: Sequence[float], outputs: Sequence[str]) -> dict[str, float]:
    return {f"{prefix}_{output}": value for output, value in zip(outputs, values, strict=True)}


def _of_each_fold(known: Any, folds: Sequence[str]) -> dict[str, Any]:
    """What training knew, by fold; a run of before this was kept by fold has one for all."""
    by_fold = isinstance(known, dict) and set(folds) <= known.keys() and not any(isinstance(v, int) for v in known.values())
    return dict(known) if by_fold else dict.fromkeys(folds, known)


def reference(manifest: Manifest, task: Task, folds: Sequence[Fold], *, shuffled: bool) -> dict[str, Any]:
    """What results stand beside: what training knew before listening, and what people reach.

    Parameters
    ----------
    manifest : Manifest
        Raw labels and raters.
    task : Task
        What is learnt.
    folds : sequence of Fold
        Of the run.
    shuffled : bool
        Whether labels are a control's; nobody agrees with those.

    Returns
    -------
    dict
        ``training_counts``: fold → class → utterances of its training part; or for ratings ``training_mean``: fold → means.
        ``human``: agreement of the raters with the labels of the test parts (``n``, ``accuracy``,
        ``unweighted_accuracy``), None where the corpus keeps no raters.
    """
    train = {name for fold in folds for name in fold.train}
    if task.kind == "values" and task.target_of is not None:
        found = {name: np.asarray(task.target_of(manifest[name]), dtype=np.float64) for name in train}
        means = {fold.name: np.mean([found[name] for name in fold.train], axis=0).tolist() for fold in folds}
        return {"training_mean": means, "human": None}
    labels = labelled(manifest, task, sorted(train), drop_unlabelled=True)
    counts = {fold.name: dict.fromkeys(task.classes, 0) for fold in folds}
    for fold in folds:
        for name in fold.train:
            if name in labels:
                counts[fold.name][labels[name]] += 1
    tested = {name for fold in folds for name in fold.test}
    people = None if shuffled else tasks.agreement(manifest.filter(lambda utterance: utterance.id in tested), task)
    human: Mapping[str, Any] | None = None
    if people is not None:
        human = {"n": people.utterances, "accuracy": people.weighted, "unweighted_accuracy": people.unweighted}
    return {"training_counts": counts, "human": human}
