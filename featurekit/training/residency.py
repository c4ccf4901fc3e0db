"""Where the values of a part lie while a model trains on them, by a rule that is printed.

* ``device``: all of them on the device (bytes and halves stay what they are), a batch is one gather there;
* ``pinned``: all of them in the host's memory; batches are gathered there into page-locked memory and copied ahead on a
  stream of their own;
* ``stream``: each batch is read from the store, its rows in the order of the shards, by worker processes where there are some.

``auto`` takes the first for which half of the free memory is enough (without a GPU there is no ``pinned``). The batches are
the same ones, whatever is chosen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import torch

from featurekit.data.dataset import Dataset
from featurekit.errors import ParameterError
from featurekit.runs import TrainSettings

_CGROUP = Path("/sys/fs/cgroup")
_SHARE = 0.5  # of the free memory: the model, its gradients and activations want the rest


@dataclass(frozen=True)
class Residency:
    """What was chosen, and why.

    Parameters
    ----------
    kind : str
        ``device``, ``pinned`` or ``stream``.
    workers : int
        Processes that read, when streaming.
    needed_bytes : int
        What the parts take.
    free_bytes : dict
        Memory → what is free there.
    """

    kind: str
    workers: int
    needed_bytes: int
    free_bytes: dict[str, int]

    def __str__(self) -> str:
        where = {
            "device": f"resident on {next(iter(self.free_bytes))}",
            "pinned": "pinned in host memory, copied ahead",
            "stream": f"streamed from the store by {self.workers or 'no'} worker processes",
        }[self.kind]
        free = ", ".join(f"{_gigabytes(value)} free on {name}" for name, value in self.free_bytes.items())
        return f"values {where}: {_gigabytes(self.needed_bytes)}; {free}; half of it may be taken"


def choose_residency(
    settings: TrainSettings, datasets: Sequence[Dataset], device: torch.device, *, sharing: int = 1
) -> Residency:
    """Apply the rule to these parts.

    Parameters
    ----------
    settings : TrainSettings
        ``residency`` and ``workers``.
    datasets : sequence of Dataset
        The parts that are to be there at once.
    device : torch.device
        Where the model is.
    sharing : int
        Processes that share the memory.

    Raises
    ------
    ParameterError
        When ``pinned`` is asked for without a GPU, or what is asked for has not the room.
    """
    on_gpu = device.type == "cuda"
    if settings.residency == "pinned" and not on_gpu:
        raise ParameterError("residency is pinned, which is for a GPU; on a CPU use auto, device or stream")
    needed = sum(dataset.nbytes for dataset in datasets)
    free = {"cuda": free_device_bytes(device)} if on_gpu else {}
    free["the host"] = free_host_bytes()
    kinds = ("device", "pinned") if on_gpu else ("device",)
    rooms = dict(zip(kinds, free.items(), strict=True))
    if settings.residency in rooms and needed * sharing > rooms[settings.residency][1]:
        where, room = rooms[settings.residency]
        raise ParameterError(
            f"residency is {settings.residency}, and the values take {_gigabytes(needed * sharing)}, where "
            f"{_gigabytes(room)} are free on {where}; use --residency auto or stream"
        )
    # A part is read whole on the host before it goes to a GPU.
    passes = sharing * max(dataset.nbytes for dataset in datasets) <= free["the host"]
    fitting = [kind for kind, (_, room) in rooms.items() if passes and needed * sharing <= _SHARE * room]
    kind = settings.residency if settings.residency != "auto" else next(iter(fitting), "stream")
    workers = settings.workers
    if workers is None:
        workers = min(8, joblib.cpu_count() // sharing) if on_gpu else 0
    return Residency(kind, workers, needed, free)


def free_device_bytes(device: torch.device) -> int:
    """Memory of a GPU that may still be taken: what torch keeps of earlier fits and does not use is free too."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + kept


def free_host_bytes() -> int:
    """Memory a process may still take without swapping; a container's limit counts."""
    return min(_free_on_machine(), _free_in_container())


def _free_in_container() -> int:
    """What the cgroup's limit leaves beside what is no cache; no limit is the machine's matter."""
    try:
        limit = int((_CGROUP / "memory.max").read_text("ascii"))
        facts = dict(line.split() for line in (_CGROUP / "memory.stat").read_text("ascii").splitlines())
        return max(0, limit - int(facts["anon"]))
    except (OSError, KeyError, ValueError):
        return sys.maxsize


def _free_on_machine() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            facts = dict(line.split(":") for line in file)
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
