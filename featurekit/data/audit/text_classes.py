"""Texts that determine the class: how well the sentence alone predicts it, with nothing heard.

Each utterance is answered from what the *other* speakers' utterances of the same text are: the class of which the text has the
largest share. So a corpus in which everybody says every sentence in every class gives chance, and one in which each class
has sentences of its own gives 100 %. A text that nobody else says is answered by guessing. Where all are by one speaker, or
nobody is named, recordings take the place of speakers, and there is no interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurekit.data.audit.findings import Finding, Severity
from featurekit.data.splits.folds import Fold
from featurekit.manifest import Utterance
from featurekit.statistics import SHARE, Interval, intervals, leave_one_out

# Of the way from chance to all right, so much counts: what everybody says by habit ("yes" is happy) stays below it.
_MATTERS = 0.25
_ROUNDING = 1e-9
_FEWEST = 5  # utterances of a class; fewer have sentences of their own by chance


@dataclass(frozen=True)
class TextClasses:
    """What the sentences of a corpus say of its classes.

    Parameters
    ----------
    recall : float
        Mean recall of the classes (UA) when only the sentence is known, each speaker left out of what is known.
    chance : float
        The UA of guessing.
    interval : Interval
        Over speakers.
    texts : mapping of str to str
        Normalised text → the class that all its utterances have, of those that at least two speakers say.
    """

    recall: float
    chance: float
    interval: Interval
    texts: Mapping[str, str]

    @property
    def is_there(self) -> bool:
        """Whether the sentence says something of the class: the interval lies above chance, or there is none and it matters."""
        return self.matters if self.interval.borders is None else self.interval.borders[0] > self.chance + _ROUNDING

    @property
    def matters(self) -> bool:
        """Whether a model that knows the sentence gains a good part of what there is to gain."""
        return self.recall >= self.chance + _MATTERS * (1 - self.chance)


def look(utterances: Sequence[Utterance], texts: Mapping[str, str], classes: Mapping[str, str]) -> TextClasses | None:
    """How well sentences predict classes; None where texts, classes or recordings are too few to say.

    Parameters
    ----------
    utterances : sequence of Utterance
        Augmented children are passed over: they say what their parent says.
    texts, classes : mapping
        Id → normalised text, id → class; ids without one take no part, nor do classes of fewer than five utterances.
    """
    used = [item for item in utterances if not item.parent and item.id in texts and item.id in classes]
    by_speaker = len({item.speaker for item in used} - {""}) > 1
    used = [item for item in used if item.speaker or not by_speaker]
    size = Counter(classes[item.id] for item in used)
    used = [item for item in used if size[classes[item.id]] >= _FEWEST]
    who = [item.speaker if by_speaker else item.recording for item in used]
    truth = [classes[item.id] for item in used]
    names = sorted(set(truth))
    if len(names) < 2 or len(set(who)) < 2:
        return None
    said = [texts[item.id] for item in used]
    credit = _credits(said, truth, who, names)

    def recall(truth: np.ndarray, credit: np.ndarray) -> float:
        inside = [credit[truth == name] for name in names]
        return float(np.mean([part.mean() for part in inside])) if all(map(len, inside)) else float("nan")

    found, interval = recall(np.array(truth), credit), Interval(None, "one speaker, or nobody is named")
    if by_speaker:
        (interval,) = intervals(leave_one_out(recall, np.array(who), np.array(truth), credit), [SHARE])
    return TextClasses(found, 1 / len(names), interval, _with_one_class(said, truth, who))


def finding(
    found: TextClasses | None,
    folds: Sequence[Fold],
    texts: Mapping[str, str],
    originals: Mapping[str, str],
    *,
    is_read: bool,
) -> Iterator[Finding]:
    """What was found, as a finding: a leak where the model may read text and test says what train says.

    Parameters
    ----------
    found : TextClasses or None
        As :func:`look` returns it.
    folds : sequence of Fold
        Of the split; none of a corpus that is not split yet.
    texts, originals : mapping
        Id → normalised text; normalised text → as somebody wrote it.
    is_read : bool
        Whether what is judged may read text or the states of a speech recogniser.
    """
    if found is None or not found.is_there:
        return
    shared = any(_texts_of(fold.train, texts) & _texts_of(fold.test, texts) for fold in folds)
    if not found.matters:
        severity, so = Severity.NOTE, "too little to matter"
    elif not folds:
        severity, so = Severity.WARNING, "in any split by speaker a model of text or ASR states answers by it"
    elif not shared:
        severity, so = Severity.NOTE, "test says nothing that train says"
    elif is_read:
        severity, so = Severity.LEAK, "a model of text or ASR states answers by it"
    else:
        severity, so = Severity.WARNING, "a model of text or ASR states would answer by it; this one reads neither"
    borders = found.interval.borders
    between = "" if borders is None or borders[0] == borders[1] else f" [{100 * borders[0]:.1f}, {100 * borders[1]:.1f}]"
    told = (
        f"the sentence alone gives the class with UA {100 * found.recall:.1f}{between}, chance {100 * found.chance:.1f}: {so}"
    )
    examples = tuple(sorted(f"“{originals.get(said, said)}” → {name}" for said, name in found.texts.items()))
    parts, of = ("train", "test") if folds else (), len(set(texts.values()))
    yield Finding("text-class", severity, "", parts, len(found.texts), of, examples, told)


def _credits(said: Sequence[str], truth: Sequence[str], speakers: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """For each utterance the chance of being right: 1, 0, or a share where classes are equally likely."""
    place = {name: number for number, name in enumerate(names)}
    of_text: dict[str, np.ndarray] = {}
    of_speaker: dict[tuple[str, str], np.ndarray] = {}
    totals: dict[str, np.ndarray] = {}
    for text, label, who in zip(said, truth, speakers, strict=True):
        for table, key in ((of_text, text), (totals, who)):
            table.setdefault(key, np.zeros(len(names)))[place[label]] += 1
        of_speaker.setdefault((who, text), np.zeros(len(names)))[place[label]] += 1
    of_all = sum(totals.values(), np.zeros(len(names)))
    credit = np.zeros(len(said))
    for number, (text, label, who) in enumerate(zip(said, truth, speakers, strict=True)):
        others, of_class = of_text[text] - of_speaker[who, text], of_all - totals[who]
        shares = np.divide(others, of_class, out=np.zeros(len(names)), where=of_class > 0)
        likeliest = np.flatnonzero(shares >= shares.max() * (1 - 1e-9))  # all, where nobody else says it
        credit[number] = 1 / len(likeliest) if place[label] in likeliest else 0.0
    return credit


def _with_one_class(said: Sequence[str], truth: Sequence[str], speakers: Sequence[str]) -> dict[str, str]:
    classes: dict[str, set[str]] = {}
    voices: dict[str, set[str]] = {}
    for text, label, who in zip(said, truth, speakers, strict=True):
        classes.setdefault(text, set()).add(label)
        voices.setdefault(text, set()).add(who)
    return {text: next(iter(found)) for text, found in classes.items() if len(found) == 1 and len(voices[text]) > 1}


def _texts_of(ids: Sequence[str], texts: Mapping[str, str]) -> set[str]:
    return {texts[name] for name in ids if name in texts}
