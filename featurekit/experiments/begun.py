"""When, where and by which command something was begun: for people, and no part of what a run is."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path


def now() -> dict[str, str]:
    """``started``, the time in UTC, and ``host``."""
    return {"started": datetime.now(UTC).isoformat(timespec="seconds"), "host": platform.node()}


def here() -> dict[str, str]:
    """When, where and by which command a run is begun: this moment, this machine, this process."""
    return {**now(), "command": command_line()}


def command_line() -> str:
    r"""The command that this process is, as a shell takes it; empty where somebody types into Python itself.

    What cannot be printed, and bytes of a file's name that are no text, stand as ``$'\x1b'``, which Bash and Zsh read.
    """
    if hasattr(sys, "ps1"):
        return ""
    program = Path(sys.argv[0])
    # `python -m featurekit` is run as .../featurekit/__main__.py
    words = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [program.name]
    return " ".join(_quoted(word) for word in (*words, *sys.argv[1:]))


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    letters = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(letters)}'"
