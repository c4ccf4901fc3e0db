"""DenseNet (Huang et al. 2017) on one utterance: a spectrogram image, or its frames as a one-channel picture.

As :mod:`featurekit.models.resnet`, around another backbone. Banerjee, Huang, Lettiere 2021 feed DenseNet-201 the mel
spectrogram, MFCC and tonnetz as a picture of 282 x 250, from ImageNet's weights (``weights = "imagenet"``): Adam, learning
rate 1e-4, weight decay 1e-3, batch 32, 40 epochs; validation accuracy (WA) chooses the epoch.
"""

from __future__ import annotations

from typing import Any

from featurekit.models import model
from featurekit.models.pictures import PictureClassifier
from featurekit.models.resnet import BANERJEE_RECIPE

MEL_MFCC_TONNETZ = "banerjee2021/mel,banerjee2021/mfcc,banerjee2021/tonnetz"
_FACTS: dict[str, Any] = {
    "reads": ("images", "frames"),
    "either": True,
    "recipe": BANERJEE_RECIPE,
    "paper": "Huang, Liu, van der Maaten, Weinberger 2017: Densely Connected Convolutional Networks",
    "dims": 282,
    "features": MEL_MFCC_TONNETZ,
}


@model("densenet121", **_FACTS, fixed={"variant": "densenet121"})
@model("densenet201", **_FACTS, fixed={"variant": "densenet201"})
class DenseNet(PictureClassifier):
    """A torchvision DenseNet on the target utterance.

    Parameters
    ----------
    n_classes : int
        K.
    variant : {"densenet121", "densenet201"}
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
