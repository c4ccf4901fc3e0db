"""Progress: a bar on a terminal, a line every half minute in a log; counts in words."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli.tables import wrap

if TYPE_CHECKING:
    from featurekit.extraction.tally import Done

LOG_INTERVAL_S = 30.0
RATE_AFTER_S = 1.0  # a rate of the first moment would be the time to start
_LONGEST_CELLS, _FEWEST_CELLS = 24, 6
_FULL, _EMPTY = "█", "░"
_SETTLED_S = 2.0  # earlier a pace says nothing


class Bar:
    """Counts work that is done; closes itself when all is.

    On a terminal tqdm draws it in one line, in our words: at once, as wide as the terminal is now, and gone when the work is
    done.

    Parameters
    ----------
    total : int or None
        Units of work; None when not known.
    what : str
        What is being done ("extracting").
    unit : str
        What is counted, in the plural.
    log_every_s : float
        Seconds between lines where standard error is no terminal.
    """

    def __init__(self, total: int | None, what: str, unit: str, *, log_every_s: float = LOG_INTERVAL_S) -> None:
        self.total, self.done, self._what, self._unit = total, 0, what, unit
        self._started_s = self._said_s = time.monotonic()
        self._note, self._log_every_s = "", log_every_s
        self._drawn: Any = _drawn(self.line, total) if sys.stderr.isatty() else None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the bar was made."""
        return time.monotonic() - self._started_s

    def advance(self, done: int = 1, note: str = "") -> None:
        """Count ``done`` more units; ``note`` is shown beside the count."""
        self.done, self._note = self.done + done, note
        if self._drawn is not None:
            self._drawn.update(done)
        elif time.monotonic() - self._said_s >= self._log_every_s:
            self._said_s = time.monotonic()
            of = f" of {self.total:,}" if self.total else ""
            text = f"{self._what}: {self.done:,}{of} {self._unit}, {self.elapsed_s:.0f} s"
            click.echo(text + (f", {note}" if note else ""), err=True)
        if self.total is not None and self.done >= self.total:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def line(self, columns: int) -> str:
        """What a terminal shows in so many columns: what has no place is left out, the least needed first."""
        counts = f"{self.done:,} of {self.total:,}" if self.total else f"{self.done:,}"
        head = f"{self._what} {self.done / self.total:4.0%}" if self.total else self._what
        bar = 1 + _FEWEST_CELLS if self.total else 0
        text = ""
        # (what is added, the columns it leaves free)
        for part, free in ((f" {counts}", 0), (self._left(), 0), (self._unit, bar), (self._note, bar), (self._rate(), bar)):
            if not part or len(head + text + part) + 2 > columns - free:
                continue
            if part == self._unit:
                text = text.replace(counts, f"{counts} {part}")
            else:
                text += f", {part}" if text else part
        cells = min(_LONGEST_CELLS, columns - len(head + text) - 1)
        if self.total and cells >= _FEWEST_CELLS:
            full = min(cells, int(cells * self.done / self.total))
            head += f" {_FULL * full}{_EMPTY * (cells - full)}"
        return (head + text)[:columns]

    def _left(self) -> str:
        if not self.total or not self.done or self.elapsed_s < RATE_AFTER_S:
            return ""
        return f"{duration(self.elapsed_s * (self.total - self.done) / self.done)} left"

    def _rate(self) -> str:
        if not self.done or self.elapsed_s < RATE_AFTER_S:
            return ""
        per_s = self.done / self.elapsed_s
        return f"{rate(per_s)} per second" if per_s >= 1 else f"{duration(1 / per_s)} each"


class Kernels:
    """Says once that kernels are compiled, counts them, and says how many there were; nothing where none is.

    Parameters
    ----------
    log_every_s : float
        Seconds between lines in a log.
    """

    def __init__(self, *, log_every_s: float = LOG_INTERVAL_S) -> None:
        self._log_every_s = log_every_s
        self._bar: Bar | None = None

    def begin(self, number: int) -> None:
        """Count a kernel that begins to be compiled; not known before is how many there will be."""
        if self._bar is None:
            self._bar = Bar(None, "compiling", "kernels, once per machine", log_every_s=self._log_every_s)
            if not sys.stderr.isatty():
                click.echo("compiling kernels, once per machine", err=True)
        self._bar.advance()

    def end(self) -> None:
        """Say how many there were."""
        if self._bar is not None:
            self._bar.close()
            click.echo(f"compiled {counted(self._bar.done, 'kernel')}, once per machine", err=True)
            self._bar = None


@contextmanager
def compiling() -> Iterator[None]:
    """Say that kernels are compiled while this lasts, where the machine has not compiled them before."""
    from featurekit.features.kernels.cache import watched

    kernels = Kernels()
    try:
        with watched(kernels.begin):
            yield
    finally:
        kernels.end()


class Bars:
    """Progress bars: kernels compiled, files hashed, then utterances computed with their speed against real time.

    Parameters
    ----------
    log_every_s : float
        Seconds between lines in a log.
    """

    def __init__(self, *, log_every_s: float = LOG_INTERVAL_S) -> None:
        self._log_every_s = log_every_s
        self._kernels = Kernels(log_every_s=log_every_s)

    def kernel(self, number: int) -> None:
        """A count of kernels."""
        self._kernels.begin(number)

    def files(self, total: int) -> Callable[[int], None]:
        """A bar over files."""
        self._kernels.end()
        return Bar(total, "hashing", "files", log_every_s=self._log_every_s).advance

    def utterances(self, total: int) -> Callable[[Done], None]:
        """A bar over utterances; ``× real time`` is speech seconds by wall seconds so far."""
        bar, speech_s = Bar(total, "extracting", "utterances", log_every_s=self._log_every_s), 0.0

        def report(done: Done) -> None:
            nonlocal speech_s
            speech_s += done.speech_s
            bar.advance(done.utterances, f"{rate(speech_s / max(1e-9, bar.elapsed_s))} × real time" if speech_s else "")

        return report


def rate(per_s: float) -> str:
    """A number for people: one decimal below ten, and no zero that is none.

    >>> rate(38.2), rate(3.84), rate(0.02)
    ('38', '3.8', '0.02')
    """
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.1f}" if per_s >= 0.1 else f"{per_s:.2g}"


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(7.2), duration(200), duration(11_400)
    ('7 s', '3 min 20 s', '3 h 10 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def about(seconds: float) -> str:
    """A forecast for people: what takes next to nothing is not called zero.

    >>> about(0.2), about(7.2)
    ('less than 1 s', 'about 7 s')
    """
    return "less than 1 s" if seconds < 1 else f"about {duration(seconds)}"


def starting(verb: str, what: str) -> None:
    """Say on a terminal, at once, what a verb begins with; imports may take seconds before anything else is said."""
    if sys.stderr.isatty():
        click.echo(f"{verb}: {what} …", err=True)


def _drawn(line: Callable[[int], str], total: int | None = None) -> Any:
    """A tqdm that shows ``line(columns)``; importing tqdm takes a moment, which a pipe or a log need not wait for."""
    from tqdm import tqdm

    class Line(tqdm):
        # Without the thread that redraws a bar that stands: a process of one thread can fork its workers.
        monitor_interval = 0

        def __str__(self) -> str:
            return line((self.format_dict["ncols"] or 80) - 1)

    return Line(total=total, leave=False, dynamic_ncols=True, miniters=1, file=sys.stderr)


def wrapped_error(text: str) -> str:
    """A message for standard error: wrapped at words where that is a terminal; lines that are indented stay as they are."""
    if not sys.stderr.isatty():
        return text
    columns = _columns()
    return "\n".join(line if line.startswith(" ") else wrap(line, hanging=2, width=columns) for line in text.split("\n"))


def _columns() -> int:
    """Columns of the terminal that standard error is."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return columns or shutil.get_terminal_size().columns  # a new pseudo-terminal says it has none


class StatusLine:
    """One line of a terminal that is drawn again and again; nothing where standard error is no terminal."""

    def __init__(self) -> None:
        self.is_there = sys.stderr.isatty()
        self._text, self._share = "", 0.0
        self._drawn: Any = None

    def draw(self, text: str, share: float) -> None:
        """Show a bar for a share in [0, 1], and as much of the text as there are columns for."""
        self._text, self._share = text, share
        if not self.is_there:
            return
        if self._drawn is None:
            self._drawn = _drawn(self.line)
        else:
            self._drawn.refresh()

    def clear(self) -> None:
        """Take the line away; the next draw makes it again."""
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None

    def line(self, columns: int) -> str:
        """What a terminal shows in so many columns; what comes last in the text is left out first."""
        cells = max(_FEWEST_CELLS, min(_LONGEST_CELLS, (columns - 20) // 4))
        full = int(cells * self._share)
        text, head = self._text, f"{self._share:4.0%} {_FULL * full}{_EMPTY * (cells - full)} "
        while len(head) + len(text) > columns and ", " in text:
            text = text.rpartition(", ")[0]
        return (head + text)[:columns]


class Share:
    """How much of several pieces of work is done, and how long the rest will take.

    Parameters
    ----------
    pieces : iterable of hashable
        What is to be done; each counts as much as another.
    """

    def __init__(self, pieces: Iterable[Hashable] = ()) -> None:
        self._shares: dict[Hashable, float] = dict.fromkeys(pieces, 0.0)
        self._at_first: dict[Hashable, float] = {}
        self._started_s = time.monotonic()

    def reach(self, piece: Hashable, share: float) -> None:
        """Say how much of a piece is done; what was done when it is first heard of took none of this time."""
        if piece in self._shares:
            self._at_first.setdefault(piece, share if share < 1 else 0.0)
            self._shares[piece] = max(share, self._shares[piece])

    @property
    def total(self) -> int:
        """How many pieces there are."""
        return len(self._shares)

    @property
    def share(self) -> float:
        """How much of all is done, in [0, 1]."""
        return sum(self._shares.values()) / len(self._shares) if self._shares else 1.0

    @property
    def is_all(self) -> bool:
        """Whether all is done."""
        return all(share >= 1 for share in self._shares.values())

    @property
    def elapsed_s(self) -> float:
        """Seconds since this was made."""
        return time.monotonic() - self._started_s

    @property
    def to_go_s(self) -> float | None:
        """Seconds until all is done, at the pace so far; None as long as nothing can be said."""
        done = sum(self._shares.values())
        gained = done - sum(self._at_first.values())
        if gained <= 0 or self.elapsed_s < _SETTLED_S:
            return None
        return self.elapsed_s * (len(self._shares) - done) / gained


def counted(number: int, what: str) -> str:
    """A count and its noun.

    >>> counted(1, "fold"), counted(5, "fold")
    ('1 fold', '5 folds')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
