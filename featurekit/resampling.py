"""From one sample rate to another: whole signals, and what arrives in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from featurekit.errors import ParameterError

_QUALITY = "HQ"
_FED = 1 << 16  # samples at a time: soxr takes six times as long over pieces of 16 MiB
_MORE_ROOM = 1 << 24  # samples that are kept free at most


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Resample with soxr HQ; equal rates return the samples as they are.

    Parameters
    ----------
    samples : float array (n,)
        Mono.
    from_rate, to_rate : float
        In Hz, or in any other unit: their ratio counts.

    Returns
    -------
    float array (about n * to_rate / from_rate,)
        Of the samples' type. A few samples may become none.

    Raises
    ------
    ParameterError
        For a rate that is not positive.
    """
    _check_rates(from_rate, to_rate)
    if from_rate == to_rate:
        return samples
    import soxr  # lazy: a machine that only reads stores has no resampler

    resampled: np.ndarray = soxr.resample(samples, from_rate, to_rate, quality=_QUALITY)
    return resampled


class Resampler:
    """Resample what arrives in blocks, and gather it; the samples are those of :func:`resample`, bit for bit.

    Parameters
    ----------
    from_rate, to_rate : int
        In Hz.

    Raises
    ------
    ParameterError
        For a rate that is not positive.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        _check_rates(from_rate, to_rate)
        self.from_rate, self.to_rate = from_rate, to_rate
        self._first: np.ndarray | None = None
        self._stream: Any = None
        self._gathered = np.empty(0, np.float32)
        self._length = 0

    def add(self, block: np.ndarray) -> None:
        """Take in the next samples, shape (n,), float32."""
        if self._first is None:
            self._first = block  # of most utterances the only one, and quicker by itself
            return
        if len(self._first):
            self._feed(self._first)
            self._first = self._first[:0]
        self._feed(block)

    def finish(self) -> np.ndarray:
        """All samples, shape (n,), float32."""
        if self._first is None:
            return self._gathered
        if len(self._first):
            return np.ascontiguousarray(resample(self._first, self.from_rate, self.to_rate))
        if self._stream is not None:
            self._gather(self._stream.resample_chunk(np.empty(0, np.float32), last=True))
        self._gathered.resize(self._length, refcheck=False)
        return self._gathered

    def _feed(self, block: np.ndarray) -> None:
        if self.from_rate == self.to_rate:
            self._gather(block)
            return
        if self._stream is None:
            import soxr

            self._stream = soxr.ResampleStream(self.from_rate, self.to_rate, 1, dtype="float32", quality=_QUALITY)
        for at in range(0, len(block), _FED):
            self._gather(self._stream.resample_chunk(np.ascontiguousarray(block[at : at + _FED])))

    def _gather(self, samples: np.ndarray) -> None:
        needed = self._length + len(samples)
        if needed > len(self._gathered):
            # Room is made where the samples are: a second copy of two hours would be half a gigabyte.
            self._gathered.resize(max(needed, min(2 * len(self._gathered), needed + _MORE_ROOM)), refcheck=False)
        self._gathered[self._length : needed] = samples
        self._length = needed


def _check_rates(from_rate: float, to_rate: float) -> None:
    if from_rate <= 0 or to_rate <= 0:
        raise ParameterError(f"sample rates must be positive, got {from_rate} and {to_rate} Hz")
