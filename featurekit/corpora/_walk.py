"""Walking a corpus's folder: sorted, never out of the root, never round in circles."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from featurekit.audio import beside_their_audio, is_audio_name, is_video_name
from featurekit.corpora._strays import StrayFileError, each
from featurekit.settings import follows_links

_logger = logging.getLogger(__name__)


def audio_paths(root: Path, *, videos: bool = False) -> list[str]:
    """Audio files below a folder, relative to it, with forward slashes, sorted.

    Links are followed only inside the root, unless ``--follow-links`` is said; each folder is entered once, so a link to a
    parent ends. Hidden files (macOS leaves ``._name.wav`` behind) are passed over. Names that are not UTF-8 keep their bytes as
    surrogate escapes.

    Parameters
    ----------
    root : Path
        The corpus's folder.
    videos : bool
        Whether a video is an utterance where no audio of its name lies beside it. Those that are passed over are counted.

    Returns
    -------
    list of str

    Raises
    ------
    OSError
        When a folder cannot be listed.
    """
    real_root = os.path.realpath(root)
    visited: set[str] = set()
    found: list[str] = []
    left_out = 0
    pending = [""]
    while pending:
        folder = pending.pop()
        # A folder and a link to it are one place; entering in sorted order keeps the choice between them stable.
        real = os.path.realpath(Path(root, folder))
        if real in visited:
            continue
        visited.add(real)
        with os.scandir(real) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        folders = []
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_symlink() and not _leads_into(entry.path, real_root):
                left_out += 1
            elif entry.is_dir():
                folders.append(name)
            elif is_audio_name(entry.name) and entry.is_file():
                found.append(name)
        pending.extend(reversed(folders))
    if left_out:
        text = "%d links in %s lead out of it, or nowhere, and were not followed; --follow-links follows them"
        _logger.warning(text, left_out, root)
    return sorted(set(found) - _passed_over(root, found, videos))


def _passed_over(root: Path, found: list[str], videos: bool) -> set[str]:
    """The videos among the files that are no utterances."""
    if videos:
        left_out, why = beside_their_audio(found), "lie beside audio of the same name, which is read in their place"
    else:
        left_out, why = {path for path in found if is_video_name(path)}, "are passed over: this corpus is read from its audio"
    if left_out:
        _logger.warning("%d videos in %s %s", len(left_out), root, why)
    return left_out


def by_stem(paths: Iterable[str]) -> dict[str, str]:
    """File name without folder and suffix → path.

    Raises
    ------
    StrayFileError
        After the last, for files whose stem another one has: a corpus unpacked twice counts every utterance twice.
    """
    stems: dict[str, str] = {}

    def add(path: str) -> None:
        stem = PurePosixPath(path).stem
        if stems.setdefault(stem, path) != path:
            raise StrayFileError(f"{path!r}: {stem} is there twice, as {stems[stem]} and {path}")

    for _ in each(paths, add):
        pass
    return stems


def _leads_into(link: str, real_root: str) -> bool:
    try:
        real = os.path.realpath(link, strict=True)
    except OSError:  # a link to nothing, or to itself
        return False
    return follows_links() or real == real_root or real.startswith(os.path.join(real_root, ""))  # noqa: PTH118 - text is all that is compared
