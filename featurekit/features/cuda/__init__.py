"""The GPU engine: torch twins of the graph's nodes, which compute many utterances at once.

A twin has the name, the edges and the settings of the CPU's function, and its values within a tolerance that
``tests/features/cuda`` holds. Utterances lie one after another, not padded to one length (``_ragged``), so that none can
change another. A column is computed by one engine: on the GPU if every node that leads from the signal to it has a twin,
else wholly on the CPU. Its engine is part of its key.

To add a twin, put a function decorated by :func:`twin` into a file of this folder; nothing else knows its name. Its settings
are keyword-only and without defaults, which the node has: the engine passes every one. This file does not import torch: a
machine without it plans, reads and extends stores.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from featurekit.device_names import parse_device
from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.features.columns import Column
from featurekit.registry import Registry
from featurekit.settings import digest

Function = TypeVar("Function", bound=Callable[..., Any])

# Where twins compute. Tests put "cpu" here: the same engine, on CPU tensors.
DEVICE = "cuda"


@dataclass(frozen=True)
class Twin:
    """A node's function for the GPU.

    Attributes
    ----------
    name : str
        Of the node.
    function : callable
        Its arguments are those of the node's function, with :class:`~featurekit.features.cuda._ragged.Ragged` values.
    version : int
        Part of the key of every column that is computed with it.
    """

    name: str
    function: Callable[..., Any]
    version: int

    def __post_init__(self) -> None:
        # The registry tells two members of one name apart by their module: that of the function, not of this class.
        object.__setattr__(self, "__module__", self.function.__module__)


TWINS: Registry[Twin] = Registry("GPU twin", "featurekit.features.cuda")
_TWIN = re.compile(r"^@twin\(.*\)\ndef (\w+)", re.MULTILINE)


def twin(*, version: int = 1) -> Callable[[Function], Function]:
    """Declare the GPU's function of the node of the same name.

    Parameters
    ----------
    version : int
        Bump it when a change of the code changes its numbers.
    """

    def decorate(function: Function) -> Function:
        TWINS.add(function.__name__, Twin(function.__name__, function, version))
        return function

    return decorate


def ready(*, asked: bool = False) -> bool:
    """Whether twins can compute here: torch is installed and sees a GPU.

    Parameters
    ----------
    asked : bool
        The user asked for a GPU: torch decides. Else torch is imported only where the system has a GPU's device, by a name
        that is known; containers and simulators may have others.
    """
    if importlib.util.find_spec("torch") is None:
        return False
    return DEVICE == "cpu" or _torch_sees_one(asked)


@contextmanager
def computing_on(device: str) -> Iterator[None]:
    """Let engines that are made inside the block compute on the GPU that ``device`` names ("cuda:1"); else on the current one.

    Raises
    ------
    ParameterError
        When torch sees fewer GPUs.
    """
    global DEVICE
    kind, number = parse_device(device)
    if kind != "cuda" or number is None:
        yield
        return
    import torch

    if number >= torch.cuda.device_count():
        raise ParameterError(f"device is {device}, but the last GPU that torch sees is cuda:{torch.cuda.device_count() - 1}")
    before, DEVICE = DEVICE, device
    try:
        yield
    finally:
        DEVICE = before


def _torch_sees_one(asked: bool) -> bool:
    # Importing torch only to hear no would cost every start a second.
    if not asked and "torch" not in sys.modules and not _has_driver():
        return False
    import torch

    return torch.cuda.is_available()


def _has_driver() -> bool:
    names = ("nvidia[0-9]*", "nvhost-*", "nvgpu", "kfd", "dxg")  # NVIDIA, its Jetson, AMD, and Windows below Linux
    return any(any(Path("/dev").glob(name)) for name in names)


def names() -> set[str]:
    """Names of all twins: read from the files of this folder, so that a question about them does not import torch."""
    if TWINS.has_strangers() and importlib.util.find_spec("torch") is not None:
        return set(TWINS.names())
    files = (Path(__file__).with_name(f"{module}.py") for module in TWINS.module_names())
    return {name for file in files for name in _TWIN.findall(file.read_text("utf-8"))}


def lacking(column: Column) -> list[str]:
    """Nodes between the signal and a column that have no twin: why it is computed on the CPU."""
    have = names()
    return sorted({bound.name for bound in column.bound().walk() if bound.hears_signal and bound.name not in have})


def on_gpu(column: Column) -> Column | None:
    """The same column computed on the GPU, with a key of its own; None when a node that it needs has no twin, or none is heard.

    Raises
    ------
    MissingDependencyError
        Without torch.
    """
    if column.engine == "cuda":
        return column
    _require_torch()
    if lacking(column) or not column.bound().hears_signal:
        return None
    versions = {bound.name: TWINS.get(bound.name).version for bound in column.bound().walk() if bound.hears_signal}
    key = digest({"engine": "cuda", "column": column.key, "twins": versions})
    return dataclasses.replace(column, key=key, engine="cuda")


def as_stored(column: Column, key: str) -> Column:
    """The GPU's like of a column, which a store holds under ``key``: a machine without torch takes the store's word for it."""
    if importlib.util.find_spec("torch") is None:
        return dataclasses.replace(column, key=key, engine="cuda")
    return on_gpu(column) or column


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError("features on a GPU need torch; pip install 'featurekit[train]'")
