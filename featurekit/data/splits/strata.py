"""Deal single utterances so that every combination of some labels, and each label by itself, keeps the shares of the parts.

A stratum is one combination of values (sad, strong, statement 2, repetition 1, female). Each part first gets what its share of
the stratum is in whole utterances. What is left over goes, utterance by utterance, to the part that lacks most: of the values
of these labels, counted over all strata, and of the whole. So no part is more than one utterance away from its share of any
stratum, and each label alone comes out nearer than that would ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from featurekit.data.splits.assignment import rank
from featurekit.data.splits.folds import PARTS
from featurekit.data.splits.material import Material
from featurekit.data.splits.stated import words
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.manifest import Utterance
from featurekit.manifest import one_form as one_name

CLASS = "class"  # the task's own class, which need not be a raw label
FIELDS = ("gender", "language", "recording", "speaker")  # of the manifest; every other label is a raw one
_EXACT = 9  # digits: shares such as 0.1 have no exact form, and who lacks most must not depend on it

Stratum = tuple[str, ...]


def one_form(labels: Any) -> str:
    """Labels as a split records them, with commas between, of such text or of a list.

    >>> one_form("emotion, gender,"), one_form(["emotion", "gender"])
    ('emotion,gender', 'emotion,gender')

    Raises
    ------
    ParameterError
        When it is neither.
    """
    if isinstance(labels, str):
        return ",".join(words(labels))
    if not isinstance(labels, (list, tuple)) or not all(isinstance(label, str) for label in labels):
        raise ParameterError(f"stratify is {labels!r}; expected labels with commas between, as in stratify='emotion,gender'")
    return ",".join(labels)


def strata_of(material: Material, names: Sequence[str]) -> dict[str, Stratum]:
    """Id → its values of some labels.

    Parameters
    ----------
    material : Material
        Its utterances.
    names : sequence of str
        Raw labels, some of :data:`FIELDS`, or ``class``, the class of the task.

    Raises
    ------
    UnknownNameError
        For a label that no utterance has, with the closest one.
    ParameterError
        For a label whose values are lists or objects.
    """
    raw = {key for name in material.labels for key in material.manifest[name].labels}
    for label in names:
        if label not in raw and label not in (CLASS, *FIELDS):
            raise UnknownNameError("label to stratify by:", label, [*sorted(raw), *FIELDS, CLASS])
    return {
        name: tuple(_value(material.manifest[name], label, own, label in raw) for label in names)
        for name, own in material.labels.items()
    }


def deal(strata: Mapping[str, Stratum], shares: Mapping[str, float], seed: int) -> dict[str, list[str]]:
    """Part → ids.

    Parameters
    ----------
    strata : mapping
        Id → values, as :func:`strata_of` gives them.
    shares : mapping
        Part → share of the whole; they sum to 1.
    seed : int
        Says which utterances of a stratum go where.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    have: dict[str, Counter[tuple[int, str]]] = {part: Counter() for part in PARTS}
    seen: Counter[tuple[int, str]] = Counter()
    for stratum, names in _members(strata).items():
        margins = [(-1, ""), *enumerate(stratum)]  # the whole, then each label's value
        seen.update({margin: len(names) for margin in margins})
        counts = {part: int(round(shares[part] * len(names), _EXACT)) for part in PARTS}
        for part, count in counts.items():
            have[part].update(dict.fromkeys(margins, count))
        open_to = [part for part in PARTS if shares[part] * len(names) - counts[part] > 10**-_EXACT]
        for _ in range(len(names) - sum(counts.values())):
            lacks = {part: sum(shares[part] * seen[item] - have[part][item] for item in margins) for part in open_to}
            first = max(open_to, key=lambda part: round(lacks[part], _EXACT))
            open_to.remove(first)  # one more than its whole utterances, and no part has two
            counts[first] += 1
            have[first].update(margins)
        ordered = iter(sorted(names, key=lambda name: rank(name, seed)))
        for part in PARTS:
            parts[part] += [next(ordered) for _ in range(counts[part])]
    return parts


def too_small(strata: Mapping[str, Stratum], shares: Mapping[str, float]) -> list[int]:
    """How many strata are too small to give every part its share in whole utterances, of how many; empty where none is."""
    smallest = min(share for share in shares.values() if share > 0)
    sizes = Counter(strata.values())
    small = sum(round(size * smallest, _EXACT) < 1 for size in sizes.values())
    return [small, len(sizes)] if small else []


def _members(strata: Mapping[str, Stratum]) -> dict[Stratum, list[str]]:
    """Stratum → ids, in the order of the values."""
    found: dict[Stratum, list[str]] = {}
    for name in sorted(strata):
        found.setdefault(strata[name], []).append(name)
    return dict(sorted(found.items()))


def _value(utterance: Utterance, label: str, own: str, is_raw: bool) -> str:
    if not is_raw:
        return own if label == CLASS else str(getattr(utterance, label))
    value = utterance.labels.get(label)
    if isinstance(value, (list, tuple, Mapping)):
        raise ParameterError(f"cannot stratify by {label}: that of {utterance.id} is no single value but {str(value)[:40]}")
    return "" if value is None else one_name(str(value))
