"""A picture of what a leak is worth: two protocols side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.display import canvas

_COLOURS = ("#c44e52", "#4c72b0")
# What a split does to speakers, beneath its name.
_MEANING = {"random": "random\nspeakers in both parts", "speaker-disjoint": "speaker-disjoint\nnew speakers"}


def write_leak(result: Mapping[str, Any], path: str | Path) -> Path:
    """Draw UA of every seed and its mean under both protocols, the difference, and the recall of each class.

    Parameters
    ----------
    result : mapping
        What ``leak.json`` holds.
    path : str or Path
        The PNG.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    """
    about = f"{result['corpus']}, {result['n']} utterances of {result['n_speakers']} speakers"
    model = f"{result['model']} on {', '.join(result['features'])}"
    how = f"{result['folds']} folds, {result['seeds']} seeds; bars are 95 % intervals over speakers"
    figure = canvas.new_figure(4.2, f"What sharing speakers between training and test adds: {about}\n{model}: {how}")
    seeds, difference, recalls = figure.subplots(1, 3, gridspec_kw={"width_ratios": [2.2, 1, 2.6]})
    _draw_seeds(seeds, result)
    _draw_difference(difference, result["difference"])
    _draw_recalls(recalls, result)
    for axes in (seeds, difference, recalls):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, colors=canvas.INK)
    return canvas.save(figure, Path(path))


def _draw_seeds(axes: Any, result: Mapping[str, Any]) -> None:
    protocols, scores = tuple(result["protocols"]), tuple(result["protocols"].values())
    for pair in zip(*(score["by_seed"] for score in scores), strict=True):
        axes.plot((0.12, 0.88), [100 * value for value in pair], color="#bbbbbb", linewidth=0.8, marker="o", markersize=3)
    for place, (score, colour) in enumerate(zip(scores, _COLOURS, strict=True)):
        _draw_bar(axes, place, score, colour, outwards=1 if place else -1)
    axes.axhline(100 * result["chance"], color=canvas.INK, linewidth=0.8, linestyle=":")
    axes.text(1.45, 100 * result["chance"], "chance", fontsize=8, color=canvas.INK, va="bottom", ha="right")
    axes.set(xlim=(-0.5, 1.5), ylim=(0, 100), xticks=(0, 1))
    axes.set_xticklabels([_MEANING.get(name, name) for name in protocols])
    axes.set_ylabel("UA, %", fontsize=8, color=canvas.INK)


def _draw_difference(axes: Any, difference: Mapping[str, Any]) -> None:
    _draw_bar(axes, 0, difference, canvas.INK, outwards=-1)
    axes.plot([0.15] * len(difference["by_seed"]), [100 * value for value in difference["by_seed"]], "o", color="#bbbbbb", ms=3)
    axes.axhline(0, color=canvas.INK, linewidth=0.8)
    top = max(5.0, *(100 * value for value in (*(difference["interval"] or ()), *difference["by_seed"])))
    axes.set(xlim=(-0.5, 0.6), xticks=(0,), xticklabels=("difference",), ylim=(min(0.0, axes.get_ylim()[0]), 1.2 * top))
    axes.set_ylabel("points of UA that sharing speakers adds", fontsize=8, color=canvas.INK)


def _draw_recalls(axes: Any, result: Mapping[str, Any]) -> None:
    classes = result["classes"]
    for step, (protocol, colour) in enumerate(zip(result["protocols"], _COLOURS, strict=True)):
        recalls = [100 * result["protocols"][protocol]["recalls"][name] for name in classes]
        axes.bar(np.arange(len(classes)) + 0.38 * (step - 0.5), recalls, 0.36, color=colour, label=protocol)
    axes.set_xticks(range(len(classes)), [canvas.plain(name) for name in classes], rotation=35, ha="right")
    axes.set_ylim(0, 100)
    axes.set_ylabel("recall, %", fontsize=8, color=canvas.INK)
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0))


def _draw_bar(axes: Any, place: float, score: Mapping[str, Any], colour: str, *, outwards: int) -> None:
    """A mean with its interval, where there is one, and its number."""
    value = 100 * score["ua"]
    if score["interval"]:
        axes.plot([place, place], [100 * border for border in score["interval"]], color=colour, linewidth=2.5, alpha=0.6)
    axes.plot(place, value, "s", color=colour, markersize=7)
    side = "left" if outwards > 0 else "right"
    axes.text(place + 0.1 * outwards, value, f"{value:.1f}", fontsize=9, color=colour, ha=side, va="center")
