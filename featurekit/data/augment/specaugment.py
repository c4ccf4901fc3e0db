"""SpecAugment: time is warped, blocks of frames and of dimensions are masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from featurekit.data.augment.sampling import block, drawn, read_between, whole
from featurekit.errors import ParameterError, UnknownNameError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from featurekit.data.collate import Batch


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

    def check(self, specs: Mapping[str, str]) -> None:
        """Refuse a ``column`` that is none of the columns of frames (name → the request that computes it).

        Raises
        ------
        UnknownNameError
            When it is not.
        """
        if self.column is not None and self.column not in specs:
            raise UnknownNameError("column", self.column, specs)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → changed batch; lengths and labels stay."""
        import torch

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
        return batch.columns[self.column]

    def _changed(self, values: Tensor, lengths: Tensor, band: slice, generator: torch.Generator) -> Tensor:
        """(B, C, T, D) warped and masked, but for those that ``p`` spares."""
        import torch

        warped = read_between(values, *_warp(lengths, values.shape[2], self.time_warp // self.subsampling, generator))
        keep = self._keep(lengths, values.shape[2], band, values.shape[3], generator)
        spared = (drawn(lengths, generator) >= self.p)[..., None, None]
        return torch.where(spared, values, warped * keep)

    def _keep(self, lengths: Tensor, steps: int, band: slice, dims: int, generator: torch.Generator) -> Tensor:
        """(B, C, T, D) of 0 and 1."""
        import torch

        kept_time = torch.ones(*lengths.shape, steps, dtype=torch.bool, device=lengths.device)
        for _ in range(self.time_masks):
            kept_time &= ~block(lengths, self.time_width // self.subsampling, steps, generator)
        kept_band = torch.ones(*lengths.shape, dims, dtype=torch.bool, device=lengths.device)
        for _ in range(self.frequency_masks):
            width = torch.full_like(lengths, band.stop - band.start)
            kept_band[..., band] &= ~block(width, self.frequency_width, band.stop - band.start, generator)
        return kept_time[..., None] & kept_band[..., None, :]


def _warp(lengths: Tensor, steps: int, reach: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """For each frame of each slot (B, C, T) the two frames it lies between, and how far it is from the first."""
    import torch

    last = (lengths - 1).clamp(min=0)
    reach_of = (lengths // 4).clamp(max=reach)
    origin = reach_of + whole((last - 2 * reach_of).clamp(min=0), generator)
    moved = origin + whole(2 * reach_of, generator) - reach_of
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
