"""ResNet (He et al. 2016) on one utterance: a spectrogram image, or its frames as a one-channel picture.

``resnet50`` has the recipe of Banerjee, Huang, Lettiere 2021: 301 x 250 stacked features, Adam, lr 1e-4, weight decay 1e-3,
batch 32, 40 epochs, fewer when ten gain less than 1 % on the ten before; validation accuracy (WA) chooses the epoch; they start
from ImageNet's weights (``weights = "imagenet"``). The two smaller ones are ours, from scratch: lr 1e-3 with a cosine
schedule. How frames become a picture: :mod:`featurekit.models.pictures`.
"""

from __future__ import annotations

from typing import Any

from featurekit.models import model
from featurekit.models.pictures import PictureClassifier

SCRATCH_RECIPE = {
    "lr": 1e-3,
    "weight_decay": 1e-3,
    "epochs": 40,
    "batch_size": 32,
    "optimizer": "adamw",
    "schedule": "cosine",
    "warmup_epochs": 2,
    "n_frames": 256,
}
BANERJEE_RECIPE = {
    "lr": 1e-4,
    "weight_decay": 1e-3,
    "epochs": 40,
    "batch_size": 32,
    "improvement": 0.01,
    "n_frames": 250,
    "monitor": "wa",
}
_FACTS: dict[str, Any] = {
    "reads": ("images", "frames"),
    "either": True,
    "paper": "He, Zhang, Ren, Sun 2016: Deep Residual Learning for Image Recognition",
}


@model("resnet18", **_FACTS, recipe=SCRATCH_RECIPE, features="mel256", fixed={"variant": "resnet18"})
@model("resnet34", **_FACTS, recipe=SCRATCH_RECIPE, features="mel256", fixed={"variant": "resnet34"})
@model("resnet50", **_FACTS, recipe=BANERJEE_RECIPE, features="banerjee2021", dims=301, fixed={"variant": "resnet50"})
class ResNet(PictureClassifier):
    """A torchvision ResNet on the target utterance.

    Parameters
    ----------
    n_classes : int
        K.
    variant : {"resnet18", "resnet34", "resnet50"}
        Which of torchvision's.
    n_frames : int
        Columns of the picture that frames become; images keep their size.
    dropout : float
        Before the class layer.
    weights : str
        Initial weights of :class:`~featurekit.models.backbones.Backbone`: "", "imagenet" or a file.
    train : {"all", "last", "head"}
        What of the network is trained.
    """

    def __init__(
        self, *, n_classes: int, variant: str, n_frames: int, dropout: float = 0.0, weights: str = "", train: str = "all"
    ) -> None:
        super().__init__(variant, n_classes=n_classes, n_frames=n_frames, dropout=dropout, weights=weights, train=train)
