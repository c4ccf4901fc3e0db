"""Stages: parts of a model that are trained before the whole, each as a run of its own (:class:`featurekit.models.Stage`).

A stage's run has the settings that a person would have given it by hand, so its folder is found again by its digest: by the
next call, by another fusion of the same branch, and by whoever trained that branch before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from featurekit import models
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.runs import RunSettings, StoredRun
from featurekit.training import NOT_IDENTITY

# What is said once in [training] holds for every stage; lr, batch size and optimiser belong to one.
OF_ALL = (*NOT_IDENTITY, "epochs", "improvement", "improvement_epochs", "monitor", "normalise", "patience", "precision", "seed")
OF_FRAMES = ("n_frames", "trim_db")  # of stages that read frames, which the whole reads as they did


def own_training(settings: RunSettings, member: models.Model) -> dict[str, Any]:
    """``[training]`` without the tables of the stages."""
    tables = [stage.table for stage in member.stages]
    return {name: value for name, value in settings.training.items() if name not in tables}


def settings_of(settings: RunSettings, member: models.Model, columns: Mapping[str, str]) -> dict[str, RunSettings]:
    """Settings of the run of each stage that does not start from a finished run: part → settings.

    Parameters
    ----------
    settings : RunSettings
        Of the whole.
    member : Model
        The whole.
    columns : mapping
        Column → ``frames`` or ``images``, in the order the whole reads them.

    Raises
    ------
    ParameterError
        When a stage's table is none, or is given where everything is trained at once or the stage is trained already.
    """
    wanted = [stage for stage in member.stages_for(settings.hyper) if stage.part not in settings.init]
    for stage in member.stages:
        own = settings.training.get(stage.table, {})
        if not isinstance(own, Mapping):
            raise ParameterError(f"[training]: {stage.table} is {own!r}; expected the table [training.{stage.table}]")
        if own and stage not in wanted:
            why = f"starts from {settings.init[stage.part]}" if stage.part in settings.init else "is trained with the whole"
            raise ParameterError(f"[training.{stage.table}] is for a run of {stage.model}, and part {stage.part} {why}")
    return {stage.part: _settings_of(stage, settings, columns) for stage in wanted}


def _settings_of(stage: models.Stage, settings: RunSettings, columns: Mapping[str, str]) -> RunSettings:
    member = models.MODELS.get(stage.model)
    of_stage = (*OF_ALL, *OF_FRAMES) if "frames" in member.reads else OF_ALL
    training = {name: value for name, value in settings.training.items() if name in of_stage}
    hyper = {name: value for name, value in settings.hyper.items() if name == "weights" and name in member.hyper}
    return dataclasses.replace(
        settings,
        model=stage.model,
        features=",".join(name for name, kind in columns.items() if kind in member.reads),
        training={**training, **settings.training.get(stage.table, {})},
        hyper={**hyper, **settings.hyper.get(stage.table, {})},
        init={},
    )


def check_finished(settings: RunSettings, member: models.Model) -> None:
    """Refuse finished runs that are not the parts as they are built here.

    Raises
    ------
    ParameterError
        Naming the hyper-parameter that differs, and how to say it.
    UnknownNameError
        For a part that a model of stages does not have.
    """
    parts = [stage.part for stage in member.stages]
    for part in settings.init if parts else ():
        if part not in parts:
            raise UnknownNameError(f"part of {member.name}:", part, parts)
    for stage in member.stages:
        folder = settings.init.get(stage.part)
        if folder is None:
            continue
        theirs = StoredRun(folder).record.settings
        if theirs.model != stage.model:
            raise ParameterError(
                f"part {stage.part} of {member.name} is {stage.model}, and {folder} is a run of {theirs.model}"
            )
        here = {**models.MODELS.get(stage.model).hyper, **settings.hyper.get(stage.table, {})}
        there = {**models.MODELS.get(stage.model).hyper, **theirs.hyper}
        for name in (name for name, value in here.items() if type(value) is int and there[name] != value):
            raise ParameterError(
                f"{folder} was trained with hyper.{name} = {there[name]}, and {member.name} has hyper.{stage.table}.{name} = "
                f"{here[name]}: say --set hyper.{stage.table}.{name}={there[name]}, or train that run with {here[name]}"
            )


class Untrained:
    """In place of the states of stages that are not trained yet, where only the time of a step is asked for."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._parts = parts

    def load_into(self, model: Any, number: int) -> None:
        """Move the parts away from the weights that they were built with."""
        for part in self._parts:
            network = model.get_submodule(part)
            state = {name: 0.99 * value if value.is_floating_point() else value for name, value in network.state_dict().items()}
            network.load_state_dict(state)
