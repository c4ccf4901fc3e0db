"""CNN2D of the CS 582 project: three convolutions over a 128 x 128 log-mel picture, "the original work of other people".

As in its Keras summary: Conv 5x5 256, batch normalisation, pooling, dropout; Conv 3x3 128, the same; Conv 3x3 64, batch
normalisation; flatten (50176 for 128 x 128); Dense 64; Dense K. No convolution is padded. The report does not say what the
picture is: ours is 128 bands of a log-mel spectrogram (``mel(n_mels=128)``) by the first 128 frames, cut or padded with
0. It does not name activations, dropout or the learning rate either: ReLU, 0.3 and Keras's RMSprop are ours, and so is
stopping after 10 epochs without a better development UA, which also chooses the epoch: it says only "early stopping", not
on what. Keras's own default is the validation loss (``monitor = "loss"``), and its last epoch stays. Of
RMSprop's epsilon see :mod:`featurekit.models.lstm_stack`.

What a Keras summary leaves to Keras is Keras's: batch normalisation with momentum 0.99 (torch counts it from the other end,
0.01) and epsilon 1e-3; weights start Glorot-uniform, biases at 0.
"""

from __future__ import annotations

from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import fit_frames, start_as_keras, target_frames

_RECIPE = {"lr": 1e-3, "epochs": 50, "batch_size": 32, "optimizer": "rmsprop", "patience": 10, "n_frames": 128}
_SMALLEST = 20  # what three unpadded convolutions and two poolings leave one pixel of
# Of batch normalisation; torch's momentum is the share of the new batch, Keras's that of what was there.
_KERAS_EPSILON, _KERAS_MOMENTUM = 1e-3, 1 - 0.99


@model(
    "cnn2d",
    recipe=_RECIPE,
    paper="CS 582 project report: Audio Sentiment Analysis (CNN2D)",
    dims=128,
    features="mel(n_mels=128)",
)
class CNN2D(nn.Module):
    """Two-dimensional CNN on the target utterance's frames.

    Parameters
    ----------
    dims : int
        D of the frames, at least 20.
    n_classes : int
        K.
    n_frames : int
        Columns of the picture, at least 20.
    dropout : float
        After each pooling.

    Raises
    ------
    ParameterError
        When the picture is too small.
    """

    def __init__(self, *, dims: int, n_classes: int, n_frames: int, dropout: float = 0.3) -> None:
        super().__init__()
        if min(dims, n_frames) < _SMALLEST:
            raise ParameterError(
                f"cnn2d needs pictures of at least {_SMALLEST} x {_SMALLEST}; got {dims} dims x {n_frames} frames"
            )
        self.n_frames = n_frames
        pooled = [nn.MaxPool2d(2), nn.Dropout(dropout)]
        self.conv1 = nn.Sequential(nn.Conv2d(1, 256, 5), nn.ReLU(), _norm(256), *pooled)
        self.conv2 = nn.Sequential(nn.Conv2d(256, 128, 3), nn.ReLU(), _norm(128), *pooled)
        self.conv3 = nn.Sequential(nn.Conv2d(128, 64, 3), nn.ReLU(), _norm(64))
        height, width = (((side - 4) // 2 - 2) // 2 - 2 for side in (dims, n_frames))
        self.dense = nn.Linear(64 * height * width, 64)
        self.classes = nn.Linear(64, n_classes)
        start_as_keras(self)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D) and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 64): Dense 64.
        """
        x = fit_frames(*target_frames(batch), self.n_frames).transpose(1, 2)[:, None]  # (B, 1, D, 128)
        x = self.conv3(self.conv2(self.conv1(x)))  # (B, 64, 28, 28)
        embedding = self.dense(x.flatten(1)).relu()  # (B, 64)
        return Output(self.classes(embedding), embedding)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, _KERAS_EPSILON, _KERAS_MOMENTUM)
