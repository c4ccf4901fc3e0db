"""Paths as people write them in tables → paths below a corpus's root, as the file system has them."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_DRIVE = re.compile(r"[A-Za-z]:/")


class Names:
    """Paths below a root, whatever machine they were written on.

    Parameters
    ----------
    root : Path or None
        The corpus's folder; None where it is not known, so that nothing is looked up.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self._roots = [] if root is None else list(dict.fromkeys((str(root.absolute()), os.path.realpath(root))))
        self._listed: dict[str, dict[str, str]] = {}
        self._changed: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._root_there: str | None = None

    def paths(self, written: str) -> tuple[str, str]:
        """A path of a table, in its one spelling and as the file below the root is called.

        Backslashes become slashes. An absolute path below the root is taken from there, as is one that goes up by ``..`` and
        comes back. So is one of another machine, whose end is a file here: in all of a table its beginning has to be the same.
        That is the spelling. A file is found in either Unicode form, and under the name that a zip tool made of it; one that
        is not found is called as it is spelt.
        """
        path = written
        if path.startswith("file:"):
            path = self._said("are file: addresses", written, unquote(path.removeprefix("file:").removeprefix("//")))
        if "\\" in path and not self._exists(path):
            path = self._said("have backslashes", written, path.replace("\\", "/"))
        if path.startswith("~/"):
            path = os.path.expanduser(path)  # noqa: PTH111 - text is all that is changed
        if path.startswith("/") or _DRIVE.match(path):
            below = next((path[len(root) :].lstrip("/") for root in self._roots if path.startswith(f"{root}/")), None)
            below = self._of_another_machine(path) if below is None else below
            path = path if below is None else self._said("are absolute", written, below)
        elif ".." in path.split("/"):
            there = posixpath.normpath(f"{self._roots[0]}/{path}" if self._roots else path)
            below = there.removeprefix(f"{self._roots[0]}/") if self._roots else there
            path = path if below.startswith(("/", "..")) else self._said("go up by '..' and come back", written, below)
        if "%" in path and not self._exists(path) and self._exists(unquote(path)):
            path = self._said("have escapes", written, unquote(path))
        if path.isascii() or self._exists(path):
            return path, path
        found = self._in_other_form(path)
        if found is None:
            return path, path
        return path, self._said("are in another form than the file's name (Unicode, or mangled by a zip tool)", written, found)

    def notes(self) -> Iterator[str]:
        """What was changed, to be said once a kind."""
        for what, count in self._changed.items():
            yield f"{count} of the paths {what} and are read as what they mean, as {self._first[what]}"

    def _said(self, what: str, written: str, path: str) -> str:
        self._changed[what] += 1
        self._first.setdefault(what, f"{written!r} as {path!r}")
        return path

    def _of_another_machine(self, path: str) -> str | None:
        """What follows the folder that was the root there, as the first path whose end is a file here tells it."""
        if self._root_there is None:
            parts = path.split("/")
            tails = (place for place in range(1, len(parts)) if parts[place] and self._is_file("/".join(parts[place:])))
            place = next(tails, None)
            if place is None:
                return None
            self._root_there = "/".join(parts[:place]) + "/"
        return path.removeprefix(self._root_there) if path.startswith(self._root_there) else None

    def _is_file(self, path: str) -> bool:
        """Whether a path, which goes nowhere up, is one of a file, in whatever form."""
        return self._exists(path) or (not path.isascii() and self._in_other_form(path) is not None)

    def _exists(self, path: str) -> bool:
        return self.root is not None and os.path.lexists(self.root / path)

    def _in_other_form(self, path: str) -> str | None:
        """The path with each name as its folder has it, or None where one is in no form."""
        if self.root is None or path.startswith("/") or ".." in path.split("/"):
            return None
        folder = ""
        for name in path.split("/"):
            names = self._names_in(folder)
            found = next((names[form] for form in (name, *_forms(name)) if form in names), None)
            if found is None:
                return None
            folder = f"{folder}/{found}" if folder else found
        return folder

    def _names_in(self, folder: str) -> dict[str, str]:
        if folder not in self._listed:
            try:
                names = sorted(os.listdir(f"{self.root}/{folder}"))  # noqa: PTH208 - names as text are all that is wanted
            except (OSError, ValueError):  # ValueError: bytes that no name can have
                names = []
            self._listed[folder] = {unicodedata.normalize("NFC", name): name for name in names} | {name: name for name in names}
        return self._listed[folder]


def _forms(name: str) -> Iterator[str]:
    """What a name may have become: one Unicode form; UTF-8 read as an old code page, or written in one, by a zip tool."""
    one = unicodedata.normalize("NFC", name)
    yield one
    yield "".join(sign if sign.isascii() else f"#U{ord(sign):04x}" for sign in one)  # Info-ZIP without Unicode
    for form in (one, unicodedata.normalize("NFD", name)):
        for code_page in ("cp437", "cp850", "cp1252", "latin-1"):
            with suppress(UnicodeError):
                yield form.encode().decode(code_page)
            with suppress(UnicodeError):
                yield os.fsdecode(form.encode(code_page))
