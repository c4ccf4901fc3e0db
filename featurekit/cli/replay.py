"""``featurekit replay``: train a run again from its record, and say what differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurekit.cli.evaluate import plain

if TYPE_CHECKING:
    from featurekit.experiments.replay import Replay


@click.command("replay")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--store", help="Where the run's store is now.  [default: where it was]")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def replay_command(run: Path, store: str | None, as_json: bool) -> None:
    """Train RUN again from its own record, in a temporary folder, and compare weights, predictions and scores.

    \b
    featurekit replay cache/runs/demo-ub-bilstm-4e0094cd

    On a CPU, with the same versions and as many threads, all is equal to the bit. It takes as long as the run took.
    Exit status: 0 when every prediction came again, else 1.
    """
    from featurekit.cli.training import Lines
    from featurekit.experiments.replay import replay

    found = replay(run, store=store, progress=Lines(err=as_json))
    click.echo(json.dumps(found.to_record()) if as_json else describe(found))
    sys.exit(0 if found.same else 1)


def describe(found: Replay) -> str:
    """What a person reads: what was changed beforehand, each fold, the scores."""
    lines = [f"  {name} then {_short(then)}, now {_short(now)}" for name, (then, now) in found.changed.items()]
    for fold in found.folds:
        weights = "equal" if fold["weights_equal"] else "DIFFERENT"
        guesses = f"{fold['predictions_changed']} of {fold['of']} predictions changed"
        lines.append(f"  fold {fold['fold']}: weights {weights}, {guesses}, by at most {fold['largest_difference']:.2g}")
    lines += [f"  {name}: {plain(then)} then, {plain(now)} now" for name, (then, now) in found.pooled.items() if then != now]
    return "\n".join(["the same, to the bit" if found.same else "NOT the same", *lines])


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"
