"""Normalisation fitted on training utterances only: per-dimension mean and deviation of frames, one pair for images.

The fit streams one utterance at a time in float64 and merges means and squared deviations by Chan's formula, so it
needs no more memory than one utterance and loses no digits on long corpora.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from featurekit.data.columns import named_columns
from featurekit.data.ids import listed_ids
from featurekit.data.views.store_view import StoreOrPath, StoreView, opened
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.notebook import Shown, Table
from featurekit.settings import digest

_POWER_FLOOR = 1e-10  # -100 dB, librosa's amin of power_to_db


@dataclass(frozen=True, repr=False)
class Normaliser(Shown):
    """Fitted means and deviations.

    Parameters
    ----------
    columns : mapping
        Column → ``{"scale": "none" | "power_to_db" | "unit_interval", "mean": [..], "std": [..], "left_out": int}``;
        ``left_out`` counts the values that were not finite (an undefined F0, say): they take no part in the fit and
        become 0, the mean, when applied.
    ids_digest : str
        Digest of the sorted ids it was fitted on.
    n_ids : int
        How many these were.
    """

    columns: Mapping[str, Mapping[str, Any]]
    ids_digest: str
    n_ids: int
    _cache: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False, compare=False)

    def _shown_facts(self) -> dict[str, Any]:
        return {"columns": list(self.columns), "fitted on": f"{self.n_ids:,} utterances"}

    def _shown_table(self) -> Table:
        rows = [
            (name, len(record["mean"]), record["scale"], min(record["mean"]), max(record["mean"]), max(record["std"]))
            for name, record in self.columns.items()
        ]
        return ("column", "dims", "scale", "lowest mean", "highest mean", "largest deviation"), rows

    @classmethod
    def fit(cls, store: StoreOrPath, features: Iterable[str] | str, ids: Iterable[str]) -> Normaliser:
        """Fit on the utterances ``ids``, which must be training ids only.

        Parameters
        ----------
        store : StoreView or path
            Frame and vector columns are fitted per dimension, images as one scalar pair over all pixels.
        features : str or iterable of str
            Columns of the store, features or presets.
        ids : iterable of str
            Training ids; what has no rows is passed over.

        Raises
        ------
        UnknownNameError
            For a column the store does not have.
        ParameterError
            When there are no ids, or one of them failed in a column.
        """
        store, ids = opened(store), listed_ids(ids)
        if not ids:
            raise ParameterError("a normaliser needs training utterances; got none")
        rows = store_rows(store, ids)
        columns = {}
        for name in named_columns(store, features):
            status = np.asarray(store.status(name))
            failed = [item for item, row in zip(ids, rows, strict=True) if status[row] != 0]
            if failed:
                raise ParameterError(f"{failed[0]} has no values in column {name}; fit on usable ids only (usable_ids)")
            columns[name] = _fit_column(store, name, rows.tolist())
        return cls(columns, digest(sorted(ids)), len(ids))

    def __call__(self, column: str, values: np.ndarray) -> np.ndarray:
        """Normalise the values of one column.

        Parameters
        ----------
        column : str
            A fitted column.
        values : array (frames, dims) or (H, W)
            As the store holds them.

        Returns
        -------
        float32 array of the same shape
            Mean 0 and deviation 1 over the training data; 0 where the value was not finite.

        Raises
        ------
        UnknownNameError
            For a column it was not fitted on.
        ParameterError
            When the dimensions differ from the fitted ones.
        """
        if column not in self.columns:
            raise UnknownNameError("normalised column", column, self.columns)
        if column not in self._cache:
            record = self.columns[column]
            self._cache[column] = np.asarray(record["mean"]), np.asarray(record["std"])
        mean, std = self._cache[column]
        if len(mean) > 1 and values.shape[-1] != len(mean):
            raise ParameterError(f"column {column} has {values.shape[-1]} dimensions; the normaliser was fitted on {len(mean)}")
        return standardised(scaled(values, self.columns[column]["scale"]), mean, std)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; :meth:`from_dict` turns it back without loss."""
        return {"columns": {k: dict(v) for k, v in self.columns.items()}, "ids_digest": self.ids_digest, "n_ids": self.n_ids}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Normaliser:
        """Inverse of :meth:`to_dict`.

        Raises
        ------
        ParameterError
            When a field is missing.
        """
        lacking = sorted({"columns", "ids_digest", "n_ids"} - record.keys())
        if lacking:
            raise ParameterError(f"the normaliser lacks {', '.join(lacking)}")
        return cls(dict(record["columns"]), record["ids_digest"], record["n_ids"])


def neutral_ids(classes: Mapping[str, str]) -> list[str]:
    """Ids whose class is ``neutral`` (He, Ren, He 2019 normalise by them); there may be none. ``classes``: id → class."""
    return [name for name, label in classes.items() if label == "neutral"]


def store_rows(store: StoreView, ids: Iterable[str]) -> np.ndarray:
    """Row of each id, (n,) int64: a store keeps the order of its manifest.

    Raises
    ------
    UnknownNameError
        For an id the store does not have.
    """
    return np.array([store.manifest.index(name) for name in ids], dtype=np.int64)


def scale_of(kind: str, unit: str) -> str:
    """How a column is brought to a scale on which a mean makes sense, by its kind and unit."""
    if kind == "image":
        return "unit_interval"
    return "power_to_db" if unit == "power" else "none"


def scaled(values: np.ndarray, scale: str) -> np.ndarray:
    """Apply a scale in float64: ``power_to_db`` is 10 log10(max(x, 1e-10)), ``unit_interval`` divides uint8 by 255."""
    if scale == "unit_interval":
        return values.astype(np.float64) / (255.0 if values.dtype == np.uint8 else 1.0)
    if scale == "power_to_db":
        return 10.0 * np.log10(np.maximum(values.astype(np.float64), _POWER_FLOOR))
    return values.astype(np.float64)


def standardised(values: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(values - mean) / std, float32 of float64; 0 where that is not finite."""
    return np.nan_to_num((values - mean) / std, copy=False, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)


def _fit_column(store: StoreView, name: str, rows: Sequence[int]) -> dict[str, Any]:
    info = store.columns[name]
    scale = scale_of(info.kind, info.unit)
    width = 1 if info.kind == "image" else info.dims
    count, mean, squares, left_out = np.zeros(width), np.zeros(width), np.zeros(width), 0
    for row in rows:
        values = scaled(store.read(name, row), scale).reshape(-1, width)
        finite = np.isfinite(values)
        n = finite.sum(axis=0).astype(np.float64)
        left_out += int(values.size - n.sum())
        values = np.where(finite, values, 0.0)
        here = np.divide(values.sum(axis=0), n, out=np.zeros(width), where=n > 0)
        deviations = np.where(finite, values - here, 0.0)
        total = count + n
        share = np.divide(n, total, out=np.zeros(width), where=total > 0)
        squares += (deviations**2).sum(axis=0) + (here - mean) ** 2 * count * share
        mean += (here - mean) * share
        count = total
    std = np.sqrt(np.divide(squares, count, out=np.zeros(width), where=count > 0))
    std[std <= 1e-12 * np.maximum(1.0, np.abs(mean))] = 1.0  # a constant dimension becomes 0, not noise of rounding
    return {"scale": scale, "mean": mean.tolist(), "std": std.tolist(), "left_out": left_out}
