"""Class maps: one vocabulary for the class names of several corpora, as a table of names.

A map is a TOML file, one of ``maps/`` or anybody's::

    others = "refuse"                 # a word that is not below: "refuse", "keep" or "leave out"
    left_out = ["other"]              # words that are in no class on purpose

    [classes]
    angry = ["anger", "Ärger"]        # a class's own name is one of its words
    happy = ["happiness", "joy"]

Words are compared without case, spaces, underscores and hyphens, in one Unicode form. A word that is not in the table is looked
for by its canonical word: ``happy`` is ``happiness`` too. One that is kept is kept as its canonical word where ``canonical``
knows one, so that two corpora's ``fear`` and ``fearful`` are one class; any other stays as it is, as does one that
``canonical`` leaves out. A map changes no raw label.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurekit.data.tasks.schemes import EXCLUDED
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.settings import from_mapping, read_toml

if TYPE_CHECKING:
    from featurekit.data.tasks import Task
    from featurekit.manifest import Utterance

FOLDER = Path(__file__).parent / "maps"
CANONICAL, NONE = "canonical", "none"
_OTHERS = ("refuse", "keep", "leave out")
_BY_MAP = "(map="  # in a task's name, after what it is without the map


@dataclass(frozen=True)
class ClassMap:
    """A table of class names.

    Parameters
    ----------
    classes : mapping of str to list of str
        Class → the words for it.
    description : str
        One line.
    others : {"refuse", "keep", "leave out"}
        What becomes of a word that is nowhere in the table; one that is kept becomes its canonical word.
    left_out : sequence of str
        Words that are in no class on purpose.
    name : str
        The stem of its file.
    """

    classes: dict[str, list[str]]
    description: str = ""
    others: str = "refuse"
    left_out: list[str] = field(default_factory=list)
    name: str = ""

    def __post_init__(self) -> None:
        if self.others not in _OTHERS:
            raise ParameterError(f"map {self.name}: others is {self.others!r}; expected {' or '.join(map(repr, _OTHERS))}")
        said: dict[str, str] = {}
        pairs = [(word, name) for name, words in self.classes.items() for word in dict.fromkeys([name, *words])]
        for word, name in [*pairs, *((word, EXCLUDED) for word in self.left_out)]:
            if said.setdefault(_plain(word), name) != name:
                places = " and in ".join(place or "left_out" for place in (said[_plain(word)], name))
                raise ParameterError(f"map {self.name}: {word!r} stands in {places}")
        object.__setattr__(self, "_class_of", said)

    def class_of(self, word: str) -> str | None:
        """The class of a word; EXCLUDED where it is left out, None where the table refuses it."""
        table: dict[str, str] = getattr(self, "_class_of")  # noqa: B009 - set in __post_init__
        found = table.get(_plain(word))
        known = (_of_ours(CANONICAL).class_of(word) if self.name != CANONICAL else None) or word
        if found is None:
            found = table.get(_plain(known))
        if found is None:
            return {"keep": known, "leave out": EXCLUDED}.get(self.others)
        return found

    @classmethod
    def of_table(cls, name: str, table: Mapping[str, str]) -> ClassMap:
        """The map that a task was made by, from the table that it kept: word → class, empty where it was left out."""
        classes: dict[str, list[str]] = {}
        for word, found in table.items():
            classes.setdefault(found, []).append(word)
        left_out = classes.pop(EXCLUDED, [])
        return cls(classes, others="leave out", left_out=left_out, name=name)

    @property
    def rule(self) -> str:
        """The table in words."""
        rules = [f"{name} ({', '.join(words)})" if words else name for name, words in self.classes.items()]
        rest = {
            "refuse": "is refused",
            "keep": "stays" if self.name == CANONICAL else "stays, as its canonical word",
            "leave out": "is left out",
        }[self.others]
        left_out = [f"{', '.join(self.left_out)} are left out"] if self.left_out else []
        told = [", ".join(rules), *left_out, f"any other word {rest}"]
        return f"{self.description}{': ' if self.description else ''}{'; '.join(told)}"


def names() -> list[str]:
    """Names of the maps that are here, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def get_map(request: str | Path | ClassMap) -> ClassMap:
    """The map of a name, or of a TOML file; a map is returned as it is.

    Raises
    ------
    UnknownNameError
        When there is no such map, and it is no file.
    ParameterError
        When the file is no map; it says where.
    """
    if isinstance(request, ClassMap):
        return request
    request = str(request)
    if request in names():
        return _of_ours(request)
    if Path(request).suffix.lower() != ".toml":
        raise UnknownNameError("class map", request, [*names(), NONE])
    return _read(Path(request))


def stem(request: str | Path) -> str:
    """What a map is called: its name, or its file's without suffix."""
    return Path(request).stem


def describe(name: str) -> str:
    """The table of a map that is here, in words."""
    return get_map(name).rule


def mapped_by(task: Task, request: str | ClassMap) -> Task:
    """The task by a map, its name or its file; as it is where none is asked for (an empty name, or ``"none"``).

    Raises
    ------
    UnknownNameError, ParameterError
        As :func:`get_map` and :func:`mapped`.
    """
    return task if request in ("", NONE) else mapped(task, get_map(request))


def mapped(task: Task, class_map: ClassMap) -> Task:
    """The task with classes of the map's names; the task itself where no name changes.

    Parameters
    ----------
    task : Task
        One that learns classes.
    class_map : ClassMap
        As :func:`get_map` returns it.

    Raises
    ------
    ParameterError
        When the task learns no classes, is by a map already, or the map has no class for one of its names.
    """
    if task.kind != "classes":
        raise ParameterError(f"a map gathers classes, and task {task.name} learns {task.kind}; choose a task with classes")
    if task.map is not None:
        raise ParameterError(f"task {task.name} is by a class map already, and {class_map.name} is a second one: give one")
    table = {name: class_map.class_of(name) for name in task.classes}
    unknown = [name for name, found in table.items() if found is None]
    if unknown:
        raise ParameterError(
            f"map {class_map.name} has no class for {', '.join(map(repr, unknown))} of task {task.name}; its classes are "
            f"{', '.join(class_map.classes)}: write each word beside its class, or into left_out"
        )
    known = {name: str(found) for name, found in table.items()}
    if all(name == found for name, found in known.items()):
        return task
    gathered = in_words(known)
    return replace(
        task,
        name=f"{task.name}{_BY_MAP}{class_map.name})",
        classes=tuple(dict.fromkeys(found for found in known.values() if found != EXCLUDED)),
        outputs=(),
        label_of=partial(_mapped_label, label_of=task.label_of, table=known),
        description=f"{task.description}; by map {class_map.name} {gathered}",
        map=known,
    )


def map_name(task: Task) -> str:
    """Name of the map that a task is by; empty where it is by none.

    >>> from types import SimpleNamespace
    >>> map_name(SimpleNamespace(name="emotion(map=my map(1))"))
    'my map(1)'
    """
    return task.name.rpartition(_BY_MAP)[2][:-1] if _BY_MAP in task.name else ""


def _mapped_label(utterance: Utterance, *, label_of: Callable[[Utterance], str | None], table: Mapping[str, str]) -> str | None:
    label = label_of(utterance)
    return table[label] if label else label


def in_words(table: Mapping[str, str]) -> str:
    """What a map changes of a task's names.

    >>> in_words({"anger": "angry", "joy": "happy", "happiness": "happy", "sad": "sad", "bored": ""})
    'anger → angry, joy and happiness → happy, bored → left out'
    """
    by_class: dict[str, list[str]] = {}
    for name, found in table.items():
        if name != found:
            by_class.setdefault(found, []).append(name)
    return ", ".join(f"{' and '.join(words)} → {found or 'left out'}" for found, words in by_class.items())


def _plain(word: str) -> str:
    """A word without what people write differently."""
    folded = unicodedata.normalize("NFKC", str(word)).casefold()
    return "".join(sign for sign in folded if sign not in " _-\t")


@cache
def _of_ours(name: str) -> ClassMap:
    return _read(FOLDER / f"{name}.toml")


def _read(path: Path) -> ClassMap:
    table = read_toml(path)
    _check(table, path)
    return from_mapping(ClassMap, {**table, "name": path.stem}, where=str(path))


def _check(table: Mapping[str, Any], path: Path) -> None:
    """Lists of words, said before a dataclass takes them for something else."""
    classes = table.get("classes")
    if not isinstance(classes, Mapping) or not classes:
        raise ParameterError(f'{path} is no class map: it lacks [classes], as in angry = ["anger"]')
    lists: Sequence[tuple[str, Any]] = [*classes.items(), ("left_out", table.get("left_out", []))]
    for name, words in lists:
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ParameterError(f'{path}: {name} is {words!r}; expected a list of words, as in angry = ["anger"]')
        if not all(map(_plain, (name, *words))):
            raise ParameterError(f"{path}: an empty word stands in {name or '[classes]'}; utterances without a label need none")
