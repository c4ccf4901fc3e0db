"""What comes of a run, and what a caller hears meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurekit.data import Fold
from featurekit.notebook import Shown, Table
from featurekit.statistics import FEWEST_SPEAKERS

if TYPE_CHECKING:
    from featurekit.experiments.run import Run


@dataclass(frozen=True, repr=False)
class RunResult(Shown):
    """A finished run.

    Parameters
    ----------
    folder : Path
        Where it lies.
    metrics : dict
        As :func:`featurekit.score` makes them.
    verdict : str
        What the parts of its split share.
    """

    folder: Path
    metrics: dict[str, Any]
    verdict: str

    def __fspath__(self) -> str:
        """Its folder: wherever a run's folder is taken, the result itself is too."""
        return str(self.folder)

    @classmethod
    def read(cls, folder: str | Path) -> RunResult:
        """The result of a run that was finished before.

        Raises
        ------
        ParameterError
            When the folder is no run, or the run is not finished.
        """
        from featurekit.experiments.scores import rescored
        from featurekit.runs import finished_run

        record = finished_run(folder).record
        return cls(Path(folder), rescored(folder), record.verdict)

    def frame(self) -> Any:
        """Its predictions on the test parts, as a pandas data frame; an utterance that two folds test has two rows.

        The index is the id. Columns: ``fold``, ``speaker``, ``gender``, ``truth``, ``predicted`` and, a column a class,
        ``p_<class>`` (or ``score_<class>`` where the model only orders classes); of soft labels ``target_<class>`` too. Of
        ratings ``truth_<name>`` and ``predicted_<name>``.

        Raises
        ------
        MissingDependencyError
            When pandas is not installed.
        """
        from featurekit.experiments.scores import predictions_frame

        return predictions_frame(self.folder)

    def _shown_facts(self) -> dict[str, Any]:
        pooled, predictions = self.metrics["pooled"], int(self.metrics["n"])
        named = {name.replace("_", " "): value for name, value in pooled.items() if isinstance(value, float)}
        speakers = self.metrics["intervals"]["n_speakers"]
        counts = {"test utterances": predictions, "test speakers": speakers}
        return {"folder": self.folder, **counts, **named, "verdict": self.verdict}

    def _shown_table(self) -> Table:
        intervals = self.metrics["intervals"]
        if intervals["n_speakers"] < FEWEST_SPEAKERS:
            intervals = {}
        rows = [
            (name.replace("_", " "), value, *(intervals.get(name) or ("", "")))
            for name, value in self.metrics["pooled"].items()
            if isinstance(value, float)
        ]
        return ("metric", "pooled", "from", "to"), rows


class RunProgress:
    """What a caller hears during a run."""

    def planned(self, runs: Sequence[Run]) -> None:
        """Called with every run that will be executed, where they are several."""

    def stage(self, run: Run, number: int, of: int) -> None:
        """Called before each of the runs that make a model of stages, the whole the last of them."""

    def started(self, run: Run) -> None:
        """Called once, when everything was checked and before anything is trained."""

    def batch(self, run: Run, fold: Fold, epoch: int, batch: int, batches: int) -> None:
        """Called while a fold trains: so many of an epoch's batches are done. Of folds that train at once, now and then."""

    def epoch(self, fold: Fold, row: Mapping[str, Any], epochs: int) -> None:
        """Called after each epoch with its row of the history."""

    def note(self, text: str) -> None:
        """Called with what a person should know: where the values lie, where a fold goes on."""

    def finished(self, fold: Fold, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Called after each fold with its predictions on the test part."""
