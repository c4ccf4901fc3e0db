"""What of a doctor's findings everybody has who uses the corpus: the defects that its recipe states, found again.

The facts are in one place, ``Corpus.defects``; the doctor finds by looking, and tells the known from those of this copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from featurekit.corpora import Defect
from featurekit.inspection.findings import Finding, Item, Severity, seen


def mark_known(findings: Iterable[Finding], defects: Sequence[Defect]) -> Iterator[Finding]:
    """Split off what is known of the corpus as published; it becomes a warning at most and names its source.

    Parameters
    ----------
    findings : iterable of Finding
        As the checks gave them.
    defects : sequence of Defect
        As the recipe states them. A last finding lists those that none of the others is about.
    """
    met: set[str] = set()
    for finding in findings:
        groups: dict[str, list[Item]] = {}
        for item in finding.items:
            groups.setdefault(_known(finding.check, item, defects), []).append(item)
        if not any(groups):
            yield finding
            continue
        met |= groups.keys()
        for known, items in groups.items():
            severity = Severity.WARNING if known and finding.severity is Severity.ERROR else finding.severity
            yield replace(finding, severity=severity, items=tuple(items), known=known)
    others = (Item((str(defect),)) for defect in defects if str(defect) not in met)
    yield from seen("published", Severity.NOTE, "known of the corpus as it is published, and no finding here:", others)


def _known(check: str, item: Item, defects: Sequence[Defect]) -> str:
    """The defect that says of every name of an item what this check finds; empty when none does."""
    for defect in defects:
        if check in defect.checks and all(_is_named(name, defect) for name in item.names):
            return str(defect)
    return ""


def _is_named(name: str, defect: Defect) -> bool:
    return name in defect.names or PurePosixPath(name).stem in defect.names
