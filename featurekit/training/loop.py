"""The training loop: fit one fold on its training part, choose the epoch on its development part, go on where it was killed.

The test part cannot be passed in: :func:`fit` takes a training and a development dataset and refuses others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from featurekit import metrics
from featurekit.data.dataset import Dataset
from featurekit.errors import ParameterError, SplitError
from featurekit.models import build
from featurekit.runs import TrainSettings
from featurekit.settings import digest
from featurekit.training.batches import Batches
from featurekit.training.devices import (
    choose_device,
    full_memory_told,
    on_device,
    own_threads,
    place,
    reproducible,
    sees_one_shape,
)
from featurekit.training.monitor import best_epoch, has_converged, resolved
from featurekit.training.options import identity
from featurekit.training.prediction import Predictions, predict
from featurekit.training.residency import choose_residency
from featurekit.training.resume import Keeper
from featurekit.training.trainer import OnBatch, Trainer

OnEpoch = Callable[[dict[str, Any]], None]
OnNote = Callable[[str], None]


@dataclass(frozen=True)
class FitResult:
    """What a fit leaves.

    Parameters
    ----------
    state : dict
        Name → tensor on the CPU, of the best epoch.
    history : list of dict
        One an epoch: ``epoch`` (from 1), ``lr``, ``train_loss``, of classes ``train_wa`` (accuracy on the training batches as
        they were learnt from), ``seconds``, ``samples_s``, and with a development part ``dev_loss`` and
        ``dev_ua``, ``dev_wa``, or for ratings ``dev_ccc``, ``dev_mae``.
    best_epoch : int
        The epoch of ``state``: the best one by ``settings.monitor`` on the development part, then the lowest development
        loss; the last one without a development part.
    """

    state: dict[str, Tensor]
    history: list[dict[str, Any]]
    best_epoch: int


def build_for(name: str, dataset: Dataset, *, seed: int = 0, n_frames: int | None = None, **hyper: Any) -> nn.Module:
    """Build a model for the shapes of a dataset, its initial weights a function of ``seed`` alone.

    Parameters
    ----------
    name : str
        A registered model.
    dataset : Dataset
        What it will see.
    seed : int
        Of the weights.
    n_frames : int, optional
        Columns of a picture of frames; by default what the dataset cuts to, else the recipe's.
    **hyper
        The model's own hyper-parameters.

    Raises
    ------
    UnknownNameError
        For a model or hyper-parameter that does not exist.
    ParameterError
        When the dataset lacks what the model reads.
    """
    with torch.random.fork_rng(devices=[]), own_threads(1):  # orthogonal weights come from a decomposition, which is threaded
        torch.manual_seed(seed)
        return build(
            name,
            n_classes=len(dataset.task.outputs),
            dims=dataset.dims or None,
            image_shape=dataset.image_shape,
            columns=dataset.columns,
            n_frames=n_frames or dataset.n_frames,
            **hyper,
        )


def fit(
    model: nn.Module,
    train: Dataset,
    dev: Dataset | None,
    settings: TrainSettings | None = None,
    *,
    folder: str | Path | None = None,
    on_epoch: OnEpoch | None = None,
    on_batch: OnBatch | None = None,
    on_note: OnNote | None = None,
    sharing: int = 1,
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
    folder : path, optional
        Where it is kept how far the fit has come. Killed and called again with the same arguments, it goes on from there
        and on a CPU ends in the same bits. The caller removes what is kept (:mod:`featurekit.training.resume`).
    on_epoch : callable, optional
        Called with each new row of the history.
    on_batch : callable, optional
        Called after each batch of training with the epoch and the batch, both from 1, and the batches of an epoch. A model
        that is fitted in one step has none.
    on_note : callable, optional
        Called with sentences a person should read: where the values lie, if not in memory, and where the fit goes on.
    sharing : int
        Fits that run at once on the same memory.

    Returns
    -------
    FitResult

    Raises
    ------
    SplitError
        When a dataset is not of the part it is used as, or training and development share an utterance.
    ParameterError
        When a part is empty, classes differ, or the monitor does not fit the task.
    TrainingError
        When the loss is not finite or memory runs out; the message names the ids of the batch or the size that fits.
    """
    note = on_note or _ignore
    _check_parts(train, dev)
    settings = resolved(settings or TrainSettings(), train.task)
    device = choose_device(settings.device)
    keeper = Keeper(folder, _identity(train, dev, settings), note)
    parts = [train] if dev is None else [train, dev]
    with (
        reproducible(settings, device, one_shape=sees_one_shape(model, train)),
        keeper.named(),
        full_memory_told(),
        on_device(device),
    ):
        residency = choose_residency(settings, parts, device, sharing=sharing)
        if residency.kind != "device":
            note(str(residency))
        model = place(model, device)
        trainer = Trainer(model, train, settings, device, residency, note)
        judged = None if dev is None else Batches(dev, device, residency=residency.kind, workers=residency.workers)
        stood = keeper.load()
        trainer.begin(stood)
        history = [] if stood is None else stood.history
        best = {} if stood is None else stood.tensors.get("best", {})
        if stood is not None:
            note(f"goes on after epoch {len(history)}, where it was interrupted")
        epochs = settings.epochs if trainer.trainable else 1
        heard = on_batch if trainer.trainable else None
        while len(history) < epochs and not has_converged(history, settings):
            started, epoch = time.perf_counter(), len(history) + 1
            row: dict[str, Any] = {"epoch": epoch, "lr": trainer.lr, **trainer.epoch(epoch, heard)}
            row["samples_s"] = round(len(train) / (time.perf_counter() - started), 1)
            if dev is not None:
                row |= _development(predict(model, dev, settings, batches=judged), dev)
            row["seconds"] = time.perf_counter() - started
            history.append(row)
            if dev is not None and best_epoch(history, settings.monitor) == epoch:
                best = _copy(model)
            if keeper.due:
                now = trainer.standing()
                keeper.save(replace(now, tensors=now.tensors | {"best": best}, history=history))
            if on_epoch is not None:
                on_epoch(row)
        state = _copy(model) if dev is None else best
        model.load_state_dict(state)
        model.eval()
    return FitResult(state, history, best_epoch(history, settings.monitor))


def _ignore(text: str) -> None:
    """Nobody listens."""


def _identity(train: Dataset, dev: Dataset | None, settings: TrainSettings) -> str:
    """What a kept fit must have been of to be gone on with."""
    return digest([identity(settings), train.ids, train.features, train.context, None if dev is None else dev.ids])


def _development(predictions: Predictions, dev: Dataset) -> dict[str, float]:
    if dev.task.kind == "values":
        errors = (predictions.values - dev.labels) ** 2
        ccc = [metrics.concordance(dev.labels[:, k], predictions.values[:, k]) for k in range(dev.labels.shape[1])]
        row = {"dev_loss": float(errors.mean()), "dev_ccc": float(np.mean(np.nan_to_num(ccc)))}
        row["dev_mae"] = float(np.abs(predictions.values - dev.labels).mean())
    else:
        shares = dev.labels if dev.labels.ndim > 1 else np.eye(len(dev.classes))[dev.labels]
        costs = -(shares * np.log(np.maximum(predictions.probabilities, 1e-300))).sum(axis=1)
        row = {
            "dev_loss": float(costs.mean()),
            "dev_ua": metrics.unweighted_accuracy(dev.class_numbers, predictions.classes),
            "dev_wa": metrics.accuracy(dev.class_numbers, predictions.classes),
        }
    return row


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
