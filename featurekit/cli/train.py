"""``featurekit train``: store → run."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli import grammar
from featurekit.cli.things import Kind, what_is
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.settings import from_mapping, read_toml

if TYPE_CHECKING:  # torch takes seconds to import, and help needs none
    from featurekit.experiments import Run, RunResult, RunSettings

RUNS = Path("cache") / "runs"


@click.command("train")
@click.argument("things", nargs=-1, metavar="STORE|RUN.toml|RUN")
@click.option("--store", multiple=True, help="Another store than a run file names, or where a run's store is now.")
@click.option("--model", help="A name from `featurekit list models`.")
@click.option("--features", help="Columns of the store, or features and presets it has.  [default: the model's paper's]")
@click.option(
    "--split", help="From `featurekit list splits`, as in speaker-kfold(k=5), or a file of one.  [default: speaker-disjoint]"
)
@click.option("--test-store", help="A store of another corpus: train on the first, test on all of this one.")
@click.option("--test-task", help="Label scheme of --test-store.  [default: its own]")
@click.option(
    "--common-classes", is_flag=True, default=None, help="With --test-store: leave out classes that one of them lacks."
)
@click.option("--task", help="A name from `featurekit list tasks`.  [default: the corpus's own]")
@click.option(
    "--map",
    metavar="NAME|FILE.toml",
    help="Gathers classes, from `featurekit list maps`.  [default: canonical with --test-store, else none]",
)
@click.option("--positive", metavar="CLASS", help="Report this class's own F1 (binary F1) too.")
@click.option(
    "--context",
    type=grammar.COUNT,
    metavar="N",
    help="Utterances in a window.  [default: the model's, or 1]",
)
@click.option("--augment", multiple=True, help="From `featurekit list augmentations`; on training batches only; repeatable.")
@click.option("--speaker-from", type=click.Choice(["manifest", "recording"]), help="What stands for a speaker.")
@click.option("--allow-speaker-overlap", is_flag=True, default=None, help="Accept a split that shares speakers; stamped.")
@click.option("--drop-unlabelled", is_flag=True, default=None, help="Leave out utterances without a label for the task.")
@click.option("--shuffle-labels", is_flag=True, default=None, help="Control: permuted labels must give chance.")
@click.option("--seed", type=int, help="Of the split, the weights and the order of batches.  [default: 0]")
@click.option("--epochs", type=grammar.COUNT, metavar="N", help="[default: the model's recipe]")
@click.option("--batch-size", type=grammar.COUNT, metavar="N", help="[default: the model's recipe]")
@click.option("--lr", type=float, help="Learning rate.  [default: the model's recipe]")
@click.option("--trim-db", type=float, help="Cut silence at both ends: frames so far below the loudest; needs column rms.")
@click.option(
    "--monitor",
    type=click.Choice(["auto", "ua", "wa", "loss", "ccc", "mae"]),
    help="What on dev chooses the epoch; ccc and mae are of ratings.  [default: the model's recipe, else ua or ccc]",
)
@click.option("--patience", type=grammar.COUNT, metavar="N", help="Stop after so many epochs that were no better on dev.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]))
@click.option("--device", type=grammar.DEVICE, help="cuda:1 is the second GPU.")
@click.option("--residency", type=click.Choice(["auto", "device", "pinned", "stream"]), help="Where the values lie.")
@click.option("--compile", type=click.Choice(["auto", "off", "on"]), help="torch.compile.")
@click.option("--deterministic", is_flag=True, default=None, help="The same bits at each run on a GPU too; slower.")
@click.option("--init", multiple=True, metavar="PART=RUN", help="Start a part of the model from a finished run; repeatable.")
@click.option(
    "--set", "lines", multiple=True, metavar="KEY=VALUE", help="Any line of a run file: --set hyper.dropout=0.3; repeatable."
)
@click.option("--seeds", type=grammar.COUNT, metavar="N", help="Train with so many seeds: mean ± deviation; the split stays.")
@grammar.jobs("Folds trained at once, a process each.", default=1, show_default=True)
@grammar.output("Folder of runs.  [default: cache/runs]", old=("--runs",))
@click.option("--dry-run", is_flag=True, help="Train a few batches and say how long all will take; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def train_command(
    things: tuple[str, ...],
    store: tuple[str, ...],
    output: Path | None,
    dry_run: bool,
    as_json: bool,
    seeds: int | None,
    jobs: int,
    init: tuple[str, ...],
    lines: tuple[str, ...],
    **given: Any,
) -> None:
    """Train a model on a store, fold by fold, then evaluate it once on the test parts.

    What it works on is told apart by what is there: the folder of a store, a run file (or the name of one of `featurekit
    list pipelines`), or the folder of a run, which goes on exactly as it was begun, or is only read when it is finished.

    \b
    featurekit train cache/ravdess --model ub-bilstm --features luo2019-best4
    featurekit train cache/emodb --model resnet18 --features mel256 --split loso --augment specaugment
    featurekit train luo2019/ub-bilstm --seed 1
    featurekit train emodb-resnet18 --seeds 5 --jobs 4
    featurekit train cache/runs/emodb-resnet18-cae56bfe
    featurekit train cache/emodb --model mlp-pool --set training.weight_decay=0.01 --set hyper.dropout=0.3
    featurekit train cache/ravdess --test-store cache/emodb --common-classes --model resnet18 --features mel256

    Options override the file. The run's folder is named by a digest of its settings, columns and split, so the same
    command also goes on with an interrupted run, in the middle of a fold, and only reads a finished one.
    """
    from featurekit.cli.training import Lines, describe, describe_seeds
    from featurekit.experiments import Run
    from featurekit.experiments.seeds import execute_seeds

    said = {name: value for name, value in given.items() if value is not None and value != ()}
    said |= {"init": parts_of(init)} if init else {}
    kind, thing, store_path = _source(things, store)
    if kind is Kind.RUN:
        others = {"set": lines, "output": output, "seeds": seeds}
        _refuse_changes(thing, [*said, *(name for name, value in others.items() if value)])
        if dry_run:
            _forecast(Run.of_folder(thing, store=store_path or None), 1, as_json)
            return
        with Lines(err=as_json, jobs=jobs) as progress:
            _tell(Run.goes_on(thing, store=store_path or None, progress=progress, jobs=jobs), as_json)
        return
    said |= {"store": store_path} if store_path else {}
    chosen = run_settings(Path(thing) if kind is Kind.RUN_FILE else None, said, lines)
    runs = output or RUNS
    if dry_run:
        _forecast(Run(chosen, runs=runs), seeds or 1, as_json)
        return
    with Lines(err=as_json, jobs=jobs) as progress:
        if seeds is None:
            _tell(Run(chosen, runs=runs).execute(progress, jobs=jobs), as_json)
            return
        results, summary, path = execute_seeds(chosen, seeds, runs=runs, jobs=jobs, progress=progress)
        told = "\n".join([*map(describe, results), describe_seeds(summary, path)])
        click.echo(json.dumps(summary) if as_json else told)
        grammar.next_step("evaluate", results[0].folder, as_json=as_json)


def _tell(result: RunResult, as_json: bool) -> None:
    from featurekit.cli.training import describe

    click.echo(json.dumps({"run": str(result.folder), **result.metrics}) if as_json else describe(result))
    grammar.next_step("evaluate", result.folder, as_json=as_json)


def _forecast(run: Run, seeds: int, as_json: bool) -> None:
    """Say what would be trained and how long that takes on this machine; nothing is written."""
    from featurekit.cli.training import Lines, describe_forecast
    from featurekit.experiments.forecast import measured

    every = [*run.stages.values(), run]
    seconds = [measured(one) for one in every]
    if as_json:
        facts = [
            {
                "run": str(one.folder),
                "folds": seeds * len(one.pending),
                "epochs": one.training.epochs,
                "seconds": None if needed is None else round(needed * seeds, 1),
            }
            for one, needed in zip(every, seconds, strict=True)
        ]
        before = {"stages": facts[:-1]} if run.stages else {}
        click.echo(json.dumps({**facts[-1], **before, "written": False}))
        return
    lines = Lines()
    for number, (one, needed) in enumerate(zip(every, seconds, strict=True), 1):
        if run.stages:
            lines.stage(one, number, len(every))
        lines.describe(one)
        click.echo(describe_forecast(one, needed, so_many=seeds * len(one.pending)))
    click.echo(f"run: {run.folder}; nothing was written, leave out --dry-run to train")


def _source(things: Sequence[str], store: Sequence[str]) -> tuple[Kind | None, str, str]:
    """What is trained: its kind, the thing itself, and the store where one was named."""
    twice = "train trains on one store; to test on another one name it as --test-store"
    thing, named = _only_one(things, twice), _only_one(store, twice)
    if not thing:
        if named:
            click.echo(f"note: --store is now the first argument: featurekit train {named} …", err=True)
        return (Kind.STORE if named else None), named, named
    thing = _path_of(thing)
    kind = what_is(thing, Kind.STORE, Kind.RUN_FILE, Kind.RUN, verb="train")
    if kind is Kind.STORE and named:
        raise ParameterError(f"got {thing} and {named}; {twice}")
    return kind, thing, thing if kind is Kind.STORE else named


def _only_one(given: Sequence[str], advice: str) -> str:
    if len(given) > 1:
        raise ParameterError(f"got {' and '.join(given)}; {advice}")
    return given[0] if given else ""


def _path_of(thing: str) -> str:
    """A name of ``list pipelines`` as its path; anything else as it is."""
    from featurekit.experiments import pipelines

    try:
        return str(pipelines.find(thing))
    except UnknownNameError:
        if Path(thing).parts[:1] in {Path(name).parts[:1] for name in pipelines.names()}:
            raise  # a folder of run files, or a name that is misspelt in one
        return thing


def _refuse_changes(run: str, changes: Sequence[str]) -> None:
    """A run goes on with its own settings: another model or seed is another run."""
    if changes:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in changes)
        raise ParameterError(
            f"{run} is a run, which goes on exactly as it was begun: leave out {options}, or name its store or run file instead"
        )


def run_settings(path: Path | None, given: Mapping[str, Any], lines: Sequence[str] = ()) -> RunSettings:
    """Settings from a TOML file, overridden by further lines of one, and by what was given on the command line.

    Raises
    ------
    ParameterError
        When store or model are said nowhere, or a line is none.
    """
    from featurekit.experiments import RunSettings

    table = _with_named_task(read_toml(path) if path else {})
    for line in lines:
        table = _merged(table, _with_named_task(_line_of_toml(line)))
    table = _with_plain_task(table, str(path or "the command line"))
    said = {name: value for name, value in given.items() if value is not None and value != ()}
    of_training = {name: said.pop(name) for name in _TRAINING if name in said}
    table |= said
    if of_training:
        table = _merged(table, {"training": of_training})
    ways = {"store": "the store's folder as its first argument", "model": "--model"}
    missing = [way for name, way in ways.items() if name not in table]
    if missing:
        raise ParameterError(
            f"train needs {' and '.join(missing)}, or a run file that says so, or the folder of a run that goes on"
        )
    return from_mapping(RunSettings, table, where=str(path or "the command line"))


def _with_named_task(table: Mapping[str, Any]) -> dict[str, Any]:
    """``task = "emotion"`` as the table ``[task]`` that says the same, so that ``task.map`` can be set beside it."""
    return {**table, "task": {"name": table["task"]}} if isinstance(table.get("task"), str) else dict(table)


def _with_plain_task(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """``[task]`` as the settings that it stands for: ``task`` and ``map``."""
    task = table.get("task")
    if not isinstance(task, Mapping):
        return dict(table)
    for key in task:
        if key not in ("name", "map"):
            raise UnknownNameError(f"setting in {where}: [task]", key, ("name", "map"))
    rest = {key: value for key, value in table.items() if key != "task"}
    said = {"task": task.get("name"), "map": task.get("map")}
    return rest | {key: value for key, value in said.items() if value is not None}


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
    "monitor",
    "patience",
    "precision",
    "device",
    "residency",
    "compile",
    "deterministic",
)
