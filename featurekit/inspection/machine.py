"""The doctor's visit to this machine: Python, libraries, cores, memory, disks and what their file systems can do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib

from featurekit import __version__, corpora
from featurekit.audio import ffmpeg
from featurekit.backends import physical_cores
from featurekit.errors import FeaturekitError
from featurekit.inspection.findings import Finding, Item, Report, Severity, seen
from featurekit.settings import corpus_root

OLDEST_PYTHON = (3, 11)
NEEDED = ("numpy", "scipy", "numba", "librosa", "soundfile", "soxr", "h5py", "joblib", "dask", "distributed", "threadpoolctl")
TRAINING = ("torch", "torchvision", "safetensors", "scikit-learn")
LITTLE_BYTES = 2 * 10**9
FEW_FILES_OPEN = 256


def inspect_machine(place: str | Path = ".") -> Report:
    """Look at the machine we run on.

    Parameters
    ----------
    place : str or Path
        Where stores will be written; its file system is tried out with a few small files, which are removed.

    Returns
    -------
    Report
    """
    versions = {name: _version(name) for name in (*NEEDED, *TRAINING)}
    disks = {name: _disk(Path(folder)) for name, folder in (("stores", place), ("temporary", tempfile.gettempdir()))}
    facts = {
        "featurekit": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": {"physical": physical_cores(), "usable": joblib.cpu_count(), "load": round(os.getloadavg()[0], 2)},
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "libraries": versions,
        "ffmpeg": installed.version if (installed := ffmpeg.installed()) else "",
        "gpu": _gpu(versions),
        "disks": disks,
        "corpora": {name: str(folder) for name in corpora.CORPORA.names() if (folder := _found_corpus(name))},
    }
    return Report("this machine", facts, list(_findings(facts)))


def file_system(folder: Path) -> dict[str, Any]:
    """Try out what a folder's file system can do.

    Parameters
    ----------
    folder : Path
        A folder; a few files are made in it and removed.

    Returns
    -------
    dict
        ``writable``, and where it is: ``hard_links``, ``fsync``, ``fsync_folder``, ``case_sensitive``, ``any_name`` (names
        that are not UTF-8), ``keeps_unicode`` (two Unicode forms are two names).
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as made:
            return {"writable": True, **_tried_out(Path(made))}
    except OSError as error:
        return {"writable": False, "reason": error.strerror or str(error)}


def _tried_out(made: Path) -> dict[str, bool]:
    first = made / "a"
    first.write_bytes(b"featurekit")
    _as_utf8(made, unicodedata.normalize("NFC", "ä")).touch()
    return {
        "hard_links": _works(lambda: os.link(first, made / "b")),
        "fsync": _works(lambda: _sync(first, os.O_RDONLY)),
        "fsync_folder": _works(lambda: _sync(made, os.O_RDONLY | os.O_DIRECTORY)),
        "case_sensitive": not (made / "A").exists(),
        "any_name": _works(lambda: Path(os.fsdecode(os.fsencode(made) + b"/\xff")).touch()),
        "keeps_unicode": not _as_utf8(made, unicodedata.normalize("NFD", "ä")).exists(),
    }


def _as_utf8(folder: Path, name: str) -> Path:
    """The path whose name has these bytes, also where the locale is not UTF-8."""
    return folder / os.fsdecode(name.encode())


def _works(attempt: Any) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _sync(path: Path, how: int) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _disk(folder: Path) -> dict[str, Any]:
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
    return {"path": str(existing), "free_bytes": shutil.disk_usage(existing).free, **file_system(existing)}


def _gpu(versions: dict[str, str]) -> dict[str, Any]:
    """What the driver says, and what torch makes of it."""
    models = []
    for file in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with suppress(OSError):
            lines = file.read_text("utf-8", "replace").splitlines()
            models += [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]
    device = ""
    if versions["torch"]:
        from featurekit.training.devices import choose_device  # loads torch, which takes seconds

        device = choose_device("auto").type
    return {"driver": models, "torch": device}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _found_corpus(name: str) -> Path | None:
    try:
        folder = corpus_root(name, None)
    except FeaturekitError:
        return None
    return folder if folder is not None and folder.is_dir() else None


def _findings(facts: dict[str, Any]) -> Iterator[Finding]:
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(str(part) for part in OLDEST_PYTHON)
        yield Finding("python", Severity.ERROR, f"Python {facts['python']} is too old: {wanted} or newer is needed")
    versions = facts["libraries"]
    lacking = (Item((name,)) for name in NEEDED if not versions[name])
    yield from seen("library", Severity.ERROR, "{n} [library is|libraries are] missing: pip install featurekit", lacking)
    absent = [Item((name,)) for name in TRAINING if not versions[name]]
    text = "{n} [library|libraries] for training [is|are] missing; extraction works: pip install 'featurekit[train]'"
    yield from seen("library", Severity.NOTE, text, absent)
    if not facts["ffmpeg"]:
        text = "ffmpeg is not installed; m4a, mp4, webm, wma, aac and amr are not read: apt-get install ffmpeg"
        yield Finding("ffmpeg", Severity.NOTE, text)
    if facts["gpu"]["driver"] and facts["gpu"]["torch"] == "cpu":
        names = ", ".join(facts["gpu"]["driver"])
        yield Finding("gpu", Severity.WARNING, f"the driver has {names}, torch sees none: install a CUDA build of torch")
    if facts["open_files"] < FEW_FILES_OPEN:
        text = f"only {facts['open_files']} files may be open at once: raise `ulimit -n` to {FEW_FILES_OPEN} or more"
        yield Finding("open-files", Severity.WARNING, text)
    if facts["cores"]["load"] > 2 * facts["cores"]["usable"]:
        text = f"a load of {facts['cores']['load']} on {facts['cores']['usable']} cores: others work here, speeds mean little"
        yield Finding("load", Severity.NOTE, text)
    for use, disk in facts["disks"].items():
        yield from _disk_findings(use, disk)


def _disk_findings(use: str, disk: dict[str, Any]) -> Iterator[Finding]:
    where = f"{disk['path']} ({use})"
    if not disk["writable"]:
        yield Finding("disk", Severity.ERROR, f"{where} cannot be written: {disk['reason']}")
        return
    if disk["free_bytes"] < LITTLE_BYTES:
        yield Finding("disk", Severity.WARNING, f"{where} has {disk['free_bytes'] / 1e9:.1f} GB left")
    if use != "stores":
        return
    if not (disk["fsync"] and disk["fsync_folder"]):
        yield Finding("fsync", Severity.WARNING, f"{where}: fsync fails; a power cut may lose shards that were reported done")
    if not disk["hard_links"]:
        yield Finding("hard-links", Severity.NOTE, f"{where} has no hard links; shards are renamed into place instead")
    if not (disk["case_sensitive"] and disk["any_name"] and disk["keeps_unicode"]):
        yield Finding(
            "names", Severity.NOTE, f"{where} does not keep every file name apart; extract corpora elsewhere if ids collide"
        )
