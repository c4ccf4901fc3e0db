"""New audio as a model reads it: features of one utterance, and utterances side by side in a window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from featurekit import audio, features
from featurekit.data import Normaliser, Sample, TrimmedStore
from featurekit.data.layout import Layout
from featurekit.data.stacked import Stacked
from featurekit.data.views.in_memory import UtteranceInMemory
from featurekit.data.views.store_view import StoreView
from featurekit.errors import AudioError
from featurekit.extraction.shards import column_info
from featurekit.features import Column


@dataclass(frozen=True, eq=False)
class Heard:
    """One utterance of new audio.

    Parameters
    ----------
    view : StoreView
        Its columns, as a store of one utterance.
    notes : tuple of str
        What is odd about it as input of these columns.
    memory : dict
        What networks found out about it (:mod:`featurekit.inference.speed`); it goes with the utterance.
    """

    view: StoreView
    notes: tuple[str, ...] = ()
    memory: dict[Any, Any] = field(default_factory=dict, repr=False)


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
        self._columns = {column.name: column_info(column) for column in self.plan.columns}
        self.layout = Layout.of(self._columns, names)
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
        view: StoreView = UtteranceInMemory(self._columns, arrays)
        if self._trim_db is not None:
            view = TrimmedStore(view, self._trim_db, str(self._level))
        return Heard(view, audio.upsampling_note(original_rate, max(self.plan.sample_rates)))

    def sample(self, window: Sequence[Heard | None], normaliser: Normaliser, n_frames: int | None) -> Sample:
        """The utterance in the middle of a window; None is an empty slot."""
        slots = [None if heard is None else Stacked(heard.view, self.layout, normaliser, n_frames) for heard in window]
        frames = images = None
        if self.layout.slices:
            empty = np.zeros((0, self.layout.dims), np.float32)
            frames = [empty if slot is None else slot.frames(0) for slot in slots]
        if self.layout.image:
            pictures = [None if slot is None else slot.image(0) for slot in slots]
            there = next(picture for picture in pictures if picture is not None)
            images = [np.zeros_like(there) if picture is None else picture for picture in pictures]
        return Sample("heard", 0, np.array([heard is not None for heard in window]), frames, images)
