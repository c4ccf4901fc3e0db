"""Augmentation of training batches, on tensors: SpecAugment, mixup, other vocal tracts, tempo, shifts, random crops.

An augmentation is called as ``augment(batch, generator)`` and returns a new batch; the same generator state gives the
same batch on every device, since all random numbers are drawn on the CPU. What is made of them is computed where the batch
lies: a GPU is not asked for lengths, and sent a few numbers an utterance. A :class:`~featurekit.data.dataset.Dataset`
takes one for its training part only and the training loop applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from featurekit.calls import parse_call
from featurekit.data.augment.mixup import Mixup
from featurekit.data.augment.specaugment import SpecAugment
from featurekit.data.augment.timing import RandomCrop, Tempo, TimeShift
from featurekit.data.augment.vtlp import VTLP
from featurekit.errors import UnknownNameError
from featurekit.settings import from_mapping

if TYPE_CHECKING:  # the settings of an augmentation are read, and listed, without torch
    import torch

    from featurekit.data.collate import Batch

Augment: TypeAlias = "Callable[[Batch, torch.Generator], Batch]"


@dataclass(frozen=True)
class Compose:
    """Apply augmentations one after the other."""

    steps: Sequence[Augment]

    def check(self, specs: Mapping[str, str]) -> None:
        """Have each step look at the columns of frames, name → the request that computes it.

        Raises
        ------
        FeaturekitError
            When they are not what a step is for.
        """
        for step in self.steps:
            look = getattr(step, "check", None)
            if look is not None:
                look(specs)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → augmented batch."""
        for step in self.steps:
            batch = step(batch, generator)
        return batch


AUGMENTATIONS: dict[str, type[Any]] = {
    "specaugment": SpecAugment,
    "vtlp": VTLP,
    "tempo": Tempo,
    "shift": TimeShift,
    "mixup": Mixup,
}


def make_augment(requests: Sequence[str], n_classes: int) -> Compose | None:
    """Augmentations as ``--augment`` names them, in this order: ``specaugment(time_width=40)``.

    Parameters
    ----------
    requests : sequence of str
        Names of :data:`AUGMENTATIONS`, with settings where wanted.
    n_classes : int
        Of the task.

    Returns
    -------
    Compose, or None when nothing is asked for

    Raises
    ------
    UnknownNameError
        For an augmentation or setting that does not exist.
    ParameterError
        For a value that is not accepted.
    """
    steps: list[Augment] = []
    for request in requests:
        name, settings = parse_call(request)
        if name not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", name, AUGMENTATIONS)
        own = {"n_classes": n_classes} if name == "mixup" else {}
        steps.append(from_mapping(AUGMENTATIONS[name], {**settings, **own}, where=request))
    return Compose(steps) if steps else None


def describe(name: str) -> str:
    """One line on an augmentation, with its settings.

    Raises
    ------
    UnknownNameError
        When there is none of that name.
    """
    if name not in AUGMENTATIONS:
        raise UnknownNameError("augmentation", name, AUGMENTATIONS)
    kind = AUGMENTATIONS[name]
    settings = ", ".join(f"{item.name}={item.default}" for item in fields(kind) if item.name != "n_classes")
    first = (kind.__doc__ or "").splitlines()[0].replace("``", "")
    return f"{first}  [{settings}]"


__all__ = [
    "AUGMENTATIONS",
    "VTLP",
    "Augment",
    "Compose",
    "Mixup",
    "RandomCrop",
    "SpecAugment",
    "Tempo",
    "TimeShift",
    "describe",
    "make_augment",
]
