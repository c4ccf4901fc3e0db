"""What a recipe says while it reads a corpus, as findings: rows that are left out, columns that are taken for others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from featurekit.inspection.findings import Finding, Severity

_NOTE = "note: "
_ELSEWHERE = ("links in %s lead out",)  # the tree says it better


@contextmanager
def said_while_reading() -> Iterator[list[Finding]]:
    """Collect what recipes say; it is in the report then, and not on the standard error."""
    logger, findings = logging.getLogger("featurekit.corpora"), list[Finding]()
    listener = _Listener(findings)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield findings
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagates


class _Listener(logging.Handler):
    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(logging.WARNING)
        self._findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message as a finding."""
        text = record.getMessage()
        if any(part in record.msg for part in _ELSEWHERE):
            return
        severity = Severity.NOTE if text.startswith(_NOTE) else Severity.WARNING
        self._findings.append(Finding("reading", severity, text.removeprefix(_NOTE)))
