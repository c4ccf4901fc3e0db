"""Names that are probably one under two spellings, in a corpus and between the parts of a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from featurekit.data.audit.checks import PAIRS
from featurekit.data.audit.findings import Finding, Severity
from featurekit.data.spellings import Twins, twins
from featurekit.data.splits.folds import PARTS, Fold

# What two parts share by intention is a note under two spellings, too.
_SEVERITY = {"session": Severity.NOTE}


@dataclass(frozen=True)
class Alike:
    """Groups of names of one kind.

    Parameters
    ----------
    what : {"speaker", "recording", "session", "label"}
    names : mapping
        Utterance id → name.
    groups : list of Twins
    """

    what: str
    names: Mapping[str, str]
    groups: Sequence[Twins]

    @classmethod
    def among(cls, what: str, names: Mapping[str, str]) -> Alike:
        """Look for them."""
        return cls(what, names, twins(set(names.values())))

    def in_corpus(self) -> Iterator[Finding]:
        """One finding on all groups, where there are some."""
        if self.groups:
            one = len(self.groups) == 1
            text = f"{len(self.groups)} {self.what if one else f'{self.what}s'} may be there under several spellings"
            said, pairs = tuple(map(str, self.groups)), tuple(pair for group in self.groups for pair in _pairs(group))
            severity = _SEVERITY.get(self.what, Severity.WARNING)
            yield Finding(f"{self.what}-twins", severity, "", (), len(self.groups), 0, said, text, pairs)

    def apart(self, fold: Fold) -> Iterator[Finding]:
        """Groups of which one spelling is in one part and another in another."""
        if not self.groups:
            return
        held = {part: {self.names[item] for item in fold.part(part) if item in self.names} for part in PARTS}
        for parts in PAIRS:
            there = [group for group in self.groups if any(_crosses(pair[:2], held, parts) for pair in _pairs(group))]
            if there:
                what = self.what if len(there) == 1 else f"{self.what}s"
                text = f"{len(there)} {what} may be in {' and '.join(parts)} under two spellings"
                pairs = tuple(pair for group in there for pair in _pairs(group) if _crosses(pair[:2], held, parts))
                said, severity = tuple(map(str, there)), _SEVERITY.get(self.what, Severity.WARNING)
                yield Finding(f"{self.what}-twins", severity, fold.name, parts, len(there), 0, said, text, pairs)


def _pairs(group: Twins) -> list[tuple[str, str, str]]:
    names = group.names
    return [(one, other, group.how) for place, one in enumerate(names) for other in names[place + 1 :]]


def _crosses(pair: tuple[str, ...], held: Mapping[str, set[str]], parts: tuple[str, str]) -> bool:
    (one, other), (here, there) = pair, (held[part] for part in parts)
    return (one in here and other in there) or (other in here and one in there)
