"""The audit: what the parts of a split share, ours or anybody's, and a verdict that stands beside every result.

:func:`audit_split` looks at utterances, speakers, recordings, sessions, texts, augmented children, audio (identical,
overlapping, nearly the same), normalisers and learnt columns. ``checks`` has one function for each, ``same`` finds what is
the same audio by its description and ``audio`` by fingerprint, ``labels`` what is the same under two labels, ``twins``
names under two spellings; ``findings`` says what came of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from featurekit.data.audit import checks, labels, ratings, text_classes
from featurekit.data.audit.audio import fingerprint_column, shared_audio
from featurekit.data.audit.findings import Audit, Finding, Pair, Severity, examples, how_many
from featurekit.data.audit.same import Pairs, same_input
from featurekit.data.audit.twins import Alike
from featurekit.data.splits.folds import PARTS, Fold, Split
from featurekit.data.splits.splitters import session_of
from featurekit.data.tasks import Task
from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest, Utterance, manifest_of, one_form

__all__ = ["Audit", "Finding", "Severity", "audit_corpus", "audit_split", "fingerprint_column", "training_ids"]


def audit_split(
    split: Split,
    manifest: Manifest,
    *,
    sounds: StoreView | None = None,
    normalisers: Mapping[str, Mapping[str, Any]] | None = None,
    trained_on: Mapping[str, Iterable[str]] | None = None,
    not_read: Iterable[str] = (),
    reads_text: bool = True,
    task: str | Task = "",
    subject: str = "",
) -> Audit:
    """Judge a split, whoever made it.

    Parameters
    ----------
    split : Split
    manifest : Manifest or Store
        Speakers, recordings, texts, parents and files of its ids.
    sounds : StoreView, optional
        Where it has a column ``audio_fingerprint`` of these utterances, near-duplicate audio is looked for.
    normalisers : mapping, optional
        Fold name → the record of the normaliser that was fitted for it (:meth:`Normaliser.to_dict`).
    trained_on : mapping, optional
        Learnt column → the ids it was trained on.
    not_read : iterable of str
        Those of them that lie in the store and are not read by what is judged: they are listed, and leak nothing.
    reads_text : bool
        Whether what is judged may read text or the states of a speech recogniser: for it, sentences that give the class are a
        leak.
    task : str or Task
        What is learnt, and whose classes count where one recording has two labels and where sentences give the class. By
        default the split's own; of two corpora the raw labels in canonical words.
    subject : str
        What the audit calls what it judged; by default the split's kind.

    Returns
    -------
    Audit

    Raises
    ------
    SplitError
        When the split holds no utterance, or some that the manifest lacks: it was made for another one.
    """
    if not isinstance(split, Split):
        raise ParameterError(f"expected a split, as make_split(…) makes it or Split.read(path) reads it; got {split!r:.60}")
    ids = sorted({name for fold in split.folds for part in PARTS for name in fold.part(part)})
    if not ids:
        raise SplitError(f"the split {split.kind!r} holds no utterance: there is nothing to audit")
    manifest = manifest_of(manifest)
    split = split.on(manifest)
    used = _heard([manifest[name] for name in ids], sounds)
    several = split.kind == "cross-corpus" and not task
    asked = task or str(split.settings.get("task", ""))
    classes = labels.labels_of_corpora(used) if several else labels.labels_of(used, asked)
    material = _Material.of(used, sounds, classes, ({}, ratings.Rated()) if several else labels.ratings_of(used, asked))
    found, unread = [*_unnamed(used, material), *_of_corpus(material, split.folds, reads_text)], set(not_read)
    for fold in split.folds:
        found += _fold_findings(fold, material)
        if normalisers and fold.name in normalisers:
            found += checks.normaliser(fold, normalisers[fold.name])
        for column, learnt_from in (trained_on or {}).items():
            found += checks.embedding(fold, column, learnt_from, is_read=column not in unread)
    return Audit(subject or split.kind, len(split.folds), material.source, material.checked, tuple(found), material.sentences)


def audit_corpus(manifest: Manifest, *, sounds: StoreView | None = None, subject: str = "the corpus") -> Audit:
    """Look for what every split of a corpus has to keep in one part: audio that is there twice.

    One recording under two labels is an error. Ratings are two labels where they differ by more than a tenth of their scale, as
    :mod:`featurekit.data.audit.ratings` reasons; a split's task that makes classes of them has its classes compared.

    Parameters
    ----------
    manifest, sounds, subject
        As for :func:`audit_split`.

    Raises
    ------
    SplitError
        When the manifest is empty.
    """
    used = _heard(list(manifest_of(manifest)), sounds)
    if not used:
        raise SplitError("the manifest holds no utterance: there is nothing to audit")
    material = _Material.of(used, sounds, labels.labels_of(used), labels.ratings_of(used))
    found = [*_unnamed(used, material), *_of_corpus(material, ())]
    quarrel = {frozenset(pair[:2]) for pair in material.quarrels}
    groups = [group for group in material.doubled if not any(quarrel & {frozenset(p[:2])} for p in checks.chained([group]))]
    found += checks.together("same-audio", "utterances with identical audio", [*checks.chained(groups)], groups)
    for pairs in material.pairs:
        items = [pair for pair in pairs.found if frozenset(pair[:2]) not in quarrel]
        found += checks.together(pairs.kind, pairs.what, items)
    return Audit(subject, 0, material.source, material.checked, tuple(found), material.sentences)


@dataclasses.dataclass(frozen=True)
class _Material:
    """What the checks compare, gathered once for all folds."""

    source: str
    speakers: dict[str, str]
    recordings: dict[str, str]
    sessions: dict[str, str]
    families: dict[str, str]
    texts: dict[str, str]
    originals: dict[str, str]
    sentences: int
    doubled: list[tuple[str, ...]]
    pairs: list[Pairs]
    quarrels: list[Pair]
    alike: list[Alike]
    by_text: text_classes.TextClasses | None
    checked: dict[str, str]

    @classmethod
    def of(
        cls,
        used: Sequence[Utterance],
        sounds: StoreView | None,
        classes: Mapping[str, str],
        rated: tuple[Mapping[str, str], ratings.Rated],
    ) -> _Material:
        normalised = {text: checks.normalised_text(text) for text in {item.text for item in used}}
        texts = {item.id: normalised[item.text] for item in used if normalised[item.text]}
        doubled = same_input(used)
        pairs, heard = shared_audio(used, sounds, doubled, classes)
        source = _speaker_source(used)
        speakers = {item.id: item.speaker for item in used if item.speaker and source == "named"}
        sessions = {item.id: session_of(item) for item in used if session_of(item)}
        recordings = {item.id: item.recording for item in used}
        named = {name: recording for name, recording in recordings.items() if recording != one_form(name)}
        kinds = {"speaker": speakers, "recording": named, "session": sessions, "label": classes}
        return cls(
            source=source,
            speakers=speakers,
            recordings=_several(recordings),
            sessions=sessions,
            families=checks.kin(used),
            texts=texts,
            originals={texts[item.id]: item.text for item in reversed(used) if item.id in texts},
            sentences=checks.fixed_sentences(used, texts),
            doubled=doubled,
            pairs=pairs,
            quarrels=labels.contradictions(doubled, pairs, rated[0] or classes, rated[1]),
            by_text=text_classes.look(used, texts, classes),
            alike=[Alike.among(what, names) for what, names in kinds.items()],
            checked={"text": how_many(len(texts), len(used)), "audio": heard},
        )


def _fold_findings(fold: Fold, material: _Material) -> Iterator[Finding]:
    yield from checks.empty_parts(fold)
    yield from checks.utterances(fold)
    yield from checks.shared(fold, "speaker", material.speakers, ("speaker", "speakers"))
    yield from checks.recordings(fold, material.recordings, material.speakers)
    yield from checks.shared(fold, "session", material.sessions, ("session", "sessions"), lambda pair, both: Severity.NOTE)
    yield from checks.families(fold, material.families)
    yield from checks.texts(fold, material.texts, material.originals, material.sentences > 0)
    yield from checks.doubled(fold, material.doubled)
    for pairs in material.pairs:
        yield from checks.pairs(fold, pairs)
    for alike in material.alike:
        if alike.what != "label":  # which two parts share by intention
            yield from alike.apart(fold)


def _of_corpus(material: _Material, folds: Sequence[Fold], reads_text: bool = True) -> Iterator[Finding]:
    """What no split changes: a recording under two labels, names under two spellings, sentences that give the class."""
    yield from text_classes.finding(material.by_text, folds, material.texts, material.originals, is_read=reads_text)
    yield from labels.two_labels(material.quarrels)
    for alike in material.alike:
        if alike.what == "label" or not any(True for fold in folds for _ in alike.apart(fold)):
            yield from alike.in_corpus()


def _heard(used: list[Utterance], sounds: StoreView | None) -> list[Utterance]:
    """The utterances, with the digests of their input where the store of fingerprints has looked at the files."""
    if sounds is None:
        return used
    looked = {item.id: item.fingerprint for item in sounds.manifest}
    return [dataclasses.replace(item, fingerprint=item.fingerprint or looked.get(item.id, "")) for item in used]


def _unnamed(used: Sequence[Utterance], material: _Material) -> Iterator[Finding]:
    lacking = {item.id for item in used if not item.speaker}
    if lacking and material.source == "named":
        text = f"{len(lacking)} of {len(used)} utterances name no speaker"
        yield Finding("unknown-speaker", Severity.WARNING, "", (), len(lacking), len(used), examples(lacking), text)


def _speaker_source(used: Sequence[Utterance]) -> str:
    if any(item.speaker and item.speaker != item.recording for item in used):
        return "named"
    return "recording" if len({item.recording for item in used}) < len(used) else "none"


def _several(names: dict[str, str]) -> dict[str, str]:
    """Without what only one utterance has, which no two parts can share."""
    seen: dict[str, int] = {}
    for name in names.values():
        seen[name] = seen.get(name, 0) + 1
    return {item: name for item, name in names.items() if seen[name] > 1}


def training_ids(store: StoreView, columns: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Learnt column → the ids it was trained on; of these columns, or of all that a store has."""
    names = store.columns if columns is None else columns
    return {name: tuple(ids) for name in names if (ids := store.columns[name].trained_on)}
