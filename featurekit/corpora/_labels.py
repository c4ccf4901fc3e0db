"""What recipes of published corpora share: tables with a header, coded names, files looked up by name; all of it strict.

Nothing is dropped in silence. A cell or a name that the corpus does not allow is a ``ManifestError`` naming file and line; a
label whose file is missing keeps the path it should have, so that extraction gives it the status MISSING; a file without
a label becomes an utterance without one.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._table import csv_rows
from featurekit.errors import ManifestError

_MOST_SHOWN = 10
_logger = logging.getLogger(__name__)


def records(path: Path, required: Collection[str], delimiter: str = ",") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file and line, column → stripped cell) of a UTF-8 table whose first line names its columns.

    Raises
    ------
    ManifestError
        When a required column is missing or a row has too few or too many cells.
    """
    rows = csv_rows(path, delimiter)
    where, columns = next(rows, (f"{path}:1", []))
    lacking = [name for name in required if name not in columns]
    if lacking:
        raise ManifestError(f"{where}: lacks the column {lacking[0]!r}; the first line names {', '.join(columns) or 'nothing'}")
    for where, cells in rows:
        if len(cells) != len(columns):
            raise ManifestError(f"{where}: {len(cells)} cells for {len(columns)} columns ({', '.join(columns)})")
        yield where, dict(zip(columns, cells, strict=True))


def number(cell: str, name: str, where: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A cell as a finite number in [low, high].

    Raises
    ------
    ManifestError
        For anything else.
    """
    try:
        value = float(cell)
    except ValueError:
        raise ManifestError(f"{where}: {name} must be a number, got {cell!r}") from None
    if not (math.isfinite(value) and low <= value <= high):
        raise ManifestError(f"{where}: {name} {cell} lies outside [{low:g}, {high:g}]")
    return value


def whole(cell: str, name: str, where: str) -> int:
    """A cell as a whole number of zero or more.

    Raises
    ------
    ManifestError
        For anything else.
    """
    if not re.fullmatch(r"\d+", cell, re.ASCII):
        raise ManifestError(f"{where}: {name} must be a whole number >= 0, got {cell!r}")
    return int(cell)


def word(code: str, words: Mapping[str, str], name: str, where: str) -> str:
    """The word a code stands for.

    Raises
    ------
    ManifestError
        For a code the corpus does not have, listing those it has.
    """
    if code not in words:
        raise ManifestError(f"{where}: unknown {name} {code!r}; the corpus has {', '.join(words)}")
    return words[code]


def spelt(code: str, words: Mapping[str, str], name: str, path: str) -> str:
    """The word that a code in a file's name stands for.

    Raises
    ------
    StrayFileError
        For a code the corpus does not have, listing those it has.
    """
    if code not in words:
        raise StrayFileError(f"{path!r}: unknown {name} {code!r}; the corpus has {', '.join(words)}")
    return words[code]


def coded(paths: Iterable[str], name: re.Pattern[str], example: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield (path, match) of files whose names, without suffix, are codes.

    Raises
    ------
    StrayFileError
        After the last, for audio files that are called otherwise: they are of another corpus, or have been renamed.
    """

    def matched(path: str) -> tuple[str, re.Match[str]]:
        match = name.fullmatch(PurePosixPath(path).stem)
        if match is None:
            raise StrayFileError(f"{path!r}: not a name of this corpus, which has names like {example}")
        return path, match

    yield from each(paths, matched)


def once(seen: dict[str, str], key: str, where: str) -> None:
    """Note that a table has told about ``key``.

    Raises
    ------
    ManifestError
        When it had already.
    """
    if key in seen:
        raise ManifestError(f"{where}: {key!r} is there twice, first in {seen[key]}; keep one of them")
    seen[key] = where


def check_span(start: float, end: float, where: str) -> None:
    """Refuse a stretch that starts before the file or ends before it starts.

    Raises
    ------
    ManifestError
        Naming both times.
    """
    if not 0 <= start <= end:
        raise ManifestError(f"{where}: the segment runs from {start} s to {end} s")


class ImpossibleSpans:
    """Segments that start before their file or end before they start: they are left out, and named when all is read."""

    def __init__(self) -> None:
        self._reasons: list[str] = []

    def has(self, start: float, end: float, where: str) -> bool:
        """Whether a segment is one; it is remembered."""
        is_one = not 0 <= start <= end
        if is_one:
            self._reasons.append(f"{where}: the segment runs from {start} s to {end} s")
        return is_one

    def say(self) -> None:
        """Warn of those that were left out."""
        if self._reasons:
            segments = "1 segment is" if len(self._reasons) == 1 else f"{len(self._reasons)} segments are"
            shown = "; ".join(self._reasons[:_MOST_SHOWN]) + ("; …" if self._reasons[_MOST_SHOWN:] else "")
            _logger.warning("%s left out, since the times cannot be: %s", segments, shown)


def majority(votes: Iterable[str], none: str) -> str:
    """What more voters said than anything else; ``none`` when the first place is shared.

    >>> majority(["sad", "sad", "angry"], "?"), majority(["sad", "angry"], "?")
    ('sad', '?')
    """
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote] = counts.get(vote, 0) + 1
    best = [vote for vote, count in counts.items() if count == max(counts.values())]
    return best[0] if len(best) == 1 else none


def say_left_out(paths: Collection[str], why: str) -> None:
    """Warn that audio files make no utterance."""
    if paths:
        shown = ", ".join(repr(path) for path in sorted(paths)[:3])
        _logger.warning("%d audio files %s and were left out: %s", len(paths), why, shown)


def say_unused(keys: Collection[str], table: Path, what: str) -> None:
    """Warn that a side table tells about clips that are not here (a part of a corpus is a fair thing to have)."""
    if keys:
        shown = ", ".join(sorted(keys)[:3])
        _logger.warning("%s has %s of %d clips that are not here: %s", table, what, len(keys), shown)
