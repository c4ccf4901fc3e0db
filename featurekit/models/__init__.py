"""Open set of models: a file of this package whose network carries ``@model`` is found by name.

A network is a ``torch.nn.Module`` with keyword-only hyper-parameters whose ``forward(batch)`` reads the tensors of a
batch it declares in ``reads`` and returns an :class:`Output`. Law: a sample's logits are the same alone and in a
padded batch, so padding and empty context slots must be masked, packed or cut away.

Two hooks a network may have:

* ``prepare(batches, generator, *, speakers=None)`` is called once, before the first training step: what is fitted otherwise
  than by gradients of the loss (an auto-encoder's kernels, a PCA, a support vector machine). ``batches()`` gives one pass
  over the training part, in order and without augmentation; ``speakers`` says whose each id is, for an inner
  cross-validation. A network without trainable parameters is then finished.
* A *part* is a submodule that is itself a registered network: a finished run of that model can be put into it by
  ``load_state_dict`` (a branch of AFF-ACRNN, a half of MultiNet). Its class layer is not trained there
  (``requires_grad_(False)``) where the whole does not use it; ``used_of(state)``, if it has that, says what of a run's state
  it takes. Parts that are trained before the whole, as runs of their
  own, are its *stages*.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from featurekit.errors import FeaturekitError, ParameterError, UnknownNameError
from featurekit.registry import Registry
from featurekit.settings import fitting

if TYPE_CHECKING:  # the files of this package need torch, but what is known of a model (facts.py) is read without it
    from torch import Tensor, nn


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

    @property
    def targets(self) -> Tensor | None:
        """(B, C) bool, the slots that are judged where rows are whole recordings; None is the middle one of each row."""
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
class Stage:
    """A part of a network that is trained before the whole, as a run of its own; ``joint = true`` trains all at once.

    Parameters
    ----------
    part : str
        The submodule.
    model : str
        The registered model that it is.
    table : str
        Where the settings that are its own are said: ``[hyper.<table>]``, ``[training.<table>]``.
    """

    part: str
    model: str
    table: str


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
        Slots a window has by default: 1, 3 for the papers' windows, 0 for a model that reads whole recordings and gives a
        row of its output to each of the batch's ``targets``.
    recipe : mapping
        Training settings of the paper, which override the defaults of :class:`featurekit.training.TrainSettings`.
    paper : str
        Where it comes from.
    fixed : mapping
        Arguments of the network that make this name what it is (``bidirectional``); not hyper-parameters.
    dims : int
        D of the paper's frames, for which :func:`~featurekit.models.explanation.explain` shows the model.
    features : str
        What the paper's recipe reads, as ``--features`` takes it: a run that names no features reads these.
    augment : tuple of str
        The paper's augmentation of training batches: a run that says nothing of it uses this.
    stages : tuple of Stage
        Parts that are trained first, unless the hyper-parameter ``joint`` is true.
    """

    name: str
    network: Callable[..., nn.Module]
    reads: tuple[str, ...]
    either: bool = False
    context: int = 1
    recipe: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    dims: int = 33
    features: str = ""
    augment: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        # The registry names members by these when two of them want one name.
        object.__setattr__(self, "__module__", self.network.__module__)
        object.__setattr__(self, "__qualname__", f"{self.network.__qualname__}[{self.name}]")

    @property
    def makes_pictures(self) -> bool:
        """Whether it cuts or pads frames itself, to the ``n_frames`` columns of a picture."""
        return "n_frames" in _arguments(self.network)

    @property
    def hyper(self) -> dict[str, Any]:
        """Hyper-parameters with their defaults, without what the data decide."""
        taken = {*_FROM_DATA, *self.fixed}
        own = {name: default for name, default in _arguments(self.network).items() if name not in taken}
        return {name: dict(default) if isinstance(default, Mapping) else default for name, default in own.items()}

    def stages_for(self, hyper: Mapping[str, Any]) -> tuple[Stage, ...]:
        """What is trained before the whole under these hyper-parameters."""
        return () if {**self.hyper, **hyper}.get("joint") else self.stages

    def check_hyper(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Hyper-parameters that the network has, of the types its defaults have.

        Raises
        ------
        UnknownNameError
            For one that it does not have, with the closest.
        ParameterError
            For one that has another name or place, or a value of another type, a count below 1, or a number below 0 or not
            finite.
        """
        checked = {}
        for key, value in given.items():
            if key not in self.hyper:
                self._refuse_misplaced(key)
            if not self.hyper:
                raise ParameterError(f"{self.name} has no hyper-parameters; got {key!r}")
            if key not in self.hyper:
                raise UnknownNameError(f"hyper-parameter of {self.name}:", key, self.hyper)
            where = f"hyper-parameter of {self.name}: {key}"
            checked[key] = found = fitting(value, _type_of(self.hyper[key]), where)
            for stage in self.stages:
                if stage.table == key:
                    checked[key] = MODELS.get(stage.model).check_hyper(value)
            for item in found if isinstance(found, tuple) else (found,):
                if type(item) is int and item < 1:  # a count
                    raise ParameterError(f"{where} is {value!r}; expected 1 or more")
                if type(item) is float and not 0 <= item < math.inf:
                    raise ParameterError(f"{where} is {value!r}; expected a finite number, at least 0")
        return checked

    def _refuse_misplaced(self, key: str) -> None:
        """One thing has one name and one place; what had another one says so."""
        present = "training.n_frames" if key == "n_frames" else FORMER_NAMES.get(key, "")
        if present in ("training.n_frames", *self.hyper):
            raise ParameterError(f"unknown hyper-parameter of {self.name}: {key!r}; did you mean {present}?")

    def check_inputs(self, kinds: Sequence[str]) -> None:
        """Refuse data without what the model reads; "frames" and "images" are asked for, text comes with every manifest.

        Raises
        ------
        ParameterError
            Naming what it reads, what it got, and the paper's features.
        """
        found = [kind for kind in self.reads if kind in kinds or kind == "text"]
        if not found or (not self.either and len(found) < len(self.reads)):
            wanted = (" or " if self.either else " and ").join(self.reads)
            example = f", as in --features {self.features}" if self.features else ""
            raise ParameterError(f"{self.name} reads {wanted}; got {', '.join(kinds) or 'neither'}: add such a column{example}")


MODELS: Registry[Model] = Registry("model", "featurekit.models", listed_by="featurekit list models")
_FROM_DATA = ("dims", "n_classes", "image_shape", "columns", "n_frames")
FORMER_NAMES = {"columns_a": "densenet_columns", "rate": "learning_rate"}
_FORMER_FRAMES = {"resnet50": 256}  # of runs whose record does not name them
_READABLE = ("frames", "images", "text")

Network: TypeAlias = "Callable[..., nn.Module]"


def model(
    name: str,
    *,
    reads: tuple[str, ...] = ("frames",),
    either: bool = False,
    context: int = 1,
    recipe: Mapping[str, Any] | None = None,
    paper: str = "",
    fixed: Mapping[str, Any] | None = None,
    dims: int = 33,
    features: str = "",
    augment: tuple[str, ...] = (),
    stages: tuple[Stage, ...] = (),
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
        known = dict(recipe or {}), paper, dict(fixed or {}), dims, features, augment, stages
        MODELS.add(name, Model(name, network, reads, either, context, *known))
        return network

    return register


def build(
    name: str,
    *,
    n_classes: int,
    dims: int | None = None,
    image_shape: tuple[int, int] | None = None,
    columns: Mapping[str, slice] | None = None,
    n_frames: int | None = None,
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
    n_frames : int, optional
        Columns of the picture that a model makes of frames; the recipe's by default.
    **hyper
        The model's own hyper-parameters.

    Raises
    ------
    UnknownNameError
        For a model or hyper-parameter that does not exist, with the closest.
    ParameterError
        When the data do not have what the model reads, or the hyper-parameters make no network.
    """
    member = MODELS.get(name)
    hyper = member.check_hyper(hyper)
    if n_classes < 1:  # 1 is a rating
        raise ParameterError(f"a model puts out a number a class or rating; got n_classes={n_classes}")
    member.check_inputs([kind for kind, shape in (("frames", dims), ("images", image_shape)) if shape])
    data = {"dims": dims, "n_classes": n_classes, "image_shape": image_shape, "columns": columns}
    n_frames = member.recipe.get("n_frames") if n_frames is None else n_frames
    data |= {} if n_frames is None else {"n_frames": n_frames}
    accepted = _arguments(member.network)
    shapes = {key: value for key, value in data.items() if key in accepted}
    try:
        return member.network(**shapes, **member.fixed, **hyper)
    except FeaturekitError:
        raise
    except (ValueError, TypeError, RuntimeError, AssertionError) as error:  # what torch says of a size that cannot be
        if not hyper:
            raise
        said = ", ".join(f"{key}={value!r}" for key, value in hyper.items())
        raise ParameterError(f"{name} cannot be built with {said}: {error}") from error


def rebuild(name: str, **arguments: Any) -> nn.Module:
    """Build a model whose state will be loaded: as :func:`build`, but without reading the initial weights it was given.

    Former names of hyper-parameters are taken, since the state may be older than the present ones.
    """
    said = {"n_frames": _FORMER_FRAMES.get(name), **_without_weights(arguments)}
    return build(name, **{FORMER_NAMES.get(key, key): value for key, value in said.items()})


def _without_weights(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping and its tables without initial weights; columns are none of these."""
    kept = {key: value for key, value in arguments.items() if key != "weights"}
    return {key: _without_weights(value) if isinstance(value, dict) else value for key, value in kept.items()}


def keras_count(network: nn.Module) -> int:
    """Parameters as Keras counts them: the statistics of batch normalisation among them, and one bias of an LSTM, not two."""
    from torch import nn

    count = sum(parameter.numel() for parameter in network.parameters())
    for module in network.modules():
        if isinstance(module, nn.LSTM):
            count -= sum(value.numel() for name, value in module.named_parameters() if name.startswith("bias_hh"))
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            count += 2 * module.num_features
    return count


def _type_of(default: Any) -> Any:
    """The type of a hyper-parameter, by its default; anything goes where that says nothing."""
    if isinstance(default, (tuple, list)):
        return tuple[type(default[0]) if default else Any, ...]  # type: ignore[misc]
    return Any if default is None else type(default)


def _arguments(network: Network) -> dict[str, Any]:
    parameters = inspect.signature(network).parameters.values()
    return {item.name: item.default for item in parameters if item.kind is item.KEYWORD_ONLY}


__all__ = ["MODELS", "Inputs", "Model", "Output", "Stage", "build", "keras_count", "model", "rebuild"]
