"""``featurekit export``: a run's network as a file for other programs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurekit.cli import grammar
from featurekit.cli.things import Kind, what_is

if TYPE_CHECKING:
    from featurekit.inference.export import Exported


@click.command("export")
@click.argument("run", type=grammar.PATH)
@grammar.output("What to write.", required=True, metavar="FILE.onnx|FILE.pt")
@click.option("--fold", help="Which fold's network, where the run has several.")
@grammar.DRY_RUN
@grammar.AS_JSON
def export_command(run: Path, output: Path, fold: str | None, dry_run: bool, as_json: bool) -> None:
    """Write the network of RUN as ONNX (FILE.onnx) or TorchScript (FILE.pt), its normaliser inside.

    \b
    featurekit export cache/runs/ID -o model.onnx
    featurekit export cache/runs/ID -o model.pt --fold 3

    The file takes columns as a store holds them, frames (B, C, T, D) with lengths, or images, and
    gives probabilities and the embedding. What the columns are, how to compute them and the names
    of the classes are in its metadata. It is run beside the network on random input before it is
    kept, and the difference is printed.
    """
    what_is(run, Kind.RUN, verb="export")
    from featurekit.inference.export import export_run, forecast_export

    if dry_run:
        plan = forecast_export(run, output, fold=fold)
        if as_json:
            click.echo(json.dumps({**dataclasses.asdict(plan), "path": str(plan.path), "written": False}))
            return
        click.echo(f"{plan.path}: would be {plan.format} of fold {plan.fold}, {_size(plan.bytes_of_weights)} of weights")
        click.echo("how long writing takes is not known; nothing was written, leave out --dry-run to export")
        return
    found = export_run(run, output, fold=fold)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "path": str(found.path)}))
        return
    axes = "; ".join(f"{name} ({', '.join(map(str, sizes))})" for name, sizes in found.inputs.items())
    click.echo(f"{found.path}: {found.format}, {_size(found.bytes)}")
    click.echo(f"  in: {axes}\n  out: {', '.join(found.outputs)}")
    checked = "not run: onnxruntime is not installed" if found.difference is None else f"{found.difference:.1e}"
    click.echo(f"  largest difference to the network on random input: {checked}")
    if found.silence:
        click.echo(f"  {found.silence}")
    click.echo(f"\nto use it in Python:\n\n{how_to(found)}\n")
    grammar.next_step("evaluate", run)


def how_to(found: Exported) -> str:
    """Python that runs the file, on zeros of the right sizes: an axis that is free has size 1 here.

    Parameters
    ----------
    found : Exported
        What was written.
    """
    sizes = {name: tuple(size if isinstance(size, int) else 1 for size in axes) for name, axes in found.inputs.items()}
    if found.format == "ONNX":
        lines = ["import json, numpy, onnxruntime"]
        lines += [f"session = onnxruntime.InferenceSession({str(found.path)!r})"]
        lines += ['facts = json.loads(session.get_modelmeta().custom_metadata_map["featurekit"])']
        lines += [
            "inputs = {",
            *(
                f"    {name!r}: numpy.ones({size}, {_dtype(name)!r}),  # {', '.join(map(str, found.inputs[name]))}"
                for name, size in sizes.items()
            ),
            "}",
        ]
        lines += ["answers = session.run(None, inputs)  # " + ", ".join(found.outputs)]
    else:
        lines = ["import json, torch", 'files = {"featurekit.json": ""}']
        lines += [f"network = torch.jit.load({str(found.path)!r}, _extra_files=files)"]
        lines += ['facts = json.loads(files["featurekit.json"])']
        given = (f"torch.ones({size}, dtype=torch.{_dtype(name)})" for name, size in sizes.items())
        lines += ["answers = network(", *(f"    {one}," for one in given), ")  # " + ", ".join(found.outputs)]
    lines += ['print(facts["classes"], answers[0])']
    return "\n".join(f"    {line}" for line in lines)


def _dtype(name: str) -> str:
    return {"lengths": "int64", "images": "uint8", "present": "bool"}.get(name, "float32")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"
