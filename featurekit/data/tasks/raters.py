"""What several raters said: how far they agree, and how they share out their votes (soft labels).

Raters are kept as a corpus gives them: ``raters`` (rater → the choice or choices) and, for rated dimensions, ``ratings``
(rater → dimension → number). A choice becomes a class by the rule that turns the corpus's own label into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from featurekit.calls import called_name
from featurekit.data.tasks.schemes import CLASSIFYING, EXCLUDED, Classifying
from featurekit.manifest import Manifest, Utterance

if TYPE_CHECKING:
    from featurekit.data.tasks import Task

SOFT = "-soft"  # <task>-soft has the classes of <task> and the raters' votes as its target


@dataclass(frozen=True)
class Agreement:
    """How far raters agree with the labels a task takes from them: the human ceiling of accuracy.

    Parameters
    ----------
    utterances : int
        How many have a class and raters.
    weighted : float
        Mean share of raters that chose the class, over utterances (as accuracy is counted, WA).
    unweighted : float
        Mean of that over classes (as the mean recall is counted, UA).
    by_class : mapping of str to float
        The share within each class that occurs.
    """

    utterances: int
    weighted: float
    unweighted: float
    by_class: Mapping[str, float]


def agreement(manifest: Manifest, task: Task) -> Agreement | None:
    """How often raters chose the class an utterance has; None where the corpus keeps no raters, or the task no classes.

    A rater agrees who chose the utterance's class, alone or among others. The raters' own votes made the label (but for acted
    corpora), so this is an upper bound of what one more rater would reach. Numbers are compared after the task has turned
    each into a class.

    Parameters
    ----------
    manifest : Manifest
        Where the raters are.
    task : Task
        As :func:`featurekit.data.tasks.get_task` returns it.
    """
    scheme = CLASSIFYING.get(called_name(task.name).removesuffix(SOFT))
    own = task.classes if task.map is None else tuple(task.map)
    shares: dict[str, list[float]] = {}
    for utterance in manifest if scheme else ():
        label = None if utterance.parent else task.label_of(utterance)  # nobody listened to an augmented child
        chosen = votes(utterance, scheme, own) if scheme and label else []
        if task.map is not None:
            chosen = [{task.map[found] for found in classes} for classes in chosen]
        if chosen:
            shares.setdefault(label or "", []).append(sum(label in classes for classes in chosen) / len(chosen))
    if not shares:
        return None
    by_class = {label: float(np.mean(shares[label])) for label in task.classes if label in shares}
    every = [share for values in shares.values() for share in values]
    return Agreement(len(every), float(np.mean(every)), float(np.mean(list(by_class.values()))), by_class)


def votes(utterance: Utterance, scheme: Classifying, classes: Sequence[str]) -> list[set[str]]:
    """For each rater the classes chosen; a set is empty where all that was chosen lies outside the classes.

    No raters where none said anything that the rule knows: they were asked something else.
    """
    known = [{_vote(choice, scheme, classes) for choice in choices} for choices in _choices(utterance, scheme.key)]
    understood = any(found is not None for chosen in known for found in chosen)
    return [{found for found in chosen if found} for chosen in known] if understood else []


def shares(utterance: Utterance, *, name: str, classes: Sequence[str]) -> tuple[float, ...] | None:
    """Share of the votes that each class of a task has; None where nobody voted for any.

    A rater has one vote and splits it among the classes named. What lies outside the classes is left out.
    """
    weights = dict.fromkeys(classes, 0.0)
    for chosen in votes(utterance, CLASSIFYING[name], classes):
        for label in chosen:
            weights[label] += 1 / len(chosen)
    total = sum(weights.values())
    return tuple(weight / total for weight in weights.values()) if total else None


def _choices(utterance: Utterance, key: str) -> list[Sequence[Any]]:
    """For each rater what was chosen for a raw label: numbers of ``ratings``, else what ``raters`` holds."""
    ratings, raters = (utterance.labels.get(name) for name in ("ratings", "raters"))
    if isinstance(ratings, Mapping):
        rated: list[Sequence[Any]] = [[given[key]] for given in ratings.values() if isinstance(given, Mapping) and key in given]
        if rated:
            return rated
    every = raters.values() if isinstance(raters, Mapping) else ()
    chosen = (choice if isinstance(choice, (list, tuple)) else [choice] for choice in every if choice not in (None, ""))
    return [choices for choices in chosen if choices]  # who chose nothing has not voted


def _vote(choice: object, scheme: Classifying, classes: Sequence[str]) -> str | None:
    """Class of one choice, EXCLUDED, or None (unknown). IEMOCAP's raters write words that begin with the label's code."""
    lower = str(choice).lower()
    for said in (choice, lower, lower[:3]):
        found = scheme.class_of(said)
        if found == EXCLUDED or found in classes:
            return found
    return None
