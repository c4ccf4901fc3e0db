"""Stitched ResNet-50 and DenseNet-201: three linear layers on top (Banerjee, Huang, Lettiere 2021, figures 1 and 2).

The pooled vector of the backbone goes through three fully connected layers with leaky ReLU between; their sizes are not
given, 512 and 128 are ours. ResNet-50 reads all five features, DenseNet-201 mel, MFCC and tonnetz. From ImageNet's weights
(``weights = "imagenet"``), Adam, batch 32, 40 epochs, fewer when ten gain less than 1 % on the ten before. Learning rate 1e-6
and weight decay 1e-3 were the best of a search over learning rates 1e-3 to 1e-6 and weight decays 1e-2 to 1e-4. 1e-6 is too
small to train from random weights. Validation accuracy (WA) chooses the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from featurekit.errors import ParameterError
from featurekit.models import model
from featurekit.models.densenet import MEL_MFCC_TONNETZ
from featurekit.models.logistic import BANERJEE
from featurekit.models.pictures import PictureClassifier
from featurekit.models.resnet import BANERJEE_RECIPE

_FACTS: dict[str, Any] = {
    "reads": ("images", "frames"),
    "either": True,
    "recipe": {**BANERJEE_RECIPE, "lr": 1e-6},
    "paper": BANERJEE,
}


@model("resnet50-stitched", **_FACTS, dims=301, features="banerjee2021", fixed={"variant": "resnet50"})
@model("densenet201-stitched", **_FACTS, dims=282, features=MEL_MFCC_TONNETZ, fixed={"variant": "densenet201"})
class Stitched(PictureClassifier):
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
        self, *, n_classes: int, variant: str, n_frames: int, dense: Sequence[int] = (512, 128), weights: str = ""
    ) -> None:
        if len(dense) != 2 or min(dense) < 1:
            raise ParameterError(f"dense is {tuple(dense)}; expected the sizes of two layers")
        super().__init__(variant, n_classes=n_classes, n_frames=n_frames, weights=weights, dense=dense)
