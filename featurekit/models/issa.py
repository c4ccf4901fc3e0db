"""One-dimensional CNN on time means (Issa, Demirci, Yazici 2020), the second baseline of Banerjee, Huang, Lettiere 2021.

The means over time of five features are a signal along the features' dimensions. Neither paper is here with its layers, so
these are ours after Issa's description: conv 256 and conv 128, dropout, max pooling by 8, three times conv 128, all of width
5, padded, with ReLU; dropout; linear to K. Recipe of table 1: learning rate 1e-5, weight decay 1e-6, batch 16, 700 epochs,
with Adam, as "for all of the initial networks except ViT"; fewer when ten epochs gain less than 1 % on the ten before. Their
tables have the best of it at epochs 437 to 685, and no accuracy rises by a hundredth in each ten epochs for so long: that
rule and these epochs contradict each other. The rule ends a run early; ``improvement_epochs = 700`` lets all epochs run.
Validation accuracy (WA) chooses the epoch, as in the tables.

The preset ``issa2020`` has the means as stored vectors (tonnetz of the harmonic part); frames of ``banerjee2021`` are
averaged here.
"""

from __future__ import annotations

from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import masked_mean, target_frames

_RECIPE = {"lr": 1e-5, "weight_decay": 1e-6, "epochs": 700, "batch_size": 16, "improvement": 0.01, "monitor": "wa"}
_POOL = 8


@model(
    "issa",
    recipe=_RECIPE,
    paper="Issa, Demirci, Yazici 2020: Speech emotion recognition with deep convolutional neural networks",
    dims=301,
    features="issa2020",
)
class Issa(nn.Module):
    """One-dimensional CNN along the dimensions of a mean vector.

    Parameters
    ----------
    dims : int
        D of the frames, at least 8.
    n_classes : int
        K.
    dropout1, dropout2 : float
        Before the pooling, and before the class layer.

    Raises
    ------
    ParameterError
        When there are too few dimensions to pool.
    """

    def __init__(self, *, dims: int, n_classes: int, dropout1: float = 0.1, dropout2: float = 0.2) -> None:
        super().__init__()
        if dims < _POOL:
            raise ParameterError(f"issa pools {_POOL} dims into one; got {dims} dims")
        self.front = nn.Sequential(*_conv(1, 256), *_conv(256, 128), nn.Dropout(dropout1), nn.MaxPool1d(_POOL))
        self.back = nn.Sequential(*_conv(128, 128), *_conv(128, 128), *_conv(128, 128))
        self.dropout = nn.Dropout(dropout2)
        self.classes = nn.Linear(128 * (dims // _POOL), n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 128 * (D // 8)).
        """
        x = masked_mean(*target_frames(batch))[:, None]  # (B, 1, D)
        embedding = self.back(self.front(x)).flatten(1)  # (B, 128 * (D // 8))
        return Output(self.classes(self.dropout(embedding)), embedding)


def _conv(before: int, after: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv1d(before, after, 5, padding=2), nn.ReLU()
