"""How a device is named where one is taken: auto, cpu, cuda, or one of several GPUs as cuda:1; read without torch."""

from __future__ import annotations

import re

from featurekit.errors import ParameterError

DEVICES = "auto, cpu, cuda or cuda:N"
_NAME = re.compile(r"(auto|cpu|cuda)|cuda:([0-9]{1,4})")


def parse_device(name: str) -> tuple[str, int | None]:
    """Kind of a device, and the number of a GPU where one is said.

    >>> parse_device("cuda:1"), parse_device("auto")
    (('cuda', 1), ('auto', None))

    Raises
    ------
    ParameterError
        For any other name.
    """
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise ParameterError(f"device is {name!r}; expected {DEVICES}")
    return (found[1], None) if found[1] else ("cuda", int(found[2]))
