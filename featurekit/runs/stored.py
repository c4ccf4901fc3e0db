"""A run as it lies on disk, read and written: the only place that says which file holds what.

Every file is checked before anything is believed: it is a plain file, its bytes are those that were written
(:mod:`~featurekit.runs.checksums`), and it says what such a file can say (:mod:`~featurekit.runs.schema`). What does not hold
is one sentence.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from featurekit.data.splits.folds import Fold, Split
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.files import json_bytes, parse_json, replace_file
from featurekit.notebook import Shown
from featurekit.runs import schema
from featurekit.runs.checksums import AGAIN, SUMS, Checksums, write_checksums
from featurekit.runs.schema import FoldRecord, Prediction, RunRecord


class StoredRun(Shown):
    """A run's folder. Nothing is read before it is asked for, and nothing twice.

    Parameters
    ----------
    path : path
        The folder, as ``featurekit train`` prints it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __fspath__(self) -> str:
        """Its folder."""
        return str(self.path)

    def _shown_facts(self) -> dict[str, Any]:
        record = self.record
        facts = {"model": record.settings.model, "corpus": record.corpus, "task": record.task, "folds": len(record.folds)}
        return facts | {"state": "finished" if self.is_finished else "not finished", "folder": self.path}

    @staticmethod
    def is_run(path: str | os.PathLike[str]) -> bool:
        """Whether a folder holds a run, finished or not."""
        return (Path(path) / schema.RECORD).is_file()

    @property
    def is_begun(self) -> bool:
        """Whether it was begun to the end: a kill in the middle of :meth:`begin` leaves no checksums.

        Raises
        ------
        ParameterError
            When the record is damaged.
        """
        if not self.is_run(self.path):
            return False
        sealed = self._checksums.sums is not None
        return sealed or self._checksums.read_json(schema.RECORD, RunRecord.from_dict).format < schema.FORMAT

    @cached_property
    def record(self) -> RunRecord:
        """What the run is.

        Raises
        ------
        ParameterError
            When the folder is no run, is one of another version, or its record is damaged.
        """
        if not os.path.lexists(self.path / schema.RECORD):
            raise ParameterError(
                f"{self.path} is not a run (it has no {schema.RECORD}); `featurekit train` prints a run's folder"
            )
        record = self._checksums.read_json(schema.RECORD, RunRecord.from_dict)
        if record.format >= schema.FORMAT and self._checksums.sums is None:
            raise ParameterError(f"{self.path} has no {SUMS}, so nobody knows whether its files are whole; {AGAIN}")
        return record

    @cached_property
    def split(self) -> Split:
        """Who trains, chooses and tests.

        Raises
        ------
        ParameterError
            When it is absent, damaged, or not the split of the record.
        """
        split = self._checksums.read_json(schema.SPLIT, Split.from_record)
        if split.digest != self.record.split.digest or [fold.name for fold in split.folds] != list(self.record.folds):
            raise ParameterError(f"{self.path / schema.SPLIT} is the split of another run; {AGAIN}")
        return split

    @cached_property
    def audit(self) -> dict[str, Any]:
        """What the parts share, as :meth:`featurekit.data.Audit.to_record` has it.

        Raises
        ------
        ParameterError
            When it is absent or damaged.
        """
        return self._checksums.read_object(schema.AUDIT)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores, as :func:`featurekit.evaluation.score` makes them.

        Raises
        ------
        ParameterError
            When the run is not finished, or they are damaged.
        """
        self.refuse_unfinished()
        return self._checksums.read_object(schema.METRICS)

    @property
    def note(self) -> str:
        """What a reader should know of the folder; empty where all is checked."""
        return "files not checked: older format" if self.is_of_older_format else ""

    @property
    def is_of_older_format(self) -> bool:
        """Whether it is of a format without checksums."""
        return self.record.format < schema.FORMAT

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do: every fold was trained and has predicted."""
        return not self.pending

    @property
    def pending(self) -> list[int]:
        """Numbers of the folds that are not done."""
        return [fold.number for fold in self.folds if not fold.is_done]

    def refuse_unfinished(self) -> None:
        """Stop where the run is not finished.

        Raises
        ------
        ParameterError
            With the command that goes on.
        """
        _ = self.record  # what is no run is said to be none
        if not (self.path / schema.METRICS).exists():
            raise ParameterError(f"{self.path} is not finished; `featurekit train {self.path}` goes on from there")

    @cached_property
    def folds(self) -> list[StoredFold]:
        """All of them, in the record's order."""
        return [StoredFold(self, number, name) for number, name in enumerate(self.record.folds)]

    def fold(self, which: str | int) -> StoredFold:
        """A fold by name or number.

        Raises
        ------
        UnknownNameError
            When the run has no fold of that name.
        ParameterError
            When the number is out of range.
        """
        if isinstance(which, str):
            if which not in self.record.folds:
                raise UnknownNameError("fold", which, self.record.folds)
            return self.folds[self.record.folds.index(which)]
        if not 0 <= which < len(self.folds):
            raise ParameterError(f"fold {which} does not exist; {self.path} has folds 0 to {len(self.folds) - 1}")
        return self.folds[which]

    def folds_of(self, corpus: str) -> list[Fold]:
        """The folds with the ids of one corpus; their parts are empty where the run never saw that corpus.

        A run on two corpora has ids such as ``mosi/03bSnISJMiM_1``; here the corpus's own come back.

        Raises
        ------
        ParameterError
            When the record or the split is damaged.
        """
        record = self.record
        if not record.settings.test_store and record.corpus != corpus:
            return [Fold(fold.name, (), (), ()) for fold in self.split.folds]
        prefix = f"{corpus}/" if record.settings.test_store else ""

        def known(ids: Sequence[str]) -> tuple[str, ...]:
            return tuple(name.removeprefix(prefix) for name in ids if name.startswith(prefix))

        return [Fold(fold.name, known(fold.train), known(fold.dev), known(fold.test)) for fold in self.split.folds]

    @property
    def predictions(self) -> list[Prediction]:
        """Of every fold that is done, fold by fold.

        Raises
        ------
        ParameterError
            When a file is damaged.
        """
        return [row for fold in self.folds if fold.is_done for row in fold.predictions]

    def begin(self, record: RunRecord, split: Split, audit: Mapping[str, Any]) -> None:
        """Write what is known before training. What is there stays, with its format; what was half begun is written anew.

        Raises
        ------
        ParameterError
            When the record that is there is damaged.
        OSError
            When the disk refuses.
        """
        if self.is_begun:
            record = replace(record, format=self.record.format, begun=self.record.begun)
            if json_bytes(record.to_dict()) == json_bytes(self.record.to_dict()):
                return
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / SUMS).unlink(missing_ok=True)
        replace_file(self.path / schema.SPLIT, json_bytes({"digest": split.digest, **split.to_dict()}))
        replace_file(self.path / schema.AUDIT, json_bytes(audit))
        replace_file(self.path / schema.RECORD, json_bytes(record.to_dict()))
        for known in ("record", "split", "audit", "folds"):
            self.__dict__.pop(known, None)
        if record.format >= schema.FORMAT:
            self._seal()

    def write_metrics(self, scores: Mapping[str, Any]) -> None:
        """Write the scores, when every fold is done.

        Raises
        ------
        OSError
            When the disk refuses.
        """
        replace_file(self.path / schema.METRICS, json_bytes(scores))
        if not self.is_of_older_format:
            self._seal()

    def _seal(self) -> None:
        names = [name for name in (schema.RECORD, schema.SPLIT, schema.AUDIT, schema.METRICS) if (self.path / name).is_file()]
        write_checksums(self.path, names)
        self.__dict__.pop("_checksums", None)

    @cached_property
    def _checksums(self) -> Checksums:
        return Checksums.of(self.path)


def finished_run(path: str | Path) -> StoredRun:
    """A run of whom nothing is left to train.

    Raises
    ------
    ParameterError
        When the folder is no run, is one of another version, or is not finished, with the command that goes on.
    """
    run = StoredRun(path)
    run.refuse_unfinished()
    return run


class StoredFold:
    """One fold of a run's folder.

    Parameters
    ----------
    run : StoredRun
    number : int
        Its place among the folds.
    name : str
    """

    def __init__(self, run: StoredRun, number: int, name: str) -> None:
        self.run, self.number, self.name = run, number, name
        self.path = run.path / schema.FOLDS / str(number)

    @property
    def is_done(self) -> bool:
        """Whether it was trained and has predicted, and nothing of that is gone."""
        names = schema.FOLD_FILES if self.run.is_of_older_format else (*schema.FOLD_FILES, SUMS)
        return all((self.path / name).is_file() for name in names)

    @property
    def has_predicted(self) -> bool:
        """Whether its predictions are there: all that scoring needs."""
        return (self.path / schema.PREDICTIONS).exists()

    @property
    def is_trained(self) -> bool:
        """Whether its weights and their record are there."""
        return all((self.path / name).is_file() for name in (schema.WEIGHTS, schema.FOLD_RECORD))

    @property
    def split(self) -> Fold:
        """Its ids."""
        return self.run.split.folds[self.number]

    @cached_property
    def record(self) -> FoldRecord:
        """What the fit learnt, but for its weights.

        Raises
        ------
        ParameterError
            When it is absent or damaged.
        """
        return self._checksums.read_json(schema.FOLD_RECORD, FoldRecord.from_dict)

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """One row per epoch."""
        return self.record.history

    @cached_property
    def predictions(self) -> list[Prediction]:
        """What it says of its test part, one per utterance.

        Raises
        ------
        ParameterError
            When the file is absent or damaged, or its ids are not those of the test part.
        """
        path = self.path / schema.PREDICTIONS
        data = self._checksums.read(schema.PREDICTIONS)
        rows = []
        for number, line in enumerate(data.splitlines(), 1):
            where = f"{path}, line {number}"
            rows.append(Prediction.from_dict(parse_json(line, where), self.run.record, where=where))
        found = [row.id for row in rows]
        if len(set(found)) < len(found):
            raise ParameterError(f"{path} has an utterance twice; {AGAIN}")
        if set(found) != set(self.split.test):
            n_lost, n_strange = len(set(self.split.test) - set(found)), len(set(found) - set(self.split.test))
            raise ParameterError(
                f"{path} lacks {n_lost} utterances of the test part of fold {self.name} and has {n_strange} others; {AGAIN}"
            )
        return rows

    @cached_property
    def weights(self) -> bytes:
        """The bytes of ``model.safetensors``.

        Raises
        ------
        ParameterError
            When they are absent, or not those that the record was written with.
        """
        data = self._checksums.read(schema.WEIGHTS)
        if hashlib.sha256(data).hexdigest() != self.record.tensors_sha256:
            raise ParameterError(
                f"{self.path / schema.WEIGHTS} is damaged or of another run than {schema.FOLD_RECORD}; {AGAIN}"
            )
        return data

    def write(
        self,
        weights: bytes,
        record: FoldRecord,
        predictions: Sequence[Prediction],
        others: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write what a fit and its test part gave; the checksums last, which say that it is done.

        Parameters
        ----------
        weights : bytes
            Of ``model.safetensors``.
        record : FoldRecord
        predictions : sequence of Prediction
        others : mapping, optional
            Name → bytes of other files that belong to it.

        Raises
        ------
        OSError
            When the disk refuses.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / SUMS).unlink(missing_ok=True)
        replace_file(self.path / schema.WEIGHTS, weights)
        replace_file(self.path / schema.FOLD_RECORD, json_bytes(record.to_dict()))
        lines = (json.dumps(row.to_dict(), ensure_ascii=True, allow_nan=False) + "\n" for row in predictions)
        replace_file(self.path / schema.PREDICTIONS, "".join(lines).encode())
        for name, data in (others or {}).items():
            replace_file(self.path / name, data)
        write_checksums(self.path, [*schema.FOLD_FILES, *(others or ())])
        (self.path / schema.RESUME).unlink(missing_ok=True)

    @cached_property
    def _checksums(self) -> Checksums:
        sums = Checksums.of(self.path)
        if sums.sums is None and not self.run.is_of_older_format:
            raise ParameterError(f"{self.path} is not done: it has no {SUMS}; `featurekit train {self.run.path}` goes on")
        return sums
