"""What a run is, what comes of it, and what a caller hears meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurekit.data import Fold
from featurekit.errors import ParameterError
from featurekit.notebook import Shown, Table
from featurekit.statistics import FEWEST_SPEAKERS

if TYPE_CHECKING:
    from featurekit.experiments.run import Run


@dataclass(frozen=True, repr=False)
class RunSettings(Shown):
    """What a run is. A TOML file has these keys; ``[training]`` and ``[hyper]`` are tables.

    Parameters
    ----------
    store : str
        Folder of the store; an open store is taken as its folder.
    model : str
        As in ``list models``.
    features : str
        Columns of the store, or features and presets whose columns it has; what the model's paper reads when empty.
    split : str
        As in ``list splits``, with settings where wanted: ``"speaker-kfold(k=5)"``; or a file that ``featurekit split``
        wrote, a CSV of ids, or a folder of EmoBox's folds.
    task : str
        Label scheme, as in ``list tasks``; the corpus's own when empty.
    context : int or None
        Utterances in a window; by default the model's own where the corpus has conversations, else 1. 0 is the whole
        recording, for models that read these.
    context_of : str
        ``"same_speaker"`` or ``"any_speaker"``.
    seed : int
        Of the split, the initial weights and the order of batches.
    speaker_from : str
        ``"manifest"``, or ``"recording"`` where the corpus names no speakers.
    allow_speaker_overlap : bool
        Needed by splits that share speakers; stamped on the result.
    drop_unlabelled : bool
        Leave out utterances without a label for the task instead of refusing.
    shuffle_labels : bool
        Control: permute the labels among all utterances, by the training seed. The result must fall to chance. The split
        is that of the run without it.
    augment : tuple of str or None
        As in ``list augmentations``, with settings where wanted: ``"specaugment(time_width=40)"``; on training batches
        only. None is what the model's paper does.
    test_store : str
        Folder of a second store, of another corpus: train on the first, test on all of this one. ``split`` is then
        cross-corpus and only its dev counts.
    test_task : str
        Label scheme of that corpus; its own when empty.
    map : str
        Class map, as in ``list maps``, or a TOML file of one (:mod:`featurekit.data.tasks.class_maps`). With a second store
        ``canonical`` when empty; ``"none"`` leaves both corpora their own words.
    common_classes : bool
        With a second store: leave out of both what only one of them has, instead of refusing.
    positive : str
        A class whose own F1 is scored beside macro and weighted F1, as papers on two classes print it; for the report alone,
        so that the run is the same one with another.
    training : mapping
        Fields of :class:`featurekit.training.TrainSettings`; they override the model's recipe.
    hyper : mapping
        The model's own hyper-parameters. One that names a file counts by the file's content. A model that is trained in
        stages has a table for each, here and in ``training`` (:mod:`featurekit.experiments.stages`).
    init : mapping
        Part of the model → folder of a finished run whose states it starts from (:mod:`featurekit.experiments.initial`).
    """

    store: str
    model: str
    features: str = ""
    split: str = "speaker-disjoint"
    task: str = ""
    context: int | None = None
    context_of: str = "same_speaker"
    seed: int = 0
    speaker_from: str = "manifest"
    allow_speaker_overlap: bool = False
    drop_unlabelled: bool = False
    shuffle_labels: bool = False
    augment: tuple[str, ...] | None = None
    test_store: str = ""
    test_task: str = ""
    map: str = ""
    common_classes: bool = False
    positive: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    hyper: dict[str, Any] = field(default_factory=dict)
    init: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("store", "split", "test_store"):  # a path, or an open store, which is one too
            value = getattr(self, name)
            if not isinstance(value, (str, os.PathLike)):
                then = "; write a split to a file, as by split.write('split.json'), and name that" if name == "split" else ""
                raise ParameterError(f"{name} is named by text or by its path; got {type(value).__name__}{then}")
            object.__setattr__(self, name, os.fspath(value))

    def _shown_facts(self) -> dict[str, Any]:
        said = {item.name: getattr(self, item.name) for item in fields(self)}
        default = RunSettings("", "")
        return {name: str(value) for name, value in said.items() if value != getattr(default, name)}


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
        from featurekit.inference import read_run

        record = read_run(folder)
        return cls(Path(folder), rescored(folder), record["verdict"])

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
