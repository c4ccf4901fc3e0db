"""Files in a corpus's tree that are none of its own: all are named at once, or left out and counted where that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

Item = TypeVar("Item")
Made = TypeVar("Made")

_MOST_SHOWN = 200
_GATHERED: ContextVar[list[str] | None] = ContextVar("gathered", default=None)
_logger = logging.getLogger(__name__)


class StrayFileError(ManifestError):
    """Audio files that are of another corpus, have been renamed, or are there twice.

    Parameters
    ----------
    reasons : sequence of str
        One a file, with its name.
    """

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        if len(reasons) == 1:
            super().__init__(f"{reasons[0]}; move the file away, or leave it out: --skip-strays")
            return
        shown = [*reasons[:_MOST_SHOWN], *([f"and {len(reasons) - _MOST_SHOWN} more"] if reasons[_MOST_SHOWN:] else [])]
        lines = "".join(f"\n  {reason}" for reason in shown)
        super().__init__(
            f"{len(reasons)} files are none of this corpus's; move them away, or leave them out: --skip-strays{lines}"
        )


@contextmanager
def gathering_strays(*, skip: bool) -> Iterator[None]:
    """Gather the strays of all steps of a recipe, each of which goes on without them.

    Parameters
    ----------
    skip : bool
        Leave them out, and say how many.

    Raises
    ------
    StrayFileError
        At the end, naming all of them, unless they are to be left out.
    """
    gathered: list[str] = []
    before = _GATHERED.set(gathered)
    try:
        yield
    finally:
        _GATHERED.reset(before)
    if gathered and not skip:
        raise StrayFileError(*gathered)
    if gathered:
        files = "1 file is" if len(gathered) == 1 else f"{len(gathered)} files are"
        shown = "; ".join(gathered[:3]) + ("; …" if len(gathered) > 3 else "")
        _logger.warning("%s none of this corpus's, and left out: %s", files, shown)


def once_each(utterances: Iterable[Utterance]) -> Iterator[Utterance]:
    """Utterances whose id no one before them has.

    Raises
    ------
    StrayFileError
        After the last, for the files of the others.
    """
    seen: dict[str, str] = {}

    def noted(item: Utterance) -> Utterance:
        if item.id in seen:
            raise StrayFileError(f"{item.path!r}: {item.id!r} is there twice, first in {seen[item.id]!r}")
        seen[item.id] = item.path
        return item

    yield from each(utterances, noted)


def each(items: Iterable[Item], make: Callable[[Item], Made]) -> Iterator[Made]:
    """What is made of each item; those that turn out to be strays are told after the last.

    Parameters
    ----------
    items : iterable
        Paths, say; may tell strays of its own after its last.
    make : callable
        Raises :class:`StrayFileError` for a stray.

    Raises
    ------
    StrayFileError
        Naming all strays, unless :func:`gathering_strays` names them later.
    """
    strays: list[str] = []
    iterator = iter(items)
    while True:
        try:
            made = make(next(iterator))
        except StopIteration:
            break
        except StrayFileError as error:
            strays += error.reasons
            continue
        yield made
    gathered = _GATHERED.get()
    if gathered is not None:
        gathered += strays
    elif strays:
        raise StrayFileError(*strays)
