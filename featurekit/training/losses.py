"""Losses: cross-entropy on class numbers or shares, with smoothing and class weights; squared error and CCC on ratings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from featurekit.data.dataset import Dataset
from featurekit.data.tasks import Task
from featurekit.errors import ParameterError
from featurekit.models import Inputs
from featurekit.models.layers import targeted
from featurekit.runs import TrainSettings

Loss = Callable[..., Tensor]  # outputs, targets, and how often each utterance counts


def class_weights(labels: np.ndarray, n_classes: int) -> Tensor:
    """Weight of each class, n / (K n_k), as scikit-learn's "balanced"; 0 for a class without utterances.

    Parameters
    ----------
    labels : int array (n,)
        Class numbers of the training part.
    n_classes : int
        K.

    Returns
    -------
    float32 tensor (K,)
        The mean over the training utterances is 1 when every class has some.
    """
    counts = np.bincount(labels, minlength=n_classes).astype(np.float64)
    weights = np.divide(len(labels), n_classes * counts, out=np.zeros(n_classes), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float32)


def check_loss(settings: TrainSettings, task: Task) -> None:
    """Refuse a loss that does not fit what the task learns.

    Raises
    ------
    ParameterError
        With the losses that do.
    """
    fitting = ("auto", "mse", "ccc") if task.kind == "values" else ("auto", "cross-entropy")
    if settings.loss not in fitting:
        learns = {"classes": "classes", "soft": "shares of classes", "values": "ratings"}[task.kind]
        raise ParameterError(f"loss is {settings.loss!r}; task {task.name} learns {learns}, which takes {' or '.join(fitting)}")
    if task.kind == "values" and (settings.class_weights or settings.label_smoothing):
        raise ParameterError(f"class_weights and label_smoothing are for classes; task {task.name} learns ratings")
    if settings.loss == "ccc" and settings.reduction == "sum":
        raise ParameterError("reduction is sum, but ccc is one number of a whole batch; leave reduction out, or use loss mse")


def make_loss(settings: TrainSettings, train: Dataset, device: torch.device) -> Loss:
    """The training loss: a mean over utterances, weighted by ``counts`` (B,) where they are given.

    Classes and shares: cross-entropy of (B, K) logits against (B,) class numbers or (B, K) shares. Ratings: the error of
    (B, K) outputs against ratings brought to [-1, 1] by the task's scale (:func:`centre_and_half`).

    Parameters
    ----------
    settings : TrainSettings
        ``loss``, ``label_smoothing`` and ``class_weights``.
    train : Dataset
        The training part, for its task and the weights of its classes.
    device : torch.device
        Where the logits will be.

    Raises
    ------
    ParameterError
        When the loss does not fit the task.
    """
    check_loss(settings, train.task)
    if train.task.kind == "values":
        error = concordance_loss if settings.loss == "ccc" else F.mse_loss
        centre, half = centre_and_half(train.task.scale)

        def of_ratings(outputs: Tensor, targets: Tensor, counts: Tensor | None = None) -> Tensor:
            outputs, targets = outputs.float(), (targets - centre) / half
            if counts is None:
                return error(outputs, targets)
            return _counted(F.mse_loss(outputs, targets, reduction="none").mean(dim=1), counts)

        return of_ratings
    weight = class_weights(train.class_numbers, len(train.classes)).to(device) if settings.class_weights else None

    def of_classes(logits: Tensor, targets: Tensor, counts: Tensor | None = None) -> Tensor:
        one = partial(F.cross_entropy, logits.float(), targets, weight=weight, label_smoothing=settings.label_smoothing)
        return one() if counts is None else _counted(one(reduction="none"), counts)

    return of_classes


def frame_counts(batch: Inputs) -> Tensor:
    """How often each utterance counts where losses are summed over frames, (B,): its frames, at least 1; 1 without frames."""
    lengths = targeted(batch.lengths, batch)
    return lengths.clamp(min=1) if batch.frames is not None else torch.ones_like(lengths)


def centre_and_half(scale: Sequence[float] | None) -> tuple[float, float]:
    """Centre and half width of a scale: a model puts out (rating - centre) / half; 0 and 1 where no scale is known."""
    low, high = scale or (-1.0, 1.0)
    return (low + high) / 2, (high - low) / 2


def _counted(each: Tensor, counts: Tensor) -> Tensor:
    return (each * counts).sum() / counts.sum()


def concordance_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 - CCC (Lin 1989) over the utterances of a batch, the mean over the K outputs; 1 where nothing varies.

    CCC = 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2), population moments.
    """
    x, y = outputs.mean(dim=0), targets.mean(dim=0)
    covariance = ((outputs - x) * (targets - y)).mean(dim=0)
    spread = outputs.var(dim=0, unbiased=False) + targets.var(dim=0, unbiased=False) + (x - y) ** 2
    return (1 - 2 * covariance / (spread + 1e-8)).mean()
