"""Where and how exactly a computation runs: device, precision, seeds, threads; all put back afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import joblib
import torch
from torch import Tensor, nn

from featurekit.data.dataset import Dataset
from featurekit.device_names import parse_device
from featurekit.errors import ParameterError, TrainingError
from featurekit.models import Output
from featurekit.page_locked import PageLockedMemoryError
from featurekit.runs import TrainSettings

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
# Images in a fit. To compile takes minutes and saves perhaps a fifth of a step: an estimate, of which no GPU was asked.
_COMPILED_FROM = 1_000_000


def choose_device(wanted: str) -> torch.device:
    """``auto`` is the GPU when there is one; ``cuda``, without a number, the current one of this thread.

    Returns
    -------
    torch.device
        Of a GPU with its number, so that every thread means the same one.

    Raises
    ------
    ParameterError
        When a GPU is asked for that is not there.
    """
    check_device(wanted)
    kind, number = parse_device(wanted)
    if kind == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device() if number is None else number)


def check_device(wanted: str) -> None:
    """Refuse a GPU that is not there; no memory of one is taken for that.

    Raises
    ------
    ParameterError
        When torch sees no such GPU.
    """
    kind, number = parse_device(wanted)
    if kind == "cuda" and not torch.cuda.is_available():
        raise ParameterError(
            f"device is {wanted}, but torch sees no GPU; use --device cpu or auto, or install a CUDA build of torch"
        )
    if number is not None and number >= torch.cuda.device_count():
        raise ParameterError(f"device is {wanted}, but the last GPU that torch sees is cuda:{torch.cuda.device_count() - 1}")


@contextmanager
def on_device(device: torch.device) -> Iterator[None]:
    """Make a GPU this thread's current one inside the block; CUDA keeps another one for each thread, GPU 0 at first."""
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        yield


@contextmanager
def full_memory_told() -> Iterator[None]:
    """What a batch takes is said by the trainer; this is for values, networks, and batches that are only judged.

    Raises
    ------
    TrainingError
        When memory has run out, of the GPU or page-locked memory of the host.
    """
    try:
        yield
    except PageLockedMemoryError as error:
        raise TrainingError(
            f"{error}; use --residency stream, which locks a batch at a time, or a smaller --batch-size"
        ) from None
    except torch.OutOfMemoryError:
        raise TrainingError(
            "out of memory on the GPU, and not for a training batch: another process may hold it; "
            "else use --residency stream, which keeps no values there, or a smaller --batch-size"
        ) from None


def cpu_threads() -> int:
    """CPU threads torch uses."""
    return torch.get_num_threads()


def share_threads(sharing: int) -> None:
    """Give torch its part of the CPU's cores among so many processes; limits of containers and schedulers count."""
    torch.set_num_threads(max(1, joblib.cpu_count() // sharing))


def precision(settings: TrainSettings, device: torch.device) -> torch.autocast:
    """Autocast to bf16 where the settings ask for it, and by default on a GPU that has it."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision_name(settings, device) == "bf16")


def precision_name(settings: TrainSettings, device: torch.device) -> str:
    """In what a fit computes, and judges its development and test part: ``bf16`` or ``fp32``."""
    if settings.precision != "auto":
        return settings.precision
    with on_device(device):  # torch answers for the current GPU, which need not be this one
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a model to its device; convolutions in channels-last order, which is a quarter faster on CPU and GPU."""
    model = model.to(device)
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def sees_one_shape(model: nn.Module, dataset: Dataset) -> bool:
    """Whether a model convolves pictures of one shape, batch for batch: images, or frames cut to one number; no context.

    Then it pays to look for the fastest kernels; else every new length would begin that again.
    """
    pictures = dataset.image_shape is not None or hasattr(model, "n_frames")
    return dataset.context == 1 and pictures and any(isinstance(module, nn.Conv2d) for module in model.modules())


class Forward:
    """A model's forward pass, compiled where the settings ask for it or it pays; the model itself stays as it is.

    Parameters
    ----------
    model : module
        Where the parameters are.
    settings : TrainSettings
        ``compile``: ``auto`` compiles convolutions of images on a GPU, whose kernels then fuse, where there are many.
    device : torch.device
        Where the model is.
    train : Dataset
        What it will see.
    on_note : callable
        Told when compiling failed and the model runs as it is.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: TrainSettings,
        device: torch.device,
        *,
        train: Dataset,
        on_note: Callable[[str], None],
    ) -> None:
        images = train.image_shape is not None and sees_one_shape(model, train)
        pays = images and device.type == "cuda" and len(train) * settings.epochs >= _COMPILED_FROM
        wanted = settings.compile == "on" or (settings.compile == "auto" and pays)
        # A last batch of fewer would have all of them compiled for any number, which is slower for the many.
        how: dict[str, Any] = {"dynamic": False} if images else {}
        self._model, self._on_note = model, on_note
        self._compiled: Callable[[Any], Output] | None = torch.compile(model, **how) if wanted else None

    def __call__(self, batch: Any) -> Output:
        """The model's output; the first failure to compile is told, and the model runs uncompiled from then on."""
        if self._compiled is None:
            return self._model(batch)
        try:
            return self._compiled(batch)
        except (torch.OutOfMemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            output: Output = self._model(batch)  # what is wrong with the model or the batch itself is raised here
            self._compiled = None
            self._on_note(f"not compiled ({type(error).__name__}: {str(error).splitlines()[0][:120]}); the model runs as it is")
            return output


@contextmanager
def own_threads(number: int | None) -> Iterator[None]:
    """So many CPU threads inside the block (None: as many as before); the last bits of a sum depend on their number."""
    before = torch.get_num_threads()
    try:
        if number is not None:
            torch.set_num_threads(number)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def reproducible(settings: TrainSettings, device: torch.device, *, one_shape: bool = False) -> Iterator[None]:
    """Seed torch and choose kernels inside the block; the caller's random state, flags and threads return.

    A CPU gives the same bits at each run with as many threads. A GPU does with ``deterministic`` (an operation without
    such a kernel warns); without, where batches have ``one_shape``, its fastest convolutions are looked for.
    """
    flags = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), own_threads(settings.threads), deterministic_kernels(settings):
        try:
            torch.manual_seed(settings.seed)
            strict = settings.deterministic or device.type == "cpu"
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = strict, one_shape and not strict
            yield
        finally:
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags


@contextmanager
def deterministic_kernels(settings: TrainSettings) -> Iterator[None]:
    """Where the settings say ``deterministic``, such kernels alone inside the block, in training and when a fold predicts."""
    if not settings.deterministic:
        yield
        return
    exact, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    flags = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # what cuBLAS needs to be deterministic
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags
        torch.use_deterministic_algorithms(exact, warn_only=warns)
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """State of torch's own generators, which dropout draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Inverse of :func:`random_state`; a state of another kind of device is passed over."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
