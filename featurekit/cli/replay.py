"""``featurekit replay``: train a run again from its record, and say what differs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli import grammar
from featurekit.cli.evaluate import plain
from featurekit.cli.progress import counted, duration
from featurekit.cli.tables import wrap
from featurekit.cli.things import Kind, what_is

if TYPE_CHECKING:
    from featurekit.experiments.replay import Replay, ReplayForecast


@click.command("replay")
@click.argument("run", type=grammar.PATH)
@grammar.argument("store", required=False, metavar="[STORE]", old=["--store"])
@grammar.DRY_RUN
@grammar.AS_JSON
def replay_command(run: Path, store: str | None, dry_run: bool, as_json: bool) -> None:
    """Train RUN again from its own record, in a temporary folder, and compare weights, predictions and scores.

    STORE is where the run's store is now; without it, it is taken from where it was.

    \b
    featurekit replay cache/runs/demo-ub-bilstm-918093b3
    featurekit replay cache/runs/demo-ub-bilstm-918093b3 elsewhere/demo

    On a CPU, with the same versions and as many threads, all is equal to the bit. It takes as long as the run took.
    Exit status: 0 when every prediction came again, else 1.
    """
    what_is(run, Kind.RUN, verb="replay")
    if store is not None:
        what_is(store, Kind.STORE, verb="replay, after the run,")
    from featurekit.cli.training import Lines
    from featurekit.experiments.replay import forecast, replay

    if dry_run:
        expected = forecast(run, store=store)
        click.echo(json.dumps({**dataclasses.asdict(expected), "written": False}) if as_json else foretell(run, expected))
        grammar.next_step("replay", run, *([store] if store else []), as_json=as_json)
        return
    with Lines(err=as_json) as progress:
        found = replay(run, store=store, progress=progress)
    click.echo(json.dumps(found.to_record()) if as_json else describe(found))
    grammar.next_step("evaluate", run, as_json=as_json)
    sys.exit(0 if found.same else 1)


def foretell(run: Path, expected: ReplayForecast) -> str:
    """The answer of --dry-run: how much would be trained, what that took then, what is another already."""
    much = f"{counted(expected.folds, 'fold')} × {counted(expected.epochs, 'epoch')} at most"
    took = f"the run took {duration(expected.seconds_then)} to train; how long this machine takes is not measured"
    lines = [f"{run}: would train {much} again, in a temporary folder", took, *_changes(expected.changed)]
    lines.append("nothing was trained or written, leave out --dry-run to replay")
    return "\n".join(wrap(line.strip(), indent=len(line) - len(line.lstrip()), hanging=4) for line in lines)


def _changes(changed: Mapping[str, tuple[Any, Any]]) -> list[str]:
    return [f"  {name} then {_short(then)}, now {_short(now)}" for name, (then, now) in changed.items()]


def describe(found: Replay) -> str:
    """What a person reads: what was changed beforehand, each fold, the scores."""
    lines = _changes(found.changed)
    for fold in found.folds:
        weights = "equal" if fold["weights_equal"] else "DIFFERENT"
        guesses = f"{fold['predictions_changed']} of {fold['of']} predictions changed"
        lines.append(f"  fold {fold['fold']}: weights {weights}, {guesses}, by at most {fold['largest_difference']:.2g}")
    lines += [f"  {name}: {plain(then)} then, {plain(now)} now" for name, (then, now) in found.pooled.items() if then != now]
    return "\n".join(["the same, to the bit" if found.same else "NOT the same", *lines])


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"
