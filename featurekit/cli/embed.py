"""``featurekit embed``: what a run's networks make of every utterance of a store, written into that store."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurekit.cli import grammar
from featurekit.cli.progress import Bar, counted, wrapped_error
from featurekit.cli.things import Kind, what_is

if TYPE_CHECKING:
    from featurekit.inference import Embedded


@click.command("embed")
@click.argument("run", type=grammar.PATH)
@click.argument("store", type=grammar.PATH)
@click.option(
    "--what",
    type=click.Choice(["embedding", "logits", "attention"]),
    default="embedding",
    show_default=True,
    help="The vector before the class layer (LASV, CASV, ASV), the class layer's output, or attention weights.",
)
@click.option("--fold", help="The fold whose network judges every utterance.  [default: the one that tests it]")
@click.option("--device", type=grammar.DEVICE, default="auto", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would be computed; write nothing.")
@grammar.AS_JSON
def embed_command(
    run: Path,
    store: Path,
    what: str,
    fold: str | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
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
    if what_is(run, verb="embed") is Kind.STORE and what_is(store, verb="embed") is Kind.RUN:
        run, store = store, run  # either order: they cannot be mistaken for each other
    what_is(run, Kind.RUN, verb="embed")
    what_is(store, Kind.STORE, verb="embed")
    from featurekit import inference

    with Bar(None, "embedding", "utterances") as bar:
        found = inference.embed(
            run,
            store,
            what=what,
            fold=fold,
            device=device,
            dry_run=dry_run,
            progress=lambda done, total: bar.advance(done - bar.done),
        )
    if note := inference.precision_note(run):
        click.echo(wrapped_error(f"note: {note}"), err=True)
    if as_json:
        record = {**dataclasses.asdict(found), "store": str(found.store), "dry_run": dry_run}
        click.echo(json.dumps(record))
        return
    click.echo(_described(found, dry_run))
    grammar.next_step(lambda: _next(run, found, what, dry_run, fold))


def _next(run: Path, found: Embedded, what: str, dry_run: bool, fold: str | None) -> list[object]:
    words: list[object] = ["train", found.store, "--model", "mlp-pool", "--features", found.columns[0]]
    if dry_run:
        words = ["embed", run, found.store, "--what", what, *(["--fold", fold] if fold else [])]
    elif what != "embedding":
        words = ["store", "info", found.store]
    elif found.trained_on and len(found.folds) > 1:  # a second run on all folds would be refused
        words = ["embed", run, found.store, "--fold", next(iter(found.folds))]
    elif found.trained_on:
        from featurekit.runs import StoredRun

        words += ["--split", run / "split.json"]
        if StoredRun(run).record.settings.allow_speaker_overlap:
            words.append("--allow-speaker-overlap")
    return words


def _described(found: Embedded, dry_run: bool) -> str:
    folds = ", ".join(f"{name}: {count}" for name, count in found.folds.items())
    done = f"{found.computed} computed now"
    if dry_run:
        done = "all there already" if found.there else "to compute; nothing was written, leave out --dry-run"
    lines = [
        f"{found.store}: {', '.join(found.columns)}",
        f"  {counted(found.utterances, 'utterance')}, {done}; judged by fold {folds}",
    ]
    if found.trained_on:
        lines.append(
            f"  the networks were trained on {counted(found.trained_on, 'utterance')} of this corpus: no run may test on these"
        )
    if found.failed:
        name, reason = next(iter(found.failed.items()))
        lines.append(f"  {len(found.failed)} have no values, for example {name}: {reason}")
    return "\n".join(lines)
