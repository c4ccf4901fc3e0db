"""Checkpoints: tensors in safetensors, everything else in JSON beside it; never pickle.

The JSON names the digest of the tensors and is written last, each file through a temporary name and ``os.replace``, so
a folder holds a whole checkpoint or one that is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.files import replace_file

_TENSORS, _RECORD = "model.safetensors", "model.json"
_AGAIN = "remove it and run the same `featurekit train` again, which trains that fold"


def save_checkpoint(folder: str | Path, state: Mapping[str, Tensor], record: Mapping[str, Any]) -> Path:
    """Write ``model.safetensors`` and ``model.json``.

    Parameters
    ----------
    folder : path
        Made when missing; an earlier checkpoint in it is replaced.
    state : mapping
        Name → tensor, as :class:`~featurekit.training.loop.FitResult` holds it.
    record : mapping
        JSON-able: model name, hyper-parameters, classes, columns, normaliser, …

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        When the record is not JSON.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = bytes_of(state)
    try:
        text = json.dumps({**record, "tensors_sha256": hashlib.sha256(data).hexdigest()}, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"the record of a checkpoint must be JSON without NaN: {error}") from None
    replace_file(folder / _TENSORS, data)
    replace_file(folder / _RECORD, (text + "\n").encode())
    return folder


def is_checkpoint(folder: str | Path) -> bool:
    """Whether both files of a checkpoint are there."""
    return all((Path(folder) / name).is_file() for name in (_TENSORS, _RECORD))


def load_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint.

    Returns
    -------
    state : dict
        Name → tensor on the CPU.
    record : dict
        As it was saved.

    Raises
    ------
    ParameterError
        When a file is missing, or the tensors are not those the record was written with.
    """
    folder = Path(folder)
    record = checkpoint_record(folder)
    try:
        data = (folder / _TENSORS).read_bytes()
    except FileNotFoundError:
        raise _no_checkpoint(folder) from None
    if record.pop("tensors_sha256") != hashlib.sha256(data).hexdigest():
        raise ParameterError(f"{folder / _TENSORS} is damaged or of another run than {_RECORD}; {_AGAIN}")
    return tensors_of(data, folder), record


def bytes_of(state: Mapping[str, Tensor]) -> bytes:
    """The bytes of a safetensors file of a state."""
    data: bytes = safetensors().save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})
    return data


def tensors_of(data: bytes, folder: Path) -> dict[str, Tensor]:
    """Name → tensor on the CPU of the bytes of a safetensors file.

    Parameters
    ----------
    data : bytes
    folder : Path
        Where they come from, for the error.

    Raises
    ------
    ParameterError
        When they are none.
    """
    library = safetensors()
    try:
        found: dict[str, Tensor] = library.load(data)
    except library.SafetensorError as error:
        raise ParameterError(f"{folder / _TENSORS} is damaged: {error}; {_AGAIN}") from None
    return found


def checkpoint_record(folder: str | Path) -> dict[str, Any]:
    """The record of a checkpoint without reading its tensors, and their digest as ``tensors_sha256``.

    Raises
    ------
    ParameterError
        When it is missing or is none.
    """
    path = Path(folder) / _RECORD
    try:
        record = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise _no_checkpoint(Path(folder)) from None
    except ValueError:
        record = None
    if not isinstance(record, dict) or "tensors_sha256" not in record:
        raise ParameterError(f"{path} is not the record of a checkpoint; {_AGAIN}")
    return record


def _no_checkpoint(folder: Path) -> ParameterError:
    return ParameterError(
        f"{folder} is not a checkpoint: it needs {_TENSORS} and {_RECORD}; run the same `featurekit train` again for its run"
    )


def safetensors() -> SimpleNamespace:
    """``save``, ``load``, ``safe_open`` and ``SafetensorError`` of the library, imported when asked for.

    Raises
    ------
    MissingDependencyError
        When it is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
        from safetensors.torch import load, save
    except ModuleNotFoundError:
        raise MissingDependencyError("checkpoints need safetensors; pip install 'featurekit[train]'") from None
    return SimpleNamespace(save=save, load=load, safe_open=safe_open, SafetensorError=SafetensorError)
