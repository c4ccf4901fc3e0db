"""``featurekit leak``: what sharing speakers between training and test is worth on a corpus."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli import grammar
from featurekit.cli.progress import about, counted
from featurekit.cli.tables import in_blocks, wrap
from featurekit.cli.things import Kind, what_is
from featurekit.errors import MissingDependencyError

if TYPE_CHECKING:
    from featurekit.experiments.leak import LeakForecast


@click.command("leak")
@grammar.argument("store", old=("--store",))
@grammar.features(required=True)
@click.option("--task", default="", help="Label scheme, as in `featurekit list tasks`.  [default: the corpus's own]")
@click.option("--map", "class_map", default="", help="A name from `featurekit list maps`, or a TOML file: gathers classes.")
@click.option("--model", default="pooled-logistic", show_default=True, help="That, or a name from `featurekit list models`.")
@click.option("--folds", type=grammar.COUNT, metavar="N", default=5, show_default=True)
@click.option("--seeds", type=grammar.COUNT, metavar="N", default=5, show_default=True, help="Each deals the folds anew.")
@click.option("--drop-unlabelled", is_flag=True, help="Leave out utterances without a label for the task.")
@click.option("--epochs", type=grammar.COUNT, metavar="N", help="For a model of `list models`.  [default: its recipe]")
@grammar.output("Folder of measurements.", old=("--out",), default=Path("cache") / "leak", show_default=True)
@grammar.DRY_RUN
@grammar.AS_JSON
def leak_command(
    store: str,
    features: str,
    task: str,
    class_map: str,
    model: str,
    folds: int,
    seeds: int,
    drop_unlabelled: bool,
    epochs: int | None,
    output: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure a leak: the same features and model under random and under speaker-disjoint folds, and the difference.

    \b
    featurekit leak cache/ravdess --features luo2019-best4
    featurekit leak cache/emodb --features mel256 --seeds 10
    featurekit leak cache/emodb --features mel256 --model resnet18 --epochs 5 --seeds 1

    The difference is what a published number may owe to speakers that are in training and in test. Its interval leaves out
    one speaker at a time. What is computed is kept: the same command with more seeds computes only those.
    """
    from featurekit import display
    from featurekit.experiments.leak import Leak, LeakSettings

    what_is(store, Kind.STORE, verb="leak")
    training = {} if epochs is None else {"epochs": epochs}
    leak = Leak(LeakSettings(store, features, task, model, folds, seeds, drop_unlabelled, training, class_map), out=output)
    if dry_run:
        forecast = leak.forecast()
        record = {**dataclasses.asdict(forecast), "folder": str(forecast.folder), "written": False}
        click.echo(json.dumps(record) if as_json else foretell(forecast))
        return

    def said(protocol: str, seed: int, ua: float) -> None:
        if not as_json:
            click.echo(f"seed {seed}, {protocol}: UA {100 * ua:.1f}", err=True)

    result = leak.execute(said)
    picture, note = leak.folder / "leak.png", ""
    try:
        display.write_leak(result, picture)
    except MissingDependencyError as error:
        note = str(error)
    if as_json:
        click.echo(json.dumps({"folder": str(leak.folder), **result}))
    else:
        click.echo(describe(result))
        click.echo(wrap(f"kept: {leak.folder}; plot: {note or picture}", hanging=2))
        grammar.next_step("split", store, "--split", "speaker-disjoint", "-o", "split.json")


def foretell(forecast: LeakForecast) -> str:
    """The answer of --dry-run: what is there, what would be fitted, how long that takes."""
    there = f"{forecast.there} of {counted(forecast.there + forecast.to_do, 'pair')} of a seed and a protocol are kept already"
    if not forecast.to_do:
        cost = "nothing is left to fit"
    elif forecast.seconds is None:
        cost = f"{counted(forecast.folds, 'fold')} to fit; how long that takes is not known"
    else:
        cost = f"{counted(forecast.folds, 'fold')} to fit, {about(forecast.seconds)} on this machine"
    done = f"{forecast.folder}: nothing was written, leave out --dry-run to measure"
    return "\n".join(wrap(line, hanging=2) for line in (f"{there}; {cost}", done))


def describe(result: Mapping[str, Any]) -> str:
    """The table a person reads."""
    head = (
        f"{result['corpus']} · {result['model']} on {', '.join(result['features'])} · task {result['task']}, "
        f"{len(result['classes'])} classes · {result['n']} utterances of {result['n_speakers']} speakers · "
        f"{result['folds']} folds, {counted(result['seeds'], 'seed')}"
    )
    rows, scored = [], {**result["protocols"], "difference": result["difference"]}
    for name, score in scored.items():
        borders = score["interval"]
        between = f"[{100 * borders[0]:.1f}, {100 * borders[1]:.1f}]" if borders else "none"
        spread = f"{100 * min(score['by_seed']):.1f} to {100 * max(score['by_seed']):.1f}"
        rows.append((name, f"{100 * score['ua']:.1f}", between, spread))
    rows.append(("chance", f"{100 * result['chance']:.1f}", "", ""))
    heads = ("split", "UA", "95 % over speakers", "seeds")
    scores = in_blocks(rows, heads=heads, right=(1, 2, 3))
    lines = []
    lines += [f"always the majority class: UA {100 * result['chance']:.1f}, WA {100 * result['majority']:.1f}"]
    lines += [f"no interval: {result['why_no_interval']}"] if result["why_no_interval"] else []
    lines += [f"{name}: {score['note']}" for name, score in scored.items() if score["interval"] and score["note"]]
    lines += [f"{name}: {score['verdict']}" for name, score in result["protocols"].items()]
    return "\n".join([wrap(head, hanging=2), scores, *(wrap(line, hanging=2) for line in lines)])
