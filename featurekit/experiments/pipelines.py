"""Pipelines: the run files that come with featurekit, found by their bare name wherever it is installed.

They are written in the folder ``pipelines/`` of the repository. A wheel carries them inside the package.
"""

from __future__ import annotations

from pathlib import Path

from featurekit.errors import UnknownNameError

_PACKAGE = Path(__file__).parents[1]


def folder() -> Path:
    """Where the run files lie: inside an installed package, or beside the package in a checkout."""
    installed = _PACKAGE / "pipelines"
    return installed if installed.is_dir() else _PACKAGE.parent / "pipelines"


def names() -> list[str]:
    """Names of the run files that come with featurekit, sorted."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def describe(name: str) -> str:
    """The first sentence of a run file's comment: what it trains, and the figure of its paper."""
    said: list[str] = []
    for line in (folder() / f"{name}.toml").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        said.append(line.lstrip("# "))
        if line.endswith("."):
            break
    return " ".join(said)


def find(given: str | Path) -> Path:
    """The run file of that name: a local file or folder first, then one that comes with featurekit.

    Parameters
    ----------
    given : path or str
        ``ravdess-resnet18``, ``ravdess-resnet18.toml``, ``pipelines/ravdess-resnet18.toml``, or any path that exists.

    Raises
    ------
    UnknownNameError
        When there is neither, with the closest names.
    """
    path = Path(given)
    for local in (path, Path(f"{path}.toml")):
        if local.exists():
            return local
    name = path.name.removesuffix(".toml")
    if str(path.parent) in (".", "pipelines") and name in names():
        return folder() / f"{name}.toml"
    raise UnknownNameError("run file", str(given), names(), see="featurekit list pipelines")
