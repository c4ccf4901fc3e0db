"""What the cells of a table are, seen as a whole: numbers only where a column has nothing else, words for "no value"."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from featurekit.corpora._columns import DURATION
from featurekit.errors import ManifestError

NO_VALUE = frozenset({"nan", "na", "n/a", "<na>", "#n/a", "nat", "null", "none", "nil"})
NUMBERS: Mapping[str, type] = {
    "start": float,
    "end": float,
    DURATION: float,
    "duration_s": float,
    "channel": int,
    "position": int,
}
# Cells that say nothing, and are text: what spreadsheets write for an error, and people for a speaker whom they do not know.
_ERRORS = frozenset({"#ref!", "#name?", "#value!", "#div/0!", "#num!", "#null!"})
_UNKNOWN = frozenset({"unknown", "unk", "undefined", "anonymous", "n.a.", "?", "-", "--"})
_JUDGED = 9  # no such word is longer
_MOST_SHOWN = 10
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


class Survey:
    """What one pass over a table found.

    Parameters
    ----------
    words : collections.Counter
        (column, cell) → how many cells hold a word that other tools write for "no value".
    """

    def __init__(self) -> None:
        self.words: Counter[tuple[str, str]] = Counter()
        self._texts: set[str] = set()
        self._numbers: set[str] = set()

    def see(self, column: str, cell: str) -> None:
        """Look at a cell that is not empty."""
        if len(cell) <= _JUDGED and says_nothing(column, cell):
            self.words[column, cell] += 1
            if cell.casefold() in NO_VALUE:  # beside it numbers may stand
                return
        if column not in self._texts:
            (self._numbers if is_number(cell) else self._texts).add(column)

    def is_numeric(self, column: str) -> bool:
        """Whether all cells of a column that say anything are numbers."""
        return column in self._numbers and column not in self._texts

    def warnings(self) -> Iterator[str]:
        """The words for "no value", to be said."""
        for (column, word), count in self.words.most_common(_MOST_SHOWN):
            cells = "1 cell is" if count == 1 else f"{count} cells are"
            yield (
                f"{cells} {word!r} in the column {column!r}, and kept as that: where it means that nothing is known, leave the "
                "cell empty"
            )


def says_nothing(field: str, word: str) -> bool:
    """Whether a word stands where nothing is known, in whatever case.

    >>> says_nothing("label", "NaN"), says_nothing("speaker", "Unknown"), says_nothing("label", "unknown")
    (True, True, False)
    """
    folded = word.casefold()
    return folded in NO_VALUE or folded in _ERRORS or (field == "speaker" and folded in _UNKNOWN)


def is_number(cell: str) -> bool:
    """Whether a cell is a number as programs write it; ``01`` and ``1E1`` are codes.

    >>> [is_number(cell) for cell in ("-1.20", "7", "1e-05", "01", "1E1", "12E4", "inf")]
    [True, True, True, False, False, False, False]
    """
    match = _JSON_NUMBER.fullmatch(cell)
    if match is None:
        return False
    return math.isfinite(float(cell)) and (match[3] is None or repr(float(cell)) == cell) and len(cell) < 300


def value_of(cell: str) -> int | float:
    """The number of a cell that is one."""
    return json.loads(cell)  # type: ignore[no-any-return]


def number_in(column: str, field: str, cell: str, where: str) -> float | int:
    """The number in a cell of a field that holds numbers.

    Raises
    ------
    ManifestError
        For any other cell.
    """
    try:
        return NUMBERS[field](cell) + 0  # type: ignore[no-any-return]  # -0.0 is 0.0
    except ValueError:
        kind = "a number of seconds" if NUMBERS[field] is float else "a whole number"
        raise ManifestError(f"{where}: {column} must be {kind}, got {cell!r}") from None


def as_name(value: Any) -> Any:
    """A number that stands for a name, as text: 7 is '7', and so is the 7.0 that pandas makes of it beside an empty cell."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
