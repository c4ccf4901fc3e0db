"""Explanations: a model's paper, inputs, layers with shapes and parameters; and the run file that repeats its recipe."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from featurekit.models import MODELS, Model, Output, build, keras_count
from featurekit.models.backbones import Backbone

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
    slots = member.context
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
    member = MODELS.get(name)
    dims = dims or member.dims
    lines = [f"{name}: {member.paper}", "", inspect.getdoc(inspect.getmodule(member.network)) or "", ""]
    lines.append(f"reads: {_reads(member)}; context: {member.context}; features: {member.features or 'any'}")
    for title, values in (("recipe", _recipe(member)), ("hyper-parameters", member.hyper)):
        lines.append(f"{title}: " + (", ".join(f"{key} = {_toml(value)}" for key, value in values.items()) or "none"))
    with torch.random.fork_rng(devices=[]):
        batch = made_batch(member, dims=dims)
        shape = (_SIDE, _SIDE) if batch.images is not None else None
        network = build(name, n_classes=n_classes, dims=dims if batch.frames is not None else None, image_shape=shape)
        rows = layers(network, batch)
    kinds = {kind: value for kind, value in vars(batch).items() if kind in member.reads and value is not None}
    lines += [
        "",
        f"layers for {', '.join(f'{kind} {_shape(value)}' for kind, value in kinds.items())} and {n_classes} classes:",
    ]
    width = max((len(row[0]) for row in rows), default=0)
    lines += [f"  {part:<{width}}  {kind:<20} {shape:<20} {count:>12,}" for part, kind, shape, count in rows]
    total = _count(network)
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    as_keras = f", {keras_count(network):,} as Keras counts them" if keras_count(network) != total else ""
    frozen = f", {trained:,} of them trained" if trained != total else ""
    lines.append(f"parameters: {total:,}{frozen}{as_keras}" if total else "fitted once on the training part; no gradients")
    return "\n".join(lines)


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


def fragment(name: str) -> str:
    """A run file (TOML) with everything the paper's recipe says; only the store is yours to fill in.

    Raises
    ------
    UnknownNameError
        For a model that does not exist.
    """
    member = MODELS.get(name)
    lines = [f"# {name}: {member.paper}", 'store = "cache/NAME"', f"model = {_toml(name)}"]
    lines.append(f"features = {_toml(member.features)}" + ("" if member.features else "  # what the store has"))
    lines += ['split = "speaker-disjoint"', '# task = "emotion"  # the corpus\'s own by default', f"context = {member.context}"]
    lines += [f"augment = {_toml(list(member.augment))}", "", "[training]"]
    lines += [f"{key} = {_toml(value)}" for key, value in member.recipe.items() if value is not None]
    lines += ["", "[hyper]"]
    for key, value in member.hyper.items():
        note = '  # the paper starts from "imagenet", as torchvision\'s cache has it; "" is random' if key == "weights" else ""
        lines.append(("# " if value is None else "") + f"{key} = {_toml(value)}{note}")
    return "\n".join(lines)


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


def _reads(member: Model) -> str:
    return (" or " if member.either else " and ").join(member.reads)


def _recipe(member: Model) -> Mapping[str, Any]:
    return {**member.recipe, **({"augment": list(member.augment)} if member.augment else {})}


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape))


def _toml(value: Any) -> str:
    """Scalars and lists of them; JSON writes these as TOML does."""
    return json.dumps(value, ensure_ascii=False)
