"""Memory that is freed stays with the process: fresh pages cost more than many a kernel that fills them."""

from __future__ import annotations

import functools

import numpy as np

# The most that glibc learns by itself (DEFAULT_MMAP_THRESHOLD_MAX, 32 MiB), less the header of a block.
_LARGEST_BLOCK_BYTES = (1 << 25) - (1 << 16)


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB of freed memory, as it does anyway once a large array was freed.

    It starts by returning every block above 128 KiB to the system, which hands it out again page by page, zeroed: a
    spectrogram is that large, and half of the time of a Fourier transform went there. Freeing one block of 32 MiB, of
    which no page was touched, raises that limit; elsewhere than under glibc it does nothing.
    """
    np.empty(_LARGEST_BLOCK_BYTES, np.uint8)
