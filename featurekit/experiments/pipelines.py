"""Pipelines: the run files that come with featurekit, found by name wherever it is installed.

They are written in the folders of ``pipelines/`` in the repository, one for each paper and ``ours``. A wheel carries them
inside the package. The file that is called after a model is the model's own: the recipe of its paper, with corpus and split.
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
    """Names of the run files that come with featurekit, sorted: ``luo2019/ub-bilstm``."""
    return sorted(path.relative_to(folder()).with_suffix("").as_posix() for path in folder().glob("*/*.toml"))


def text(name: str) -> str:
    """The run file of a name as it is written."""
    return (folder() / f"{name}.toml").read_text("utf-8")


def of_model(model: str) -> str | None:
    """Name of a model's own run file; None for a model that has none, as one of a plugin."""
    return next((name for name in names() if _last(name) == model), None)


def describe(name: str) -> str:
    """The first sentence of a run file's comment: what it trains, and the figure of its paper."""
    said: list[str] = []
    for line in text(name).splitlines():
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
        ``luo2019/ub-bilstm``, its last part alone, either with ``.toml`` or in ``pipelines/``; or any path that exists.

    Raises
    ------
    UnknownNameError
        When there is neither, with the closest names.
    """
    path = Path(given)
    for local in (path, Path(f"{path}.toml")):
        if local.exists():
            return local
    asked = path.as_posix().removesuffix(".toml").removeprefix("pipelines/")
    for name in names():
        if asked in (name, _last(name)):
            return folder() / f"{name}.toml"
    raise UnknownNameError("run file", str(given), names(), see="featurekit list pipelines")


def _last(name: str) -> str:
    return name.rpartition("/")[2]
