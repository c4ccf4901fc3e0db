"""Which columns a request means: the one place that looks a column up by what it holds.

A request is what a person writes (``--features``), or a column as a run or another store describes it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.store import ColumnInfo


def named_columns(
    store: StoreView,
    features: Iterable[str] | str,
    *,
    how_to_add: Callable[[str], str] | None = None,
    or_none: bool = False,
) -> list[str]:
    """Names of a store's columns, without repetitions.

    Parameters
    ----------
    store : Store
        Where the columns are.
    features : str or iterable of str
        Each is a column's own name (``luo2019/mfcc``), a preset (``luo2019``), a feature with or without settings
        (``mfcc(n_mfcc=20)``) whose values the store holds under whatever name, or several of these with commas between.
    how_to_add : callable, optional
        Request → the command that adds it to the store, for the message.
    or_none : bool
        Accept no features: what reads transcripts alone has none.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownNameError
        When nothing is called so, with the closest column.
    ParameterError
        When there is no name, or the store lacks a column that is asked for.
    """
    asked = [features] if isinstance(features, str) else _listed(features)
    names = list(dict.fromkeys(name for part in asked for name in _resolved(store, part, how_to_add)))
    if not names and not or_none:
        raise ParameterError(f"no features given; this store has {', '.join(sorted(store.columns))}")
    return names


def holding(columns: Mapping[str, ColumnInfo], key: str, spec: str, engine: str) -> str | None:
    """Name of the column that holds these values: of the same key, else of the same feature from another engine.

    What a GPU and a CPU compute is the same within a tolerance. Columns of one engine with one spec and two keys are not
    the same: another version of the feature computed one of them, or other weights.

    Parameters
    ----------
    columns : mapping
        Of a store: name → what the column is.
    key, spec, engine : str
        What is looked for.
    """
    by_key = {info.key: name for name, info in columns.items()}
    by_spec = {info.spec: name for name, info in columns.items() if info.engine != engine and not info.of_run}
    return by_key.get(key) or by_spec.get(spec)


def _listed(features: Any) -> list[str]:
    found = list(features) if isinstance(features, Iterable) else [features]
    wrong = [item for item in found if not isinstance(item, str)]
    if wrong:
        raise ParameterError(f"features are names, as in ['luo2019/mfcc', 'rms'] or 'luo2019,rms'; got {wrong[0]!r:.80}")
    return found


def _resolved(store: StoreView, asked: str, how_to_add: Callable[[str], str] | None) -> list[str]:
    if asked in store.columns:
        return [asked]
    from featurekit.features import split  # half a second, which whoever names columns exactly need not wait

    names: list[str] = []
    for part in split(asked):
        names += [part] if part in store.columns else _stored(store, part, how_to_add)
    return names


def _stored(store: StoreView, part: str, how_to_add: Callable[[str], str] | None) -> list[str]:
    """The store's columns of a feature or a preset, by what they hold and not by what they are called."""
    names: list[str] = []
    for column in _parsed(store, part):
        found = holding(store.columns, column.key, column.spec, "cpu")  # the key of a request is the CPU's
        if found is None:
            where = getattr(store, "path", "the store")
            command = f"featurekit extract … --features '{part}'" if how_to_add is None else how_to_add(part)
            raise ParameterError(
                f"{where} has no column {column.name} with these settings (it has {', '.join(sorted(store.columns))}); "
                f"add it: {command}"
            )
        names.append(found)
    return names


def _parsed(store: StoreView, part: str) -> list[Any]:
    """Columns of a request; those of a folder where it is no request but the name of one (``run-4f2a`` of ``embed``).

    A feature that needs settings (which encoder?) may go by its name where the store has one of it.
    """
    from featurekit.features import FEATURES, PRESETS, parse

    try:
        return list(parse(part))
    except UnknownNameError as error:
        if error.kind != "feature or preset":  # a setting, say, of a feature that there is
            raise
        folder = [info for name, info in store.columns.items() if name.startswith(f"{part}/")]
        if folder:
            return folder
        near = difflib.get_close_matches(part, [*FEATURES.names(), *PRESETS.names()])
        raise UnknownNameError("column, feature or preset", part, [*store.columns, *near]) from None
    except ParameterError as error:
        alike = [info for info in store.columns.values() if info.spec.startswith(f"{part}(")]
        if len(alike) == 1:
            return alike
        where = getattr(store, "path", "the store")
        raise ParameterError(f"{error} ({where} has {len(alike)} columns of it)") from None
