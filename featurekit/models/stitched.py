"""Stitched ResNet-50 and DenseNet-201: three linear layers on top (Banerjee, Huang, Lettiere 2021, figures 1 and 2).

The pooled vector of the backbone goes through three fully connected layers with leaky ReLU between; their sizes are not
given, 512 and 128 are ours. ResNet-50 reads all five features, DenseNet-201 mel, MFCC and tonnetz. From ImageNet's weights
(``weights = "imagenet"``), Adam, batch 32, 40 epochs, the best of a search: learning rate 1e-6, weight decay 1e-3; the search
was over learning rates 1e-3 to 1e-6 and weight decays 1e-2 to 1e-4. 1e-6 is too small to train from random weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.backbones import Backbone
from featurekit.models.densenet import MEL_MFCC_TONNETZ
from featurekit.models.layers import picture
from featurekit.models.logistic import BANERJEE

_RECIPE = {"lr": 1e-6, "weight_decay": 1e-3, "epochs": 40, "batch_size": 32, "n_frames": 250}


@model(
    "resnet50-stitched",
    reads=("images", "frames"),
    either=True,
    recipe=_RECIPE,
    paper=BANERJEE,
    dims=301,
    features="banerjee2021",
    fixed={"variant": "resnet50"},
)
@model(
    "densenet201-stitched",
    reads=("images", "frames"),
    either=True,
    recipe=_RECIPE,
    paper=BANERJEE,
    dims=282,
    features=MEL_MFCC_TONNETZ,
    fixed={"variant": "densenet201"},
)
class Stitched(nn.Module):
    """A torchvision network and three linear layers.

    Parameters
    ----------
    n_classes : int
        K.
    variant : {"resnet50", "densenet201"}
        Which of torchvision's.
    n_frames : int
        Columns of the picture that frames become; images keep their size.
    dense : (int, int)
        Outputs of the first two linear layers.
    weights : str
        Initial weights of :class:`~featurekit.models.backbones.Backbone`: "", "imagenet" or a file.

    Raises
    ------
    ParameterError
        When ``dense`` is not two sizes.
    """

    def __init__(
        self, *, n_classes: int, variant: str, n_frames: int = 250, dense: Sequence[int] = (512, 128), weights: str = ""
    ) -> None:
        super().__init__()
        if len(dense) != 2 or min(dense) < 1:
            raise ParameterError(f"dense is {tuple(dense)}; expected the sizes of two layers")
        self.n_frames = n_frames
        self.backbone = Backbone(variant, weights=weights)
        first, second = dense
        sizes = (nn.Linear(self.backbone.dims_out, first), nn.LeakyReLU(), nn.Linear(first, second), nn.LeakyReLU())
        self.dense = nn.Sequential(*sizes)
        self.classes = nn.Linear(second, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance; its image where the batch has one, else its frames.

        Parameters
        ----------
        batch : Inputs
            ``images`` (B, C, H, W) or ``frames`` (B, C, T, D) with ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 128): before the class layer.
        """
        embedding = self.dense(self.backbone(picture(batch, self.n_frames)))  # (B, 128)
        return Output(self.classes(embedding), embedding)
