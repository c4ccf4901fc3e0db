"""Predict: a model applied to one part of a dataset; records: what the evaluation scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from featurekit.data.dataset import Dataset
from featurekit.errors import ParameterError, TrainingError
from featurekit.runs import TrainSettings
from featurekit.training.batches import Batches, by_length
from featurekit.training.devices import (
    choose_device,
    deterministic_kernels,
    full_memory_told,
    on_device,
    own_threads,
    place,
    precision,
)
from featurekit.training.losses import centre_and_half
from featurekit.training.residency import choose_residency


@dataclass(frozen=True)
class Predictions:
    """What a model says of each utterance of a dataset, in its order.

    Parameters
    ----------
    ids : list of str
        The targets.
    logits : float32 array (n, K)
        Before softmax; for ratings what the model puts out, on its own scale.
    embeddings : float32 array (n, E)
        The vector before the class layer.
    scale : (float, float)
        Centre and half width of ratings.
    order_by : str
        What orders the classes of a model whose logits are no log-probabilities
        (:class:`featurekit.models.classical.Classical`); empty where they are.
    """

    ids: list[str]
    logits: np.ndarray
    embeddings: np.ndarray
    scale: tuple[float, float] = (0.0, 1.0)
    order_by: str = ""

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits in float64, (n, K); only an order where ``order_by`` says so."""
        shifted = np.exp(self.logits.astype(np.float64) - self.logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    @property
    def classes(self) -> np.ndarray:
        """Number of the likeliest class, (n,)."""
        return self.logits.argmax(axis=1)

    @property
    def values(self) -> np.ndarray:
        """Ratings in the unit of the task, (n, K) float64; not cut to the scale."""
        return self.scale[0] + self.scale[1] * self.logits.astype(np.float64)


def predict(
    model: nn.Module, dataset: Dataset, settings: TrainSettings | None = None, *, batches: Batches | None = None
) -> Predictions:
    """Apply a model in evaluation mode; nothing is learnt, no random number is drawn.

    Parameters
    ----------
    model : module
        Any registered model; its training mode is put back afterwards.
    dataset : Dataset
        Any part.
    settings : TrainSettings, optional
        ``batch_size``, ``device``, ``precision``, ``residency`` and ``threads`` count.
    batches : Batches, optional
        Of this dataset, where they are made already.

    Raises
    ------
    ParameterError
        When the dataset is empty.
    TrainingError
        When what the model puts out is not finite, with the ids; or when memory runs out.
    """
    settings = settings or TrainSettings()
    if not len(dataset):
        raise ParameterError(f"there are no utterances to predict in part {dataset.part!r}")
    with full_memory_told(), on_device(choose_device(settings.device)):
        return _predicted(model, dataset, settings, batches)


def _predicted(model: nn.Module, dataset: Dataset, settings: TrainSettings, batches: Batches | None) -> Predictions:
    device = choose_device(settings.device)
    if batches is None:
        residency = choose_residency(settings, [dataset], device)
        batches = Batches(dataset, device, residency=residency.kind, workers=residency.workers)
    mode = model.training
    model = place(model, device).eval()
    order = by_length(dataset.lengths, settings.batch_size, dataset.recordings)
    logits, embeddings = [], []
    try:
        kernels = deterministic_kernels(settings)
        with torch.inference_mode(), precision(settings, device), own_threads(settings.threads), kernels:
            for batch in batches.of(order):
                output = model(batch)
                logits.append(output.logits.float())
                embeddings.append(output.embedding.float())
    finally:
        model.train(mode)
    back = np.argsort(np.concatenate(order))
    found = [torch.cat(parts).cpu().numpy()[back] for parts in (logits, embeddings)]
    broken = [name for name, row in zip(dataset.ids, found[0], strict=True) if not np.isfinite(row).all()]
    if broken:
        raise TrainingError(
            f"the model puts out what is not finite for {len(broken)} of {len(dataset)} utterances of the {dataset.part} part: "
            f"{', '.join(broken[:3])}; lower lr, or set gradient_clip"
        )
    scale = centre_and_half(dataset.task.scale)
    return Predictions(dataset.ids, found[0], found[1], scale, getattr(model, "order_by", ""))


def records(dataset: Dataset, predictions: Predictions, fold: str = "0") -> list[dict[str, Any]]:
    """One JSON-able dict an utterance, as :func:`featurekit.evaluation.score` reads them.

    Returns
    -------
    list of dict
        ``id``, ``speaker``, ``gender``, ``fold``, and: ``label``, ``predicted`` (class names), ``probabilities`` (list), for
        shares also ``target`` (list); or for ratings ``label``, ``predicted`` (lists of K numbers). A model whose softmax is
        no probability gives ``scores`` (list) instead, and ``order_by``, what they are made of.
    """
    kind, names = dataset.task.kind, dataset.classes
    rows: list[dict[str, Any]] = [
        {"id": name, "speaker": speaker, "gender": gender, "fold": fold}
        for name, speaker, gender in zip(predictions.ids, dataset.speakers, dataset.genders, strict=True)
    ]
    if kind == "values":
        told = [{"label": label, "predicted": value} for label, value in _pairs(dataset.labels, predictions.values)]
    else:
        numbers = zip(_pairs(dataset.class_numbers, predictions.classes), predictions.probabilities.tolist(), strict=True)
        key = "scores" if predictions.order_by else "probabilities"
        told = [{"label": names[label], "predicted": names[predicted], key: shares} for (label, predicted), shares in numbers]
        if predictions.order_by:
            told = [{**row, "order_by": predictions.order_by} for row in told]
    if kind == "soft":
        told = [{**row, "target": shares} for row, shares in zip(told, dataset.labels.tolist(), strict=True)]
    return [row | more for row, more in zip(rows, told, strict=True)]


def _pairs(left: np.ndarray, right: np.ndarray) -> list[tuple[Any, Any]]:
    return list(zip(left.tolist(), right.tolist(), strict=True))
