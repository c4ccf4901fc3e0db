"""Which utterances hold the same audio, whatever describes it: two ids, two spellings of a path, a file and a stretch of it.

Nothing is decoded here. Identical audio is known by the digest of an utterance's input where a store has looked at the files,
and by path and times; :mod:`~featurekit.data.audit.duplicates` finds what differs in its bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from featurekit.data.audit.findings import Pair
from featurekit.manifest import Utterance, one_form

OVERLAP_S = 0.1  # label tables are rounded: neighbours of one recording may touch
END_TOLERANCE_S = 0.05  # a stretch that ends so near to its file's end ends with it
SAME_SHARE = 0.75  # of the longer one: what two stretches have in common where they are one recording


@dataclass(frozen=True)
class Pairs:
    """Pairs of utterances that share audio, found once for all folds.

    Parameters
    ----------
    kind, what : str
        For programs, and in words.
    found : sequence of (str, str, str)
        Two ids and how much they share.
    same : frozenset of (str, str)
        Those of them that are one recording, not a part of one.
    """

    kind: str
    what: str
    found: Sequence[Pair]
    same: frozenset[tuple[str, str]] = frozenset()


def file_lengths(utterances: Iterable[Utterance]) -> dict[str, float]:
    """File → its length in seconds, where an utterance that goes to its end says how long it is."""
    lengths: dict[str, float] = {}
    for item in utterances:
        if item.end is None and item.duration_s is not None and not item.parent:
            lengths[file_of(item)] = (item.start or 0.0) + item.duration_s
    return lengths


def file_of(item: Utterance) -> str:
    """The file of an utterance, however its path is spelt."""
    return one_form(item.path)


def stretch(item: Utterance, lengths: Mapping[str, float]) -> tuple[float, float]:
    """Start and end in seconds; where the file goes on or ends nobody knows, the end is infinite."""
    end, length = math.inf if item.end is None else item.end, lengths.get(file_of(item), math.inf)
    return item.start or 0.0, length if end >= length - END_TOLERANCE_S else end


def same_input(utterances: Sequence[Utterance], lengths: Mapping[str, float] | None = None) -> list[tuple[str, ...]]:
    """Groups of ids whose input is the same bytes, or the same stretch of the same file; sorted.

    Parameters
    ----------
    utterances : sequence of Utterance
    lengths : mapping, optional
        File → seconds; by default what utterances say that go to their file's end.
    """
    lengths, first = file_lengths(utterances) if lengths is None else lengths, dict[object, str]()
    groups: dict[str, list[str]] = {}
    for item in utterances:
        place = (file_of(item), *stretch(item, lengths), item.channel, item.perturbation)
        mine = groups.setdefault(item.id, [item.id])
        for key in (place, item.fingerprint) if item.fingerprint else (place,):
            other = groups[first.setdefault(key, item.id)]
            if other is not mine:
                mine, other = (mine, other) if len(mine) >= len(other) else (other, mine)
                mine += other
                groups |= dict.fromkeys(other, mine)
    return sorted({tuple(sorted(group)) for group in groups.values() if len(group) > 1})


def overlapping_segments(
    utterances: Iterable[Utterance], same: Iterable[tuple[str, ...]] = (), lengths: Mapping[str, float] | None = None
) -> Pairs:
    """Segments of one file that share more than 0.1 s of it, and a whole file with each segment of it.

    Parameters
    ----------
    utterances : iterable of Utterance
    same : iterable of tuple
        Groups of :func:`same_input`; of these, two segments are named here too, whole files are not.
    lengths : mapping, optional
        As for :func:`same_input`.
    """
    by_file: dict[str, list[Utterance]] = {}
    for item in utterances:
        if not item.parent:
            by_file.setdefault(file_of(item), []).append(item)
    shared_files = [group for group in by_file.values() if len(group) > 1]
    if lengths is None:
        lengths = file_lengths(item for group in shared_files for item in group)
    whole = {item.id for group in shared_files for item in group if item.start is None and item.end is None}
    group_of = {name: number for number, group in enumerate(same) for name in group}
    found: list[Pair] = []
    alike = set()
    for group in shared_files:
        placed = sorted((*stretch(item, lengths), item.id, item.channel, item.speaker) for item in group)
        for place, (start, stop, first, channel, speaker) in enumerate(placed):
            for later, end, second, other, who in placed[place + 1 :]:
                if stop - later <= OVERLAP_S:
                    break  # sorted by start: nobody after this one overlaps either
                common_s, longer_s = min(stop, end) - later, max(stop - start, end - later)
                one_channel = channel is None or other in (None, channel)
                is_said = group_of.get(first, -1) == group_of.get(second, -2) and not whole.isdisjoint((first, second))
                if common_s > OVERLAP_S and one_channel and not is_said:
                    found.append((first, second, f"share {common_s:.1f} s" if common_s < math.inf else ""))
                    one_voice = speaker == who or not (speaker and who)  # two people may speak at once
                    alike |= {(first, second)} if one_voice and SAME_SHARE * longer_s <= common_s < math.inf else set()
    return Pairs("overlap", "segments that overlap in time", found, frozenset(alike))
