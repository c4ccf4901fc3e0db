"""The checksums of a run: ``SHA256SUMS`` beside the files of a folder, as ``sha256sum -c SHA256SUMS`` reads it.

The file is written last, so a folder that has it is whole. A file that it does not name (a report, say) may stand beside it.
Runs of before have none: their files are read and not compared.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from featurekit.errors import ParameterError
from featurekit.files import parse_json, read_plain_file, replace_file
from featurekit.settings import follows_links

Parsed = TypeVar("Parsed")

SUMS = "SHA256SUMS"
AGAIN = "remove it and run the same `featurekit train` again, which makes it anew"
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\0]+)")
_MOST_BYTES = 1 << 20


class Checksums:
    """Sums of the files of one folder.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    sums : dict or None
        Name → sha256 (hex); None where the folder has no sums.
    """

    def __init__(self, folder: Path, sums: dict[str, str] | None) -> None:
        self.folder, self.sums = folder, sums

    @classmethod
    def of(cls, folder: Path) -> Checksums:
        """The sums that lie in a folder.

        Raises
        ------
        ParameterError
            When ``SHA256SUMS`` is damaged.
        """
        path = folder / SUMS
        try:
            text = read_plain_file(path, follow_links=follows_links(), most_bytes=_MOST_BYTES).decode("utf-8", "replace")
        except FileNotFoundError:
            return cls(folder, None)
        found = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
        if not all(found):
            raise ParameterError(f"{path} is damaged: line {found.index(None) + 1} is no checksum; {AGAIN}")
        return cls(folder, {match[2]: match[1] for match in found if match})

    def read(self, name: str) -> bytes:
        """The bytes of a file of the folder, compared with its sum.

        Raises
        ------
        ParameterError
            When it is absent, no plain file, a link out of the run, or not what was written.
        """
        path = self.folder / name
        try:
            data = read_plain_file(path, follow_links=follows_links())
        except FileNotFoundError:
            raise ParameterError(f"{path} is not there; {AGAIN}") from None
        except OSError as error:
            raise ParameterError(f"cannot read {path}: {error.strerror or error}") from None
        self.check(name, data)
        return data

    def read_object(self, name: str) -> dict[str, Any]:
        """The object that a JSON file of the folder holds.

        Raises
        ------
        ParameterError
            As of :meth:`read`, and when it holds none.
        """
        path = self.folder / name
        value = parse_json(self.read(name), path)
        if not isinstance(value, dict):
            raise ParameterError(f"{path} holds {type(value).__name__}; expected an object; {AGAIN}")
        return value

    def read_json(self, name: str, parse: Callable[..., Parsed]) -> Parsed:
        """What a JSON file of the folder says.

        Parameters
        ----------
        name : str
        parse : callable
            ``parse(object, where=path)`` → what it says.

        Raises
        ------
        ParameterError
            As of :meth:`read_object`.
        FeaturekitError
            As ``parse``.
        """
        path = self.folder / name
        try:
            return parse(self.read_object(name), where=str(path))
        except RecursionError:
            raise ParameterError(f"{path} is nested too deeply; {AGAIN}") from None

    def check(self, name: str, data: bytes) -> None:
        """Compare bytes with the sum of a file.

        Raises
        ------
        ParameterError
            When they are not what was written, or there are sums and the file has none.
        """
        if self.sums is None:
            return
        if name not in self.sums:
            raise ParameterError(f"{self.folder / name} is not in {SUMS}; {AGAIN}")
        if hashlib.sha256(data).hexdigest() != self.sums[name]:
            raise ParameterError(f"{self.folder / name} is damaged: it is not what was written; {AGAIN}")


def write_checksums(folder: Path, names: Sequence[str]) -> None:
    """Write ``SHA256SUMS`` for files of a folder, in their order.

    Raises
    ------
    OSError
        When a file is not there, or the disk refuses.
    """
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    replace_file(folder / SUMS, "".join(lines).encode())
