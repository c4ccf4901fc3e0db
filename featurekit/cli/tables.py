"""Text for a screen: paragraphs, lists and tables that wrap at words where the terminal ends.

In a pipe or a file nothing is wrapped, so that ``grep`` finds whole lines. ``COLUMNS`` sets a width there too.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence

GAP = "  "
_NARROWEST = 16  # a column of text is not made narrower than this
_INDENT = 4  # where a description stands beneath its name


def screen_width() -> int | None:
    """Columns of the terminal that the answer is printed on; None in a pipe, where nothing is wrapped."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def wrap(text: str, *, indent: int = 0, hanging: int = 0, width: int | None = None) -> str:
    """One paragraph, wrapped at words.

    Parameters
    ----------
    text : str
        The paragraph. Words longer than a line stay whole.
    indent, hanging : int
        Spaces before the first line, and before those that follow it.
    width : int, optional
        Columns; the screen's by default.

    Examples
    --------
    >>> print(wrap("one two three", hanging=2, width=8))
    one two
      three
    """
    width = width or screen_width()
    if width is None:
        return " " * indent + text
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def fit(text: str, *, width: int | None = None) -> str:
    """A page of lines, each of them wrapped by itself where it is longer than the screen, and continued two columns in.

    Parameters
    ----------
    text : str
        Lines; what stands before the first word of one stays before its continuation.
    width : int, optional
        Columns; the screen's by default.

    Examples
    --------
    >>> print(fit("title\\n  one two three", width=12))
    title
      one two
        three
    """
    width = width or screen_width()
    if width is None:
        return text
    lines = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        lines.append(line if len(line) <= width else wrap(line.strip(), indent=indent, hanging=indent + 2, width=width))
    return "\n".join(lines)


def listing(rows: Mapping[str, str], *, indent: int = 0, width: int | None = None) -> str:
    """Names and what is said of each: beside the name, or beneath it where the screen is too narrow.

    Parameters
    ----------
    rows : mapping
        Name → one paragraph.
    indent : int
        Spaces before each name.
    width : int, optional
        Columns; the screen's by default.

    Examples
    --------
    >>> print(listing({"mfcc": "cepstra of the logarithm of mel bands", "rms": "level"}, width=30))
    mfcc  cepstra of the logarithm
          of mel bands
    rms   level
    """
    width = width or screen_width()
    longest = max(map(len, rows), default=0)
    start = indent + longest + len(GAP)
    beneath = width is not None and width - start < max(_NARROWEST, width // 3)
    lines: list[str] = []
    for name, text in rows.items():
        if beneath:
            lines.append(" " * indent + name)
            lines.append(wrap(text, indent=indent + _INDENT, hanging=indent + _INDENT, width=width))
        else:
            beside = wrap(text, indent=start, hanging=start, width=width)
            lines.append(f"{' ' * indent}{name:<{longest}}{GAP}{beside[start:]}".rstrip())
    return "\n".join(line for line in lines if line)


def table(
    rows: Iterable[Sequence[object]],
    *,
    heads: Sequence[str] = (),
    right: Iterable[int] = (),
    indent: int = 0,
    width: int | None = None,
) -> str:
    """Rows in columns as wide as their cells; where they do not fit, the widest columns wrap at words.

    Parameters
    ----------
    rows : iterable of sequences
        Cells, one sequence per row.
    heads : sequence of str, optional
        A line above the rows.
    right : iterable of int
        Columns of numbers, which stand at the right of their column; -1 is the last one.
    indent : int
        Spaces before each row.
    width : int, optional
        Columns of the screen; its own by default.

    Examples
    --------
    >>> print(table([("anger", 127), ("joy", 71)], heads=("class", "n"), right=[1]))
    class    n
    anger  127
    joy     71
    """
    cells = [[str(cell) for cell in row] for row in ([heads] if heads else [])] + [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    n_columns = len(cells[0])
    at_right = {column % n_columns for column in right}
    width = width or screen_width()
    widths = [max(len(row[column]) for row in cells) for column in range(n_columns)]
    if width is not None:
        widths = _fitted(widths, cells, width - indent - len(GAP) * (n_columns - 1))
    lines = []
    for row in cells:
        wrapped = [_wrapped_cell(cell, columns) for cell, columns in zip(row, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            parts = [
                f"{part:>{columns}}" if column in at_right else f"{part:<{columns}}"
                for column, columns in enumerate(widths)
                for part in [wrapped[column][number] if number < len(wrapped[column]) else ""]
            ]
            lines.append((" " * indent + GAP.join(parts)).rstrip())
    return "\n".join(lines)


def in_blocks(
    rows: Iterable[Sequence[object]],
    *,
    heads: Sequence[str],
    keys: int = 1,
    right: Iterable[int] = (),
    width: int | None = None,
) -> str:
    """A table whose columns go on below, beside the first ones again, where the screen is too narrow for all.

    Parameters
    ----------
    rows : iterable of sequences
        Cells, one sequence per row.
    heads : sequence of str
        A line above the rows.
    keys : int
        So many columns, which say what a row is, stand in each block.
    right : iterable of int
        As of :func:`table`.
    width : int, optional
        Columns of the screen; its own by default.

    Examples
    --------
    >>> print(in_blocks([("0", 12, 34)], heads=("fold", "anger", "joy"), right=[1, 2], width=12))
    fold  anger
    0        12
    <BLANKLINE>
    fold  joy
    0      34
    """
    cells = [[str(cell) for cell in row] for row in rows]
    n_columns = len(heads)
    at_right = {column % n_columns for column in right}
    width = width or screen_width()
    widths = [max(len(row[column]) for row in [heads, *cells]) for column in range(n_columns)]
    first = list(range(keys))
    blocks = [first]
    for column in range(keys, n_columns):
        needed = sum(widths[place] + len(GAP) for place in blocks[-1]) + widths[column]
        if width is not None and needed > width and len(blocks[-1]) > keys:
            blocks.append(first)
        blocks[-1] = [*blocks[-1], column]
    pages = []
    for block in blocks:
        shown = [[row[column] for column in block] for row in cells]
        numbers = [place for place, column in enumerate(block) if column in at_right]
        pages.append(table(shown, heads=[heads[column] for column in block], right=numbers, width=width))
    return "\n\n".join(pages)


def _fitted(widths: Sequence[int], cells: Sequence[Sequence[str]], available: int) -> list[int]:
    """Take columns from the widest, one at a time; none becomes narrower than its longest word."""
    fitted = list(widths)
    longest = [max((len(word) for row in cells for word in row[column].split()), default=0) for column in range(len(widths))]
    while sum(fitted) > available:
        shrinkable = [column for column, columns in enumerate(fitted) if columns > longest[column]]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda column: fitted[column])
        fitted[widest] -= 1
    return fitted


def _wrapped_cell(cell: str, columns: int) -> list[str]:
    if len(cell) <= columns:
        return [cell]
    return textwrap.wrap(cell, columns, break_long_words=False, break_on_hyphens=False) or [""]
