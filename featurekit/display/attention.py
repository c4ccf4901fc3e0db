"""What a network attended to in one utterance: its weights over the spectrogram, over the words, over the window.

Words need their times, which a manifest gives in the raw label ``words``: ``[[start_s, end_s, "word"], …]``, in seconds from
the utterance's start. As in Lu et al. 2020 (section 3.4) a word weighs the mean of its frames and is drawn in one of three
bins; the paper does not say where they part, ours are of equal width between the utterance's lowest and highest word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from featurekit.display.canvas import INK, new_figure, plain, save
from featurekit.display.utterance import Shown, draw
from featurekit.errors import ManifestError, ParameterError

if TYPE_CHECKING:
    from featurekit.store import ColumnInfo

BINS = 3
_BIN_COLOURS = ("#f7ece3", "#f2a97e", "#c8442a")
_LINE = "#35d0ff"


@dataclass(frozen=True)
class Word:
    """A word and its times in the utterance.

    Parameters
    ----------
    start_s, end_s : float
        In seconds from the utterance's start.
    text : str
    weight : float
        Mean attention of its frames and of all heads.
    bin : int
        1 to 3.
    """

    start_s: float
    end_s: float
    text: str
    weight: float = 0.0
    bin: int = 1


def aligned_words(labels: Mapping[str, Any]) -> list[Word]:
    """The words of a manifest's raw labels; empty where it has none.

    Raises
    ------
    ManifestError
        When ``words`` is something else than a list of (start, end, word).
    """
    try:
        return [Word(float(start), float(end), str(text)) for start, end, text in labels.get("words") or ()]
    except (TypeError, ValueError):
        raise ManifestError(
            f"the raw label words is {str(labels['words'])[:80]}; expected [[start_s, end_s, word], …], "
            "in seconds from the utterance's start"
        ) from None


def weigh_words(words: Sequence[Word], info: ColumnInfo, weights: np.ndarray) -> list[Word]:
    """Words with the mean weight of their frames, and its bin.

    Parameters
    ----------
    words : sequence of Word
    info : ColumnInfo
        Clock of the weights.
    weights : array (frames, heads)

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> clock = SimpleNamespace(hop_s=0.1, start_s=0.0)
    >>> found = weigh_words([Word(0, 0.2, "so"), Word(0.2, 0.4, "great")], clock, np.array([[0.1], [0.1], [0.5], [0.3]]))
    >>> [(word.text, round(word.weight, 2), word.bin) for word in found]
    [('so', 0.1, 1), ('great', 0.4, 3)]
    """
    mean = weights.mean(axis=1)
    seconds = (info.start_s or 0.0) + np.arange(len(mean)) * (info.hop_s or 1.0)
    level = []
    for word in words:
        inside = mean[(seconds >= word.start_s) & (seconds < word.end_s)]
        nearest = int(np.argmin(np.abs(seconds - (word.start_s + word.end_s) / 2)))  # shorter than a frame
        level.append(float(inside.mean()) if inside.size else float(mean[nearest]))
    low, high = min(level, default=0.0), max(level, default=0.0)
    bins = [min(BINS, 1 + int(BINS * (value - low) / (high - low))) if high > low else 1 for value in level]
    found = zip(words, level, bins, strict=True)
    return [replace(word, weight=weight, bin=number) for word, weight, number in found]


def write_attention(
    weights: Sequence[tuple[ColumnInfo, np.ndarray]],
    path: Path,
    *,
    title: str,
    end_s: float,
    background: Shown | None = None,
    words: Sequence[Word] = (),
) -> Path:
    """Write one picture of all attention weights of an utterance.

    Parameters
    ----------
    weights : sequence of (ColumnInfo, array)
        As :func:`featurekit.inference.attention_of` gives them: (frames, heads), or (1, slots) over a window.
    path : Path
        The PNG.
    title : str
        On one line.
    end_s : float
        Length of the utterance.
    background : Shown, optional
        A spectrogram, over which the mean over heads is drawn.
    words : sequence of Word
        From :func:`weigh_words`.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    ParameterError
        When there are no weights.
    OSError
        When the picture cannot be written.
    """
    if not weights:
        raise ParameterError("there are no attention weights to draw")
    over_time = [item for item in weights if item[0].kind == "frames"]
    over_window = [item for item in weights if item[0].kind != "frames"]
    heights = [2.4] * (background is not None and bool(over_time)) + [0.7] * bool(words)
    heights += [1.6 if info.dims > 1 else 1.0 for info, _ in over_time] + [1.3] * len(over_window)
    figure = new_figure(sum(heights) + 0.8, title)
    grid = iter(figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0])
    timed = []
    if background is not None and over_time:
        timed.append(next(grid))
        draw(timed[-1], background, end_s, small=True)
        for info, values in over_time:
            _draw_line(timed[-1], info, values)
    if words:
        timed.append(next(grid))
        _draw_words(timed[-1], words)
    for info, values in over_time:
        timed.append(next(grid))
        draw(timed[-1], Shown(info, values), end_s, small=False)
    for axes in timed:
        axes.set_xlim(0, end_s)
        axes.tick_params(labelbottom=axes is timed[-1])
    if timed:
        timed[-1].set_xlabel("seconds", fontsize=8, color=INK)
    for info, values in over_window:
        _draw_window(next(grid), info, values)
    return save(figure, path)


def _draw_line(axes: Any, info: ColumnInfo, values: np.ndarray) -> None:
    """The mean over heads, on a scale of its own: the highest weight reaches the top of the picture."""
    own = axes.twinx()
    mean = values.mean(axis=1)
    seconds = (info.start_s or 0.0) + np.arange(len(mean)) * (info.hop_s or 1.0)
    own.plot(seconds, mean, color=_LINE, linewidth=1.2)
    own.set_ylim(0, 1.05 * max(float(mean.max()), 1e-12))
    own.set_yticks([])
    heads = "mean over heads" if info.dims > 1 else "weight"
    told = f"{plain(info.name.rpartition('/')[2])}: {heads}"
    box = {"facecolor": "black", "alpha": 0.7, "edgecolor": "none", "pad": 2}  # legible on any values
    own.text(0.995, 0.94, told, color=_LINE, fontsize=7, bbox=box, **_corner(own))


def _corner(axes: Any) -> dict[str, Any]:
    return {"transform": axes.transAxes, "ha": "right", "va": "top"}


def _draw_words(axes: Any, words: Sequence[Word]) -> None:
    for word in words:
        axes.axvspan(word.start_s, word.end_s, color=_BIN_COLOURS[word.bin - 1], ec="white", linewidth=1.0)
        middle = (word.start_s + word.end_s) / 2
        axes.text(middle, 0.5, plain(word.text), ha="center", va="center", fontsize=8, color=INK, clip_on=True)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    low, high = (extreme(word.weight for word in words) for extreme in (min, max))
    about = f"words:  mean weight of their frames, {low:.2g} to {high:.2g}, in three bins, pale to red"
    axes.set_title(about, loc="left", fontsize=8, color=INK, pad=3)
    axes.tick_params(labelsize=7, color=INK, labelcolor=INK)


def _draw_window(axes: Any, info: ColumnInfo, values: np.ndarray) -> None:
    level = values.reshape(-1)
    names = info.dim_names or tuple(f"slot {number}" for number in range(1, len(level) + 1))
    axes.barh(range(len(level)), level, color="#2f6690", height=0.6)
    axes.set_yticks(range(len(level)), [plain(name) for name in names], fontsize=8)
    axes.set_ylim(len(level) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_title(f"{plain(info.name)}:  weight of each utterance of the window", loc="left", fontsize=8, color=INK, pad=3)
    axes.tick_params(labelsize=7, color=INK, labelcolor=INK)
    for place, value in enumerate(level):
        axes.text(min(value + 0.01, 0.93), place, f"{value:.3f}", va="center", fontsize=7, color=INK)
