"""``featurekit predict``: a run applied to files, folders or a stream."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli import grammar, signals
from featurekit.cli.evaluate import on_another_store
from featurekit.cli.progress import compiling, counted, wrapped_error
from featurekit.cli.tables import wrap
from featurekit.cli.things import Kind, what_is
from featurekit.errors import ParameterError

if TYPE_CHECKING:
    from featurekit.inference import Prediction, Predictor, Refused
    from featurekit.inference.said import Reader
    from featurekit.manifest import Manifest

_STREAM = Path("-")
_NO_TEXT = re.compile("[\\ud800-\\udfff]")
_SHOWN = 3  # likeliest classes of a line; all of them are in --json and in the file of -o


@click.command("predict")
@click.argument("run", type=grammar.PATH)
@click.argument("audio", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@grammar.output("A table for a spreadsheet or a program, a row per utterance.", metavar="FILE.csv|FILE.jsonl")
@click.option("--rate", type=int, help="Of the samples on standard input, in Hz.")
@click.option("--chunk", type=float, help="Seconds of the stream that are one utterance.  [default: 4.0]")
@click.option("--encoding", type=click.Choice(["s16le", "f32le"]), help="Of the stream.  [default: s16le]")
@grammar.option(
    "--batch-size",
    type=grammar.COUNT,
    metavar="N",
    default=16,
    show_default=True,
    old=["--batch"],
    help="Files that go through the network together.",
)
@click.option("--device", type=grammar.DEVICE, default="auto", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="Of image networks.",
)
@click.option("--dry-run", is_flag=True, help="Say how many files would be read; read none.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def predict_command(
    run: Path,
    audio: tuple[Path, ...],
    output: Path | None,
    rate: int | None,
    chunk: float | None,
    encoding: str | None,
    batch_size: int,
    device: str,
    precision: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Apply RUN to new AUDIO: files, folders, or - for raw mono samples on standard input; or to a manifest's texts.

    \b
    featurekit predict cache/runs/ID some.wav
    featurekit predict cache/runs/ID recordings/ -o predictions.csv
    featurekit predict cache/runs/ID some.wav recordings/ --json
    featurekit predict cache/runs/ID manifest.jsonl
    arecord -t raw -f S16_LE -r 16000 |
      featurekit predict cache/runs/ID - --rate 16000 --chunk 4.0

    A file is one utterance, read without its neighbours. A chunk of a stream is one too, whatever
    is said in it; a model that reads windows gets the chunks before it, never the next one. A model
    that reads transcripts alone (svm-text) takes a manifest (`featurekit manifest`) or a store. What
    cannot be used is a line with an error, and the exit status is 1.
    """
    what_is(run, Kind.RUN, verb="predict")
    _check_stream(audio, rate, chunk, encoding)
    from featurekit import inference
    from featurekit.inference.said import Reader, reads_text_alone

    if reads_text_alone(run):
        manifest = _manifest_of(audio)
        if dry_run:
            _say_plan(run, len(manifest), False, output, as_json, of="utterance")
            return
        reader = Reader(run)
        failed = _write(reader.utterances(manifest, batch_size=batch_size), reader, output, as_json)
        grammar.next_step("evaluate", run, as_json=as_json)
        sys.exit(1 if failed else 0)
    for path in audio:
        if path != _STREAM and path.is_dir() and what_is(path, verb="predict") is Kind.STORE:
            raise ParameterError(f"{path} is a store, and predict takes audio; {on_another_store(run, path)}")
    files = [] if _STREAM in audio else inference.audio_files(audio)
    if dry_run:
        _say_plan(run, len(files), rate is not None, output, as_json)
        return
    predictor = inference.Predictor(run, device=device, precision=precision)
    if note := inference.precision_note(run, precision):
        click.echo(wrapped_error(f"note: {note}"), err=True)
    _compile(predictor)
    found: Iterable[Prediction | Refused]
    if rate is not None:
        how: dict[str, Any] = {"chunk_s": chunk, "encoding": encoding}
        said = {name: value for name, value in how.items() if value is not None}
        found = inference.judge_stream(predictor, sys.stdin.buffer, sample_rate=rate, **said)
    else:
        found = predictor.files(files, batch_size=batch_size)
    failed = _write(found, predictor, output, as_json)
    if output is None:
        words = [*audio, "-o", "predictions.csv"] if rate is None else []
        grammar.next_step(*(["predict", run, *words] if words else ["evaluate", run]), as_json=as_json)
    else:
        grammar.next_step("evaluate", run, as_json=as_json)
    sys.exit(1 if failed else 0)


def _compile(predictor: Predictor) -> None:
    """Compile what this machine has not compiled before, and say so, before anything is answered."""
    from featurekit import features

    # What fails here fails again in the work itself, where it is an answer.
    with compiling(), suppress(Exception):
        features.warm_up(predictor.ear.plan.columns)


def _check_stream(audio: tuple[Path, ...], rate: int | None, chunk: float | None, encoding: str | None) -> None:
    if _STREAM in audio and (len(audio) > 1 or rate is None):
        raise click.UsageError("a stream is alone and needs its rate: featurekit predict RUN - --rate 16000")
    if _STREAM not in audio and (rate, chunk, encoding) != (None, None, None):
        raise click.UsageError(
            "--rate, --chunk and --encoding are of a stream, and a file is one utterance; to take "
            "it in chunks decode it: sox FILE -t raw -e signed -b 16 -c 1 -r 16000 - | "
            "featurekit predict RUN - --rate 16000"
        )


def _manifest_of(given: tuple[Path, ...]) -> Manifest:
    """The manifest whose texts are read."""
    from featurekit.manifest import Manifest
    from featurekit.store import open_store

    if len(given) != 1 or given[0] == _STREAM:
        raise ParameterError(
            f"the run reads transcripts alone: name one manifest (FILE.jsonl); got {' '.join(map(str, given))}"
        )
    if what_is(given[0], Kind.MANIFEST, Kind.STORE, verb="predict with a run that reads transcripts") is Kind.STORE:
        return open_store(given[0]).manifest
    return Manifest.read(given[0])


def _say_plan(run: Path, files: int, stream: bool, output: Path | None, as_json: bool, *, of: str = "file") -> None:
    """The answer of --dry-run."""
    if as_json:
        record = {"run": str(run), f"{of}s": files, "output": output and str(output)}
        click.echo(json.dumps(record))
        return
    what = "a stream" if stream else counted(files, of)
    where = f" → {output}" if output else ""
    click.echo(f"{run} would read {what}{where}; nothing was read, leave out --dry-run")


def _write(found: Iterable[Prediction | Refused], predictor: Predictor | Reader, output: Path | None, as_json: bool) -> int:
    """Print or write every answer as it comes, then what was odd; returns how many failed."""
    from featurekit.audio import Status, rates_note

    done, failed, notes, rates = 0, 0, Counter[str](), Counter[int]()
    with _table(output, list(predictor.record.outputs)) as write:
        try:
            for one in found:
                done += 1
                failed += hasattr(one, "error")
                notes.update(note for note in getattr(one, "notes", ()) if not note.startswith(Status.RATE))
                rates[getattr(one, "sample_rate", 0)] += 1
                write(one)
                if as_json:
                    click.echo(json.dumps(dataclasses.asdict(one)))
                elif output is None:
                    click.echo(_line(one))
                sys.stdout.flush()
        except KeyboardInterrupt as error:
            where = "above" if output is None else f"in {output}"
            click.echo(f"\nfeaturekit: interrupted; what was judged is {where}", err=True)
            sys.exit(signals.status(error))
    if not as_json:
        said = [f"{note}, {count} of {counted(done, 'utterance')}" for note, count in notes.most_common()]
        heard = getattr(predictor, "ear", None)  # of what reads transcripts there is none
        of_rates = rates_note(rates, max(heard.plan.sample_rates), of_a_run=True) if heard is not None else None
        for sentence in [*said, of_rates] if of_rates else said:
            note = f"note: {sentence}"
            click.echo(wrapped_error(note) if output is None else wrap(note, hanging=2), err=output is None)
        if output is not None:
            errors = f", {failed} of them with an error" if failed else ""
            click.echo(f"{counted(done, 'utterance')} → {output}{errors}")
    return failed


@contextmanager
def _table(output: Path | None, names: list[str]) -> Iterator[Any]:
    """A function that adds a row to the file, which a person may read while it grows."""
    if output is None:
        yield lambda one: None
        return
    if output.suffix not in (".csv", ".jsonl"):
        raise ParameterError(f"-o takes FILE.csv or FILE.jsonl; got {output}")
    output.parent.mkdir(parents=True, exist_ok=True)
    # Of names that are no text, a table has the bytes as escapes: one such name must not spoil it for its readers.
    with output.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        if output.suffix == ".jsonl":
            yield lambda one: print(_json_line(one), file=file, flush=True)
            return
        heads = ["path", "utterance", "start_s", "end_s", "predicted", *names, "notes", "error"]
        table = csv.DictWriter(file, heads, restval="", extrasaction="ignore")
        table.writeheader()

        def row(one: Any) -> None:
            record = dataclasses.asdict(one)
            numbers = record.get("probabilities") or record.get("scores") or record.get("values") or {}
            table.writerow(record | numbers | {"notes": "; ".join(record.get("notes", ()))})
            file.flush()

        yield row


def _json_line(found: Prediction | Refused) -> str:
    """JSON in UTF-8; a byte of a name that is no text is an escape, and ``json.loads`` gives the name back."""
    text = json.dumps(dataclasses.asdict(found), ensure_ascii=False)
    return _NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _line(found: Prediction | Refused) -> str:
    where = found.path
    if found.utterance != "file":
        where = f"{found.utterance} ({found.start_s:.2f} to {found.end_s:.2f} s)"
    if hasattr(found, "error"):
        return f"{where}: {found.error}"
    of_classes = found.probabilities or found.scores
    ranked = sorted(of_classes.items(), key=lambda item: -item[1])[:_SHOWN] or found.values.items()
    unsure = "  (scores, not probabilities)" if found.scores else ""
    return f"{where}: " + "  ".join(f"{name} {number:.2f}" for name, number in ranked) + unsure
