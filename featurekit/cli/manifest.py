"""``featurekit manifest``: a corpus's folder → the JSON lines that say what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from featurekit.cli import grammar
from featurekit.cli.extract import NO_AUGMENT, PERTURB, SKIP_STRAYS, corpus_options
from featurekit.cli.progress import counted


@click.command("manifest")
@click.argument("corpus")
@corpus_options
@SKIP_STRAYS
@PERTURB
@NO_AUGMENT
@grammar.output("Where to write; standard output when absent.")
@click.option("--dry-run", is_flag=True, help="Say what there is; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON; needs --output or --dry-run.")
def manifest_command(
    corpus: str,
    root: Path | None,
    manifest: Path | None,
    skip_strays: bool,
    perturb: str | None,
    output: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write the manifest of CORPUS as JSONL: ids, paths, times, speakers, raw labels, with --perturb also children.

    \b
    featurekit manifest ravdess --root RAVDESS -o ravdess.jsonl
    featurekit manifest custom --root my_speech --manifest my_speech/labels.csv -o mine.jsonl
    """
    from featurekit import corpora
    from featurekit.extraction import augmented

    if as_json and output is None and not dry_run:
        raise click.UsageError("the manifest is JSON lines already; --json says what --output FILE or --dry-run did")
    utterances = corpora.read_corpus(corpus, root, manifest=manifest, skip_strays=skip_strays)
    if perturb:
        utterances = augmented.with_children(utterances, perturb)
    if output is None and not dry_run:
        for utterance in utterances:
            click.echo(utterance.to_json())
        return
    if output is not None and not dry_run:
        utterances.write(output)
    speakers = len({utterance.speaker for utterance in utterances if utterance.speaker})
    unnamed = sum(not utterance.speaker for utterance in utterances)
    facts = {
        "corpus": corpus,
        "utterances": len(utterances),
        "children": sum(bool(utterance.parent) for utterance in utterances),
        "speakers": speakers,
        "unknown_speakers": unnamed,
        "output": None if output is None else str(output),
        "written": not dry_run,
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        done = f" → {output}" if output else ""
        done += "; nothing was written, leave out --dry-run to write it" if dry_run else ""
        counts = f"{counted(len(utterances), 'utterance')} of {counted(speakers, 'speaker')}"
        counts += f", {unnamed} without a speaker" if unnamed else ""
        click.echo(f"{counts}{done}", err=not dry_run)
        if output and not dry_run:
            grammar.next_step("split", output)
