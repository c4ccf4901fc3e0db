"""Plans: columns → the shortest list of steps, run once an utterance."""

from __future__ import annotations

import functools
import importlib
import itertools
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features import kernels
from featurekit.features.binding import Bound
from featurekit.features.columns import Column
from featurekit.features.image import ImageArray
from featurekit.features.kernels.memory import keep_freed_memory
from featurekit.features.requests import parse
from featurekit.features.specaugment import SpecAugment, falls_on, without_log_mel
from featurekit.resampling import resample

Value = np.ndarray | ImageArray


@dataclass(frozen=True)
class Step:
    """One computation: what runs, which columns it completes, and whose values are dropped after it."""

    bound: Bound
    columns: tuple[Column, ...]
    frees: tuple[str, ...]


class Plan:
    """How to compute a set of columns: equal keys once, intermediates dropped after their last reader.

    Parameters
    ----------
    columns : iterable of Column
        From :func:`parse`; names must differ.

    Raises
    ------
    ParameterError
        When two columns have one name.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        self.columns = tuple(columns)
        names = [column.name for column in self.columns]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ParameterError(f"columns of one plan need different names; repeated: {', '.join(repeated)}")
        self.steps = _order(self.columns)

    # Steps hold functions of the graph; another process rebuilds them from the columns.
    def __reduce__(self) -> tuple[Any, ...]:
        return (Plan, (self.columns,))

    @property
    def sample_rates(self) -> tuple[int, ...]:
        """Sample rates at which signals are needed, in Hz, ascending."""
        return tuple(sorted({column.sample_rate for column in self.columns}))

    @functools.cached_property
    def _unmasked(self) -> list[Column]:
        return without_log_mel(self.columns)

    def compute(self, signals: Mapping[int, np.ndarray], mask: SpecAugment | None = None) -> dict[str, Value]:
        """Compute every column of one utterance.

        Parameters
        ----------
        signals : mapping of int to np.ndarray
            Sample rate → samples [shape=(samples,), float32, finite, at least one], for each of ``sample_rates``.
        mask : SpecAugment, optional
            What changes every log-mel before it is stored or read.

        Returns
        -------
        dict
            Column name → float32 array (frames, dims), float32 (1, dims) for a vector, ImageArray for an image.

        Raises
        ------
        ParameterError
            When a rate is missing, a signal is not one-dimensional or is empty, or a feature broke the shape law; for
            columns of a GPU, which :class:`~featurekit.features.cuda.engine.Engine` computes; when masks do not reach a column.
        """
        foreign = [column.name for column in self.columns if column.engine != "cpu"]
        if foreign:
            raise ParameterError(f"columns of a GPU cannot be computed here: {', '.join(foreign)}; parse() gives the CPU's")
        if mask is not None and self._unmasked:
            raise ParameterError(f"masks fall on a log-mel, and {self._unmasked[0].name} reads none")
        signals = {rate: _checked(signals, rate) for rate in self.sample_rates}
        values: dict[str, Any] = {}
        found: dict[str, Value] = {}
        for step in self.steps:
            values[step.bound.key] = run_step(step.bound, values, signals, mask)
            for column in step.columns:  # two may be one computation under two names; each gets an array of its own
                found[column.name] = _stored(column, values[step.bound.key], signals)
            for key in step.frees:
                del values[key]
        return {column.name: found[column.name] for column in self.columns}


def load_kernels() -> None:
    """Import every kernel. A process that will start workers by forking does it once, and they share what it read."""
    for module in pkgutil.iter_modules(kernels.__path__):
        importlib.import_module(f"{kernels.__name__}.{module.name}")


def warm_up(columns: Iterable[Column]) -> None:
    """Compile the kernels and build the filter banks of ``columns`` by computing them on 0.3 s of quiet noise.

    A worker process calls it when it starts, so that compiling, or reading what an earlier process compiled from disk,
    does not wait for its first utterance. What it frees, it keeps: a worker computes as much again for the next one.
    """
    keep_freed_memory()
    plan = Plan(columns)
    random = np.random.default_rng(0)
    plan.compute({rate: (0.1 * random.standard_normal(int(0.3 * rate))).astype(np.float32) for rate in plan.sample_rates})


def extract(samples: np.ndarray, sample_rate: int, features: str | Sequence[str]) -> dict[str, Value]:
    """Features of one signal, resampled to each rate that is asked for.

    Parameters
    ----------
    samples : np.ndarray [shape=(samples,)]
        Mono; floats, or integers of 8, 16 or 32 bits, which are divided by their type's full scale.
    sample_rate : int
        Of ``samples``, in Hz.
    features : str or sequence of str
        A request, as for :func:`parse`, or several.

    Returns
    -------
    dict
        Column name → array, as :meth:`Plan.compute` returns it.

    Raises
    ------
    ParameterError
        When ``samples`` is not one-dimensional, is empty, is of another type, holds NaN or infinities, or is so loud that a
        feature does; when a rate is no positive number.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> extract(tone, 16000, "spectral_centroid")["spectral_centroid"][30].round().tolist()
    [440.0]
    """
    from threadpoolctl import threadpool_limits

    plan = Plan(parse(features))
    signal = float_signal(samples, sample_rate)
    # One thread: the bytes that a store holds; and BLAS threads only wait for each other on work so small.
    with threadpool_limits(1), np.errstate(all="ignore"):
        found = plan.compute({rate: _resample(signal, sample_rate, rate) for rate in plan.sample_rates})
    for name, value in found.items():
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            peak = np.abs(signal).max()
            raise ParameterError(f"{name} is not finite for these samples, which reach {peak:.2g}; full scale is 1")
    return found


def _order(columns: Sequence[Column]) -> tuple[Step, ...]:
    """Steps in an order where inputs come first; each frees what no later step reads."""
    targets = [(column, column.bound()) for column in columns]
    # What begins with one node comes one after another: its spectra are dropped before those of the next are made.
    begins: dict[str, list[Bound]] = {}
    for _, target in targets:
        begins.setdefault(_first(target).key, []).append(target)
    bounds: dict[str, Bound] = {}
    for target in itertools.chain.from_iterable(begins.values()):
        bounds.update((bound.key, bound) for bound in target.walk() if bound.node is not None)
    last_reader = {key: key for key in bounds}
    last_reader |= {source.key: bound.key for bound in bounds.values() for source in bound.inputs if source.node is not None}
    frees: dict[str, list[str]] = {key: [] for key in bounds}
    for key, reader in last_reader.items():
        frees[reader].append(key)
    completes: dict[str, list[Column]] = {key: [] for key in bounds}
    for column, target in targets:
        completes[target.key].append(column)
    return tuple(Step(bound, tuple(completes[key]), tuple(frees[key])) for key, bound in bounds.items())


def _first(target: Bound) -> Bound:
    """What is computed first of all that leads from the signal to a target; itself where nothing does."""
    return next((bound for bound in target.walk() if bound.hears_signal), target)


def run_step(
    bound: Bound, values: Mapping[str, Any], signals: Mapping[int, np.ndarray], mask: SpecAugment | None = None
) -> Any:
    """Value of one node: ``values`` holds those of its inputs by key, ``signals`` the sources by sample rate.

    Where its value is a log-mel, or it has one inside, ``mask`` changes that.

    Raises
    ------
    ParameterError
        For a source, which is not computed.
    """
    sources = {"signal": signals[bound.sample_rate], "sample_rate": bound.sample_rate}
    inputs = [sources[edge.name] if edge.node is None else values[edge.key] for edge in bound.inputs]
    if bound.node is None:
        raise ParameterError(f"{bound.name} is a source, not a step")
    if mask is None or not falls_on(bound):
        return bound.node.function(*inputs, **bound.settings)
    if bound.node.masked is not None:
        return bound.node.masked(mask, *inputs, **bound.settings)
    return mask(bound.node.function(*inputs, **bound.settings))


def _stored(column: Column, value: Any, signals: Mapping[int, np.ndarray]) -> Value:
    """Bring a value from the graph's (dims, frames) to the store's (frames, dims), and hold it to the laws."""
    stored = value if isinstance(value, ImageArray) else np.array(value.T, dtype=np.float32, order="C")
    return held_to_shape(column, stored, len(signals[column.sample_rate]))


def held_to_shape(column: Column, value: Value, n_samples: int) -> Value:
    """The value as it is, if it has the shape that its column promises for a signal of ``n_samples``.

    Raises
    ------
    ParameterError
        When it has not.
    """
    if isinstance(value, ImageArray):
        shape, expected, law = value.pixels.shape, column.image_shape, "pixels"
    else:  # in the order of the function that returned it, not of the store
        shape, law = value.shape[::-1], "(dims, frames)"
        expected = (column.dims, column.clock.n_frames(n_samples) if column.clock else 1)
    if shape != expected:
        raise ParameterError(f"feature {column.node} returned shape {shape}; expected {law}, here {expected}")
    return value


def _checked(signals: Mapping[int, np.ndarray], rate: int) -> np.ndarray:
    if rate not in signals:
        raise ParameterError(f"the plan needs the signal at {rate} Hz; got {sorted(signals)}")
    signal = np.asarray(signals[rate], dtype=np.float32)
    if signal.ndim != 1 or len(signal) == 0:
        raise ParameterError(f"a signal is one-dimensional and has at least one sample; got shape {signal.shape}")
    return signal


def float_signal(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """The samples as float32 with full scale 1, where they are one signal at a rate.

    Raises
    ------
    ParameterError
        As :func:`extract`.
    """
    signal = np.asarray(samples)
    if signal.dtype.kind not in "fi":
        raise ParameterError(f"samples are floats or signed integers; got {signal.dtype}")
    if signal.ndim != 1 or len(signal) == 0:
        then = "; average the channels of stereo first" if signal.ndim == 2 and signal.size else ""
        raise ParameterError(f"samples are one-dimensional and at least one; got shape {signal.shape}{then}")
    if signal.dtype.kind == "i" and signal.dtype.itemsize > 4:  # as a list of 16-bit samples becomes: its scale is lost
        raise ParameterError(f"samples are {signal.dtype}, which does not say their full scale; use int16, int32 or floats")
    if not isinstance(sample_rate, (int, float, np.integer, np.floating)) or not sample_rate >= 1:
        raise ParameterError(f"sample_rate is {sample_rate!r}; expected a positive number of Hz")
    if signal.dtype.kind == "i":
        signal = signal / -float(np.iinfo(signal.dtype).min)
    with np.errstate(over="ignore"):
        signal = signal.astype(np.float32)
    if not np.isfinite(signal).all():
        raise ParameterError("samples hold NaN or infinite values; repair or leave out the recording")
    return signal


def _resample(signal: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    resampled = resample(signal, from_rate, to_rate)
    return resampled if len(resampled) else signal[:1]  # a few samples may become none
