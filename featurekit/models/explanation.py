"""Explanations that need the network: its layers with shapes, parameters and cost, found by building and running it."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from featurekit.models import MODELS, Model, Output, build, facts, keras_count
from featurekit.models.backbones import Backbone
from featurekit.models.facts import Facts, Layer

# Of the papers' images, and of frames and words where a recipe names no number.
_SIDE, _STEPS = 512, 100


@dataclass(frozen=True)
class Made:
    """A batch of made-up inputs: what a model reads of a :class:`featurekit.data.collate.Batch`."""

    frames: Tensor | None
    lengths: Tensor
    images: Tensor | None
    text: Tensor | None
    text_lengths: Tensor | None
    present: Tensor
    targets: Tensor | None = None


def made_batch(member: Model, *, n: int = 1, dims: int = 0, steps: int = 0, side: int = _SIDE) -> Made:
    """Random inputs of the kinds and context a model reads, everywhere of full length; the target alone is present.

    Parameters
    ----------
    member : Model
        Whose ``reads`` and ``context`` count; of two kinds that stand for each other the last.
    n : int
        B.
    dims, steps, side : int
        D and T of the frames, by default the recipe's; H and W of the images.
    """
    kinds = member.reads[-1:] if member.either else member.reads
    slots = member.context or 1
    steps = steps or member.recipe.get("n_frames") or _STEPS
    present = (torch.arange(slots) == slots // 2).expand(n, -1)
    frames = torch.randn(n, slots, steps, dims or member.dims) if "frames" in kinds else None
    images = torch.rand(n, slots, side, side) if "images" in kinds else None
    text = torch.randint(1, 1000, (n, slots, _STEPS)) if "text" in kinds else None
    lengths = present * steps
    return Made(frames, lengths, images, text, None if text is None else present * _STEPS, present)


def explain(name: str, *, n_classes: int = 3, dims: int | None = None) -> str:
    """A page on a model: paper, choices, inputs, recipe, hyper-parameters, and its layers for the paper's inputs.

    Parameters
    ----------
    name : str
        A registered model.
    n_classes : int
        K.
    dims : int, optional
        D of the frames; the paper's by default.

    Raises
    ------
    UnknownNameError
        For a model that does not exist.
    """
    return facts.page(facts_of(name, n_classes=n_classes, dims=dims))


def fragment(name: str) -> str:
    """A run file (TOML) with everything the paper's recipe says; only the store is yours to fill in.

    Raises
    ------
    UnknownNameError
        For a model that does not exist.
    """
    return facts.fragment(table_of(MODELS.get(name)))


def table_of(member: Model) -> Facts:
    """What the registry says of a model, in values that JSON has; nothing is built."""
    module = inspect.getmodule(member.network)
    said = {"recipe": dict(member.recipe), "hyper": member.hyper, "augment": list(member.augment)}
    return Facts(
        name=member.name,
        paper=member.paper,
        module=member.network.__module__.rpartition(".")[2],
        about=inspect.getdoc(module) or "",
        reads=(" or " if member.either else " and ").join(member.reads),
        context=member.context,
        features=member.features,
        **json.loads(json.dumps(said)),
    )


def facts_of(name: str, *, n_classes: int = 3, dims: int | None = None) -> Facts:
    """Everything known of a model: it is built, and run once on made-up inputs of the paper's size.

    Parameters are those of :func:`explain`.

    Raises
    ------
    UnknownNameError
        For a model that does not exist.
    """
    member = MODELS.get(name)
    dims = dims or member.dims
    with torch.random.fork_rng(devices=[]):
        batch = made_batch(member, dims=dims)
        shape = (_SIDE, _SIDE) if batch.images is not None else None
        network = build(name, n_classes=n_classes, dims=dims if batch.frames is not None else None, image_shape=shape)
        with _counting() as counter:
            rows = layers(network, batch)
    return dataclasses.replace(
        table_of(member),
        inputs={kind: _shape(value) for kind, value in vars(batch).items() if kind in member.reads and value is not None},
        n_classes=n_classes,
        layers=[Layer(*row) for row in rows],
        parameters=_count(network),
        trained=sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad),
        as_keras=keras_count(network),
        operations=counter.get_total_flops() if rows else None,
    )


def write_facts(path: Path = facts.PATH) -> None:
    """Write facts.json anew, of the models of this package: what ``make facts`` does."""
    own = [member.name for member in MODELS if member.network.__module__.startswith("featurekit.models.")]
    records = [facts_of(name).to_record() for name in own]
    path.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", "utf-8")


@contextlib.contextmanager
def _counting() -> Iterator[FlopCounterMode]:
    """Count floating-point operations. The layers of oneDNN are not counted, so torch's own compute here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the flags of another maker's GPU
        with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
            yield counter


def layers(network: nn.Module, batch: Any) -> list[tuple[str, str, str, int]]:
    """Name, type, output shape and parameters of a network's parts, in the order they run on a batch.

    Parts that are networks of their own (a branch of a fusion) and the stages of a backbone are shown one level deeper.
    """
    shapes: dict[str, str] = {}
    names = {module: part for part, module in _parts(network)}

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        first = output.embedding if isinstance(output, Output) else output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor):
            shapes.setdefault(names[module], _shape(first))

    if not names:  # a classical model, which has no layers and runs only when it was fitted
        return []
    hooks = [module.register_forward_hook(note) for module in names]
    mode = network.training
    try:
        with torch.inference_mode():
            network.eval()(batch)
    finally:
        network.train(mode)
        for hook in hooks:
            hook.remove()
    order = [*shapes, *(part for part in names.values() if part not in shapes)]
    modules = {part: module for module, part in names.items()}
    rows = [(part, modules[part]) for part in order]
    return [(part, type(module).__name__, shapes.get(part, ""), _count(module)) for part, module in rows]


def _parts(module: nn.Module, above: str = "") -> Iterator[tuple[str, nn.Module]]:
    networks = {member.network for member in MODELS}
    for name, child in module.named_children():
        if not isinstance(child, nn.ModuleList):
            yield above + name, child
        if isinstance(child, Backbone):
            yield from _parts(child.net, f"{above}{name}.")
        elif type(child) in networks or isinstance(child, nn.ModuleList) or _has_backbone(child):
            yield from _parts(child, f"{above}{name}.")


def _has_backbone(module: nn.Module) -> bool:
    return any(isinstance(child, Backbone) for child in module.children())


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape))
