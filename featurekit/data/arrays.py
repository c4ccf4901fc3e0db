"""as_arrays: one row an utterance, for scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from featurekit.data.columns import refuse_unusable, usable_ids
from featurekit.data.names import check_names, listed_ids, opened
from featurekit.data.normalise import StoreLike, scale_of, scaled, store_rows
from featurekit.data.tasks import Task, get_task, labelled
from featurekit.errors import ParameterError


def as_arrays(
    store: StoreLike,
    features: Sequence[str] | str,
    task: str | Task = "emotion",
    pool: Sequence[str] | str = ("mean", "std"),
    ids: Iterable[str] | None = None,
    *,
    drop_unlabelled: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row an utterance, for scikit-learn: frame columns pooled over time, vector columns as they are.

    Parameters
    ----------
    store : Store or path
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
    names, pool = check_names(store, features), (pool,) if isinstance(pool, str) else tuple(pool)
    unknown = sorted(set(pool) - _POOLS.keys())
    if unknown or not pool:
        raise ParameterError(f"pool is {pool}; expected some of {', '.join(_POOLS)}")
    images = [name for name in names if store.columns[name].kind == "image"]
    if images:
        raise ParameterError(f"{images[0]} is an image and has no time to pool; choose frame or vector columns")
    scheme = get_task(task, store.manifest)
    chosen = usable_ids(store, names) if ids is None else refuse_unusable(store, names, listed_ids(ids))
    labels = labelled(store.manifest, scheme, chosen, drop_unlabelled=drop_unlabelled)
    rows = store_rows(store, list(labels))
    X = np.array([np.concatenate([_pooled(store, name, int(row), pool) for name in names]) for row in rows], dtype=np.float32)
    items = [store.manifest[name] for name in labels]
    return X, np.array(list(labels.values())), np.array([item.speaker or item.recording for item in items])


_POOLS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": lambda values, finite, n: np.where(finite, values, 0.0).sum(axis=0) / n,
    "std": lambda values, finite, n: np.sqrt(
        np.where(finite, (values - np.where(finite, values, 0.0).sum(axis=0) / n) ** 2, 0.0).sum(axis=0) / n
    ),
    "min": lambda values, finite, n: np.where(finite.any(axis=0), np.where(finite, values, np.inf).min(axis=0), 0.0),
    "max": lambda values, finite, n: np.where(finite.any(axis=0), np.where(finite, values, -np.inf).max(axis=0), 0.0),
}


def _pooled(store: StoreLike, name: str, row: int, pool: Sequence[str]) -> np.ndarray:
    info = store.columns[name]
    values = scaled(np.asarray(store.read(name, row)), scale_of(info.kind, info.unit))
    finite = np.isfinite(values)
    if info.kind == "vector":
        return np.where(finite, values, 0.0).reshape(-1)
    n = np.maximum(finite.sum(axis=0), 1)
    return np.concatenate([_POOLS[statistic](values, finite, n) for statistic in pool])
