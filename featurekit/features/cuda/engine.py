"""The engine: columns of many utterances at once, by the twins of their nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from featurekit import page_locked
from featurekit.errors import ParameterError, WorkerError
from featurekit.features import cuda
from featurekit.features.binding import Bound
from featurekit.features.columns import Column
from featurekit.features.cuda._ragged import Ragged, Rows
from featurekit.features.cuda.image import Images
from featurekit.features.image import ImageArray
from featurekit.features.plan import Plan, Step, Value, held_to_shape
from featurekit.whole_float32 import whole_float32


class Engine:
    """Computes columns on a GPU.

    Parameters
    ----------
    columns : iterable of Column
        From :func:`~featurekit.features.cuda.on_gpu`; names must differ.
    device : str, optional
        A torch device; by default :data:`~featurekit.features.cuda.DEVICE`.

    Raises
    ------
    ParameterError
        For a column that the GPU cannot compute, or two of one name.
    """

    def __init__(self, columns: Iterable[Column], device: str | None = None) -> None:
        self.plan = Plan(columns)
        for column in self.plan.columns:
            if column.engine != "cuda":
                raise ParameterError(f"column {column.name} is the CPU's; ask features.cuda.on_gpu for its like on the GPU")
        self.device = torch.device(device or cuda.DEVICE)
        # What does not depend on the signal is computed once, by the CPU's own functions.
        self._constants: dict[str, Any] = {}
        self._steps: list[tuple[Step, Callable[..., Any]]] = []
        for step in self.plan.steps:
            if step.bound.hears_signal:
                self._steps.append((step, cuda.TWINS.get(step.bound.name).function))
            else:
                self._constants[step.bound.key] = _constant(step.bound, self._constants)

    def compute(self, utterances: Sequence[Mapping[int, np.ndarray]]) -> list[dict[str, Value]]:
        """Compute every column of several utterances, whose lengths may differ.

        Parameters
        ----------
        utterances : sequence of mapping of int to np.ndarray
            For each, sample rate → samples, as :meth:`Plan.compute` takes them.

        Returns
        -------
        list of dict
            For each, what :meth:`Plan.compute` returns.

        Raises
        ------
        ParameterError
            When a feature broke the shape law.
        WorkerError
            When the GPU's memory, or the page-locked memory of the host, does not hold the utterances.
        """
        if not utterances:
            return []
        try:
            current = torch.cuda.device(self.device) if self.device.type == "cuda" else contextlib.nullcontext()
            with current, torch.inference_mode(), whole_float32():
                signals = {rate: self._sent([item[rate] for item in utterances]) for rate in self.plan.sample_rates}
                found = {name: self._brought_back(value) for name, value in self._run(signals)}
                if self.device.type == "cuda":
                    torch.cuda.current_stream().synchronize()
        except page_locked.PageLockedMemoryError as error:
            raise WorkerError(f"{error}; try again later, or with fewer --jobs or --device cpu") from None
        except torch.OutOfMemoryError:
            raise WorkerError(
                "the GPU's memory is full: another process may hold it; try again later, or with --device cpu"
            ) from None
        arrays = {column.name: _split(column, found[column.name], signals) for column in self.plan.columns}
        return [{name: values[index] for name, values in arrays.items()} for index in range(len(utterances))]

    def _sent(self, signals: Sequence[np.ndarray]) -> Ragged:
        """Signals one after another on the device, through memory that the GPU reads by itself."""
        rows = Rows((len(signal) for signal in signals), self.device)
        with page_locked.told():
            buffer = torch.empty(rows.total, dtype=torch.float32, pin_memory=self.device.type == "cuda")
        np.concatenate(signals, out=buffer.numpy())
        return Ragged(buffer.to(self.device, non_blocking=True), rows)

    def _run(self, signals: Mapping[int, Ragged]) -> Iterator[tuple[str, Any]]:
        """Names and values of the columns, each as soon as it is computed."""
        values: dict[str, Any] = dict(self._constants)
        for step, function in self._steps:
            values[step.bound.key] = function(*_inputs(step.bound, values, signals), **step.bound.settings)
            for column in step.columns:
                yield column.name, values[step.bound.key]
            for key in step.frees:
                del values[key]

    def _brought_back(self, value: Any) -> Any:
        """The value with its tensors under way to the host; they are there once the stream is synchronised."""
        if isinstance(value, Images):
            return Images(self._brought_back(value.pixels), self._brought_back(value.db_range.double()))
        if isinstance(value, Ragged):
            return value.like(self._brought_back(value.values.float()))
        with page_locked.told():
            host = torch.empty(value.shape, dtype=value.dtype, pin_memory=self.device.type == "cuda")
        return host.copy_(value, non_blocking=True)


def _split(column: Column, value: Any, signals: Mapping[int, Ragged]) -> list[Value]:
    """A column's arrays, one an utterance, in the shape of the store."""
    if isinstance(value, Images):
        ranges = [(low, high) for low, high in value.db_range.tolist()]
        found: list[Value] = [ImageArray(*image) for image in zip(value.pixels.numpy(), ranges, strict=True)]
    elif isinstance(value, Ragged):
        found = [*np.split(value.values.numpy(), np.cumsum(value.rows.counts)[:-1])]
    else:
        found = [*value.float().numpy()[:, None]]
    counts = signals[column.sample_rate].rows.counts
    return [held_to_shape(column, array, samples) for array, samples in zip(found, counts, strict=True)]


def _inputs(bound: Bound, values: Mapping[str, Any], signals: Mapping[int, Ragged]) -> list[Any]:
    sources = {"signal": signals[bound.sample_rate], "sample_rate": bound.sample_rate}
    return [sources[edge.name] if edge.node is None else values[edge.key] for edge in bound.inputs]


def _constant(bound: Bound, constants: Mapping[str, Any]) -> Any:
    if bound.node is None:
        raise ParameterError(f"{bound.name} is a source, not a step")
    inputs = [bound.sample_rate if edge.node is None else constants[edge.key] for edge in bound.inputs]
    return bound.node.function(*inputs, **bound.settings)
