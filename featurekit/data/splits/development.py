"""Who chooses the epoch: development speakers that have every class between them, wherever some choice of speakers has.

Speakers are dealt by shares first (:mod:`~featurekit.data.splits.assignment`). Where what came out lacks a class, other choices
are tried: as many speakers as the shares gave, then one more, one fewer and so on; of those that have every class and leave
every class to training the one nearest to the shares.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from featurekit.data.splits.assignment import rank, share_vectors
from featurekit.manifest import Utterance

_MOST_CHOICES = 20_000  # of one size; of more, the best is looked for step by step
_MOST_SWAPPED = 100


def covering(
    speakers: Mapping[str, Sequence[Utterance]], labels: Mapping[str, str], dev: Sequence[str], share: float, seed: int
) -> list[str]:
    """Development speakers that have every class that two speakers have; those given where they do, or where nobody could.

    Parameters
    ----------
    speakers : mapping
        Speaker → utterances, of training and development together.
    labels : mapping
        Utterance id → class.
    dev : sequence of str
        Development speakers as the shares gave them.
    share : float
        The share of the utterances that was asked for.
    seed : int
        Breaks ties.

    Returns
    -------
    list of str
        Sorted. Never more than half of the utterances, and training keeps every class.
    """
    names = sorted(speakers, key=lambda name: rank(name, seed))
    classes = sorted({labels[item.id] for items in speakers.values() for item in items})
    has = np.array([[any(labels[item.id] == label for item in speakers[name]) for label in classes] for name in names])
    search = _Search(has, share_vectors([speakers[name] for name in names], labels), share, [len(speakers[n]) for n in names])
    given = tuple(sorted(names.index(name) for name in dev))
    if search.lacking(given) == 0:
        return sorted(dev)
    sizes = sorted(range(1, len(names)), key=lambda size: (abs(size - len(given)), size))
    few = [size for size in sizes if math.comb(len(names), size) <= _MOST_CHOICES]
    best = given if len(given) in few else search.climb(given)
    for size in few:
        if search.lacking(best) == 0:
            break
        best = min(best, search.best_of(size) or best, key=search.lacking)
    return sorted(names[place] for place in best)


class _Search:
    """Choices of development speakers, and what each lacks.

    Parameters
    ----------
    has : bool array [shape=(speakers, classes)]
    vectors : float array [shape=(speakers, columns)]
        As :func:`~featurekit.data.splits.assignment.share_vectors` gives them.
    share : float
    counts : sequence of int
        Utterances of each speaker.
    """

    def __init__(self, has: np.ndarray, vectors: np.ndarray, share: float, counts: Sequence[int]) -> None:
        self.has, self.vectors, self.counts = has, vectors, np.array(counts)
        self.speakers_of_class = has.sum(axis=0)
        self.goal = share * vectors.sum(axis=0)

    def lacking(self, chosen: Sequence[int]) -> int:
        """Classes that dev lacks and could have, and many for each that training lacks."""
        return int(self._judged(np.array([chosen]))[0][0])

    def best_of(self, size: int) -> tuple[int, ...] | None:
        """The choice of so many speakers that lacks least, and of those the nearest to the shares."""
        choices = np.array(list(itertools.combinations(range(len(self.has)), size)))
        lacking, cost, allowed = self._judged(choices)
        if not allowed.any():
            return None
        order = np.lexsort((np.round(cost, 12), lacking, ~allowed))
        return tuple(choices[order[0]].tolist())

    def climb(self, start: Sequence[int]) -> tuple[int, ...]:
        """From a choice to a better one, by one speaker more, fewer or another, as long as that helps."""
        chosen = set(start)
        while True:
            inside, outside = sorted(chosen), [place for place in range(len(self.has)) if place not in chosen]
            moves = [chosen, *(chosen | {new} for new in outside), *(chosen - {old} for old in inside if len(inside) > 1)]
            # Swaps are quadratic in speakers; with very many of them single moves do as well.
            moves += [chosen - {old} | {new} for old in inside for new in outside if len(self.has) <= _MOST_SWAPPED]
            judged = [[float(found[0]) for found in self._judged(np.array([sorted(move)]))] for move in moves]
            ranked = min(
                range(len(moves)), key=lambda place: (not judged[place][2], judged[place][0], round(judged[place][1], 12))
            )
            if ranked == 0:
                return tuple(sorted(chosen))
            chosen = moves[ranked]

    def _judged(self, choices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What each choice lacks, its distance from the shares, and whether it is at most half of the utterances."""
        speakers_in_dev = self.has[choices].sum(axis=1)
        dev_lacks = ((speakers_in_dev == 0) & (self.speakers_of_class > 1)).sum(axis=1)
        train_lacks = (speakers_in_dev == self.speakers_of_class).sum(axis=1)
        cost = np.sum((self.vectors[choices].sum(axis=1) - self.goal) ** 2, axis=1)
        is_small = 2 * self.counts[choices].sum(axis=1) <= self.counts.sum()
        return dev_lacks + train_lacks * (self.has.shape[1] + 1), cost, is_small
