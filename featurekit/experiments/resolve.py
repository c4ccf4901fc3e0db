"""What a run's settings ask for, found in its store: the stores themselves, columns, task, split, context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from featurekit import data, models, store
from featurekit.corpora import default_task
from featurekit.data import splits, windows
from featurekit.data.names import check_names
from featurekit.errors import ParameterError
from featurekit.experiments.options import RunSettings
from featurekit.extraction.advice import command_that_adds
from featurekit.settings import parse_call

_OUTLIER = 20  # times the median: opinions in videos last up to 14 times theirs


def opened_store(settings: RunSettings) -> Any:
    """The store, or both as one.

    Raises
    ------
    ParameterError
        When a label scheme is said for a second store and none is given.
    """
    if settings.test_task and not settings.test_store:
        raise ParameterError(f"--test-task {settings.test_task} is the label scheme of --test-store, which is not given")
    opened = store.open_store(settings.store)
    return data.JoinedStore(opened, store.open_store(settings.test_store)) if settings.test_store else opened


def stored_columns(opened: store.Store, request: str | Sequence[str]) -> list[str]:
    """The store's names of what is asked for: a column's own name, or any feature or preset of the same key.

    Parameters
    ----------
    opened : Store
        As :func:`featurekit.store.open_store` returns it.
    request : str or sequence of str
        As ``--features`` takes it.

    Returns
    -------
    list of str

    Raises
    ------
    ParameterError
        When the store lacks a column, with the command that adds it.
    UnknownNameError
        When nothing is called so.
    """
    return check_names(opened, request, how_to_add=partial(command_that_adds, opened))


def level_column(opened: Any, columns: Sequence[str], trim_db: float | None) -> str | None:
    """The column by whose level silence is cut (:mod:`featurekit.data.trimmed`), of the columns' clock where there is one.

    Raises
    ------
    ParameterError
        When the store has no such column, or there are no frames to cut.
    """
    if trim_db is None:
        return None
    infos = [opened.columns[name] for name in columns]
    frames = [info for info in infos if info.kind == "frames"]
    whole = [info.name for info in infos if info.kind == "image"]
    if whole or not frames:
        got = f"{whole[0]} shows a whole utterance" if whole else "there is no column of frames to cut"
        raise ParameterError(f"trim_db is {trim_db:g}, which leaves out frames, and {got}; leave one of them out")
    found = [name for name, info in opened.columns.items() if info.kind == "frames" and info.spec.partition("(")[0] == "rms"]
    if not found:
        raise ParameterError(
            f"trim_db is {trim_db:g}, which needs the level of each frame, and {opened.path} has no column rms; "
            f"add it: {command_that_adds(opened, 'rms')}"
        )
    clock = (frames[0].hop_s, frames[0].start_s)
    return next((name for name in found if (opened.columns[name].hop_s, opened.columns[name].start_s) == clock), found[0])


def features_of_paper(model: models.Model) -> str:
    """What the model's paper reads, for a run that names no features.

    Raises
    ------
    ParameterError
        When the model names none.
    """
    if not model.features:
        raise ParameterError(f"{model.name} names no features of its own; say which columns it shall read: --features …")
    return model.features


def task_of(settings: RunSettings, opened: Any) -> data.Task:
    """The task that was asked for, else the corpus's own; of two stores a task for both."""
    if not settings.test_store:
        return data.get_task(settings.task or default_task(opened.corpus), opened.manifest)
    train, test = (default_task(one.corpus) for one in opened.stores)
    return opened.task(settings.task or train, settings.test_task or test)


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


def left_out_note(settings: RunSettings, opened: Any, task: data.Task) -> str | None:
    """What of a second corpus is not tested since training has no such class; None where nothing is."""
    lost = opened.left_out(task, settings.test_task or default_task(opened.stores[1].corpus)) if settings.test_store else {}
    if not lost:
        return None
    of_all = f"{sum(lost.values())} of {len(opened.stores[1].manifest)} utterances of {opened.prefixes[1]}"
    classes = ", ".join(f"{name} ({count})" for name, count in lost.items())
    return f"{of_all} are not tested, since training has no class of that name: {classes}"


def outlier_note(lengths: Mapping[str, int]) -> str | None:
    """What utterances (id → frames) far longer than the others cost, since a batch is padded to its longest; or None.

    >>> outlier_note({"a": 100, "b": 120, "c": 90}) is None
    True
    """
    if not lengths:
        return None
    longest, median = max(lengths, key=lambda name: lengths[name]), float(np.median(list(lengths.values())))
    if lengths[longest] < _OUTLIER * max(1.0, median):
        return None
    return (
        f"{longest} has {lengths[longest]:,} frames, where half of the utterances have at most {median:,.0f}, and a batch is "
        f"padded to its longest: cut all, as by --set training.n_frames={4 * median:.0f}, or leave it out"
    )


def split_request(settings: RunSettings, opened: Any) -> str:
    """``--split`` as it was said; with two stores it is cross-corpus between them.

    Raises
    ------
    ParameterError
        When two stores are to be split in another way.
    """
    if not settings.test_store or splits.is_file(settings.split):
        return settings.split
    kind, own = parse_call(settings.split)
    if kind not in ("cross-corpus", RunSettings.split):
        raise ParameterError(
            f"with --test-store the split is cross-corpus, with its dev as in cross-corpus(dev=0.2); got {kind}"
        )
    own = {"train_on": opened.prefixes[0], "test_on": opened.prefixes[1], **own}
    return f"cross-corpus({', '.join(f'{name}={value!r}' for name, value in own.items())})"


def context_size(settings: RunSettings, opened: store.Store, model: models.Model) -> int:
    """Utterances in a window: as many as were asked for, else the model's own where the corpus has conversations.

    Raises
    ------
    ParameterError
        For a window that has no middle.
    """
    if settings.context is None:
        return model.context if has_conversations(opened) else 1
    windows.check_size(settings.context)
    return settings.context


def has_conversations(opened: store.Store) -> bool:
    """Whether a recording holds several utterances, so that there is context; augmented children are none of them."""
    recordings = [utterance.recording for utterance in opened.manifest if not utterance.parent]
    return len(set(recordings)) < len(recordings)
