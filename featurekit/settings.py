"""Settings: TOML or a mapping → checked values; an unknown key is an error; digests."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from featurekit.errors import ParameterError, UnknownNameError

Settings = TypeVar("Settings")


# Made once: json.dumps would build one for each of a million lines.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, UTF-8, no NaN.

    >>> canonical_json({"b": (1, 2), "a": None})
    '{"a":null,"b":[1,2]}'
    """
    return _ENCODER.encode(value)


def digest(value: Any) -> str:
    """Sha256 (hex, 64 characters) of the canonical JSON of ``value``: the identity of settings, columns and runs."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogateescape")).hexdigest()


def from_mapping(kind: type[Settings], mapping: Mapping[str, Any], *, where: str) -> Settings:
    """Build a frozen dataclass from a mapping (a TOML table, say).

    Parameters
    ----------
    kind : type
        A dataclass with scalar, tuple or nested dataclass fields.
    mapping : mapping
        Keys are field names.
    where : str
        What the errors name as the source, for example ``"pipelines/luo2019.toml"``.

    Raises
    ------
    UnknownNameError
        For a key that is not a field, with the closest field name.
    ParameterError
        For a missing required field or a value of the wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = _hints(kind)  # type: ignore[arg-type]
    for key in mapping:
        if key not in fields:
            raise UnknownNameError(f"setting in {where}:", key, fields)
    values = {key: fitting(value, hints[key], f"{where}: {key}") for key, value in mapping.items()}
    required = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - values.keys())
    if missing:
        raise ParameterError(f"{where} lacks {', '.join(missing)}")
    return kind(**values)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Once a class, since a store's shards describe hundreds of columns and this is most of the time of reading one."""
    return typing.get_type_hints(kind)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ParameterError
        When the file is missing or is not TOML, with the line.
    """
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))  # editors of Windows write a mark at the beginning
    except FileNotFoundError:
        raise ParameterError(f"there is no settings file {str(path)!r}") from None
    except IsADirectoryError:
        raise ParameterError(f"{str(path)!r} is a folder; expected a settings file (TOML)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not TOML: {error}") from None


FOLLOW_LINKS = "FEATUREKIT_FOLLOW_LINKS"  # an environment variable, since worker processes must do the same


def follows_links() -> bool:
    """Whether links that lead out of a corpus's folder are followed: ``--follow-links``, or the environment variable."""
    return os.environ.get(FOLLOW_LINKS, "") not in ("", "0")


def corpus_root(name: str, root: str | Path | None) -> Path | None:
    """Where a corpus lies: the argument, else ``FEATUREKIT_CORPORA/<name>``, else ``featurekit.toml``, else None.

    Raises
    ------
    ParameterError
        When ``featurekit.toml`` says it in another way than ``[corpora.<name>] root = "…"``.
    """
    if root is not None:
        return Path(root)
    folder = os.environ.get("FEATUREKIT_CORPORA")
    if folder and (Path(folder) / name).exists():
        return Path(folder) / name
    if Path("featurekit.toml").exists():
        corpora = read_toml("featurekit.toml").get("corpora", {})
        table = corpora.get(name, {}) if isinstance(corpora, dict) else corpora
        said = table.get("root", "") if isinstance(table, dict) else table
        if not isinstance(table, dict) or not isinstance(said, str):
            raise ParameterError(f'featurekit.toml: where {name} lies is {said!r}; expected [corpora.{name}] root = "…"')
        return Path(said).expanduser() if said else None
    return None


def fitting(value: Any, hint: Any, where: str) -> Any:
    """One value that fits its type hint; lists become tuples, ints become floats where a float is asked for.

    >>> fitting(1, float, "lr")
    1.0

    Raises
    ------
    ParameterError
        For a value of another type; ``where`` begins the message.
    """
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        for option in options:
            try:
                return fitting(value, option, where)
            except ParameterError:
                continue
        raise ParameterError(f"{where} is {value!r:.100}; expected {' or '.join(map(_worded, options))}")
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ParameterError(f"{where} is {value!r:.100}; expected {_worded(hint)}")
        item = typing.get_args(hint)[0]
        return tuple(fitting(entry, item, where) for entry in value)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_mapping(hint, value, where=where)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    if expected is Any:
        return value
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise ParameterError(f"{where} is {value!r:.100}; expected {_worded(hint)}")
    return value


def _worded(hint: Any) -> str:
    """A type as someone who writes TOML calls it."""
    origin = typing.get_origin(hint) or hint
    if origin is tuple:
        return f"a list of {_worded(typing.get_args(hint)[0])}"
    words = {dict: "a table", types.NoneType: "None"}
    return words.get(origin, getattr(origin, "__name__", str(origin)))
