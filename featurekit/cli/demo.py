"""``featurekit demo``: the main job once, on synthetic speech."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from featurekit.cli import grammar
from featurekit.cli.progress import Bar, Bars


@click.command("demo")
@grammar.output("Folder for everything.", old=["--out"], default=Path("cache"), show_default=True)
@click.option("--backend", type=click.Choice(["serial", "joblib", "dask"]), default="joblib", show_default=True)
@grammar.jobs(old=["--workers"])
@grammar.AS_JSON
def demo_command(output: Path, backend: str, jobs: int | None, as_json: bool) -> None:
    """Do the main job once on synthetic speech: corpus, store, two models, evaluation.

    \b
    featurekit demo
    featurekit demo -o somewhere --jobs 2
    """
    from featurekit import extraction
    from featurekit.cli import extract
    from featurekit.cli.training import Lines, describe
    from featurekit.corpora import demo, read_corpus
    from featurekit.experiments import Run
    from featurekit.experiments.demo import FEATURES, runs

    root = output / "demo-corpus"
    say = partial(click.echo, err=as_json)  # the answer alone is for a program
    say(f"1  synthesise speech with known sentiment → {root}")
    with Bar(None, "synthesising", "recordings", log_every_s=5.0) as bar:
        demo.synthesise(root, progress=lambda done, total: bar.advance())
    say(f"2  extract features, {backend} → {output / 'demo'}")
    summary = extraction.build_store(
        read_corpus("demo", root),
        root=root,
        out=output / "demo",
        columns=FEATURES,
        corpus="demo",
        backend=backend,
        workers=jobs,
        progress=Bars(log_every_s=5.0),
    )
    say(extract.describe(summary))
    results = []
    for number, settings in enumerate(runs(str(output / "demo")), 3):
        say(f"{number}  train {settings.model} on {settings.features}, {settings.split}")
        with Lines(err=as_json) as progress:
            results.append(Run(settings, runs=output / "runs").execute(progress))
        say(describe(results[-1]))
    if as_json:
        scores = [{"run": str(result.folder), **result.metrics} for result in results]
        click.echo(json.dumps({"corpus": str(root), "extraction": extract.as_record(summary), "runs": scores}))
        return
    click.echo(f"kept: the corpus in {root}, its store in {output / 'demo'}, both runs in {output / 'runs'}")
    click.echo("the same command again only reads them; your own corpus: featurekit extract --help")
    grammar.next_step("evaluate", results[-1].folder)
