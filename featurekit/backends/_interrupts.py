"""Ctrl-C and SIGTERM are the parent's: a terminal or a scheduler sends them to all, and the parent ends its workers."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CAN_HOLD_BACK = hasattr(signal, "pthread_sigmask")  # not there on Windows


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


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Processes started inside get neither signal until they call :func:`ignore`.

    One that comes to this process meanwhile arrives after the block.
    """
    if not _CAN_HOLD_BACK:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore() -> None:
    """Ignore both signals from now on, in a worker that its parent will end."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if _CAN_HOLD_BACK:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
