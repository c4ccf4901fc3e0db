"""Which utterances of a manifest somebody else's list means: by id, by file, whatever the case or the suffix of the name."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from featurekit.manifest import Manifest

Names = tuple[str, ...]  # those that a list gives one utterance: its id, its file
_DEPTHS = (3, 2, 1)  # parts of a path
_MEDIA = {"wav", "flac", "mp3", "mp4", "m4a", "aac", "ogg", "oga", "opus", "webm", "mkv", "avi", "mov", "mpg", "mpeg", "flv"}
_MEDIA |= {"wma", "wmv", "sph", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64", "amr", "3gp", "raw", "pcm"}


def look_up(manifest: Manifest, wanted: Iterable[Names]) -> dict[Names, str | None]:
    """The id of each utterance that a list names; None where the manifest has none of its names.

    An exact id or path comes first. Else names are compared without case and in one Unicode form, files without the suffix
    of their format, and last by the ends of their paths: with two folders, one, none. A name that several utterances have,
    here or there, says nothing.

    Parameters
    ----------
    manifest : Manifest
        Children and stretches of a file are found by their id alone.
    wanted : iterable of tuple of str
        For each utterance the names it may have, the most exact one first.

    Returns
    -------
    dict
        Names → id or None.
    """
    wanted = list(dict.fromkeys(wanted))
    paths = {item.path: item.id for item in manifest if not item.parent and item.start is None}
    ids = _only((folded(item.id), item.id) for item in manifest)
    files = _only((_file(path), name) for path, name in paths.items())
    ends = [(depth, *_by_end(paths, wanted, depth)) for depth in _DEPTHS]
    found: dict[Names, str | None] = {}
    for names in wanted:
        exact = (name for item in names if (name := paths.get(item, item)) in manifest)
        alike = (ids.get(folded(name)) or files.get(_file(name)) for name in names)
        by_end = (here.get(_end(name, depth)) for depth, here, there in ends for name in names if there[_end(name, depth)] == 1)
        bare = (ids.get(_end(name, 1)) for name in names if ends[-1][2][_end(name, 1)] == 1)
        found[names] = next(exact, None) or next(filter(None, itertools.chain(alike, by_end, bare)), None)
    return found


def folded(name: str) -> str:
    r"""A name without case, in one Unicode form.

    >>> folded("KL") == folded("kl"), folded("ju\u0308rgen") == folded("J\u00fcrgen")
    (True, True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _file(path: str) -> str:
    """A path without the suffix of its format; other dots are part of a name."""
    name, dot, suffix = path.rpartition(".")
    return folded(name if dot and suffix.lower() in _MEDIA else path)


def _end(path: str, depth: int) -> str:
    """The last parts of a path, as many as there are up to ``depth``."""
    return "/".join(PurePosixPath(_file(path)).parts[-depth:])


def _by_end(paths: dict[str, str], wanted: list[Names], depth: int) -> tuple[dict[str, str | None], Counter[str]]:
    """Ends of paths → id here, and how many listed utterances have an end."""
    here = _only((_end(path, depth), name) for path, name in paths.items())
    return here, Counter(end for names in wanted for end in {_end(name, depth) for name in names})


def _only(named: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Name → id; None for a name that several have."""
    found: dict[str, str | None] = {}
    for name, place in named:
        found[name] = None if name in found else place
    return found
