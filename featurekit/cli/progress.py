"""Progress: a bar on a terminal, a line every half minute in a log; counts in words."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

LOG_INTERVAL_S = 30.0


class Bar:
    """Counts work that is done; closes itself when all is.

    Parameters
    ----------
    total : int or None
        Units of work; None when not known.
    what : str
        What is being done ("extracting").
    unit : str
        What is counted, in the plural.
    """

    def __init__(self, total: int | None, what: str, unit: str) -> None:
        self.total, self.done, self._what, self._unit = total, 0, what, unit
        self._started_s = self._said_s = time.monotonic()
        self._note = ""
        self._bar: Any = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, desc=what, unit=f" {unit}", leave=False)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the bar was made."""
        return time.monotonic() - self._started_s

    def advance(self, done: int = 1, note: str = "") -> None:
        """Count ``done`` more units; ``note`` is shown beside the count."""
        self.done, self._note = self.done + done, note
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done)
        elif time.monotonic() - self._said_s >= LOG_INTERVAL_S:
            self._said_s = time.monotonic()
            of = f" of {self.total}" if self.total else ""
            text = f"{self._what}: {self.done}{of} {self._unit}, {self.elapsed_s:.0f} s"
            click.echo(text + (f", {note}" if note else ""), err=True)
        if self.total is not None and self.done >= self.total:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def counted(number: int, what: str) -> str:
    """A count and its noun.

    >>> counted(1, "fold"), counted(5, "fold")
    ('1 fold', '5 folds')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
