"""The official parts that a corpus itself states: a raw label (``part``, ``split``) says where each utterance is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from featurekit.data.splits.folds import PARTS, Fold
from featurekit.data.splits.material import Material, listed
from featurekit.data.splits.part_files import said_part
from featurekit.errors import SplitError

LABELS = ("part", "split", "partition", "subset", "set")  # raw labels that are looked for, whatever their case


def stated_fold(material: Material, by: str = "", parts: Iterable[str] = ()) -> Fold:
    """The fold that a raw label states.

    Parameters
    ----------
    material : Material
        Its utterances have the label.
    by : str
        The raw label; the one of :data:`LABELS` that says parts by default.
    parts : iterable of str
        Values of the label to take where several are of one part: ``Test1`` of ``Test1`` and ``Test2``.

    Returns
    -------
    Fold
        Utterances whose value is no part, or not the one that is meant, are in none.

    Raises
    ------
    SplitError
        When no label says parts, two say different ones, several values are of one part, or a value does not exist.
    """
    label, said = _label(material, by)
    values = dict.fromkeys(value for value in said.values() if value)
    wanted = {part: _meant(part, [value for value in values if _part(value) == part], parts, label) for part in PARTS}
    unknown = [name for name in parts if name not in values]
    if unknown:
        raise SplitError(f"no utterance has the {label} {unknown[0]!r}; there are {listed(sorted(values), 10)}")
    ids = {part: tuple(name for name, value in said.items() if value and value in wanted[part]) for part in PARTS}
    return Fold("0", **ids)


def _label(material: Material, by: str) -> tuple[str, dict[str, str]]:
    """The raw label that says the parts, and utterance → its value."""
    keys = {key for name in material.labels for key in material.manifest[name].labels}
    asked = [key for key in sorted(keys) if key == by] if by else [key for key in sorted(keys) if key.casefold() in LABELS]
    found = {key: _values(material, key) for key in asked}
    found = {key: said for key, said in found.items() if {"train", "test"} <= {_part(value) for value in said.values()}}
    if not found:
        where = f"the raw label {by!r} does not say" if by else f"no raw label ({', '.join(LABELS)}) says"
        raise SplitError(
            f"{where} which utterances train and which test; the labels are {listed(sorted(keys), 10) or 'none'}: name one as "
            "in official(by=LABEL), or use predefined with lists of ids"
        )
    ways = {tuple(_part(value) for value in said.values()) for said in found.values()}
    if len(ways) > 1:
        raise SplitError(
            f"the raw labels {' and '.join(found)} say different parts; name one: official(by={next(iter(found))})"
        )
    return next(iter(found.items()))


def _values(material: Material, key: str) -> dict[str, str]:
    found = ((name, material.manifest[name].labels.get(key)) for name in material.labels)
    return {name: "" if value is None else str(value).strip() for name, value in found}


def _part(value: str) -> str:
    said = said_part(value)
    return said.part if said else ""


def _meant(part: str, values: list[str], chosen: Iterable[str], label: str) -> set[str]:
    """Of the values of one part those that are meant: the chosen, the only one, or those that plainly say the part."""
    picked = set(values) & set(chosen)
    said = {value: found for value in values if (found := said_part(value))}
    plain = {value for value, found in said.items() if found.plain and not found.others and not found.numbers}
    if len({said[value].word for value in plain}) > 1:  # test and eval are two parts
        plain = set()
    if picked or len(values) < 2 or plain:
        return picked or plain or set(values)
    raise SplitError(
        f"several values of {label} are the {part} part: {listed(sorted(values), 10)}; name the one that is meant: "
        f"official(parts={sorted(values)[0]!r})"
    )


def outside(material: Material, folds: Iterable[Fold]) -> int:
    """How many utterances of the material are in no part of any fold."""
    inside = {name for fold in folds for part in PARTS for name in fold.part(part)}
    return len(material.labels.keys() - inside)


def words(text: str) -> Mapping[str, None]:
    """Names that commas separate, once each."""
    return dict.fromkeys(word.strip() for word in text.split(",") if word.strip())
