"""Batches of a dataset, in an order that depends on seed and epoch only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader

from featurekit.data.collate import Batch, collate
from featurekit.data.dataset import Dataset


def shuffled(n: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Random batches; a last batch of one joins the one before, since batch normalisation cannot train on one.

    Parameters
    ----------
    n : int
        Utterances.
    batch_size, seed, epoch : int
        The order is a function of these.

    Returns
    -------
    list of list of int
        Every index once.
    """
    return _cut(np.random.default_rng((seed, epoch)).permutation(n).tolist(), batch_size, join=True)


def in_order(n: int, batch_size: int) -> list[list[int]]:
    """Batches in the dataset's own order."""
    return _cut(list(range(n)), batch_size, join=False)


def by_length(lengths: np.ndarray, batch_size: int) -> list[list[int]]:
    """Batches of similar length, shortest first, so that little is padded; for evaluation only."""
    return _cut(np.argsort(lengths, kind="stable").tolist(), batch_size, join=False)


def _cut(order: list[int], batch_size: int, *, join: bool) -> list[list[int]]:
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if join and len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches


class Batches:
    """Iterate over batches of a dataset, in place or by worker processes that live through all epochs.

    Parameters
    ----------
    dataset : Dataset
        Where samples come from.
    workers : int
        Processes; 0 prepares batches in place.
    pin_memory : bool
        Page-locked memory, for a GPU; with workers only.
    """

    def __init__(self, dataset: Dataset, *, workers: int = 0, pin_memory: bool = False) -> None:
        self._dataset, self._order = dataset, _Order()
        self._collate = partial(collate, columns=dataset.columns)
        self._loader: DataLoader[Batch] | None = None
        if workers:
            self._loader = DataLoader(
                dataset,  # type: ignore[arg-type]
                batch_sampler=self._order,
                num_workers=workers,
                persistent_workers=True,
                collate_fn=self._collate,
                pin_memory=pin_memory,
                generator=torch.Generator(),  # otherwise it draws from the seeded stream, and workers change the result
            )

    def of(self, order: list[list[int]]) -> Iterator[Batch]:
        """The batches of one pass, in this order."""
        if self._loader is None:
            return (self._collate([self._dataset[index] for index in indices]) for indices in order)
        self._order.batches = order
        return iter(self._loader)


class _Order:
    """A batch sampler whose batches are set before each pass."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)
