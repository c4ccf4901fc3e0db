"""``featurekit predict``: a run applied to files, folders or a stream."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from featurekit import inference

_STREAM = Path("-")


@click.command("predict")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("audio", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--rate", type=int, help="Of the samples on standard input, in Hz.")
@click.option("--chunk", type=float, help="Seconds of the stream that are one utterance.  [default: 4.0]")
@click.option("--encoding", type=click.Choice(["s16le", "f32le"]), help="Of the stream.  [default: s16le]")
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True, help="Files that are judged together.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True, help="Of image networks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def predict_command(
    run: Path,
    audio: tuple[Path, ...],
    rate: int | None,
    chunk: float | None,
    encoding: str | None,
    batch: int,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Apply RUN to new AUDIO: files, folders, or - for raw mono samples on standard input.

    \b
    featurekit predict cache/runs/ID some.wav recordings/ --json
    arecord -t raw -f S16_LE -r 16000 | featurekit predict cache/runs/ID - --rate 16000 --chunk 4.0 --json

    A file is one utterance, heard without its neighbours. A chunk of a stream is one too, whatever is said in it; a model
    that reads windows hears the chunks before it, never the next one. What cannot be judged is a line with an error, and
    the exit status is 1.
    """
    if _STREAM in audio and (len(audio) > 1 or rate is None):
        raise click.UsageError("a stream is alone and needs its rate: featurekit predict RUN - --rate 16000")
    if _STREAM not in audio and (rate, chunk, encoding) != (None, None, None):
        raise click.UsageError(
            "--rate, --chunk and --encoding are of a stream, and a file is one utterance; to judge it in chunks decode it: "
            "sox FILE -t raw -e signed -b 16 -c 1 -r 16000 - | featurekit predict RUN - --rate 16000"
        )
    files = [] if _STREAM in audio else inference.audio_files(audio)
    predictor = inference.Predictor(run, device=device, precision=precision)
    told: Iterable[inference.Prediction | inference.Refused]
    if rate is not None:
        how: dict[str, Any] = {"chunk_s": chunk, "encoding": encoding}
        said = {name: value for name, value in how.items() if value is not None}
        told = inference.judge_stream(predictor, sys.stdin.buffer, sample_rate=rate, **said)
    else:
        told = predictor.files(files, batch_size=batch)
    failed = 0
    try:
        for found in told:
            failed += isinstance(found, inference.Refused)
            click.echo(json.dumps(dataclasses.asdict(found)) if as_json else _line(found))
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo("\nfeaturekit: interrupted; what was judged is above", err=True)
        sys.exit(130)
    sys.exit(1 if failed else 0)


def _line(found: inference.Prediction | inference.Refused) -> str:
    where = found.path
    if found.utterance != "file":
        where = f"{found.utterance} ({found.start_s:.2f} to {found.end_s:.2f} s)"
    if isinstance(found, inference.Refused):
        return f"{where}: {found.error}"
    of_classes = found.probabilities or found.scores
    ranked = sorted(of_classes.items(), key=lambda item: -item[1]) or found.values.items()
    unsure = "  (scores, not probabilities)" if found.scores else ""
    return f"{where}: " + "  ".join(f"{name} {number:.2f}" for name, number in ranked) + unsure
