"""Which engine computes which column: ``--device`` and what the store holds decide.

The engine is part of a column's key, so a careless choice would compute a store twice. Hence the rule of ``auto``: a column
that the store has keeps its engine; a new one is computed on the GPU only where there is one and the store is new or
holds columns of a GPU already.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featurekit import store
from featurekit.device_names import parse_device
from featurekit.errors import ParameterError
from featurekit.extraction.plan import Shard, plan_groups, plan_shards
from featurekit.features import Column, cuda
from featurekit.manifest import Manifest


def choose(wanted: Sequence[Column], device: str, head: store.Head | None) -> list[Column]:
    """The wanted columns, each with the engine that computes it.

    Parameters
    ----------
    wanted : sequence of Column
        The CPU's, as a request gives them.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        ``cuda``: on the GPU whatever it can compute; ``auto``: see above.
    head : store.Head or None
        What the store holds.

    Raises
    ------
    ParameterError
        For another device, or ``cuda`` where there is no GPU.
    """
    asked, device = device, parse_device(device)[0]
    if device == "cpu":
        return list(wanted)
    held = list(head.columns.values()) if head else []
    on_gpu = device == "cuda" or not held or any(info.engine == "cuda" for info in held)
    on_gpu = on_gpu and cuda.ready(asked=device == "cuda")
    if device == "cuda" and not on_gpu:
        raise ParameterError(f"device is {asked}, but torch sees no GPU here; use --device cpu or auto")
    if device == "auto":
        return [_as_held(column, held) or _new(column, on_gpu) for column in wanted]
    return [_new(column, on_gpu) for column in wanted]


def _as_held(column: Column, held: Sequence[store.ColumnInfo]) -> Column | None:
    """The column by the engine that the store has it from, by the same name where it has it twice."""
    alike = sorted((info for info in held if info.spec == column.spec), key=lambda info: info.name != column.name)
    if not alike:
        return None
    return column if alike[0].engine == "cpu" else cuda.as_stored(column, alike[0].key)


def _new(column: Column, on_gpu: bool) -> Column:
    return (on_gpu and cuda.on_gpu(column)) or column


def begun_on_cpu(out: Path, manifest: Manifest, wanted: Sequence[Column]) -> bool:
    """Whether an extraction of these columns was interrupted that computed on the CPU: shards, but no head yet."""
    committed = store.committed(out)
    groups = plan_groups(manifest, wanted, None) if committed else []
    for group in groups:
        plan_shards(group, manifest, committed)
    return any(shard.key in committed for group in groups for shard in group.shards)


def check(todo: Sequence[Shard]) -> None:
    """Refuse to extend a GPU's columns where there is no GPU: half a column from each engine would be neither's.

    Raises
    ------
    ParameterError
        Naming the columns.
    """
    names = sorted({column.name for shard in todo for column in shard.columns if column.engine == "cuda"})
    if names and not cuda.ready(asked=True):
        raise ParameterError(
            f"the store's {', '.join(names)} come from a GPU, and this machine has none to compute the utterances they lack; "
            "run this on a machine with a GPU, or name them in --features with --device cpu: they are then computed anew"
        )
