"""What is the matter with a corpus's utterances: ids, labels, speakers, times against the files."""

from __future__ import annotations

import dataclasses
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from featurekit.audio import END_TOLERANCE_S, MIN_S
from featurekit.corpora import Corpus
from featurekit.data import tasks
from featurekit.data.tasks.schemes import RATINGS, finite
from featurekit.errors import ManifestError, ParameterError, UnknownNameError
from featurekit.inspection.findings import Finding, Item, Severity, seen
from featurekit.inspection.names import name_findings
from featurekit.inspection.repeats import repeated_stretches
from featurekit.inspection.sounds import Sound
from featurekit.inspection.tree import twins_among
from featurekit.manifest import Manifest, Utterance, one_form, validate

SCORES = RATINGS["sentiment-score"].scale
DURATION_TOLERANCE_S = 0.1
MAX_ID_BYTES = 255  # a file name on most file systems
_NUMBER = re.compile(r"(?P<stem>.*?)(?P<number>\d+)", re.ASCII | re.DOTALL)


def read_leniently(utterances: Iterable[Utterance], where: str) -> tuple[list[Utterance], list[Finding]]:
    """Collect what a recipe yields, with every utterance that is not valid as a finding instead of an exception.

    Returns
    -------
    utterances : list of Utterance
        The valid ones; of two with one id, the first.
    findings : list of Finding
        ``table`` where the recipe itself gave up, ``utterance`` and ``same-id`` where single ones are wrong.
    """
    valid: dict[str, Utterance] = {}
    invalid, twice, gave_up = [], [], []
    try:
        for utterance in utterances:
            try:
                validate(utterance, where)
            except ManifestError as error:
                invalid.append(Item((str(utterance.id),), str(error)))
                continue
            if utterance.id in valid:
                twice.append(Item((utterance.id,), f"{valid[utterance.id].path} and {utterance.path}"))
            else:
                valid[utterance.id] = utterance
    except (ManifestError, OSError) as error:
        gave_up.append(Item((where,), str(error)))
    findings = [
        *seen("table", Severity.ERROR, "the corpus cannot be read; mend this and look again, there may be more", gave_up),
        *seen("utterance", Severity.ERROR, "{n} [utterance is|utterances are] not valid", invalid),
        *seen("same-id", Severity.ERROR, "{n} [id is|ids are] there twice", twice),
    ]
    return list(valid.values()), findings


def utterance_findings(
    utterances: Sequence[Utterance], corpus: Corpus, sounds: Mapping[str, Sound], *, whole: bool = True
) -> Iterator[Finding]:
    """Judge the utterances of a corpus.

    Parameters
    ----------
    utterances : sequence of Utterance
        All of them.
    corpus : Corpus
        The recipe's facts.
    sounds : mapping
        Path → file, for the durations.
    whole : bool
        Whether the corpus should be there as a whole, so that its number of utterances means something.
    """
    if whole:
        yield from _count(utterances, corpus)
    yield from _ids(utterances)
    yield from _labels(utterances, corpus)
    yield from name_findings(utterances, class_counts(corpus, utterances))
    yield from _people(utterances, corpus)
    yield from _times(utterances, sounds)
    yield from repeated_stretches(utterances, sounds, label_key(corpus, utterances))
    yield from _order(utterances)


def label_key(corpus: Corpus, utterances: Iterable[Utterance]) -> str:
    """The raw label a class is read from: the task's own, else the first that the corpus has."""
    present = Counter(key for utterance in utterances for key in utterance.labels)
    wanted = [corpus.default_task, "emotion", "sentiment", "label", "score"]
    return next((key for key in wanted if key in present), next(iter(sorted(present)), ""))


def class_counts(corpus: Corpus, utterances: Sequence[Utterance]) -> dict[str, int]:
    """Raw label → utterances; empty where the label is a number."""
    key = label_key(corpus, utterances)
    values = [utterance.labels[key] for utterance in utterances if utterance.labels.get(key) is not None]
    are_words = bool(values) and all(isinstance(value, str) for value in values)
    return dict(Counter(one_form(value) for value in values).most_common()) if are_words else {}


def rater_agreement(corpus: Corpus, utterances: Sequence[Utterance]) -> dict[str, Any]:
    """How often raters chose the class of the corpus's own task, or of its raw label; empty where no raters are kept."""
    rated = [utterance for utterance in utterances if "raters" in utterance.labels or "ratings" in utterance.labels]
    if not rated:
        return {}
    key, manifest = label_key(corpus, rated), Manifest(rated)
    for name in (corpus.default_task, "sentiment3" if key == "score" else key):
        try:
            found = tasks.agreement(manifest, tasks.get_task(name, manifest))
        except (ManifestError, ParameterError, UnknownNameError):
            continue  # the labels are not the task's: said where it is asked for
        if found:
            return {"task": name, **dataclasses.asdict(found)}
    return {}


def variant_of(corpus: Corpus, count: int) -> str | None:
    """Name of the variant that has so many utterances; one that is said to have "about" so many may be off by 2 %."""
    for variant, expected in corpus.expected.items():
        if abs(count - expected) <= (0.02 * expected if "about" in variant else 0):
            return variant
    return None


def _count(utterances: Sequence[Utterance], corpus: Corpus) -> Iterator[Finding]:
    if not utterances:
        yield Finding("count", Severity.ERROR, f"no utterance was found; get {corpus.obtain}")
    elif corpus.expected and variant_of(corpus, len(utterances)) is None:
        expected = " or ".join(f"{count} ({variant})" for variant, count in corpus.expected.items())
        yield Finding("count", Severity.ERROR, f"{len(utterances)} utterances; {corpus.name} has {expected}")


def _ids(utterances: Sequence[Utterance]) -> Iterator[Finding]:
    odd = []
    for utterance in utterances:
        name = utterance.id
        reason = _odd_id(name)
        if reason:
            odd.append(Item((name,), reason))
    yield from seen("id-odd", Severity.WARNING, "{n} [id is|ids are] odd; other tools may not keep [it|them]", odd)
    twins = (Item(group) for group in twins_among(utterance.id for utterance in utterances))
    yield from seen(
        "id-twins", Severity.WARNING, "{n} [group|groups] of ids [differs|differ] only in case or Unicode form", twins
    )


def _odd_id(name: str) -> str:
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        return "not UTF-8"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in name):
        return "holds an invisible character"
    if unicodedata.normalize("NFC", name) != name:
        return "not in Unicode form NFC"
    return f"longer than {MAX_ID_BYTES} bytes" if len(name.encode()) > MAX_ID_BYTES else ""


def _labels(utterances: Sequence[Utterance], corpus: Corpus) -> Iterator[Finding]:
    key = label_key(corpus, utterances)
    bare = [Item((utterance.id,)) for utterance in utterances if _is_empty(utterance.labels.get(key))]
    yield from seen("label-missing", Severity.WARNING, f"{{n}} [utterance has|utterances have] no {key or 'label'}", bare)
    beyond = [
        Item((utterance.id,), f"{score:g}")
        for utterance in utterances
        if (score := finite(utterance.labels.get("score"))) is not None and not SCORES[0] <= score <= SCORES[1]
    ]
    text = f"{{n}} [score lies|scores lie] outside [{SCORES[0]:g}, {SCORES[1]:g}], the scale of the sentiment tasks"
    yield from seen("score-range", Severity.WARNING, text, beyond)
    counts = class_counts(corpus, utterances)
    if corpus.classes and counts:
        unknown = [Item((name,), f"{count} utterances") for name, count in counts.items() if name not in corpus.classes]
        text = f"{{n}} [label is|labels are] none of the corpus's classes ({', '.join(corpus.classes)})"
        yield from seen("label-unknown", Severity.WARNING, text, unknown)
        absent = [Item((name,)) for name in corpus.classes if name not in counts]
        yield from seen("class-absent", Severity.WARNING, "{n} [class|classes] of the corpus [has|have] no utterance", absent)


def _people(utterances: Sequence[Utterance], corpus: Corpus) -> Iterator[Finding]:
    nameless = [Item((utterance.id,)) for utterance in utterances if not utterance.speaker]
    yield from seen(
        "speaker-missing",
        Severity.WARNING,
        "{n} [utterance names|utterances name] no speaker: no speaker-disjoint split",
        nameless,
    )
    stand_ins = sum(item.speaker.startswith(item.recording) for item in utterances)
    if corpus.speaker_source != "corpus" and stand_ins:
        text = f"the corpus names no speakers: each {corpus.speaker_source} stands in for one, splits are disjoint in that only"
        named = "" if stand_ins == len(utterances) else f" ({len(utterances) - stand_ins} utterances have a speaker's name)"
        yield Finding("speaker-source", Severity.NOTE, text + named)
    genders: dict[str, set[str]] = {}
    for utterance in utterances:
        if utterance.speaker and utterance.gender:
            genders.setdefault(utterance.speaker, set()).add(utterance.gender)
    two = (Item((who,), ", ".join(sorted(found))) for who, found in sorted(genders.items()) if len(found) > 1)
    yield from seen("gender-twofold", Severity.WARNING, "{n} [speaker has|speakers have] more than one gender", two)
    silent = [Item((utterance.id,)) for utterance in utterances if not utterance.text]
    if len(silent) < len(utterances):  # a corpus without any transcript is not the worse for it
        yield from seen("text-missing", Severity.NOTE, "{n} [utterance has|utterances have] no text, the others do", silent)


def _times(utterances: Sequence[Utterance], sounds: Mapping[str, Sound]) -> Iterator[Finding]:
    empty, beyond, over, unlike, channels = [], [], [], [], []
    for utterance in utterances:
        sound = sounds.get(utterance.path)
        if sound is not None and sound.ok and (utterance.channel or 0) >= sound.channels:
            channels.append(Item((utterance.id,), f"channel {utterance.channel}, the file has 0 to {sound.channels - 1}"))
        duration_s = sound.duration_s if sound is not None and sound.ok else None
        start, end = utterance.start or 0.0, utterance.end if utterance.end is not None else duration_s
        if utterance.end is not None and utterance.end - start < MIN_S:
            empty.append(Item((utterance.id,), f"{utterance.end - start:g} s at {start:.2f} s"))
        if duration_s is None or end is None:
            continue
        said = f"{start:.2f} to {end:.2f} s, the file has {duration_s:.2f} s"
        if end > duration_s + END_TOLERANCE_S or start >= duration_s:
            beyond.append(Item((utterance.id,), said))
        elif end > duration_s + 1 / max(1, sound.sample_rate if sound else 1):
            over.append(Item((utterance.id,), said))
        stated = utterance.duration_s
        if stated is not None and abs(stated - (end - start)) > DURATION_TOLERANCE_S:
            unlike.append(Item((utterance.id,), f"{stated:.2f} s stated, {end - start:.2f} s present"))
    text = "{n} [utterance reads|utterances read] a channel that the file does not have"
    yield from seen("channel", Severity.ERROR, text, channels)
    yield from seen(
        "segment-empty", Severity.ERROR, f"{{n}} [segment is|segments are] shorter than {MIN_S} s and will fail", empty
    )
    yield from seen(
        "segment-beyond", Severity.ERROR, "{n} [segment lies|segments lie] beyond the end of [its|their] file", beyond
    )
    text = f"{{n}} [segment ends|segments end] up to {END_TOLERANCE_S} s after [its|their] file and [is|are] cut there"
    yield from seen("segment-over", Severity.NOTE, text, over)
    yield from seen(
        "duration", Severity.WARNING, "{n} [utterance lasts|utterances last] another time than the table says", unlike
    )


def _order(utterances: Sequence[Utterance]) -> Iterator[Finding]:
    """Recordings whose positions, or only the numbers in their ids, do not follow time: the first decide on neighbours."""
    by_recording: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        if utterance.start is not None:
            by_recording.setdefault(utterance.recording, []).append(utterance)
    jumbled, misnumbered = [], []
    for recording, group in by_recording.items():
        back = _back_in_time(sorted(group, key=lambda item: item.position))
        if back:
            jumbled.append(Item((recording,), back))
            continue
        numbers = {item.id: match for item in group if (match := _NUMBER.fullmatch(item.id))}
        if len(numbers) == len(group) and len({match["stem"] for match in numbers.values()}) == 1:
            back = _back_in_time(sorted(group, key=lambda item: int(numbers[item.id]["number"])))
            if back:
                misnumbered.append(Item((recording,), back))
    text = "{n} [recording has|recordings have] positions that do not follow time: neighbours in a context window are others"
    yield from seen("order", Severity.WARNING, text, jumbled)
    text = "{n} [recording numbers its|recordings number their] utterances out of time; context windows follow time"
    yield from seen("numbering", Severity.NOTE, text, misnumbered)


def _back_in_time(ordered: Sequence[Utterance]) -> str:
    """The first neighbours of one file of which the second begins before the first, in words."""
    for one, two in itertools.pairwise(ordered):
        if one.path == two.path and (two.start or 0.0) < (one.start or 0.0):
            return f"{two.id} begins before {one.id}"
    return ""


def _is_empty(value: Any) -> bool:
    return value is None or value == ""
