"""A run at a glance, as lines for a person: how it was made, how each fold was fitted, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from featurekit.cli.evaluate import percent, plain
from featurekit.cli.progress import counted, duration
from featurekit.cli.tables import fit, in_blocks

_SHARES = {"unweighted_accuracy": "UA", "accuracy": "WA", "macro_f1": "macro-F1", "weighted_f1": "weighted F1"}
_NUMBERS = {"mae": "MAE", "correlation": "correlation", "ccc": "CCC", "loss": "loss"}
_DEV = {"dev_ua": "dev UA", "dev_wa": "dev WA", "dev_ccc": "dev CCC", "dev_mae": "dev MAE", "dev_loss": "dev loss"}


def describe(summary: Mapping[str, Any]) -> str:
    """What :func:`featurekit.experiments.summary.summary_of` found, as text."""
    done = "finished" if summary["finished"] else "not finished"
    lines = [
        f"{summary['model']} on {summary['corpus']}: {', '.join(summary['features']) or 'transcripts'}",
        f"  task {summary['task']}; {summary['split']}, {len(summary['folds'])} of {counted(summary['of_folds'], 'fold')} "
        f"fitted, {done}; {summary['verdict']}",
        *_begun(summary.get("begun")),
        *_fitted(summary),
    ]
    told = [fit("\n".join(lines))]
    if summary["folds"]:
        told.append(_folds(summary))
    if "test" in summary:
        told.append(fit(_test(summary["test"])))
    return "\n".join(told)


def _begun(begun: Mapping[str, str] | None) -> list[str]:
    if not begun:
        return []
    command = [f"  by: {begun['command']}"] if begun["command"] else []
    return [f"  begun {begun['started']} on {begun['host']}", *command]


def _fitted(summary: Mapping[str, Any]) -> list[str]:
    if not summary["folds"]:
        return []
    first = summary["folds"][0]
    said = [f"trained {duration(summary['seconds'])} on {first['device']}"]
    if "precision" in first:
        said.append(f"in {first['precision']}, dev and test judged in it too")
    if "parameters" in first:
        sizes = first["parameters"]
        said.append(f"{sizes['all']:,} parameters, {sizes['trained']:,} of them trained")
    return [f"  {'; '.join(said)}", f"  {_kept_epoch(summary)}"]


def _kept_epoch(summary: Mapping[str, Any]) -> str:
    """Which epoch the networks are of, and why."""
    folds = summary["folds"]
    if all("parameters" in fold and not fold["parameters"]["trained"] for fold in folds):
        return "fitted in one step"
    if not any("dev_loss" in fold["at_best"] for fold in folds):
        return "there is no dev part: the last epoch is kept"
    return f"the epoch is chosen by dev {summary['monitor'].upper()}".replace("LOSS", "loss")


def _folds(summary: Mapping[str, Any]) -> str:
    """One row per fold: its epochs, and how the network stood at the one that is kept."""
    rows = [fold["at_best"] for fold in summary["folds"]]
    dev = [name for name in _DEV if any(name in row for row in rows)]
    train = ["train_wa"] if any("train_wa" in row for row in rows) else []
    heads = ["fold", "epochs", "best", *("train WA" for _ in train), "train loss", *(_DEV[name] for name in dev), "time"]
    cells = [
        [
            fold["fold"],
            fold["epochs"],
            fold["best_epoch"],
            *(_cell(name, fold["at_best"].get(name)) for name in [*train, "train_loss", *dev]),
            duration(fold["train_s"]),
        ]
        for fold in summary["folds"]
    ]
    return in_blocks(cells, heads=heads, right=range(1, len(heads)))


def _cell(name: str, value: float | None) -> str:
    return (percent if name.endswith(("_ua", "_wa")) else plain)(value)


def _test(test: Mapping[str, Any]) -> str:
    shares = [f"{title} {percent(test[name])}" for name, title in _SHARES.items() if name in test]
    if "binary_f1" in test:
        shares.append(f"F1 of {test['positive']} {percent(test['binary_f1'])}")
    numbers = [f"{title} {plain(test[name])}" for name, title in _NUMBERS.items() if name in test]
    genders = [f"{name} {plain(value)}" for name, value in test.get("loss_by_gender", {}).items()]
    of_genders = f" ({', '.join(genders)})" if genders else ""
    return f"test, {counted(test['n'], 'utterance')}: {', '.join([*shares, *numbers])}{of_genders}"
