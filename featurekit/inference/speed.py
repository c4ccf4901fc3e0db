"""Networks of pictures made ready to judge: batch normalisation folded into convolutions, bf16, each utterance seen once.

A ResNet-152 takes nearly all the time of a system that has one. Its convolutions can hold the batch normalisation after
them; a CPU with AVX512-BF16 computes them three times as fast in bf16 as in float32; and in a window of three utterances
two were seen before, when the window was elsewhere, so that their vectors need not be computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from featurekit.errors import ParameterError
from featurekit.models.backbones import Backbone
from featurekit.models.sbcnn import SBCNN

PRECISIONS = ("fp32", "bf16")


def ready(model: nn.Module, precision: str) -> nn.Module:
    """Make a model quick at judging, in place; it cannot be trained any more.

    Parameters
    ----------
    model : module
        In evaluation mode, on its device.
    precision : {"fp32", "bf16"}
        Of torchvision's networks in it; the rest of a model is small and stays float32.

    Raises
    ------
    ParameterError
        For another precision.
    """
    if precision not in PRECISIONS:
        raise ParameterError(f"precision is {precision!r}; expected {' or '.join(PRECISIONS)}")
    for module in model.modules():
        if isinstance(module, Backbone):
            if any(isinstance(inner, nn.BatchNorm2d) for inner in module.net.modules()):
                module.net = _folded(module.net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if precision == "bf16":
                module.net = _InBF16(module.net)
    for module in [*model.modules()]:
        if isinstance(module, SBCNN):
            module.cnn = Remembering(module.cnn)  # type: ignore[assignment]
    return model


def look_up(model: nn.Module, memories: Sequence[dict[Any, Any]]) -> None:
    """Tell a model whose utterances the next batch holds: their memories, slot by slot, without empty slots."""
    for module in model.modules():
        if isinstance(module, Remembering):
            module.memories = memories


class Remembering(nn.Module):
    """A network from pictures to vectors that computes the vector of an utterance once.

    Parameters
    ----------
    net : module
        (N, 1, H, W) → (N, E).
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.memories: Sequence[dict[Any, Any]] = ()

    def forward(self, pictures: Tensor) -> Tensor:
        """Vectors of pictures (N, 1, H, W), of which the n-th belongs to the n-th memory."""
        new = [place for place, memory in enumerate(self.memories) if self not in memory]
        if new:
            seen = pictures if len(new) == len(pictures) else pictures[new]
            for place, vector in zip(new, self.net(seen), strict=True):
                self.memories[place][self] = vector
        return torch.stack([memory[self] for memory in self.memories])


def _folded(net: nn.Module) -> nn.Module:
    """The same network with each batch normalisation that follows a convolution, and only that one, folded into it."""
    traced = fx.symbolic_trace(net)
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        before = node.args[0] if node.args else None
        norm = modules.get(str(node.target)) if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d) or not isinstance(before, fx.Node) or len(before.users) > 1:
            continue
        conv = modules.get(str(before.target)) if before.op == "call_module" else None
        if isinstance(conv, nn.Conv2d):
            traced.set_submodule(str(before.target), fuse_conv_bn_eval(conv, norm))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


class _InBF16(nn.Module):
    """A network with bf16 weights between float32 neighbours."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.bfloat16()

    def forward(self, pictures: Tensor) -> Tensor:
        return self.net(pictures.bfloat16()).float()
