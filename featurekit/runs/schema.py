"""What a run is on disk, on one page: names of files, and what the records hold.

A run is a folder::

    run.json                  RunRecord: settings, columns, classes, verdict of the split, versions
    split.json                the ids of every part of every fold
    audit.json                what those parts share
    SHA256SUMS                checksums of these, and of metrics.json
    metrics.json              scores; there when every fold is done
    folds/<n>/
      model.safetensors       the weights
      model.json              FoldRecord: sizes of the network, normaliser, history
      predictions.jsonl       one Prediction per utterance of the test part
      SHA256SUMS              checksums of these; written last, so a fold that has it is done
      resume.safetensors      where an unfinished fit stands
      progress.json           how far it is, for who looks on; of no other meaning

Other files may stand beside them.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from featurekit.errors import ParameterError
from featurekit.runs.settings import RunSettings, TrainSettings
from featurekit.settings import from_mapping
from featurekit.store import ColumnInfo

FORMAT = 3
READABLE_FORMATS = (2, FORMAT)  # 2 has no checksums

RECORD, SPLIT, AUDIT, METRICS = "run.json", "split.json", "audit.json", "metrics.json"
FOLDS, WEIGHTS, FOLD_RECORD, PREDICTIONS = "folds", "model.safetensors", "model.json", "predictions.jsonl"
VOCABULARY, RESUME, PROGRESS = "vocabulary.json", "resume.safetensors", "progress.json"
FOLD_FILES = (WEIGHTS, FOLD_RECORD, PREDICTIONS)

KINDS = ("classes", "soft", "values")
_LONGEST = 500  # characters of an error: a damaged file may hold any value
MOST_CONTEXT = 1001  # utterances in a window; nobody's dialogue needs more


@dataclass(frozen=True)
class SplitStamp:
    """What a run says of its split.

    Parameters
    ----------
    kind : str
        The splitter's name.
    digest : str
        Its identity.
    verdict : str
        What its parts share; shown with every result.
    """

    kind: str
    digest: str
    verdict: str


@dataclass(frozen=True)
class RunRecord:
    """What ``run.json`` holds: all that is needed to apply the run to new audio, and to judge it.

    Parameters
    ----------
    format : int
        Of the run's folder.
    settings : RunSettings
        What was asked for.
    training : TrainSettings
        How it was trained: defaults, recipe and what was asked for.
    corpus : str
        Name of the store's corpus.
    store_digest, contents : str
        Identity of the store, and of the values that were read, when the run was begun.
    columns : tuple of ColumnInfo
        What the model reads, in its order.
    level : ColumnInfo or None
        The column by which silence is cut.
    task : str
        Label scheme.
    kind : {"classes", "soft", "values"}
        What is learnt: classes, shares of raters, or ratings.
    classes, outputs : tuple of str
        Names of the classes, and of the numbers that the model puts out.
    scale : (float, float) or None
        Lowest and highest rating.
    context : int
        Utterances in a window; 0 is the whole recording.
    folds : tuple of str
        Their names.
    verdict : str
        As of the split, and what else a figure cannot be read without.
    split : SplitStamp
    map : dict or None
        Name of the task that a class map renamed → class; empty where it is left out.
    reads_text : bool
        Whether the model reads texts or states of a speech recogniser.
    over : dict or None
        Of two corpora: classes that are scored, the map, what is left out.
    about : dict
        What the owner says of a corpus that no recipe knows.
    initial : dict
        Part of the model → digests of the states that it started from, one per fold.
    reference : dict
        What results stand beside: ``training_counts`` or ``training_mean`` by fold, and ``human``.
    split_notes : dict
        Notes of the split.
    versions : dict
        Of featurekit, Python and the libraries that decide the numbers.
    begun : dict or None
        When, where and by which command: ``started``, ``host``, ``command``.

    Raises
    ------
    ParameterError
        For a value that no run has.
    """

    format: int
    settings: RunSettings
    training: TrainSettings
    corpus: str
    store_digest: str
    contents: str
    columns: tuple[ColumnInfo, ...]
    task: str
    kind: str
    classes: tuple[str, ...]
    outputs: tuple[str, ...]
    scale: tuple[float, ...] | None
    context: int
    folds: tuple[str, ...]
    verdict: str
    split: SplitStamp
    reference: dict[str, Any]
    level: ColumnInfo | None = None
    map: dict[str, str] | None = None
    reads_text: bool = True
    over: dict[str, Any] | None = None
    about: dict[str, Any] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)
    split_notes: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    begun: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError(f"kind is {self.kind!r:.40}; expected {', '.join(KINDS)}")
        if not 0 <= self.context <= MOST_CONTEXT:
            raise ParameterError(
                f"context is {self.context}; expected 1 to {MOST_CONTEXT} utterances, or 0 for a whole recording"
            )
        if self.scale is not None and not (len(self.scale) == 2 and -math.inf < self.scale[0] < self.scale[1] < math.inf):
            raise ParameterError(f"scale is {list(self.scale)}; expected the lowest and the highest rating")
        for name in ("outputs", "folds", *(() if self.reads_text else ("columns",))):
            if not getattr(self, name):
                raise ParameterError(f"{name} is empty; a run has at least one")
        for name in ("classes", "outputs", "folds"):
            names = getattr(self, name)
            if len(set(names)) < len(names):
                raise ParameterError(f"{name} has a name twice")
        _check_reference(self.reference, self.kind, self.outputs)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns that the model reads, in its order."""
        return [column.name for column in self.columns]

    @property
    def read_columns(self) -> list[ColumnInfo]:
        """The columns, and the one by whose level silence is cut, if that is another one."""
        is_another = self.level is not None and self.level.name not in self.column_names
        return [*self.columns, *([self.level] if self.level is not None and is_another else [])]

    @property
    def is_by_speaker(self) -> bool:
        """Whether values are standardised within speakers."""
        return self.training.normalise == "speaker"

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON; what is empty and has a default is left out."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        record |= {name: asdict(record[name]) for name in ("settings", "training", "split")}
        record["columns"] = [column.to_dict() for column in self.columns]
        record["level"] = self.level.to_dict() if self.level else None
        return {name: value for name, value in record.items() if value or name not in ("about", "begun")}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, where: str) -> RunRecord:
        """The record that :meth:`to_dict` wrote, in this format or an older one.

        Raises
        ------
        UnknownNameError, ParameterError
            For a key that is unknown, absent or of the wrong type, and for a value that no run has; it says which.
        """
        made = record.get("format") if isinstance(record, Mapping) else None
        if made not in READABLE_FORMATS or isinstance(made, bool):
            known = " and ".join(map(str, READABLE_FORMATS))
            raise ParameterError(
                f"{where} is a run of format {made!r:.40}, this version reads {known}; remove the run and train again"
            )
        try:
            return from_mapping(cls, record, where=where)
        except ParameterError as error:
            raise ParameterError(_in_place(str(error), where)) from None


def _in_place(text: str, where: str) -> str:
    """An error of a bounded length that begins with the file."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return short if short.startswith(where) else f"{where}: {short}"


def _check_reference(reference: Mapping[str, Any], kind: str, outputs: tuple[str, ...]) -> None:
    """Counts by class, or means by rating, of one fold or of each."""
    name = "training_mean" if kind == "values" else "training_counts"
    if name not in reference or "human" not in reference:
        raise ParameterError(f"reference lacks {name} or human")
    known = reference[name]
    rows = list(known.values()) if isinstance(known, dict) and not _is_counts(known) else [known]
    if kind == "values":
        is_right = all(isinstance(row, list) and len(row) == len(outputs) and all(map(_is_number, row)) for row in rows)
    else:
        is_right = all(_is_counts(row) for row in rows)
    if not is_right:
        raise ParameterError(f"reference has a {name} that is none")
    people = reference["human"]
    if people is not None and not (isinstance(people, dict) and all(map(_is_number, people.values()))):
        raise ParameterError("reference has a human that is none")


def _is_counts(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in row.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class FoldRecord:
    """What ``model.json`` holds: what the fit of a fold learnt, but for its weights.

    Parameters
    ----------
    fold : str
        Its name.
    build : dict
        Sizes and hyper-parameters that make the network again.
    normaliser : dict
        As :meth:`featurekit.data.Normaliser.to_dict` writes it.
    history : tuple of dict
        One row per epoch.
    best_epoch : int
        Whose weights these are, counted from 0.
    normalised_by : str
        What the normaliser was fitted on.
    device : str
        Where it was trained.
    threads : int
        CPU threads.
    precision : str
        In which it was trained and tested.
    parameters : dict
        ``all`` and ``trained``.
    started, host : str
        When it was begun, in UTC, and where.
    train_s : float
        Seconds it took.
    tensors_sha256 : str
        Of ``model.safetensors``.
    """

    fold: str
    build: dict[str, Any]
    normaliser: dict[str, Any]
    tensors_sha256: str
    history: tuple[dict[str, Any], ...] = ()
    best_epoch: int = 0
    normalised_by: str = "training"
    device: str = "cpu"
    threads: int = 1
    precision: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    started: str = ""
    host: str = ""
    train_s: float = 0.0

    def __post_init__(self) -> None:
        if not all(isinstance(row.get("epoch"), int) for row in self.history):
            raise ParameterError("history has a row that is of no epoch")

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, where: str) -> FoldRecord:
        """The record that :meth:`to_dict` wrote.

        Raises
        ------
        UnknownNameError, ParameterError
            For a key that is unknown, absent or of the wrong type; it says which.
        """
        try:
            return from_mapping(cls, record, where=where)
        except ParameterError as error:
            raise ParameterError(_in_place(str(error), where)) from None


@dataclass(frozen=True)
class Prediction:
    """One utterance of a test part, judged by the network of its fold.

    Parameters
    ----------
    id, fold : str
        Which utterance, and whose network.
    label, predicted : str or list of float
        Class names; of ratings a number per rating.
    speaker, gender : str or None
        Whose utterance it is.
    probabilities : list of float, optional
        One per class.
    scores : list of float, optional
        In their place, where the model only orders classes.
    order_by : str
        What the scores are made of.
    target : list of float, optional
        Shares of the raters.
    """

    id: str
    fold: str
    label: str | list[float]
    predicted: str | list[float]
    speaker: str | None = None
    gender: str | None = None
    probabilities: list[float] | None = None
    scores: list[float] | None = None
    order_by: str = ""
    target: list[float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON; what there is not is left out."""
        always = ("id", "speaker", "gender", "fold", "label", "predicted")
        where_given = ("probabilities", "scores", "order_by", "target")
        row = {name: getattr(self, name) for name in always}
        return row | {name: value for name in where_given if (value := getattr(self, name)) not in (None, "")}

    @classmethod
    def from_dict(cls, row: Any, record: RunRecord, *, where: str) -> Prediction:
        """A row of ``predictions.jsonl``, checked against the run's record.

        Raises
        ------
        ParameterError
            When it is no prediction of this run.
        """
        if not isinstance(row, dict):
            raise ParameterError(f"{where} is {type(row).__name__}, not a prediction")
        unknown = sorted(row.keys() - _PREDICTION_FIELDS)
        lacking = sorted({"id", "fold", "label", "predicted"} - row.keys())
        if unknown or lacking:
            said = [f"lacks {', '.join(lacking)}"] * bool(lacking) + [f"has unknown {', '.join(unknown)}"] * bool(unknown)
            raise ParameterError(f"{where} {' and '.join(said)}")
        for name in ("id", "fold"):
            if not isinstance(row[name], str):
                raise ParameterError(f"{where}: {name} is {row[name]!r:.60}; expected text")
        for name in ("speaker", "gender"):
            if not isinstance(row.get(name), (str, types.NoneType)):
                raise ParameterError(f"{where}: {name} is {row[name]!r:.60}; expected text or nothing")
        for name in ("label", "predicted"):
            is_right = _are_numbers(row[name], record) if record.kind == "values" else row[name] in record.classes
            if not is_right:
                raise ParameterError(f"{where}: {name} is {row[name]!r:.60}, which the run cannot say")
        for name in ("probabilities", "scores", "target"):
            if name in row and not _are_numbers(row[name], record):
                raise ParameterError(f"{where}: {name} is {row[name]!r:.60}; expected {len(record.outputs)} numbers")
        return cls(**row)


_PREDICTION_FIELDS = frozenset(item.name for item in fields(Prediction))


def _are_numbers(values: Any, record: RunRecord) -> bool:
    return isinstance(values, list) and len(values) == len(record.outputs) and all(map(_is_number, values))
