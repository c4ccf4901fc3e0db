"""bc-LSTM (Poria et al. 2017), with which Table 6 of Luo, Xu, Chen 2019 compares: an LSTM over all utterances of a video.

Each utterance is one vector; a BiLSTM runs over the vectors of a video in their order; dropout, a dense layer, dropout and a
class layer judge every utterance by its own state. A batch is whole videos: ``batch_size`` counts these, and the loss is the
mean over their utterances. What pads a shorter video is masked, as in the paper; no state crosses a video or a part of the
split. ``context_of = "any_speaker"`` makes one sequence of a dialogue. With ``context = N`` it runs over windows of N.

An utterance's vector is its column of functionals, or the mean over time of its frames; the run's normaliser brings it to
mean 0 and deviation 1, as the paper's z-standardisation does. The paper takes openSMILE's IS13 ComParE set, reduced to 100
dimensions by a network, for audio; ours are the functionals of ``he2019`` by default, and any vector column will do.

Sizes are those of the authors' later public programs (300 units a direction, a dense layer of 100 with tanh, Adam, lr 1e-3,
batches of 10 videos, 200 epochs), whose recurrent layer is a GRU; the paper prints none. Dropout 0.5 in both places is ours.
``bidirectional = false`` is the paper's sc-LSTM. Luo et al. say nothing of how they trained it.
"""

from __future__ import annotations

from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import MaskedLSTM, masked_mean, over_context, targeted

_RECIPE = {"lr": 1e-3, "epochs": 200, "batch_size": 10, "optimizer": "adam"}
_PAPER = "Poria et al. 2017: Context-Dependent Sentiment Analysis in User-Generated Videos (in Table 6 of Luo, Xu, Chen 2019)"


@model("bc-lstm", context=0, recipe=_RECIPE, paper=_PAPER, dims=3102, features="he2019/functionals")
class BCLSTM(nn.Module):
    """Contextual (Bi)LSTM over the utterances of a recording.

    Parameters
    ----------
    dims : int
        D of the vectors.
    n_classes : int
        K.
    bidirectional : bool
        Both directions; with one, an utterance knows what came before it.
    units : int
        Of the LSTM, a direction.
    dense : int
        Of the layer before the class layer.
    dropout : float
        Before and after the dense layer.
    """

    def __init__(
        self,
        *,
        dims: int,
        n_classes: int,
        bidirectional: bool = True,
        units: int = 300,
        dense: int = 100,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.lstm = MaskedLSTM(dims, units, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(self.lstm.dims_out, dense)
        self.classes = nn.Linear(dense, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the targets: utterances of whole recordings, or the middle one of each window.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D), ``lengths``, ``present``; ``targets`` (B, C), or None.

        Returns
        -------
        Output
            A row a target; ``embedding`` (n, 100): the dense layer.

        Raises
        ------
        ParameterError
            When the batch has no frames.
        """
        if batch.frames is None:
            raise ParameterError("bc-lstm reads frames, and this batch has none; add a vector or frame column")
        said = masked_mean(batch.frames.flatten(0, 1), batch.lengths.flatten())  # (B C, D)
        slots = said.view(*batch.present.shape, -1)  # (B, C, D)
        states = over_context(self.lstm, slots, batch.present)  # (B, C, 600)
        state = targeted(states, batch)  # (n, 600)
        embedding = self.dense(self.dropout(state)).tanh()  # (n, 100)
        return Output(self.classes(self.dropout(embedding)), embedding)
