"""What the system does to a running verb: SIGTERM, and streams that were closed before it began."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

INTERRUPTED, TERMINATED = 130, 143  # what a shell gives for a process that SIGINT or SIGTERM ended


class Terminated(KeyboardInterrupt):
    """SIGTERM, as Slurm, ``timeout`` and a machine that shuts down send it: everything that ends for Ctrl-C ends for it."""


def status(error: KeyboardInterrupt) -> int:
    """Exit status of a verb that was interrupted.

    >>> status(KeyboardInterrupt()), status(Terminated())
    (130, 143)
    """
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raise :class:`Terminated` in the main thread at the first SIGTERM inside the block; later ones are ignored.

    ``timeout`` and Slurm send several, and the second may not cut short what the first has begun to end. Where the caller
    has its own handler, or ignores the signal, that stays.
    """
    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except Terminated:
        raise  # the process is about to end: a SIGTERM that comes now is still ignored
    except BaseException:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed, as after ``2>&-``.

    Python then has None for the stream, and the next file that is opened, say a store's, gets its number: what a library
    writes to standard error would go into that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - it stays open until the process ends


def _terminate(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
