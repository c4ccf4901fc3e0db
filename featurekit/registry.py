"""Open sets: members that plug themselves in by being a file of a package.

A registry belongs to one package (``featurekit.corpora``). On first use it imports every module of that package
(names that start with ``_`` excepted) and every entry point of the group of the same name, so that a file dropped
into the folder, or a stranger's installed package, is found without a list kept by hand.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from featurekit.errors import FeaturekitError, ParameterError, UnknownNameError

Member = TypeVar("Member")

# Plugin files, separated like PATH. An environment variable, since worker processes must find the same members.
PLUGINS = "FEATUREKIT_PLUGINS"


class Registry(Generic[Member]):
    """Members of an open set by name.

    Parameters
    ----------
    kind : str
        The singular word used in errors ("corpus").
    package : str
        Dotted name of the package whose modules are the members; also the entry-point group.
    listed_by : str
        The command that lists them, where they may be too many for an error.
    """

    def __init__(self, kind: str, package: str, *, listed_by: str = "") -> None:
        self.kind, self.package, self.listed_by = kind, package, listed_by
        self._members: dict[str, Member] = {}
        self._discovered = False

    def add(self, name: str, member: Member) -> Member:
        """Register a member; the same name from two places is an error.

        Raises
        ------
        ParameterError
            When the name is taken by another member.
        """
        taken = self._members.get(name)
        if taken is not None and _origin(taken) != _origin(member):
            raise ParameterError(f"two members of {self.package} are called {name!r}: {_origin(taken)}, {_origin(member)}")
        self._members[name] = member
        return member

    def get(self, name: str) -> Member:
        """Return the member of that name.

        Raises
        ------
        UnknownNameError
            With the closest names.
        """
        self._discover()
        if name not in self._members:
            raise UnknownNameError(self.kind, name, self._members, see=self.listed_by)
        return self._members[name]

    def names(self) -> list[str]:
        """Names of all members, sorted."""
        self._discover()
        return sorted(self._members)

    def __iter__(self) -> Iterator[Member]:
        return (self._members[name] for name in self.names())

    def __contains__(self, name: str) -> bool:
        self._discover()
        return name in self._members

    def module_names(self) -> list[str]:
        """Files of the package that may hold members; none is imported."""
        package = importlib.import_module(self.package)
        return [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]

    def has_strangers(self) -> bool:
        """Whether an installed package or a plugin may add members."""
        return bool(os.environ.get(PLUGINS) or entry_points(group=self.package))

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True  # first, since a module may look up its siblings while it is imported
        try:
            for name in self.module_names():
                importlib.import_module(f"{self.package}.{name}")
            for point in _entry_points().select(group=self.package):
                point.load()
            for path in os.environ.get(PLUGINS, "").split(os.pathsep):
                if path:
                    load_plugin(path)
        except BaseException:
            self._discovered = False  # a second call must fail as the first did, not find half a set
            raise


@cache
def _entry_points() -> Any:  # SelectableGroups until 3.11, EntryPoints later
    """Of all installed packages: looking through them takes a moment, and each registry asks."""
    return entry_points()


def load_plugin(path: str | Path) -> None:
    """Import a stranger's file, whose decorators join the registries, here and in worker processes started from here.

    Raises
    ------
    ParameterError
        When there is no such Python file, or importing it fails.
    """
    path = Path(path).absolute()
    name = f"featurekit_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ParameterError(f"--plugin needs a Python file, got {str(path)!r}")
    if getattr(sys.modules.get(name), "__file__", None) == str(path):
        return
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, FeaturekitError) or not isinstance(error, Exception):
            raise
        raise ParameterError(f"--plugin {path} cannot be imported: {type(error).__name__}: {error}") from error
    others = [item for item in os.environ.get(PLUGINS, "").split(os.pathsep) if item and item != str(path)]
    os.environ[PLUGINS] = os.pathsep.join([*others, str(path)])


def _origin(member: object) -> str:
    module = getattr(member, "__module__", type(member).__module__)
    return f"{module}.{getattr(member, '__qualname__', getattr(member, 'name', repr(member)))}"
