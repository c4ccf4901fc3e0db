"""What a person sees while a run trains, and when it is done."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from featurekit import experiments, metrics
from featurekit.cli import GOES_ON, evaluate
from featurekit.cli.progress import Bar, counted
from featurekit.cli.split import describe_absent_classes
from featurekit.data import Fold
from featurekit.experiments import Run, RunProgress


class Lines(RunProgress):
    """A bar while a fold trains, a line when it is done; on the standard error where the answer is for a program."""

    def __init__(self, *, err: bool = False, jobs: int = 1) -> None:
        self._err, self._jobs = err, jobs
        self._bar: Any = None
        self._epochs = 0
        self._noted: set[str] = set()

    def started(self, run: Run) -> None:
        """Say what will be trained, on what, and what the split is disjoint in."""
        self._say_how_to_go_on(run)
        self._echo(
            f"{run.store.corpus} · {run.settings.model} · {', '.join(run.columns)}\n"
            f"task {run.task.name}: {', '.join(run.task.outputs)} · split {run.split.kind}: {run.verdict}, "
            f"{counted(len(run.split.folds), 'fold')} · context {run.context}"
        )
        for note in run.notes:
            self._echo(f"note: {note}")
        if absent := run.split.notes.get("absent_classes"):
            self._echo(f"note: {describe_absent_classes(absent)}; a fold's UA is the mean over the classes it tests")

    def epoch(self, fold: Fold, row: Mapping[str, Any], epochs: int) -> None:
        """Move the bar."""
        if self._bar is None:
            self._bar = Bar(epochs, f"fold {fold.name}", "epochs")
        self._epochs = row["epoch"]
        if self._bar is not None:
            ua, ccc = row.get("dev_ua"), row.get("dev_ccc")
            dev = f", dev UA {100 * ua:.1f}" if ua is not None else f", dev CCC {ccc:.3f}" if ccc is not None else ""
            note = f"loss {row['train_loss']:.3f}{dev}, {row['samples_s']:.0f} samples/s"
            self._bar.advance(row["epoch"] - self._bar.done, note)

    def note(self, text: str) -> None:
        """A line, once: folds differ by a few bytes."""
        kind = text.split(":")[0]
        if kind not in self._noted:
            self._noted.add(kind)
            self._echo(f"  {text}")

    def finished(self, fold: Fold, predictions: Sequence[Mapping[str, Any]]) -> None:
        """One line a fold."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        truth, guess = ([row[key] for row in predictions] for key in ("label", "predicted"))
        if isinstance(truth[0], list):
            error = metrics.mae([value for row in truth for value in row], [value for row in guess for value in row])
            scores = f"MAE {error:.3f}"
        else:
            scores = f"UA {100 * metrics.unweighted_accuracy(truth, guess):.1f}, WA {100 * metrics.accuracy(truth, guess):.1f}"
        how = counted(self._epochs, "epoch") if self._epochs else "finished before"
        self._epochs = 0
        parts = f"train {len(fold.train)}, dev {len(fold.dev)}, test {len(fold.test)} utterances"
        self._echo(f"  fold {fold.name}: {parts}, {how}: {scores}")

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
        click.echo(text, err=self._err)


def describe(result: experiments.RunResult) -> str:
    """The result a person reads: pooled metrics with intervals, beside the baseline, and the confusion matrix."""
    more = f"featurekit evaluate {result.folder}, featurekit predict {result.folder} some.wav"
    return f"{evaluate.summary(result.metrics)}\nrun: {result.folder}   ({more})"


def describe_seeds(summary: Mapping[str, Any], path: Path) -> str:
    """Mean and deviation over seeds, one metric a line."""
    lines = [f"{len(summary['runs'])} seeds:"]
    for name, found in summary["pooled"].items():
        shown = evaluate.plain if name in ("mae", "correlation", "ccc") else evaluate.percent
        lines.append(
            f"  {name:<20} {shown(found['mean'])} ± {shown(found['std'])}   ({', '.join(map(shown, found['values']))})"
        )
    return "\n".join([*lines, f"written: {path}"])
