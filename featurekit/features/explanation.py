"""Explanations: a feature's or preset's settings, shapes and graph, as text for a person."""

from __future__ import annotations

from typing import Any

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.features import cuda
from featurekit.features.binding import Bound, accepted
from featurekit.features.columns import Column, short_name
from featurekit.features.graph import FEATURES, NODES
from featurekit.features.language import OF, join, members, read
from featurekit.features.presets import ALIASES, PRESETS
from featurekit.features.requests import parse

# What a program is shown of a column; the others follow from these.
_SHOWN = ("name", "node", "settings", "kind", "dims", "dim_names", "unit", "hop_s", "start_s", "sample_rate", "spec", "key")


def explain(name: str) -> str:
    """Describe a feature, an alias, a request with settings, an intermediate node or a preset.

    Returns
    -------
    str
        Summary, settings with their values, unit, dims, and the graph; nodes shown before are marked "shared".

    Raises
    ------
        When there is no such name.
    """
    if name in PRESETS:
        return _explain_preset(name)
    if name in NODES and name not in FEATURES:
        return _explain_node(name)
    try:
        columns = parse(name)
    except (ParameterError, MissingDependencyError) as error:
        if name not in FEATURES or not FEATURES.get(name).extra:
            raise
        return _explain_unready(name, error)
    if len(columns) > 1:
        raise ParameterError(
            f"explain takes one request; {name!r} has {len(columns)}: {', '.join(item.name for item in columns)}"
        )
    column = columns[0]
    lines = [f"{column.name}: {FEATURES.get(column.node).summary}", ""]
    lines += [f"  {column.kind}, {_shape(column)}, {_unit(column)}"]
    if column.hop_s is not None:
        lines += [f"  one frame every {1000 * column.hop_s:.4g} ms, the first centred on {column.start_s} s"]
    if 1 < len(column.dim_names) <= 12:
        lines += [f"  dims: {', '.join(column.dim_names)}"]
    lines += _engines(column)
    lines += ["", "settings:"]
    defaults = accepted(column.node, column.settings.get(OF))
    for setting, value in column.settings.items():
        # What is read is resolved to its last setting; it is said as a person would ask for it.
        shown = join([short_name(*read(request)) for request in members(value)]) if setting == OF else repr(value)
        default = defaults[setting] if setting == OF else repr(defaults[setting])
        changed = "" if shown == default else f"   (default {default})"
        lines.append(f"  {setting} = {shown}{changed}")
    return "\n".join([*lines, "", "graph:", *_tree(column.bound(), set())])


def _engines(column: Column) -> list[str]:
    """Whether a GPU can compute it, and why not."""
    lacking = cuda.lacking(column)
    answer = f"no, {', '.join(lacking)} cannot be computed there" if lacking else "yes, with extract --device cuda"
    return [f"  on a GPU: {answer}"]


def _explain_preset(name: str) -> str:
    preset = PRESETS.get(name)
    lines = [f"{name}: {preset.summary}", f"  {preset.source}", "", "columns:"]
    if preset.asks:  # no size before it is given
        rows = [f"  {name}/{label}  {request}" for label, request in preset.columns.items()]
        return "\n".join([*lines, *rows, "", *(f"  needs its {setting}: {what}" for setting, what in preset.asks.items())])
    columns = parse(name)
    width = max(len(column.name) for column in columns)
    lines += [f"  {column.name:<{width}}  {_shape(column):>12}  {_unit(column)}" for column in columns]
    for kind, per in (("frames", "a frame"), ("vector", "an utterance")):
        dims = [column.dims for column in columns if column.kind == kind]
        lines += [f"  {per:<{width}}  {f'{sum(dims)} dims':>12}"] if len(dims) > 1 else []
    lines.append("")
    shared = ", ".join(f"{setting} = {value!r}" for setting, value in preset.settings.items())
    shown: set[str] = set()
    graph = [line for column in columns for line in _tree(column.bound(), shown)]
    return "\n".join([*lines, f"settings: {shared}", "", "graph:", *graph])


def _explain_node(name: str) -> str:
    settings = ", ".join(f"{setting} = {value!r}" for setting, value in accepted(name).items())
    readers = [member.name for member in NODES if name in (*member.inputs, member.reads)]
    lines = ["", "  intermediate, not stored", f"  settings: {settings}"]
    lines += [f"  read by: {', '.join(readers)}"] if readers else []
    return "\n".join([f"{name}: {NODES.get(name).summary}", *lines])


def _shape(column: Column) -> str:
    if column.image_shape:
        return "{} x {} pixels".format(*column.image_shape)
    return f"{column.dims} dim{'s' if column.dims > 1 else ''}"


def _unit(column: Column) -> str:
    return {"": "no unit", "mixed": "mixed units"}.get(column.unit, column.unit)


def _explain_unready(name: str, error: Exception) -> str:
    """A feature that needs an optional library or a setting before it has a size."""
    settings = ", ".join(f"{setting} = {value!r}" for setting, value in accepted(name).items())
    needs = f"  needs pip install 'featurekit[{FEATURES.get(name).extra}]'"
    return "\n".join([f"{name}: {FEATURES.get(name).summary}", "", needs, f"  settings: {settings}", f"  {error}"])


def _tree(bound: Bound, shown: set[str], depth: int = 0) -> list[str]:
    settings = ", ".join(f"{setting}={value!r}" for setting, value in bound.settings.items())
    line = f"{'  ' * (depth + 1)}{bound.name}{f'({settings})' if settings else ''}"
    if bound.node is None:
        return [f"{line} @ {bound.sample_rate} Hz" if bound.name == "signal" else line]
    if bound.key in shown:
        return [f"{line}   [shared]"]
    shown.add(bound.key)
    return [line, *(row for upstream in bound.inputs for row in _tree(upstream, shown, depth + 1))]


def facts(name: str) -> dict[str, Any]:
    """What :func:`explain` says, for a program; every value is one that JSON has.

    Returns
    -------
    dict
        ``kind`` (feature, preset or node) and ``summary``; of a preset its ``source``; ``columns``, each as
        :class:`~featurekit.features.columns.Column` has it, or ``needs`` where there is no size before something is
        installed or given; of a node its ``settings``.

    Raises
    ------
    UnknownNameError
        When there is no such name.
    """
    if name in NODES and name not in FEATURES and name not in PRESETS:
        return {"kind": "node", "summary": NODES.get(name).summary, "settings": dict(accepted(name))}
    found: dict[str, Any] = {"kind": "feature"}
    if name in PRESETS:
        preset = PRESETS.get(name)
        found = {"kind": "preset", "summary": preset.summary, "source": preset.source}
        if preset.asks:
            return found | {"requests": dict(preset.columns), "needs": dict(preset.asks)}
    try:
        columns = parse(name)
    except (ParameterError, MissingDependencyError) as error:
        if name not in FEATURES or not FEATURES.get(name).extra:
            raise
        summary = {"summary": FEATURES.get(name).summary, "settings": dict(accepted(name))}
        return found | summary | {"needs": {"extra": FEATURES.get(name).extra, "why": str(error)}}
    found.setdefault("summary", FEATURES.get(columns[0].node).summary)
    return found | {"columns": [{fact: getattr(column, fact) for fact in _SHOWN} for column in columns]}


def names() -> list[str]:
    """Everything :func:`explain` and :func:`parse` know by name: features, presets, aliases."""
    return sorted({*FEATURES.names(), *PRESETS.names(), *ALIASES})
