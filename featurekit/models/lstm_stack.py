"""LSTM and BiLSTM of the CS 582 project, on the mean over time of 128 MFCC: a sequence of one vector.

As in their Keras summaries. ``lstm-stack``: LSTM 256, 128, 64, each with dropout; time-distributed Dense 64, dropout,
Dense K. ``bilstm-stack``: BiLSTM 256 and 128 a direction, of the second the final states; Dense 64, dropout, Dense 64,
dropout, Dense 32, Dense K; trained with RMSprop for at most 200 epochs with early stopping (23 ran).

Keras has one bias a gate and torch two, so the second is frozen at zero; then the numbers of parameters are Keras's. Weights
start as Keras draws them: Glorot-uniform, recurrent ones orthogonal, biases 0 but for the forget gate's 1.
The preset is ``cs582``. Frame columns are accepted too: the classes of ``lstm-stack`` are then its mean over time, which
for one vector is the paper's. Where the report is silent we chose: ReLU, dropout 0.3, Keras's learning rate 1e-3, batch
32, stopping after 10 epochs without a better development UA, which also chooses the epoch; of "early stopping" it does not say
on what (Keras's default is the validation loss, ``monitor = "loss"``). RMSprop has Keras's rho, 0.9, and epsilon, 1e-7, added
to the root as torch and Keras before 2.11 do; Keras adds it beneath the root since, which damps gradients below 3e-4.
"""

from __future__ import annotations

from torch import Tensor, nn

from featurekit.models import Inputs, Output, model
from featurekit.models.layers import MaskedLSTM, masked_mean, start_as_keras, target_frames

_RECIPE = {"lr": 1e-3, "epochs": 200, "batch_size": 32, "optimizer": "rmsprop", "patience": 10}
_PAPER = "CS 582 project report: Audio Sentiment Analysis"


@model("lstm-stack", recipe=_RECIPE, paper=f"{_PAPER} (LSTM)", dims=128, features="cs582")
class LSTMStack(nn.Module):
    """Three LSTM layers and two dense ones at every step.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    dropout : float
        After every layer but the last.
    """

    def __init__(self, *, dims: int, n_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.lstm1, self.lstm2, self.lstm3 = (_layer(*size) for size in ((dims, 256), (256, 128), (128, 64)))
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(64, 64)
        self.classes = nn.Linear(64, n_classes)
        start_as_keras(self)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D), T = 1 for the paper's, and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 64): the mean of Dense 64 over time.
        """
        x, lengths = target_frames(batch)  # (B, T, D), (B,)
        for lstm in (self.lstm1, self.lstm2, self.lstm3):
            x = self.dropout(lstm(x, lengths)[0])  # (B, T, 256), then 128, then 64
        embedding = masked_mean(self.dense(x).relu(), lengths)  # (B, 64)
        return Output(self.classes(self.dropout(embedding)), embedding)


@model("bilstm-stack", recipe=_RECIPE, paper=f"{_PAPER} (BiLSTM)", dims=128, features="cs582")
class BiLSTMStack(nn.Module):
    """Two BiLSTM layers and four dense ones.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    dropout : float
        After the first two dense layers.
    """

    def __init__(self, *, dims: int, n_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.lstm1 = _layer(dims, 256, bidirectional=True)
        self.lstm2 = _layer(512, 128, bidirectional=True)
        self.dense1, self.dense2, self.dense3 = nn.Linear(256, 64), nn.Linear(64, 64), nn.Linear(64, 32)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(32, n_classes)
        start_as_keras(self)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D), T = 1 for the paper's, and ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, 32): Dense 32.
        """
        x, lengths = target_frames(batch)  # (B, T, D), (B,)
        states, _ = self.lstm1(x, lengths)  # (B, T, 512)
        _, last = self.lstm2(states, lengths)  # (B, 256)
        dense: Tensor = self.dropout(self.dense1(last).relu())
        embedding = self.dense3(self.dropout(self.dense2(dense).relu())).relu()  # (B, 32)
        return Output(self.classes(embedding), embedding)


def _layer(dims: int, units: int, *, bidirectional: bool = False) -> MaskedLSTM:
    lstm = MaskedLSTM(dims, units, bidirectional=bidirectional)
    for name, value in lstm.named_parameters():
        if "bias_hh" in name:  # it starts at zero
            value.requires_grad_(False)
    return lstm
