"""Augmentation of training batches, on tensors: SpecAugment, mixup, random crops and shifts in time.

An augmentation is called as ``augment(batch, generator)`` and returns a new batch; the same generator state gives the
same batch on every device, since all random numbers are drawn on the CPU. What is made of them is computed where the batch
lies: a GPU is not asked for lengths, and sent a few numbers an utterance. A :class:`~featurekit.data.dataset.Dataset`
takes one for its training part only and the training loop applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from featurekit.data.collate import Batch, sent
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.settings import from_mapping, parse_call

Augment = Callable[[Batch, torch.Generator], Batch]


@dataclass(frozen=True)
class Compose:
    """Apply augmentations one after the other."""

    steps: Sequence[Augment]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → augmented batch."""
        for step in self.steps:
            batch = step(batch, generator)
        return batch


@dataclass(frozen=True)
class SpecAugment:
    """Warp time and set random blocks of frames and of dimensions to 0, which after normalisation is the mean.

    Parameters
    ----------
    time_warp : int
        W, how far the warped point may move, in frames (LibriSpeech basic: 80); 0 warps nothing.
    time_masks, time_width : int
        How many blocks of frames, each of 0 to ``time_width`` frames (LibriSpeech basic: 1 of 100).
    frequency_masks, frequency_width : int
        How many blocks of dimensions, each of 0 to ``frequency_width`` of them (LibriSpeech basic: 1 of 27).
    subsampling : int
        Frames of the policy (10 ms) to one frame here: ``time_warp`` and ``time_width`` are divided by it. 2 for the
        features of an encoder with 50 frames a second.
    column : str, optional
        Mask frequencies inside this column only; by default over all of D.
    p : float
        Probability that an utterance is changed at all.

    Notes
    -----
    Park et al. 2019, the policy LB by default. A point of the utterance moves by at most W frames either way; time on its
    two sides is stretched and squeezed linearly, as their image warp does along a line. The paper leaves utterances of
    less than 2W frames open; here W is at most a quarter of the utterance, so that neither side vanishes. A time mask lies
    inside the true length of its utterance, so that short utterances are masked as often as long ones. On images frames
    are the columns and frequencies the rows.

    Raises
    ------
    ParameterError
        For a negative number, a subsampling below 1 or a probability outside [0, 1].
    """

    time_warp: int = 80
    time_masks: int = 1
    time_width: int = 100
    frequency_masks: int = 1
    frequency_width: int = 27
    subsampling: int = 1
    column: str | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        counts = (self.time_warp, self.time_masks, self.time_width, self.frequency_masks, self.frequency_width)
        if min(counts) < 0 or self.subsampling < 1 or not 0 <= self.p <= 1:
            raise ParameterError(f"SpecAugment needs counts and widths >= 0, subsampling >= 1 and p in [0, 1], got {self}")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → changed batch; lengths and labels stay.

        Raises
        ------
        UnknownNameError
            When ``column`` is not in the batch.
        """
        if batch.frames is not None:
            batch = replace(batch, frames=self._changed(batch.frames, batch.lengths, self._band(batch), generator))
        if batch.images is not None:
            along = batch.images.transpose(2, 3)  # (B, C, W, H): columns are frames
            full = torch.full_like(batch.lengths, along.shape[2])
            images = self._changed(along, full, slice(0, along.shape[3]), generator)
            batch = replace(batch, images=images.transpose(2, 3))
        return batch

    def _band(self, batch: Batch) -> slice:
        if self.column is None or batch.frames is None:
            return slice(0, 0 if batch.frames is None else batch.frames.shape[3])
        if self.column not in batch.columns:
            raise UnknownNameError("column", self.column, batch.columns)
        return batch.columns[self.column]

    def _changed(self, values: Tensor, lengths: Tensor, band: slice, generator: torch.Generator) -> Tensor:
        """(B, C, T, D) warped and masked, but for those that ``p`` spares."""
        warped = _stretched(values, *_warp(lengths, values.shape[2], self.time_warp // self.subsampling, generator))
        keep = self._keep(lengths, values.shape[2], band, values.shape[3], generator)
        spared = (_drawn(lengths, generator) >= self.p)[..., None, None]
        return torch.where(spared, values, warped * keep)

    def _keep(self, lengths: Tensor, steps: int, band: slice, dims: int, generator: torch.Generator) -> Tensor:
        """(B, C, T, D) of 0 and 1."""
        kept_time = torch.ones(*lengths.shape, steps, dtype=torch.bool, device=lengths.device)
        for _ in range(self.time_masks):
            kept_time &= ~_block(lengths, self.time_width // self.subsampling, steps, generator)
        kept_band = torch.ones(*lengths.shape, dims, dtype=torch.bool, device=lengths.device)
        for _ in range(self.frequency_masks):
            width = torch.full_like(lengths, band.stop - band.start)
            block = _block(width, self.frequency_width, band.stop - band.start, generator)
            kept_band[..., band] &= ~block
        return kept_time[..., None] & kept_band[..., None, :]


@dataclass(frozen=True)
class Mixup:
    """Mix each utterance with another of the batch, values and labels alike, by a share drawn from Beta(alpha, alpha).

    Parameters
    ----------
    n_classes : int
        K; class numbers (B,) become shares (B, K). Labels that are (B, K) already are mixed as they are.
    alpha : float
        0.2 leaves most utterances nearly alone, 1 draws the share evenly.

    Notes
    -----
    Zhang et al. 2018, one share a batch. Padding is 0, the mean: where one utterance has ended the other fades to it.

    Raises
    ------
    ParameterError
        When ``alpha`` is not above 0, or there are fewer than two classes.
    """

    n_classes: int
    alpha: float = 0.2

    def __post_init__(self) -> None:
        if not self.alpha > 0 or self.n_classes < 2:
            raise ParameterError(f"mixup needs alpha > 0 and two classes or more, got {self}")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → mixed batch, its labels (B, K).

        Raises
        ------
        ParameterError
            When the batch has words, which cannot be mixed.
        """
        if batch.text is not None:
            raise ParameterError("mixup cannot mix words; leave it out for a model that reads text")
        # torch has no beta distribution that takes a generator
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        share = float(rng.beta(self.alpha, self.alpha))
        other = sent(torch.from_numpy(rng.permutation(len(batch))), batch.lengths.device)
        labels = batch.labels if batch.labels.ndim == 2 else F.one_hot(batch.labels, self.n_classes)
        labels = labels.float()

        def mixed(values: Tensor | None) -> Tensor | None:
            return None if values is None else share * values + (1 - share) * values[other]

        return replace(
            batch,
            frames=mixed(batch.frames),
            images=mixed(batch.images),
            lengths=torch.maximum(batch.lengths, batch.lengths[other]),
            present=batch.present | batch.present[other],
            labels=share * labels + (1 - share) * labels[other],
        )


@dataclass(frozen=True)
class RandomCrop:
    """Cut each utterance to a random stretch of at most ``n_frames`` frames; images stay.

    The dataset must then keep all frames (``n_frames=None``), since what it cut away cannot be drawn.

    Raises
    ------
    ParameterError
        When ``n_frames`` is below 1.
    """

    n_frames: int

    def __post_init__(self) -> None:
        if self.n_frames < 1:
            raise ParameterError(f"n_frames is {self.n_frames}; expected at least 1")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → cropped batch with new lengths."""
        if batch.frames is None or batch.frames.shape[2] <= self.n_frames:
            return batch
        start = _whole((batch.lengths - self.n_frames).clamp(min=0), generator)
        index = start[..., None] + torch.arange(self.n_frames, device=start.device)  # inside T: start <= T - n_frames
        frames = batch.frames.gather(2, index[..., None].expand(-1, -1, -1, batch.frames.shape[3]))
        return replace(batch, frames=frames, lengths=batch.lengths.clamp(max=self.n_frames))


@dataclass(frozen=True)
class TimeShift:
    """Roll each utterance in time by a random number of frames, at most ``max_frames`` either way; images stay.

    What leaves at one end of the true length comes in at the other.

    Raises
    ------
    ParameterError
        When ``max_frames`` is negative.
    """

    max_frames: int = 20

    def __post_init__(self) -> None:
        if self.max_frames < 0:
            raise ParameterError(f"max_frames is {self.max_frames}; expected at least 0")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → shifted batch of the same lengths."""
        if batch.frames is None:
            return batch
        lengths = batch.lengths
        shift = _whole(torch.full_like(lengths, 2 * self.max_frames), generator) - self.max_frames
        steps = torch.arange(batch.frames.shape[2], device=lengths.device).expand(*lengths.shape, -1)
        inside = steps < lengths[..., None]
        index = torch.where(inside, (steps + shift[..., None]) % lengths[..., None].clamp(min=1), steps)
        index = index[..., None].expand(-1, -1, -1, batch.frames.shape[3])
        return replace(batch, frames=batch.frames.gather(2, index))


AUGMENTATIONS: dict[str, type[SpecAugment] | type[TimeShift] | type[Mixup]] = {
    "specaugment": SpecAugment,
    "shift": TimeShift,
    "mixup": Mixup,
}


def make_augment(requests: Sequence[str], n_classes: int) -> Compose | None:
    """Augmentations as ``--augment`` names them, in this order: ``specaugment(time_width=40)``.

    Parameters
    ----------
    requests : sequence of str
        Names of :data:`AUGMENTATIONS`, with settings where wanted.
    n_classes : int
        Of the task.

    Returns
    -------
    Compose, or None when nothing is asked for

    Raises
    ------
    UnknownNameError
        For an augmentation or setting that does not exist.
    ParameterError
        For a value that is not accepted.
    """
    steps: list[Augment] = []
    for request in requests:
        name, settings = parse_call(request)
        if name not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", name, AUGMENTATIONS)
        own = {"n_classes": n_classes} if name == "mixup" else {}
        steps.append(from_mapping(AUGMENTATIONS[name], {**settings, **own}, where=request))
    return Compose(steps) if steps else None


def describe(name: str) -> str:
    """One line on an augmentation, with its settings.

    Raises
    ------
    UnknownNameError
        When there is none of that name.
    """
    if name not in AUGMENTATIONS:
        raise UnknownNameError("augmentation", name, AUGMENTATIONS)
    kind = AUGMENTATIONS[name]
    settings = ", ".join(f"{item.name}={item.default}" for item in fields(kind) if item.name != "n_classes")
    return f"{(kind.__doc__ or '').splitlines()[0]}  [{settings}]"


def _whole(highest: Tensor, generator: torch.Generator) -> Tensor:
    """Random whole numbers from 0 to ``highest``, both included, one an element."""
    drawn = _drawn(highest, generator, torch.float64)
    return torch.minimum((drawn * (highest + 1)).floor().to(torch.int64), highest)


def _drawn(like: Tensor, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """Random numbers in [0, 1) of the host's generator, one an element of ``like`` and where that lies."""
    return sent(torch.rand(like.shape, generator=generator, dtype=dtype), like.device)


def _block(lengths: Tensor, widest: int, steps: int, generator: torch.Generator) -> Tensor:
    """(…, steps) bool: one random block a row, 0 to ``widest`` wide, inside the first ``lengths``."""
    width = _whole(lengths.clamp(max=widest), generator)
    start = _whole(lengths - width, generator)
    places = torch.arange(steps, device=lengths.device)
    return (places >= start[..., None]) & (places < (start + width)[..., None])


def _warp(lengths: Tensor, steps: int, reach: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """For each frame of each slot (B, C, T) the two frames it lies between, and how far it is from the first."""
    last = (lengths - 1).clamp(min=0)
    reach_of = (lengths // 4).clamp(max=reach)
    origin = reach_of + _whole((last - 2 * reach_of).clamp(min=0), generator)
    moved = origin + _whole(2 * reach_of, generator) - reach_of
    moved = torch.minimum(moved.clamp(min=1), (last - 1).clamp(min=1))[..., None]
    along = torch.arange(steps, device=lengths.device).expand(*lengths.shape, -1)
    origin, last = origin[..., None], last[..., None]
    before = along * (origin / moved)
    after = origin + (along - moved) * ((last - origin) / (last - moved).clamp(min=1))
    source = torch.where(along < moved, before, after).clamp(min=0)
    unchanged = (reach_of[..., None] == 0) | (along > last)
    source = torch.where(unchanged, along.float(), torch.minimum(source, last.float()))
    low = source.floor().to(torch.int64)
    high = torch.where(unchanged, low, torch.minimum(low + 1, last))
    return low, high, source - low


def _stretched(values: Tensor, low: Tensor, high: Tensor, weight: Tensor) -> Tensor:
    """(B, C, T, D) read at the places between ``low`` and ``high``."""
    size = (*low.shape, values.shape[3])
    first, second = (values.gather(2, place[..., None].expand(size)) for place in (low, high))
    return torch.lerp(first, second, weight[..., None].to(values))
