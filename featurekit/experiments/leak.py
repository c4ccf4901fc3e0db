"""What a leak is worth: the same features and model under random and speaker-disjoint folds, and the difference.

Both protocols deal the same utterances into k folds of about one size, so training sees as much in one as in the other:
``random`` deals utterances class by class, ``speaker-disjoint`` deals speakers. Each seed deals anew; every utterance is
predicted once a seed. Everything is kept, so more seeds later cost only themselves::

    cache/leak/<corpus>-<model>-<digest>/
      random-0.json  speaker-disjoint-0.json  …   id → predicted class, with the digest of the split
      leak.json  leak.png                         the table and the plot
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from featurekit import data, metrics, models, store
from featurekit.corpora import default_task
from featurekit.data import Fold, Split
from featurekit.data.splits.assignment import rank
from featurekit.data.tasks import class_maps
from featurekit.errors import MissingDependencyError, ParameterError, SplitError, UnknownNameError
from featurekit.experiments.forecast import measured
from featurekit.experiments.leak_statistics import PROTOCOLS, compare_protocols
from featurekit.experiments.resolve import reads_text, stored_columns
from featurekit.experiments.run import Run
from featurekit.experiments.run_task import refuse_one_class
from featurekit.files import write_json
from featurekit.runs import RunSettings, StoredRun
from featurekit.settings import digest

LOGISTIC = "pooled-logistic"
_FORMAT = 1


@dataclass(frozen=True)
class LeakSettings:
    """What is measured.

    Parameters
    ----------
    store : str
        Folder of the store.
    features : str
        Columns of the store, or features and presets whose columns it has.
    task : str
        Label scheme, as in ``list tasks``; the corpus's own when empty.
    map : str
        Class map, as in ``list maps``, or a TOML file of one.
    model : str
        ``"pooled-logistic"``: logistic regression (C = 0.1) on mean and deviation over time, standardised on training
        utterances; or a model of ``list models``, trained by its own recipe without a development part.
    folds, seeds : int
        Folds a seed; how many seeds.
    drop_unlabelled : bool
        Leave out utterances without a label for the task instead of refusing.
    training : mapping
        Fields of :class:`featurekit.training.TrainSettings`, for a model of ``list models``.
    """

    store: str
    features: str
    task: str = ""
    model: str = LOGISTIC
    folds: int = 5
    seeds: int = 5
    drop_unlabelled: bool = False
    training: dict[str, Any] = field(default_factory=dict)
    map: str = ""


@dataclass(frozen=True)
class LeakForecast:
    """What a measurement would compute.

    Parameters
    ----------
    folder : Path
        Where it would be kept.
    there, to_do : int
        Pairs of a seed and a protocol that are kept already, and those that are not.
    folds : int
        Folds to fit, over all of those.
    seconds : float or None
        How long that takes on this machine, by what was measured; None where it is not known.
    """

    folder: Path
    there: int
    to_do: int
    folds: int
    seconds: float | None


class Leak:
    """A measurement that was checked: names resolved, folds possible, the folder known.

    Parameters
    ----------
    settings : LeakSettings
    out : path
        Folder of measurements.

    Raises
    ------
    FeaturekitError
        For unknown names, missing columns or speakers, more folds than speakers: before anything is computed.
    """

    def __init__(self, settings: LeakSettings, *, out: str | Path = Path("cache") / "leak") -> None:
        if settings.folds < 2 or settings.seeds < 1:
            raise ParameterError(f"got {settings.folds} folds and {settings.seeds} seeds; expected at least 2 folds and 1 seed")
        if settings.model != LOGISTIC and settings.model not in models.MODELS:
            raise UnknownNameError("model", settings.model, [LOGISTIC, *models.MODELS.names()])
        self.settings = settings
        self.store = store.open_store(settings.store)
        self.columns = stored_columns(self.store, settings.features)
        task = data.get_task(settings.task or default_task(self.store.corpus, self.store.manifest), self.store.manifest)
        self.task = class_maps.mapped_by(task, settings.map)
        if self.task.kind == "values":
            raise ParameterError(
                f"task {self.task.name} has no classes; the leak is measured in UA, so give a task with classes"
            )
        usable = data.usable_ids(self.store, self.columns)
        found = data.labelled(self.store.manifest, self.task, usable, drop_unlabelled=settings.drop_unlabelled)
        self.labels = {name: found[name] for name in sorted(found) if not self.store.manifest[name].parent}
        refuse_one_class(self.labels, self.store.corpus)
        self.speakers = {name: self.store.manifest[name].speaker for name in self.labels}
        self._check_speakers()
        what = [_FORMAT, settings.model, settings.folds, [self.store.columns[name].key for name in self.columns]]
        what += [sorted(self.labels.items()), settings.training]
        self.folder = Path(out) / f"{self.store.corpus}-{settings.model}-{digest(what)[:8]}"

    def _audit(self, split: Split) -> data.Audit:
        kinds = () if self.settings.model == LOGISTIC else models.MODELS.get(self.settings.model).reads
        reads = reads_text(kinds, self.store, self.columns)
        return data.audit_split(split, self.store.manifest, sounds=self.store, task=self.task, reads_text=reads)

    def _check_speakers(self) -> None:
        unnamed = [name for name, speaker in self.speakers.items() if not speaker]
        if unnamed:
            raise SplitError(
                f"{len(unnamed)} utterances name no speaker ({', '.join(unnamed[:3])}, …): without speakers nobody "
                "can say what sharing them is worth; name them in the manifest"
            )
        n_speakers = len(set(self.speakers.values()))
        if n_speakers < self.settings.folds:
            raise SplitError(f"{n_speakers} speakers cannot fill {self.settings.folds} folds; use --folds {max(2, n_speakers)}")

    def split(self, protocol: str, seed: int) -> Split:
        """The folds of a protocol and seed, checked and stamped like any split."""
        tests = deal(self.labels, self.speakers if protocol == "speaker-disjoint" else None, self.settings.folds, seed)
        folds = []
        for number, test in enumerate(tests):
            held = set(test)
            folds.append(Fold(str(number), tuple(name for name in self.labels if name not in held), (), tuple(test)))
        return data.predefined(
            self.store.manifest,
            self.task,
            folds,
            name=f"leak-{protocol}",
            ids=data.usable_ids(self.store, self.columns),
            allow_speaker_overlap=protocol == "random",
            drop_unlabelled=self.settings.drop_unlabelled,
            settings={"k": self.settings.folds, "seed": seed},
        )

    def execute(self, on_done: Callable[[str, int, float], None] = lambda protocol, seed, ua: None) -> dict[str, Any]:
        """Fit and predict what is not there yet, then compare.

        Parameters
        ----------
        on_done : callable
            Called with protocol, seed and UA after each.

        Returns
        -------
        dict
            What ``leak.json`` holds; see :func:`~featurekit.experiments.leak_statistics.compare_protocols`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        predicted: dict[str, list[dict[str, str]]] = {protocol: [] for protocol in PROTOCOLS}
        verdicts = {}
        for seed in range(self.settings.seeds):
            for protocol in PROTOCOLS:
                split = self.split(protocol, seed)
                if not seed:
                    verdicts[protocol] = self._audit(split).verdict
                predicted[protocol].append(self._predictions(protocol, seed, split))
                on_done(protocol, seed, _ua(self.labels, predicted[protocol][-1]))
        result = {
            "corpus": self.store.corpus,
            "features": self.columns,
            "task": self.task.name,
            "model": self.settings.model,
            "folds": self.settings.folds,
            "settings": dataclasses.asdict(self.settings) | {"store": ""},
            **compare_protocols(self.labels, self.speakers, predicted),
        }
        for protocol, verdict in verdicts.items():
            result["protocols"][protocol]["verdict"] = verdict
        write_json(self.folder / "leak.json", result)
        return result

    def forecast(self) -> LeakForecast:
        """What :meth:`execute` would do, and how long it takes by one fold of it; nothing is written."""
        pairs = [(protocol, seed) for seed in range(self.settings.seeds) for protocol in PROTOCOLS]
        splits = [(protocol, seed, self.split(protocol, seed)) for protocol, seed in pairs]
        missing = [split for protocol, seed, split in splits if self._kept(protocol, seed, split) is None]
        folds = sum(len(split.folds) for split in missing)
        seconds = self._seconds_of_one(missing[0]) if missing else 0.0
        of_all = None if seconds is None else seconds * len(missing)
        return LeakForecast(self.folder, len(pairs) - len(missing), len(missing), folds, of_all)

    def _seconds_of_one(self, split: Split) -> float | None:
        """Seconds of all folds of a split: of a linear model by fitting the first one, else by a few batches."""
        if self.settings.model == LOGISTIC:
            # Importing the library and reading the values are done once, and are no part of each fold.
            self._logistic(dataclasses.replace(split, folds=()), self.folder, 0)
            started_s = time.perf_counter()
            self._logistic(dataclasses.replace(split, folds=split.folds[:1]), self.folder, 0)
            return (time.perf_counter() - started_s) * len(split.folds)
        with tempfile.TemporaryDirectory(prefix="featurekit-leak-") as folder:
            written = Path(folder) / "split.json"
            split.write(written)
            return measured(Run(self._run_settings(split, written, 0), runs=folder))

    def _kept(self, protocol: str, seed: int, split: Split) -> dict[str, str] | None:
        """Predictions that an earlier measurement has left; None where it has not, or for another split."""
        file = self._file(protocol, seed)
        if not file.exists():
            return None
        record: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return record["predicted"] if record["split"] == split.digest else None

    def _file(self, protocol: str, seed: int) -> Path:
        return self.folder / f"{protocol}-{seed}.json"

    def _predictions(self, protocol: str, seed: int, split: Split) -> dict[str, str]:
        there = self._kept(protocol, seed, split)
        if there is not None:
            return there
        kept = self._file(protocol, seed)
        predict = self._logistic if self.settings.model == LOGISTIC else self._trained
        predicted = predict(split, kept, seed)
        write_json(kept, {"split": split.digest, "predicted": predicted})
        return predicted

    def _logistic(self, split: Split, kept: Path, seed: int) -> dict[str, str]:
        """Logistic regression fold by fold; the standardiser sees the training utterances alone."""
        try:
            from sklearn.linear_model import LogisticRegression
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
        except ModuleNotFoundError:
            raise MissingDependencyError("logistic regression needs scikit-learn; pip install 'featurekit[train]'") from None
        X, y, rows = self._pooled
        predicted: dict[str, str] = {}
        for fold in split.folds:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
            train = [rows[name] for name in fold.train]
            model.fit(X[train], y[train])
            predicted |= zip(fold.test, model.predict(X[[rows[name] for name in fold.test]]).tolist(), strict=True)
        return predicted

    @cached_property
    def _pooled(self) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
        """X, y and the row of each id; children too, since they train beside their parents."""
        usable = data.usable_ids(self.store, self.columns)
        ids = list(data.labelled(self.store.manifest, self.task, usable, drop_unlabelled=self.settings.drop_unlabelled))
        X, y, _ = data.as_arrays(self.store, self.columns, task=self.task, ids=ids)
        return X, y, {name: row for row, name in enumerate(ids)}

    def _trained(self, split: Split, kept: Path, seed: int) -> dict[str, str]:
        """A model of ``list models``, by a run of its own."""
        written = kept.with_suffix(".split.json")
        split.write(written)
        run = Run(self._run_settings(split, written, seed), runs=self.folder / "runs").execute()
        return {row.id: str(row.predicted) for row in StoredRun(run.folder).predictions}

    def _run_settings(self, split: Split, written: Path, seed: int) -> RunSettings:
        """Settings of the run that trains a model on a split, which is written there."""
        return RunSettings(
            store=self.settings.store,
            model=self.settings.model,
            features=self.settings.features,
            split=str(written),
            task=self.settings.task,
            map=self.settings.map,
            context=1,
            seed=seed,
            allow_speaker_overlap=split.allow_speaker_overlap,
            drop_unlabelled=self.settings.drop_unlabelled,
            training=dict(self.settings.training),
        )


def deal(labels: Mapping[str, str], speakers: Mapping[str, str] | None, k: int, seed: int) -> list[list[str]]:
    """Test ids of ``k`` folds: utterances dealt class by class, or whole speakers.

    Parameters
    ----------
    labels : mapping
        Id → class.
    speakers : mapping or None
        Id → speaker, when speakers are dealt.
    k, seed : int

    Returns
    -------
    list of list of str
        Each id in one of them, sorted; the order of ``labels`` does not matter.
    """
    hands: list[list[str]] = [[] for _ in range(k)]
    if speakers is None:
        order = sorted(labels, key=lambda name: (labels[name], rank(name, seed)))
        place = {name: number % k for number, name in enumerate(order)}
    else:
        turn = {name: number % k for number, name in enumerate(sorted(set(speakers.values()), key=lambda who: rank(who, seed)))}
        place = {name: turn[speakers[name]] for name in labels}
    for name in sorted(labels):
        hands[place[name]].append(name)
    return hands


def _ua(labels: Mapping[str, str], predicted: Mapping[str, str]) -> float:
    return metrics.unweighted_accuracy(list(labels.values()), [predicted[name] for name in labels])
