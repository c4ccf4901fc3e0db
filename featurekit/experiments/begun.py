"""When, where and by which command something was begun: for people, and no part of what a run is."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def now() -> dict[str, str]:
    """``started``, the time in UTC, and ``host``."""
    return {"started": datetime.now(UTC).isoformat(timespec="seconds"), "host": platform.node()}


def of_run(earlier: Mapping[str, Any] | None) -> dict[str, str] | None:
    """When, where and how a run was begun: as its record has it, else now; None of a run that was begun before this was kept.

    Parameters
    ----------
    earlier : mapping or None
        The run's record, where there is one already.
    """
    if earlier is not None:
        return earlier.get("begun")
    return {**now(), "command": command_line()}


def command_line() -> str:
    """The command that this process is, as it was typed; empty where somebody types into Python itself."""
    if hasattr(sys, "ps1"):
        return ""
    program = Path(sys.argv[0])
    # `python -m featurekit` is run as .../featurekit/__main__.py
    words = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [program.name]
    return shlex.join([*words, *sys.argv[1:]])
