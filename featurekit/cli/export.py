"""``featurekit export``: a run's network as a file for other programs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE.onnx|FILE.pt", help="What to write."
)
@click.option("--fold", help="Which fold's network, where the run has several.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export_command(run: Path, output: Path, fold: str | None, as_json: bool) -> None:
    """Write the network of RUN as ONNX (FILE.onnx) or TorchScript (FILE.pt), its normaliser inside.

    \b
    featurekit export cache/runs/ID -o model.onnx
    featurekit export cache/runs/ID -o model.pt --fold 3

    The file takes columns as a store holds them, frames (B, C, T, D) with lengths, or images, and gives probabilities and the
    embedding. What the columns are, how to compute them and the names of the classes are in its metadata. It is run beside
    the network on random input before it is kept, and the difference is printed.
    """
    from featurekit.inference.export import export_run

    found = export_run(run, output, fold=fold)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "path": str(found.path)}))
        return
    axes = "; ".join(f"{name} ({', '.join(map(str, sizes))})" for name, sizes in found.inputs.items())
    click.echo(f"{found.path}: {found.format}, {found.bytes / 1e6:.1f} MB\n  in: {axes}\n  out: {', '.join(found.outputs)}")
    checked = "not run: onnxruntime is not installed" if found.difference is None else f"{found.difference:.1e}"
    click.echo(f"  largest difference to the network on random input: {checked}")
    if found.silence:
        click.echo(f"  {found.silence}")
