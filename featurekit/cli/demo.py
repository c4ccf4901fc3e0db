"""``featurekit demo``: the main job once, on synthetic speech."""

from __future__ import annotations

from pathlib import Path

import click

from featurekit.cli.progress import Bar


@click.command("demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Folder for everything.")
@click.option("--backend", type=click.Choice(["serial", "joblib", "dask"]), default="joblib", show_default=True)
@click.option("--workers", type=int, help="Processes.  [default: physical cores]")
def demo_command(out: Path, backend: str, workers: int | None) -> None:
    """Do the main job once on synthetic speech: corpus, store, two models, evaluation, and where it all is."""
    from featurekit import extraction
    from featurekit.cli import extract
    from featurekit.cli.training import Lines, describe
    from featurekit.corpora import demo, read_corpus
    from featurekit.experiments import Run
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
