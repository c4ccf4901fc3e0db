"""How our objects look where they are shown: one line as text, a small table in a notebook; and pandas, where it is there."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from featurekit.errors import MissingDependencyError

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]  # header, rows

LONGEST_TEXT = 60
MOST_NAMES = 4
MOST_ROWS = 12
LONGEST_LINE = 300


class Shown:
    """Base of what is shown by its facts; no data is printed, however large the object is.

    A subclass gives :meth:`_shown_facts` and, where one helps, :meth:`_shown_table`. A dataclass says ``repr=False``, since
    it would write a text of its own.
    """

    __slots__ = ()

    def _shown_facts(self) -> Mapping[str, Any]:
        """Name → value, the most telling first; whole numbers are counts, and empty values are left out."""
        return {}

    def _shown_table(self) -> Table | None:
        """What a notebook shows below the facts."""
        return None

    def __repr__(self) -> str:
        facts = [_phrase(name, value) for name, value in self._shown_facts().items() if not _is_empty(value)]
        line = f"<{type(self).__name__}: {'; '.join(facts)}>"
        return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 2]}…>"

    def _repr_html_(self) -> str:
        facts = [(name, brief(value)) for name, value in self._shown_facts().items() if not _is_empty(value)]
        parts = [f"<strong>{escape(type(self).__name__)}</strong>", _html_table(None, facts)]
        found = self._shown_table()
        if found is not None:
            parts.append(_html_table(*found))
        return f"<div>{''.join(parts)}</div>"


def brief(value: Any) -> str:
    """A value in a few words: long texts and lists are cut, numbers rounded; a tuple of numbers is a shape.

    >>> brief(["a", "b", "c", "d", "e", "f"]), brief(0.123456), brief({"a": 1}), brief((8, 41))
    ('a, b, c, d, … (6)', '0.1235', 'a 1', '8 × 41')
    """
    if isinstance(value, tuple) and value and all(isinstance(item, int) for item in value):
        return " × ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        value = [f"{key} {brief(item)}" for key, item in value.items()]
    if isinstance(value, Iterable) and not isinstance(value, (str, Path)):
        names = [brief(item) for item in value]
        more = f", … ({len(names)})" if len(names) > MOST_NAMES else ""
        return ", ".join(names[:MOST_NAMES]) + more
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def pandas() -> Any:
    """The library pandas, which data frames need and nothing else here does.

    Raises
    ------
    MissingDependencyError
        When it is not installed.
    """
    try:
        return importlib.import_module("pandas")
    except ImportError:
        raise MissingDependencyError("data frames need pandas; pip install pandas") from None


def _phrase(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        one = name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s")
        return f"{value:,} {one if value == 1 else name}"
    return f"{name} {brief(value)}"


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, Mapping, Sequence)) and not value)


def _html_table(header: Sequence[str] | None, rows: Sequence[Sequence[Any]]) -> str:
    head = "" if header is None else f"<thead>{_html_row(header, 'th')}</thead>"
    body = [_html_row([brief(cell) for cell in row], "td") for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        body.append(_html_row([f"… {len(rows) - MOST_ROWS:,} more"], "td"))
    return f"<table>{head}<tbody>{''.join(body)}</tbody></table>"


def _html_row(cells: Iterable[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
