"""Batches of a dataset, in an order that depends on seed and epoch only, from wherever its values lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.utils.data import DataLoader

from featurekit.data.collate import Batch, Developer, Pool
from featurekit.data.dataset import Dataset

Order = list[list[int]]


Groups = Sequence[Sequence[int]] | None  # what stays together in a batch (``Dataset.recordings``); None is each by itself


def shuffled(n: int, batch_size: int, seed: int, epoch: int, groups: Groups = None) -> Order:
    """Random batches; a last batch of one joins the one before, since batch normalisation cannot train on one.

    Parameters
    ----------
    n : int
        Utterances.
    batch_size, seed, epoch : int
        The order is a function of these.
    groups : list of lists of int, optional
        Indices that stay together: ``batch_size`` counts these.

    Returns
    -------
    list of list of int
        Every index once.
    """
    pieces = n if groups is None else len(groups)
    return _whole(_cut(np.random.default_rng((seed, epoch)).permutation(pieces).tolist(), batch_size, join=True), groups)


def in_order(n: int, batch_size: int, groups: Groups = None) -> Order:
    """Batches in the dataset's own order."""
    return _whole(_cut(list(range(n if groups is None else len(groups))), batch_size, join=False), groups)


def by_length(lengths: np.ndarray, batch_size: int, groups: Groups = None) -> Order:
    """Batches of similar length, shortest first, so that little is padded; for evaluation only."""
    sizes = lengths if groups is None else np.array([len(group) for group in groups])
    return _whole(_cut(np.argsort(sizes, kind="stable").tolist(), batch_size, join=False), groups)


def _whole(order: Order, groups: Groups) -> Order:
    return order if groups is None else [[index for piece in batch for index in groups[piece]] for batch in order]


def _cut(order: list[int], batch_size: int, *, join: bool) -> Order:
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if join and len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches


class Batches:
    """The batches of a dataset on a device, finished but for augmentation.

    Parameters
    ----------
    dataset : Dataset
        Where samples come from.
    device : torch.device
        Where batches are wanted.
    residency : {"device", "pinned", "stream"}
        Where the values lie (:mod:`featurekit.training.residency`).
    workers : int
        Processes that read, when streaming; they live through all epochs.
    """

    def __init__(
        self, dataset: Dataset, device: str | torch.device = "cpu", *, residency: str = "device", workers: int = 0
    ) -> None:
        self._dataset, self._device = dataset, torch.device(device)
        self._source: Callable[[Order], Iterator[Batch]]
        if residency == "stream":
            self._source = _streamed(dataset, workers)
        else:
            pool = Pool(dataset.packed(), self._device if residency == "device" else "cpu")
            self._source = lambda order: (_gathered(dataset, pool, indices) for indices in order)
        self._ahead = self._on_gpu and residency != "device"
        self._developed = Developer(dataset.levels, dataset.moments, self._device)

    def of(self, order: Order) -> Iterator[Batch]:
        """The batches of one pass, in this order."""
        batches = self._source(order)
        if self._ahead:
            batches = _copied_ahead(batches, self._device)
        return (self._developed(batch.to(self._device)) for batch in batches)

    @property
    def _on_gpu(self) -> bool:
        return self._device.type == "cuda"


def _gathered(dataset: Dataset, pool: Pool, indices: Sequence[int]) -> Batch:
    return _batch(dataset, pool, indices, dataset.slots[indices])


def _batch(dataset: Dataset, pool: Pool, indices: Sequence[int], slots: np.ndarray) -> Batch:
    rows, targets = dataset.placed(indices, slots)
    return pool.batch(rows, dataset.labels[indices], [dataset.ids[index] for index in indices], dataset.columns, targets)


class _Reading:
    """The dataset as a DataLoader's workers see it: a whole batch at once, its rows read in the order of the shards."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitems__(self, indices: list[int]) -> Batch:
        packed, slots = self._dataset.packed_for(indices)
        return _batch(self._dataset, Pool(packed), indices, slots)


def _streamed(dataset: Dataset, workers: int) -> Callable[[Order], Iterator[Batch]]:
    reading, sampler = _Reading(dataset), _Sampler()
    if not workers:
        return lambda order: (reading.__getitems__(indices) for indices in order)
    loader: DataLoader[Batch] = DataLoader(
        reading,  # type: ignore[arg-type]
        batch_sampler=sampler,
        num_workers=workers,
        persistent_workers=True,
        collate_fn=_as_it_is,  # type: ignore[arg-type]
        generator=torch.Generator(),  # otherwise it draws from the seeded stream, and workers change the result
    )

    def of(order: Order) -> Iterator[Batch]:
        sampler.batches = order
        return iter(loader)

    return of


def _as_it_is(batch: Batch) -> Batch:
    return batch


class _Sampler:
    """A batch sampler whose batches are set before each pass."""

    def __init__(self) -> None:
        self.batches: Order = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def one_ahead(fetch: Callable[[], Batch | None]) -> Iterator[Batch]:
    """What ``fetch`` gives until it gives None; the next one is fetched in a thread while this one is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(fetch)
        while (batch := coming.result()) is not None:
            coming = thread.submit(fetch)
            yield batch


def _copied_ahead(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """Copy the next batch to the GPU on a stream of its own while the model works on this one."""
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def fetch() -> Batch | None:
        batch = next(batches, None)
        if batch is None:
            return None
        with torch.cuda.device(device), torch.cuda.stream(side):  # a thread's current GPU is its own
            moved = batch.pin_memory().to(device)
        side.synchronize()  # the thread waits, not the model; the page-locked buffer may go then
        return moved

    for batch in one_ahead(fetch):
        # The model's stream uses what the side stream allocated: without this its memory could be handed out again too soon.
        batch.record_stream(torch.cuda.current_stream(device))
        yield batch
