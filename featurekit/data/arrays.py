"""One row per utterance: arrays for scikit-learn, a data frame for pandas, and the names of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from featurekit.data.columns import named_columns
from featurekit.data.ids import listed_ids, speakers_of
from featurekit.data.normalise import scale_of, scaled, store_rows
from featurekit.data.tasks import Task, labelled
from featurekit.data.usable import refuse_unusable, usable_ids
from featurekit.data.views.store_view import StoreOrPath, StoreView, opened
from featurekit.errors import ParameterError
from featurekit.notebook import pandas
from featurekit.store import ColumnInfo


def as_arrays(
    store: StoreOrPath,
    features: Sequence[str] | str,
    task: str | Task = "emotion",
    pool: Sequence[str] | str = ("mean", "std"),
    ids: Iterable[str] | None = None,
    *,
    drop_unlabelled: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row per utterance, for scikit-learn: frame columns pooled over time, vector columns as they are.

    Parameters
    ----------
    store : StoreView or path
        Where the columns are.
    features : str or sequence of str
        Frame and vector columns, or features and presets (``"luo2019"``) whose columns the store has. Clocks may differ,
        since time is pooled away. Power columns are taken to dB first.
    task : str or Task
        Label scheme.
    pool : sequence of {"mean", "std", "min", "max"}
        Statistics over frames, concatenated in this order for each column. Values that are not finite are left out;
        a dimension without any becomes 0.
    ids : iterable of str, optional
        Which utterances; all usable ones by default.
    drop_unlabelled : bool
        Leave out utterances without the raw label instead of an error.

    Returns
    -------
    X : float32 array (n, d)
        :func:`feature_names` names its columns.
    y : str array (n,)
        Class names.
    speakers : str array (n,)
        For grouped cross-validation; the recording where the corpus names no speaker.

    Raises
    ------
    ParameterError
        For an image column, an unknown statistic, or an utterance that failed in a column.
    UnknownNameError
        For a column or task that does not exist.
    """
    store = opened(store)
    names, statistics = _checked(store, features, pool)
    labels = _labels(store, names, task, ids, drop_unlabelled)
    rows = store_rows(store, list(labels)).tolist()
    X = np.array([np.concatenate([_pooled(store, name, row, statistics) for name in names]) for row in rows], dtype=np.float32)
    return X, np.array(list(labels.values())), np.array(speakers_of(store, labels))


def feature_names(store: StoreOrPath, features: Sequence[str] | str, pool: Sequence[str] | str = ("mean", "std")) -> list[str]:
    """Names of the columns of X that :func:`as_arrays` makes of the same arguments.

    Parameters
    ----------
    store : StoreView or path
        Where the columns are.
    features : str or sequence of str
        As for :func:`as_arrays`.
    pool : str or sequence of str
        Likewise.

    Returns
    -------
    list of str
        ``luo2019/mfcc_0_mean``: the column, the number or the name of the dim where there are several, the statistic.

    Raises
    ------
    ParameterError, UnknownNameError
        As :func:`as_arrays`.
    """
    store = opened(store)
    names, statistics = _checked(store, features, pool)
    found = []
    for name in names:
        dims = _dim_names(name, store.columns[name])
        is_vector = store.columns[name].kind == "vector"
        found += dims if is_vector else [f"{dim}_{statistic}" for statistic in statistics for dim in dims]
    return found


def as_frame(
    store: StoreOrPath,
    features: Sequence[str] | str,
    task: str | Task = "emotion",
    pool: Sequence[str] | str = ("mean", "std"),
    ids: Iterable[str] | None = None,
    *,
    drop_unlabelled: bool = False,
) -> Any:
    """What :func:`as_arrays` gives, as a pandas data frame.

    Parameters
    ----------
    store, features, task, pool, ids, drop_unlabelled
        As for :func:`as_arrays`.

    Returns
    -------
    pandas.DataFrame
        One row per utterance, its id as the index. Columns as :func:`feature_names` names them, then ``label`` and
        ``speaker``.

    Raises
    ------
    MissingDependencyError
        When pandas is not installed.
    ParameterError, UnknownNameError
        As :func:`as_arrays`.
    """
    library, store = pandas(), opened(store)
    names, statistics = _checked(store, features, pool)
    labels = _labels(store, names, task, ids, drop_unlabelled)
    X, y, speakers = as_arrays(store, names, task, statistics, list(labels), drop_unlabelled=drop_unlabelled)
    index = library.Index(list(labels), name="id")
    frame = library.DataFrame(X, columns=feature_names(store, names, statistics), index=index)
    return frame.assign(label=y, speaker=speakers)


def _labels(
    store: StoreView, names: list[str], task: str | Task, ids: Iterable[str] | None, drop_unlabelled: bool
) -> dict[str, str]:
    """Id → class name of the utterances that are taken."""
    chosen = usable_ids(store, names) if ids is None else refuse_unusable(store, names, listed_ids(ids))
    return labelled(store.manifest, task, chosen, drop_unlabelled=drop_unlabelled)


def _checked(store: StoreView, features: Sequence[str] | str, pool: Sequence[str] | str) -> tuple[list[str], tuple[str, ...]]:
    """Columns that can be pooled, and the statistics."""
    names, statistics = named_columns(store, features), (pool,) if isinstance(pool, str) else tuple(pool)
    unknown = sorted(set(statistics) - _POOLS.keys())
    if unknown or not statistics:
        raise ParameterError(f"pool is {statistics}; expected some of {', '.join(_POOLS)}")
    images = [name for name in names if store.columns[name].kind == "image"]
    if images:
        raise ParameterError(f"{images[0]} is an image and has no time to pool; choose frame or vector columns")
    return names, statistics


def _dim_names(column: str, info: ColumnInfo) -> list[str]:
    """``luo2019/rms``, ``luo2019/mfcc_3``, ``luo2019/chroma_stft_C#``."""
    if info.dims == 1:
        return [column]
    names = info.dim_names or [""] * info.dims
    are_numbers = all(not name or name.endswith(f"_{number}") for number, name in enumerate(names))
    return [f"{column}_{number if are_numbers else name}" for number, name in enumerate(names)]


_POOLS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": lambda values, finite, n: np.where(finite, values, 0.0).sum(axis=0) / n,
    "std": lambda values, finite, n: np.sqrt(
        np.where(finite, (values - np.where(finite, values, 0.0).sum(axis=0) / n) ** 2, 0.0).sum(axis=0) / n
    ),
    "min": lambda values, finite, n: np.where(finite.any(axis=0), np.where(finite, values, np.inf).min(axis=0), 0.0),
    "max": lambda values, finite, n: np.where(finite.any(axis=0), np.where(finite, values, -np.inf).max(axis=0), 0.0),
}


def _pooled(store: StoreView, name: str, row: int, pool: Sequence[str]) -> np.ndarray:
    info = store.columns[name]
    values = scaled(np.asarray(store.read(name, row)), scale_of(info.kind, info.unit))
    finite = np.isfinite(values)
    if info.kind == "vector":
        return np.where(finite, values, 0.0).reshape(-1)
    n = np.maximum(finite.sum(axis=0), 1)
    return np.concatenate([_POOLS[statistic](values, finite, n) for statistic in pool])
