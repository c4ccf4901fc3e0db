"""Page-locked memory of the host, from which a GPU copies by itself; where there is no more of it, that is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

ADVICE = "page-locked memory of the host has run out: another process may hold it, or `ulimit -l` or a container limits it"


class PageLockedMemoryError(torch.OutOfMemoryError):
    """No more page-locked memory: torch itself says "CUDA error: out of memory", as an error of no class of its own."""


@contextmanager
def told() -> Iterator[None]:
    """Give an error of torch about page-locked memory inside the block a class of its own.

    Raises
    ------
    PageLockedMemoryError
        When the driver or the system refuses to lock more pages.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # torch.AcceleratorError is one
        said = str(error).lower()
        if "out of memory" in said or "cudahostalloc" in said or "cudahostregister" in said:
            raise PageLockedMemoryError(ADVICE) from None
        raise
