"""Small files of ours: written whole or not at all, and read with care, since a folder may come from a stranger."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, NoReturn

from featurekit.errors import ParameterError

MOST_BYTES = 1 << 32  # of one file that is read into memory: weights of a large network are below it
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def replace_file(path: Path, data: bytes) -> None:
    """Write a small file so that a reader, or a kill, meets the old one or the new one, never half of it.

    Raises
    ------
    ParameterError
        When there is no such folder.
    OSError
        When the disk refuses; the temporary file is removed.
    """
    if not path.parent.is_dir():
        raise ParameterError(f"cannot write {path}: there is no folder {str(path.parent)!r}")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # the name that was asked for, not the temporary one
        raise
    finally:
        with contextlib.suppress(OSError):  # a read-only disk refuses that too, and would name the temporary file
            temporary.unlink(missing_ok=True)


def json_bytes(value: Any) -> bytes:
    """JSON that a person can read, as it is written to files; NaN is refused.

    Raises
    ------
    ParameterError
        When the value is no JSON.
    """
    try:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"what is written must be JSON without NaN: {error}") from None
    return (text + "\n").encode("utf-8", "surrogateescape")


def write_json(path: Path, value: Any) -> None:
    """Write JSON a person can read, whole or not at all; NaN is refused.

    Raises
    ------
    ParameterError, OSError
        As :func:`json_bytes` and :func:`replace_file`.
    """
    replace_file(path, json_bytes(value))


def read_plain_file(path: Path, *, follow_links: bool = True, most_bytes: int = MOST_BYTES) -> bytes:
    """All bytes of a regular file. A pipe or a device, which might never end, is refused and not waited for.

    Parameters
    ----------
    path : Path
    follow_links : bool
        Whether the file itself may be a link.
    most_bytes : int
        A larger one is refused.

    Raises
    ------
    FileNotFoundError
        When it is not there.
    ParameterError
        When it is a folder, a pipe, a device, a link that is not to be followed, or too large; in one sentence.
    OSError
        When the disk refuses.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except NotADirectoryError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ParameterError(f"{path} is a link; a plain file is expected there") from None
        if error.errno == errno.ENXIO:  # a socket
            raise ParameterError(f"{path} is not a plain file") from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ParameterError(f"{path} is {_kind(status.st_mode)}; a plain file is expected there")
        if status.st_size > most_bytes:
            raise ParameterError(f"{path} has {status.st_size} bytes; at most {most_bytes} are read")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def parse_json(data: bytes, path: str | Path) -> Any:
    """The value of JSON in UTF-8; bytes of file names that are no UTF-8 come back as they were written.

    Parameters
    ----------
    data : bytes
    path : path
        Where they come from, for the errors.

    Raises
    ------
    ParameterError
        When it is not JSON: NaN and Infinity are none, nor is nesting that no writer of ours makes, nor half a character.
    """
    try:
        value = json.loads(data.decode("utf-8", "surrogateescape"), parse_constant=_refuse_constant)
        if _ESCAPED_SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
        return value
    except RecursionError:
        why = "it is nested too deeply"
    except UnicodeEncodeError:
        why = "it holds half of a surrogate pair"
    except (ValueError, MemoryError) as error:
        why = str(error)
    raise ParameterError(f"{path} is not JSON: {why}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for is_it, name in kinds if is_it(mode)), "a device")
