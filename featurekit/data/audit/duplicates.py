"""Near-duplicate audio among many utterances: an inverted index of fingerprint frames, then bit errors of whole stretches.

Two utterances that share audio share some frames bit by bit, at one distance in time, even after a codec. All frames are
sorted once; equal neighbours in that order vote for (pair, distance), and only pairs with votes are compared. So the work
grows with the number of frames, not with the number of pairs.

Thresholds were read off RAVDESS and EMO-DB (``docs/leaks.md``): after MP3, Vorbis, gain and shift at most 13 % of the bits
differ; between two takes of one sentence by one speaker, at the best of all offsets, at least 25 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurekit.data.audit.same import SAME_SHARE

COLUMN = "audio_fingerprint"
MAX_BIT_ERROR = 0.20
SURE_BIT_ERROR = 0.03  # tones and synthetic voices of one pitch differ by 4 % and more, copies at one rate mostly by less
MIN_FRAMES = 32  # half a second that both speak in: of less, too few bits are independent of one another
MIN_SHARE = 0.5  # of the shorter one's frames
MIN_VOTES = 2
N_BITS = 32
# A frame is compared with so many of its equals: a frame that a hundred utterances share does not cost ten thousand pairs,
# while a hundred copies of one file are still linked one to the next.
REACH = 24
_OFFSETS_TRIED = 3


@dataclass(frozen=True)
class Match:
    """Two utterances that hold the same audio.

    Parameters
    ----------
    first, second : int
        Positions in what was compared, first < second.
    bit_error : float
        Share of bits that differ, 0 to :data:`MAX_BIT_ERROR`; unrelated audio has about 0.5.
    offset : int
        Frames by which the first lags: its frame t + offset is the second's frame t.
    frames : int
        Frames compared.
    """

    first: int
    second: int
    bit_error: float
    offset: int
    frames: int


def words(column: np.ndarray) -> np.ndarray:
    """The stored column (frames, 2) as one uint32 a frame; 0 is a frame that is not compared."""
    halves = column.astype(np.uint32)
    packed: np.ndarray = halves[:, 0] | (halves[:, 1] << np.uint32(16))
    return packed


def one_recording(match: Match, first: np.ndarray, second: np.ndarray, *, one_voice: bool) -> bool:
    """Whether two utterances that match are one recording, so that two labels of it contradict each other.

    A part of a recording may have a label of its own. Two speakers are two recordings unless hardly a bit differs.

    Parameters
    ----------
    match : Match
    first, second : uint32 array
        The fingerprints of its two utterances.
    one_voice : bool
        Whether both may be of one speaker.
    """
    longer = max(int(np.count_nonzero(first)), int(np.count_nonzero(second)))
    return match.frames >= SAME_SHARE * longer and (one_voice or match.bit_error <= SURE_BIT_ERROR)


def near_duplicates(fingerprints: Sequence[np.ndarray]) -> list[Match]:
    """All pairs of utterances that hold the same audio.

    Parameters
    ----------
    fingerprints : sequence of uint32 arrays
        One an utterance, as :func:`words` gives it; those with fewer than :data:`MIN_FRAMES` frames match nothing.

    Returns
    -------
    list of Match
        Sorted by first and second.
    """
    found: dict[tuple[int, int], Match] = {}
    for first, second, offset in _candidates(fingerprints).tolist():
        match = _compared(fingerprints, first, second, offset)
        best = found.get((first, second))
        if match is not None and (best is None or match.bit_error < best.bit_error):
            found[first, second] = match
    return [found[pair] for pair in sorted(found)]


def _candidates(fingerprints: Sequence[np.ndarray]) -> np.ndarray:
    """(first, second, offset) with enough votes, the best few offsets of each pair [shape=(candidates, 3)]."""
    lengths = np.array([len(one) for one in fingerprints], dtype=np.int64)
    if not lengths.sum():
        return np.empty((0, 3), dtype=np.int64)
    owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    time = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
    value = np.concatenate(list(fingerprints))
    order = np.argsort(value, kind="stable")  # stable: equal frames stay in the order of utterances and of time
    order = order[value[order] > 0]
    value, owner, time = value[order], owner[order], time[order]
    once = np.ones(len(value), dtype=bool)  # a held vowel repeats a frame: its first one speaks for it
    once[1:] = (value[1:] != value[:-1]) | (owner[1:] != owner[:-1])
    value, owner, time = value[once], owner[once], time[once]
    span = int(lengths.max()) * 2 + 1
    votes = [np.empty(0, dtype=np.int64)]
    for step in range(1, REACH + 1):
        at = np.flatnonzero(value[step:] == value[:-step])
        pair = owner[at].astype(np.int64) * len(lengths) + owner[at + step]
        votes.append(pair * span + (time[at] - time[at + step]) + span // 2)
    places, counts = np.unique(np.concatenate(votes), return_counts=True)
    places, counts = places[counts >= MIN_VOTES], counts[counts >= MIN_VOTES]
    pair, offset = places // span, places % span - span // 2
    ranked = np.lexsort((-counts, pair))
    pair, offset = pair[ranked], offset[ranked]
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    rank = np.arange(len(pair)) - np.repeat(starts, np.diff(starts, append=len(pair)))
    kept = rank < _OFFSETS_TRIED
    return np.stack([pair[kept] // len(lengths), pair[kept] % len(lengths), offset[kept]], axis=1)


def _compared(fingerprints: Sequence[np.ndarray], first: int, second: int, offset: int) -> Match | None:
    """The better of three neighbouring offsets, where it is near enough to be the same audio."""
    one, other = fingerprints[first], fingerprints[second]
    needed = max(MIN_FRAMES, MIN_SHARE * min(np.count_nonzero(one), np.count_nonzero(other)))
    best = None
    for shift in (offset - 1, offset, offset + 1):
        start, stop = max(0, -shift), min(len(other), len(one) - shift)
        if stop - start < needed:
            continue
        left, right = one[start + shift : stop + shift], other[start:stop]
        both = (left > 0) & (right > 0)
        frames = int(np.count_nonzero(both))
        if frames < needed:
            continue
        error = float(np.bitwise_count((left ^ right)[both]).sum(dtype=np.int64) / (frames * N_BITS))
        if error <= MAX_BIT_ERROR and (best is None or error < best.bit_error):
            best = Match(first, second, error, shift, frames)
    return best
