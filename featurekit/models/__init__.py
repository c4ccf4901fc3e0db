"""Open set of models: a file of this package whose network carries ``@model`` is found by name.

A network is a ``torch.nn.Module`` with keyword-only hyper-parameters whose ``forward(batch)`` reads the tensors of a
batch it declares in ``reads`` and returns an :class:`Output`. Law: a sample's logits are the same alone and in a
padded batch, so padding and empty context slots must be masked, packed or cut away.

Two hooks a network may have:

* ``prepare(batches, generator)`` is called once, before the first training step: what is fitted otherwise than by
  gradients of the loss (an auto-encoder's kernels, a PCA, a support vector machine). ``batches()`` gives one pass over
  the training part, in order and without augmentation. A network without trainable parameters is then finished.
* A *part* is a submodule that is itself a registered network: a finished run of that model can be put into it by
  ``load_state_dict`` (a branch of AFF-ACRNN, a half of MultiNet). Its class layer is not trained there
  (``requires_grad_(False)``) where the whole does not use it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.registry import Registry


class Inputs(Protocol):
    """The tensors of a batch (:class:`featurekit.data.collate.Batch` is one); B targets, C context slots."""

    @property
    def frames(self) -> Tensor | None:
        """(B, C, T, D), 0 beyond each length."""
        ...

    @property
    def lengths(self) -> Tensor:
        """(B, C), 0 where a slot is empty."""
        ...

    @property
    def images(self) -> Tensor | None:
        """(B, C, H, W)."""
        ...

    @property
    def text(self) -> Tensor | None:
        """(B, C, L) word numbers, 0 beyond each length (:func:`featurekit.data.words.word_numbers`)."""
        ...

    @property
    def text_lengths(self) -> Tensor | None:
        """(B, C), 0 where a slot is empty or nothing was said."""
        ...

    @property
    def present(self) -> Tensor:
        """(B, C) bool; the middle slot, the target, is always there."""
        ...


@dataclass(frozen=True)
class Output:
    """What every model returns.

    Parameters
    ----------
    logits : tensor (B, K)
        One score a class, before softmax.
    embedding : tensor (B, E)
        The vector before the class layer (LASV, CASV, ASV).
    attention : dict of tensors, or None
        Named weights, each summing to 1 over its last axis.
    """

    logits: Tensor
    embedding: Tensor
    attention: dict[str, Tensor] | None = None


@dataclass(frozen=True)
class Model:
    """A member of the registry.

    Parameters
    ----------
    name : str
        As in ``list models``.
    network : callable
        The class, or a function that returns a module; keyword-only hyper-parameters.
    reads : tuple of str
        Tensors of the batch it reads: ``frames``, ``images``, ``text``.
    either : bool
        One of ``reads`` suffices (else all are needed).
    context : int
        Slots a window has by default: 1, or 3 for the papers' windows.
    recipe : mapping
        Training settings of the paper, which override the defaults of :class:`featurekit.training.TrainSettings`.
    paper : str
        Where it comes from.
    fixed : mapping
        Arguments of the network that make this name what it is (``bidirectional``); not hyper-parameters.
    """

    name: str
    network: Callable[..., nn.Module]
    reads: tuple[str, ...]
    either: bool = False
    context: int = 1
    recipe: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The registry names members by these when two of them want one name.
        object.__setattr__(self, "__module__", self.network.__module__)
        object.__setattr__(self, "__qualname__", f"{self.network.__qualname__}[{self.name}]")

    @property
    def hyper(self) -> dict[str, Any]:
        """Hyper-parameters with their defaults, without what the data decide."""
        taken = {*_FROM_DATA, *self.fixed}
        return {name: default for name, default in _arguments(self.network).items() if name not in taken}


MODELS: Registry[Model] = Registry("model", "featurekit.models")
_FROM_DATA = ("dims", "n_classes", "image_shape", "columns")
_READABLE = ("frames", "images", "text")

Network = Callable[..., nn.Module]


def model(
    name: str,
    *,
    reads: tuple[str, ...] = ("frames",),
    either: bool = False,
    context: int = 1,
    recipe: Mapping[str, Any] | None = None,
    paper: str = "",
    fixed: Mapping[str, Any] | None = None,
) -> Callable[[Network], Network]:
    """Register a network under a name; one class may carry several, told apart by ``fixed``.

    Parameters are those of :class:`Model`.

    Raises
    ------
    ParameterError
        When ``reads`` names something a batch does not have.
    """
    if not reads or set(reads) - set(_READABLE):
        raise ParameterError(f"model {name!r} reads {reads}; a batch has {', '.join(_READABLE)}")

    def register(network: Network) -> Network:
        MODELS.add(name, Model(name, network, reads, either, context, dict(recipe or {}), paper, dict(fixed or {})))
        return network

    return register


def build(
    name: str,
    *,
    n_classes: int,
    dims: int | None = None,
    image_shape: tuple[int, int] | None = None,
    columns: Mapping[str, slice] | None = None,
    **hyper: Any,
) -> nn.Module:
    """Build a model for data of these shapes.

    Parameters
    ----------
    name : str
        A registered model.
    n_classes : int
        K.
    dims : int, optional
        D of the frames; needed by models that read frames.
    image_shape : (int, int), optional
        (H, W); needed by models that read images.
    columns : mapping, optional
        Column → slice of D, for models that tell columns apart.
    **hyper
        The model's own hyper-parameters.

    Raises
    ------
    UnknownNameError
        For a model or hyper-parameter that does not exist, with the closest.
    ParameterError
        When the data do not have what the model reads.
    """
    member = MODELS.get(name)
    for key in hyper:
        if key not in member.hyper:
            raise UnknownNameError(f"hyper-parameter of {name}:", key, member.hyper)
    if n_classes < 2:
        raise ParameterError(f"a model tells at least 2 classes apart; got n_classes={n_classes}")
    # Text comes with every manifest; columns must be asked for.
    given = {"frames": dims, "images": image_shape, "text": True}
    found = [kind for kind in member.reads if given[kind]]
    if not found or (not member.either and len(found) < len(member.reads)):
        joint = " or " if member.either else " and "
        raise ParameterError(f"{name} reads {joint.join(member.reads)}; got {', '.join(found) or 'neither'}: add such a column")
    data = {"dims": dims, "n_classes": n_classes, "image_shape": image_shape, "columns": columns}
    accepted = _arguments(member.network)
    return member.network(**{key: value for key, value in data.items() if key in accepted}, **member.fixed, **hyper)


def explain(name: str, *, n_classes: int = 3, dims: int = 33) -> str:
    """A page on a model: paper, choices, inputs, recipe, hyper-parameters, and its parts for ``dims`` and ``n_classes``.

    Raises
    ------
    UnknownNameError
        For a model that does not exist.
    """
    member = MODELS.get(name)
    network = build(name, n_classes=n_classes, dims=dims, image_shape=(dims, dims) if "images" in member.reads else None)
    total = sum(parameter.numel() for parameter in network.parameters())
    lines = [f"{name}: {member.paper}", "", inspect.getdoc(inspect.getmodule(member.network)) or "", ""]
    lines.append(f"reads: {(' or ' if member.either else ' and ').join(member.reads)}; context: {member.context}")
    for title, values in (("recipe", member.recipe), ("hyper-parameters", member.hyper)):
        lines.append(f"{title}: " + (", ".join(f"{key} = {value}" for key, value in values.items()) or "none"))
    lines.append(f"parameters with {dims} dims and {n_classes} classes: {total:,}")
    for part, module in network.named_children():
        count = sum(parameter.numel() for parameter in module.parameters())
        lines.append(f"  {part:<12} {type(module).__name__:<18} {count:>12,}")
    return "\n".join(lines)


def _arguments(network: Network) -> dict[str, Any]:
    parameters = inspect.signature(network).parameters.values()
    return {item.name: item.default for item in parameters if item.kind is item.KEYWORD_ONLY}


__all__ = ["MODELS", "Inputs", "Model", "Output", "build", "explain", "model"]
