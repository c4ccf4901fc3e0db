"""MultiNet: a DenseNet and a ResNet side by side (Banerjee, Huang, Lettiere 2021, section 4.1, tables 5 and 6).

What a network reads goes with the network, whether it is Model A or Model B: a DenseNet the columns mel, MFCC and tonnetz, a
ResNet all. Its pooled vector goes through a linear layer to an output of table 5's size; both are concatenated and go through
a final unit:

========  ==================================================
D1, R1    DenseNet-201, ResNet-50; output of 1024
D2, R2    DenseNet-201, ResNet-50; output of 32
D3, R3    DenseNet-121, ResNet-18; output of 32
A1        dropout, linear (2048, 512), ReLU, linear (512, K)
A2        linear (2048, K)
A3        linear (64, K)
A4        dropout, linear (64, K)
========  ==================================================

Any two of one size combine, as in table 6, whose text has DenseNets as Model A alone and whose rows R2-D2 and D2-D2 do not.
D3 with R3, A3 and learning rate 1e-3 was their best and is the default; they tried 1e-4, too. The notes of the table name a
dropout in each row; A2 and A3 have none. "We transfer the ResNet and DenseNet weights from their respective best performing
models and fine-tune the entire MultiNet": ``model_a`` and ``model_b`` are the registered networks densenet121, densenet201,
resnet18 and resnet50, so that ``[init]`` takes finished runs of these, or of the stitched ones, of which the backbone counts:
class layers and stitched layers are not used. Adam; weight decay, batch and epochs are those of the two networks, and
validation accuracy (WA) chooses the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import fit_frames, target_frames
from featurekit.models.logistic import BANERJEE
from featurekit.models.pictures import PictureClassifier
from featurekit.models.resnet import BANERJEE_RECIPE

# Table 5: network and size of its output.
_NETWORKS: dict[str, tuple[str, int]] = {
    "D1": ("densenet201", 1024),
    "D2": ("densenet201", 32),
    "D3": ("densenet121", 32),
    "R1": ("resnet50", 1024),
    "R2": ("resnet50", 32),
    "R3": ("resnet18", 32),
}
_UNITS = {"A1": 2048, "A2": 2048, "A3": 64, "A4": 64}
_WITH_DROPOUT = ("A1", "A4")
_DROPOUT = 0.5


@model("multinet", recipe={**BANERJEE_RECIPE, "lr": 1e-3}, paper=BANERJEE, dims=301, features="banerjee2021")
class MultiNet(nn.Module):
    """Two image networks on different columns, fused by linear layers.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    columns : mapping or None
        Column → slice of D; without it a DenseNet reads all of D.
    a, b : {"D1", "D2", "D3", "R1", "R2", "R3"}
        Model A and Model B of table 5.
    unit : {"A1", "A2", "A3", "A4"}
        The final unit.
    densenet_columns : sequence of str
        What a DenseNet reads: names of columns, with or without their preset.
    n_frames : int
        Columns of the picture.
    dropout : float or None
        Of A1 and A4, which have 0.5 without it.
    weights : str
        Initial weights of both networks: "" or "imagenet".

    Raises
    ------
    UnknownNameError
        For a network or unit that table 5 does not have.
    ParameterError
        When sizes do not add up to what the unit takes, one of ``densenet_columns`` is not there, or the unit has no dropout.
    """

    dims_a: Tensor | None
    dims_b: Tensor | None

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        columns: Mapping[str, slice] | None,
        a: str = "D3",
        b: str = "R3",
        unit: str = "A3",
        densenet_columns: Sequence[str] = ("mel", "mfcc", "tonnetz"),
        n_frames: int,
        dropout: float | None = None,
        weights: str = "",
    ) -> None:
        super().__init__()
        size = _size(a, b, unit)
        if dropout is not None and unit not in _WITH_DROPOUT:
            having = " and ".join(_WITH_DROPOUT)
            raise ParameterError(f"unit {unit} has no dropout, and dropout is {dropout!r}; leave it out ({having} have one)")
        self.n_frames = n_frames
        # A list would be sent to a GPU in every step; no state, for it follows from the data.
        for place, network in (("dims_a", a), ("dims_b", b)):
            dense = network.startswith("D")
            read = torch.tensor(_dims_of(columns, densenet_columns, dims)) if dense else None
            self.register_buffer(place, read, persistent=False)
        self.model_a, self.out_a = _branch(a, n_classes, n_frames, weights)
        self.model_b, self.out_b = _branch(b, n_classes, n_frames, weights)
        first = [nn.Dropout(_DROPOUT if dropout is None else dropout)] if unit in _WITH_DROPOUT else []
        self.unit = nn.Sequential(*first, *([nn.Linear(size, 512), nn.ReLU()] if unit == "A1" else []))
        self.classes = nn.Linear(512 if unit == "A1" else size, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 64), with D1 and R1 (B, 2048): both outputs.
        """
        rows = fit_frames(*target_frames(batch), self.n_frames).transpose(1, 2)[:, None]  # (B, 1, 301, 250)
        one = self.out_a(self.model_a.backbone(_of(rows, self.dims_a)))  # (B, 32)
        two = self.out_b(self.model_b.backbone(_of(rows, self.dims_b)))  # (B, 32)
        both = torch.cat([one, two], dim=1)  # (B, 64)
        return Output(self.classes(self.unit(both)), both)


def _size(a: str, b: str, unit: str) -> int:
    for name, known in ((a, _NETWORKS), (b, _NETWORKS), (unit, _UNITS)):
        if name not in known:
            raise UnknownNameError("network or unit of table 5", name, [*_NETWORKS, *_UNITS])
    size = _NETWORKS[a][1] + _NETWORKS[b][1]
    if size != _UNITS[unit]:
        fitting = ", ".join(name for name, wanted in _UNITS.items() if wanted == size) or "no unit"
        raise ParameterError(f"{a} and {b} give {size} numbers and {unit} takes {_UNITS[unit]}; {fitting} takes {size}")
    return size


def _branch(name: str, n_classes: int, n_frames: int, weights: str) -> tuple[PictureClassifier, nn.Linear]:
    variant, size = _NETWORKS[name]
    network = PictureClassifier(variant, n_classes=n_classes, n_frames=n_frames, weights=weights)
    network.classes.requires_grad_(False)
    return network, nn.Linear(network.backbone.dims_out, size)


def _of(rows: Tensor, dims: Tensor | None) -> Tensor:
    return rows if dims is None else rows.index_select(2, dims)


def _dims_of(columns: Mapping[str, slice] | None, wanted: Sequence[str], dims: int) -> list[int]:
    """Numbers of the dimensions a DenseNet reads."""
    if columns is None:
        return list(range(dims))
    read: list[int] = []
    for one in wanted:
        found = [range(dims)[part] for name, part in columns.items() if one in (name, name.rsplit("/", 1)[-1])]
        if not found:
            raise ParameterError(
                f"a DenseNet of multinet reads {', '.join(wanted)}, and there is no {one} among {', '.join(columns)}; "
                "give features = banerjee2021, or name other columns in densenet_columns"
            )
        read += [number for part in found for number in part]
    return sorted(set(read))
