"""What lies in a folder: every file once, no link out of it followed, no circle walked, and whatever is odd about names."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from featurekit.audio import beside_their_audio, is_audio_name
from featurekit.inspection.findings import Finding, Item, Severity, seen
from featurekit.settings import follows_links


@dataclass
class Tree:
    """Files below a folder and what could not be entered.

    Parameters
    ----------
    root : Path
        The folder.
    files : list of str
        Regular files relative to it, with forward slashes, sorted; bytes that are not UTF-8 are surrogate escapes.
    leading_out, circular, broken, hidden, unreadable, special : list of str
        Links out of the root, links to a folder already entered, links to nothing, audio files hidden by a dot, folders
        that cannot be listed, and what is neither file nor folder.
    """

    root: Path
    files: list[str] = field(default_factory=list)
    leading_out: list[str] = field(default_factory=list)
    circular: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    @property
    def audio(self) -> list[str]:
        """The files that are named like audio or video, but for videos beside audio of the same name."""
        twins = self.twin_videos
        return [name for name in self.files if is_audio_name(name) and name not in twins]

    @property
    def twin_videos(self) -> set[str]:
        """Videos beside audio of the same name, which is read in their place."""
        return beside_their_audio(self.files)


def walk(root: Path) -> Tree:
    """Walk a folder with a set of the places already entered, as the recipes do."""
    tree, real_root = Tree(root), os.path.realpath(root)
    entered: set[str] = set()
    pending = [""]
    while pending:
        folder = pending.pop()
        real = os.path.realpath(root / folder)
        if real in entered:
            tree.circular.append(folder)
            continue
        entered.add(real)
        try:
            with os.scandir(real) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            tree.unreadable.append(folder or ".")
            continue
        folders = []
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if _place(tree, entry, name, real_root):
                folders.append(name)
        pending.extend(reversed(folders))
    tree.files.sort()
    return tree


def is_inside(path: str | os.PathLike[str], real_root: str) -> bool:
    """Whether a path, links resolved, lies in a folder that is itself resolved, or may lie anywhere."""
    real = os.path.realpath(path)
    return follows_links() or real == real_root or real.startswith(os.path.join(real_root, ""))  # noqa: PTH118 - text is all that is compared


def tree_findings(tree: Tree) -> Iterator[Finding]:
    """What the walk met."""
    kinds = (
        (
            "link-out",
            Severity.ERROR,
            "{n} [link leads|links lead] out of the folder and [is|are] not followed; --follow-links follows [it|them]",
            tree.leading_out,
        ),
        ("link-broken", Severity.ERROR, "{n} [link leads|links lead] nowhere", tree.broken),
        ("unreadable", Severity.ERROR, "{n} [folder|folders] cannot be listed: mind their permissions", tree.unreadable),
        ("link-circle", Severity.NOTE, "{n} [folder is|folders are] reached twice, by links; each is read once", tree.circular),
        ("hidden", Severity.NOTE, "{n} hidden [file is|files are] named like audio and passed over", tree.hidden),
        (
            "video-twin",
            Severity.NOTE,
            "{n} [video lies|videos lie] beside audio of the same name, which is read in [its|their] place",
            sorted(tree.twin_videos),
        ),
        ("special", Severity.WARNING, "{n} [entry is|entries are] neither file nor folder and passed over", tree.special),
    )
    for check, severity, text, names in kinds:
        yield from seen(check, severity, text, (Item((name,)) for name in names))
    yield from _name_findings(tree.files)


def _place(tree: Tree, entry: os.DirEntry[str], name: str, real_root: str) -> bool:
    """Put an entry where it belongs; True when it is a folder to enter."""
    is_hidden = entry.name.startswith(".") or entry.name == "__MACOSX"
    try:
        if is_hidden:
            if entry.is_file(follow_symlinks=False) and is_audio_name(entry.name):
                tree.hidden.append(name)
            return False
        if entry.is_symlink():
            if not is_inside(entry.path, real_root):
                tree.leading_out.append(name)
                return False
            os.stat(entry.path)  # noqa: PTH116 - a link to itself is a file to some calls and nothing to others
        if entry.is_dir():
            return True
        if entry.is_file():
            tree.files.append(name)
        else:
            tree.special.append(name)
    except OSError:
        tree.broken.append(name)
    return False


def _name_findings(names: list[str]) -> Iterator[Finding]:
    undecodable = [name for name in names if _is_escaped(name)]
    text = "{n} file [name is|names are] not UTF-8; the [file|files] can be read, the [name|names] not be printed"
    yield from seen("name-bytes", Severity.WARNING, text, (Item((name,)) for name in undecodable))
    twins = (Item(group) for group in twins_among(names))
    text = "{n} [group|groups] of file names [differs|differ] only in case or Unicode form; on other machines they are one file"
    yield from seen("name-twins", Severity.WARNING, text, twins)


def twins_among(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ only in case or Unicode form: one file on other machines."""
    first: dict[str, str] = {}
    twins: dict[str, list[str]] = {}
    for name in names:
        form = unicodedata.normalize("NFC", name).casefold()
        other = first.setdefault(name if form == name else form, name)
        if other is not name:
            twins.setdefault(form, [other]).append(name)
    return [tuple(group) for group in twins.values()]


def _is_escaped(name: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in name)
