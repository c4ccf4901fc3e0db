"""Vision Transformer (Dosovitskiy et al. 2020) on one utterance, as Banerjee, Huang, Lettiere 2021 use it.

torchvision's ViT-B/16: twelve blocks and a class layer; the picture is resized to 224 x 224. Everything but the class layer is
frozen (``train = "head"``), or the last block learns too (``train = "last"``, their better one and the default). That makes
sense from ImageNet's weights: ``weights = "imagenet"``. AdamW, learning rate 5e-5, no weight decay, batch 32, 400 epochs,
fewer when ten gain less than 1 % on the ten before; validation accuracy (WA) chooses the epoch.
"""

from __future__ import annotations

from featurekit.models import model
from featurekit.models.pictures import PictureClassifier

_RECIPE = {
    "lr": 5e-5,
    "epochs": 400,
    "batch_size": 32,
    "optimizer": "adamw",
    "improvement": 0.01,
    "n_frames": 250,
    "monitor": "wa",
}


@model(
    "vit",
    reads=("images", "frames"),
    either=True,
    recipe=_RECIPE,
    paper="Dosovitskiy et al. 2020: An Image is Worth 16x16 Words",
    dims=301,
    features="banerjee2021",
)
class ViT(PictureClassifier):
    """ViT-B/16 on the target utterance.

    Parameters
    ----------
    n_classes : int
        K.
    n_frames : int
        Columns of the picture that frames become; images keep their size.
    weights : str
        Initial weights of :class:`~featurekit.models.backbones.Backbone`: "", "imagenet" or a file.
    train : {"last", "head", "all"}
        What of the network is trained, besides the class layer.
    side : int
        Pixels the picture is resized to, in both directions; a multiple of 16.
    """

    def __init__(self, *, n_classes: int, n_frames: int, weights: str = "", train: str = "last", side: int = 224) -> None:
        super().__init__("vit_b_16", n_classes=n_classes, n_frames=n_frames, weights=weights, train=train, size=side)
