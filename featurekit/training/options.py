"""How to train: one frozen dataclass; a model's recipe overrides its defaults, explicit values override the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from featurekit.models import MODELS
from featurekit.runs.settings import TrainSettings
from featurekit.settings import from_mapping

# Newer than runs that should keep their names: no part of an identity at these values, which is how it was before.
_SINCE = {"trim_db": (None,), "reduction": ("mean",), "monitor": ("auto", "ua", "ccc")}

# Where and how a fit is computed does not change what it is: these take no part in the identity of a run.
NOT_IDENTITY = ("device", "threads", "workers", "residency", "compile", "deterministic")


def identity(settings: TrainSettings) -> dict[str, Any]:
    """What a fit is: its settings but for those that only say where and how it is computed.

    Settings that are newer than runs are among them where they change something: runs of before keep their names.
    """
    left_out = {*NOT_IDENTITY, *(name for name, before in _SINCE.items() if getattr(settings, name) in before)}
    return {name: value for name, value in asdict(settings).items() if name not in left_out}


def settings_for(
    model: str, explicit: Mapping[str, Any] | None = None, *, where: str = "training", kind: str = "classes"
) -> TrainSettings:
    """Defaults, then the model's recipe, then explicit values.

    Parameters
    ----------
    model : str
        A registered model.
    explicit : mapping, optional
        What the user said; wins.
    where : str
        What errors name as the source.
    kind : {"classes", "soft", "values"}
        What the task learns. Of ratings ("values") a recipe's monitor, which is of classes, does not count.

    Raises
    ------
    UnknownNameError
        For a model or a setting that does not exist.
    ParameterError
        For a value that is not accepted.
    """
    of_classes = ("monitor",) if kind == "values" else ()
    recipe = {name: value for name, value in MODELS.get(model).recipe.items() if name not in of_classes}
    return from_mapping(TrainSettings, {**recipe, **(explicit or {})}, where=where)
