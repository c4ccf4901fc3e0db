"""The utterances of a view as a model reads them: chosen columns side by side, normalised, cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurekit.data.layout import Layout
from featurekit.data.normalise import Normaliser, scale_of, scaled
from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError

_LISTED = {"u1": np.uint8, "f2": np.float16}  # dtypes of pixels of which each value can be listed


@dataclass(frozen=True)
class Stacked:
    """Each utterance of a view as one (T, D) matrix, and as one image.

    Parameters
    ----------
    view : StoreView
        Where the values are.
    layout : Layout
        Which columns, and where each lies.
    normaliser : Normaliser, optional
        Fitted on training ids.
    n_frames : int, optional
        Cut utterances to their first frames.
    """

    view: StoreView
    layout: Layout
    normaliser: Normaliser | None = None
    n_frames: int | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Frames of every row of the view, at most ``n_frames``, (n,) int64; 0 when only an image is read."""
        if not self.layout.slices:
            return np.zeros(len(self.view.manifest), dtype=np.int64)
        every = np.asarray(self.view.lengths(next(iter(self.layout.slices))), dtype=np.int64)
        return every if self.n_frames is None else np.minimum(every, self.n_frames)

    def check_lengths(self, rows: np.ndarray) -> None:
        """Refuse rows whose columns have different numbers of frames.

        Raises
        ------
        ParameterError
            Naming the first such utterance.
        """
        names = list(self.layout.slices)
        for name in names[1:]:
            first, other = np.asarray(self.view.lengths(names[0]))[rows], np.asarray(self.view.lengths(name))[rows]
            if np.any(first != other):
                place = int(np.flatnonzero(first != other)[0])
                utterance = self.view.manifest.ids[rows[place]]
                raise ParameterError(
                    f"{utterance} has {first[place]} frames in {names[0]} and {other[place]} in {name}; columns that are "
                    "stacked must come from one preset, or the store needs `featurekit store verify`"
                )

    def nbytes(self, rows: np.ndarray) -> int:
        """Bytes these rows take in memory (:class:`featurekit.data.packed.Packed`)."""
        frames = int(self.lengths[rows].sum()) * self.layout.dims * (2 if self.are_halves else 4)
        if self.layout.image is None or self.layout.image_shape is None:
            return frames
        height, width = self.layout.image_shape
        pixel = {"u1": 1, "f2": 2}.get(self.layout.columns[self.layout.image].dtype, 4)
        return frames + len(rows) * int(height) * int(width) * pixel

    def frames(self, row: int) -> np.ndarray:
        """One utterance as (T, D) float32, normalised, cut to its first ``n_frames``."""
        parts = []
        for name in self.layout.slices:
            values = np.asarray(self.view.read(name, row))[: self.n_frames]
            parts.append(np.asarray(values, dtype=np.float32) if self.normaliser is None else self.normaliser(name, values))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def stored_frames(self, row: int) -> np.ndarray:
        """One utterance as (T, D) float16 as it is stored, where :attr:`are_halves`."""
        return np.concatenate([np.asarray(self.view.read(name, row))[: self.n_frames] for name in self.layout.slices], axis=1)

    @property
    def are_halves(self) -> bool:
        """Whether every frame column is stored as float16, and :attr:`moments` are all that brings it to its scale."""
        infos = [self.layout.columns[name] for name in self.layout.slices]
        return bool(infos) and all(info.dtype == "f2" and scale_of(info.kind, info.unit) == "none" for info in infos)

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Means and deviations of D for frames that stay halves in memory, float64; None for others, or not normalised."""
        if self.normaliser is None or not self.are_halves:
            return None
        fitted = [self.normaliser.columns[name] for name in self.layout.slices]
        mean, std = (np.concatenate([column[key] for column in fitted]) for key in ("mean", "std"))
        return mean, std

    def stored_image(self, row: int) -> np.ndarray:
        """The image of one utterance as it is stored, (H, W)."""
        return np.asarray(self.view.read(str(self.layout.image), row))

    def image(self, row: int) -> np.ndarray:
        """The image of one utterance, (H, W) float32: normalised, or in [0, 1] without a normaliser."""
        return self._normalised(self.stored_image(row))

    @property
    def levels(self) -> np.ndarray | None:
        """What :meth:`image` makes of each value a stored pixel can have; None where these are too many to be listed.

        Returns
        -------
        float32 array (256,) or (65536,), or None
            By the value of a byte; by the bits of a float16, as an unsigned number.
        """
        kind = None if self.layout.image is None else _LISTED.get(self.layout.columns[self.layout.image].dtype)
        if kind is None:
            return None
        bits = np.dtype(f"u{np.dtype(kind).itemsize}")
        with np.errstate(invalid="ignore"):  # among all halves are NaN of every sort
            return self._normalised(np.arange(np.iinfo(bits).max + 1, dtype=bits).view(kind)[None])[0]

    def _normalised(self, pixels: np.ndarray) -> np.ndarray:
        if self.normaliser is None:
            return scaled(pixels, "unit_interval").astype(np.float32)
        return self.normaliser(str(self.layout.image), pixels)
