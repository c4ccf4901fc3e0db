"""``featurekit train`` and ``demo``: store → run."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from featurekit import experiments, metrics
from featurekit.cli import evaluate
from featurekit.cli.progress import Bar, counted
from featurekit.cli.split import describe_absent_classes
from featurekit.data import Fold
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunProgress, RunSettings
from featurekit.experiments.seeds import execute_seeds
from featurekit.settings import from_mapping, read_toml

DEVICES = click.Choice(["auto", "cpu", "cuda"])
RUNS = click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("cache/runs"), show_default=True, help="Folder of runs."
)


@click.command("train")
@click.argument("settings", type=click.Path(path_type=Path), required=False, metavar="[RUN.toml]")
@click.option("--store", help="The store to train on.")
@click.option("--model", help="A name from `featurekit list models`.")
@click.option("--features", help="Columns of the store, or features and presets it has.  [default: the model's paper's]")
@click.option(
    "--split", help="From `featurekit list splits`, as in speaker-kfold(k=5), or a file of one.  [default: speaker-disjoint]"
)
@click.option("--test-store", help="A store of another corpus: train on the first, test on all of this one.")
@click.option("--test-task", help="Label scheme of --test-store; classes the first lacks are left out.  [default: its own]")
@click.option("--task", help="A name from `featurekit list tasks`.  [default: the corpus's own]")
@click.option("--context", type=int, help="Utterances in a window.  [default: the model's, 1 without conversations]")
@click.option("--augment", multiple=True, help="From `featurekit list augmentations`; on training batches only; repeatable.")
@click.option("--speaker-from", type=click.Choice(["manifest", "recording"]), help="What stands for a speaker.")
@click.option("--allow-speaker-overlap", is_flag=True, default=None, help="Accept a split that shares speakers; stamped.")
@click.option("--drop-unlabelled", is_flag=True, default=None, help="Leave out utterances without a label for the task.")
@click.option("--shuffle-labels", is_flag=True, default=None, help="Control: permuted labels must give chance.")
@click.option("--seed", type=int, help="Of the split, the weights and the order of batches.  [default: 0]")
@click.option("--epochs", type=int, help="[default: the model's recipe]")
@click.option("--batch-size", type=int, help="[default: the model's recipe]")
@click.option("--lr", type=float, help="Learning rate.  [default: the model's recipe]")
@click.option("--trim-db", type=float, help="Cut silence at both ends: frames so far below the loudest; needs column rms.")
@click.option("--patience", type=int, help="Stop after so many epochs without a better dev UA.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]))
@click.option("--device", type=DEVICES)
@click.option("--residency", type=click.Choice(["auto", "device", "pinned", "stream"]), help="Where the values lie.")
@click.option("--compile", type=click.Choice(["auto", "off", "on"]), help="torch.compile.")
@click.option("--deterministic", is_flag=True, default=None, help="The same bits at each run on a GPU too; slower.")
@click.option("--init", multiple=True, metavar="PART=RUN", help="Start a part of the model from a finished run; repeatable.")
@click.option(
    "--set", "lines", multiple=True, metavar="KEY=VALUE", help="Any line of a run file: --set hyper.dropout=0.3; repeatable."
)
@click.option("--seeds", type=click.IntRange(1), help="Train with so many seeds: mean ± deviation; the split stays.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Folds trained at once, a process each.")
@RUNS
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def train_command(
    settings: Path | None,
    runs: Path,
    as_json: bool,
    seeds: int | None,
    jobs: int,
    init: tuple[str, ...],
    lines: tuple[str, ...],
    **given: Any,
) -> None:
    """Train a model on a store, fold by fold, then evaluate it once on the test parts.

    \b
    featurekit train --store cache/ravdess --model ub-bilstm --features luo2019-best4
    featurekit train --store cache/emodb --model resnet18 --features mel256 --split loso --augment specaugment
    featurekit train pipelines/ravdess-resnet18.toml --seed 1
    featurekit train pipelines/emodb-resnet18.toml --seeds 5 --jobs 4
    featurekit train --store cache/emodb --model mlp-pool --set training.weight_decay=0.01 --set hyper.dropout=0.3
    featurekit train --store cache/mosi --task sentiment2-nonzero --test-store cache/moud --model resnet18 --features mel256

    Options override the file. The run's folder is named by a digest of its settings, columns and split, so the same
    command resumes an interrupted run, in the middle of a fold too, and only reads a finished one.
    """
    chosen = run_settings(settings, given | {"init": parts_of(init) or None}, lines)
    progress = Lines(err=as_json)
    if seeds is not None:
        results, summary, path = execute_seeds(chosen, seeds, runs=runs, jobs=jobs, progress=progress)
        told = json.dumps(summary) if as_json else "\n".join([*map(describe, results), describe_seeds(summary, path)])
        click.echo(told)
        return
    result = Run(chosen, runs=runs).execute(progress, jobs=jobs)
    if as_json:
        click.echo(json.dumps({"run": str(result.folder), **result.metrics}))
    else:
        click.echo(describe(result))


@click.command("demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Folder for everything.")
@click.option("--backend", type=click.Choice(["serial", "joblib", "dask"]), default="joblib", show_default=True)
@click.option("--workers", type=int, help="Processes.  [default: physical cores]")
def demo_command(out: Path, backend: str, workers: int | None) -> None:
    """Do the main job once on synthetic speech: corpus, store, two models, evaluation, and where it all is."""
    from featurekit import extraction
    from featurekit.cli import extract
    from featurekit.corpora import demo, read_corpus
    from featurekit.experiments.demo import FEATURES, runs

    root = out / "demo-corpus"
    click.echo(f"1  synthesise speech with known sentiment → {root}")
    with Bar(None, "synthesising", "recordings") as bar:
        demo.synthesise(root, progress=lambda done, total: bar.advance())
    click.echo(f"2  extract features, {backend} → {out / 'demo'}")
    summary = extraction.build_store(
        read_corpus("demo", root),
        root=root,
        out=out / "demo",
        columns=FEATURES,
        corpus="demo",
        backend=backend,
        workers=workers,
        progress=extract.Bars(),
    )
    click.echo(extract.describe(summary))
    for number, settings in enumerate(runs(str(out / "demo")), 3):
        click.echo(f"{number}  train {settings.model} on {settings.features}, {settings.split}")
        click.echo(describe(Run(settings, runs=out / "runs").execute(Lines())))


def run_settings(path: Path | None, given: Mapping[str, Any], lines: Sequence[str] = ()) -> RunSettings:
    """Settings from a TOML file, overridden by further lines of one, and by what was given on the command line.

    Raises
    ------
    ParameterError
        When store or model are said nowhere, or a line is none.
    """
    table = read_toml(path) if path else {}
    for line in lines:
        table = _merged(table, _line_of_toml(line))
    said = {name: value for name, value in given.items() if value is not None and value != ()}
    of_training = {name: said.pop(name) for name in _TRAINING if name in said}
    table |= said
    if of_training:
        table = _merged(table, {"training": of_training})
    missing = [f"--{name}" for name in ("store", "model") if name not in table]
    if missing:
        raise ParameterError(f"train needs {', '.join(missing)}, or a RUN.toml that says so")
    return from_mapping(RunSettings, table, where=str(path or "the command line"))


def _line_of_toml(line: str) -> dict[str, Any]:
    """``hyper.dropout=0.3`` as the table it makes; a value that is no TOML is a word."""
    key, sign, value = line.partition("=")
    for written in (value, json.dumps(value)) if sign else ():
        try:
            return tomllib.loads(f"{key} = {written}")
        except tomllib.TOMLDecodeError:
            continue
    raise ParameterError(f"--set {line}: expected KEY=VALUE, a line of a run file as in hyper.dropout=0.3")


def _merged(table: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Tables within tables are joined, anything else is replaced."""
    joined = {
        key: _merged(table[key], value)
        for key, value in more.items()
        if isinstance(value, dict) and isinstance(table.get(key), dict)
    }
    return {**table, **more, **joined}


def parts_of(said: Sequence[str]) -> dict[str, str]:
    """``frames=cache/runs/…`` → part and folder.

    Raises
    ------
    ParameterError
        When there is no ``=``, or a part is given twice.
    """
    pairs = [item.partition("=") for item in said]
    parts = {part: folder for part, _, folder in pairs}
    if len(parts) < len(pairs) or not all(part and folder for part, _, folder in pairs):
        raise ParameterError(f"--init takes PART=RUN, each part once, as in frames=cache/runs/…; got {' '.join(said)}")
    return parts


_TRAINING = (
    "epochs",
    "batch_size",
    "lr",
    "trim_db",
    "patience",
    "precision",
    "device",
    "residency",
    "compile",
    "deterministic",
)


class Lines(RunProgress):
    """A bar while a fold trains, a line when it is done; on the standard error where the answer is for a program."""

    def __init__(self, *, err: bool = False) -> None:
        self._err = err
        self._bar: Any = None
        self._epochs = 0
        self._noted: set[str] = set()

    def started(self, run: Run) -> None:
        """Say what will be trained, on what, and what the split is disjoint in."""
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
