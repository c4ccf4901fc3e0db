"""``featurekit evaluate``: the whole table of a run's stored predictions; and how results are printed anywhere."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from featurekit.cli import grammar
from featurekit.cli.progress import counted
from featurekit.cli.tables import GAP, fit, in_blocks, screen_width, wrap
from featurekit.cli.things import Kind, what_is
from featurekit.errors import ParameterError

_SENTIMENT = {
    "has0_accuracy": "Acc2 Has0",
    "has0_f1": "F1 Has0",
    "non0_accuracy": "Acc2 Non0",
    "non0_f1": "F1 Non0",
    "accuracy5": "Acc5",
    "accuracy7": "Acc7",
}


_CELL, _WIDE = 10, 1000  # columns of a number in a table; of a pipe, which has any number


@click.command("evaluate")
@click.argument("run", type=grammar.PATH)
@click.argument("other", required=False, type=grammar.PATH, metavar="")
@click.option("--positive", metavar="CLASS", help="The class of the binary F1.  [default: the run's own]")
@grammar.AS_JSON
def evaluate_command(run: Path, other: Path | None, positive: str | None, as_json: bool) -> None:
    """Score the stored predictions of RUN again, and print all there is: class, speaker, gender, fold, calibration.

    \b
    featurekit evaluate cache/runs/emodb-resnet18-cae56bfe
    featurekit evaluate cache/runs/emodb-resnet18-cae56bfe --json | jq .pooled

    Nothing is trained or predicted, and nothing is written. Intervals are 95 %: one speaker is left out at a time.
    """
    what_is(run, Kind.RUN, verb="evaluate")
    if other is not None:
        raise ParameterError(f"evaluate takes one thing, a run, whose predictions are there; {on_another_store(run, other)}")
    from featurekit.experiments.scores import rescored

    scores = rescored(run, positive=positive)
    if as_json:
        click.echo(json.dumps(scores))
        return
    click.echo("\n".join([summary(scores), *tables(scores)]))
    grammar.next_step("audit", run)


def on_another_store(run: Path, other: Path) -> str:
    """The way to a score of a run's settings on another store."""
    from featurekit.runs import StoredRun

    record = StoredRun(run).record
    words = ["featurekit", "train", record.settings.store, "--test-store", str(other), "--model", record.settings.model]
    words += ["--features", record.settings.features or ",".join(record.column_names)]
    return f"to train as it did and test on that store: {shlex.join(words)}"


def summary(scores: Mapping[str, Any]) -> str:
    """The headline: pooled metrics with intervals, folds, and what stands beside them."""
    who = f"{counted(scores['n'], 'test utterance')} of {counted(scores['intervals']['n_speakers'], 'speaker')}"
    lines = [f"{who}, {scores['split']['verdict']}"]
    if "over" in scores:
        lines.append(f"  over {len(scores['classes'])} classes of both corpora: {', '.join(scores['classes'])}")
    of_values = scores["kind"] == "values"
    lines += [] if of_values else _not_tested(scores)
    lines += (_of_values(scores) if of_values else _of_classes(scores)) + _no_interval(scores)
    said = fit("\n".join(lines))
    return said if of_values else f"{said}\n{confusion(scores['classes'], scores['confusion'])}"


def tables(scores: Mapping[str, Any]) -> list[str]:
    """One table each: classes or outputs, folds, speakers, genders, calibration."""
    if scores["kind"] == "values":
        found = [_table("output", scores["per_output"], dict.fromkeys(("mae", "correlation", "ccc"), 1.0))]
        columns = {"n": 0.0, "mae": 1.0, "correlation": 1.0, "ccc": 1.0}
        per_person = {"n": 0.0, "mae": 1.0, "loss": 1.0}
    else:
        found = [_table("class", scores["per_class"], {"recall": 100.0, "precision": 100.0, "f1": 100.0, "support": 0.0})]
        columns = {"n": 0.0, "unweighted_accuracy": 100.0, "accuracy": 100.0, "macro_f1": 100.0, "weighted_f1": 100.0}
        loss = {"loss": 1.0} if "loss" in scores["pooled"] else {}
        columns |= ({"binary_f1": 100.0} if "positive" in scores else {}) | loss
        per_person = {"n": 0.0, "unweighted_accuracy": 100.0, "accuracy": 100.0, "majority": 100.0, **loss}
    if len(scores["folds"]) > 1:
        found.append(_table("fold", scores["folds"], columns))
    found += [_table(name, scores[f"per_{name}"], per_person) for name in ("speaker", "gender") if scores[f"per_{name}"]]
    if scores.get("calibration") and scores["calibration"]["ece"] is not None:
        bins = {f"> {entry['above']:.2f}": entry for entry in scores["calibration"]["bins"]}
        found.append(_table("confidence", bins, {"n": 0.0, "confidence": 100.0, "accuracy": 100.0}))
    return found


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]], columns: int | None = None) -> str:
    """Counts with their share of the row, in as many blocks as the terminal's width needs.

    Parameters
    ----------
    classes : sequence of str
        Names of rows and columns.
    counts : sequence of sequence of int
        Rows are the truth, columns what was predicted.
    columns : int, optional
        Of the terminal; its own by default.
    """
    cells = [[f"{count} {share}" for count, share in zip(row, _shares(row), strict=True)] for row in counts]
    widths = [1 + max(5, *(len(row[place]) for row in cells)) for place in range(len(classes))]
    head = max(len(name) for name in classes)
    free = (columns or shutil.get_terminal_size().columns) - head
    with_names = [max(width, 1 + len(name)) for width, name in zip(widths, classes, strict=True)]
    if sum(with_names) <= free:  # else names are cut, so that more classes stand side by side
        widths = with_names
    lines = [wrap("rows: truth, columns: predicted; count and percent of the row", hanging=2, width=columns)]
    for block in _blocks(widths, free):
        names = [_cut(classes[place], widths[place]) for place in block]
        lines.append(" " * head + "".join(names))
        for name, row in zip(classes, cells, strict=True):
            lines.append(f"{name:>{head}}" + "".join(f"{row[place]:>{widths[place]}}" for place in block))
    return "\n".join(lines)


def _blocks(widths: Sequence[int], free: int) -> list[list[int]]:
    """Columns that stand side by side in so many characters."""
    blocks: list[list[int]] = [[]]
    for place, width in enumerate(widths):
        if blocks[-1] and sum(widths[other] for other in blocks[-1]) + width > free:
            blocks.append([])
        blocks[-1].append(place)
    return blocks


def _cut(name: str, width: int) -> str:
    short = name if len(name) < width else f"{name[: width - 2]}…"
    return f"{short:>{width}}"


def _shares(row: Sequence[int]) -> list[str]:
    total = sum(row)
    return [f"{round(100 * count / total)}%" if total else "-" for count in row]


def percent(value: float | None) -> str:
    """A share as percent; a dash where it is not defined."""
    return "-" if value is None else f"{100 * value:.1f}"


def plain(value: float | None) -> str:
    """A number as it is; a dash where it is not defined."""
    return "-" if value is None else f"{value:.3f}"


def _of_classes(scores: Mapping[str, Any]) -> list[str]:
    pooled, majority, human, ece = (scores[key] for key in ("pooled", "majority", "human", "calibration"))
    lines = [
        f"  UA {_with_interval(scores, 'unweighted_accuracy', percent)}{_of_folds(scores, 'unweighted_accuracy', percent)}",
        f"  WA {_with_interval(scores, 'accuracy', percent)}, macro-F1 {_with_interval(scores, 'macro_f1', percent)}, "
        f"weighted F1 {percent(pooled['weighted_f1'])}{_of_positive(scores)}{_of_loss(pooled)}{_of_calibration(ece)}",
        f"  chance: UA {percent(scores['chance']['unweighted_accuracy'])}; always the majority class{_of_training(scores)}: "
        f"UA {percent(majority['unweighted_accuracy'])}, WA {percent(majority['accuracy'])}",
    ]
    if human:
        told = f"UA {percent(human['unweighted_accuracy'])}, WA {percent(human['accuracy'])}"
        lines.append(f"  raters agree with the labels: {told} of {human['n']} rated test utterances")
    return lines


def _not_tested(scores: Mapping[str, Any]) -> list[str]:
    """Which classes no test utterance has, over which the means over classes do not run."""
    tested = [name for name, found in scores["per_class"].items() if found["support"]]
    absent = ", ".join(name for name in scores["classes"] if name not in tested)
    if not absent:
        return []
    if len(tested) == 1:
        return [f"  all test utterances are {tested[0]}: UA is the recall of that class alone, and says nothing of {absent}"]
    return [f"  UA is over {len(tested)} of {len(scores['classes'])} classes: no test utterance is {absent}"]


def _of_positive(scores: Mapping[str, Any]) -> str:
    """The binary F1, where a class of it is named."""
    return f", F1 of {scores['positive']} {_with_interval(scores, 'binary_f1', percent)}" if "positive" in scores else ""


def _of_loss(pooled: Mapping[str, Any]) -> str:
    return f", loss {plain(pooled['loss'])}" if "loss" in pooled else ""


def _of_values(scores: Mapping[str, Any]) -> list[str]:
    constant, pooled = scores["constant"], scores["pooled"]
    folds = _of_folds(scores, "ccc", plain)
    lines = [f"  CCC {_with_interval(scores, 'ccc', plain)}{folds}, correlation {_with_interval(scores, 'correlation', plain)}"]
    lines.append(
        f"  MAE {_with_interval(scores, 'mae', plain)}; always the mean{_of_training(scores)}: {plain(constant['mae'])}"
    )
    told = [
        f"{title} {percent(pooled[name])} ({percent(constant[name])})" for name, title in _SENTIMENT.items() if name in pooled
    ]
    return [*lines, f"  {', '.join(told)}; in brackets that mean"] if told else lines


def _of_calibration(found: Mapping[str, Any] | None) -> str:
    """ECE, or why there is none."""
    if found is None:
        return ""
    return f", no ECE: {found['why']}" if found["ece"] is None else f", ECE {percent(found['ece'])}"


def _of_training(scores: Mapping[str, Any]) -> str:
    return " of each fold's training part" if len(scores["folds"]) > 1 else " of the training part"


def _of_folds(scores: Mapping[str, Any], name: str, shown: Any) -> str:
    if len(scores["folds"]) < 2:
        return ""
    mean, deviation = (shown(scores[key][name]) for key in ("fold_mean", "fold_std"))
    return f"; mean of {len(scores['folds'])} folds {mean} ± {deviation}"


def _with_interval(scores: Mapping[str, Any], name: str, shown: Any) -> str:
    borders = scores["intervals"][name]
    between = "" if borders is None else f" [{shown(borders[0])}, {shown(borders[1])}]"
    return f"{shown(scores['pooled'][name])}{between}"


def _no_interval(scores: Mapping[str, Any]) -> list[str]:
    """Why scores stand without intervals, or with others, and what gives some."""
    if "why" in scores["intervals"]:
        few = counted(scores["intervals"]["n_speakers"], "speaker")
        way = "" if scores["split"].get("kind") in ("loso", "cross-corpus") else "; use --split loso"
        return [f"  {few}: no interval worth having{way}"]
    by_reason: dict[tuple[str, str], list[str]] = {}
    for name, reason in scores["intervals"].get("notes", {}).items():
        kind = "no interval" if scores["intervals"][name] is None else "interval"
        by_reason.setdefault((kind, reason), []).append(_HEADS.get(name, _SENTIMENT.get(name, name)))
    return [f"  {kind} of {', '.join(names)}: {reason}" for (kind, reason), names in by_reason.items()]


def _table(title: str, rows: Mapping[str, Mapping[str, Any]], columns: Mapping[str, float]) -> str:
    """Columns are names and what they are multiplied by: 100 for shares, 1 for numbers, 0 for counts."""
    first = max(map(len, (title, *rows)))
    is_narrow = first + len(columns) * (len(GAP) + _CELL) > (screen_width() or _WIDE)
    heads = [title, *(f"{_HEADS.get(name, name):>{0 if is_narrow else _CELL}}" for name in columns)]
    cells = []
    for name, row in rows.items():
        numbers = (
            str(row[key]) if not factor else (percent if factor == 100 else plain)(row[key]) for key, factor in columns.items()
        )
        cells.append([name, *numbers])
    return "\n" + in_blocks(cells, heads=heads, right=range(1, len(heads)))


_HEADS = {"unweighted_accuracy": "UA", "accuracy": "WA", "macro_f1": "macro-F1", "weighted_f1": "weighted F1", "f1": "F1"}
_HEADS |= {"mae": "MAE", "ccc": "CCC", "binary_f1": "binary F1"}
