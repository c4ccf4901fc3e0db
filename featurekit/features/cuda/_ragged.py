"""Rows of many utterances one after another, and the frames that are cut out of them.

Nothing is padded to the longest utterance, so nothing has to be masked and no utterance can change another; an operation
on rows is the same operation alone and in a batch. What is said of an utterance (a maximum, a tuning) has a first axis of
utterances and reaches its rows through :attr:`Rows.owner`. Counts of rows are known on the host, so that nothing waits
for the device.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from featurekit import page_locked

# Frames a call of the FFT. One size, whatever the batch: a plan of the FFT is made once, and its frames do not know
# with which others they are transformed.
FRAMES_PER_CALL = 1024


class Rows:
    """How many rows each utterance has.

    Parameters
    ----------
    counts : iterable of int
    device : torch.device
    """

    def __init__(self, counts: Iterable[int], device: torch.device) -> None:
        self.counts, self.device = tuple(counts), device
        self.total = sum(self.counts)

    @cached_property
    def count(self) -> torch.Tensor:
        """Rows of each utterance [shape=(utterances,), int64]."""
        with page_locked.told():
            counts = torch.tensor(self.counts, dtype=torch.int64, pin_memory=self.device.type == "cuda")
        return counts.to(self.device, non_blocking=True)

    @cached_property
    def start(self) -> torch.Tensor:
        """First row of each utterance [shape=(utterances,), int64]."""
        return self.count.cumsum(0) - self.count

    @cached_property
    def owner(self) -> torch.Tensor:
        """Utterance of each row [shape=(rows,), int64]."""
        numbers = torch.arange(len(self.counts), device=self.device)
        return torch.repeat_interleave(numbers, self.count, output_size=self.total)

    @cached_property
    def place(self) -> torch.Tensor:
        """Number of each row within its utterance [shape=(rows,), int64]."""
        return torch.arange(self.total, device=self.device) - self.start[self.owner]

    def maximum(self, values: torch.Tensor) -> torch.Tensor:
        """Largest value of each utterance [shape=(utterances,)], of values by row [shape=(rows, …)]."""
        by_row = values.flatten(1).amax(1) if values.dim() > 1 else values
        start = torch.full((len(self.counts),), -math.inf, dtype=values.dtype, device=self.device)
        return start.scatter_reduce(0, self.owner, by_row, "amax")

    def sums(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of each utterance [shape=(utterances, dims)], of values by row [shape=(rows, dims)]."""
        return torch.segment_reduce(values, "sum", lengths=self.count, axis=0, unsafe=True)


@dataclass(frozen=True, eq=False)
class Ragged:
    """Values by row: samples [shape=(samples,)] or frames first [shape=(frames, dims)], and whose they are."""

    values: torch.Tensor
    rows: Rows

    @cached_property
    def doubled(self) -> torch.Tensor:
        """The values in float64, for sums; made once for all that sum them."""
        return self.values.double()

    def like(self, values: torch.Tensor) -> Ragged:
        """Other values of the same rows."""
        return Ragged(values, self.rows)

    def constant(self, array: np.ndarray) -> torch.Tensor:
        """An array on the device of the values, which nobody writes to."""
        return _on_device(array.tobytes(), array.dtype.str, array.shape, self.values.device)


# A copy makes the host wait for all work before it, so windows, banks and weights are copied once.
@functools.lru_cache(maxsize=256)
def _on_device(data: bytes, dtype: str, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(bytearray(data), dtype).reshape(shape)).to(device)


@dataclass(frozen=True, eq=False)
class Frames:
    """Where the frames of a signal lie: frame t of an utterance begins ``t * hop_length`` into its padded stretch.

    Attributes
    ----------
    buffer : torch.Tensor
        Padded signals one after another; each begins at a multiple of the hop.
    index : torch.Tensor [shape=(frames,), int64]
        Beginning of each frame in hops.
    rows : Rows
        Of the frames.
    """

    buffer: torch.Tensor
    index: torch.Tensor
    rows: Rows
    hop_length: int

    def cut(self, length: int, index: torch.Tensor | None = None) -> torch.Tensor:
        """Frames of ``length`` samples [shape=(frames, length)]."""
        return self.buffer.unfold(0, length, self.hop_length)[self.index if index is None else index]

    def sums(self, length: int) -> torch.Tensor:
        """Sums over frames of ``length`` samples, from sums over the blocks that frames share [shape=(frames,)]."""
        block = math.gcd(length, self.hop_length)
        blocks = self.buffer.view(-1, block).sum(1)
        return blocks.unfold(0, length // block, self.hop_length // block)[self.index].sum(1)

    def calls(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Frames in calls of one size: their rows, and their beginnings, filled up behind the last."""
        size = min(FRAMES_PER_CALL, 1 << (self.rows.total - 1).bit_length())
        filled = torch.nn.functional.pad(self.index, (0, -self.rows.total % size))
        for first in range(0, self.rows.total, size):
            yield slice(first, min(first + size, self.rows.total)), filled[first : first + size]


def framed(
    signal: Ragged, n_frames: Iterable[int], length: int, hop_length: int, *, lead: int, mirrored: bool = False
) -> Frames:
    """Lay signals out so that frames can be cut.

    Parameters
    ----------
    signal : Ragged
        Samples, of any dtype.
    n_frames : iterable of int
        Of each utterance.
    length, hop_length : int
        Samples of a frame, and between frames.
    lead : int
        Samples of padding before the first; negative to begin inside the signal.
    mirrored : bool
        Pad with the signal mirrored at its ends, which repeats them; else with zeros.
    """
    device = signal.values.device
    rows = Rows(n_frames, device)
    needed = ((count - 1) * hop_length + length for count in rows.counts)
    stretches = Rows((math.ceil(samples / hop_length) * hop_length for samples in needed), device)
    source, owner = stretches.place - lead, stretches.owner
    size, begin = signal.rows.count[owner], signal.rows.start[owner]
    if mirrored:
        source = source.remainder(2 * size)
        buffer = signal.values[begin + torch.minimum(source, 2 * size - 1 - source)]
    else:
        inside = (source >= 0) & (source < size)
        buffer = signal.values[begin + source.clamp_min(0).minimum(size - 1)].masked_fill_(~inside, 0)
    index = (stretches.start // hop_length)[rows.owner] + rows.place
    return Frames(buffer, index, rows, hop_length)


def centred(signal: Ragged, n_fft: int, hop_length: int) -> Frames:
    """Zero-padded frames of ``n_fft`` samples around every ``hop_length``-th one, as the CPU's ``centred_frames``."""
    counts = (1 + samples // hop_length for samples in signal.rows.counts)
    return framed(signal, counts, n_fft, hop_length, lead=n_fft // 2)
