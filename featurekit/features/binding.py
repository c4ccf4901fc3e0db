"""Binding: a node and requested settings → the graph that computes it, with every setting fixed.

A node with its settings fixed is a :class:`Bound`; two Bounds with the same key are the same computation, so one STFT
feeds every feature that asks for it.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features.graph import FEATURES, NODES, Node, Settings
from featurekit.features.language import OF, join, members, read, write
from featurekit.settings import digest

SOURCES = ("signal", "sample_rate")
DEFAULT_SAMPLE_RATE = 16000
SAMPLE_RATES = (100, 768_000)  # beyond them a setting is a slip, and a second of speech is no sample or gigabytes
# What else fixes the numbers of a column. The two first are what featurekit.audio does before a signal gets here.
# A column of a GPU has a key made of this one: see features.cuda.
PREPARATION = {"resampler": "soxr-HQ", "channels": "mean", "engine": "cpu"}


@dataclass(frozen=True)
class Bound:
    """A node (or source) with its settings fixed and its inputs bound; equal keys are equal computations."""

    name: str
    key: str
    node: Node | None = field(compare=False)  # None for a source
    settings: Settings = field(compare=False)
    inputs: tuple[Bound, ...] = field(compare=False)
    sample_rate: int = field(compare=False)

    @property
    def hears_signal(self) -> bool:
        """Whether it is computed from the signal; else it is a constant of settings and sample rate, or a source."""
        return self.node is not None and any(upstream.name == "signal" for upstream in self.walk())

    def walk(self) -> Iterator[Bound]:
        """Everything upstream and itself, inputs before the nodes that read them, each once."""
        seen: set[str] = set()

        def visit(bound: Bound) -> Iterator[Bound]:
            if bound.key not in seen:
                seen.add(bound.key)
                for upstream in bound.inputs:
                    yield from visit(upstream)
                yield bound

        yield from visit(self)


def accepted(name: str, of: str | None = None) -> Settings:
    """Settings that a request for ``name`` may give, with their defaults: its own and those of everything upstream.

    Parameters
    ----------
    name : str
        A node.
    of : str, optional
        What a feature of features reads, when not its default: its settings are accepted too, but for those it states.

    Raises
    ------
    UnknownNameError
        When the node or something upstream does not exist.
    ParameterError
        When two nodes of one graph give one setting different defaults, or the graph has a cycle.
    """
    if name not in SOURCES and NODES.get(name).of is not None:
        return _accepted_of(NODES.get(name), of)
    owners: dict[str, tuple[str, Any]] = {}

    def visit(name: str, pinned: frozenset[str], path: tuple[tuple[str, str], ...], hears: str) -> None:
        if name == "signal" and hears != "signal":
            visit(hears, frozenset(), path, "signal")
        if name in SOURCES:
            return
        if (name, hears) in path:
            raise ParameterError(f"the feature graph has a cycle: {' → '.join((*(step for step, _ in path), name))}")
        member = NODES.get(name)
        for setting, default in member.defaults.items():
            if setting in pinned:
                continue
            owner, known = owners.setdefault(setting, (name, default))
            if known != default:
                raise ParameterError(f"{owner} and {name} give {setting} different defaults: {known!r}, {default!r}")
        for upstream in member.inputs:
            visit(upstream, pinned | member.pins.keys(), (*path, (name, hears)), member.reads or hears)

    visit(name, frozenset(), (), "signal")
    return {setting: default for setting, (_, default) in sorted(owners.items())} | {"sample_rate": DEFAULT_SAMPLE_RATE}


def _accepted_of(member: Node, of: str | None) -> Settings:
    found: Settings = {}
    for request in members(of if of is not None else str(member.of)):
        name, given = read(request)
        found |= {setting: default for setting, default in accepted(name, given.get(OF)).items() if setting not in given}
    return {**found, "sample_rate": DEFAULT_SAMPLE_RATE, **member.defaults, OF: member.of}


def bind(name: str, given: Settings | None = None) -> tuple[Bound, Settings]:
    """Fix the settings of a node and of everything upstream.

    Parameters
    ----------
    name : str
        A node, usually a feature.
    given : dict, optional
        Settings that differ from the defaults; each goes to every node of the graph that owns one of that name.

    Returns
    -------
    bound : Bound
    settings : dict
        All resolved settings by name, ``sample_rate`` included; those of what a feature of features reads are spelled
        out inside its ``of``.

    Raises
    ------
    UnknownNameError
        For a setting nobody owns, with the ones that are accepted.
    ParameterError
        For a value of the wrong type or out of its limits.
    """
    given = given or {}
    defaults = accepted(name, given.get(OF))
    for setting in given:
        if setting not in defaults:
            if any(setting in read(request)[1] for request in members(given.get(OF, "of"))):
                raise ParameterError(f"{name}: {setting} is given inside of=… and beside it; give it once")
            raise UnknownNameError(f"setting of {name}", setting, defaults)
    if name not in SOURCES and NODES.get(name).of is not None:
        return _bind_of(NODES.get(name), given)
    settings = {**defaults, **given}
    settings["sample_rate"] = _coerce(settings["sample_rate"], int, f"{name}: sample_rate")
    _within(settings["sample_rate"], SAMPLE_RATES, f"{name}: sample_rate, in Hz,")
    return _bind(name, settings, {}, {}, "signal"), settings


def _bind(name: str, settings: Settings, pins: Settings, done: dict[str, Bound], hears: str) -> Bound:
    """Bind recursively; ``settings`` is updated in place with coerced values."""
    if name == "signal" and hears != "signal":
        return _bind(hears, settings, {}, done, "signal")
    sample_rate = settings["sample_rate"]
    if name in SOURCES:
        return Bound(name, _key(name, 1, {}, (), sample_rate), None, {}, (), sample_rate)
    member = NODES.get(name)
    for setting in member.defaults:
        if setting not in pins:
            settings[setting] = _valid(member, setting, settings[setting])
    own = {setting: (pins if setting in pins else settings)[setting] for setting in member.defaults}
    below = {**pins, **member.pins}
    inputs = tuple(_bind(upstream, settings, below, done, member.reads or hears) for upstream in member.inputs)
    if member.check is not None:  # last: it may read settings of what is upstream, which are valid now
        member.check({**settings, **own})
    key = _key_of(member, own, inputs, sample_rate)
    return done.setdefault(key, Bound(name, key, member, own, inputs, sample_rate))


def _bind_of(member: Node, given: Settings) -> tuple[Bound, Settings]:
    """Bind a feature of features: its open edge comes from the features that ``of`` names.

    A setting given beside ``of`` reaches every feature that ``of`` names and that does not state its own.
    """
    own = {setting: _valid(member, setting, given.get(setting, default)) for setting, default in member.defaults.items()}
    outside = {setting: value for setting, value in given.items() if setting not in member.defaults and setting != OF}
    bounds: list[Bound] = []
    requests: list[str] = []
    for request in members(given.get(OF, str(member.of))):
        name, inside = read(request)
        if FEATURES.get(name).kind != "frames":
            raise ParameterError(f"{member.name} reads frames; {name} gives one {FEATURES.get(name).kind} an utterance")
        takes = accepted(name, inside.get(OF))
        bound, resolved = bind(name, {**{key: value for key, value in outside.items() if key in takes}, **inside})
        if any(bound.key == other.key for other in bounds):
            raise ParameterError(f"{member.name}: of names {request} twice; give it once")
        bounds.append(bound)
        requests.append(write(name, resolved))
    sample_rate = bounds[0].sample_rate
    settings = {**own, OF: join(requests), "sample_rate": sample_rate}
    if member.check is not None:
        member.check(settings)
    edge = bounds[0] if len(bounds) == 1 else _stacked(bounds)
    inputs = tuple(edge if name == OF else _bind(name, settings, {}, {}, "signal") for name in member.inputs)
    key = _key_of(member, own, inputs, sample_rate)
    return Bound(member.name, key, member, own, inputs, sample_rate), settings


def _stacked(bounds: list[Bound]) -> Bound:
    def stack(*arrays: np.ndarray) -> np.ndarray:
        """Features that are read together, one below the other [shape=(dims, frames)]."""
        return np.concatenate(arrays)

    member = Node("stack", stack, 1, (), {}, {})
    key = _key("stack", 1, {}, tuple(bound.key for bound in bounds), bounds[0].sample_rate)
    return Bound("stack", key, member, {}, tuple(bounds), bounds[0].sample_rate)


def _key_of(member: Node, own: Settings, inputs: tuple[Bound, ...], sample_rate: int) -> str:
    identity = own if member.identity is None else member.identity(own)
    keyed = {setting: value for setting, value in identity.items() if value != member.added.get(setting, ...)}
    return _key(member.name, member.version, keyed, tuple(upstream.key for upstream in inputs), sample_rate)


def _key(name: str, version: int, own: Settings, upstream: tuple[str, ...], sample_rate: int) -> str:
    identity = {"function": name, "version": version, "settings": own, "upstream": upstream, "sample_rate": sample_rate}
    return digest({**identity, **PREPARATION})


def _valid(member: Node, setting: str, value: Any) -> Any:
    """A value that fits the setting's type and limits."""
    where = f"{member.name}: {setting}"
    return _within(_coerce(value, member.hints[setting], where), member.limits.get(setting), where)


def _coerce(value: Any, hint: Any, where: str) -> Any:
    """Check a value against its hint, so that 13 and 13.0 cannot be two keys."""
    if hint is Any:
        return value
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if float in options and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ParameterError(f"{where} is {value!r}; expected a finite number")
    if any(type(value) is option for option in options):
        return value
    expected = " or ".join("None" if option is type(None) else option.__name__ for option in options)
    raise ParameterError(f"{where} is {value!r}; expected {expected}")


def _within(value: Any, limits: tuple[float | None, float | None] | None, where: str) -> Any:
    low, high = limits or (None, None)
    if isinstance(value, (int, float)) and ((low is not None and value < low) or (high is not None and value > high)):
        bounds = f"at least {low}" if high is None else f"at most {high}" if low is None else f"between {low} and {high}"
        raise ParameterError(f"{where} is {value!r}; expected {bounds}")
    return value
