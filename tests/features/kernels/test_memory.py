"""Freed memory is kept: counted in the pages that the system hands out anew, in processes of their own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from featurekit.features.kernels.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def pages(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        [np.ones(1 << 19) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
pages(3)
print(pages(9))
"""


def fresh_pages(how: str) -> int:
    free = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True, env=free)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is taught")
def test_large_arrays_freed_and_made_again_cost_no_new_pages() -> None:
    assert fresh_pages("keep") < 500 < 5_000 < fresh_pages("leave")
