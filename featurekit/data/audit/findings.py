"""What an audit says: findings of four weights, what was and was not looked at, and a verdict of one line."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from featurekit.notebook import Shown, Table

SHOWN = 3
Pair = tuple[str, str, str]  # two utterances or names, and in what they meet or differ
_LONGEST_QUOTE = 40


class Severity(enum.StrEnum):
    """What a finding means for the result on the test part."""

    ERROR = "error"  # the corpus contradicts itself: no split of it is right
    LEAK = "leak"  # the test part is known from training or from choosing: its result is inflated
    WARNING = "warning"  # choosing is biased, or something could not be looked at
    NOTE = "note"  # shared by design, or harmless; good to know


@dataclass(frozen=True)
class Finding:
    """One thing that two parts of a fold share.

    Parameters
    ----------
    kind : str
        For programs: ``utterance``, ``speaker``, ``recording``, ``session``, ``text``, ``children``, ``same-audio``,
        ``overlap``, ``near-duplicate``, ``normaliser``, ``embedding``, ``unknown-speaker``, ``empty-part``, ``two-labels``,
        ``speaker-twins``, ``recording-twins``, ``session-twins``, ``label-twins``, ``text-class``.
    severity : Severity
        What it means for the result.
    fold : str
        Name of the fold; empty where the finding is about a corpus without a split.
    parts : tuple of str
        The two parts, the one that is judged last: ``("train", "test")``.
    count, of : int
        How many are shared, of how many that the last part has; ``of`` is 0 where there is no such number.
    examples : tuple of str
        All of them, sorted; :meth:`Audit.rows` shows the first few.
    text : str
        The sentence.
    pairs : tuple of (str, str, str)
        Where they are pairs of utterances or names: the two, the one of the part that is judged last, and what is the matter.
    """

    kind: str
    severity: Severity
    fold: str
    parts: tuple[str, ...]
    count: int
    of: int
    examples: tuple[str, ...]
    text: str
    pairs: tuple[Pair, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """The finding, ready for JSON."""
        record: dict[str, Any] = {
            "kind": self.kind,
            "severity": str(self.severity),
            "fold": self.fold,
            "parts": list(self.parts),
        }
        record |= {"count": self.count, "of": self.of, "examples": list(self.examples), "text": self.text}
        return record | ({"pairs": [list(pair) for pair in self.pairs]} if self.pairs else {})


@dataclass(frozen=True, repr=False)
class Audit(Shown):
    """What was looked at and what was found.

    Parameters
    ----------
    subject : str
        What was audited.
    folds : int
        How many; 0 for a corpus without a split.
    speakers : {"named", "recording", "none"}
        What "speaker" means: the manifest names them, recordings of several utterances stand in, or nothing does.
    checked : mapping
        ``text``, ``audio`` → ``"checked"``, ``"not checked"`` or what was looked at of it.
    findings : tuple of Finding
        Fold by fold.
    fixed_sentences : int
        How many sentences everybody of the corpus says; 0 where speech is free.
    """

    subject: str
    folds: int
    speakers: str
    checked: Mapping[str, str]
    findings: tuple[Finding, ...] = field(default=())
    fixed_sentences: int = 0

    def _shown_facts(self) -> dict[str, Any]:
        return {"subject": self.subject, "verdict": self.verdict, "folds": self.folds, "leaks": len(self.leaks)}

    def _shown_table(self) -> Table | None:
        rows = self.rows()
        return (("severity", "kind", "parts", "folds", "what", "examples"), rows) if rows else None

    @property
    def leaks(self) -> list[Finding]:
        """The findings that inflate the result."""
        return [finding for finding in self.findings if finding.severity is Severity.LEAK]

    @property
    def errors(self) -> list[Finding]:
        """The findings that no split can mend."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]

    @property
    def ok(self) -> bool:
        """Whether there is no leak, and the corpus does not contradict itself."""
        return not (self.leaks or self.errors)

    @property
    def verdict(self) -> str:
        """One line that stands beside every result: what the parts are disjoint in, what leaks, what was not checked."""
        said = [self._disjointness(), *self._contradictions(), *self._leaking(), *self._sharing(), *self._reservations()]
        return "; ".join(said)

    def worst(self, kind: str, severity: Severity, parts: tuple[str, ...] | None = None) -> Finding | None:
        """The finding of a kind with the highest count over all folds."""
        found = [
            finding
            for finding in self.findings
            if finding.kind == kind and finding.severity is severity and parts in (None, finding.parts)
        ]
        return max(found, key=lambda finding: finding.count, default=None)

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """The findings of all folds as a table: severity, kind, parts, folds, the worst fold's sentence, a few examples."""
        groups: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
        order = list(Severity)
        for finding in sorted(self.findings, key=lambda finding: order.index(finding.severity)):
            groups.setdefault((finding.severity, finding.kind, finding.parts), []).append(finding)
        table = []
        for (severity, kind, parts), group in groups.items():
            worst = max(group, key=lambda finding: finding.count)
            folds = f"{len(group)} of {self.folds}" if worst.fold else ""
            names = list(dict.fromkeys(name for item in (worst, *group) for name in item.examples))
            more = ", …" if len(names) > SHOWN else ""
            shown = ", ".join(_shortened(name) for name in names[:SHOWN])
            table.append((str(severity), kind, "/".join(parts), folds, worst.text, shown + more))
        return table

    def to_record(self) -> dict[str, Any]:
        """The audit, ready for JSON."""
        return {
            "subject": self.subject,
            "ok": self.ok,
            "verdict": self.verdict,
            "folds": self.folds,
            "speakers": self.speakers,
            "fixed_sentences": self.fixed_sentences,
            "checked": dict(self.checked),
            "findings": [finding.to_record() for finding in self.findings],
        }

    def _disjointness(self) -> str:
        if not self.folds:
            said = (found.text for found in self.findings if (found.kind, found.severity) != ("text-class", Severity.NOTE))
            return "; ".join(["no split", *said])
        shared = self.worst("speaker", Severity.LEAK)
        if shared:
            n_folds = len({finding.fold for finding in self.leaks if finding.kind == "speaker"})
            where = f" in {n_folds} of {self.folds} folds" if self.folds > 1 else ""
            return f"SPEAKERS OVERLAP between parts{where}: {shared.text}"
        if self.speakers == "named":
            by_dev, alike = (self.worst(kind, Severity.WARNING) for kind in ("speaker", "speaker-twins"))
            if alike and alike.fold:
                return f"speaker-disjoint as names are spelt, but {alike.text}"
            return f"speaker-disjoint in test, but {by_dev.text}" if by_dev else "speaker-disjoint"
        if self.worst("recording", Severity.LEAK):
            return "RECORDINGS OVERLAP between parts, speakers unknown"
        if self.speakers == "recording":
            return "recording-disjoint, speakers unknown"
        return "utterance-disjoint only: every recording is one utterance and speakers are unknown"

    def _contradictions(self) -> list[str]:
        return [finding.text for finding in self.errors] if self.folds else []  # without a split everything is said

    def _leaking(self) -> list[str]:
        kinds = dict.fromkeys(finding.kind for finding in self.leaks if finding.kind != "speaker")
        worst = [self.worst(kind, Severity.LEAK) for kind in kinds]
        return [finding.text for finding in worst if finding is not None]

    def _sharing(self) -> list[str]:
        """What is shared by design."""
        text = self.worst("text", Severity.NOTE)
        by_design = not any(self.worst("text-class", weight) for weight in (Severity.LEAK, Severity.WARNING))
        if text and self.fixed_sentences and by_design:
            return [f"{_counted(text.count, 'sentence')} shared by design"]
        session = self.worst("session", Severity.NOTE)
        return ["sessions shared by dialogue partners"] if session else []

    def _reservations(self) -> list[str]:
        """What could not be looked at."""
        kinds = ("text-class", "unknown-speaker") if self.folds else ()  # without a split all is said already
        worst = (self.worst(kind, Severity.WARNING) for kind in kinds)
        said = [finding.text for finding in worst if finding]
        return [*said, *(f"{what} {how}" for what, how in self.checked.items() if (what, how) != ("text", CHECKED))]


CHECKED, NOT_CHECKED, BY_BYTES = "checked", "not checked", "compared by bytes only"


def how_many(count: int, of: int) -> str:
    """How far something was looked at."""
    return CHECKED if count == of else NOT_CHECKED if not count else f"known of {count} of {of} utterances"


def examples(names: Iterable[str]) -> tuple[str, ...]:
    """All of them, sorted."""
    return tuple(sorted(names))


def _shortened(name: str) -> str:
    """A sentence by its beginning; a pair of ids, and the class after a sentence, stay whole."""
    sentence, arrow, rest = name.partition(" → ")
    if sentence.startswith("“") and len(sentence) > _LONGEST_QUOTE:
        sentence = f"{sentence[:_LONGEST_QUOTE]}…”"
    return sentence + arrow + rest


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
