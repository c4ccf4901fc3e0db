"""Classical classifiers as networks without trainable parameters: ``prepare`` fits them, ``forward`` applies them.

What scikit-learn or hmmlearn has fitted is kept as plain arrays in the state, so that checkpoints hold tensors and nothing
else, and a run can be applied where these libraries are absent or of another version. Arrays get their shapes when they are
fitted or loaded. A class without training utterances has the log-probability :data:`LOG_FLOOR`.

Models on functionals see the mean, standard deviation, minimum and maximum of every dimension over time; where all
utterances are one vector (a ``functionals`` column), the vector. Both are standardised on the training part.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.models import Inputs, Output
from featurekit.models.layers import target_frames

LOG_FLOOR = -30.0
RECIPE = {"epochs": 1, "batch_size": 64}
OURS = "ours: a classifier of the audio beside the text-based one of Luo, Xu, Chen 2019"
LUO = "Luo, Xu, Chen 2019: Utterance-Based Audio Sentiment Analysis (traditional methods)"


@dataclass(frozen=True)
class TrainingPart:
    """All training utterances.

    Parameters
    ----------
    frames : float64 tensor (n, T, D)
        0 beyond each length.
    lengths : int64 tensor (n,)
        At least 1.
    labels : int64 array (n,)
        Position of each utterance's class among those that are there.
    speakers : list of str
        Whose each is; empty strings where that is not known.
    seed : int
        For what is random.
    """

    frames: Tensor
    lengths: Tensor
    labels: np.ndarray
    speakers: list[str]
    seed: int

    def sequences(self, label: int | None = None) -> list[np.ndarray]:
        """Utterances of a class, or all, as (T, D) arrays."""
        chosen = [True] * len(self.labels) if label is None else (self.labels == label).tolist()
        rows = zip(self.frames, self.lengths.tolist(), chosen, strict=True)
        return [values[:n].numpy() for values, n, mine in rows if mine]


class Classical(nn.Module, ABC):
    """A classifier whose state is arrays.

    Parameters
    ----------
    n_classes : int
        K.
    arrays : sequence of str
        Names of what :meth:`fit` keeps.

    Attributes
    ----------
    order_by : str
        What orders the classes where the logits are no log-probabilities, so that nobody takes their softmax for a
        probability; empty where they are.
    """

    order_by = ""

    def __init__(self, n_classes: int, arrays: Sequence[str]) -> None:
        super().__init__()
        self.n_classes = n_classes
        for name in ("there", *arrays):
            self.register_buffer(name, torch.zeros(0))

    @abstractmethod
    def fit(self, part: TrainingPart) -> None:
        """Fit on the training part and :meth:`keep` the result."""

    @abstractmethod
    def judge(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (B, classes that are there) and embeddings (B, E) of float64 frames (B, T, D) on the CPU."""

    def prepare(
        self, batches: Callable[[], Iterator[Any]], generator: torch.Generator, *, speakers: Mapping[str, str] | None = None
    ) -> None:
        """Fit on one pass over the training part.

        Raises
        ------
        ParameterError
            When the training part is of one class, or the task is a rating.
        MissingDependencyError
            When the library that fits is not installed.
        """
        rows = [(*self.sequences_of(batch), batch.labels, batch.ids) for batch in batches()]
        steps = max(frames.shape[1] for frames, *_ in rows)
        padded = [nn.functional.pad(frames.double().cpu(), (0, 0, 0, steps - frames.shape[1])) for frames, *_ in rows]
        labels = torch.cat([_numbers(labels).cpu() for _, _, labels, _ in rows]).numpy()
        there, positions = np.unique(labels, return_inverse=True)
        if len(there) < 2:
            raise ParameterError(f"the training part has class {there.tolist()} only; a classifier needs at least 2")
        whose = [(speakers or {}).get(name, "") for *_, ids in rows for name in ids]
        lengths = torch.cat([lengths.cpu() for _, lengths, *_ in rows])
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
        self.keep(there=there)
        self.fit(TrainingPart(torch.cat(padded), lengths, positions, whose, seed))

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``logits`` are log-probabilities.

        Raises
        ------
        ParameterError
            Before it was fitted.
        """
        there = self.array("there").long()
        if not len(there):
            raise ParameterError(f"{type(self).__name__} was not fitted; train it, or load the state of a finished run")
        frames, lengths = self.sequences_of(batch)
        with torch.autocast(frames.device.type, enabled=False):
            found, embedding = self.judge(frames.detach().double().cpu(), lengths.cpu())
        logits = torch.full((len(found), self.n_classes), LOG_FLOOR, dtype=torch.float64)
        logits[:, there] = found.clamp(min=LOG_FLOOR)
        return Output(logits.float().to(frames.device), embedding.float().to(frames.device))

    def sequences_of(self, batch: Inputs) -> tuple[Tensor, Tensor]:
        """What is read of the middle utterance, (B, T, D), and how long it is, (B,)."""
        return target_frames(batch)

    def keep(self, **arrays: Any) -> None:
        """Put arrays into the state."""
        for name, value in arrays.items():
            self._buffers[name] = torch.as_tensor(np.ascontiguousarray(value)).to(self.get_buffer(name).device)

    def array(self, name: str) -> Tensor:
        """An array of the state on the CPU; numbers with a point as float64."""
        value = self.get_buffer(name).cpu()
        return value.double() if value.is_floating_point() else value

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        for name in self._buffers:
            if prefix + name in state_dict:  # shapes are those of the data it was fitted on
                self._buffers[name] = torch.empty_like(state_dict[prefix + name], device=self.get_buffer(name).device)
        super()._load_from_state_dict(state_dict, prefix, *args)


class OnFunctionals(Classical):
    """A classifier of one vector an utterance: subclasses fit and judge standardised functionals."""

    def __init__(self, n_classes: int, arrays: Sequence[str]) -> None:
        super().__init__(n_classes, ("centre", "spread", *arrays))

    @abstractmethod
    def fit_vectors(self, X: np.ndarray, part: TrainingPart) -> None:
        """Fit on X (n, d)."""

    @abstractmethod
    def judge_vectors(self, X: Tensor) -> Tensor:
        """Log-probabilities (B, classes that are there) of X (B, d)."""

    def fit(self, part: TrainingPart) -> None:
        """Fit the scale of the functionals, then the classifier."""
        whole = bool((part.lengths == 1).all())
        X = part.frames[:, 0] if whole else functionals(part.frames, part.lengths)
        spread = X.std(dim=0, correction=0)
        spread[spread < 1e-9] = 1.0
        self.keep(centre=X.mean(dim=0), spread=spread)
        self.fit_vectors(((X - X.mean(dim=0)) / spread).numpy(), part)

    def judge(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding is the vector of standardised functionals."""
        centre = self.array("centre")
        X = frames[:, 0] if len(centre) == frames.shape[2] else functionals(frames, lengths)
        X = (X - centre) / self.array("spread")
        return self.judge_vectors(X), X


def functionals(frames: Tensor, lengths: Tensor) -> Tensor:
    """Mean, standard deviation, minimum and maximum over time, (B, T, D) → (B, 4 D)."""
    inside = (torch.arange(frames.shape[1]) < lengths[:, None])[..., None]
    n = lengths.clamp(min=1)[:, None]
    mean = frames.masked_fill(~inside, 0.0).sum(dim=1) / n
    deviation = ((frames - mean[:, None]).masked_fill(~inside, 0.0).square().sum(dim=1) / n).sqrt()
    low, high = frames.masked_fill(~inside, torch.inf).amin(dim=1), frames.masked_fill(~inside, -torch.inf).amax(dim=1)
    return torch.cat([mean, deviation, low, high], dim=1)


def needed(module: str) -> Any:
    """Import a library that fits.

    Raises
    ------
    MissingDependencyError
        When it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        library = {"sklearn": "scikit-learn"}.get(module.split(".")[0], module.split(".")[0])
        raise MissingDependencyError(f"this model needs {library}; pip install 'featurekit[classical]'") from None


def _numbers(labels: Tensor) -> Tensor:
    if labels.ndim == 1:
        return labels
    if not torch.allclose(labels.sum(dim=1), torch.ones(len(labels), device=labels.device), atol=1e-3):
        raise ParameterError("the task is a rating, and this model tells classes apart; choose a task with classes")
    return labels.argmax(dim=1)
