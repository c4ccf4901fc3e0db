"""Names of speakers, recordings, sessions and labels that are probably one under two spellings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from featurekit.data.spellings import shown, twins
from featurekit.data.splits.splitters import session_of
from featurekit.inspection.findings import Finding, Item, Severity, seen
from featurekit.manifest import Utterance, one_form


def name_findings(utterances: Sequence[Utterance], labels: Iterable[str]) -> Iterator[Finding]:
    """Look for names under several spellings.

    Parameters
    ----------
    utterances : sequence of Utterance
    labels : iterable of str
        The raw labels that classes are read from.
    """
    kinds = {
        "speaker": {item.speaker for item in utterances},
        "recording": {item.recording for item in utterances if item.recording != one_form(item.id)},
        "session": {session_of(item) for item in utterances},
        "label": set(labels),
    }
    for what, names in kinds.items():
        counts = {"label": "a class"}.get(what, f"a {what}")
        text = f"{{n}} {what}[|s] may be there under several spellings: each spelling counts as {counts} of its own"
        items = (Item(tuple(shown(name) for name in group.names), group.how) for group in twins(names))
        yield from seen(f"{what}-twins", Severity.WARNING, text, items)
    forms: dict[str, set[str]] = {}
    for item in utterances:
        if item.speaker:
            forms.setdefault(item.speaker, set()).add(item.as_written("speaker"))
    twofold = (Item((name,)) for name, written in sorted(forms.items()) if len(written) > 1)
    yield from seen(
        "speaker-forms",
        Severity.NOTE,
        "{n} speaker[|s] [is|are] written in two Unicode forms, and [is one|are one each]",
        twofold,
    )
