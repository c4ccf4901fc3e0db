"""One run several times, from other initial weights in another order: the mean and its deviation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.errors import ParameterError
from featurekit.experiments.at_once import train_pending
from featurekit.experiments.fold import History
from featurekit.experiments.options import RunProgress, RunResult
from featurekit.experiments.run import Run
from featurekit.files import write_json
from featurekit.runs import RunSettings


def with_seeds(settings: RunSettings, n: int) -> list[RunSettings]:
    """The same settings with ``n`` training seeds, counted up from theirs; the split stays what it is.

    Raises
    ------
    ParameterError
        When n is below 1.
    """
    if n < 1:
        raise ParameterError(f"--seeds is {n}; expected 1 or more")
    first = int(settings.training.get("seed", settings.seed))
    return [dataclasses.replace(settings, training={**settings.training, "seed": first + more}) for more in range(n)]


def execute_seeds(
    settings: RunSettings, n: int, *, runs: str | Path, jobs: int = 1, progress: RunProgress | None = None
) -> tuple[list[RunResult], dict[str, Any], Path]:
    """Execute a run with several seeds.

    Parameters
    ----------
    settings : RunSettings
        Of the run with the first seed.
    n : int
        How many seeds.
    runs : path
        Folder of runs.
    jobs : int
        Folds, of whatever seed, that are trained at once.
    progress : RunProgress, optional
        Hears every run.

    Returns
    -------
    results : list of RunResult
    summary : dict
        ``runs``: their folders; ``pooled``: metric → ``mean``, ``std`` (sample deviation, None of one), ``values``.
    path : Path
        Where the summary was written: beside the first run, ``<its name>.seeds.json``.
    """
    every = [Run(one, runs=runs) for one in with_seeds(settings, n)]
    trained: dict[Path, dict[int, History]] = {run.folder: {} for run in every}
    progress = progress or RunProgress()
    progress.planned([one for run in every for one in (*run.stages.values(), run)])
    if jobs > 1:
        for run in every:
            run.train_stages(progress, jobs=jobs)
        for run, number, history in train_pending(every, jobs, progress):
            trained[run.folder][number] = history
            progress.note(f"{run.folder.name}, fold {run.split.folds[number].name} is trained")
    results = [run.execute(progress, trained=trained[run.folder]) for run in every]
    names = [name for name in results[0].metrics["pooled"] if name != "n"]
    pooled = {name: _spread([result.metrics["pooled"][name] for result in results]) for name in names}
    summary = {"runs": [str(result.folder) for result in results], "pooled": pooled}
    path = results[0].folder.with_name(f"{results[0].folder.name}.seeds.json")
    write_json(path, summary)
    return results, summary, path


def _spread(values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    mean = float(np.mean(known)) if known else None
    return {"mean": mean, "std": float(np.std(known, ddof=1)) if len(known) > 1 else None, "values": list(values)}
