"""Packed: what rows of a store hold, end to end in memory, so that a batch is one gather and no loop over utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurekit.data.normalise import standardised
from featurekit.data.stacked import Stacked


@dataclass(frozen=True)
class Ragged:
    """Arrays of different lengths end to end.

    Parameters
    ----------
    values : array (sum of lengths + 1, …)
        The last row is 0: what lies beyond a length.
    starts, lengths : int64 array (m + 1,)
        Where each array is. The last one is the empty slot, of length 0, so that place -1 finds it.
    """

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def empty(cls, lengths: np.ndarray, shape: tuple[int, ...], dtype: type) -> Ragged:
        """Room for arrays of these lengths whose rows have this shape."""
        full = np.append(lengths, 0).astype(np.int64)
        values: np.ndarray = np.empty((int(full.sum()) + 1, *shape), dtype=dtype)
        values[-1] = 0
        return cls(values, np.cumsum(full) - full, full)

    def __getitem__(self, place: int) -> np.ndarray:
        return self.values[self.starts[place] : self.starts[place] + self.lengths[place]]


@dataclass(frozen=True)
class Packed:
    """Some rows of a store, read once; place i is the i-th of them, place -1 the empty slot.

    Parameters
    ----------
    frames : Ragged or None
        (T, D) cut to ``n_frames``: float32, normalised; or float16 as stored where all columns are that, which takes half
        the memory and is normalised by ``moments`` when it is used.
    images : array (m + 1, H, W) or None
        uint8 or float16 as stored, to be looked up in ``levels``; float32 is normalised here. The last one is 0.
    levels : float32 array (256,) or (65536,), or None
        Normalised value of each that a stored pixel can have (:attr:`Stacked.levels`).
    moments : (float64 array (D,), float64 array (D,)) or None
        Mean and deviation of frames that are float16 (:attr:`Stacked.moments`).
    words : Ragged or None
        (L,) int64.
    """

    frames: Ragged | None
    images: np.ndarray | None
    levels: np.ndarray | None
    words: Ragged | None
    moments: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def read(cls, stacked: Stacked, rows: Sequence[int], words: Mapping[int, np.ndarray] | None = None) -> Packed:
        """Read these rows, in their order: sorted, they lie in a shard as they are read.

        Parameters
        ----------
        stacked : Stacked
            A view, the columns that are read, and how.
        rows : sequence of int
            Rows of the view.
        words : mapping, optional
            Row → word numbers.
        """
        frames = images = levels = texts = None
        if stacked.layout.slices:
            halves = stacked.are_halves
            read = stacked.stored_frames if halves else stacked.frames
            frames = Ragged.empty(stacked.lengths[rows], (stacked.layout.dims,), np.float16 if halves else np.float32)
            for place, row in enumerate(rows):
                frames[place][:] = read(row)
        if stacked.layout.image:
            levels = stacked.levels
            look = stacked.image if levels is None else stacked.stored_image
            for place, row in enumerate(rows):
                pixels = look(row)
                if images is None:
                    images = np.zeros((len(rows) + 1, *pixels.shape), dtype=pixels.dtype)
                images[place] = pixels
        if words is not None:
            texts = Ragged.empty(np.array([len(words[row]) for row in rows]), (), np.int64)
            for place, row in enumerate(rows):
                texts[place][:] = words[row]
        return cls(frames, images, levels, texts, stacked.moments)

    def frame(self, place: int) -> np.ndarray:
        """(T, D) float32 of one place; (0, D) for the empty slot."""
        if self.frames is None:
            return np.zeros((0, 0), np.float32)
        values = self.frames[place]
        return values.astype(np.float32) if self.moments is None else standardised(values.astype(np.float64), *self.moments)

    def image(self, place: int) -> np.ndarray:
        """(H, W) float32 of one place; zeros for the empty slot."""
        if self.images is None or place < 0 or self.levels is None:
            return np.zeros(0, np.float32) if self.images is None else self.images[place].astype(np.float32)
        return self.levels[bits(self.images[place])]


def bits(stored: np.ndarray) -> np.ndarray:
    """Where stored pixels are in ``levels``: bytes as they are, the bits of a float16 as an unsigned number."""
    return stored.view(np.uint16) if stored.dtype == np.float16 else stored
