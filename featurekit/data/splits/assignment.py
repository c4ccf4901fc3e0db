"""Deal whole speakers into parts so that every class, gender and the total duration come out near the asked shares.

Each speaker is a vector of shares (of every class, gender, the seconds, the utterances); the cost of a division is the
weighted squared distance of each part's sum from its share. Largest speakers first, each to the part where the cost
falls most; then single moves and swaps as long as they help. Ties are broken by a hash, so order never matters.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np

from featurekit.errors import SplitError
from featurekit.manifest import Utterance

_MAX_STEPS = 200
_MAX_SPEAKERS_SWAPPED = 300  # swaps are quadratic in speakers; with more of them single moves do as well


def rank(name: str, seed: int) -> str:
    """A pseudo-random but lasting order: sha256 of seed and name, equal on every machine and in every manifest order."""
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogateescape")).hexdigest()


def assign_speakers(
    speakers: Mapping[str, Sequence[Utterance]], labels: Mapping[str, str], shares: Mapping[str, float], seed: int
) -> dict[str, list[str]]:
    """Speakers of each part.

    Parameters
    ----------
    speakers : mapping
        Speaker → utterances.
    labels : mapping
        Utterance id → class.
    shares : mapping
        Part → share of the whole; parts with share 0 stay empty.
    seed : int
        Breaks ties.

    Returns
    -------
    dict
        Part → speakers, sorted; every part with a share has at least one.

    Raises
    ------
    SplitError
        When there are fewer speakers than parts.
    """
    wanted = [part for part, share in shares.items() if share > 0]
    if len(speakers) < len(wanted):
        raise SplitError(
            f"{len(speakers)} speakers cannot fill {len(wanted)} parts ({', '.join(wanted)}) without sharing one; use dev=0, "
            "or --split random --allow-speaker-overlap"
        )
    names = sorted(speakers, key=lambda name: rank(name, seed))
    vectors = share_vectors([speakers[name] for name in names], labels)
    names, vectors = _largest_first(names, vectors)
    targets = np.array([shares[part] for part in wanted])
    places = _greedy(vectors, targets)
    _fill(places, vectors, targets)
    for _ in range(_MAX_STEPS):
        if not (_move(places, vectors, targets) or _swap(places, vectors, targets)):
            break
    chosen = {part: sorted(n for n, place in zip(names, places, strict=True) if wanted[place] == part) for part in wanted}
    return {part: chosen.get(part, []) for part in shares}


def share_vectors(groups: Sequence[Sequence[Utterance]], labels: Mapping[str, str]) -> np.ndarray:
    """(speakers, columns): shares of classes, gender, seconds and utterances, scaled by the root of their weight."""
    classes = sorted({labels[item.id] for group in groups for item in group})
    genders = sorted({group[0].gender for group in groups})
    rows = []
    for group in groups:
        of_class = [sum(labels[item.id] == name for item in group) for name in classes]
        of_gender = [float(group[0].gender == name) for name in genders]
        rows.append([*of_class, *of_gender, math.fsum(item.seconds or 0.0 for item in group), len(group)])
    columns = np.array(rows, dtype=np.float64)
    weights = np.array([2 / len(classes)] * len(classes) + [1 / len(genders)] * len(genders) + [1.0, 1.0])
    totals = columns.sum(axis=0)
    return np.divide(columns, totals, out=np.zeros_like(columns), where=totals > 0) * np.sqrt(weights)


def _largest_first(names: list[str], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    order = np.argsort(-np.round(np.linalg.norm(vectors, axis=1), 9), kind="stable")
    return [names[place] for place in order], vectors[order]


def _goals(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return targets[:, None] * vectors.sum(axis=0)


def _greedy(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    gaps = -_goals(vectors, targets)  # what each part has, minus what it should have
    places = np.zeros(len(vectors), dtype=np.int64)
    for row, vector in enumerate(vectors):
        places[row] = int(np.argmin(np.round(gaps @ vector, 12)))
        gaps[places[row]] += vector
    return places


def _gaps(places: np.ndarray, vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    gaps = -_goals(vectors, targets)
    np.add.at(gaps, places, vectors)
    return gaps


def _move_costs(places: np.ndarray, vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(speakers, parts): how the cost changes when one speaker goes to another part; inf where its part would empty."""
    gaps = _gaps(places, vectors, targets)
    toward = vectors @ gaps.T
    own = np.take_along_axis(toward, places[:, None], axis=1)
    costs = 2 * (toward - own + np.sum(vectors**2, axis=1, keepdims=True))
    costs[np.arange(len(places)), places] = np.inf
    alone = np.bincount(places, minlength=len(targets))[places] < 2
    costs[alone] = np.inf
    return np.round(costs, 12)


def _fill(places: np.ndarray, vectors: np.ndarray, targets: np.ndarray) -> None:
    for part in range(len(targets)):
        if not np.any(places == part):
            places[np.argmin(_move_costs(places, vectors, targets)[:, part])] = part


def _move(places: np.ndarray, vectors: np.ndarray, targets: np.ndarray) -> bool:
    costs = _move_costs(places, vectors, targets)
    row, part = np.unravel_index(np.argmin(costs), costs.shape)
    if costs[row, part] >= 0:
        return False
    places[row] = part
    return True


def _swap(places: np.ndarray, vectors: np.ndarray, targets: np.ndarray) -> bool:
    if len(places) > _MAX_SPEAKERS_SWAPPED:
        return False
    gaps = _gaps(places, vectors, targets)
    toward = vectors @ gaps.T  # (speakers, parts)
    own = np.take_along_axis(toward, places[:, None], axis=1)[:, 0]
    there = toward[:, places]  # (speaker, other): the speaker against the gap of the other's part
    squares = np.sum(vectors**2, axis=1)
    distance = squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T
    costs = 2 * (there + there.T - own[:, None] - own[None, :] + distance)
    costs[places[:, None] == places[None, :]] = np.inf
    costs = np.round(costs, 12)
    first, second = np.unravel_index(np.argmin(costs), costs.shape)
    if not costs[first, second] < 0:
        return False
    places[first], places[second] = places[second], places[first]
    return True
