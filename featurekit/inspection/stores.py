"""The doctor's visit to a store: its bytes, what failed in it, what is odd about its values."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from featurekit import audio, store
from featurekit.errors import FeaturekitError
from featurekit.inspection.findings import Finding, Item, Report, Severity, seen

SAMPLED_ROWS = 64  # utterances whose values are looked at, spread evenly


def inspect_store(path: str | Path, *, deep: bool = True) -> Report:
    """Look at a store: its bytes, what failed, what was flagged, what is odd about the values.

    Parameters
    ----------
    path : str or Path
        The store.
    deep : bool
        Whether every byte is read, as ``store verify`` does.

    Raises
    ------
    StoreNotFoundError, StoreError
        When there is no store, or one of another version.
    """
    verdict = store.verify(path, deep=deep)
    findings = list(
        seen(
            "damaged",
            Severity.ERROR,
            f"{{n}} [file is|files are] not what was committed: `featurekit store repair {path}`",
            (Item((str(problem.path),), problem.what) for problem in verdict.problems),
        )
    )
    try:
        facts = store.info(path)
        opened = store.open_store(path)
    except FeaturekitError as error:
        return Report(f"store {path}", {}, [*findings, Finding("unreadable", Severity.ERROR, str(error))])
    if facts["waiting"]:
        shards = "1 shard belongs" if facts["waiting"] == 1 else f"{facts['waiting']} shards belong"
        text = f"{shards} to no generation: an extraction is under way, or `featurekit store gc` can remove them"
        findings.append(Finding("waiting", Severity.NOTE, text))
    findings += _statuses(opened)
    findings += [*_values(opened), *_versions(opened)]
    return Report(f"store {path}", {key: facts[key] for key in _STORE_FACTS}, findings)


_STORE_FACTS = ("corpus", "generation", "utterances", "seconds", "shards", "bytes")


def failures(opened: store.Store) -> dict[str, str]:
    """Utterance id → why a column of it failed."""
    found: dict[str, str] = {}
    for column in opened.columns:
        notes, ids = opened.errors(column), opened.ids
        found.update({ids[row]: notes[row] for row in opened.status(column).nonzero()[0].tolist()})
    return found


def flags(opened: store.Store) -> Counter[str]:
    """Status word → utterances that carry it as a note."""
    noted: set[tuple[str, str]] = set()
    for column in opened.columns:
        for name, status, note in zip(opened.ids, opened.status(column).tolist(), opened.errors(column), strict=True):
            if note and not status:
                noted.update((name, part.partition(":")[0]) for part in note.split("; "))
    return Counter(word for _, word in noted)


def rates(opened: store.Store) -> str:
    """What it means that the files have a lower sample rate than the columns want; empty where none has."""
    files = Counter(int(rate) for rate in opened.original_rates)
    return audio.rates_note(files, max(column.sample_rate for column in opened.columns.values()))


def _statuses(opened: store.Store) -> Iterator[Finding]:
    failed = failures(opened)
    text = "{n} [utterance|utterances] failed: in the store as [a failure|failures], and in no result"
    yield from seen("failed", Severity.WARNING, text, (Item((name,), reason) for name, reason in failed.items()))
    for word, count in flags(opened).most_common():
        text = f"{count} of {len(opened)} utterances are flagged and kept: {audio.in_words(word)}"
        yield Finding("flagged", Severity.NOTE, rates(opened) if word == audio.Status.RATE else text)
    try:
        labels = opened.manifest
    except FeaturekitError:
        return  # verify has said it
    bare = (Item((utterance.id,)) for utterance in labels if not utterance.labels)
    yield from seen("label-missing", Severity.WARNING, "{n} [utterance has|utterances have] no label", bare)
    if not any(utterance.speaker for utterance in labels):
        yield Finding("speaker-missing", Severity.WARNING, "no utterance names a speaker: no speaker-disjoint split")


def _values(opened: store.Store) -> Iterator[Finding]:
    """Columns whose numbers are not finite, or the same everywhere, in a sample of utterances."""
    constant, infinite = [], []
    for column in opened.columns:
        rows = np.flatnonzero(opened.status(column) == 0)
        sample = rows[np.linspace(0, len(rows) - 1, min(SAMPLED_ROWS, len(rows))).astype(int)] if len(rows) else rows
        try:
            values = [opened.read(column, int(row)) for row in sample]
        except FeaturekitError:
            continue  # verify has said it
        if not all(np.isfinite(value).all() for value in values):
            infinite.append(Item((column,)))
        extremes = {float(extreme) for value in values if value.size for extreme in (value.min(), value.max())}
        if len(extremes) == 1:
            constant.append(Item((column,), f"{extremes.pop():g} everywhere, in {len(values)} utterances looked at"))
    yield from seen("values", Severity.ERROR, "{n} [column holds|columns hold] numbers that are not finite", infinite)
    yield from seen("constant", Severity.WARNING, "{n} [column says|columns say] nothing: one number everywhere", constant)


def _versions(opened: store.Store) -> Iterator[Finding]:
    """Libraries that were other ones when the store was made; golden tests decide whether that changes numbers."""
    made_with = {entry for column in opened.columns.values() for entry in column.versions_of_libraries}
    other = []
    for library, made in sorted(made_with):
        try:
            here = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue  # a machine that only reads stores
        if here != made:
            other.append(Item((library,), f"{made} then, {here} here"))
    text = (
        "{n} [library was another one|libraries were others] when the store was made; new columns may differ in the last digits"
    )
    yield from seen("versions", Severity.NOTE, text, other)
