"""Ctrl-C is the parent's: the terminal sends it to all processes, and the parent ends its workers in good order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def interrupts_for_us_alone() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C; this one hears it again after the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
