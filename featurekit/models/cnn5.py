"""Five-layer CNN on stacked features as a picture (Banerjee, Huang, Lettiere 2021, figure 7).

Input 1 x 301 x 250. Conv 4x4 with 32 filters, stride 1, no padding, leaky ReLU; then four times conv, leaky ReLU, batch
normalisation; flatten (32 x 286 x 235 = 2,150,720); linear to K. Adam, learning rate 1e-4, weight decay 1e-3, batch 32, 80
epochs, fewer when ten epochs gain less than 1 % on the ten before; validation accuracy (WA) chooses the epoch. The slope of the
leaky ReLU, 0.01, is torch's.
"""

from __future__ import annotations

from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import fit_frames, target_frames
from featurekit.models.logistic import BANERJEE

_RECIPE = {
    "lr": 1e-4,
    "weight_decay": 1e-3,
    "epochs": 80,
    "batch_size": 32,
    "improvement": 0.01,
    "n_frames": 250,
    "monitor": "wa",
}
_FILTERS, _SIDE, _LAYERS = 32, 4, 5
_LOST = _LAYERS * (_SIDE - 1)  # pixels in each direction


@model("cnn5", recipe=_RECIPE, paper=BANERJEE, dims=301, features="banerjee2021")
class CNN5(nn.Module):
    """Five convolutions without pooling.

    Parameters
    ----------
    dims : int
        D of the frames, at least 16.
    n_classes : int
        K.
    n_frames : int
        Columns of the picture, at least 16.

    Raises
    ------
    ParameterError
        When the picture is too small.
    """

    def __init__(self, *, dims: int, n_classes: int, n_frames: int) -> None:
        super().__init__()
        height, width = dims - _LOST, n_frames - _LOST
        if min(height, width) < 1:
            raise ParameterError(
                f"cnn5 needs pictures of at least {_LOST + 1} x {_LOST + 1}; got {dims} dims x {n_frames} frames"
            )
        self.n_frames = n_frames
        self.first = nn.Sequential(nn.Conv2d(1, _FILTERS, _SIDE), nn.LeakyReLU())
        again = ((nn.Conv2d(_FILTERS, _FILTERS, _SIDE), nn.LeakyReLU(), nn.BatchNorm2d(_FILTERS)) for _ in range(_LAYERS - 1))
        self.blocks = nn.Sequential(*(nn.Sequential(*block) for block in again))
        self.classes = nn.Linear(_FILTERS * height * width, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 32): the mean of each filter of the last layer. (What is flattened has two million dimensions.)
        """
        x = fit_frames(*target_frames(batch), self.n_frames).transpose(1, 2)[:, None]  # (B, 1, 301, 250)
        x = self.blocks(self.first(x))  # (B, 32, 286, 235)
        return Output(self.classes(x.flatten(1)), x.mean(dim=(2, 3)))
