"""A safetensors file that holds its own checksum: for a state that is replaced often, where a second file could be of another.

The checksum stands in the header's metadata. It is the sha256 of the file with a placeholder in its place.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from featurekit.errors import ParameterError
from featurekit.files import parse_json, read_plain_file

_KEY = "sha256"
_PLACEHOLDER = b"?" * 64
_LONGEST_HEADER = 1 << 26


def sealed(metadata: dict[str, str]) -> dict[str, str]:
    """Metadata with room for the checksum; :func:`seal` fills it in."""
    return {**metadata, _KEY: _PLACEHOLDER.decode()}


def seal(data: bytes) -> bytes:
    """The bytes of a safetensors file, made with the metadata of :func:`sealed`, with their checksum filled in."""
    return data.replace(_PLACEHOLDER, hashlib.sha256(data).hexdigest().encode(), 1)


def read_sealed(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a sealed file, and its metadata.

    Raises
    ------
    FileNotFoundError
        When it is not there.
    ParameterError
        When it is damaged, or was not sealed.
    OSError
        When the disk refuses.
    """
    data = read_plain_file(path)
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, _LONGEST_HEADER):
        raise ParameterError(f"{path} is damaged: its header is said to have {length} bytes, and the file has {len(data)}")
    header = parse_json(data[8 : 8 + length], path)
    found = header.get("__metadata__") if isinstance(header, dict) else None
    metadata: dict[str, Any] = found if isinstance(found, dict) else {}
    checksum = metadata.get(_KEY)
    if not isinstance(checksum, str) or len(checksum) != len(_PLACEHOLDER):
        raise ParameterError(f"{path} has no checksum: it is damaged, or of an older version")
    begins = data.find(json.dumps(checksum).encode(), 8, 8 + length) + 1
    view, computed = memoryview(data), hashlib.sha256()
    for piece in (view[:begins], _PLACEHOLDER, view[begins + len(_PLACEHOLDER) :]):
        computed.update(piece)
    if computed.hexdigest() != checksum:
        raise ParameterError(f"{path} is damaged: it is not what was written")
    return data, metadata
