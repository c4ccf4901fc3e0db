"""Random numbers an utterance, drawn on the host; and frames read at places between frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def whole(highest: Tensor, generator: torch.Generator) -> Tensor:
    """Random whole numbers from 0 to ``highest``, both included, one an element."""
    import torch

    share = drawn(highest, generator, torch.float64)
    return torch.minimum((share * (highest + 1)).floor().to(torch.int64), highest)


def drawn(like: Tensor, generator: torch.Generator, dtype: torch.dtype | None = None) -> Tensor:
    """Random numbers in [0, 1) of the host's generator, one an element of ``like`` and where that lies."""
    import torch

    from featurekit.data.collate import sent

    return sent(torch.rand(like.shape, generator=generator, dtype=dtype or torch.float32), like.device)


def block(lengths: Tensor, widest: int, steps: int, generator: torch.Generator) -> Tensor:
    """(…, steps) bool: one random block a row, 0 to ``widest`` wide, inside the first ``lengths``."""
    import torch

    width = whole(lengths.clamp(max=widest), generator)
    start = whole(lengths - width, generator)
    places = torch.arange(steps, device=lengths.device)
    return (places >= start[..., None]) & (places < (start + width)[..., None])


def read_between(values: Tensor, low: Tensor, high: Tensor, weight: Tensor) -> Tensor:
    """(B, C, T, D) read at the places between ``low`` and ``high``."""
    import torch

    size = (*low.shape, values.shape[3])
    first, second = (values.gather(2, place[..., None].expand(size)) for place in (low, high))
    return torch.lerp(first, second, weight[..., None].to(values))
