"""The training loop: fit one fold on its training part, choose the epoch on its development part.

The test part cannot be passed in: :func:`fit` takes a training and a development dataset and refuses others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from featurekit import metrics
from featurekit.data.dataset import Dataset
from featurekit.errors import ParameterError, SplitError, TrainingError
from featurekit.models import build
from featurekit.training.batches import Batches, in_order, shuffled
from featurekit.training.devices import choose_device, place, precision, reproducible
from featurekit.training.losses import Loss, make_loss
from featurekit.training.options import TrainSettings
from featurekit.training.prediction import predict

OnEpoch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class FitResult:
    """What a fit leaves.

    Parameters
    ----------
    state : dict
        Name → tensor on the CPU, of the best epoch.
    history : list of dict
        One an epoch: ``epoch`` (from 1), ``lr``, ``train_loss``, ``seconds``, and with a development part
        ``dev_loss``, ``dev_ua``, ``dev_wa``.
    best_epoch : int
        The epoch of ``state``: the highest development UA, then the lowest development loss; the last one without a
        development part.
    """

    state: dict[str, Tensor]
    history: list[dict[str, Any]]
    best_epoch: int


def build_for(name: str, dataset: Dataset, *, seed: int = 0, **hyper: Any) -> nn.Module:
    """Build a model for the shapes of a dataset, its initial weights a function of ``seed`` alone.

    Raises
    ------
    UnknownNameError
        For a model or hyper-parameter that does not exist.
    ParameterError
        When the dataset lacks what the model reads.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(
            name,
            n_classes=len(dataset.classes),
            dims=dataset.dims or None,
            image_shape=dataset.image_shape,
            columns=dataset.columns,
            **hyper,
        )


def fit(
    model: nn.Module,
    train: Dataset,
    dev: Dataset | None,
    settings: TrainSettings | None = None,
    *,
    on_epoch: OnEpoch | None = None,
) -> FitResult:
    """Train a model; it ends in the state of the best epoch, on the device it was trained on.

    Parameters
    ----------
    model : module
        As :func:`build_for` returns it.
    train : Dataset
        Its ``part`` must be "train".
    dev : Dataset or None
        Its ``part`` must be "dev"; without one all epochs run and the last one counts.
    settings : TrainSettings, optional
        As :func:`featurekit.training.options.settings_for` resolves them.
    on_epoch : callable, optional
        Called with each row of the history.

    Returns
    -------
    FitResult

    Raises
    ------
    SplitError
        When a dataset is not of the part it is used as, or training and development share an utterance.
    ParameterError
        When a part is empty or classes differ.
    TrainingError
        When the loss is not finite; the message names the ids of the batch.
    """
    settings = settings or TrainSettings()
    _check_parts(train, dev)
    device = choose_device(settings.device)
    with reproducible(settings, device):
        model = place(model, device)
        trainer = _Trainer(model, train, settings, device)
        epochs = settings.epochs if trainer.trainable else 1
        history: list[dict[str, Any]] = []
        best: tuple[float, float] | None = None
        best_epoch, state = 0, {}
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            row: dict[str, Any] = {"epoch": epoch, "lr": trainer.lr, "train_loss": trainer.epoch(epoch)}
            score = (float(epoch), 0.0)
            if dev is not None:
                row |= _development(model, dev, settings)
                score = (row["dev_ua"], -row["dev_loss"])
            row["seconds"] = time.perf_counter() - started
            history.append(row)
            if on_epoch is not None:
                on_epoch(row)
            if best is None or score > best:
                best, best_epoch = score, epoch
                # Without a development part only the last state counts; copying it every epoch would be waste.
                state = _copy(model) if dev is not None or epoch == epochs else {}
            elif settings.patience is not None and epoch - best_epoch >= settings.patience:
                break
        model.load_state_dict(state)
        model.eval()
    return FitResult(state, history, best_epoch)


class _Trainer:
    """Optimizer, schedule and one pass over the training part."""

    def __init__(self, model: nn.Module, train: Dataset, settings: TrainSettings, device: torch.device) -> None:
        self.model, self.train, self.settings, self.device = model, train, settings, device
        self.loss: Loss = make_loss(settings, train.labels, len(train.classes), device)
        self.batches = Batches(train, workers=settings.workers, pin_memory=device.type == "cuda")
        self.generator = torch.Generator().manual_seed(settings.seed)
        self._prepare()
        self.trainable = any(parameter.requires_grad for parameter in model.parameters())
        if not self.trainable:
            return
        self.optimizer = _optimizer(model, settings)
        steps = len(shuffled(len(train), settings.batch_size, settings.seed, 0))
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: _factor(step, steps, settings))

    def _prepare(self) -> None:
        """What the model fits before the first step, if it does (:mod:`featurekit.models`)."""
        hook = getattr(self.model, "prepare", None)
        if hook is not None:
            order = in_order(len(self.train), self.settings.batch_size)
            hook(lambda: (batch.to(self.device) for batch in self.batches.of(order)), self.generator)

    @property
    def lr(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"]) if self.trainable else 0.0

    def epoch(self, number: int) -> float:
        """One pass; the mean loss an utterance."""
        self.model.train()
        total, seen = 0.0, 0
        order = shuffled(len(self.train), self.settings.batch_size, self.settings.seed, number)
        for batch in self.batches.of(order):
            total += self._step(batch.to(self.device), number) * len(batch)
            seen += len(batch)
        return total / seen

    def _step(self, batch: Any, number: int) -> float:
        if self.train.augment is not None and self.trainable:
            batch = self.train.augment(batch, self.generator)
        with precision(self.settings, self.device), torch.set_grad_enabled(self.trainable):
            logits = self.model(batch).logits
        loss = self.loss(logits, batch.labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in epoch {number} on the batch of {', '.join(batch.ids)}; look at these utterances' "
                "features (a normaliser replaces what is not finite), lower lr, or set gradient_clip"
            )
        if not self.trainable:
            return value
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        self.optimizer.step()
        self.scheduler.step()
        return value


def _optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(parameters, settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, settings.lr, weight_decay=settings.weight_decay)


def _factor(step: int, steps: int, settings: TrainSettings) -> float:
    """Learning rate of a step as a share of ``settings.lr``: a linear rise, then constant or half a cosine to 0."""
    warmup, total = settings.warmup_epochs * steps, settings.epochs * steps
    if step < warmup:
        return (step + 1) / warmup
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))


def _development(model: nn.Module, dev: Dataset, settings: TrainSettings) -> dict[str, float]:
    predictions = predict(model, dev, settings)
    own = predictions.probabilities[np.arange(len(dev)), dev.labels]
    return {
        "dev_loss": float(-np.log(np.maximum(own, 1e-300)).mean()),
        "dev_ua": metrics.unweighted_accuracy(dev.labels, predictions.classes),
        "dev_wa": metrics.accuracy(dev.labels, predictions.classes),
    }


def _check_parts(train: Dataset, dev: Dataset | None) -> None:
    for dataset, part in ((train, "train"), (dev, "dev")):
        if dataset is None:
            continue
        if dataset.part != part:
            raise SplitError(
                f"fit got the {dataset.part} part as its {part} part; the test part is for one evaluation at the end"
            )
        if not len(dataset):
            raise ParameterError(f"the {part} part has no utterances")
    if dev is None:
        return
    shared = sorted(set(train.ids) & set(dev.ids))
    if shared:
        raise SplitError(f"{len(shared)} utterances are in training and development: {', '.join(shared[:3])}")
    if train.classes != dev.classes:
        raise ParameterError(f"training has the classes {train.classes} and development {dev.classes}; use one task for both")


def _copy(model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict().items()
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state}
