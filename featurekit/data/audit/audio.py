"""Which utterances share audio: stretches of one file that overlap, and what sounds nearly the same by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from featurekit.data.audit import duplicates
from featurekit.data.audit.findings import BY_BYTES, NOT_CHECKED, Pair, how_many
from featurekit.data.audit.same import Pairs, overlapping_segments
from featurekit.data.views.store_view import StoreView
from featurekit.manifest import Utterance


def shared_audio(
    used: Sequence[Utterance], sounds: StoreView | None, doubled: Sequence[tuple[str, ...]], classes: Mapping[str, str]
) -> tuple[list[Pairs], str]:
    """Pairs that share audio, and how far audio was looked at.

    Parameters
    ----------
    used : sequence of Utterance
    sounds : Store or None
        Where it has fingerprints, near duplicates are looked for.
    doubled : sequence of tuple of str
        Identical audio, as :func:`~featurekit.data.audit.same.same_input` gives it; no pair of near duplicates.
    classes : mapping
        Id → class, which is said of near duplicates where it differs.
    """
    overlaps = overlapping_segments(used, doubled)
    column = fingerprint_column(sounds) if sounds is not None else ""
    if sounds is None or not column:
        known = sum(bool(item.fingerprint) for item in used)
        return [overlaps], BY_BYTES if known == len(used) else NOT_CHECKED
    words = _fingerprints(used, sounds, column)
    near = _near_duplicates(words, doubled, {item.id: item.speaker for item in used}, classes)
    # A child's audio is its parent's by intention, and need not have been looked at.
    return [overlaps, near], how_many(len(words), sum(item.id in words or not item.parent for item in used))


def fingerprint_column(store: StoreView) -> str:
    """Name of a store's column of audio fingerprints, under whatever preset; empty when it has none."""
    return next((name for name in store.columns if name.rpartition("/")[2] == duplicates.COLUMN), "")


def _fingerprints(used: Sequence[Utterance], sounds: StoreView, column: str) -> dict[str, np.ndarray]:
    """Id → fingerprint, of those that are long enough to be compared."""
    status = np.asarray(sounds.status(column))
    rows = {item.id: sounds.manifest.index(item.id) for item in used if item.id in sounds.manifest}
    words = {name: duplicates.words(np.asarray(sounds.read(column, row))) for name, row in rows.items() if status[row] == 0}
    return {name: frames for name, frames in words.items() if np.count_nonzero(frames) >= duplicates.MIN_FRAMES}


def _near_duplicates(
    words: Mapping[str, np.ndarray], doubled: Sequence[tuple[str, ...]], speakers: Mapping[str, str], classes: Mapping[str, str]
) -> Pairs:
    """Audio that is nearly the same, without what is the same."""
    ids = list(words)
    group_of = {name: number for number, group in enumerate(doubled) for name in group}
    found: list[Pair] = []
    same = set()
    for match in duplicates.near_duplicates(list(words.values())):
        first, second = ids[match.first], ids[match.second]
        if group_of.get(first, -1) == group_of.get(second, -2):
            continue
        detail = f"{100 * match.bit_error:.1f} % of bits differ"
        one_voice = len({speakers[first], speakers[second]} - {""}) < 2
        if duplicates.one_recording(match, words[first], words[second], one_voice=one_voice):
            same.add((first, second))
        elif first in classes and second in classes and classes[first] != classes[second]:
            detail += f"; labels {classes[first]} and {classes[second]}"
        found.append((first, second, detail))
    return Pairs("near-duplicate", "near-duplicate audio", found, frozenset(same))
