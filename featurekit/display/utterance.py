"""Pictures of one utterance: waveform, spectrogram images, every feature over time, as PNG files to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from featurekit.display.canvas import INK, file_name, new_figure, plain, save
from featurekit.errors import ParameterError

if TYPE_CHECKING:
    from featurekit.audio import Signal
    from featurekit.store import ColumnInfo, Store

LINES_AT_MOST = 4  # dims that are lines; more are rows of a heat map
TRACKS_AT_MOST = 10  # dims in Hz that are tracks of dots on one axis: formants
NAMES_AT_MOST = 40  # dims whose names can be read beside a heat map
BARS_AT_MOST = 200  # dims of a vector that are bars with names
_POWER_FLOOR = 1e-10
# What moves by less (a share of the largest value; dB) is rounding, of silence for example: drawn large it would be a pattern.
_ROUNDING, _ROUNDING_DB = 1e-6, 1e-3
# Where a dim's own range is so small a share of all dims' range, one colour scale would show only their levels.
_OWN_SCALE_BELOW = 0.4
_OWN = "standard deviations from\nthe dim's own mean"
_LINES = ("#2f6690", "#c8553d", "#588157", "#8d6a9f", "#d9a441", "#7fb3d5", "#e8a598", "#a3c19a", "#c3b1d1", "#ecd39b")


@dataclass(frozen=True)
class Shown:
    """One column of one utterance.

    Attributes
    ----------
    info : ColumnInfo
        Name, unit, dims and clock.
    values : ndarray or None
        As the store reads it; None when the utterance failed in this column.
    scale : (float, float) or None
        Decibels at black and white of an image.
    note : str
        Why it failed, or what was noted.
    """

    info: ColumnInfo
    values: np.ndarray | None
    scale: tuple[float, float] | None = None
    note: str = ""

    @property
    def heading(self) -> str:
        """Name, size, unit and clock on one line."""
        info = self.info
        if info.kind == "image":
            size = "{} × {} image".format(*(info.image_shape or (0, 0)))
        else:
            size = f"{info.dims} dim{'s' if info.dims > 1 else ''}"
        parts = [size, info.unit or "no unit"]
        if info.hop_s:
            parts.append(f"every {1000 * info.hop_s:.4g} ms")
        return f"{info.name}:  {', '.join([*parts, f'{info.sample_rate} Hz'])}"


def gather(store: Store, utterance_id: str, columns: Sequence[str] | None = None) -> list[Shown]:
    """Read what is to be shown of an utterance.

    Parameters
    ----------
    store : Store
    utterance_id : str
    columns : sequence of str, optional
        Which; all by default. Images come first, then frames, then vectors.

    Raises
    ------
    UnknownNameError
        For an utterance or a column the store does not have.
    CorruptStoreError
        When the bytes are not those that were committed.
    """
    index, found = store.index(utterance_id), []
    for name in columns if columns is not None else store.columns:
        failed = bool(store.status(name)[index])
        info, note = store.columns[name], store.errors(name)[index]
        scale = store.scale(name, index) if info.kind == "image" and not failed else None
        found.append(Shown(info, None if failed else store.read(name, index), scale, note))
    return sorted(found, key=lambda item: ("image", "frames", "vector").index(item.info.kind))


def write_pngs(
    shown: Iterable[Shown], folder: Path, *, title: str, signal: Signal | None = None, duration_s: float | None = None
) -> list[Path]:
    """Write an overview and a picture of each column.

    Parameters
    ----------
    shown : iterable of Shown
        From :func:`gather`.
    folder : Path
        Made when absent; pictures of the same names are replaced.
    title : str
        Who, what and how long, on one line.
    signal : Signal, optional
        The sound, for the waveform.
    duration_s : float, optional
        Length of the utterance, where there is no signal.

    Returns
    -------
    list of Path
        The overview first.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    ParameterError
        When there is nothing to show.
    OSError
        When the folder cannot be written.
    """
    shown = list(shown)
    if not shown:
        raise ParameterError("there is no column to show")
    end_s = signal.duration_s if signal is not None else duration_s or max(map(_end_s, shown)) or 1.0
    figures = {"overview": overview(shown, title=title, signal=signal, end_s=end_s)}
    for item in shown:
        figures[_free_name(item.info.name, figures)] = page(item, title=title, end_s=end_s)
    return [save(figure, folder / f"{name}.png") for name, figure in figures.items()]


def overview(shown: Sequence[Shown], *, title: str, signal: Signal | None, end_s: float) -> Any:
    """One Figure: waveform, images and frame features below each other on one time axis; vectors at the end."""
    rows: list[tuple[float, Signal | Shown]] = [(1.0, signal)] if signal is not None else []
    rows += [(_row_height(item), item) for item in shown]
    figure = new_figure(sum(height for height, _ in rows) + 0.6, title)
    grid = figure.subplots(len(rows), 1, squeeze=False, gridspec_kw={"height_ratios": [height for height, _ in rows]})[:, 0]
    timed = [axes for axes, (_, item) in zip(grid, rows, strict=True) if not _is_vector(item)]
    for axes, (_, item) in zip(grid, rows, strict=True):
        if isinstance(item, Shown):
            draw(axes, item, end_s, small=True)
        else:
            _draw_waveform(axes, item)
        if not _is_vector(item):
            axes.set_xlim(0, end_s)
            axes.tick_params(labelbottom=axes is timed[-1])
    if timed:
        timed[-1].set_xlabel("seconds", fontsize=8, color=INK)
    return figure


def page(item: Shown, *, title: str, end_s: float) -> Any:
    """One Figure of one column, large."""
    bars = _is_vector(item) and item.info.dims <= BARS_AT_MOST
    height = 1.2 + 0.17 * item.info.dims if bars else {"image": 5.5}.get(item.info.kind, 4.5)
    figure = new_figure(max(2.5, height), title)
    axes = figure.subplots()
    draw(axes, item, end_s, small=False)
    if not _is_vector(item):
        axes.set_xlim(0, end_s)
        axes.set_xlabel("seconds", fontsize=8, color=INK)
    return figure


def _row_height(item: Shown) -> float:
    if item.values is None:
        return 0.5
    if item.info.kind == "image":
        return 2.2
    if _has_lines(item):
        return 0.95 if item.info.dims <= LINES_AT_MOST else 1.8
    return min(2.0, 1.1 + 0.02 * item.info.dims)


def _has_lines(item: Shown) -> bool:
    return item.info.dims <= (TRACKS_AT_MOST if item.info.unit == "Hz" else LINES_AT_MOST)


def _is_vector(item: object) -> bool:
    return isinstance(item, Shown) and item.info.kind == "vector"


def _end_s(item: Shown) -> float:
    return len(item.values) * item.info.hop_s if item.values is not None and item.info.hop_s else 0.0


def draw(axes: Any, item: Shown, end_s: float, *, small: bool) -> None:
    """Draw one column: an image, lines, a heat map or a vector; ``small`` where it is one of several."""
    noted = "" if small or not item.note or item.values is None else "\n" + textwrap.fill(item.note, 120)
    axes.set_title(plain(item.heading + noted), loc="left", fontsize=8 if small else 10, color=INK, pad=3)
    axes.tick_params(labelsize=7 if small else 8, color=INK, labelcolor=INK)
    if item.values is None or not len(item.values):
        axes.text(
            0.01, 0.5, plain(f"no values: {item.note or 'empty'}"), transform=axes.transAxes, va="center", color="#b00020"
        )
        axes.set_yticks([])
    elif item.info.kind == "image":
        _draw_image(axes, item, end_s)
    elif item.info.kind == "vector":
        _draw_vector(axes, item, small=small)
    elif _has_lines(item):
        _draw_lines(axes, item)
    else:
        _draw_heat_map(axes, item, small=small)


def _draw_waveform(axes: Any, signal: Signal) -> None:
    """Lowest and highest sample of each of some 2000 stretches: no click is lost between pixels."""
    edges = np.unique(np.linspace(0, len(signal.samples), 2001).astype(int))[:-1]
    low, high = (extreme.reduceat(signal.samples, edges) for extreme in (np.minimum, np.maximum))
    axes.fill_between(edges / signal.sample_rate, low, high, step="post", color=_LINES[0], linewidth=0.3)
    peak = float(np.abs(signal.samples).max())
    border = 1.05 * (peak or 1.0)
    axes.set_ylim(-border, border)
    axes.set_title(
        f"waveform:  full scale, {signal.original_rate} Hz, peak {peak:.3g}", loc="left", fontsize=8, color=INK, pad=3
    )
    axes.tick_params(labelsize=7, color=INK, labelcolor=INK)


def _draw_image(axes: Any, item: Shown, end_s: float) -> None:
    """Row 0 is the top. The levels of black and white are the store's own dB."""
    low, high = item.scale or (0.0, 255.0)
    is_spectrogram = item.info.spec.startswith("spectrogram(")
    top = item.info.sample_rate / 2000 if is_spectrogram else float(item.values.shape[0]) if item.values is not None else 1.0
    level = low + np.asarray(item.values, np.float32) / 255.0 * (high - low)
    low, high = _distinct(low, high)
    drawn = axes.imshow(level, extent=(0, end_s, 0, top), aspect="auto", cmap="magma", vmin=low, vmax=high)
    axes.set_ylabel("kHz" if is_spectrogram else "row", fontsize=8, color=INK)
    _colour_bar(axes, drawn, item.info.unit or "value")


def _draw_lines(axes: Any, item: Shown) -> None:
    values = np.array(item.values, np.float64)
    seconds = (item.info.start_s or 0.0) + np.arange(len(values)) * (item.info.hop_s or 1.0)
    gaps = item.info.unit == "Hz" and bool((values == 0).any()) and bool((values != 0).any())
    if gaps:  # an unvoiced frame has no pitch: 0 Hz is not drawn as a dive
        values[values == 0] = np.nan
    mark = "." if gaps or len(values) < 40 else ""
    width = 1.0 if item.info.dims <= LINES_AT_MOST else 0.0
    for dim, name in enumerate(item.info.dim_names or [f"{item.info.name} {dim}" for dim in range(item.info.dims)]):
        axes.plot(
            seconds,
            values[:, dim],
            color=_LINES[dim],
            linewidth=width,
            marker=mark if width else ".",
            markersize=3,
            clip_on=not (mark or not width),  # a dot on the edge is a whole dot: a clip of one frame has no other
            label=plain(name),
        )
    axes.set_ylabel(plain((item.info.unit or "value") + (", 0 left out" if gaps else "")), fontsize=8, color=INK)
    axes.grid(alpha=0.25, linewidth=0.5)
    if item.info.dims > 1:
        axes.legend(fontsize=6, loc="upper right", ncols=min(item.info.dims, 5), framealpha=0.7, edgecolor="none")


def _draw_heat_map(axes: Any, item: Shown, *, small: bool) -> None:
    shades, label, colours, limits = _shades(item)
    if small and label.startswith(_OWN):
        label = f"σ of each dim\n({item.info.unit or 'no unit'})"
    start_s, hop_s = item.info.start_s or 0.0, item.info.hop_s or 1.0
    extent = (start_s - hop_s / 2, start_s + (len(shades) - 0.5) * hop_s, -0.5, item.info.dims - 0.5)
    drawn = axes.imshow(shades.T, extent=extent, origin="lower", aspect="auto", cmap=colours, vmin=limits[0], vmax=limits[1])
    names = item.info.dim_names
    if names and not small and item.info.dims <= NAMES_AT_MOST:
        axes.set_yticks(range(item.info.dims), [plain(name) for name in names], fontsize=7)
    else:
        axes.set_ylabel("dim", fontsize=8, color=INK)
        axes.yaxis.get_major_locator().set_params(integer=True)
    _colour_bar(axes, drawn, label)


def _shades(item: Shown) -> tuple[np.ndarray, str, str, tuple[float, float]]:
    """What a heat map shows: the values; power in dB; or each dim on its own scale where levels differ too much."""
    values, unit = np.asarray(item.values, np.float64), item.info.unit
    if unit == "power":
        level = 10.0 * np.log10(np.maximum(values, _POWER_FLOOR))
        high = float(level.max())
        return level, "dB re 1 (drawn)", "magma", _distinct(max(high - 80.0, float(level.min())), high)
    low, high = (float(edge) for edge in np.percentile(values, [0.5, 99.5]))
    lows, highs = np.percentile(values, [2, 98], axis=0)
    rounding = max(_ROUNDING_DB if unit.startswith("dB") else 0.0, _ROUNDING * float(np.abs(values).max()))
    if rounding < np.median(highs - lows) < _OWN_SCALE_BELOW * (high - low):
        deviation = values.std(axis=0)
        own = (values - values.mean(axis=0)) / np.where(deviation > rounding, deviation, np.inf)
        return own, f"{_OWN} ({unit or 'no unit'})", "RdBu_r", (-3.0, 3.0)
    if unit not in ("dB", "log power") and low < 0 < high and -low > 0.2 * high:  # around zero: white is zero
        edge = max(-low, high, 10 * rounding)
        return values, unit or "value", "RdBu_r", (-edge, edge)
    return values, unit or "value", "magma", _distinct(low, high, rounding)


def _distinct(low: float, high: float, rounding: float = _ROUNDING) -> tuple[float, float]:
    """Limits of a colour scale; where all is alike, one apart, so that its numbers can be read."""
    return (low, high) if high - low > rounding else (low, low + 1.0)


def _draw_vector(axes: Any, item: Shown, *, small: bool) -> None:
    """Bars with names, or dots; where values differ by orders of magnitude, on a logarithmic axis through zero."""
    values = np.asarray(item.values, np.float64).reshape(-1)
    sizes = np.abs(values[values != 0])
    far = len(sizes) > 0 and sizes.max() > 100 * np.median(sizes)
    scale = {"value": "symlog", "linthresh": 0.01} if far else {"value": "linear"}
    if not small and item.info.dims <= BARS_AT_MOST:
        places = np.arange(len(values))
        axes.barh(places, values, color=_LINES[0], height=0.7)
        axes.set_yticks(places, [plain(name) for name in item.info.dim_names or map(str, places)], fontsize=7)
        axes.set_ylim(len(values) - 0.4, -0.6)
        axes.set_xscale(**scale)
        axes.grid(axis="x", alpha=0.25, linewidth=0.5)
        for place, value in zip(places, values, strict=True):
            axes.text(1.005, place, f"{value:.4g}", transform=axes.get_yaxis_transform(), fontsize=6, va="center", color=INK)
        return
    few = len(values) <= BARS_AT_MOST
    axes.plot(np.arange(len(values)), values, color=_LINES[0], linewidth=0.0, marker=".", markersize=5 if few else 2)
    axes.set_yscale(**scale)
    if far:
        axes.yaxis.get_major_locator().set_params(numticks=7)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xlabel("dim", fontsize=8, color=INK)
    axes.set_ylabel(plain(item.info.unit or "value"), fontsize=8, color=INK)
    axes.grid(alpha=0.25, linewidth=0.5)


def _colour_bar(axes: Any, drawn: Any, label: str) -> None:
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.01, fraction=0.04, aspect=12)
    bar.set_label(plain(label), fontsize=7, color=INK)
    bar.ax.tick_params(labelsize=6, color=INK, labelcolor=INK)
    bar.outline.set_visible(False)


def _free_name(column: str, taken: Iterable[str]) -> str:
    name, number = file_name(column), 2
    taken = {item.casefold() for item in taken}
    while name.casefold() in taken:
        name, number = f"{file_name(column)}-{number}", number + 1
    return name
