"""How loud a signal is, and whether every sample of it is a number, found while it is decoded."""

from __future__ import annotations

import numpy as np

from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

SILENT_PEAK = 1e-4
CLIPPED_RUN = 3


class Levels:
    """What is said of the samples of one segment, block by block.

    Parameters
    ----------
    subtype : str
        libsndfile's sample type, which says what full scale is.
    sample_rate : int
        In Hz.
    """

    def __init__(self, subtype: str, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._full_scale = _full_scale(subtype)
        self._samples = self._clipped = self._bad = 0
        self._first_bad = 0
        self._peak = 0.0

    def hear(self, channels: np.ndarray, mono: np.ndarray) -> None:
        """Take in the next block: channels, shape (frames, channels), and the one signal made of them, shape (frames,)."""
        peak = float(max(mono.max(), -mono.min())) if len(mono) else 0.0
        if channels.shape[1] > 1 or not peak < self._full_scale:  # else nothing can be at full scale
            self._clipped += sum(_count_clipped(column, self._full_scale) for column in channels.T)
        if not np.isfinite(peak):  # the maximum of what holds a NaN is NaN
            bad = ~np.isfinite(mono)
            if not self._bad:
                self._first_bad = self._samples + int(np.argmax(bad))
            self._bad += int(np.count_nonzero(bad))
        self._peak = max(self._peak, peak)
        self._samples += len(mono)

    def refuse_nonfinite(self) -> None:
        """Refuse a segment in which not every sample is a number.

        Raises
        ------
        AudioError
            NONFINITE.
        """
        if self._bad:
            where_s = self._first_bad / self.sample_rate
            raise AudioError(Status.NONFINITE, f"{self._bad} samples are NaN or infinite, the first at {where_s:.3f} s")

    def notes(self) -> tuple[str, ...]:
        """SILENT or CLIPPED, as a tuple of one sentence; an empty one where the level is ordinary."""
        if self._peak < SILENT_PEAK:
            return (f"{Status.SILENT}: peak {self._peak:.1e} of full scale",)
        if self._peak > 1.0:
            return (f"{Status.CLIPPED}: peak {self._peak:.4g} above full scale, kept as it is",)
        return (f"{Status.CLIPPED}: {self._clipped} samples at full scale",) if self._clipped else ()


def _full_scale(subtype: str) -> float:
    """The largest positive value a sample type can hold; 1 for float files."""
    if subtype in ("FLOAT", "DOUBLE"):
        return 1.0
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_24": 24, "PCM_32": 24}.get(subtype, 16)  # float32 holds 24 bits
    return 1.0 - 2.0 ** (1 - bits)


def _count_clipped(column: np.ndarray, full_scale: float) -> int:
    """Samples that stand at full scale in runs of three or more."""
    hot = np.abs(column) >= full_scale
    if np.count_nonzero(hot) < CLIPPED_RUN:
        return 0
    edges = np.flatnonzero(np.diff(hot, prepend=False, append=False))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= CLIPPED_RUN].sum())
