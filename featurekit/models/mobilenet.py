"""MobileNetV2 (Sandler et al. 2018) on one utterance: a spectrogram image, or its frames as a one-channel picture.

As :mod:`featurekit.models.resnet`, around the smallest of the backbones, 2.2 million parameters, which a CPU can fine-tune from
ImageNet's weights: ``weights`` is a file of torchvision's keys, or "imagenet". Recipe and features are ours.
"""

from __future__ import annotations

from featurekit.models import model
from featurekit.models.pictures import PictureClassifier
from featurekit.models.resnet import SCRATCH_RECIPE


@model(
    "mobilenet-v2",
    reads=("images", "frames"),
    either=True,
    recipe=SCRATCH_RECIPE,
    paper="Sandler, Howard, Zhu, Zhmoginov, Chen 2018: MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    features="mel256",
)
class MobileNetV2(PictureClassifier):
    """torchvision's MobileNetV2 on the target utterance.

    Parameters
    ----------
    n_classes : int
        K.
    n_frames : int
        Columns of the picture that frames become; images keep their size.
    weights : str
        Initial weights of :class:`~featurekit.models.backbones.Backbone`: "", "imagenet" or a file.
    train : {"all", "last", "head"}
        What of the network is trained. Its own dropout of 0.2 before the class layer works with "all" alone.
    """

    def __init__(self, *, n_classes: int, n_frames: int, weights: str = "", train: str = "all") -> None:
        super().__init__("mobilenet_v2", n_classes=n_classes, n_frames=n_frames, weights=weights, train=train)
