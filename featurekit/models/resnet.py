"""ResNet (He et al. 2016) on one utterance: a spectrogram image, or its frames as a one-channel picture.

torchvision's network. Frames (T, D) become a picture of D rows and exactly ``n_frames`` columns, cut or padded with 0
(the mean, after normalisation), whatever the batch was padded to: a convolution would see the padding, so its amount
must not depend on batch-mates.

``resnet50`` has the recipe of Banerjee, Huang, Lettiere 2021: 301 x 250 stacked features, Adam, lr 1e-4, weight decay 1e-3,
batch 32, 40 epochs, fewer when ten gain less than 1 % on the ten before; they start from ImageNet's weights (``weights =
"imagenet"``). The two smaller ones are ours, from scratch: lr 1e-3 with a cosine schedule.
"""

from __future__ import annotations

from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.backbones import Backbone
from featurekit.models.layers import picture

_RECIPE = {
    "lr": 1e-3,
    "weight_decay": 1e-3,
    "epochs": 40,
    "batch_size": 32,
    "optimizer": "adamw",
    "schedule": "cosine",
    "warmup_epochs": 2,
}
BANERJEE_RECIPE = {"lr": 1e-4, "weight_decay": 1e-3, "epochs": 40, "batch_size": 32, "improvement": 0.01, "n_frames": 250}
_PAPER = "He, Zhang, Ren, Sun 2016: Deep Residual Learning for Image Recognition"


@model(
    "resnet18",
    reads=("images", "frames"),
    either=True,
    recipe=_RECIPE,
    paper=_PAPER,
    features="mel256",
    fixed={"variant": "resnet18"},
)
@model(
    "resnet34",
    reads=("images", "frames"),
    either=True,
    recipe=_RECIPE,
    paper=_PAPER,
    features="mel256",
    fixed={"variant": "resnet34"},
)
@model(
    "resnet50",
    reads=("images", "frames"),
    either=True,
    recipe=BANERJEE_RECIPE,
    paper=_PAPER,
    dims=301,
    features="banerjee2021",
    fixed={"variant": "resnet50"},
)
class ResNet(nn.Module):
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
        self, *, n_classes: int, variant: str, n_frames: int = 256, dropout: float = 0.0, weights: str = "", train: str = "all"
    ) -> None:
        super().__init__()
        if n_frames < 1:
            raise ParameterError(f"n_frames is {n_frames}; expected at least 1")
        self.n_frames = n_frames
        self.backbone = Backbone(variant, weights=weights, train=train)
        self.classes = nn.Linear(self.backbone.dims_out, n_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance; its image where the batch has one, else its frames.

        Parameters
        ----------
        batch : Inputs
            ``images`` (B, C, H, W) or ``frames`` (B, C, T, D) with ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 512), 2048 for resnet50: the pooled last layer.
        """
        pooled = self.backbone(picture(batch, self.n_frames))  # (B, 512)
        return Output(self.classes(self.dropout(pooled)), pooled)
