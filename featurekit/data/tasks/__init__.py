"""Tasks: from the raw labels of a corpus to what a model learns: one class of several, shares of raters, or ratings.

A manifest keeps labels as the corpus gives them (``{"emotion": "angry"}``, ``{"score": -1.2}``); a task names the
classes and says which one an utterance belongs to. ``schemes`` has the rules; what no rule names is an error, never a class.
Where a corpus keeps its raters, :func:`agreement` says how often they share the label a model is scored on, and
``<task>-soft`` has their votes as its target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from featurekit.calls import called_name, parse_call
from featurekit.data.tasks import class_maps
from featurekit.data.tasks.raters import SOFT, Agreement, agreement, shares
from featurekit.data.tasks.schemes import CLASSIFYING, EXCLUDED, FIELDS, RATINGS, finite, raw_value
from featurekit.errors import ManifestError, ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance, manifest_of
from featurekit.notebook import Shown
from featurekit.settings import digest

__all__ = [
    "EXCLUDED",
    "Agreement",
    "Task",
    "agreement",
    "describe",
    "get_task",
    "labelled",
    "left_out",
    "names",
    "shuffled",
]

Target = tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Task(Shown):
    """A label scheme.

    Parameters
    ----------
    name : str
        As in ``list tasks``.
    classes : tuple of str
        Class number i is ``classes[i]``; sentiment classes run from negative to positive. For ``"values"`` the strata
        of splits.
    label_of : callable
        Utterance → class name; None where the raw label is missing; :data:`EXCLUDED` where the task's definition
        leaves the utterance out. For ``"soft"`` the label of the task without ``-soft``, so that both are scored on the same.
    description : str
        One sentence.
    kind : {"classes", "soft", "values"}
        What a model learns: a class, shares of the raters over the classes, or ratings.
    outputs : tuple of str
        Names of the K numbers a model puts out: the classes, or for ``"values"`` the raw labels that hold the ratings.
    target_of : callable or None
        For ``"soft"`` utterance → K shares that sum to 1, for ``"values"`` → K raw ratings; None where missing, which is where
        ``label_of`` says so too.
    scale : (float, float) or None
        For ``"values"`` the lowest and highest rating.
    map : mapping or None
        Where a class map gathers classes (:mod:`featurekit.data.tasks.class_maps`): class of the scheme → class of the map,
        :data:`EXCLUDED` for what it leaves out.
    """

    name: str
    classes: tuple[str, ...]
    label_of: Callable[[Utterance], str | None]
    description: str
    kind: str = "classes"
    outputs: tuple[str, ...] = ()
    target_of: Callable[[Utterance], Target | None] | None = None
    scale: tuple[float, float] | None = None
    map: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.outputs:
            object.__setattr__(self, "outputs", self.classes)

    def _shown_facts(self) -> dict[str, Any]:
        return {"name": self.name, "learns": self.kind, "classes": self.classes, "rule": self.description}

    @property
    def digest(self) -> str:
        """Identity of the scheme: name, classes and rule (the description spells the rule out, kind and scale with it)."""
        return digest({"name": self.name, "classes": self.classes, "description": self.description})

    def number(self, label: str) -> int:
        """Class number of a class name.

        Raises
        ------
        UnknownNameError
            For a class the task does not have.
        """
        if label not in self.classes:
            raise UnknownNameError(f"class of task {self.name}:", label, self.classes)
        return self.classes.index(label)


def names() -> list[str]:
    """Names of all tasks, sorted."""
    rated = [name for name, scheme in CLASSIFYING.items() if scheme.key not in FIELDS]
    return sorted([*CLASSIFYING, *(name + SOFT for name in rated), *RATINGS])


def describe(name: str) -> str:
    """One sentence on how a task turns raw labels into what a model learns.

    Raises
    ------
    UnknownNameError
        With the closest task.
    """
    if name in RATINGS:
        return RATINGS[name].description
    if name in CLASSIFYING:
        return CLASSIFYING[name].description
    if name not in names():
        raise UnknownNameError("task", name, names())
    return f"shares of the raters' votes over the classes of {name.removesuffix(SOFT)}, and scored on its labels"


def get_task(name: str | Task, manifest: Manifest) -> Task:
    """The task of that name on a manifest.

    Parameters
    ----------
    name : str or Task
        One of :func:`names`, by a class map where wanted: ``"emotion(map=canonical)"``. A task is returned as it is, so that
        whatever takes a task takes its name too.
    manifest : Manifest or Store
        Its raw labels give the classes of ``emotion`` and ``label``; the whole manifest counts, so that every part
        of every split has the same classes.

    Returns
    -------
    Task

    Raises
    ------
    UnknownNameError
        When there is no such task.
    ParameterError
        When no utterance has what the task reads; the message lists the raw labels there are.
    """
    if isinstance(name, Task):
        return name
    if not isinstance(name, str):
        raise ParameterError(f"a task is named, as in get_task('emotion', store.manifest); got {type(name).__name__}")
    if "(" in name:
        return _mapped_task(name, manifest)
    manifest, description = manifest_of(manifest), describe(name)
    if name in RATINGS:
        ratings = RATINGS[name]
        target_of = partial(_ratings, keys=ratings.keys)
        label_of = partial(_label_with_target, label_of=partial(_label, name=ratings.strata), target_of=target_of)
        classes = CLASSIFYING[ratings.strata].classes
        task = Task(name, classes, label_of, description, "values", ratings.keys, target_of, ratings.scale)
    else:
        task = _classifying(name.removesuffix(SOFT), manifest)
        if name.endswith(SOFT):
            target_of = partial(shares, name=task.name, classes=task.classes)
            label_of = partial(_label_with_target, label_of=task.label_of, target_of=target_of)
            rule = f"{description}: {task.description}"
            task = replace(task, name=name, label_of=label_of, description=rule, kind="soft", target_of=target_of)
    reads: list[Callable[[Utterance], object]] = [
        partial(raw_value, key=_keys(name)[0]),
        *([task.target_of] if task.target_of else []),
    ]
    if not any(all(read(utterance) is not None for read in reads) for utterance in manifest):
        raise ParameterError(f"task {name!r} finds no labels: {_raw_labels(name, manifest)}{_tasks_of(manifest)}")
    return task


def _mapped_task(request: str, manifest: Manifest) -> Task:
    """The task of ``name(map=…)``."""
    name, settings = parse_call(request)
    if settings.keys() != {"map"}:
        raise ParameterError(f"a task takes one setting, its class map, as in {name}(map=canonical); got {request}")
    return class_maps.mapped_by(get_task(name, manifest), str(settings["map"]))


def labelled(
    manifest: Manifest, task: str | Task, ids: Iterable[str] | None = None, *, drop_unlabelled: bool = False
) -> dict[str, str]:
    """Id → class name, in the order of ``ids`` (by default the manifest's), without what the task excludes.

    Parameters
    ----------
    manifest : Manifest
        Where the raw labels are.
    task : str or Task
        As :func:`get_task` takes it.
    ids : iterable of str, optional
        Which utterances; all by default.
    drop_unlabelled : bool
        Leave out utterances whose raw label is missing, instead of an error.

    Raises
    ------
    ParameterError
        When labels are missing, naming the first few ids and the raw labels that exist.
    """
    task = get_task(task, manifest)
    found: dict[str, str] = {}
    missing = []
    for name in manifest.ids if ids is None else ids:
        label = task.label_of(manifest[name])
        if label is None:
            missing.append(name)
        elif label != EXCLUDED:
            found[name] = label
    if missing and not drop_unlabelled:
        shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise ParameterError(
            f"{len(missing)} utterances have no label for task {task.name!r}: {shown}; {_raw_labels(task.name, manifest)}; "
            "correct the manifest or leave them out: --drop-unlabelled (drop_unlabelled=True)"
        )
    return found


def left_out(name: str, manifest: Manifest) -> dict[str, int]:
    """What a task's own definition leaves out: raw value → utterances, sorted; augmented children are none.

    Parameters
    ----------
    name : str
        As :func:`get_task` takes it; what its class map leaves out is not counted.
    manifest : Manifest or Store
        Where the raw labels are.

    Raises
    ------
    UnknownNameError, ParameterError
        As :func:`get_task`.
    """
    name = called_name(name)
    label_of, manifest, keys = get_task(name, manifest).label_of, manifest_of(manifest), _keys(name)
    gone = (raw_value(item, keys[0]) for item in manifest if not item.parent and label_of(item) == EXCLUDED)
    return dict(sorted(Counter(map(str, gone)).items()))


def shuffled(task: str | Task, manifest: Manifest, seed: int = 0) -> Task:
    """The same task with its labels dealt anew among the labelled utterances: a control that must score at chance.

    Class counts stay; so do missing and excluded labels. An utterance's target goes where its label goes. Augmented children
    follow their parent. The deal depends on ids, labels and seed, not on the order of the manifest.

    Parameters
    ----------
    task : str or Task
        As :func:`get_task` takes it.
    manifest : Manifest
        Where the raw labels are.
    seed : int
        Another one deals otherwise.
    """
    task = get_task(task, manifest)
    originals = sorted(utterance.id for utterance in manifest if not utterance.parent and task.label_of(utterance))
    givers = np.random.default_rng(seed).permutation(np.array(originals, dtype=object))
    dealt = {name: manifest[giver] for name, giver in zip(originals, givers, strict=True)}

    def redealt(answer: Callable[[Utterance], Any]) -> partial[Any]:
        answers = {name: answer(giver) for name, giver in dealt.items()}
        return partial(_dealt, answer=answer, dealt=answers)

    return replace(
        task,
        label_of=redealt(task.label_of),
        target_of=task.target_of and redealt(task.target_of),
        description=f"{task.description}; labels SHUFFLED",
    )


def _dealt(utterance: Utterance, *, answer: Callable[[Utterance], Any], dealt: Mapping[str, Any]) -> Any:
    name = utterance.parent or utterance.id
    return dealt[name] if name in dealt else answer(utterance)


def _classifying(name: str, manifest: Manifest) -> Task:
    scheme, label_of = CLASSIFYING[name], partial(_label, name=name)
    classes = scheme.classes or tuple(sorted({label for label in map(label_of, manifest) if label is not None}))
    return Task(name, classes, label_of, scheme.description)


def _label(utterance: Utterance, *, name: str) -> str | None:
    scheme = CLASSIFYING[name]
    raw = raw_value(utterance, scheme.key)
    found = None if raw is None else scheme.class_of(raw)
    if found is None and raw is not None:
        raise ManifestError(
            f"{utterance.id}: task {name!r} cannot read the raw label {scheme.key!r}: got {raw!r}, it takes {scheme.takes}"
        )
    return found


def _label_with_target(
    utterance: Utterance, *, label_of: Callable[[Utterance], str | None], target_of: Callable[[Utterance], Target | None]
) -> str | None:
    label = label_of(utterance)
    return None if label and target_of(utterance) is None else label


def _ratings(utterance: Utterance, *, keys: tuple[str, ...]) -> Target | None:
    values = []
    for key in keys:
        raw = raw_value(utterance, key)
        if raw is None:
            return None
        value = finite(raw)
        if value is None:
            raise ManifestError(f"{utterance.id}: the raw label {key!r} must be a finite number, got {raw!r}")
        values.append(value)
    return tuple(values)


def _raw_labels(name: str, manifest: Manifest) -> str:
    there = sorted({key for utterance in manifest for key in utterance.labels})
    has = f"the manifest has {', '.join(map(repr, there)) if there else 'no raw labels'}"
    keys = _keys(name)
    if not keys:
        return has
    if keys[0] in FIELDS:
        known = sum(bool(getattr(utterance, keys[0])) for utterance in manifest)
        return f"it reads the manifest's {keys[0]}, which {known} of {len(manifest)} utterances have"
    votes = " (an object: rater → choice)" if name.endswith(SOFT) else ""
    return f"it reads the raw {'labels' if len(keys) > 1 else 'label'} {' and '.join(map(repr, keys))}{votes} and {has}"


def _tasks_of(manifest: Manifest) -> str:
    """The tasks whose raw labels are there, for a message."""
    there = {key for utterance in manifest for key in utterance.labels}
    there |= {key for key in FIELDS if any(getattr(utterance, key) for utterance in manifest)}
    found = [name for name in names() if there.issuperset(_keys(name))]
    return f"; tasks that read what it has: {', '.join(found)}" if found else ""


def _keys(name: str) -> tuple[str, ...]:
    """The raw labels a task reads; none for a task that is not of this house."""
    if name in RATINGS:
        return RATINGS[name].keys
    scheme = CLASSIFYING.get(name.removesuffix(SOFT))
    return () if scheme is None else (scheme.key, *(("raters",) if name.endswith(SOFT) else ()))
