"""What is there twice: one stretch under two ids, a file beside its segments, recordings that are nearly the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from featurekit.data.audit.duplicates import near_duplicates, one_recording
from featurekit.data.audit.ratings import tolerance
from featurekit.data.audit.same import file_of, overlapping_segments, same_input
from featurekit.inspection.findings import Finding, Item, Severity, seen
from featurekit.inspection.hearing import Owner, agree, quarrel
from featurekit.inspection.sounds import Sound
from featurekit.manifest import Utterance

OVERLAP_S = 0.1
_QUARRELS = "this contradicts itself or leaks"


def repeated_stretches(utterances: Sequence[Utterance], sounds: Mapping[str, Sound], label: str) -> Iterator[Finding]:
    """Stretches of one file that utterances share.

    Parameters
    ----------
    utterances : sequence of Utterance
    sounds : mapping
        Path → file, for the lengths.
    label : str
        The raw label that classes are read from.
    """
    lengths = {
        file_of(item): sounds[item.path].duration_s for item in utterances if item.path in sounds and sounds[item.path].ok
    }
    groups = same_input(utterances, lengths)
    shared = {name for group in groups for name in group}
    overlaps = overlapping_segments(utterances, groups, lengths)
    of_interest = shared | {name for pair in overlaps.found for name in pair[:2]}
    by_id = {item.id: item for item in utterances if item.id in of_interest}
    most = tolerance(label, (item.labels.get(label) for item in utterances))
    owners = {name: _owner(item, label, most) for name, item in by_id.items()}
    for severity in (Severity.ERROR, Severity.WARNING):
        told = [(group, quarrel([owners[name] for name in group])) for group in groups]
        items = [Item(group, said) for group, said in told if bool(said) is (severity is Severity.ERROR)]
        advice = _QUARRELS if severity is Severity.ERROR else "keep one, or keep them in one part"
        yield from seen("same-stretch", severity, f"{{n}} [stretch|stretches] of audio [has|have] several ids: {advice}", items)
    pairs = [(one, other, share) for one, other, share in overlaps.found if not (one in shared and other in shared)]
    labels = [(one, other, " and ".join(sorted(owners[one].classes | owners[other].classes))) for one, other, _ in pairs]
    twofold = [
        Item((one, other), f"labels {said}")
        for one, other, said in labels
        if (one, other) in overlaps.same
        and len(owners[one].classes | owners[other].classes) > 1
        and not agree((owners[one], owners[other]))
    ]
    text = "{n} [pair|pairs] of segments [is|are] one recording under two labels: correct them, or leave both out"
    yield from seen("two-labels", Severity.ERROR, text, twofold)
    whole = {name for name, item in by_id.items() if item.start is None and item.end is None}
    inside = [Item((one, other), share) for one, other, share in pairs if len(whole & {one, other}) == 1]
    text = "{n} [segment lies|segments lie] in a file that is an utterance as a whole too: keep them in one part"
    yield from seen("overlap", Severity.WARNING, text, inside)
    quarrelling = {item.names for item in twofold} | {
        pair for group in groups for pair in itertools.permutations(group[:20], 2)
    }
    yield from _neighbours(utterances, quarrelling)


def near_audio(sounds: Sequence[Sound], owners: Mapping[str, Owner]) -> Iterator[Finding]:
    """Files whose audio is nearly the same: under another codec or level, or with another start.

    Parameters
    ----------
    sounds : sequence of Sound
        All files that could be decoded.
    owners : mapping
        Path → whose utterances it holds.
    """
    heard = [sound for sound in sounds if sound.ok]
    if heard and any(sound.duration_s > 1 for sound in heard) and not any(sound.fingerprint for sound in heard):
        hours = sum(sound.duration_s for sound in heard) / 3600
        how = "`featurekit audit` looks in a store with the column audio_fingerprint"
        text = f"nearly the same audio was not looked for in {hours:.0f} hours; {how}"
        yield Finding("near-unknown", Severity.NOTE, text)
        return
    prints = [np.frombuffer(sound.fingerprint, dtype=np.uint32) for sound in heard]
    found: dict[Severity, list[Item]] = {Severity.ERROR: [], Severity.WARNING: []}
    for match in near_duplicates(prints):
        pair = (heard[match.first], heard[match.second])
        if pair[0].samples_digest == pair[1].samples_digest:
            continue  # the same, and said so
        owned = [owners.get(sound.path, Owner()) for sound in pair]
        one_voice = not all(owner.speakers for owner in owned) or bool(owned[0].speakers & owned[1].speakers)
        is_one = one_recording(match, prints[match.first], prints[match.second], one_voice=one_voice)
        said = quarrel(owned)
        detail = "; ".join(word for word in (said, f"{100 * match.bit_error:.1f} % of bits differ") if word)
        found[Severity.ERROR if said and is_one else Severity.WARNING].append(Item(tuple(sound.path for sound in pair), detail))
    for severity, items in found.items():
        advice = _QUARRELS if severity is Severity.ERROR else "keep one, or keep both in one part"
        yield from seen(
            "near-audio", severity, f"{{n}} [pair|pairs] of files [holds|hold] nearly the same audio: {advice}", items
        )


def _owner(item: Utterance, label: str, tolerance: float) -> Owner:
    said = item.labels.get(label)
    speakers = frozenset((item.speaker,) if item.speaker else ())
    return Owner(speakers, frozenset(() if said is None or said == "" else (str(said),)), tolerance)


def _neighbours(utterances: Sequence[Utterance], said: set[tuple[str, ...]]) -> Iterator[Finding]:
    """Segments of one channel of one file that share more than a breath; pairs that were ``said`` already are not."""
    by_place: dict[tuple[str, int | None], list[tuple[float, float, str]]] = {}
    for utterance in utterances:
        if utterance.start is not None and utterance.end is not None:
            place = by_place.setdefault((file_of(utterance), utterance.channel), [])
            place.append((utterance.start, utterance.end, utterance.id))
    shared: list[Item] = []
    mostly: list[Item] = []
    for segments in by_place.values():
        segments.sort()
        for (start, end, name), (next_start, next_end, next_name) in itertools.pairwise(segments):
            overlap_s = min(end, next_end) - next_start
            if overlap_s > OVERLAP_S and (name, next_name) not in said:
                shorter_s = min(end - start, next_end - next_start)
                item = Item((name, next_name), f"{overlap_s:.2f} s shared of {shorter_s:.2f} s")
                (mostly if overlap_s > 0.5 * shorter_s else shared).append(item)
    text = "{n} [pair|pairs] of neighbouring segments [shares|share] most of [its|their] audio: keep them in one part"
    yield from seen("overlap", Severity.WARNING, text, mostly)
    text = f"{{n}} [pair|pairs] of neighbouring segments [overlaps|overlap] by more than {OVERLAP_S} s"
    yield from seen("overlap", Severity.NOTE, text, shared)
