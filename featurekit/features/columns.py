"""Columns: what a feature request stands for, with its settings, shape, clock and identity."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from featurekit.errors import ParameterError
from featurekit.features.binding import Bound, accepted, bind
from featurekit.features.graph import FEATURES, Clock, Node, Settings
from featurekit.features.language import OF, join, members, read, write
from featurekit.features.presets import ALIASES

# Libraries whose versions may change the last bits of a value; recorded beside a column, not part of its key.
_LIBRARIES = ("numpy", "scipy", "numba", "soxr")
# What an optional extra of a node, or an engine, adds to them.
_LIBRARIES_OF = {"cuda": ("torch",), "asr": ("torch", "transformers"), "opensmile": ("opensmile",)}


@dataclass(frozen=True)
class Column:
    """One stored feature, fully resolved; two columns with the same key hold the same values.

    Attributes
    ----------
    name : str
        What it is called in a store; not part of its identity.
    node : str
        Name of the feature's function.
    settings : dict
        All resolved settings, its own and those upstream, ``sample_rate`` included; JSON-able.
    key : str
        Identity: sha256 over the function, its version, its settings and everything upstream.
    unit : str
    kind : {"frames", "image", "vector"}
    dims : int
        Values a frame; of an image, its pixels.
    dim_names : tuple of str
        One a dim; empty for an image.
    hop_s, start_s : float or None
        Time between frames and of the centre of the first, in seconds; None where there are no frames.
    sample_rate : int
        In Hz, of the signal it is computed from.
    spec : str
        A request that spells every setting out: ``parse(spec)[0].key == key`` even after a default has changed.
    image_shape : (height, width) or None
    clock : Clock or None
        The same clock in samples; columns of one rate and one clock have equal frame counts.
    engine : {"cpu", "cuda"}
        What computes it; part of the key. A request is the CPU's until :func:`~featurekit.features.cuda.on_gpu` is asked.
    """

    name: str
    node: str
    settings: Settings = field(hash=False)
    key: str
    unit: str
    kind: str
    dims: int
    dim_names: tuple[str, ...]
    hop_s: float | None
    start_s: float | None
    sample_rate: int
    spec: str
    image_shape: tuple[int, int] | None = None
    clock: Clock | None = None
    engine: str = "cpu"

    def renamed(self, name: str) -> Column:
        """The same column under another name."""
        return dataclasses.replace(self, name=name)

    def bound(self) -> Bound:
        """The graph that computes this column."""
        return bind(self.node, self.settings)[0]

    def bytes_per_second(self) -> float:
        """Stored bytes a second of speech (float32 frames); 0 for an image or a vector."""
        return 4 * self.dims / self.hop_s if self.hop_s else 0.0

    def bytes_per_utterance(self) -> int:
        """Stored bytes an utterance that do not grow with its length (uint8 pixels, a float32 vector); 0 for frames."""
        return {"frames": 0, "image": self.dims, "vector": 4 * self.dims}[self.kind]

    def versions(self) -> dict[str, str]:
        """Versions of the installed libraries that the values may depend on in their last bits."""
        extras = {self.engine, *(bound.node.extra for bound in self.bound().walk() if bound.node is not None)}
        added = (library for extra in sorted(extras) for library in _LIBRARIES_OF.get(extra, ()))
        return {library: found for library in (*_LIBRARIES, *added) if (found := _installed_version(library))}


@functools.cache  # reading one library's metadata takes a millisecond, and every shard asks for every column
def _installed_version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def make_column(name: str | None, node: str, given: Settings) -> Column:
    """Resolve a request for one feature.

    Parameters
    ----------
    name : str or None
        The column's name; None for ``feature(setting=value)`` with the settings that differ from the defaults.
    node : str
        Name of a feature.
    given : dict
        Requested settings.

    Raises
    ------
    UnknownNameError
        For an unknown feature or setting.
    ParameterError
        For a value that is not accepted.
    """
    member = FEATURES.get(node)
    bound, settings = bind(node, given)
    read_columns = _read(node, settings)
    dim_names = _dim_names(member, settings, read_columns)
    clock = _clock(member, settings, read_columns)
    return Column(
        name=name or short_name(node, settings),
        node=node,
        settings=settings,
        key=bound.key,
        unit=member.unit(settings, read_columns) if callable(member.unit) else member.unit,
        kind=member.kind or "",
        dims=len(dim_names) if member.kind != "image" else _count(member, settings),
        dim_names=dim_names,
        hop_s=clock.hop_length / settings["sample_rate"] if clock else None,
        start_s=clock.start / settings["sample_rate"] if clock else None,
        sample_rate=settings["sample_rate"],
        spec=write(node, settings),
        image_shape=member.image_shape(settings) if member.image_shape else None,
        clock=clock,
    )


def _read(node: str, settings: Settings) -> tuple[Column, ...]:
    """Columns that a feature of features reads."""
    columns = tuple(make_column(None, *read(request)) for request in members(settings[OF])) if OF in settings else ()
    clocks = {(column.sample_rate, column.clock) for column in columns}
    if len(clocks) > 1:
        shown = ", ".join(f"{column.name} every {column.hop_s} s from {column.start_s} s" for column in columns)
        raise ParameterError(f"{node} reads features of one clock; got {shown}; give them one hop_length and sample_rate")
    return columns


def _count(member: Node, settings: Settings) -> int:
    return member.dims if isinstance(member.dims, int) else member.dims(settings)


def _dim_names(member: Node, settings: Settings, read_columns: tuple[Column, ...]) -> tuple[str, ...]:
    if member.kind == "image":
        return ()
    if member.dim_names is not None:
        return tuple(member.dim_names(settings, read_columns) if read_columns else member.dim_names(settings))
    dims = _count(member, settings)
    return (member.name,) if dims == 1 else tuple(f"{member.name}_{index}" for index in range(dims))


def _clock(member: Node, settings: Settings, read_columns: tuple[Column, ...]) -> Clock | None:
    if member.kind != "frames":
        return None
    if member.clock is not None:
        return member.clock(settings)
    if read_columns:
        return read_columns[0].clock
    if "hop_length" not in settings:
        raise ParameterError(f"feature {member.name} has frames but no setting hop_length, its own or upstream; give it one")
    return Clock(settings["hop_length"])


def short_name(node: str, settings: Settings) -> str:
    """``mfcc``, ``mfcc20`` or ``mfcc(n_mfcc=20, fmin=50.0)``: what differs from the defaults."""
    defaults = accepted(node, settings.get(OF))
    changed = {setting: value for setting, value in settings.items() if value != defaults[setting]}
    if OF in settings:  # what is read is said in short, its sample rate with it
        of = join([short_name(*read(request)) for request in members(settings[OF])])
        changed = {key: value for key, value in changed.items() if key not in (OF, "sample_rate")}
        changed |= {} if of == FEATURES.get(node).of else {OF: of}
    # A path would make folders of a column's name; its last part says enough.
    changed = {key: value.rstrip("/").rpartition("/")[2] if key == "model" else value for key, value in changed.items()}
    counted_by = FEATURES.get(node).counted_by
    if counted_by is not None and list(changed) == [counted_by] and f"{node}{changed[counted_by]}" not in ALIASES:
        return f"{node}{changed[counted_by]}"
    return write(node, changed)
