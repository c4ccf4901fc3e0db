"""Updates of a model's parameters: optimizer, learning rate as a function of the update, and both as tensors and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models.backbones import backbone_parameters
from featurekit.runs import TrainSettings


def factor(update: int, an_epoch: int, settings: TrainSettings) -> float:
    """Learning rate of an update as a share of the highest: a linear rise, then constant or half a cosine to 0.

    Parameters
    ----------
    update : int
        Counted from 0.
    an_epoch : int
        Updates an epoch.
    settings : TrainSettings
        ``schedule``, ``warmup_epochs``, ``epochs``.
    """
    warmup, total = settings.warmup_epochs * an_epoch, settings.epochs * an_epoch
    if update < warmup:
        return (update + 1) / warmup
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (update - warmup) / max(1, total - warmup))))


class Updates:
    """An optimizer whose learning rate follows the schedule.

    Parameters
    ----------
    model : module
        What requires a gradient is updated; ``backbone_parameters`` with ``backbone_lr`` where that is set.
    settings : TrainSettings
        How.
    an_epoch : int
        Updates an epoch.

    Raises
    ------
    ParameterError
        When ``backbone_lr`` is set and the model trains no backbone.
    """

    def __init__(self, model: nn.Module, settings: TrainSettings, an_epoch: int) -> None:
        self._settings, self._an_epoch, self.done = settings, an_epoch, 0
        self._named = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self.optimizer = _optimizer(_groups(model, self._named, settings), settings)
        self._highest = [float(group["lr"]) for group in self.optimizer.param_groups]

    @property
    def lr(self) -> float:
        """Learning rate of the next update."""
        return self._highest[0] * factor(self.done, self._an_epoch, self._settings)

    def step(self) -> None:
        """Clip the gradient, update, and clear the gradient."""
        share = factor(self.done, self._an_epoch, self._settings)
        for group, highest in zip(self.optimizer.param_groups, self._highest, strict=True):
            group["lr"] = highest * share
        if self._settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._named.values(), self._settings.gradient_clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1

    def state(self) -> dict[str, Tensor]:
        """What the optimizer remembers, ``<parameter>.<name>`` → tensor; everything else follows from ``done``."""
        return {
            f"{name}.{key}": entry
            for name, value in self._named.items()
            for key, entry in self.optimizer.state.get(value, {}).items()
            if isinstance(entry, Tensor)
        }

    def load(self, state: Mapping[str, Tensor], done: int) -> None:
        """Go on after ``done`` updates from what :meth:`state` gave."""
        self.done = done
        for name, value in self._named.items():
            mine = {key.removeprefix(name + "."): entry for key, entry in state.items() if key.rpartition(".")[0] == name}
            self.optimizer.state[value] = {key: self._as_it_was(entry, value) for key, entry in mine.items()}

    def _as_it_was(self, entry: Tensor, parameter: Tensor) -> Tensor:
        # Fused kernels walk parameter and memory side by side: both must lie in one order (channels last, say).
        if entry.shape == parameter.shape and entry.dim():
            return torch.empty_like(parameter).copy_(entry)
        return entry.to(parameter.device) if self.optimizer.param_groups[0].get("fused") else entry.clone()


def _groups(model: nn.Module, named: Mapping[str, Tensor], settings: TrainSettings) -> list[dict[str, Any]]:
    if settings.backbone_lr is None:
        return [{"params": list(named.values()), "lr": settings.lr}]
    backbone = {id(parameter) for parameter in backbone_parameters(model)}
    if not backbone:
        raise ParameterError(
            f"backbone_lr is {settings.backbone_lr}, but {type(model).__name__} trains no backbone; leave it out"
        )
    rest = [value for value in named.values() if id(value) not in backbone]
    slow = [value for value in named.values() if id(value) in backbone]
    groups = [{"params": rest, "lr": settings.lr}, {"params": slow, "lr": settings.backbone_lr}]
    return [group for group in groups if group["params"]]


def _optimizer(groups: list[dict[str, Any]], settings: TrainSettings) -> torch.optim.Optimizer:
    """Fused where torch has it; RMSprop with Keras's constants, epsilon outside the root as in Keras before 2.11."""
    decay = settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=decay, fused=True)
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, alpha=0.9, eps=1e-7, weight_decay=decay)
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, weight_decay=decay, fused=True)
