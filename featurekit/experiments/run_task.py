"""The task of a run: by its settings when it is made, by its record when it is looked at; and what is left out for it.

Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from featurekit import data, evaluation
from featurekit.calls import called_name
from featurekit.corpora import default_task
from featurekit.data import tasks
from featurekit.data.tasks import EXCLUDED, class_maps
from featurekit.data.views.joined import JoinedStore, OpenedStore
from featurekit.errors import FeaturekitError, ParameterError
from featurekit.manifest import Manifest
from featurekit.runs import RunRecord, RunSettings


def task_of(settings: RunSettings, opened: OpenedStore, class_map: str | class_maps.ClassMap | None = None) -> data.Task:
    """The task that was asked for, else the corpus's own, by its class map; of two stores a task for both.

    Parameters
    ----------
    settings : RunSettings
    opened : Store or JoinedStore
        What the settings name.
    class_map : str or ClassMap, optional
        In place of the settings' own.
    """
    class_map = settings.map if class_map is None else class_map
    if not isinstance(opened, JoinedStore):
        task = data.get_task(settings.task or default_task(opened.corpus, opened.manifest), opened.manifest)
        return class_maps.mapped_by(task, class_map)
    return opened.task(*_schemes(settings, opened), class_map=class_map, common=settings.common_classes)


def recorded_task(record: RunRecord, opened: OpenedStore) -> data.Task | None:
    """The task of a run by its record; None where what is here does not give it.

    A map that was a file of somebody's is taken as the record kept it, since the file may be another one now.
    """
    try:
        settings = record.settings
        is_ours = settings.map in ("", class_maps.NONE, *class_maps.names())
        kept = None if is_ours else record.map or (record.over or {}).get("map")
        return task_of(settings, opened, class_maps.ClassMap.of_table(class_maps.stem(settings.map), kept) if kept else None)
    except FeaturekitError:
        return None


def refuse_one_class(labels: Mapping[str, str], where: str) -> None:
    """Refuse labels (id → class) from which nothing can be learnt.

    Raises
    ------
    ParameterError
        When they are all of one class.
    """
    classes = set(labels.values())
    if len(classes) == 1:
        raise ParameterError(
            f"all {len(labels)} utterances of {where} are {classes.pop()!r}: nothing can be learnt from one class, and always "
            "answering it would look right; use another --task, or a corpus or --split with at least two classes"
        )


def class_notes(settings: RunSettings, opened: OpenedStore, task: data.Task) -> list[str]:
    """What a class map makes of the classes' names, and which utterances the task, the map or the other corpus leaves out."""
    changed = class_maps.in_words({name: found for name, found in (task.map or {}).items() if found != EXCLUDED})
    said = [f"classes by map {class_maps.map_name(task)}: {changed}"] if changed else []
    if not isinstance(opened, JoinedStore):
        gone = [name for name, found in (task.map or {}).items() if found == EXCLUDED]
        said += _excluded(called_name(task.name), opened.manifest, opened.corpus)
        return [*said, *([f"the map leaves out {', '.join(gone)}"] if gone else [])]
    for name, one, prefix in zip(_schemes(settings, opened), opened.stores, opened.prefixes, strict=True):
        said += _excluded(name, one.manifest, prefix)
    why = "the other corpus has no such class, or the map leaves it out"
    for lost, one, prefix in zip(_left_out(settings, opened), opened.stores, opened.prefixes, strict=True):
        if lost:
            classes = ", ".join(f"{name} ({count})" for name, count in lost.items())
            said.append(f"{sum(lost.values())} of {len(one.manifest)} utterances of {prefix} are left out: {classes}; {why}")
    return said


def _excluded(name: str, manifest: Manifest, corpus: str) -> list[str]:
    """A sentence on what a task's own definition leaves out; none where it leaves out nothing."""
    lost = tasks.left_out(name, manifest)
    if not lost:
        return []
    values = ", ".join(f"{value} ({count})" for value, count in lost.items())
    of = sum(not utterance.parent for utterance in manifest)
    return [f"{sum(lost.values())} of {of} utterances of {corpus} are left out by task {name}: {values}"]


def scored_over(settings: RunSettings, opened: OpenedStore, task: data.Task) -> dict[str, Any] | None:
    """Which classes the scores of two corpora are over, and what each corpus lost; None of one corpus."""
    if not isinstance(opened, JoinedStore):
        return None
    lost = dict(zip(opened.prefixes, _left_out(settings, opened), strict=True))
    for name, one, prefix in zip(_schemes(settings, opened), opened.stores, opened.prefixes, strict=True):
        lost[prefix] = dict(sorted((lost[prefix] | tasks.left_out(name, one.manifest)).items()))
    return {"classes": list(task.classes), "map": dict(task.map or {}), "left_out": lost}


def facts(task: data.Task) -> dict[str, Any]:
    """What ``run.json`` keeps of a task."""
    kept = {"task": task.name, "map": dict(task.map) if task.map else None, "kind": task.kind, "scale": task.scale}
    return kept | {"classes": tuple(task.classes), "outputs": tuple(task.outputs)}


def check_positive(settings: RunSettings, task: data.Task) -> None:
    """Refuse a class to report the F1 of that the task does not have.

    Raises
    ------
    ParameterError
        When the task learns ratings.
    UnknownNameError
        With the classes.
    """
    if settings.positive and task.kind == "values":
        raise ParameterError(f"--positive {settings.positive} is a class, and task {task.name} learns ratings")
    evaluation.check_positive(settings.positive, task.classes)


def _schemes(settings: RunSettings, opened: JoinedStore) -> tuple[str, str]:
    train, test = (default_task(one.corpus, one.manifest) for one in opened.stores)
    return settings.task or train, settings.test_task or test


def _left_out(settings: RunSettings, opened: JoinedStore) -> tuple[dict[str, int], dict[str, int]]:
    return opened.left_out(task_of(settings, opened), *_schemes(settings, opened))
