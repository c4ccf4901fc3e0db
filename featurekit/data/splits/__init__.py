"""Splits: which utterances train, choose and test a model; speaker-disjoint unless overlap is asked for and stamped.

Every split ends in the same checks: no part is empty, no speaker is in two parts (unless allowed), no class is absent
from training or from all tests. Results do not depend on the order of the manifest: ties are broken by a hash of name
and seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurekit.calls import parse_call
from featurekit.data.ids import listed_ids
from featurekit.data.splits import strata
from featurekit.data.splits.folds import PARTS, Fold, Split
from featurekit.data.splits.material import WAY_ON, Material, finish, gather
from featurekit.data.splits.official import Protocol, absent, of_no_fold, official_folds, protocols, refuse_strangers
from featurekit.data.splits.splitters import SPLITTERS, given
from featurekit.data.splits.stated import outside, words
from featurekit.data.tasks import Task, get_task, labelled
from featurekit.errors import ParameterError, SplitError, UnknownNameError
from featurekit.manifest import Manifest, manifest_of

_LISTS = (".json", ".csv")  # what a split that is a file ends in; it may be a folder too
_GIVEN = ("predefined", "official", "cross-corpus")  # somebody else says who tests
_DEV = 0.1  # the share of training that a protocol without a dev gets one of


def names() -> list[str]:
    """Names of all splits: the general ones, then the protocols of published corpora."""
    return [*sorted(SPLITTERS), *protocols()]


def describe(name: str) -> str:
    """One line on a split.

    Raises
    ------
    UnknownNameError
        With the closest split.
    """
    if name in protocols():
        return protocols()[name].title
    if name not in SPLITTERS:
        raise UnknownNameError("split", name, names())
    return (SPLITTERS[name].__doc__ or "").split("\n")[0]


def explain(name: str) -> str:
    """A split's settings with their defaults; of a protocol also its folds, source and what to know.

    Raises
    ------
    UnknownNameError
        With the closest split.
    """
    defaults = resolved(name, {})
    settings = ", ".join(f"{key}={value!r}" for key, value in defaults.items()) or "none"
    lines = [f"{name}: {describe(name)}", f"settings: {settings}"]
    if name in protocols():
        protocol = protocols()[name]
        lines += [f"corpus: {protocol.corpus}"]
        if protocol.rule:
            lines += [f"rule: {protocol.rule}, with seed 0"]
        else:
            folds = ", ".join(f"{fold} ({len(parts['test'])})" for fold, parts in protocol.folds.items())
            lines += [f"folds, and how many of {protocol.by} each tests: {folds}"]
            lines += [f"dev: {'listed' if protocol.has_dev else 'cut by speaker from training; dev=0 makes none'}"]
        lines += [f"source: {protocol.source}", *([f"note: {protocol.note}"] if protocol.note else [])]
    called = f"{name}({', '.join(f'{key}={value}' for key, value in list(defaults.items())[:1])})" if defaults else name
    return "\n".join([*lines, f"use: featurekit split STORE --split '{called}' -o split.json"])


def facts(name: str) -> dict[str, Any]:
    """What :func:`explain` says, for a program.

    Returns
    -------
    dict
        ``summary``, ``settings`` with their defaults; of a protocol ``corpus``, ``source``, ``note``, ``has_dev``, ``rule`` and
        ``tested``: fold → how many of ``by`` it tests.

    Raises
    ------
    UnknownNameError
        With the closest split.
    """
    found: dict[str, Any] = {"summary": describe(name), "settings": resolved(name, {})}
    if name in protocols():
        protocol = protocols()[name]
        found |= {key: getattr(protocol, key) for key in ("corpus", "source", "note", "has_dev", "by", "rule")}
        found["tested"] = {fold: len(parts["test"]) for fold, parts in protocol.folds.items()}
    return found


def resolved(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a split: its defaults, then those given.

    Raises
    ------
    UnknownNameError
        For a split or setting that does not exist.
    """
    describe(name)
    if name in protocols():
        accepted: dict[str, Any] = {} if protocols()[name].has_dev else {"dev": _DEV}
    else:
        accepted = {
            key: item.default for key, item in inspect.signature(SPLITTERS[name]).parameters.items() if key != "material"
        }
    for key in settings:
        if key not in accepted:
            raise UnknownNameError(f"setting of split {name}:", key, accepted)
    return {**accepted, **settings}


def make_split(
    name: str,
    manifest: Manifest,
    task: str | Task = "emotion",
    *,
    ids: Iterable[str] | None = None,
    seed: int = 0,
    speaker_from: str = "manifest",
    allow_speaker_overlap: bool = False,
    drop_unlabelled: bool = False,
    **settings: Any,
) -> Split:
    """Divide the utterances of a manifest.

    Parameters
    ----------
    name : str
        One of :func:`names`, with settings where wanted: ``"speaker-kfold(k=5)"``.
    manifest : Manifest or Store
        Gives speakers, genders, durations and recordings. Augmented children go where their parent trains, and
        nowhere else.
    task : str or Task
        Gives the classes to stratify by (``"emotion"``); utterances it excludes are in no part.
    ids : iterable of str, optional
        Only these (those whose columns are usable, say); all by default.
    seed : int
        Breaks ties.
    speaker_from : {"manifest", "recording"}
        What counts as a speaker.
    allow_speaker_overlap : bool
        Accept a speaker in two parts; every result then says so.
    drop_unlabelled : bool
        Leave out utterances without the task's raw label instead of an error.
    **settings
        The split's own, as :func:`explain` shows them. ``dev=0`` makes no development part.

    Returns
    -------
    Split

    Raises
    ------
    SplitError
        When the split cannot be made or must not be used; the message says the way on.
    UnknownNameError
        For a split or setting that does not exist.
    ParameterError
        For shares that leave nothing to train on.
    """
    if isinstance(name, str) and "(" in name:
        name, called = parse_call(name)
        settings = {**called, **settings}
    settings = resolved(name, settings)
    _check_shares(settings)
    if "stratify" in settings:
        settings["stratify"] = strata.one_form(settings["stratify"])
    manifest = manifest_of(manifest)
    task = get_task(task, manifest)
    found = labelled(manifest, task, None if ids is None else listed_ids(ids), drop_unlabelled=drop_unlabelled)
    material = gather(manifest, found, speaker_from, allow_speaker_overlap, seed, are_given=name in _GIVEN)
    if len(set(material.speakers.values())) < 2 and name != "random":
        raise SplitError(f"there is only one speaker, {next(iter(material.speakers.values()), '')!r}; {WAY_ON}")
    # Where a list lay is not what it is; and what is not stratified is the split it was before it could be.
    record = {
        key: value for key, value in settings.items() if key not in ("path", "lists") and (key, value) != ("stratify", "")
    }
    record |= {"task": task.name, "seed": seed, "speaker_from": speaker_from}
    if name in protocols():
        return _of_protocol(name, protocols()[name], record, material)
    folds = SPLITTERS[name](material, **settings)
    needs_dev = settings.get("dev", 0.0) > 0
    split = finish(name, folds, record, material, needs_dev=needs_dev, strict=name not in _GIVEN)
    left_out = outside(material, folds) if name == "official" else 0
    notes = {"of_no_fold": left_out, "small_strata": _small_strata(material, settings)}
    return replace(split, notes={**split.notes, **{key: said for key, said in notes.items() if said}})


def predefined(
    manifest: Manifest,
    task: str | Task,
    folds: Sequence[Fold],
    *,
    name: str = "predefined",
    ids: Iterable[str] | None = None,
    speaker_from: str = "manifest",
    allow_speaker_overlap: bool = False,
    drop_unlabelled: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Split:
    """Folds that were given, restricted to ``ids`` and checked like our own; :mod:`featurekit.data.splits.foreign` reads them.

    Parameters
    ----------
    manifest, task, ids, speaker_from, allow_speaker_overlap, drop_unlabelled
        As for :func:`make_split`.
    folds : sequence of Fold
        Of the manifest's ids. Children are added to the training part of their parents.
    name : str
        The kind that is recorded.
    settings : mapping, optional
        What is recorded besides the task and what a speaker is.

    Raises
    ------
    SplitError
        As for :func:`make_split`; a part that is empty as given may stay empty, except training and test, and classes
        that no test has are noted, not refused.
    UnknownNameError
        For an id the manifest does not have.
    """
    manifest = manifest_of(manifest)
    task = get_task(task, manifest)
    wanted = sorted({item for fold in folds for part in PARTS for item in fold.part(part)})
    usable = None if ids is None else set(listed_ids(ids))
    children = [item.id for item in manifest if item.parent and (usable is None or item.id in usable)]
    kept = [item for item in wanted if (usable is None or item in usable) and not manifest[item].parent]
    found = labelled(manifest, task, [*kept, *children], drop_unlabelled=drop_unlabelled)
    material = gather(manifest, found, speaker_from, allow_speaker_overlap, 0, are_given=True)
    record = {**(settings or {}), "task": task.name, "speaker_from": speaker_from}
    return finish(name, given(material, list(folds)), record, material, needs_dev=all(f.dev for f in folds), strict=False)


def from_request(request: str, manifest: Manifest, task: str | Task, *, seed: int = 0, **how: Any) -> Split:
    """The split a person asks for: ``name(setting=value)``, or a file or folder that says which ids are where.

    Parameters
    ----------
    request : str
        As ``--split`` takes it.
    manifest, task, seed
        As for :func:`make_split`.
    **how
        ``ids``, ``speaker_from``, ``allow_speaker_overlap`` and ``drop_unlabelled`` of :func:`make_split`.

    Raises
    ------
    SplitError, UnknownNameError, ParameterError
        As :func:`make_split`, :func:`predefined` and :meth:`~featurekit.data.splits.folds.Split.on`.
    """
    if not is_file(request):
        kind, settings = parse_call(request)
        return make_split(kind, manifest, task, seed=seed, **how, **resolved(kind, settings))
    if Path(request).suffix == ".json":
        return adopt(Split.read(request), manifest, task, **how)
    return make_split("predefined", manifest, task, seed=seed, **how, path=request)


def is_file(request: str) -> bool:
    """Whether ``--split`` names a file or folder and not a way to split."""
    return request not in names() and (Path(request).suffix in _LISTS or Path(request).is_dir())


def adopt(split: Split, manifest: Manifest, task: str | Task, *, ids: Iterable[str] | None = None, **how: Any) -> Split:
    """A split from a file on this manifest: every id must be there; what failed or has no label here is left out.

    Parameters
    ----------
    split : Split
        As :meth:`~featurekit.data.splits.folds.Split.read` returns it.
    manifest, task, ids
        As for :func:`make_split`.
    **how
        Others of :func:`make_split`; what the split was made with counts where they do not.

    Raises
    ------
    SplitError
        When the split was made for another manifest, or fails the checks on this one.
    """
    manifest = manifest_of(manifest)
    here = split.on(manifest)
    how = {name: value for name, value in how.items() if value is not None}
    if how.get("speaker_from", "manifest") == "manifest":
        how["speaker_from"] = split.settings.get("speaker_from", "manifest")
    how["allow_speaker_overlap"] = split.allow_speaker_overlap or how.get("allow_speaker_overlap", False)
    done = predefined(manifest, task, here.folds, name=split.kind, ids=ids, settings=split.settings, **how)
    before, after = ({item for fold in one.folds for part in PARTS for item in fold.part(part)} for one in (split, done))
    notes = {
        key: here.notes[key] for key in ("other_manifest", "not_in_manifest", "no_dev_has", "large_dev") if key in here.notes
    }
    left_out = {"left_out": len(before - after)} if before - after else {}
    return replace(done, notes={**done.notes, **notes, **left_out})


def _of_protocol(name: str, protocol: Protocol, record: dict[str, Any], material: Material) -> Split:
    if protocol.rule:
        refuse_strangers(protocol, material)
        kind, settings = parse_call(protocol.rule)
        fixed = replace(material, seed=0)
        split = finish(name, SPLITTERS[kind](fixed, **settings), {**record, "seed": 0}, fixed, needs_dev=True)
        small = _small_strata(fixed, settings)
        return replace(split, notes={**split.notes, "small_strata": small}) if small else split
    dev = record.get("dev", 0.0)
    folds = official_folds(protocol, material, dev=dev)
    split = finish(name, folds, record, material, needs_dev=protocol.has_dev or dev > 0)
    notes = {"not_in_manifest": absent(protocol, material), "of_no_fold": of_no_fold(protocol, material)}
    return replace(split, notes={**split.notes, **{key: said for key, said in notes.items() if said}})


def _small_strata(material: Material, settings: Mapping[str, Any]) -> list[int]:
    """How many strata are too small for the shares, of how many; empty where none is, or nothing is stratified."""
    if not settings.get("stratify"):
        return []
    test, dev = settings["test"], settings["dev"]
    found = strata.strata_of(material, [*words(settings["stratify"])])
    return strata.too_small(found, {"train": 1 - test - dev, "dev": dev, "test": test})


def _check_shares(settings: Mapping[str, Any]) -> None:
    test, dev = settings.get("test", 0.0), settings.get("dev", 0.0)
    numbers = all(isinstance(share, (int, float)) and not isinstance(share, bool) for share in (test, dev))
    if not (numbers and 0 <= dev < 1 and 0 <= test < 1 and dev + test < 1) or ("test" in settings and test == 0):
        raise ParameterError(f"test={test!r} and dev={dev!r} are shares; expected test > 0, dev >= 0 and a sum below 1")
