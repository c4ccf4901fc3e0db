"""New audio as a model reads it: features of one utterance, and utterances side by side in a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from featurekit import audio, features
from featurekit.data import Normaliser, Sample, TrimmedStore
from featurekit.data.layout import Layout
from featurekit.errors import AudioError
from featurekit.features import Column


@dataclass(frozen=True, eq=False)
class Heard:
    """One utterance of new audio.

    Parameters
    ----------
    arrays : mapping
        Column → its values, as a store would hold them.
    notes : tuple of str
        What is odd about it as input of these columns.
    memory : dict
        What networks found out about it (:mod:`featurekit.inference.speed`); it goes with the utterance.
    """

    arrays: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()
    memory: dict[Any, Any] = field(default_factory=dict, repr=False)

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of a column, as a store of one utterance would give them."""
        return self.arrays[column]


@dataclass(frozen=True)
class _One:
    """New audio as a store of one utterance."""

    columns: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def lengths(self, column: str) -> np.ndarray:
        return np.array([len(self.arrays[column])])

    def status(self, column: str) -> np.ndarray:
        return np.zeros(1, np.uint8)

    def read(self, column: str, index: int) -> np.ndarray:
        return self.arrays[column]


class Ear:
    """Columns of a run, computed from audio.

    Parameters
    ----------
    columns : iterable of Column
        Under the run's names, in its order, and the one it cuts silence by.
    names : sequence of str
        Those that it reads.
    trim_db, level : float and str, or None
        As :class:`featurekit.data.views.trimmed.TrimmedStore` takes them.
    """

    def __init__(
        self, columns: Iterable[Column], names: Sequence[str], *, trim_db: float | None = None, level: str | None = None
    ) -> None:
        self.plan = features.Plan(columns)
        self._described: Any = SimpleNamespace(columns={column.name: column for column in self.plan.columns})
        self.layout = Layout.of(self._described, names)
        self._trim_db, self._level = trim_db, level

    def __call__(self, samples: np.ndarray, sample_rate: int) -> Heard:
        """Features of one utterance: float32 samples at any rate, resampled to each rate that is needed.

        Raises
        ------
        AudioError
            When a feature is not finite, which no store would hold either.
        """
        with threadpool_limits(1):
            signals = {rate: audio.resample(samples, sample_rate, rate) for rate in self.plan.sample_rates}
        return self.of_signals(signals, sample_rate)

    def of_signals(self, signals: dict[int, np.ndarray], original_rate: int) -> Heard:
        """Features of one utterance that is there at each rate of ``self.plan.sample_rates``.

        Raises
        ------
        AudioError
            When a feature is not finite, which no store would hold either.
        """
        # One thread: the bytes of a store; and threads only wait for each other on work so small. Samples of 1e30 overflow.
        with threadpool_limits(1), np.errstate(all="ignore"):
            values = self.plan.compute(signals)
        arrays = {name: value.pixels if isinstance(value, features.ImageArray) else value for name, value in values.items()}
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise AudioError(audio.Status.NONFINITE, f"{name} is not finite for this utterance")
        if self._trim_db is not None:
            arrays = self._between_silences(arrays, self._trim_db)
        return Heard(arrays, audio.upsampling_note(original_rate, max(self.plan.sample_rates)))

    def _between_silences(self, arrays: Mapping[str, np.ndarray], trim_db: float) -> dict[str, np.ndarray]:
        store: Any = _One(self._described.columns, arrays)
        trimmed = TrimmedStore(store, trim_db, str(self._level))
        return {name: trimmed.read(name, 0) for name in arrays}

    def sample(self, window: Sequence[Heard | None], normaliser: Normaliser, n_frames: int | None) -> Sample:
        """The utterance in the middle of a window; None is an empty slot."""
        frames = images = None
        if self.layout.slices:
            frames = [self._frames(heard, normaliser, n_frames) for heard in window]
        if self.layout.image:
            pictures = [self._picture(heard, normaliser) for heard in window]
            there = next(picture for picture in pictures if picture is not None)
            images = [np.zeros_like(there) if picture is None else picture for picture in pictures]
        return Sample("heard", 0, np.array([heard is not None for heard in window]), frames, images)

    def _frames(self, heard: Heard | None, normaliser: Normaliser, n_frames: int | None) -> np.ndarray:
        if heard is None:
            return np.zeros((0, self.layout.dims), np.float32)
        store: Any = heard
        return self.layout.frames(store, 0, normaliser, n_frames)

    def _picture(self, heard: Heard | None, normaliser: Normaliser) -> np.ndarray | None:
        return None if heard is None else self.layout.pixels(heard.arrays[str(self.layout.image)], normaliser)
