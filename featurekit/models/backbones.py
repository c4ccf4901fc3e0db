"""Backbones: torchvision's image networks without their class layer, from random or ImageNet weights, frozen or not.

Pictures come standardised by the run's normaliser (mean 0, standard deviation 1 over the training part), which is what
ImageNet's mean and standard deviation do to photographs: they are not normalised a second time. With one input channel
the pretrained weights of red, green and blue are summed, which equals showing a gray picture three times.

Random weights are torchvision's own, but for AlexNet and VGG, which have no normalisation: theirs shrink what tells two
pictures apart 3,000 and 250 times on the way, and training from scratch may then end in constants (:func:`keep_variance`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from featurekit.errors import MissingDependencyError, ParameterError, UnknownNameError
from featurekit.torchvision_mend import torchvision_models

TRAIN = ("all", "last", "head")


@dataclass(frozen=True)
class _Family:
    """Modules of the last block (a negative part counts children from the end); smallest side of a picture in pixels."""

    last: tuple[str, ...]
    smallest: int = 1


# By the beginning of a name. The fully connected layers of the two oldest count as their last block.
_FAMILIES = {
    "alexnet": _Family(("classifier",), 63),
    "densenet": _Family(("features.-2", "features.-1"), 32),
    "mobilenet_v2": _Family(("features.-2", "features.-1")),
    "resnet": _Family(("layer4",)),
    "resnext": _Family(("layer4",)),
    "vgg": _Family(("classifier",), 32),
    "vit": _Family(("encoder.layers.-1", "encoder.ln")),
    "wide_resnet": _Family(("layer4",)),
}
_WITHOUT_NORMALISATION = ("alexnet", "vgg")


class Backbone(nn.Module):
    """A torchvision network up to the vector before its class layer.

    Parameters
    ----------
    name : str
        torchvision's: resnet18 … resnet152, alexnet, vgg16, densenet121 … densenet201, mobilenet_v2, vit_b_16, …
    weights : str
        Initial weights: "" for random ones; "imagenet" for those in torchvision's cache of this machine, which is only
        read, never filled; or a .safetensors or .pth file of torchvision's keys (with or without the class layer).
    train : {"all", "last", "head"}
        What is trained: everything; the last block; or nothing of the backbone. Batch normalisation in a frozen part
        keeps its statistics, and dropout there does nothing.
    channels : {1, 3}
        Of the first convolution; with 3 the gray picture is shown three times.
    size : int
        Resize pictures to size x size; 0 leaves them, but a ViT, whose positions are learnt, takes 224.

    Attributes
    ----------
    dims_out : int
        E of the result.

    Raises
    ------
    UnknownNameError
        For a network that torchvision does not have or whose parts are not known here.
    ParameterError
        When the weights are missing or of another network; the message names the first key that differs.
    """

    def __init__(self, name: str, *, weights: str = "", train: str = "all", channels: int = 1, size: int = 0) -> None:
        super().__init__()
        if train not in TRAIN:
            raise ParameterError(f"train is {train!r}; expected {', '.join(TRAIN)}")
        if channels not in (1, 3):
            raise ParameterError(f"channels is {channels}; expected 1, or 3 as the photographs had")
        family = _family(name)
        self.size = size or (224 if name.startswith("vit") else 0)
        self.smallest, self.channels = family.smallest, channels
        shape = {"image_size": self.size} if name.startswith("vit") else {}
        self.net = getattr(torchvision_models(), name)(weights=None, **shape)
        head, linear = [item for item in self.net.named_modules() if isinstance(item[1], nn.Linear)][-1]
        self.dims_out: int = linear.in_features
        _put(self.net, head, nn.Identity())
        if weights:
            path = imagenet_file(name) if weights == "imagenet" else Path(weights).expanduser()
            self._load(name, path, head)
        if channels == 1:
            _take_gray(self.net, pretrained=bool(weights))
        if not weights and name.startswith(_WITHOUT_NORMALISATION):
            keep_variance(self.net)
        self.trained = train
        self._frozen = self._freeze(family.last)
        self.train()

    def forward(self, pictures: Tensor) -> Tensor:
        """One vector a picture.

        Parameters
        ----------
        pictures : tensor (N, 1, H, W)
            Gray, standardised. What is too small for the network's strides is enlarged first.

        Returns
        -------
        tensor (N, dims_out)
        """
        pictures = _resized(pictures, self.size, self.size) if self.size else at_least(pictures, self.smallest)
        return self.net(pictures.expand(-1, self.channels, -1, -1))

    def train(self, mode: bool = True) -> Backbone:
        """Training mode for what is trained; the frozen part stays in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.train(False)
        return self

    def _freeze(self, last: tuple[str, ...]) -> list[nn.Module]:
        """Take gradients from what is not trained; returns the modules without children in it."""
        if self.trained == "all":
            return []
        open_blocks = [_child(self.net, path) for path in last] if self.trained == "last" else []
        kept = {module for block in open_blocks for module in block.modules()}
        self.net.requires_grad_(False)
        for block in open_blocks:
            block.requires_grad_(True)
        return [module for module in self.net.modules() if module not in kept and not list(module.children())]

    def _load(self, name: str, path: Path, head: str) -> None:
        found = {_modern(key): value for key, value in read_weights(path).items() if not key.startswith(f"{head}.")}
        if name.startswith("vit") and "encoder.pos_embedding" in found:
            resample = torchvision_models().vision_transformer.interpolate_embeddings
            found = dict(resample(self.size, self.net.patch_size, found))
        unlike = first_difference(found, self.net.state_dict())
        if unlike:
            raise ParameterError(
                f"{path} does not hold weights of {name}: {unlike}; "
                "give weights of the same torchvision network, or leave them out"
            )
        self.net.load_state_dict(found, strict=False)


def first_difference(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """The first key of a file's state and a network's whose shape differs, in words; empty where all are alike."""
    for key in [*own, *found]:
        shapes = [tuple(state[key].shape) if key in state else None for state in (found, own)]
        if shapes[0] != shapes[1] and not key.endswith("num_batches_tracked"):
            there, here = (f"has the shape {shape}" if shape is not None else "is missing" for shape in shapes)
            return f"{key!r} {there} in the file and {here} in the network"
    return ""


def at_least(pictures: Tensor, side: int) -> Tensor:
    """Pictures (N, 1, H, W), a side shorter than ``side`` pixels enlarged to it."""
    height, width = pictures.shape[-2:]
    return _resized(pictures, max(height, side), max(width, side))


def keep_variance(network: nn.Module) -> None:
    """Initial weights after which layers with ReLU keep the variance of what they get (He et al. 2015, equation 10)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def backbone_parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    """Trainable parameters of every backbone in a model: those that want a smaller learning rate than what is new."""
    for module in model.modules():
        if isinstance(module, Backbone):
            yield from (value for value in module.parameters() if value.requires_grad)


def imagenet_file(name: str) -> Path:
    """Where torchvision's cache holds the ImageNet weights of a network; nothing is downloaded.

    Raises
    ------
    ParameterError
        When the cache has none; the message names file and folder, and how to get it.
    """
    published = torchvision_models().get_model_weights(name)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    urls = [member.url for member in (published.DEFAULT, *published)]
    paths = [folder / url.rsplit("/", 1)[1] for url in urls]
    for path in paths:
        if path.is_file():
            return path
    raise ParameterError(
        f"weights 'imagenet' of {name} are read from {folder}, which has no {paths[0].name}; get it once: "
        f"mkdir -p {folder} && curl -o {paths[0]} {urls[0]}, or give a file as weights, or leave them out"
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name → tensor of a .safetensors file, or of a .pth file that holds tensors only.

    Raises
    ------
    ParameterError
        When there is no such file, or it holds something else.
    """
    if not path.is_file():
        raise ParameterError(f"there is no file {str(path)!r} with weights; expected 'imagenet', a .safetensors or a .pth file")
    try:
        if path.suffix == ".safetensors":
            found = _load_safetensors(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except MissingDependencyError:
        raise
    except Exception:  # a damaged file raises whatever its bytes lead to, and torch's advice is to read it unsafely
        raise ParameterError(
            f"{path} is damaged, or holds more than tensors; give a .safetensors file, or a .pth file of a plain state_dict"
        ) from None
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ParameterError(f"{path} holds a {type(found).__name__}, not a mapping of names to tensors (a state_dict)")
    return dict(found)


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError:
        raise MissingDependencyError(f"{path.name} needs safetensors; pip install 'featurekit[train]'") from None
    return load_file(path)


def _family(name: str) -> _Family:
    known = torchvision_models().list_models(module=torchvision_models())
    known = [item for item in known if item.startswith(tuple(_FAMILIES))]
    if name not in known:
        raise UnknownNameError("backbone", name, known)
    return next(family for beginning, family in _FAMILIES.items() if name.startswith(beginning))


def _child(module: nn.Module, path: str) -> nn.Module:
    for part in path.split("."):
        module = list(module.children())[int(part)] if part.startswith("-") else getattr(module, part)
    return module


def _put(module: nn.Module, path: str, new: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, new)


def _take_gray(net: nn.Module, *, pretrained: bool) -> None:
    """One input channel: the sum of pretrained weights; of random ones the first, which keeps their variance."""
    name, old = next(item for item in net.named_modules() if isinstance(item[1], nn.Conv2d))
    new = nn.Conv2d(1, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)  # type: ignore[arg-type]
    with torch.no_grad():
        new.weight.copy_(old.weight.sum(dim=1, keepdim=True) if pretrained else old.weight[:, :1])
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    _put(net, name, new)


def _resized(pictures: Tensor, height: int, width: int) -> Tensor:
    if pictures.shape[-2:] == (height, width):
        return pictures
    return nn.functional.interpolate(pictures, (height, width), mode="bilinear", align_corners=False, antialias=True)


# Files of densenets are older than torchvision's present names: "denselayer1.norm.1.weight" is "denselayer1.norm1.weight".
_OLD_DENSE = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=[12]\.)")


def _modern(key: str) -> str:
    return _OLD_DENSE.sub(r"\1", key)
