"""A GPU played by this machine's CPU: what only a GPU would refuse is refused here too, and the numbers are the CPU's.

A tensor of the device is a CPU tensor under another Python type that says ``cuda:0``. Every call that Python makes passes
through :meth:`OnDevice.__torch_function__`, which holds the rules of a GPU:

* tensors of one call lie on one device (0-dimensional ones may lie on the host, and so may an index);
* no ``numpy()`` of a device's tensor; generators are of the device they draw for;
* a copy to or from the device that does not wait starts or ends in page-locked memory, and what was copied to the host
  holds nonsense until its stream was synchronised;
* what one stream wrote, another reads only after one has waited for the other;
* autocast casts by CUDA's own lists, not by the CPU's, which has few of them: products to bfloat16; softmax, norms, losses,
  sums and powers to float32; binary cross-entropy is refused;
* cuDNN's recurrent layers give float16 under autocast, whatever it was asked for, which autocast to bfloat16 will not join;
  in evaluation mode no gradient passes them.

Calls that make the host wait for the device are told in :attr:`Machine.waits`, with the line of the package that asked.

Inside one call torch runs as on a CPU: a kernel that a GPU lacks, its other rounding, its speed, and what happens below Python
are not seen.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_flatten, tree_map

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
FREE_BYTES, ALL_BYTES = 40 * 10**9, 80 * 10**9
PACKAGE = str(Path(__file__).parents[2] / "featurekit")
RANDOM = {
    "alpha_dropout", "bernoulli", "bernoulli_", "dropout", "dropout1d", "dropout2d", "lstm", "multi_head_attention_forward",
    "multinomial", "normal", "normal_", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "random_",
    "randperm", "scaled_dot_product_attention", "trunc_normal_", "uniform_",
}  # fmt: skip
FACTORIES = (
    "arange", "as_tensor", "empty", "empty_strided", "eye", "full", "hann_window", "linspace", "logspace", "ones", "rand",
    "randint", "randn", "randperm", "tensor", "tril_indices", "triu_indices", "zeros", "empty_like", "full_like", "ones_like",
    "rand_like", "randn_like", "zeros_like",
)  # fmt: skip
# What a GPU answers only when it has computed everything before.
WAITS = {
    "__bool__", "__float__", "__int__", "__index__", "__complex__", "__contains__", "allclose", "argwhere", "cpu", "equal",
    "is_nonzero", "item", "masked_select", "nonzero", "tolist", "unique", "unique_consecutive",
    "bincount", "eigh", "linalg_eigh", "new_tensor",
}  # fmt: skip
# What autocast of CUDA does, by the lists of torch's autocast_mode.h; what is in none runs in the type it comes in.
TO_HALF = {
    "__matmul__", "__rmatmul__", "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "conv1d", "conv2d",
    "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "einsum", "linear", "matmul", "mm", "multi_dot", "mv",
    "prelu", "scaled_dot_product_attention",
}  # fmt: skip
TO_WHOLE = {
    "__pow__", "__rpow__", "acos", "asin", "binary_cross_entropy_with_logits", "cdist", "cosh", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "cumprod", "cumsum", "dist", "erfinv", "exp", "expm1", "group_norm",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "layer_norm", "log", "log10", "log1p", "log2", "log_softmax",
    "logsumexp", "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "nll_loss", "norm", "pdist",
    "poisson_nll_loss", "pow", "prod", "reciprocal", "renorm", "rsqrt", "sinh", "smooth_l1_loss", "soft_margin_loss", "softmax",
    "softplus", "sum", "tan", "triplet_margin_loss", "vector_norm",
}  # fmt: skip
BANNED = {"binary_cross_entropy"}
# Calls whose counts must lie on the host, beside what lies on the device.
PACKED = {"_pack_padded_sequence", "_pad_packed_sequence"}
TO_HOST = {"__array__", "numpy"}
FREE_OF_RULES = {"__deepcopy__", "__format__", "__hash__", "__reduce_ex__", "__repr__", "__setstate__", "type"}
IN_PLACE = {"__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__iand__", "__ior__"}


class OnDevice(torch.Tensor):
    """A tensor that says it lies on the GPU."""

    @property
    def device(self) -> torch.device:
        return CUDA

    @property
    def is_cuda(self) -> bool:
        return True

    @property
    def is_cpu(self) -> bool:
        return False

    @property
    def grad(self) -> OnDevice | None:
        with torch._C.DisableTorchFunctionSubclass():
            found = torch.Tensor.grad.__get__(self)
        return None if found is None else moved(found)

    @grad.setter
    def grad(self, value: torch.Tensor | None) -> None:
        torch.Tensor.grad.__set__(self, None if value is None else bare(value))

    @grad.deleter
    def grad(self) -> None:
        torch.Tensor.grad.__set__(self, None)

    @property
    def data(self) -> OnDevice:
        with torch._C.DisableTorchFunctionSubclass():
            return moved(torch.Tensor.data.__get__(self))

    @data.setter
    def data(self, value: torch.Tensor) -> None:
        with torch._C.DisableTorchFunctionSubclass():
            torch.Tensor.data.__set__(self, bare(value))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return the_machine().call(func, args, kwargs or {}) if _machines else _plainly(func, args, kwargs or {})


def moved(value: torch.Tensor) -> OnDevice:
    """The same memory, said to be the device's; gradients pass."""
    if isinstance(value, OnDevice):
        return value
    with torch._C.DisableTorchFunctionSubclass():
        return value.as_subclass(OnDevice)


def renamed(value: torch.Tensor) -> torch.Tensor:
    """A new tensor said to be the device's; no view of it, since what is written to a view takes another way back."""
    if type(value) is torch.Tensor:
        value.__class__ = OnDevice
    return moved(value)


def bare(value: Any) -> Any:
    """The same memory, said to be the host's."""
    if not isinstance(value, OnDevice):
        return value
    with torch._C.DisableTorchFunctionSubclass():
        return value.as_subclass(torch.Tensor)


class Stream:
    """An order of work on the device. It knows up to which of its pieces every other stream was waited for."""

    numbers = itertools.count()

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        self.number, self.done, self.seen = next(self.numbers), 0, dict[int, int]()
        self.waiting: list[Callable[[], None]] = []

    def wait_stream(self, other: Stream) -> None:
        self.seen[other.number] = other.done

    def wait_event(self, event: Event) -> None:
        if event.stream is not None:
            self.seen[event.stream.number] = event.done

    def record_event(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def synchronize(self) -> None:
        the_machine().note("synchronize")
        self.finish()

    def finish(self) -> None:
        """The host has seen all of this stream's work: copies to it are there."""
        waiting, self.waiting = self.waiting, []
        for copy in waiting:
            copy()
        the_machine().host_seen[self.number] = self.done


class Event:
    """A place in a stream's work."""

    def __init__(self, **_: Any) -> None:
        self.stream: Stream | None = None
        self.done = 0

    def record(self, stream: Stream | None = None) -> None:
        self.stream = stream or the_machine().stream
        self.done = self.stream.done

    def synchronize(self) -> None:
        the_machine().note("synchronize")
        if self.stream is not None:
            self.stream.finish()

    def query(self) -> bool:
        return True


class Machine:
    """The rules, what was written by which stream, and what the host waited for."""

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.problems: list[str] = []
        self.host_seen: dict[int, int] = {}
        self.default = Stream()
        self._own = threading.local()
        self.entered: list[tuple[str, int]] = []
        self._written: dict[int, tuple[Stream, int]] = {}
        self._recorded: dict[int, set[int]] = {}
        self._pinned: set[int] = set()
        self._random = torch.get_rng_state()
        self._lock = threading.RLock()

    @property
    def stream(self) -> Stream:
        """The stream this thread queues its work on."""
        return getattr(self._own, "stream", self.default)

    @contextmanager
    def on_stream(self, stream: Stream | None) -> Iterator[None]:
        before = self.stream
        self._own.stream = stream or before
        try:
            yield
        finally:
            self._own.stream = before

    @contextmanager
    def on_device(self, device: Any) -> Iterator[None]:
        """``torch.cuda.device``: who makes which GPU current; CUDA keeps one for each thread."""
        self.entered.append((threading.current_thread().name, torch.device(device).index or 0))
        yield

    def note(self, what: str) -> None:
        """The host waits: say where the package asked for it."""
        frame: Any = sys._getframe(1)
        while frame is not None and not frame.f_code.co_filename.startswith(PACKAGE):
            frame = frame.f_back
        where = "" if frame is None else f" {Path(frame.f_code.co_filename).relative_to(PACKAGE)}:{frame.f_lineno}"
        self.waits.append(what + where)

    # Calls

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call of torch with a tensor of the device among its arguments."""
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__", "__delete__"):
            return self._attribute(func, name, args, kwargs)
        if name in FREE_OF_RULES:
            return _plainly(func, args, kwargs)
        if name in TO_HOST:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        if name == "copy_":
            return self.copy(*args, **kwargs)
        values = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        self._one_device(name, self._without_counts(name, values, args), args)
        self.own_generator(name, kwargs.get("generator"))
        self._ordered(values)
        if name in WAITS or self._looks_for_places(name, args, kwargs):
            self.note(name)
            self.stream.finish()
        result = self._kept_precision(name, values, func, args, kwargs)
        if name == "cpu":
            return tree_map(lambda value: bare(value).clone() if isinstance(value, torch.Tensor) else value, result)
        to = kwargs.get("device")
        if to is not None and torch.device(to).type == "cpu":
            self.note(name)
            return tree_map(bare, result)
        if name in PACKED:  # data and, on the host, how many there are
            return renamed(result[0]), result[1]
        result = tree_map(lambda value: renamed(value) if isinstance(value, torch.Tensor) else value, result)
        for value in tree_flatten(result)[0]:
            if isinstance(value, torch.Tensor):
                self.wrote(value)
        if name in IN_PLACE or (name.endswith("_") and not name.endswith("__")):
            for value in tree_flatten(args[0])[0]:
                if isinstance(value, OnDevice):
                    self.wrote(value)
        return result

    def _attribute(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = _plainly(func, args, kwargs)
        return renamed(result) if isinstance(result, torch.Tensor) else result

    @staticmethod
    def _without_counts(name: str, values: list[torch.Tensor], args: tuple[Any, ...]) -> list[torch.Tensor]:
        """The tensors of a call that must lie on one device: not the lengths of packed sequences, which lie on the host."""
        packed = name in PACKED or (name in ("lstm", "gru") and isinstance(args[2], (tuple, list, torch.Tensor)))
        packed = packed and len(args) > 1 and isinstance(args[1], torch.Tensor) and args[1].dtype == torch.int64
        if packed and isinstance(args[1], OnDevice):
            raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:0 Long tensor")
        return [value for value in values if not (packed and value is args[1])]

    @staticmethod
    def _one_device(name: str, values: list[torch.Tensor], args: tuple[Any, ...]) -> None:
        indexing = name in ("__getitem__", "__setitem__", "index_put", "index_put_")
        if indexing and isinstance(args[0], OnDevice):
            mine = [args[0], *([args[2]] if name == "__setitem__" and isinstance(args[2], torch.Tensor) else [])]
            values = mine  # an index may lie on the host: it is copied
        if any(value.dim() for value in values if not isinstance(value, OnDevice)):
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (in {name})"
            )

    @staticmethod
    def own_generator(name: str, generator: torch.Generator | None) -> None:
        if generator is not None and generator.device.type == "cpu":
            raise RuntimeError(f"Expected a 'cuda' device type for generator but found 'cpu' (in {name})")

    def _looks_for_places(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a result's shape depends on values, or an index must come from the host first."""
        if name in ("__getitem__", "__setitem__"):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            masks = [item for item in index if isinstance(item, torch.Tensor) and item.dtype in (torch.bool, torch.uint8)]
            lists = [item for item in index if isinstance(item, (list, torch.Tensor)) and not isinstance(item, OnDevice)]
            filled = name == "__setitem__" and not (isinstance(args[2], torch.Tensor) and args[2].dim())
            return bool(lists or (masks and not filled))
        if name == "one_hot":
            return kwargs.get("num_classes", args[1] if len(args) > 1 else -1) < 0
        if name == "repeat_interleave":
            return "output_size" not in kwargs and any(isinstance(value, torch.Tensor) for value in args[1:])
        return name == "where" and len(args) == 1

    def _kept_precision(self, name: str, values: list[torch.Tensor], func: Any, args: Any, kwargs: Any) -> Any:
        """Run it; recurrent layers and what joins tensors as autocast on a GPU would."""
        autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
        joins = name in ("cat", "stack", "concat", "index_put", "scatter_add")
        if autocast and joins and any(value.dtype == torch.float16 for value in values):
            raise RuntimeError("Unexpected floating ScalarType in at::autocast::prioritize")
        call = functools.partial(_plainly, func, args, kwargs)
        if autocast and name in BANNED:
            raise RuntimeError(
                f"torch.nn.functional.{name} and torch.nn.BCELoss are unsafe to autocast; use binary_cross_entropy_with_logits"
            )
        if autocast and name in TO_HALF | TO_WHOLE and kwargs.get("dtype") is None:
            cast = functools.partial(_as_type, torch.bfloat16 if name in TO_HALF else torch.float32)
            call = functools.partial(_plainly, func, tree_map(cast, args), tree_map(cast, kwargs))
            with torch.autocast("cpu", enabled=False):
                return self.drawn(call) if name in RANDOM else call()
        recurrent = name in ("lstm", "gru")
        # This machine's CPU computes them in float32: not every one has a bf16 LSTM.
        with torch.autocast("cpu", enabled=False) if recurrent else contextlib.nullcontext():
            result = self.drawn(call) if name in RANDOM else call()
        if recurrent:
            packed = isinstance(args[1], torch.Tensor) and args[1].dtype == torch.int64
            if not args[6 + packed] and result[0].requires_grad:
                result[0].register_hook(_refuse_backward)
            if autocast:
                return tuple(bare(value).half() for value in result)
        return result

    def drawn(self, call: Callable[[], Any]) -> Any:
        """Call with the device's random numbers instead of the host's."""
        with self._lock:
            before = torch.get_rng_state()
            torch.set_rng_state(self._random)
            try:
                return call()
            finally:
                self._random = torch.get_rng_state()
                torch.set_rng_state(before)

    # Copies

    def send(self, value: torch.Tensor, *, wait: bool) -> OnDevice:
        """A tensor of the host, copied to the device."""
        if wait:
            self.note("copy to the device")
            self.stream.finish()
        elif not self.is_pinned(value):
            self.note("copy to the device from memory that is not page-locked")
        with torch._C.DisableTorchFunctionSubclass():
            sent = renamed(value.clone())
        self.wrote(sent)
        return sent

    def fetch(self, value: OnDevice, *, wait: bool) -> torch.Tensor:
        """A tensor of the device, copied to the host."""
        self._ordered([value])
        if wait:
            self.note("copy to the host")
            self.stream.finish()
            return bare(value).clone()
        host = torch.empty_like(bare(value))
        self._later(host, bare(value), pinned=False)
        return host

    def copy(self, target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        """``copy_``, which may go from one device to the other."""
        both = [isinstance(value, OnDevice) for value in (target, source)]
        self._ordered([value for value in (target, source) if isinstance(value, OnDevice)])
        if both == [False, True] and non_blocking:
            if target.shape != source.shape or target.dtype != source.dtype:
                raise AssertionError("the pretended GPU copies equal shapes and types only, where it does not wait")
            self._later(target, bare(source), pinned=self.is_pinned(target))
            return target
        if both != [True, True] and not non_blocking:
            self.note("copy")
            self.stream.finish()
        if both == [True, False] and non_blocking and not self.is_pinned(source):
            self.note("copy to the device from memory that is not page-locked")
        with torch._C.DisableTorchFunctionSubclass():
            target.copy_(source)
        if both[0]:
            self.wrote(target)
        return target

    def _later(self, target: torch.Tensor, source: torch.Tensor, *, pinned: bool) -> None:
        """The host's tensor holds nonsense until the stream was synchronised."""
        if not pinned:
            raise RuntimeError("a copy to the host that does not wait must end in page-locked memory")
        kept = source.detach().clone()
        with torch.no_grad():
            target.view(torch.uint8).fill_(0xAB) if target.dim() else target.zero_()

        def arrive() -> None:
            with torch.no_grad():
                target.copy_(kept)

        self.stream.waiting.append(arrive)
        self.stream.done += 1

    def pin(self, value: torch.Tensor) -> torch.Tensor:
        """The tensor in page-locked memory."""
        if isinstance(value, OnDevice):
            raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned")  # noqa: TRY004
        if self.is_pinned(value):
            return value
        pinned = value.clone()
        storage = pinned.untyped_storage()
        place = storage._cdata
        self._pinned.add(place)
        weakref.finalize(storage, self._pinned.discard, place)
        return pinned

    def is_pinned(self, value: torch.Tensor) -> bool:
        return not isinstance(value, OnDevice) and value.untyped_storage()._cdata in self._pinned

    # Order

    def wrote(self, value: torch.Tensor) -> None:
        """This thread's stream writes the tensor's memory."""
        stream, place = self.stream, bare(value).untyped_storage()._cdata
        stream.done += 1
        if place not in self._written and stream is not self.default:
            storage = bare(value).untyped_storage()
            weakref.finalize(storage, self._freed, place, stream)
        self._written[place] = stream, stream.done

    def _freed(self, place: int, stream: Stream) -> None:
        used = self._recorded.pop(place, set())
        self._written.pop(place, None)
        late = {number for number in used if number > 0}
        if late:
            self.problems.append("memory of one stream was freed while another used it, without record_stream")

    def _ordered(self, values: list[torch.Tensor]) -> None:
        stream = self.stream
        for value in values:
            if not isinstance(value, OnDevice):
                continue
            place = bare(value).untyped_storage()._cdata
            writer, piece = self._written.get(place, (stream, 0))
            if writer is stream:
                continue
            if max(stream.seen.get(writer.number, 0), self.host_seen.get(writer.number, 0)) < piece:
                raise RuntimeError("a tensor that another stream writes is used without waiting for that stream")
            recorded = self._recorded.setdefault(place, set())
            if -stream.number - 1 not in recorded:
                recorded.add(stream.number + 1)

    def record_stream(self, value: OnDevice, stream: Stream) -> None:
        recorded = self._recorded.setdefault(bare(value).untyped_storage()._cdata, set())
        recorded.discard(stream.number + 1)
        recorded.add(-stream.number - 1)

    # Random state

    def get_rng_state(self, device: Any = "cuda") -> torch.Tensor:
        self.note("get_rng_state")
        return self._random.clone()

    def set_rng_state(self, state: torch.Tensor, device: Any = "cuda") -> None:
        self._random = state.clone()

    def manual_seed(self, seed: int) -> None:
        self._random = torch.Generator().manual_seed(int(seed)).get_state()


def _plainly(func: Any, args: Any, kwargs: Any) -> Any:
    kwargs = {key: CPU if key == "device" and value is not None else value for key, value in kwargs.items()}
    with torch._C.DisableTorchFunctionSubclass():
        return func(*args, **kwargs)


def _as_type(dtype: torch.dtype, value: Any) -> Any:
    """A floating-point tensor of the device in the type that autocast wants; anything else as it is."""
    if not isinstance(value, OnDevice) or not value.is_floating_point() or value.dtype == torch.float64:
        return value
    with torch._C.DisableTorchFunctionSubclass():
        return value.to(dtype)


def _refuse_backward(gradient: torch.Tensor) -> None:
    raise RuntimeError("cudnn RNN backward can only be called in training mode")


_machines: list[Machine] = []


def the_machine() -> Machine:
    return _machines[-1]


def _is_cuda(device: Any) -> bool:
    return device is not None and not isinstance(device, torch.Tensor) and torch.device(device).type == "cuda"


def _factory(original: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.zeros`` and its like, also for the device."""

    @functools.wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        machine = the_machine()
        pinned, here = kwargs.pop("pin_memory", False), _is_cuda(kwargs.get("device"))
        if here and args and isinstance(args[0], OnDevice):
            del kwargs["device"]
            return original(*args, **kwargs)
        if here:
            if original.__name__ in RANDOM:
                machine.own_generator(original.__name__, kwargs.get("generator"))
            if original.__name__ in ("tensor", "as_tensor"):
                machine.note(f"torch.{original.__name__}(..., device=)")
                machine.stream.finish()
            kwargs["device"] = CPU
        call = functools.partial(original, *args, **kwargs)
        made = machine.drawn(call) if here and original.__name__ in RANDOM else call()
        if here:
            made = renamed(made)
            machine.wrote(made)
        return machine.pin(made) if pinned else made

    return make


def _to(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def to(self: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        machine, on_device = the_machine(), isinstance(self, OnDevice)
        wait = not kwargs.pop("non_blocking", False)
        device = kwargs.pop("device", None)
        if args and isinstance(args[0], torch.Tensor):
            device, kwargs["dtype"], args = args[0].device, args[0].dtype, args[1:]
        elif args and (args[0] is None or isinstance(args[0], (str, int, torch.device))):
            device, args = args[0], args[1:]
        if len(args) > 1 and isinstance(args[1], bool):  # (dtype, non_blocking, …), as modules ask
            wait, args = not args[1], (args[0], *args[2:])
        target = on_device if device is None else _is_cuda(device)
        if args and args[0] is None and len(args) == 1:
            args = ()
        if target != on_device:
            kwargs.pop("copy", None)
            self = machine.send(self, wait=wait) if target else machine.fetch(self, wait=wait)
        if not args and not kwargs:
            return self
        with torch._C.DisableTorchFunctionSubclass():
            changed = original(bare(self), *args, **kwargs)
        if not target:
            return changed
        changed = renamed(changed)
        machine.wrote(changed)
        return changed

    return to


def _apply(module: torch.nn.Module, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> torch.nn.Module:
    """What moves a module: parameters stay the objects they are, which an optimizer may hold."""
    for child in module.children():
        child._apply(fn)
    for value in module._parameters.values():
        if value is None:
            continue
        old = value.detach()
        new = fn(old)
        if new is old:
            continue
        with torch._C.DisableTorchFunctionSubclass():
            torch.Tensor.data.__set__(value, bare(new))
        value.__class__ = OnDevice if isinstance(new, OnDevice) else torch.nn.Parameter
        value._is_param = True
        if value.grad is not None:
            value.grad = fn(value.grad)
    for name, buffer in module._buffers.items():
        module._buffers[name] = buffer if buffer is None else fn(buffer)
    return module


def _grouped(original: Callable[..., Any]) -> Callable[..., Any]:
    """Tensors by device, as optimizers ask for them."""

    def group(lists: list[list[Any]], with_indices: bool = False) -> dict[Any, Any]:
        found = original(lists, with_indices)
        return {
            (CUDA if isinstance(groups[0][0][0], OnDevice) else device, dtype): groups
            for (device, dtype), groups in found.items()
        }

    return group


def _indexed(original: Callable[..., Any]) -> Callable[..., Any]:
    """A tensor of the host cannot be indexed by one of the device."""

    @functools.wraps(original)
    def index(self: torch.Tensor, key: Any, *value: Any) -> Any:
        if not isinstance(self, OnDevice):
            every = tree_flatten((key, value))[0]
            if any(isinstance(item, OnDevice) and item.dim() for item in every):
                raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
            if any(isinstance(item, OnDevice) for item in every):
                the_machine().note("__getitem__")
        return original(self, key, *value)

    return index


class Autocast(torch.autocast):
    """Autocast of the device: the CPU's, for the CPU computes."""

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: Any = None) -> None:
        if device_type == "cuda" and dtype is None:
            dtype = torch.float16
        super().__init__("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


@contextmanager
def pretended() -> Iterator[Machine]:
    """Play a machine with one GPU inside the block."""
    machine = Machine()
    _machines.append(machine)
    enabled = torch.is_autocast_enabled
    with pytest.MonkeyPatch.context() as patch:
        for name in FACTORIES:
            patch.setattr(torch, name, _factory(getattr(torch, name)))
        for name in ("to", "__getitem__", "__setitem__"):
            original = getattr(torch.Tensor, name)
            patch.setattr(torch.Tensor, name, (_to if name == "to" else _indexed)(original))
        patch.setattr(torch.Tensor, "cuda", lambda self, *_, **__: self.to(CUDA))
        patch.setattr(torch.Tensor, "pin_memory", lambda self, device=None: machine.pin(self))
        patch.setattr(torch.Tensor, "is_pinned", lambda self, device=None: machine.is_pinned(self))
        patch.setattr(torch.Tensor, "record_stream", lambda self, stream: machine.record_stream(self, stream))
        for name, value in {
            "is_available": lambda: True,
            "is_bf16_supported": lambda including_emulation=True: True,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "get_device_name": lambda device=None: "a pretended GPU",
            "mem_get_info": lambda device=None: (FREE_BYTES, ALL_BYTES),
            "empty_cache": lambda: None,
            "synchronize": lambda device=None: machine.default.synchronize(),
            "current_stream": lambda device=None: machine.stream,
            "stream": machine.on_stream,
            "device": machine.on_device,
            "Stream": Stream,
            "Event": Event,
            "get_rng_state": machine.get_rng_state,
            "set_rng_state": machine.set_rng_state,
            "manual_seed": machine.manual_seed,
            "manual_seed_all": machine.manual_seed,
            "_is_in_bad_fork": lambda: False,
            "is_current_stream_capturing": lambda: False,
        }.items():
            patch.setattr(torch.cuda, name, value)
        # A torch that was built for CUDA asks the driver, where there is none, whether its optimizer is being captured.
        patch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: None)
        patch.setattr(torch, "autocast", Autocast)
        patch.setattr(torch, "is_autocast_enabled", lambda kind="cuda": enabled("cpu" if kind == "cuda" else kind))
        patch.setattr(torch.backends.cudnn, "is_acceptable", lambda tensor: False)
        patch.setattr(torch, "compile", lambda model, **_: model)
        patch.setattr(torch.nn.Module, "_apply", _apply)
        patch.setattr(torch._C, "_group_tensors_by_device_and_dtype", _grouped(torch._C._group_tensors_by_device_and_dtype))
        for name in ("torch.optim.optimizer", "torch.utils._foreach_utils"):  # whose quick ways are for tensors they know
            module = importlib.import_module(name)
            patch.setattr(module, "_foreach_supported_types", [*module._foreach_supported_types, OnDevice])
        try:
            yield machine
        finally:
            _machines.pop()
