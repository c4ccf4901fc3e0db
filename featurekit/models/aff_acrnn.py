"""AFF-ACRNN (Luo, Xu, Chen 2019): LASV and CASV of every utterance of a window, fused by a BiLSTM with attention.

``aff-acrnn-ub-res18`` … ``aff-acrnn-ubbi-res152`` join UB-LSTM or UB-BiLSTM with SBCNN on ResNet18, 50 or 152;
``aff-acrnn`` is the best of the six, ubbi-res152. The branches' vectors stand beside each other, utterance by utterance
(200 + 200); a BiLSTM runs over the window, attention (equations 7 to 10) weighs its utterances; what comes of it for the
middle one is the ASV, on which Dense K decides.

It is trained in stages (ours; the paper trains the branches, and is silent on the fusion's). ``train`` first trains the
branches, the parts ``lasv`` and ``casv``, as runs of ``ub-bilstm`` (or ``ub-lstm``) and ``sbcnn-resnet…`` on the same split,
or finds them trained; then the fusion, fold by fold, on their frozen weights. ``--init lasv=RUN`` takes another run for one.
With ``joint = true`` everything is trained at once, from wherever the parts start. The branches' own class layers are not
used and not trained.

The branches' hyper-parameters are ``hyper.bilstm.dense``, ``hyper.lstm.units1``, ``hyper.sbcnn.units``: those of the models
that they are (``featurekit explain ub-bilstm``). Their training is the recipe of these models: ``epochs`` and what says where
and how it is computed hold for all stages; lr, batch size and optimiser of a branch are ``training.bilstm.lr`` and so on.

Where the paper is silent we chose: 100 units a direction, so that the ASV has the 200 dimensions of LASV and CASV; dropout
0.5 before the class layer; the LSTM branch's lr 1e-4 and batch 30 for the fusion; the epoch by development UA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, Stage, model
from featurekit.models.layers import ContextAttention, MaskedLSTM, over_context, target_slot
from featurekit.models.sbcnn import SBCNN
from featurekit.models.ub_lstm import UBLSTM

_NONE: Mapping[str, Any] = MappingProxyType({})
_RECIPE = {"lr": 1e-4, "epochs": 200, "batch_size": 30, "optimizer": "adam", "n_frames": 256}
_PAPER = "Luo, Xu, Chen 2019: Utterance-Based Audio Sentiment Analysis Learned by a Parallel Combination of CNN and LSTM"


class AFFACRNN(nn.Module):
    """UB-(Bi)LSTM and SBCNN in parallel, a BiLSTM with attention over both.

    Parameters
    ----------
    dims : int
        D of the frames.
    n_classes : int
        K.
    bidirectional : bool
        UB-BiLSTM instead of UB-LSTM.
    variant : str
        SBCNN's CNN.
    joint : bool
        Train the branches too; without, they are frozen and must come from finished runs.
    lstm, bilstm : mapping
        Hyper-parameters of UB-LSTM or UB-BiLSTM.
    sbcnn : mapping
        Hyper-parameters of SBCNN.
    units : int
        Of the fusing BiLSTM, a direction.
    dropout : float
        Before the class layer.
    weights : str
        Initial weights of the CNN, unless ``sbcnn`` says others: "", "imagenet" or a file. In stages the run of the
        branch starts from them.

    Raises
    ------
    ParameterError
        When ``dims`` is missing, or the weights are.
    """

    def __init__(
        self,
        *,
        dims: int | None,
        n_classes: int,
        bidirectional: bool,
        variant: str,
        joint: bool = False,
        lstm: Mapping[str, Any] = _NONE,
        bilstm: Mapping[str, Any] = _NONE,
        sbcnn: Mapping[str, Any] = _NONE,
        units: int = 100,
        dropout: float = 0.5,
        weights: str = "",
    ) -> None:
        super().__init__()
        self.joint = joint
        start = {"weights": sbcnn.get("weights", weights) if joint else ""}  # frozen, it comes from a finished run
        self.lasv = UBLSTM(dims=dims, n_classes=n_classes, bidirectional=bidirectional, **(bilstm if bidirectional else lstm))
        self.casv = SBCNN(n_classes=n_classes, variant=variant, **{**sbcnn, **start})
        self.lstm = MaskedLSTM(self.lasv.classes.in_features + self.casv.classes.in_features, units, bidirectional=True)
        self.attention = ContextAttention(self.lstm.dims_out)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(self.lstm.dims_out, n_classes)
        for part in (self.lasv, self.casv):
            part.requires_grad_(joint)
            part.classes.requires_grad_(False)
        self._untrained = [part.classes.weight.detach().clone() for part in (self.lasv, self.casv)]

    def prepare(self, batches: Callable[[], Iterator[Any]], generator: torch.Generator, *, speakers: Any = None) -> None:
        """Refuse to train a fusion of frozen branches that nobody trained.

        Raises
        ------
        ParameterError
            When the branches are frozen and still have the weights they were built with.
        """
        for name, start in zip(("lasv", "casv"), self._untrained, strict=True):
            if not self.joint and torch.equal(getattr(self, name).classes.weight.detach().cpu(), start):
                raise ParameterError(
                    f"with joint = false the branches are frozen, and {name} was not trained: "
                    f"start it from its finished run, --init {name}=RUN, or set joint = true to train all at once"
                )

    def train(self, mode: bool = True) -> AFFACRNN:
        """Training mode; frozen branches stay in evaluation mode."""
        super().train(mode)
        if not self.joint:
            self.lasv.eval()
            self.casv.eval()
        return self

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance of each window.

        Parameters
        ----------
        batch : Inputs
            ``frames`` (B, C, T, D), ``lengths``, ``images`` (B, C, H, W), ``present``.

        Returns
        -------
        Output
            ``embedding`` (B, 200) is the ASV; ``attention["context"]`` (B, C) of the fusion, ``attention["lasv"]`` of the
            LSTM branch.
        """
        lasv, inner = self.lasv.vectors(batch)  # (B, C, 200), (B, C)
        both = torch.cat([lasv, self.casv.vectors(batch)], dim=-1)  # (B, C, 400)
        fused, alpha = self.attention(over_context(self.lstm, both, batch.present), batch.present)  # (B, C, 200), (B, C)
        asv = target_slot(fused)  # (B, 200)
        return Output(self.classes(self.dropout(asv)), asv, {"context": alpha, "lasv": inner})


# The other branch's table is no hyper-parameter of a fusion.
_BRANCHES: dict[str, dict[str, Any]] = {
    "ub": {"bidirectional": False, "bilstm": _NONE},
    "ubbi": {"bidirectional": True, "lstm": _NONE},
}
_SIX = {
    f"aff-acrnn-{branch}-res{depth}": {**_BRANCHES[branch], "variant": f"resnet{depth}"}
    for branch in _BRANCHES
    for depth in (18, 50, 152)
}


def _stages(bidirectional: bool, variant: str) -> tuple[Stage, ...]:
    table = "bilstm" if bidirectional else "lstm"
    return Stage("lasv", f"ub-{table}", table), Stage("casv", f"sbcnn-{variant}", "sbcnn")


for _name, _fixed in {**_SIX, "aff-acrnn": _SIX["aff-acrnn-ubbi-res152"]}.items():
    model(
        _name,
        reads=("frames", "images"),
        context=3,
        recipe=_RECIPE,
        paper=_PAPER,
        features="luo2019-best4,luo2019-image",
        fixed=_fixed,
        stages=_stages(_fixed["bidirectional"], _fixed["variant"]),
    )(AFFACRNN)
