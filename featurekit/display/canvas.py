"""A figure to draw on and the way to a PNG file.

matplotlib is used through its objects (Figure, FigureCanvasAgg), so no window system, no global state and no backend of
the caller's is touched. It is an optional extra: ``pip install 'featurekit[plots]'``.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from pathlib import Path
from typing import Any

from featurekit.errors import MissingDependencyError

DPI = 110
WIDTH_INCHES = 11.0
_TITLE_CHARACTERS, _TITLE_LINE_INCHES = 115, 0.18  # more do not fit into the width
INK = "0.25"


def new_figure(height_inches: float, title: str) -> Any:
    """An empty Figure of the house's width.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingDependencyError("pictures need matplotlib; pip install 'featurekit[plots]'") from None
    lines = title_lines(title)
    height_inches += _TITLE_LINE_INCHES * (len(lines) - 1)
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(plain("\n".join(lines)), x=0.01, ha="left", fontsize=11, color=INK)
    return figure


def title_lines(title: str) -> list[str]:
    r"""A title in lines that fit into the width; its own line breaks stay.

    >>> title_lines("EMO-DB\nlogistic on mel256")
    ['EMO-DB', 'logistic on mel256']
    """
    return [line for part in title.splitlines() for line in textwrap.wrap(part, _TITLE_CHARACTERS)] or [""]


def save(figure: Any, path: Path) -> Path:
    """Write a figure as PNG; its folder is made when missing.

    Raises
    ------
    OSError
        When the disk refuses, with the name of the picture.
    """
    with warnings.catch_warnings():  # a name in a script that the font lacks becomes boxes, which is no reason to stop
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, metadata={"Software": None})
        except OSError as error:
            error.filename = error.filename or str(path)  # a full disk names none
            raise
    return path


def plain(text: str) -> str:
    """Text that matplotlib must not read as a formula."""
    return text.replace("$", r"\$")


def file_name(text: str) -> str:
    """A file name from a column's or an utterance's name; only letters, digits, dots and dashes stay.

    >>> file_name("luo2019/mel(n_mels=64)")
    'luo2019-mel-n_mels-64'
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:120] or "column"
