"""What a person sees while a run trains, and when it is done."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from featurekit import experiments, metrics
from featurekit.cli import GOES_ON, evaluate
from featurekit.cli.progress import Share, StatusLine, counted, duration, rate, wrapped_error
from featurekit.cli.split import describe_absent_classes, describe_small_strata
from featurekit.cli.tables import fit
from featurekit.data import Fold
from featurekit.data.windows import in_words
from featurekit.experiments import Run, RunProgress
from featurekit.experiments.forecast import BatchTimer, seconds_of
from featurekit.runs import StoredRun

LOG_EVERY_S = (8.0, 30.0)  # a line in a log: in the first minutes (a look each second makes it at most 10), later
FIRST_MINUTES_S = 300.0
REDRAW_EVERY_S = 1.0


class Lines(RunProgress):
    """One bar over all folds and epochs, a line when a fold is done; use it as a context, which takes the bar away.

    Parameters
    ----------
    err : bool
        Whether lines go to the standard error, since the answer on the standard output is for a program.
    jobs : int
        Folds at once; for the command that goes on.
    """

    def __init__(self, *, err: bool = False, jobs: int = 1) -> None:
        self._err, self._jobs = err, jobs
        self._done = Share()
        self._timer = BatchTimer()
        self._forecast_said = False
        self._place, self._scores = "", ""
        self._line = StatusLine()
        self._ended = threading.Event()
        self._rows: list[Mapping[str, Any]] = []
        self._noted: set[str] = set()
        self._said_s = time.monotonic()
        self._run: Run | None = None
        self._runs: set[Path] = set()
        self._stage, self._is_last = "", True

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._line.clear()

    def planned(self, runs: Sequence[Run]) -> None:
        """Count what is to be trained, and show it from now on."""
        if not {run.folder for run in runs} - self._runs:
            return
        self._runs |= {run.folder for run in runs}
        self._done = Share({_key(run, run.split.folds[number]) for run in runs for number in run.pending})
        self._said_s = time.monotonic()
        if self._done.total:
            threading.Thread(target=self._show_now_and_then, args=(self._done,), daemon=True).start()

    def stage(self, run: Run, number: int, of: int) -> None:
        """Say which of a model's stages begins; an interrupted one goes on by the same command."""
        self._stage = f"stage {number} of {of}" if number < of else f"stage {of} of {of}, the whole"
        self._is_last = number == of
        self._timer, self._forecast_said = BatchTimer(), False
        self._echo(f"{self._stage}: {run.settings.model}")

    def started(self, run: Run) -> None:
        """Say what will be trained, on what, and how it is split."""
        self._run = run
        if self._is_last:
            self._say_how_to_go_on(run)
        if run.folder not in self._runs:
            self.planned([run])
        self.describe(run)

    def describe(self, run: Run) -> None:
        """Three lines of what a run is, then what a person should know beforehand."""
        epochs = counted(run.training.epochs, "epoch") + (" at most" if may_stop_early(run) else "")
        self._echo(
            f"data   {run.store.corpus}: {', '.join(run.columns) or 'transcripts'}\n"
            f"task   {run.task.name}: {', '.join(run.task.outputs)}\n"
            f"model  {run.settings.model}, context {in_words(run.context)}, seed {run.training.seed}; {run.split.kind}, "
            f"{counted(len(run.split.folds), 'fold')} × {epochs}"
        )
        for note in run.notes:
            self._echo(f"note: {note}")
        if small := run.split.notes.get("small_strata"):
            self._echo(f"note: {describe_small_strata(*small)}")
        if absent := run.split.notes.get("absent_classes"):
            self._echo(f"note: {describe_absent_classes(absent)}; a fold's UA is the mean over the classes it tests")

    def batch(self, run: Run, fold: Fold, epoch: int, batch: int, batches: int) -> None:
        """Count a batch; after a few of them say how long all will take."""
        self._done.reach(_key(run, fold), (epoch - 1 + batch / batches) / run.training.epochs)
        place = f"fold {fold.name}, epoch {epoch} of {run.training.epochs}"
        self._place = f"{self._stage}, {place}" if self._stage else place
        if self._jobs == 1 and not self._forecast_said:
            self._timer.count()
            if self._timer.is_enough and self._timer.batch_s is not None:
                self._forecast_said = True
                so_many = None if self._stage else self._done.total  # another stage takes another time
                self._echo(describe_forecast(run, seconds_of(run, self._timer.batch_s), so_many=so_many))

    def epoch(self, fold: Fold, row: Mapping[str, Any], epochs: int) -> None:
        """Keep the scores of the epoch for the bar."""
        self._rows.append(row)
        ua, ccc = row.get("dev_ua"), row.get("dev_ccc")
        dev = f"dev UA {100 * ua:.1f}, " if ua is not None else f"dev CCC {ccc:.3f}, " if ccc is not None else ""
        train = f"train WA {100 * row['train_wa']:.1f}, " if "train_wa" in row else ""
        self._scores = f"{dev}{train}loss {row['train_loss']:.3f}, {rate(row['samples_s'])} samples/s"

    def note(self, text: str) -> None:
        """A line, once: folds differ by a few bytes."""
        kind = text.split(":")[0]
        if kind not in self._noted:
            self._noted.add(kind)
            self._echo(f"  {text}")

    def finished(self, fold: Fold, predictions: Sequence[Mapping[str, Any]]) -> None:
        """One line per fold, with the time that its training took."""
        truth, guess = ([row[key] for row in predictions] for key in ("label", "predicted"))
        if isinstance(truth[0], list):
            error = metrics.mae([value for row in truth for value in row], [value for row in guess for value in row])
            scores = f"MAE {error:.3f}"
        else:
            scores = f"UA {100 * metrics.unweighted_accuracy(truth, guess):.1f}, WA {100 * metrics.accuracy(truth, guess):.1f}"
        how = f"{counted(len(self._rows), 'epoch')}, {self._seconds(fold)}" if self._rows else "finished before"
        self._rows, self._place, self._scores = [], "", ""
        parts = f"train {len(fold.train)}, dev {len(fold.dev)}, test {len(fold.test)} utterances"
        self._echo(f"  fold {fold.name}: {parts}, {how}: {scores}")
        if self._run is not None:
            self._done.reach(_key(self._run, fold), 1.0)

    def _seconds(self, fold: Fold) -> str:
        """Time of a fold's training as its record has it."""
        if self._run is None:
            return duration(sum(row["seconds"] for row in self._rows))
        number = self._run.split.folds.index(fold)
        return duration(StoredRun(self._run.folder).fold(number).record.train_s)

    def _show_now_and_then(self, done: Share) -> None:
        """Redraw the bar each second, or write a line into a log, also while nothing is counted."""
        while not self._ended.wait(REDRAW_EVERY_S) and done is self._done and not done.is_all:
            if self._line.is_there:
                self._line.draw(self._where(), done.share)
            elif time.monotonic() - self._said_s >= LOG_EVERY_S[done.elapsed_s >= FIRST_MINUTES_S]:
                self._said_s = time.monotonic()
                click.echo(f"training: {100 * done.share:.0f} %, {self._where()}", err=True)

    def _where(self) -> str:
        """How far the training is, the most needed first."""
        to_go = self._done.to_go_s
        left = "" if to_go is None else f"about {duration(to_go)} to go"
        return ", ".join(part for part in (self._place, left, self._scores, f"{duration(self._done.elapsed_s)} so far") if part)

    def _say_how_to_go_on(self, run: Run) -> None:
        """Leave the command for the message of an interrupt."""
        context = click.get_current_context(silent=True)
        if context is None or context.info_name != "train":
            return
        plugins = context.find_root().params.get("plugins") or ()
        words = ["featurekit", *(word for file in plugins for word in ("--plugin", str(file))), "train", str(run.folder)]
        words += ["--jobs", str(self._jobs)] if self._jobs > 1 else []
        context.meta[GOES_ON] = shlex.join(words)

    def _echo(self, text: str) -> None:
        self._said_s = time.monotonic()
        self._line.clear()
        click.echo(wrapped_error(text) if self._err else fit(text), err=self._err)


def _key(run: Run, fold: Fold) -> tuple[Path, str]:
    return run.folder, fold.name


def describe(result: experiments.RunResult) -> str:
    """The result a person reads: pooled metrics with intervals, beside the baseline, and the confusion matrix."""
    return f"{evaluate.summary(result.metrics)}\nrun: {result.folder}"


def may_stop_early(run: Run) -> bool:
    """Whether a fold may need fewer epochs than are planned."""
    return run.training.patience is not None or run.training.improvement is not None


def describe_forecast(run: Run, seconds: float | None, *, so_many: int | None = None) -> str:
    """How long a training will take, as one sentence.

    Parameters
    ----------
    run : Run
        One run; of several seeds one of them.
    seconds : float or None
        What the run takes; None when it is not known.
    so_many : int, optional
        Folds that are to be trained in all, where several runs are executed.
    """
    left = len(run.pending)
    if not left:
        return "nothing is left to train"
    folds = so_many or left
    what = f"{counted(folds, 'fold')} × {counted(run.training.epochs, 'epoch')}"
    if seconds is None:
        return f"{counted(folds, 'fold')}, fitted in one step: how long that takes is not known before the first is done"
    limit = ", fewer where it stops early" if may_stop_early(run) else ""
    return f"{what}, about {duration(seconds * folds / left)} on this machine{limit}"


def describe_seeds(summary: Mapping[str, Any], path: Path) -> str:
    """Mean and deviation over seeds, one metric a line."""
    lines = [f"{len(summary['runs'])} seeds:"]
    for name, found in summary["pooled"].items():
        shown = evaluate.plain if name in ("mae", "correlation", "ccc", "loss") else evaluate.percent
        lines.append(
            f"  {name:<20} {shown(found['mean'])} ± {shown(found['std'])}   ({', '.join(map(shown, found['values']))})"
        )
    return "\n".join([*lines, f"written: {path}"])
