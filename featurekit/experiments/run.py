"""One run: settings × store → trained folds, predictions, metrics, in a folder that says everything about itself.

```
cache/runs/<corpus>-<model>-<digest>/
  run.json            settings, columns, classes, split verdict, versions
  split.json          the ids of every part of every fold
  folds/<n>/          model.safetensors, model.json (normaliser, history), predictions.jsonl (written last)
  metrics.json        written when every fold is there
```
"""

from __future__ import annotations

import dataclasses
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from featurekit import __version__, corpora, data, evaluation, features, models, store, training
from featurekit.data import augment, splits, tasks
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.inference import RUN_FORMAT
from featurekit.settings import digest, parse_call, replace_file


@dataclass(frozen=True)
class RunSettings:
    """What a run is. A TOML file has these keys; ``[training]`` and ``[hyper]`` are tables.

    Parameters
    ----------
    store : str
        Folder of the store.
    model : str
        As in ``list models``.
    features : str
        Columns of the store, or features and presets whose columns it has.
    split : str
        As in ``list splits``, with settings where wanted: ``"speaker-kfold(k=5)"``.
    task : str
        Label scheme, as in ``list tasks``; the corpus's own when empty.
    context : int or None
        Utterances in a window; by default the model's own where the corpus has conversations, else 1.
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
        Control: permute the labels among all utterances. The result must fall to chance.
    augment : tuple of str
        ``"specaugment"``, ``"shift"``; on training batches only.
    training : mapping
        Fields of :class:`featurekit.training.TrainSettings`; they override the model's recipe.
    hyper : mapping
        The model's own hyper-parameters.
    """

    store: str
    model: str
    features: str
    split: str = "speaker-disjoint"
    task: str = ""
    context: int | None = None
    context_of: str = "same_speaker"
    seed: int = 0
    speaker_from: str = "manifest"
    allow_speaker_overlap: bool = False
    drop_unlabelled: bool = False
    shuffle_labels: bool = False
    augment: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    hyper: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    folder: Path
    metrics: dict[str, Any]
    verdict: str


class RunProgress:
    """What a caller hears during a run."""

    def started(self, run: Run) -> None:
        """Called once, when everything was checked and before anything is trained."""

    def epoch(self, fold: data.Fold, row: Mapping[str, Any], epochs: int) -> None:
        """Called after each epoch with its row of the history."""

    def finished(self, fold: data.Fold, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Called after each fold with its predictions on the test part."""


AUGMENTATIONS: dict[str, Callable[[], Any]] = {
    "specaugment": augment.SpecAugment,
    "shift": lambda: augment.TimeShift(max_frames=20),
}


class Run:
    """A run that was checked: every name resolved, the split made, the folder known.

    Parameters
    ----------
    settings : RunSettings
        What to do.
    runs : path
        Folder of runs.

    Raises
    ------
    FeaturekitError
        For unknown names, features the store lacks, a split that cannot be made: before anything is written.
    """

    def __init__(self, settings: RunSettings, *, runs: str | Path = Path("cache") / "runs") -> None:
        self.settings = settings
        self.store = store.open_store(settings.store)
        self.model = models.MODELS.get(settings.model)
        self.columns = stored_columns(self.store, settings.features)
        self.training = training.settings_for(settings.model, {"seed": settings.seed, **settings.training}, where="[training]")
        task = data.get_task(settings.task or _default_task(self.store.corpus), self.store.manifest)
        self.task = tasks.shuffled(task, self.store.manifest, settings.seed) if settings.shuffle_labels else task
        self.context = settings.context or (self.model.context if _has_conversations(self.store) else 1)
        for name in settings.augment:
            if name not in AUGMENTATIONS:
                raise UnknownNameError("augmentation", name, AUGMENTATIONS)
        kind, of_split = parse_call(settings.split)
        self.split = splits.make_split(
            kind,
            self.store.manifest,
            self.task,
            ids=data.usable_ids(self.store, self.columns),
            seed=settings.seed,
            speaker_from=settings.speaker_from,
            allow_speaker_overlap=settings.allow_speaker_overlap,
            drop_unlabelled=settings.drop_unlabelled,
            **splits.resolved(kind, of_split),
        )
        self.folder = Path(runs) / f"{self.store.corpus}-{settings.model}-{self.digest[:8]}"

    @property
    def verdict(self) -> str:
        """What the split is disjoint in, and whether the labels are a control's; shown with every result."""
        return self.split.verdict + ("; labels SHUFFLED, a control" if self.settings.shuffle_labels else "")

    @property
    def digest(self) -> str:
        """Identity: the settings, the columns' keys, the labels and the split; no path enters it."""
        settings = dataclasses.asdict(self.settings) | {"store": "", "features": "", "split": "", "context": self.context}
        settings["task"] = self.task.name
        settings["training"] = {k: v for k, v in dataclasses.asdict(self.training).items() if k not in _NOT_IDENTITY}
        keys = [self.store.columns[name].key for name in self.columns]
        labels = sorted(data.labelled(self.store.manifest, self.task, self.ids).items())
        return digest([RUN_FORMAT, settings, keys, labels, self.split.digest])

    @property
    def ids(self) -> list[str]:
        """Every id in some part of some fold, sorted."""
        return sorted({name for fold in self.split.folds for part in data.folds.PARTS for name in fold.part(part)})

    def execute(self, progress: RunProgress | None = None) -> RunResult:
        """Train and test every fold that has not been yet, then score them all.

        An interrupted run goes on with the first unfinished fold; a finished one is only read.

        Returns
        -------
        RunResult
        """
        progress = progress or RunProgress()
        progress.started(self)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "run.json", self.record())
        self.split.write(self.folder / "split.json")
        rows: list[dict[str, Any]] = []
        for number, fold in enumerate(self.split.folds):
            done = self.folder / "folds" / str(number) / "predictions.jsonl"
            if not done.exists():
                self._fold(fold, done.parent, progress)
            new = [json.loads(line) for line in done.read_text("utf-8").splitlines()]
            progress.finished(fold, new)
            rows += new
        labels = data.labelled(self.store.manifest, self.task, self.ids)
        trained_on = [labels[name] for fold in self.split.folds for name in fold.train]
        scores = evaluation.score(rows, self.task.classes, training_labels=trained_on, seed=self.settings.seed)
        scores["split"] = {"kind": self.split.kind, "digest": self.split.digest, "verdict": self.verdict}
        write_json(self.folder / "metrics.json", scores)
        return RunResult(self.folder, scores, self.verdict)

    def record(self) -> dict[str, Any]:
        """What run.json holds: all that is needed to apply the run to new audio, and to judge it."""
        return {
            "format": RUN_FORMAT,
            "settings": dataclasses.asdict(self.settings),
            "training": dataclasses.asdict(self.training),
            "corpus": self.store.corpus,
            "store_digest": self.store.digest,
            "columns": [self.store.columns[name].to_dict() for name in self.columns],
            "task": self.task.name,
            "classes": list(self.task.classes),
            "context": self.context,
            "folds": [fold.name for fold in self.split.folds],
            "verdict": self.verdict,
            "split_notes": dict(self.split.notes),
            "versions": _versions(),
        }

    def _fold(self, fold: data.Fold, folder: Path, progress: RunProgress) -> None:
        """Fit one fold and predict its test part, which the training never sees."""
        started = time.perf_counter()
        normaliser = data.Normaliser.fit(self.store, self.columns, fold.train)
        train = self._dataset(fold, "train", normaliser)
        model = training.build_for(self.settings.model, train, seed=self.training.seed, **self.settings.hyper)
        fitted = training.fit(
            model,
            train,
            self._dataset(fold, "dev", normaliser) if fold.dev else None,
            self.training,
            on_epoch=lambda row: progress.epoch(fold, row, self.training.epochs),
        )
        facts = {
            "fold": fold.name,
            "build": {
                "n_classes": len(train.classes),
                "dims": train.dims or None,
                "image_shape": train.image_shape,
                **self.settings.hyper,
            },
            "normaliser": normaliser.to_dict(),
            "history": fitted.history,
            "best_epoch": fitted.best_epoch,
            "train_s": round(time.perf_counter() - started, 3),
        }
        training.save_checkpoint(folder, fitted.state, facts)
        test = self._dataset(fold, "test", normaliser)
        rows = training.records(test, training.predict(model, test, self.training), fold.name)
        replace_file(folder / "predictions.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())

    def _dataset(self, fold: data.Fold, part: str, normaliser: data.Normaliser) -> data.Dataset:
        chosen = [AUGMENTATIONS[name]() for name in self.settings.augment] if part == "train" else []
        return data.Dataset(
            self.store,
            self.columns,
            fold,
            part,
            task=self.task,
            context=self.context,
            context_of=self.settings.context_of,
            n_frames=self.training.n_frames,
            normaliser=normaliser,
            text="text" in self.model.reads,
            augment=augment.Compose(chosen) if chosen else None,
            drop_unlabelled=self.settings.drop_unlabelled,
        )


# Where and how a run was computed does not change what it is.
_NOT_IDENTITY = ("device", "threads", "workers")


def stored_columns(opened: store.Store, request: str) -> list[str]:
    """The store's names of what is asked for: a column's own name, or any feature or preset of the same key.

    Raises
    ------
    ParameterError
        When the store lacks a column, with the command that adds it.
    UnknownNameError
        When nothing is called so.
    """
    by_key = {info.key: name for name, info in opened.columns.items()}
    names: list[str] = []
    for part in features.split(request):
        if part in opened.columns:
            names.append(part)
            continue
        for column in features.parse(part):
            if column.key not in by_key:
                raise ParameterError(
                    f"{opened.path} has no column {column.name} with these settings "
                    f"(it has {', '.join(sorted(opened.columns))}); "
                    f"add it: featurekit extract --corpus {opened.corpus} --features '{part}' --out {opened.path}"
                )
            names.append(by_key[column.key])
    return list(dict.fromkeys(names))


def write_json(path: Path, value: Any) -> None:
    """Write JSON a person can read, whole or not at all."""
    replace_file(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def _default_task(corpus: str) -> str:
    return corpora.CORPORA.get(corpus).corpus.default_task if corpus in corpora.CORPORA else "label"


def _has_conversations(opened: store.Store) -> bool:
    recordings = [utterance.recording for utterance in opened.manifest]
    return len(set(recordings)) < len(recordings)


def _versions() -> dict[str, str]:
    found = {"featurekit": __version__, "python": platform.python_version()}
    for library in ("torch", "torchvision", "numpy", "h5py"):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
