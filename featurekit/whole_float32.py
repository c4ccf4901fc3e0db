"""Float32 in all its digits: what features, trained networks and frozen encoders are computed in, whoever allowed less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_WHOLE = "ieee"


@contextmanager
def whole_float32() -> Iterator[None]:
    """Float32 in all its digits inside the block, where a GPU would drop half of them in products and convolutions (TF32).

    The caller may have said what it allows in torch's older way or, from torch 2.9 on, by ``fp32_precision``. torch refuses to
    mix the two, so the answer is given in the caller's way. What the caller said holds again afterwards.
    """
    with _in_the_older_way() if _is_asked_in_the_older_way() else _by_operation():
        yield


def _is_asked_in_the_older_way() -> bool:
    try:
        torch.get_float32_matmul_precision()
        return torch.backends.cudnn.allow_tf32 in (True, False)
    except RuntimeError:  # somebody has answered in the present way
        return False


@contextmanager
def _in_the_older_way() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def _by_operation() -> Iterator[None]:
    backends: Any = torch.backends
    of_processor = (backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn)
    operations = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn, *of_processor)
    before = [operation.fp32_precision for operation in operations]
    choices = backends.cudnn.benchmark, backends.cudnn.deterministic
    try:
        for operation in operations:
            operation.fp32_precision = _WHOLE
        backends.cudnn.benchmark, backends.cudnn.deterministic = False, True
        yield
    finally:
        backends.cudnn.benchmark, backends.cudnn.deterministic = choices
        for operation, precision in zip(operations, before, strict=True):
            operation.fp32_precision = precision
