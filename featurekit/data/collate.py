"""Samples → one batch of torch tensors, zero-padded in time, with the true lengths beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from featurekit.data.dataset import Sample
from featurekit.errors import ParameterError


@dataclass(frozen=True)
class Batch:
    """What a model's ``forward`` takes: B targets with C context slots each, the target in the middle.

    Parameters
    ----------
    frames : float32 tensor (B, C, T, D), or None
        0 beyond each length, which after normalisation is the mean.
    lengths : int64 tensor (B, C)
        Frames of each slot; 0 where it is empty.
    images : float32 tensor (B, C, H, W), or None
        0 where the slot is empty.
    text : int64 tensor (B, C, L), or None
        Word numbers; 0 beyond each length.
    text_lengths : int64 tensor (B, C), or None
        Words of each slot; 0 where it is empty.
    present : bool tensor (B, C)
        Which slots exist; the middle one always does.
    labels : int64 tensor (B,) or float tensor (B, K)
        Class numbers, or a distribution over classes.
    ids : list of str
        The targets' ids.
    columns : dict
        Column → slice of D.
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

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: str | torch.device) -> Batch:
        """The same batch with its tensors on ``device``."""
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory; a DataLoader calls this."""
        return self._mapped(lambda tensor: tensor.pin_memory())

    def _mapped(self, function: Any) -> Batch:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(self, **{name: function(value) for name, value in values.items() if isinstance(value, Tensor)})


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
    labels = torch.tensor([sample.label for sample in samples])
    ids = [sample.id for sample in samples]
    return Batch(frames, lengths, images, present, labels, ids, dict(columns or {}), text, text_lengths)


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
