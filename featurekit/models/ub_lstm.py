"""UB-LSTM and UB-BiLSTM: the utterance-based branch of AFF-ACRNN (Luo, Xu, Chen 2019).

AFF1 turns each utterance's frames into one vector by two recurrent layers (128, then 32 units); AFF2 runs a third one
over the vectors of the utterances in the window and attends over them for the target; dropout; Dense 200, whose
output is the LASV; Dense K.

Where the paper is silent we chose: units are per direction; 32 units a direction in AFF2; one attention for the window
instead of one for every place in it; dropout 0.5; ReLU after Dense 200. Frames are not padded to 256: shorter utterances
end where they end, which the paper's Keras padding did not do.

Every utterance of the window has its LASV (equation 10 for each x), which AFF-ACRNN fuses; alone, the branch classifies
by that of the middle one. The neighbours' vectors know this window only, not the neighbours beyond it.

The paper says "200 epochs" and not which of them counts, nor on what it validates: ours is the one of the highest development
UA, in SBCNN and AFF-ACRNN too.
"""

from __future__ import annotations

from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.layers import ContextAttention, MaskedLSTM, back_to_slots, each_present, over_context, target_slot

_RECIPE = {"lr": 1e-4, "epochs": 200, "batch_size": 30, "optimizer": "adam", "n_frames": 256}
_PAPER = "Luo, Xu, Chen 2019: Utterance-Based Audio Sentiment Analysis Learned by a Parallel Combination of CNN and LSTM"


@model("ub-bilstm", context=3, recipe=_RECIPE, paper=_PAPER, features="luo2019-best4", fixed={"bidirectional": True})
@model("ub-lstm", context=3, recipe=_RECIPE, paper=_PAPER, features="luo2019-best4", fixed={"bidirectional": False})
class UBLSTM(nn.Module):
    """Utterance-based (Bi)LSTM with attention over the window.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    bidirectional : bool
        BiLSTM layers instead of LSTM.
    units1, units2 : int
        Units a direction of AFF1's two layers.
    units3 : int
        Units a direction of AFF2.
    dense : int
        Size of the LASV.
    dropout : float
        Before Dense 200.

    Raises
    ------
    ParameterError
        When ``dims`` is missing.
    """

    def __init__(
        self,
        *,
        dims: int | None,
        n_classes: int,
        bidirectional: bool,
        units1: int = 128,
        units2: int = 32,
        units3: int = 32,
        dense: int = 200,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not dims:
            raise ParameterError(f"UB-LSTM reads frames of a known number of dimensions; got dims={dims}")
        self.lstm1 = MaskedLSTM(dims, units1, bidirectional=bidirectional)
        self.lstm2 = MaskedLSTM(self.lstm1.dims_out, units2, bidirectional=bidirectional)
        self.lstm3 = MaskedLSTM(self.lstm2.dims_out, units3, bidirectional=bidirectional)
        self.attention = ContextAttention(self.lstm3.dims_out)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(self.lstm3.dims_out, dense)
        self.classes = nn.Linear(dense, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance of each window.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D), ``lengths``, ``present``.

        Returns
        -------
        Output
            ``embedding`` (B, 200) is the LASV; ``attention["context"]`` (B, C).

        """
        lasv, alpha = self.vectors(batch)
        embedding = target_slot(lasv)  # (B, 200)
        return Output(self.classes(embedding), embedding, {"context": alpha})

    def vectors(self, batch: Inputs) -> tuple[Tensor, Tensor]:
        """LASV of every utterance of the window.

        Returns
        -------
        lasv : tensor (B, C, 200)
            0 where a slot is empty.
        alpha : tensor (B, C)
            What each utterance weighs.

        Raises
        ------
        ParameterError
            When the batch has no frames.
        """
        if batch.frames is None:
            raise ParameterError("UB-LSTM reads frames, and this batch has none; add a frame column")
        present = batch.present
        frames = each_present(batch.frames, present)  # (N, T, D): empty slots cost nothing
        lengths = each_present(batch.lengths, present)  # (N,)
        states, _ = self.lstm1(frames, lengths)  # (N, T, 256)
        _, last = self.lstm2(states, lengths)  # (N, 64)
        H = over_context(self.lstm3, back_to_slots(last, present), present)  # (B, C, 64)
        h_star, alpha = self.attention(H, present)  # (B, C, 64), (B, C)
        lasv = self.dense(self.dropout(h_star)).relu()  # (B, C, 200)
        return lasv.masked_fill(~present[..., None], 0.0), alpha
