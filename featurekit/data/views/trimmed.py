"""A store without the silence at both ends of each utterance: a view on it, which everything reads as it reads a store.

A frame is silent where the level of the signal (the column ``rms``) lies more than ``trim_db`` below that of the
utterance's loudest frame. What lies before the first frame that is not, and after the last one, is left out of every frame
column, by time where a column runs on another clock; silence inside stays. Vectors and images are of the whole utterance
and stay as they are. A recurrent network that answers with its last state forgets over a second of silence (docs/training.md).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from featurekit.data.views.store_view import DelegatingView, StoreView
from featurekit.store import ColumnInfo


class TrimmedStore(DelegatingView):
    """The frames of a store between the silences.

    Parameters
    ----------
    store : StoreView
        With the column ``level``.
    trim_db : float
        How far below the loudest frame silence begins.
    level : str
        Column of the root mean square of each frame.
    """

    def __init__(self, store: StoreView, trim_db: float, level: str) -> None:
        super().__init__(store)
        self.trim_db, self.level = trim_db, level
        self._spans: dict[str, np.ndarray] = {}

    def lengths(self, column: str) -> np.ndarray:
        """Rows of each utterance that are left, int64 (n,)."""
        return np.diff(self.spans(column), axis=1)[:, 0]

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of one utterance, without the frames that are left out."""
        values = self.store.read(column, index)
        if self.columns[column].kind != "frames":
            return values  # the rows of an image are no frames
        start, stop = self.spans(column)[index].tolist()
        return values[start:stop]

    def spans(self, column: str) -> np.ndarray:
        """First frame that is kept and the one after the last, of each utterance, int64 (n, 2)."""
        if column not in self._spans:
            lengths = np.asarray(self.store.lengths(column), dtype=np.int64)
            whole = np.stack([np.zeros_like(lengths), lengths], axis=1)
            clocks = self.columns[self.level], self.columns[column]
            self._spans[column] = on_clock(self._loud, *clocks, lengths) if clocks[1].kind == "frames" else whole
        return self._spans[column]

    @cached_property
    def _loud(self) -> np.ndarray:
        """Spans on the clock of the level; read once."""
        usable = np.asarray(self.store.status(self.level)) == 0
        found = [loud(self.store.read(self.level, row), self.trim_db) if fine else (0, 0) for row, fine in enumerate(usable)]
        return np.array(found, dtype=np.int64).reshape(-1, 2)


def loud(level: np.ndarray, trim_db: float) -> tuple[int, int]:
    """First frame that is not silent, and the one after the last.

    Parameters
    ----------
    level : array (frames,) or (frames, 1)
        Root mean square of each frame; what is not finite is silent.
    trim_db : float
        How far below the loudest frame silence begins. All of an utterance without a sound is kept.

    >>> loud(np.array([0.0, 0.01, 1.0, 0.0, 0.1, 0.001]), 30.0)
    (2, 5)
    """
    flat = np.nan_to_num(np.asarray(level, dtype=np.float64).reshape(-1), nan=0.0, posinf=0.0)
    if not len(flat):
        return 0, 0
    there = np.flatnonzero(flat >= flat.max() * 10 ** (-trim_db / 20))
    return int(there[0]), int(there[-1]) + 1


def on_clock(spans: np.ndarray, clock: ColumnInfo, other: ColumnInfo, lengths: np.ndarray) -> np.ndarray:
    """Spans of one clock on another one, to the nearest frame; at least one frame where there is any.

    Parameters
    ----------
    spans : int64 array (n, 2)
        On the first clock.
    clock, other : ColumnInfo
        Columns of frames, for ``hop_s`` and ``start_s`` of both.
    lengths : int64 array (n,)
        Frames there are on the other clock.
    """
    (hop_s, start_s), (other_hop_s, other_start_s) = _times(clock), _times(other)
    times_s = start_s + hop_s * (spans - [0, 1])
    frames = np.rint((times_s - other_start_s) / other_hop_s).astype(np.int64)
    starts = np.clip(frames[:, 0], 0, np.maximum(lengths - 1, 0))
    return np.stack([starts, np.minimum(np.maximum(frames[:, 1] + 1, starts + 1), lengths)], axis=1)


def _times(info: ColumnInfo) -> tuple[float, float]:
    """``hop_s`` and ``start_s`` of a column of frames, which always has a hop."""
    return float(info.hop_s or 0.0), float(info.start_s or 0.0)
