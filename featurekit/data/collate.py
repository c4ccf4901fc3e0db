"""Batches of torch tensors, zero-padded in time, with the true lengths beside them: stacked of samples, or gathered.

:func:`collate` stacks samples one by one and says what a batch is; a :class:`Pool` gathers the same batch from a packed
part by index, on the device the part lies on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data._utils.collate import default_collate_fn_map

from featurekit import page_locked
from featurekit.data.dataset import Sample
from featurekit.data.packed import Packed, Ragged
from featurekit.errors import ParameterError
from featurekit.notebook import Shown


@dataclass(frozen=True, repr=False)
class Batch(Shown):
    """What a model's ``forward`` takes: B targets with C context slots each, the target in the middle.

    Where the context is the whole recording, B are the recordings, C their utterances, ``targets`` says which of these are
    judged, and labels and ids are theirs, row by row.

    Parameters
    ----------
    frames : float32 tensor (B, C, T, D), or None
        0 beyond each length, which after normalisation is the mean. float16 while they travel, where they are stored so.
    lengths : int64 tensor (B, C)
        Frames of each slot; 0 where it is empty.
    images : float32 tensor (B, C, H, W), or None
        0 where the slot is empty. uint8 or float16 while they travel (:meth:`Pool.batch`).
    text : int64 tensor (B, C, L), or None
        Word numbers; 0 beyond each length.
    text_lengths : int64 tensor (B, C), or None
        Words of each slot; 0 where it is empty.
    present : bool tensor (B, C)
        Which slots exist; the middle one always does.
    labels : int64 tensor (B,) or float32 tensor (B, K)
        Class numbers; or a distribution over classes, or ratings.
    ids : list of str
        The targets' ids.
    columns : dict
        Column → slice of D.
    targets : bool tensor (B, C), or None
        Which slots are targets; None is the middle one of each row.
    """

    frames: Tensor | None
    lengths: Tensor
    images: Tensor | None
    present: Tensor
    labels: Tensor
    ids: list[str]
    columns: dict[str, slice] = field(default_factory=dict)
    text: Tensor | None = None
    text_lengths: Tensor | None = None
    targets: Tensor | None = None

    def _shown_facts(self) -> dict[str, Any]:
        tensors = {item.name: getattr(self, item.name) for item in fields(self)}
        shapes = {name: tuple(value.shape) for name, value in tensors.items() if isinstance(value, Tensor)}
        return {"utterances": len(self), **shapes, "on": str(self.labels.device), "ids": self.ids}

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: str | torch.device) -> Batch:
        """The same batch with its tensors on ``device``."""
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory; where there is no more, that is said (:mod:`featurekit.page_locked`)."""
        with page_locked.told():
            return self._mapped(lambda tensor: tensor.pin_memory())

    def record_stream(self, stream: torch.cuda.Stream) -> None:
        """Keep the memory of the tensors until what ``stream`` has queued is done."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                value.record_stream(stream)

    def _mapped(self, function: Any) -> Batch:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(self, **{name: function(value) for name, value in values.items() if isinstance(value, Tensor)})


def sent(values: Tensor, device: torch.device) -> Tensor:
    """A small tensor of the host on a device. A GPU is not waited for, which takes page-locked memory."""
    with page_locked.told():
        return (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)


def collate(samples: Sequence[Sample], n_frames: int | None = None, columns: dict[str, slice] | None = None) -> Batch:
    """Stack samples.

    Parameters
    ----------
    samples : sequence of Sample
        At least one; all of one dataset.
    n_frames : int, optional
        Pad or cut time to exactly this; by default pad to the longest of the batch (at least one frame).
    columns : dict, optional
        Column → slice of D, carried along.

    Returns
    -------
    Batch

    Raises
    ------
    ParameterError
        When there are no samples.
    """
    if not samples:
        raise ParameterError("a batch needs at least one sample")
    present = torch.from_numpy(np.stack([sample.present for sample in samples]))
    frames, lengths = None, torch.zeros(present.shape, dtype=torch.int64)
    if samples[0].frames is not None:
        frames, lengths = _pad([sample.frames or [] for sample in samples], n_frames)
    images = None
    if samples[0].images is not None:
        images = torch.from_numpy(np.stack([np.stack(sample.images or []) for sample in samples]))
    text = text_lengths = None
    if samples[0].text is not None:
        text, text_lengths = _pad([sample.text or [] for sample in samples], None)
    labels = torch.from_numpy(np.stack([sample.label for sample in samples]))
    ids = [sample.id for sample in samples]
    places = torch.tensor([-1 if sample.place is None else sample.place for sample in samples])
    targets = None if samples[0].place is None else torch.arange(present.shape[1]) == places[:, None]
    return Batch(frames, lengths, images, present, labels, ids, dict(columns or {}), text, text_lengths, targets)


def _collate_in_a_loader(samples: Sequence[Sample], **_: Any) -> Batch:
    return collate(samples, columns=getattr(samples, "columns", None))


# torch's documented way to teach every DataLoader a type of its own: no collate_fn need be named.
default_collate_fn_map[Sample] = _collate_in_a_loader


class Pool:
    """A packed part on one device, from which batches are gathered by index.

    Parameters
    ----------
    packed : Packed
        As :meth:`featurekit.data.dataset.Dataset.packed` gives it.
    device : torch.device
        Where the values are to lie; batches lie there too.
    """

    def __init__(self, packed: Packed, device: str | torch.device = "cpu") -> None:
        self._device = torch.device(device)
        self._frames = None if packed.frames is None else _Placed.of(packed.frames, self._device)
        self._words = None if packed.words is None else _Placed.of(packed.words, self._device)
        self._images = None if packed.images is None else torch.from_numpy(packed.images).to(self._device)

    def batch(
        self,
        slots: np.ndarray,
        labels: np.ndarray,
        ids: list[str],
        columns: dict[str, slice],
        targets: np.ndarray | None = None,
    ) -> Batch:
        """What :func:`collate` makes of these samples, but for bytes and halves, which a :class:`Developer` finishes.

        Parameters
        ----------
        slots : int64 array (B, C)
            Places in the packed part; -1 is an empty slot.
        labels : array (B,) or (B, K)
            Theirs.
        ids, columns
            Theirs.
        targets : bool array (B, C), optional
            Which slots these are, where they are not the middle ones.
        """
        frames = text = text_lengths = None
        lengths = torch.zeros(slots.shape, dtype=torch.int64, device=self._device)
        if self._frames is not None:
            frames, lengths = self._frames.padded(slots)
        if self._words is not None:
            text, text_lengths = self._words.padded(slots)
        images = None
        if self._images is not None:
            places = np.where(slots >= 0, slots, len(self._images) - 1).reshape(-1)
            images = self._images.index_select(0, self._sent(places)).view(*slots.shape, *self._images.shape[1:])
        present, learnt = self._sent(slots >= 0), self._sent(labels)
        judged = None if targets is None else self._sent(targets)
        return Batch(frames, lengths, images, present, learnt, ids, dict(columns), text, text_lengths, judged)

    def _sent(self, array: np.ndarray) -> Tensor:
        return sent(torch.from_numpy(np.ascontiguousarray(array)), self._device)


@dataclass(frozen=True)
class _Placed:
    """Ragged values on a device; where each array is stays on the host, so that a GPU need not be waited for."""

    values: Tensor
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, ragged: Ragged, device: torch.device) -> _Placed:
        return cls(torch.from_numpy(ragged.values).to(device), ragged.starts, ragged.lengths)

    def padded(self, slots: np.ndarray) -> tuple[Tensor, Tensor]:
        """(B, C, T, …) and (B, C)."""
        steps, device = max(int(self.lengths[slots].max()), 1), self.values.device
        starts, lengths = (sent(torch.from_numpy(places[slots]), device) for places in (self.starts, self.lengths))
        along = torch.arange(steps, device=device)
        index = torch.where(along < lengths[..., None], starts[..., None] + along, len(self.values) - 1)  # (B, C, T)
        return self.values.index_select(0, index.view(-1)).view(*slots.shape, steps, *self.values.shape[1:]), lengths


class Developer:
    """Makes float32 of what was kept and copied as it is stored, bytes and halves, on the device of the batch.

    Parameters
    ----------
    levels : float32 array (256,) or (65536,), or None
        Normalised value of each that a pixel can have (:attr:`featurekit.data.dataset.Dataset.levels`).
    moments : (float64 array (D,), float64 array (D,)) or None
        Mean and deviation of frames that are float16 (:attr:`featurekit.data.dataset.Dataset.moments`).
    device : torch.device
        Where the batches are.
    """

    def __init__(
        self, levels: np.ndarray | None, moments: tuple[np.ndarray, np.ndarray] | None, device: str | torch.device = "cpu"
    ) -> None:
        self._levels = None if levels is None else torch.from_numpy(levels).to(device)
        self._moments = None if moments is None else [torch.from_numpy(values).to(device) for values in moments]

    def __call__(self, batch: Batch) -> Batch:
        """The batch as :func:`collate` makes it, to the bit."""
        return replace(batch, frames=self._frames(batch), images=self._images(batch))

    def _frames(self, batch: Batch) -> Tensor | None:
        if batch.frames is None or batch.frames.dtype != torch.float16:
            return batch.frames
        if self._moments is None:
            return batch.frames.float()
        mean, std = self._moments
        values = batch.frames.double().sub_(mean).div_(std).nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        beyond = torch.arange(values.shape[2], device=values.device) >= batch.lengths[..., None]
        return values.masked_fill_(beyond[..., None], 0.0).float()

    def _images(self, batch: Batch) -> Tensor | None:
        if batch.images is None or self._levels is None:
            return batch.images
        stored = batch.images.view(-1)
        bits = stored.to(torch.int32) if stored.dtype == torch.uint8 else stored.view(torch.int16).to(torch.int32) & 0xFFFF
        pixels = self._levels.index_select(0, bits).view(batch.images.shape)
        if batch.images.shape[1] > 1:  # without context every slot is there
            pixels = pixels.masked_fill_(~batch.present[..., None, None], 0.0)
        return pixels


def _pad(slots: list[list[np.ndarray]], n_frames: int | None) -> tuple[Tensor, Tensor]:
    """(B, C, T, …) and (B, C); one allocation, one copy a slot."""
    lengths = np.array([[len(values) for values in sample] for sample in slots], dtype=np.int64)
    if n_frames is not None:
        lengths = np.minimum(lengths, n_frames)
    steps = n_frames or max(int(lengths.max()), 1)
    padded = np.zeros((*lengths.shape, steps, *slots[0][0].shape[1:]), dtype=slots[0][0].dtype)
    for place in np.ndindex(*lengths.shape):
        n = lengths[place]
        padded[place][:n] = slots[place[0]][place[1]][:n]
    return torch.from_numpy(padded), torch.from_numpy(lengths)
