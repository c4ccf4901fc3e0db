"""What a path on the command line is: a store, a run's folder, a run file, a split, audio; told by what is there."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from featurekit.errors import ParameterError


class Kind(StrEnum):
    """Kinds of things that verbs work on; the value is what a person calls one."""

    STORE = "a store"
    RUN = "a run's folder"
    RUN_FILE = "a run file (FILE.toml)"
    SPLIT = "a split file"
    MANIFEST = "a manifest (FILE.jsonl)"
    AUDIO = "a folder of audio"
    FOLDER = "a folder"
    FILE = "a file"


_LOOKED_AT = 2_000  # entries of a folder: enough to find audio or neighbours, quick on a network disk
_NAMED = 8  # neighbours that a message lists


def what_is(path: str | Path, *accepted: Kind, verb: str, or_corpus: bool = False) -> Kind:
    """Kind of what is at a path.

    Parameters
    ----------
    path : str or Path
        What stands on the command line.
    *accepted : Kind
        What the verb can work on; anything is accepted where none is given.
    verb : str
        The verb that asks, for the message.
    or_corpus : bool
        Whether the verb has ``--corpus``, too.

    Raises
    ------
    ParameterError
        When nothing is there, or something else; the message says what was expected and what was found,
        and names what lies beside or inside it and would do.
    """
    path = Path(path)
    wanted = f"{verb} takes {_either(accepted)}" if accepted else f"{verb} needs a path that exists"
    if not path.exists():
        _refuse_corpus(str(path), wanted, or_corpus)
        raise ParameterError(f"there is nothing at {str(path)!r}; {wanted}{_neighbours(path, accepted)}")
    kind = _kind(path)
    if not accepted or kind in accepted:
        return kind
    if Kind.FOLDER in accepted and path.is_dir():
        return Kind.FOLDER
    if Kind.FILE in accepted and path.is_file():
        return Kind.FILE
    if path.is_dir() and (inside := _those_inside(path, accepted)):
        names = ", ".join(map(str, inside[:_NAMED])) + (", …" if len(inside) > _NAMED else "")
        raise ParameterError(f"{path} is {kind}, and {wanted}; name one of those inside: {names}")
    raise ParameterError(f"{path} is {kind}, and {wanted}")


def _refuse_corpus(name: str, wanted: str, or_corpus: bool) -> None:
    from featurekit import corpora

    if name not in corpora.CORPORA:
        return
    if or_corpus:
        raise ParameterError(f"{name} is a corpus: give --corpus {name}")
    raise ParameterError(f"{name} is a corpus, and {wanted}; `featurekit extract --corpus {name}` makes a store of it")


def _kind(path: Path) -> Kind:
    if path.is_dir():
        return _kind_of_folder(path)
    by_suffix = {".toml": Kind.RUN_FILE, ".jsonl": Kind.MANIFEST, ".json": Kind.SPLIT}
    return by_suffix.get(path.suffix.lower(), Kind.FILE)


def _kind_of_folder(path: Path) -> Kind:
    from featurekit import audio, store
    from featurekit.runs import StoredRun

    if store.exists(path):
        return Kind.STORE
    if StoredRun.is_run(path):
        return Kind.RUN
    below = itertools.islice(path.rglob("*"), _LOOKED_AT)
    return Kind.AUDIO if any(audio.is_audio_name(item.name) for item in below) else Kind.FOLDER


def _those_inside(folder: Path, accepted: tuple[Kind, ...]) -> list[Path]:
    """What in a folder, or one level below it, the verb would take; a folder of audio is too common to be one."""
    strict = set(accepted) - {Kind.AUDIO, Kind.FOLDER, Kind.FILE}
    near = itertools.islice(_near(folder), _LOOKED_AT)
    return sorted(item for item in near if _kind_at_a_glance(item) in strict)


def _near(folder: Path) -> Iterator[Path]:
    for item in sorted(folder.iterdir()):
        yield item
        if item.is_dir() and _kind_at_a_glance(item) is Kind.FOLDER:
            yield from sorted(item.iterdir())


def _kind_at_a_glance(path: Path) -> Kind:
    """As :func:`_kind`, without a look for audio."""
    from featurekit import store
    from featurekit.runs import StoredRun

    if not path.is_dir():
        return _kind(path)
    if store.exists(path):
        return Kind.STORE
    return Kind.RUN if StoredRun.is_run(path) else Kind.FOLDER


def _neighbours(path: Path, accepted: tuple[Kind, ...]) -> str:
    """A suggestion: names like it beside it, else what there is in the folder it was looked for."""
    folder = path.parent
    if not folder.is_dir():
        return f"; there is no folder {str(folder)!r} either"
    known = {item.name: item for item in _those_inside(folder, accepted)} or {
        item.name: item for item in itertools.islice(folder.iterdir(), _LOOKED_AT)
    }
    close = difflib.get_close_matches(path.name, sorted(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(str(known[name]) for name in close)}?" if close else ""


def _either(kinds: tuple[Kind, ...]) -> str:
    words = [str(kind) for kind in kinds]
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
