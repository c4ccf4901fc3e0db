"""``featurekit show``: an utterance of a store, or what a run's network looks for, as numbers and pictures."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.calls import called_name
from featurekit.cli import grammar
from featurekit.cli.things import Kind, what_is

if TYPE_CHECKING:
    from featurekit.display.utterance import Shown
    from featurekit.manifest import Utterance
    from featurekit.store import ColumnInfo, Store

_SPECTRA = ("spectrogram", "fft_spectrum", "fbank", "log_mel", "mel")


@click.command("show")
@click.argument("path", metavar="STORE|RUN", type=grammar.PATH)
@click.argument("utterance", required=False)
@grammar.argument("run", metavar="[RUN]", required=False, type=grammar.PATH, old=["--attention"])
@grammar.output("Folder for the pictures.  [default: cache/show/…]", metavar="FOLDER")
@click.option("--root", type=grammar.PATH, help="The corpus's folder, for the waveform.")
@grammar.features("Columns of the store, comma-separated.  [default: all]", old=["--columns"])
@click.option("--fold", help="Of RUN, the fold whose network is shown.  [default: the first]")
@grammar.AS_JSON
def show_command(
    path: Path,
    utterance: str | None,
    run: Path | None,
    output: Path | None,
    root: Path | None,
    features: str | None,
    fold: str | None,
    as_json: bool,
) -> None:
    """Show UTTERANCE of STORE: what is known of it, each column's range, and PNG pictures of all of it.

    With a RUN after the utterance, show what the run attended to. Of a RUN alone, show how it was made, how its folds were
    fitted and what came of them; of sae-cnn-blstm also the kernels that its network learnt.

    \b
    featurekit show cache/ravdess 03-01-05-02-02-02-12 -o pictures
    featurekit show cache/emodb 03a01Wa --root EmoDB --features "luo2019/mfcc,mel256"
    featurekit show cache/ravdess 03-01-05-02-02-02-12 cache/runs/ID
    featurekit show cache/runs/ID

    The waveform is drawn when the corpus's folder is given or configured, and the file is the one that was extracted.
    Attention is drawn over the spectrogram, over the utterances of the window, and over words where the manifest has their
    times: the raw label words, [[start_s, end_s, "word"], …].
    """
    from featurekit import display, store
    from featurekit.cli.tables import wrap
    from featurekit.features import split as split_names
    from featurekit.inspection.stores import rates

    if what_is(path, Kind.STORE, Kind.RUN, verb="show") is Kind.RUN:
        if utterance is not None:
            raise click.UsageError(f"{path} is a run: featurekit show STORE {utterance} {path}")
        _show_run(path, fold, output, as_json)
        grammar.next_step("evaluate", path, as_json=as_json)
        return
    if run is not None:
        what_is(run, Kind.RUN, verb="show, after the utterance,")
    opened = store.open_store(path)
    if utterance is None:
        raise click.UsageError(f"say which utterance: featurekit show {path} {opened.ids[0]}")
    item = opened.manifest[utterance]
    wanted = list(split_names(features)) if features else None
    shown = display.gather(opened, item.id, wanted)
    signal, why_not = _sound(opened.corpus, item, root)
    folder = output or Path("cache") / "show" / display.file_name(opened.corpus) / display.file_name(item.id)
    duration_s = signal.duration_s if signal else item.duration_s
    title = _title(opened.corpus, item, duration_s)
    written = display.write_pngs(shown, folder, title=title, signal=signal, duration_s=duration_s)
    words = [] if run is None else _attention(run, opened, item, folder, title, written)
    if as_json:
        record = {"utterance": json.loads(item.to_json()), "columns": [_numbers(one) for one in shown]}
        heard = [[word.text, word.weight, word.bin] for word in words]
        pictures = [str(file) for file in written]
        click.echo(json.dumps({**record, "pictures": pictures, "words": heard}))
        return
    click.echo(title)
    if item.text:
        click.echo(f"  “{item.text}”")
    click.echo(_table([_numbers(one) for one in shown]))
    if any("RATE" in one.note for one in shown):
        click.echo(wrap(rates(opened), indent=2, hanging=2))
    if words:
        click.echo("words by attention, 1 to 3: " + " ".join(f"{word.text}({word.bin})" for word in words))
    if why_not:
        click.echo(f"no waveform: {why_not}")
    click.echo(f"pictures: {written[0]} and {len(written) - 1} more")
    grammar.next_step("card", path)


def _show_run(run: Path, fold: str | None, output: Path | None, as_json: bool) -> None:
    """Say how a run was made and what came of it, and draw what the kernels of its network look for, a picture a width."""
    from featurekit import display, inference
    from featurekit.cli.show_run import describe
    from featurekit.experiments.summary import summary_of
    from featurekit.runs import StoredRun

    summary = summary_of(run)
    draws = fold is not None or output is not None or (summary["finished"] and _has_kernels(summary["model"]))
    kernels = inference.kernels_of(run, fold) if draws else {}
    name, first = run.resolve().name, StoredRun(run).record.folds[0]
    folder = output or Path("cache") / "show" / display.file_name(name)
    written = {
        width: display.write_kernels(
            found,
            folder / f"kernels-{width}.png",
            title=f"{name}   fold {fold or first}   {len(found)} kernels of {width} frames, each on its own "
            "scale: time to the right, dims of the spectrum upwards; red above the mean, blue below",
        )
        for width, found in kernels.items()
    }
    if as_json:
        click.echo(json.dumps({**summary, "kernels": {width: str(file) for width, file in written.items()}}))
        return
    click.echo(describe(summary))
    for width, file in written.items():
        click.echo(f"{len(kernels[width])} kernels of {width} frames: {file}")


def _has_kernels(model: str) -> bool:
    from featurekit.models import MODELS

    return model in MODELS and hasattr(MODELS.get(model).network, "kernels")


def _attention(run: Path, opened: Store, item: Utterance, folder: Path, title: str, written: list[Path]) -> list[Any]:
    """Draw what a run attended to, right after the overview; returns the words with their weights."""
    from featurekit import display, inference
    from featurekit.runs import StoredRun

    weights = inference.attention_of(run, opened.path, item.id)
    over_time = [(info, values) for info, values in weights if info.kind == "frames"]
    words = display.aligned_words(item.labels)
    found = display.weigh_words(words, *over_time[0]) if over_time else []
    seen = [info.hop_s * len(values) for info, values in over_time if info.hop_s]
    candidates = display.gather(opened, item.id, [name for name, info in opened.columns.items() if info.kind != "vector"])
    read = set(StoredRun(run).record.column_names)
    end_s = item.duration_s or max(seen, default=1.0)
    picture = display.write_attention(
        weights,
        folder / "attention.png",
        title=f"{title}   attention of {run.resolve().name}",
        end_s=end_s,
        background=max(candidates, key=lambda one: _as_background(one.info, read), default=None),
        words=found,
    )
    written.insert(1, picture)
    return found


def _as_background(info: ColumnInfo, read: set[str]) -> tuple[bool, bool, int]:
    """What attention is best seen on: a spectrogram, the one that the run reads, else what has most to see."""
    return called_name(info.spec) in _SPECTRA, info.name in read, info.dims


def _sound(corpus: str, item: Utterance, root: Path | None) -> tuple[Any, str]:
    """The signal, or why there is none. A folder that was asked for must hold it; a configured one may lack it."""
    from featurekit import audio, settings
    from featurekit.errors import AudioError, CorpusNotFoundError
    from featurekit.extraction import augmented

    folder = settings.corpus_root(corpus, root)
    if folder is None:
        return None, "no folder of the corpus is known; give --root"
    file = folder / item.path
    try:
        digest = audio.fingerprint(audio.hash_file(file), item.start, item.end, item.channel, item.perturbation)
        if item.fingerprint and digest != item.fingerprint:
            return None, f"{file} is not the file that was extracted; run the same `featurekit extract` again"
        return augmented.decode(folder, item), ""
    except OSError as error:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)) and error.errno != errno.ELOOP:
            raise
        if root is not None:
            raise CorpusNotFoundError(f"there is no file {str(file)!r}; give the corpus's own folder") from None
        return None, f"there is no file {file}"
    except AudioError as error:
        return None, str(error)


def _title(corpus: str, item: Utterance, duration_s: float | None) -> str:
    labels = [f"{name} {value}" for name, value in sorted(item.labels.items()) if not isinstance(value, (list, dict))]
    speaker = " ".join(word for word in ("speaker", item.speaker, f"({item.gender})" if item.gender else "") if word)
    length = f"{duration_s:.2f} s" if duration_s else ""
    return "   ".join(part for part in (corpus, item.id, length, speaker if item.speaker else "", ", ".join(labels)) if part)


def _numbers(shown: Shown) -> dict[str, Any]:
    """What a column holds for this utterance, ready for JSON."""
    info, values = shown.info, shown.values
    facts: dict[str, Any] = {"column": info.name, "kind": info.kind, "dims": info.dims, "unit": info.unit, "hop_s": info.hop_s}
    facts |= {
        "rows": 0 if values is None else len(values),
        "note": shown.note,
        "scale": shown.scale,
        "dim_names": info.dim_names,
    }
    if values is None or not values.size:
        return facts
    import numpy as np

    level = np.asarray(values, np.float64)
    if shown.scale is not None:
        level = shown.scale[0] + level / 255.0 * (shown.scale[1] - shown.scale[0])
    return facts | {name: float(getattr(level, name)()) for name in ("min", "mean", "max")}


def _table(rows: list[dict[str, Any]]) -> str:
    width = max(6, *(len(row["column"]) for row in rows))
    lines = [f"  {'column':<{width}}  {'rows':>6}  {'dims':>6}  {'unit':<10}  {'min':>10}  {'mean':>10}  {'max':>10}"]
    for row in rows:
        values = "  ".join(f"{row[name]:>10.4g}" for name in ("min", "mean", "max")) if "min" in row else "no values"
        noted = "; ".join(part for part in row["note"].split("; ") if not part.startswith("RATE"))  # said once, of all columns
        note = f"  {noted}" if noted else ""
        dims = row["dims"] // max(1, row["rows"]) if row["kind"] == "image" else row["dims"]
        lines.append(f"  {row['column']:<{width}}  {row['rows']:>6}  {dims:>6}  {row['unit'] or '-':<10}  {values}{note}")
    return "\n".join(lines)
