"""Columns of a store side by side: which can be stacked, which rows are usable, and one utterance as one matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from featurekit.data.names import check_names
from featurekit.data.normalise import Normaliser, scale_of, scaled, store_rows
from featurekit.data.views.store_view import StoreOrPath, StoreView, opened
from featurekit.errors import ParameterError


def usable_ids(store: StoreOrPath, features: Sequence[str] | str) -> list[str]:
    """Ids whose rows are there and not empty in every one of these columns, in the store's order.

    Make splits of these (``make_split(..., ids=usable_ids(store, features))``), so that a failed utterance is left
    out before the parts are cut, not after.

    Parameters
    ----------
    store : StoreView or path
    features : str or sequence of str
        Its columns, features or presets.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownNameError
        For a column the store does not have.
    """
    store = opened(store)
    usable = usable_rows(store, check_names(store, features))
    return [name for name, fine in zip(store.manifest.ids, usable, strict=True) if fine]


def usable_rows(store: StoreView, features: Iterable[str]) -> np.ndarray:
    """Mask (n,) of the rows with status 0 and at least one frame in every column."""
    usable = np.ones(len(store.manifest), dtype=bool)
    for name in features:
        usable &= np.asarray(store.status(name)) == 0
        if store.columns[name].kind != "image":
            usable &= np.asarray(store.lengths(name)) > 0
    return usable


def refuse_unusable(store: StoreView, features: Sequence[str], ids: list[str]) -> list[str]:
    """The ids, all of which have values in every column.

    Raises
    ------
    ParameterError
        For utterances that have none, with the way on.
    """
    usable = usable_rows(store, features)
    failed = [name for name, row in zip(ids, store_rows(store, ids), strict=True) if not usable[row]]
    if failed:
        shown = ", ".join(failed[:3]) + (", …" if len(failed) > 3 else "")
        raise ParameterError(
            f"{len(failed)} utterances have no values in {', '.join(features)}: {shown}; make the split of usable ones "
            "(ids=usable_ids(store, features)), or mend the files and run the same `featurekit extract` again"
        )
    return ids


@dataclass(frozen=True)
class Layout:
    """Where each chosen column lies in the (T, D) matrix, and which column is the image.

    Parameters
    ----------
    slices : dict
        Frame or vector column → its slice of D.
    image : str or None
        The image column.
    """

    slices: dict[str, slice]
    image: str | None

    @property
    def dims(self) -> int:
        """D, 0 when only an image is read."""
        return max((part.stop for part in self.slices.values()), default=0)

    @classmethod
    def of(cls, store: StoreView, features: Sequence[str] | str) -> Layout:
        """Stack columns in the order given.

        Raises
        ------
        ParameterError
            When columns run on different clocks, or there are two images.
        UnknownNameError
            For a column the store does not have.
        """
        names = check_names(store, features)
        images = [name for name in names if store.columns[name].kind == "image"]
        if len(images) > 1:
            raise ParameterError(f"a batch holds one image an utterance; got {', '.join(images)}")
        slices: dict[str, slice] = {}
        stop = 0
        for name in names:
            if name not in images:
                slices[name] = slice(stop, stop + store.columns[name].dims)
                stop += store.columns[name].dims
        _check_clocks(store, list(slices))
        return cls(slices, images[0] if images else None)

    def check_lengths(self, store: StoreView, rows: np.ndarray) -> None:
        """Refuse rows whose columns have different numbers of frames.

        Raises
        ------
        ParameterError
            Naming the first such utterance.
        """
        names = list(self.slices)
        for name in names[1:]:
            first, other = np.asarray(store.lengths(names[0]))[rows], np.asarray(store.lengths(name))[rows]
            if np.any(first != other):
                place = int(np.flatnonzero(first != other)[0])
                raise ParameterError(
                    f"{store.manifest.ids[rows[place]]} has {first[place]} frames in {names[0]} and {other[place]} in {name}; "
                    "columns that are stacked must come from one preset, or the store needs `featurekit store verify`"
                )

    def frames(self, store: StoreView, row: int, normaliser: Normaliser | None, n_frames: int | None) -> np.ndarray:
        """One utterance as (T, D) float32, normalised, cut to its first ``n_frames``."""
        parts = []
        for name in self.slices:
            values = np.asarray(store.read(name, row))[:n_frames]
            parts.append(np.asarray(values, dtype=np.float32) if normaliser is None else normaliser(name, values))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def stored_frames(self, store: StoreView, row: int, n_frames: int | None) -> np.ndarray:
        """One utterance as (T, D) float16 as it is stored, where :meth:`are_halves`."""
        return np.concatenate([np.asarray(store.read(name, row))[:n_frames] for name in self.slices], axis=1)

    def are_halves(self, store: StoreView) -> bool:
        """Whether every frame column is stored as float16, and :meth:`moments` are all that brings it to its scale."""
        infos = [store.columns[name] for name in self.slices]
        return bool(infos) and all(info.dtype == "f2" and scale_of(info.kind, info.unit) == "none" for info in infos)

    def moments(self, store: StoreView, normaliser: Normaliser | None) -> tuple[np.ndarray, np.ndarray] | None:
        """Means and deviations of D for frames that stay halves in memory, float64; None for others, or not normalised."""
        if normaliser is None or not self.are_halves(store):
            return None
        mean, std = (np.concatenate([normaliser.columns[name][key] for name in self.slices]) for key in ("mean", "std"))
        return mean, std

    def lengths(self, store: StoreView, n_frames: int | None = None) -> np.ndarray:
        """Frames of every row of the store, at most ``n_frames``, (n,) int64; 0 when only an image is read."""
        if not self.slices:
            return np.zeros(len(store.manifest), dtype=np.int64)
        every = np.asarray(store.lengths(next(iter(self.slices))), dtype=np.int64)
        return every if n_frames is None else np.minimum(every, n_frames)

    def nbytes(self, store: StoreView, rows: np.ndarray, n_frames: int | None = None) -> int:
        """Bytes these rows take in memory (:class:`featurekit.data.packed.Packed`)."""
        frames = int(self.lengths(store, n_frames)[rows].sum()) * self.dims * (2 if self.are_halves(store) else 4)
        if self.image is None or not len(rows):
            return frames
        height, width = store.columns[self.image].image_shape or (0, 0)
        return frames + len(rows) * int(height) * int(width) * {"u1": 1, "f2": 2}.get(store.columns[self.image].dtype, 4)

    def pixels(self, values: np.ndarray, normaliser: Normaliser | None) -> np.ndarray:
        """One stored image as (H, W) float32: normalised, or in [0, 1] without a normaliser."""
        if self.image is None or normaliser is None:
            return scaled(values, "unit_interval").astype(np.float32)
        return normaliser(self.image, values)

    def levels(self, store: StoreView, normaliser: Normaliser | None) -> np.ndarray | None:
        """What :meth:`pixels` makes of each value a stored pixel can have; None where these are too many to be listed.

        Returns
        -------
        float32 array (256,) or (65536,), or None
            By the value of a byte; by the bits of a float16, as an unsigned number.
        """
        kind = None if self.image is None else _LISTED.get(store.columns[self.image].dtype)
        if kind is None:
            return None
        bits = np.dtype(f"u{np.dtype(kind).itemsize}")
        with np.errstate(invalid="ignore"):  # among all halves are NaN of every sort
            return self.pixels(np.arange(np.iinfo(bits).max + 1, dtype=bits).view(kind)[None], normaliser)[0]


_LISTED = {"u1": np.uint8, "f2": np.float16}


def _check_clocks(store: StoreView, names: Sequence[str]) -> None:
    def clock(name: str) -> str:
        info = store.columns[name]
        return "one vector an utterance" if info.kind == "vector" else f"hop {info.hop_s} s, start {info.start_s} s"

    for name in names[1:]:
        if clock(name) != clock(names[0]):
            raise ParameterError(
                f"columns {names[0]} ({clock(names[0])}) and {name} ({clock(name)}) run on different clocks and cannot be "
                "stacked frame by frame; choose columns of one preset, or pool them with as_arrays"
            )
