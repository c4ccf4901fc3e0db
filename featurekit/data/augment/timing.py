"""Where in time an utterance lies and how fast it goes: random crops, shifts, tempo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from featurekit.data.augment.sampling import drawn, read_between, whole
from featurekit.errors import ParameterError

if TYPE_CHECKING:
    import torch

    from featurekit.data.collate import Batch


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
        import torch

        if batch.frames is None or batch.frames.shape[2] <= self.n_frames:
            return batch
        start = whole((batch.lengths - self.n_frames).clamp(min=0), generator)
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
        import torch

        if batch.frames is None:
            return batch
        lengths = batch.lengths
        shift = whole(torch.full_like(lengths, 2 * self.max_frames), generator) - self.max_frames
        steps = torch.arange(batch.frames.shape[2], device=lengths.device).expand(*lengths.shape, -1)
        inside = steps < lengths[..., None]
        index = torch.where(inside, (steps + shift[..., None]) % lengths[..., None].clamp(min=1), steps)
        index = index[..., None].expand(-1, -1, -1, batch.frames.shape[3])
        return replace(batch, frames=batch.frames.gather(2, index))


@dataclass(frozen=True)
class Tempo:
    """Play each utterance faster or slower by a random factor within 1 ± ``spread``, its pitch kept; images stay.

    Frames are read at places between frames. An utterance becomes no longer than the frames the batch has room for.

    Raises
    ------
    ParameterError
        When ``spread`` is not in [0, 1).
    """

    spread: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.spread < 1:
            raise ParameterError(f"spread is {self.spread}; expected a share in [0, 1)")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → batch of other lengths."""
        import torch

        if batch.frames is None:
            return batch
        steps, old = batch.frames.shape[2], batch.lengths
        factor = 1 + self.spread * (2 * drawn(old, generator) - 1)
        new = torch.minimum((old / factor).round().to(old.dtype).clamp(min=1, max=steps), old * steps)  # an empty slot stays so
        last, along = (old - 1).clamp(min=0)[..., None], torch.arange(steps, device=old.device).expand(*old.shape, -1)
        source = torch.minimum(along * (last / (new - 1).clamp(min=1)[..., None]), last)
        low = source.floor().to(torch.int64)
        frames = read_between(batch.frames, low, torch.minimum(low + 1, last), source - low)
        return replace(batch, frames=frames * (along < new[..., None])[..., None], lengths=new)
