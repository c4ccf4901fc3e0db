"""Where a fit stands, in one file: written whole at the end of an epoch, so that a killed fit goes on as if nothing had been.

Order and augmentation are functions of seed, epoch and generator state; the file holds the model, what the optimizer
remembers, the generators, the best state so far and the history. Tensors are safetensors, the rest is JSON in their header,
beside a checksum of the whole: one file, one rename, no pickle. Saving takes a twentieth of the time at most: what took t
seconds is done again 19 t later at the earliest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from featurekit.errors import ParameterError, TrainingError
from featurekit.files import parse_json, replace_file
from featurekit.runs.sealed import read_sealed, seal, sealed
from featurekit.training.checkpoint import safetensors

FILE = "resume.safetensors"
_SHARE = 1 / 20


@dataclass
class Standing:
    """Where a fit stands after an epoch.

    Parameters
    ----------
    tensors : dict of dicts
        ``model``, ``best``, ``optimizer``, ``random``: name → tensor.
    history : list of dict
        One row per epoch.
    updates : int
        Updates done.
    """

    tensors: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    updates: int = 0


class Keeper:
    """Writes and reads the file of one fit.

    Parameters
    ----------
    folder : path or None
        Where it lies; None keeps nothing.
    identity : str
        Digest of what the fit is (settings and ids); a file of another fit is passed over.
    on_note : callable, optional
        Told when the disk refuses: a fit need not end for that.
    """

    def __init__(self, folder: str | Path | None, identity: str, on_note: Callable[[str], None] = lambda text: None) -> None:
        self._note = on_note
        self.path = None if folder is None else Path(folder) / FILE
        self._identity, self._not_before_s, self._kept = identity, 0.0, 0

    def load(self) -> Standing | None:
        """Where the fit stood; None when it begins.

        A file of another fit is passed over, and so is a damaged one, which is said.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            data, metadata = read_sealed(self.path)
            record = parse_json(metadata["record"].encode(), self.path)
            if record["identity"] != self._identity:
                return None
            tensors: dict[str, dict[str, Tensor]] = {}
            for name, tensor in safetensors().load(data).items():
                kind, _, rest = name.partition("/")
                tensors.setdefault(kind, {})[rest] = tensor
            self._kept = len(record["history"])
            return Standing(tensors, record["history"], record["updates"])
        except (safetensors().SafetensorError, ParameterError, OSError, KeyError, TypeError) as error:
            self._note(f"the fit begins anew, since where it stood cannot be read: {error}")
            return None

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say in an error of training what is kept."""
        try:
            yield
        except TrainingError as error:
            if self._kept:
                raise TrainingError(f"{error}; the state after epoch {self._kept} is kept in {self.path}") from None
            raise

    @property
    def due(self) -> bool:
        """Whether saving now keeps to its share of the time."""
        return self.path is not None and time.monotonic() >= self._not_before_s

    def save(self, standing: Standing) -> None:
        """Write the file whole; where the disk refuses, the one before stays and somebody is told.

        Raises
        ------
        ParameterError
            When the history is not JSON.
        """
        if self.path is None:
            return
        started = time.monotonic()
        record: dict[str, Any] = {"identity": self._identity, "history": standing.history, "updates": standing.updates}
        tensors = {
            f"{kind}/{name}": tensor.detach().cpu().clone().contiguous()
            for kind, named in standing.tensors.items()
            for name, tensor in named.items()
        }
        try:
            text = json.dumps(record, allow_nan=False)
        except ValueError as error:
            raise ParameterError(f"the history of a fit must be JSON without NaN: {error}") from None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, seal(safetensors().save(tensors, sealed({"record": text}))))
            self._kept = len(standing.history)
        except OSError as error:
            why = f"{error.strerror or error}, {self.path}"
            self._note(
                f"where it stands cannot be kept: {why}; it goes on, but interrupted it would begin after epoch {self._kept}"
            )
        ended = time.monotonic()
        self._not_before_s = ended + (ended - started) * (1 / _SHARE - 1)
