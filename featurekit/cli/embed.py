"""``featurekit embed``: what a run's networks make of every utterance of a store, written into that store."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from featurekit import inference
from featurekit.cli.progress import Bar


@click.command("embed")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--what",
    type=click.Choice(["embedding", "logits", "attention"]),
    default="embedding",
    show_default=True,
    help="The vector before the class layer (LASV, CASV, ASV), the class layer's output, or attention weights.",
)
@click.option("--fold", help="The fold whose network judges every utterance.  [default: the one that tests it]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def embed_command(run: Path, store: Path, what: str, fold: str | None, device: str, as_json: bool) -> None:
    """Write what RUN makes of every utterance of STORE back into it, as a column that any other model can read.

    \b
    featurekit embed cache/runs/ID cache/ravdess                       # column ID/embedding, one vector an utterance
    featurekit embed cache/runs/ID cache/ravdess --what attention      # weights over frames and over the window
    featurekit train cache/ravdess --model mlp-pool --features ID/embedding

    The column knows which utterances its networks were trained on: a run that tests on these is refused. So test on what
    the first run tested on (the same --split and --seed; of k folds, one: --fold), or embed a corpus that it never saw.
    STORE may be of any corpus, as long as it has the columns RUN reads. Interrupted, the same command goes on; a second
    time it finds all there.
    """
    with Bar(None, "embedding", "utterances") as bar:
        found = inference.embed(
            run, store, what=what, fold=fold, device=device, progress=lambda done, total: bar.advance(done - bar.done)
        )
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "store": str(found.store)}))
    else:
        click.echo(_described(found))


def _described(found: inference.Embedded) -> str:
    folds = ", ".join(f"{name}: {count}" for name, count in found.folds.items())
    lines = [
        f"{found.store}: {', '.join(found.columns)}",
        f"  {found.utterances} utterances, {found.computed} computed now; judged by fold {folds}",
    ]
    if found.trained_on:
        lines.append(f"  the networks were trained on {found.trained_on} utterances of this corpus: no run may test on these")
    if found.failed:
        name, reason = next(iter(found.failed.items()))
        lines.append(f"  {len(found.failed)} have no values, for example {name}: {reason}")
    return "\n".join(lines)
