"""What is looked at: one function a kind of leak, each from a fold and a manifest to findings."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from featurekit.data.audit.findings import Finding, Pair, Severity, examples
from featurekit.data.audit.same import Pairs
from featurekit.data.splits.folds import PARTS, Fold
from featurekit.manifest import Utterance
from featurekit.settings import digest

# The part that is judged stands last. What dev shares with train misleads the choice of an epoch, not the result.
PAIRS = (("train", "test"), ("dev", "test"), ("train", "dev"))
LONG_TEXT = 20  # letters; shorter ones ("yeah", "I don't know") are shared by any two conversations
_FIRST_IDEOGRAPH = 0x2E80  # scripts without spaces: one sign says as much as three letters
# A corpus has fixed sentences where nearly every utterance says what at least half of the speakers say.
_FIXED_SHARE, _SPEAKERS_SHARE = 0.9, 0.5
MOST_CROSSED = 20  # members of a group of copies of which every pair is named

_NOT_ALNUM = re.compile(r"[^a-z0-9]+")

Names = Mapping[str, str]  # utterance id → what it may share with others; ids without it are absent


def judged(pair: tuple[str, str]) -> Severity:
    """A leak where the test part has it, a warning between train and dev."""
    return Severity.LEAK if "test" in pair else Severity.WARNING


def shared(
    fold: Fold,
    kind: str,
    names: Names,
    what: tuple[str, str],
    severity: Callable[[tuple[str, str], set[str]], Severity] = lambda pair, both: judged(pair),
    show: Callable[[str], str] = str,
) -> Iterator[Finding]:
    """What two parts of a fold both have.

    Parameters
    ----------
    fold : Fold
    kind : str
        Of the findings.
    names : mapping
        Id → speaker, recording, text, …
    what : (str, str)
        The word for one and for several.
    severity : callable
        Called with the two parts and what they share.
    show : callable
        How one of them is shown as an example.
    """
    held = {part: {names[item] for item in fold.part(part) if item in names} for part in PARTS}
    for pair in PAIRS:
        both = held[pair[0]] & held[pair[1]]
        if both:
            of = len(held[pair[1]])
            text = f"{len(both)} of {of} {what[0] if of == 1 else what[1]} of {pair[1]} {_are(len(both))} in {pair[0]}"
            yield Finding(kind, severity(pair, both), fold.name, pair, len(both), of, examples(map(show, both)), text)


def utterances(fold: Fold) -> Iterator[Finding]:
    """One id in two parts."""
    listed = (*fold.train, *fold.dev, *fold.test)
    if len(set(listed)) == len(listed):
        return
    ids = {item: item for part in PARTS for item in fold.part(part)}
    yield from shared(fold, "utterance", ids, ("utterance", "utterances"))


def recordings(fold: Fold, names: Names, speakers: Names) -> Iterator[Finding]:
    """One recording in two parts: a leak, but where it is a dialogue whose speakers are parted."""

    def severity(pair: tuple[str, str], both: set[str]) -> Severity:
        sides = [{(names[i], speakers.get(i, "")) for i in fold.part(part) if names.get(i) in both} for part in pair]
        parted = all(speaker for side in sides for _, speaker in side) and not sides[0] & sides[1]
        return Severity.NOTE if parted else judged(pair)

    yield from shared(fold, "recording", names, ("recording", "recordings"), severity)


def texts(fold: Fold, normalised: Names, originals: Names, fixed: bool) -> Iterator[Finding]:
    """One text in two parts: by design where sentences are fixed, a leak where it is long, else a note.

    ``originals`` gives the words of a normalised text as somebody wrote them.
    """
    short = set() if fixed else {text for text in originals if not is_long_text(text)}

    def weight(pair: tuple[str, str], both: set[str]) -> Severity:
        return Severity.NOTE if fixed or both <= short else judged(pair)

    for is_short, what in ((False, ("text", "texts")), (True, ("short text", "short texts"))):
        names = {item: text for item, text in normalised.items() if (text in short) is is_short}
        for found in shared(fold, "text", names, what, weight, lambda text: f"“{originals[text]}”"):
            if not fixed or found.parts == PAIRS[0]:  # what everybody says is said once
                yield found


def families(fold: Fold, names: Names) -> Iterator[Finding]:
    """An augmented child in another part than its parent or its siblings; ``names`` are :func:`kin`'s."""
    for found in shared(fold, "children", names, ("utterance", "utterances")):
        what = "utterance" if found.count == 1 else "utterances"
        yield replace(found, of=0, text=f"{found.count} augmented {what} in {' and '.join(found.parts)}")


def kin(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Id → the parent, of augmented children and of parents that have some."""
    parents = {item.parent for item in utterances if item.parent}
    return {item.id: item.parent or item.id for item in utterances if item.parent or item.id in parents}


def pairs(fold: Fold, found: Pairs) -> Iterator[Finding]:
    """Pairs of utterances with the same audio that lie in two parts."""
    yield from apart(fold, found.kind, found.found, (f"pair of {found.what}", f"pairs of {found.what}"))


def doubled(fold: Fold, groups: Sequence[tuple[str, ...]]) -> Iterator[Finding]:
    """Utterances with identical audio in two parts; ``groups`` as :func:`same_input` gives them."""
    what = ("recording with identical audio", "recordings with identical audio")
    yield from apart(fold, "same-audio", chained(groups), what, count=groups)


def chained(groups: Iterable[tuple[str, ...]]) -> Iterator[Pair]:
    """Groups as pairs: each member with each other one, or in a large group with the first."""
    for group in groups:
        firsts = group if len(group) <= MOST_CROSSED else group[:1]
        for place, first in enumerate(firsts):
            yield from ((first, other, "") for other in group[place + 1 :])


def apart(
    fold: Fold,
    kind: str,
    found: Iterable[Pair],
    what: tuple[str, str],
    *,
    count: Sequence[tuple[str, ...]] | None = None,
) -> Iterator[Finding]:
    """Pairs of utterances of which one lies in one part and one in another.

    ``count`` are the groups that they are pairs of, where groups and not pairs are counted.
    """
    part_of: dict[str, set[str]] = {}
    for part in PARTS:
        for item in fold.part(part):
            part_of.setdefault(item, set()).add(part)
    crossing: dict[tuple[str, str], dict[Pair, Pair]] = {}  # the pair in the order of its parts → as it was found
    for first, second, detail in found:
        for one, other in PAIRS:
            if one in part_of.get(first, ()) and other in part_of.get(second, ()):
                crossing.setdefault((one, other), {})[first, second, detail] = (first, second, detail)
            elif one in part_of.get(second, ()) and other in part_of.get(first, ()):
                crossing.setdefault((one, other), {})[second, first, detail] = (first, second, detail)
    for parts in PAIRS:
        if items := crossing.get(parts):
            names = {name for pair in items for name in pair[:2]}
            number = len(items) if count is None else sum(not names.isdisjoint(group) for group in count)
            text = f"{number} {what[number != 1]} in {' and '.join(parts)}"
            yield Finding(kind, judged(parts), fold.name, parts, number, 0, said(items.values()), text, tuple(items))


def together(kind: str, what: str, found: Sequence[Pair], groups: Sequence[tuple[str, ...]] | None = None) -> Iterator[Finding]:
    """Audio that is several times in a corpus which is not split yet."""
    if found:
        names = examples(" and ".join(group) for group in groups) if groups is not None else said(found)
        count = len(names)
        text = f"{count} {'group' if count == 1 else 'groups'} of {what}: keep each in one part"
        yield Finding(kind, Severity.WARNING, "", (), count, 0, names, text, tuple(found))


def said(found: Iterable[Pair]) -> tuple[str, ...]:
    """Pairs in words, sorted."""
    return examples(f"{' and '.join(pair[:2])}{f' ({pair[2]})' if pair[2] else ''}" for pair in found)


def normaliser(fold: Fold, fitted: Mapping[str, Any]) -> Iterator[Finding]:
    """A normaliser (its record) that was not fitted on the fold's training ids."""
    scopes = {
        "train": fold.train,
        "train and dev": (*fold.train, *fold.dev),
        "train and test": (*fold.train, *fold.test),
        "all parts": (*fold.train, *fold.dev, *fold.test),
    }
    found = next((name for name, ids in scopes.items() if digest(sorted(ids)) == fitted["ids_digest"]), "")
    if found != "train":
        where = f"on {found}" if found else f"on {fitted['n_ids']} utterances that are not the {len(fold.train)} of train"
        severity = Severity.WARNING if found == "train and dev" else Severity.LEAK
        text = f"the normaliser was fitted {where}"
        yield Finding("normaliser", severity, fold.name, ("train", "test"), int(fitted["n_ids"]), len(fold.train), (), text)


def embedding(fold: Fold, column: str, trained_on: Iterable[str], *, is_read: bool = True) -> Iterator[Finding]:
    """A learnt column whose training ids meet dev or test; a note where it only lies in the store."""
    seen = set(trained_on)
    for part in ("test", "dev"):
        both = seen & set(fold.part(part))
        if both:
            text = f"column {column} was trained on {len(both)} of {len(fold.part(part))} utterances of {part}"
            pair = ("train", part)
            severity = judged(pair) if is_read else Severity.NOTE
            text += "" if is_read else ", and is not read"
            yield Finding("embedding", severity, fold.name, pair, len(both), len(fold.part(part)), examples(both), text)


def empty_parts(fold: Fold) -> Iterator[Finding]:
    """A part without an utterance; only dev may be so."""
    for part in ("train", "test"):
        if not fold.part(part):
            yield Finding("empty-part", Severity.WARNING, fold.name, (part,), 0, 0, (), f"the {part} part is empty")


def normalised_text(text: str) -> str:
    """NFKC, casefolded, letters and digits only.

    >>> normalised_text("Ｈello, WORLD!"), normalised_text("Straße …")
    ('helloworld', 'strasse')
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if folded.isascii():
        return _NOT_ALNUM.sub("", folded)
    return "".join(sign for sign in folded if sign.isalnum() or unicodedata.category(sign)[0] == "M")


def is_long_text(normalised: str) -> bool:
    """Whether two conversations would not say it by chance.

    >>> is_long_text("idontknow"), is_long_text("kidsaretalkingbythedoor"), is_long_text("就是下雨也去")
    (False, True, False)
    """
    return sum(3 if ord(sign) >= _FIRST_IDEOGRAPH else 1 for sign in normalised) >= LONG_TEXT


def fixed_sentences(utterances: Iterable[Utterance], normalised: Names) -> int:
    """How many sentences everybody says, 0 where speech is free (or nobody can tell: no texts, one speaker)."""
    said: dict[str, set[str]] = {}
    times: Counter[str] = Counter()
    for item in utterances:
        if item.id in normalised and item.speaker:
            said.setdefault(normalised[item.id], set()).add(item.speaker)
            times[normalised[item.id]] += 1
    speakers = {name for names in said.values() for name in names}
    enough = max(2.0, _SPEAKERS_SHARE * len(speakers))
    common = [text for text, names in said.items() if len(names) >= enough]
    return len(common) if common and sum(times[text] for text in common) >= _FIXED_SHARE * times.total() else 0


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
