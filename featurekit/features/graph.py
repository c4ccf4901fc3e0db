"""The graph: a feature is one function; its argument names are edges, its keyword-only arguments are settings.

``signal`` and ``sample_rate`` are the sources. The edge ``of`` is open: a request says which feature it comes from.
:mod:`~featurekit.features.binding` fixes the settings.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from featurekit.errors import ParameterError
from featurekit.features.language import OF
from featurekit.registry import Registry

Function = TypeVar("Function", bound=Callable[..., Any])
Settings = dict[str, Any]
Limits = Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True)
class Clock:
    """When a feature's frames lie, in samples: frame t is centred on ``start + t * hop_length``.

    A signal has ``max(1, (samples + extra) // hop_length)`` of them.

    Equal clocks have equal frame counts, whatever the signal: columns that share one can be stacked.

    Attributes
    ----------
    hop_length : int
        Samples between frames.
    start : float
        Centre of the first frame.
    extra : int or None
        Samples of padding that frames may use; None is ``hop_length``: centred frames, ``1 + samples // hop_length``.
    """

    hop_length: int
    start: float = 0.0
    extra: int | None = None

    def n_frames(self, n_samples: int) -> int:
        """Frames of a signal of ``n_samples``; a signal too short for one still has one.

        >>> Clock(160).n_frames(16000), Clock(160, start=80, extra=80).n_frames(16000)
        (101, 100)
        """
        extra = self.hop_length if self.extra is None else self.extra
        return max(1, (n_samples + extra) // self.hop_length)


@dataclass(frozen=True, eq=False)
class Node:
    """One function of the graph, as its decorator declared it.

    Attributes
    ----------
    name : str
        The function's name, which is how other nodes and requests call it.
    inputs : tuple of str
        Names of the nodes (or sources) it reads: its positional arguments.
    defaults : dict
        Its own settings: keyword-only arguments with their defaults.
    hints : dict
        Their types, by which a request is checked.
    pins : dict
        Settings that are fixed for everything upstream of this node and cannot be requested.
    limits : dict
        Setting → (lowest, highest) accepted value, None where there is no bound.
    kind : {"frames", "image", "vector"} or None
        None for intermediates, which cannot be stored.
    counted_by : str or None
        The setting that an alias such as ``mfcc20`` sets.
    clock : callable(settings) -> Clock, or None
        None: frames are centred on every ``hop_length``-th sample.
    reads : str or None
        The node whose signal everything upstream reads in place of ``signal``.
    of : str or None
        What the open edge ``of`` comes from when a request does not say.
    identity : callable(settings) -> dict, or None
        What stands in its key for its own settings: weights by their digest, not by the path they lie at.
    extra : str
        The optional extra it needs ("asr"); "" where what is always installed is enough.
    added : dict
        Settings added without a new version, with the value that gives the older numbers: there, they are not keyed.
    log_mel : bool or callable(settings) -> bool
        Whether SpecAugment falls on its value, a log-mel (bands, frames), or on one inside it.
    masked : callable(mask, *inputs, **settings) or None
        How it is computed with masks on the log-mel inside it; None where its value is the log-mel.
    """

    name: str
    function: Callable[..., Any]
    version: int
    inputs: tuple[str, ...]
    defaults: Settings
    hints: dict[str, Any]
    pins: Settings = field(default_factory=dict)
    limits: Limits = field(default_factory=dict)
    check: Callable[[Settings], None] | None = None
    kind: str | None = None
    unit: str | Callable[..., str] = ""
    dims: int | Callable[[Settings], int] = 1
    dim_names: Callable[..., tuple[str, ...]] | None = None
    image_shape: Callable[[Settings], tuple[int, int]] | None = None
    counted_by: str | None = None
    clock: Callable[[Settings], Clock] | None = None
    reads: str | None = None
    of: str | None = None
    added: Settings = field(default_factory=dict)
    identity: Callable[[Settings], Settings] | None = None
    extra: str = ""
    log_mel: bool | Callable[[Settings], bool] = False
    masked: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        # The registry tells two members of one name apart by their module: that of the function, not of this class.
        object.__setattr__(self, "__module__", self.function.__module__)

    @property
    def summary(self) -> str:
        """First paragraph of the function's docstring, on one line, code between single backticks."""
        return " ".join((inspect.getdoc(self.function) or "").split("\n\n")[0].split()).replace("``", "`")


NODES: Registry[Node] = Registry("node", "featurekit.features")
FEATURES: Registry[Node] = Registry("feature", "featurekit.features")


def node(
    *,
    version: int = 1,
    pins: Settings | None = None,
    limits: Limits | None = None,
    check: Callable[[Settings], None] | None = None,
    identity: Callable[[Settings], Settings] | None = None,
    extra: str = "",
    log_mel: bool | Callable[[Settings], bool] = False,
    masked: Callable[..., Any] | None = None,
) -> Callable[[Function], Function]:
    """Declare an intermediate: a function that features read but that is not stored itself.

    Parameters
    ----------
    version : int
        Bump it when a change of the code changes its numbers: every key downstream changes with it.
    pins : dict, optional
        Settings fixed for everything upstream (librosa's CQT, say, always tunes on a 2048/512 STFT).
    limits : dict, optional
        Setting → (lowest, highest).
    check : callable, optional
        Called with all resolved settings; raises ParameterError for combinations that cannot work.
    identity : callable(settings) -> dict, optional
        What stands in the key for the node's own settings: weights by their digest, not by the path they lie at.
    extra : str
        The optional extra it needs ("asr").
    log_mel, masked
        As :class:`Node` has them.
    """

    def decorate(function: Function) -> Function:
        facts: Settings = {"version": version, "check": check, "identity": identity, "extra": extra}
        declared = _declare(function, pins=pins, limits=limits, log_mel=log_mel, masked=masked, **facts)
        NODES.add(function.__name__, declared)
        return function

    return decorate


def feature(
    *,
    unit: str | Callable[..., str],
    version: int = 1,
    kind: str = "frames",
    dims: int | Callable[[Settings], int] = 1,
    dim_names: Callable[..., tuple[str, ...]] | None = None,
    image_shape: Callable[[Settings], tuple[int, int]] | None = None,
    counted_by: str | None = None,
    clock: Callable[[Settings], Clock] | None = None,
    reads: str | None = None,
    of: str | None = None,
    added: Settings | None = None,
    pins: Settings | None = None,
    limits: Limits | None = None,
    check: Callable[[Settings], None] | None = None,
    identity: Callable[[Settings], Settings] | None = None,
    extra: str = "",
    log_mel: bool = False,
) -> Callable[[Function], Function]:
    """Declare a feature that can be stored.

    The function returns ``(dims, frames)`` for kind "frames", ``(dims, 1)`` for kind "vector" and an
    :class:`~featurekit.features.image.ImageArray` for kind "image".

    Parameters
    ----------
    unit : str
        Of the values ("Hz", "dB"); "" where they have none.
    kind : {"frames", "image", "vector"}
    dims : int or callable(settings) -> int
        Number of values a frame.
    dim_names : callable(settings) -> tuple of str, optional
        Names of the dims; by default ``<feature>_0``, ``<feature>_1``, …
    image_shape : callable(settings) -> (height, width)
        Needed for kind "image".
    counted_by : str, optional
        The setting that a number behind the name sets: with "n_mfcc", ``mfcc20`` is ``mfcc(n_mfcc=20)``.
    clock : callable(settings) -> Clock, optional
        For frames that are not centred on every ``hop_length``-th sample.
    reads : str, optional
        A node that gives a signal; everything upstream reads it in place of ``signal``: ``tonnetz_harmonic`` is
        ``tonnetz`` of the harmonic part.
    of : str, optional
        Of a feature of features, whose first argument is ``of`` (dims, frames): the request it reads by default. It
        has the clock of what it reads, and ``unit`` and ``dim_names`` are callables (settings, columns read).
    added : dict, optional
        Settings that are newer than ``version``, with the value that gives the older numbers: keys made before stay valid.
    version, pins, limits, check, identity, extra, log_mel
        As for :func:`node`.
    """
    if kind not in ("frames", "image", "vector"):
        raise ParameterError(f"a feature's kind is frames, image or vector; got {kind!r}")
    if (kind == "image") != (image_shape is not None):
        raise ParameterError(
            "a feature of kind image, and no other, declares image_shape=callable(settings) -> (height, width)"
        )
    if of is not None and not (callable(unit) and callable(dim_names)):
        raise ParameterError("a feature of features declares unit and dim_names as callables (settings, columns read)")

    def decorate(function: Function) -> Function:
        declared = _declare(
            function,
            version=version,
            pins=pins,
            limits=limits,
            check=check,
            kind=kind,
            identity=identity,
            extra=extra,
            unit=unit,
            dims=dims,
            dim_names=dim_names,
            image_shape=image_shape,
            counted_by=counted_by,
            clock=clock,
            reads=reads,
            of=of,
            added=added or {},
            log_mel=log_mel,
        )
        NODES.add(function.__name__, declared)
        FEATURES.add(function.__name__, declared)
        return function

    return decorate


def _declare(function: Callable[..., Any], *, pins: Settings | None, limits: Limits | None, **facts: Any) -> Node:
    parameters = inspect.signature(function).parameters.values()
    inputs = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
    own = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    bare = [name for name, default in own.items() if default is inspect.Parameter.empty]
    if bare or len(inputs) + len(own) != len(parameters):
        raise ParameterError(
            f"feature {function.__name__}: edges are plain arguments, settings are keyword-only with a default; "
            f"got {inspect.signature(function)}"
        )
    if (OF in inputs) != (facts.get(OF) is not None):
        raise ParameterError(f"feature {function.__name__}: the argument of, and no other, takes @feature(of=default request)")
    hints = typing.get_type_hints(function)
    return Node(
        name=function.__name__,
        function=function,
        inputs=inputs,
        defaults=own,
        hints={name: hints.get(name, Any) for name in own},
        pins=pins or {},
        limits=limits or {},
        **facts,
    )
