"""One run: settings × store → trained folds, predictions, metrics, in a folder that says everything about itself.

The folder is ``cache/runs/<corpus>-<model>-<digest>``; :mod:`featurekit.runs.schema` says what lies in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from featurekit import data, models, training
from featurekit.data import augment, splits, tasks
from featurekit.data.layout import Layout
from featurekit.data.splits.folds import PARTS
from featurekit.data.stacked import Stacked
from featurekit.errors import ParameterError, SplitError
from featurekit.experiments import begun, identity, resolve, run_task, stages, transcripts
from featurekit.experiments.at_once import train_pending
from featurekit.experiments.fold import History, train_fold
from featurekit.experiments.initial import Initial
from featurekit.experiments.options import RunProgress, RunResult
from featurekit.experiments.scores import reference, rescored
from featurekit.notebook import Shown
from featurekit.runs import RunRecord, RunSettings, StoredRun
from featurekit.runs.schema import FORMAT, SplitStamp
from featurekit.settings import digest
from featurekit.training.devices import check_device


class Run(Shown):
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
        if not isinstance(settings, RunSettings):
            raise ParameterError(
                f"a run is made of its settings, as Run(RunSettings(store='cache/ravdess', model='logistic')); "
                f"got {type(settings).__name__}"
            )
        self.settings = settings
        self.store = resolve.opened_store(settings)
        self.model = models.MODELS.get(settings.model)
        self.columns = resolve.columns_of(settings, self.store, self.model)
        self._check_kinds()
        self.model.check_hyper(settings.hyper)
        task = run_task.task_of(settings, self.store)
        own = {"seed": settings.seed, **stages.own_training(settings, self.model)}
        chosen = training.settings_for(settings.model, own, where="[training]", kind=task.kind)
        self.training = training.resolved(chosen, task)
        self.level = resolve.level_column(self.store, self.columns, self.training.trim_db)
        self.view = resolve.as_read(self.store, self.columns, self.level, self.training, settings.speaker_from)
        # Every training seed deals anew; the split stays that of the run which this one controls.
        self.task = tasks.shuffled(task, self.store.manifest, self.training.seed) if settings.shuffle_labels else task
        self.context = resolve.context_size(settings, self.store, self.model)
        training.check_loss(self.training, self.task)
        run_task.check_positive(settings, self.task)
        self.augment = self.model.augment if settings.augment is None else settings.augment
        self._check_augment()
        self.split = splits.from_request(
            resolve.split_request(settings, self.store),
            self.store.manifest,
            task,
            ids=transcripts.usable_ids(self.store, self._read, self.model),
            seed=settings.seed,
            speaker_from=settings.speaker_from,
            allow_speaker_overlap=settings.allow_speaker_overlap,
            drop_unlabelled=settings.drop_unlabelled,
        )
        self._refuse_one_class()
        self._refuse_what_knows_the_test()
        self.runs = Path(runs)
        self._given = self._initial({})
        stages.check_finished(settings, self.model)
        before = stages.settings_of(settings, self.model, self._kinds)
        self.stages = {part: Run(one, runs=runs) for part, one in before.items()}
        self.folder = self.runs / f"{self.store.corpus}-{settings.model}-{self.digest[:8]}"

    def _shown_facts(self) -> dict[str, Any]:
        return {
            "model": self.settings.model,
            "features": self.columns,
            "corpus": self.store.corpus,
            "task": self.task.name,
            "split": self.split.kind,
            "folds": len(self.split.folds),
            "done": f"{len(self.split.folds) - len(self.pending)} of them",
            "folder": self.folder,
        }

    @property
    def _read(self) -> list[str]:
        """The columns, and the one that says where there is silence, if it is another one."""
        return list(dict.fromkeys([*self.columns, *([self.level] if self.level else [])]))

    def __fspath__(self) -> str:
        """Its folder."""
        return str(self.folder)

    @cached_property
    def audit(self) -> data.Audit:
        """What the parts of the split share; near-duplicate audio too, where the store has the column audio_fingerprint."""
        learnt = data.training_ids(self.store, self.columns)
        reads = resolve.reads_text(self.model.reads, self.store, self.columns)
        task = run_task.task_of(self.settings, self.store)
        how: dict[str, Any] = {"trained_on": learnt, "reads_text": reads, "task": task}
        return data.audit_split(self.split, self.store.manifest, sounds=self.store, **how)

    def _refuse_one_class(self) -> None:
        """Where all training utterances are of one class, nothing is learnt, and always answering it may score 100."""
        if self.task.kind != "classes":
            return
        for fold in self.split.folds:
            labels = data.labelled(self.store.manifest, self.task, fold.train, drop_unlabelled=self.settings.drop_unlabelled)
            run_task.refuse_one_class(labels, f"the training part of fold {fold.name}")

    def _refuse_what_knows_the_test(self) -> None:
        """A learnt column that was trained on test utterances has seen what it is judged by."""
        learnt = data.training_ids(self.store, self.columns)
        known = [found.text for found in self.audit.leaks if found.kind == "embedding"] if learnt else []
        if known:
            raise SplitError(f"{known[0]}: leave it out of --features, or test on utterances that it was not trained on")

    @property
    def _kinds(self) -> dict[str, str]:
        return {name: "images" if self.store.columns[name].kind == "image" else "frames" for name in self.columns}

    def _check_kinds(self) -> None:
        """Frames for a frame model, images for an image model, and nothing that it would not read."""
        kinds = self._kinds
        self.model.check_inputs(sorted(set(kinds.values())))
        for name, kind in kinds.items():
            if kind not in self.model.reads:
                raise ParameterError(
                    f"{self.model.name} reads {' and '.join(self.model.reads)}, and {name} gives {kind}: "
                    "leave it out of --features"
                )
        Layout.of(self.store.columns, self.columns)  # columns that cannot be stacked are said now

    def _check_augment(self) -> None:
        """A wrong name, setting or column is said now."""
        steps = augment.make_augment(self.augment, len(self.task.outputs))
        if steps is not None:
            infos = {name: self.store.columns[name] for name in self.columns}
            steps.check({name: info.spec for name, info in infos.items() if info.kind != "image"})

    @property
    def notes(self) -> list[str]:
        """Sentences a person should read before training."""
        said = resolve.context_notes(self.settings, self.store, self.model, self.context)
        said += transcripts.notes(self.store, self.model)
        there = set(data.labelled(self.store.manifest, self.task, self.ids).values()) if self.task.kind == "classes" else set()
        lacking = [name for name in self.task.classes if name not in there]
        if there and lacking:
            said.append(
                f"task {self.task.name} has {len(self.task.classes)} classes, and no utterance is {' or '.join(lacking)}"
            )
        outlier = resolve.outlier_note(self._lengths)
        return [*said, *run_task.class_notes(self.settings, self.store, self.task), *([outlier] if outlier else [])]

    @property
    def _lengths(self) -> dict[str, int]:
        """Frames of each utterance as a batch has them."""
        lengths = Stacked(self.view, Layout.of(self.store.columns, self.columns), n_frames=self.training.n_frames).lengths
        return {name: int(lengths[self.store.manifest.index(name)]) for name in self.ids}

    @property
    def verdict(self) -> str:
        """What the split is disjoint in, and what else a figure cannot be read without; shown with every result."""
        transductive = "; normalised by speaker, test utterances too: transductive"
        return (
            self.audit.verdict
            + (transductive if self.training.normalise == "speaker" else "")
            + ("; labels SHUFFLED, a control" if self.settings.shuffle_labels else "")
        )

    @property
    def digest(self) -> str:
        """Identity: the settings, the columns' keys, the labels and the split; no path enters it."""
        settings = dataclasses.asdict(self.settings) | dict.fromkeys(identity.OF_OTHERS, "")
        del (
            settings["map"],
            settings["common_classes"],
            settings["positive"],
        )  # labels say what came of two, one is of the report
        settings["context"] = self.context
        settings["augment"] = repr(augment.make_augment(self.augment, len(self.task.outputs)))  # defaults said, too
        settings["task"] = self.task.name
        settings["training"] = training.identity(self.training)
        settings["hyper"] = {name: identity.by_content(value) for name, value in self.settings.hyper.items()}
        settings["init"] = {**self._given.digests, **{part: run.digest for part, run in self.stages.items()}}
        keys = [self.store.columns[name].key for name in self._read]
        labels = sorted(data.labelled(self.store.manifest, self.task, self.ids).items())
        said = transcripts.said(self.store, self.ids, self.model)
        return digest([identity.VERSION, settings, keys, labels, self.split.digest, *said])

    @property
    def initial(self) -> Initial:
        """Which states the parts start from: of finished runs that were given, and of the stages that are trained."""
        return self._initial({part: str(run.folder) for part, run in self.stages.items() if not run.pending})

    def _initial(self, trained: Mapping[str, str]) -> Initial:
        keys = [self.store.columns[name].key for name in self.columns]
        return Initial.of({**self.settings.init, **trained}, self.split, keys)

    @property
    def ids(self) -> list[str]:
        """Every id in some part of some fold, sorted."""
        return sorted({name for fold in self.split.folds for part in PARTS for name in fold.part(part)})

    def execute(
        self, progress: RunProgress | None = None, *, jobs: int = 1, trained: Mapping[int, History] | None = None
    ) -> RunResult:
        """Train and test every fold that has not been yet, then score them all.

        An interrupted run goes on with the first unfinished fold, in its middle; a finished one is only read. With several
        ``jobs`` so many folds are trained at once, each in a process of its own. ``trained`` has the histories of folds that
        the caller has trained just now.

        Returns
        -------
        RunResult
        """
        progress = progress or RunProgress()
        self.train_stages(progress, jobs=jobs)
        progress.started(self)
        if not self._outlived_its_stages:  # its record says from which states it started
            self.begin()
        told = set()
        done = ((number, history) for number, history in (trained or {}).items())
        if jobs > 1:
            done = ((number, history) for _, number, history in train_pending([self], jobs, progress))
        for number, history in done:
            for row in history:
                progress.epoch(self.split.folds[number], row, self.training.epochs)
            progress.finished(self.split.folds[number], self._predicted(number))
            told.add(number)
        for number, fold in enumerate(self.split.folds):
            if number in self.pending:
                train_fold(
                    self,
                    number,
                    on_epoch=partial(self._heard, progress, fold),
                    on_batch=partial(progress.batch, self, fold),
                    on_note=progress.note,
                )
            if number not in told:
                progress.finished(fold, self._predicted(number))
        scores = rescored(self.folder)
        StoredRun(self.folder).write_metrics(scores)
        return RunResult(self.folder, scores, self.verdict)

    def train_stages(self, progress: RunProgress, *, jobs: int = 1) -> None:
        """Train what comes before the whole, or find it trained; nothing for a model that is trained at once.

        A whole that is done asks for no stage: a branch whose run was deleted since is not trained again.
        """
        if self._outlived_its_stages:
            return
        if self.stages:
            progress.planned([*self.stages.values(), self])
        for number, run in enumerate(self.stages.values(), 1):
            progress.stage(run, number, len(self.stages) + 1)
            run.execute(progress, jobs=jobs)
        if self.stages:
            progress.stage(self, len(self.stages) + 1, len(self.stages) + 1)

    @property
    def _outlived_its_stages(self) -> bool:
        """Whether every fold is done and a stage's run is there no more, or no longer whole."""
        return not self.pending and any(run.pending for run in self.stages.values())

    @classmethod
    def goes_on(
        cls, folder: str | Path, *, store: str | None = None, progress: RunProgress | None = None, jobs: int = 1
    ) -> RunResult:
        """Go on with the run of a folder, exactly as it was begun; a finished one is only read.

        Parameters
        ----------
        folder : path
            The run.
        store : str, optional
            Where its store is now, if not where it was.
        progress, jobs : RunProgress, int
            As of :meth:`execute`.

        Returns
        -------
        RunResult

        Raises
        ------
        ParameterError
            When the folder is no run, or what is there now makes another one.
        """
        folder = Path(folder)
        stored = StoredRun(folder)
        if stored.is_finished:
            return RunResult(folder, rescored(folder), stored.record.verdict)
        return cls.of_folder(folder, store=store).execute(progress, jobs=jobs)

    @classmethod
    def of_folder(cls, folder: str | Path, *, store: str | None = None) -> Run:
        """The run of a folder, by the settings in its ``run.json``; checked, not executed.

        Raises
        ------
        ParameterError
            As of :meth:`goes_on`.
        """
        folder = Path(folder)
        settings = StoredRun(folder).record.settings
        run = cls(dataclasses.replace(settings, store=store or settings.store), runs=folder.parent)
        if run.folder.name != folder.resolve().name:
            raise ParameterError(
                f"{folder} cannot go on: with {run.store.path} as it is now its settings make {run.folder.name}; the columns, "
                "labels or split are other ones, or the folder was renamed"
            )
        return run

    def begin(self) -> None:
        """Make the folder and write what is known before training.

        Raises
        ------
        ParameterError
            When the folder is a run of another version, or of other values than the store now has; or when something is
            left to train and its device is not there.
        """
        if self.pending:
            check_device(self.training.device)
        record = self.record()
        stored = StoredRun(self.folder)
        earlier = stored.record if stored.is_begun else None
        if earlier is not None and earlier.contents != record.contents:
            raise ParameterError(
                f"the values in {self.store.path} are not those that {self.folder} was begun with "
                f"(store {earlier.store_digest[:8]} then, {record.store_digest[:8]} now); "
                "remove that folder to train on what is there now"
            )
        stored.begin(record, self.split, self.audit.to_record())

    @property
    def pending(self) -> list[int]:
        """Numbers of the folds that are not done."""
        stored = StoredRun(self.folder)
        begun_already = StoredRun.is_run(self.folder)
        return stored.pending if begun_already else list(range(len(self.split.folds)))

    def _predicted(self, number: int) -> list[dict[str, Any]]:
        """What a finished fold said of its test part, as rows that are scored."""
        return [row.to_dict() for row in StoredRun(self.folder).fold(number).predictions]

    def _heard(self, progress: RunProgress, fold: data.Fold, row: Mapping[str, Any]) -> None:
        progress.epoch(fold, row, self.training.epochs)

    def record(self) -> RunRecord:
        """What the run is: all that is needed to apply it to new audio, and to judge it."""
        return RunRecord(
            format=FORMAT,
            settings=self.settings,
            training=self.training,
            corpus=self.store.corpus,
            about=dict(self.store.about),
            store_digest=self.store.digest,
            contents=identity.contents(self.store, self._read, self.ids),
            columns=tuple(self.store.columns[name] for name in self.columns),
            level=self.store.columns[self.level] if self.level else None,
            **run_task.facts(self.task),
            reads_text=resolve.reads_text(self.model.reads, self.store, self.columns),
            over=run_task.scored_over(self.settings, self.store, self.task),
            context=self.context,
            folds=tuple(fold.name for fold in self.split.folds),
            verdict=self.verdict,
            split=SplitStamp(self.split.kind, self.split.digest, self.verdict),
            initial=dict(self.initial.digests),
            reference=reference(self.store.manifest, self.task, self.split.folds, shuffled=self.settings.shuffle_labels),
            split_notes=dict(self.split.notes),
            versions=identity.versions(),
            begun=begun.here(),
        )
