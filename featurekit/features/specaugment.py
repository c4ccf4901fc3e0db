"""SpecAugment on the log-mel of one utterance, before anything reads it: time is warped, then blocks are set to the mean.

Masks fall where a node of the graph says that it gives a log-mel (``log_mel=True``), or has one inside it (``masked``).
On batches of stored features see :mod:`featurekit.data.augment.specaugment`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.binding import Bound
from featurekit.features.columns import Column


@dataclass(frozen=True)
class SpecAugment:
    """Warp and mask a log-mel; the defaults are the policy LibriSpeech basic (Park et al. 2019, Table 1).

    Parameters
    ----------
    time_warp : int
        W, how far the warped point may move, in frames; 0 warps nothing.
    frequency_masks, frequency_width : int
        How many blocks of bands, each of 0 to ``frequency_width`` (F) of them.
    time_masks, time_width : int
        How many blocks of frames, each of 0 to ``time_width`` (T) of them.
    draw : int
        What the random numbers are a function of, with the number of a part.

    Notes
    -----
    The paper's log-mel has mean 0, and masks are 0. Here they are the mean over all bands and frames of the utterance. A point
    moves by at most W frames either way, time on its two sides is stretched linearly. The paper leaves utterances of less
    than 2W frames open; here W is at most a quarter of the utterance. A time mask may take the whole of a short one (p = 1).

    Raises
    ------
    ParameterError
        For a negative number.
    """

    time_warp: int = 80
    frequency_masks: int = 1
    frequency_width: int = 27
    time_masks: int = 1
    time_width: int = 100
    draw: int = 0

    def __post_init__(self) -> None:
        counts = (self.time_warp, self.frequency_masks, self.frequency_width, self.time_masks, self.time_width)
        if min(counts) < 0:
            raise ParameterError(f"specaugment needs counts and widths of 0 or more, got {self}")

    def __call__(self, log_mel: np.ndarray, part: int = 0) -> np.ndarray:
        """Change a log-mel.

        Parameters
        ----------
        log_mel : np.ndarray [shape=(bands, frames)]
        part : int
            Which part of the utterance this is, where it is heard in several.

        Returns
        -------
        np.ndarray [shape=(bands, frames)]
            float32, a new array.
        """
        rng = np.random.default_rng((self.draw, part))
        n_bands, n_frames = log_mel.shape
        changed = _warped(log_mel.astype(np.float64), self.time_warp, rng)
        mean = changed.mean()
        for _ in range(self.frequency_masks):
            changed[_block(n_bands, self.frequency_width, rng)] = mean
        for _ in range(self.time_masks):
            changed[:, _block(n_frames, self.time_width, rng)] = mean
        return changed.astype(np.float32)


def without_log_mel(columns: Iterable[Column]) -> list[Column]:
    """Columns that hear the signal by any way on which there is no log-mel: masks would not, or not wholly, reach them."""
    return [column for column in columns if not _covered(column.bound())]


def falls_on(bound: Bound) -> bool:
    """Whether masks fall on this node's log-mel, its value or one inside it."""
    declared = False if bound.node is None else bound.node.log_mel
    return declared(bound.settings) if callable(declared) else declared


def _covered(bound: Bound) -> bool:
    if falls_on(bound):
        return True
    if bound.node is None:
        return bound.name != "signal"
    return all(_covered(upstream) for upstream in bound.inputs)


def _block(length: int, widest: int, rng: np.random.Generator) -> slice:
    width = int(rng.integers(min(widest, length) + 1))
    start = int(rng.integers(length - width + 1))
    return slice(start, start + width)


def _warped(values: np.ndarray, reach: int, rng: np.random.Generator) -> np.ndarray:
    last = values.shape[1] - 1
    reach = min(reach, values.shape[1] // 4)
    origin = reach + int(rng.integers(max(0, last - 2 * reach) + 1))
    moved = origin + int(rng.integers(2 * reach + 1)) - reach
    if not reach:
        return values
    moved = min(max(moved, 1), last - 1)
    along = np.arange(last + 1)
    source = np.interp(along, [0, moved, last], [0, origin, last])
    low = np.minimum(source.astype(np.int64), last - 1)
    weight = source - low
    return (1 - weight) * values[:, low] + weight * values[:, low + 1]
