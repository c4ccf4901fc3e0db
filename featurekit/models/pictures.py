"""One utterance as a picture: its spectrogram image or its frames, a torchvision backbone, linear layers.

Frames (T, D) become a picture of D rows and exactly ``n_frames`` columns, cut or padded with 0 (the mean, after
normalisation), whatever the batch was padded to: a convolution would see the padding, so its amount must not depend on
batch-mates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output
from featurekit.models.backbones import Backbone
from featurekit.models.layers import picture


class PictureClassifier(nn.Module):
    """A torchvision network on the target utterance, and a linear layer.

    Parameters
    ----------
    variant : str
        Which of torchvision's.
    n_classes : int
        K.
    n_frames : int
        Columns of the picture that frames become; images keep their size.
    weights, train, size : str, str, int
        As :class:`~featurekit.models.backbones.Backbone` takes them.
    dense : sequence of int
        Outputs of linear layers with leaky ReLU between the backbone and the class layer; none by default.
    dropout : float
        Before the class layer.

    Raises
    ------
    ParameterError
        When ``n_frames`` is below 1, or the weights are missing or of another network.
    """

    def __init__(
        self,
        variant: str,
        *,
        n_classes: int,
        n_frames: int,
        weights: str,
        train: str = "all",
        size: int = 0,
        dense: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if n_frames < 1:
            raise ParameterError(f"n_frames is {n_frames}; expected at least 1")
        self.n_frames = n_frames
        self.backbone = Backbone(variant, weights=weights, train=train, size=size)
        sizes = [self.backbone.dims_out, *dense]
        self.dense = nn.Sequential(*(layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.LeakyReLU())))
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(sizes[-1], n_classes)

    def used_of(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What this network takes over of the state of a finished run.

        All of it; or the backbone alone where this is a part whose class layer the whole does not use. Then that run may
        have had other layers on the same backbone.
        """
        if any(value.requires_grad for value in self.classes.parameters()):
            return dict(state)
        backbone = {key: value for key, value in state.items() if key.startswith("backbone.")}
        return backbone | {key: value for key, value in self.state_dict().items() if not key.startswith("backbone.")}

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance; its image where the batch has one, else its frames.

        Parameters
        ----------
        batch : Inputs
            ``images`` (B, C, H, W) or ``frames`` (B, C, T, D) with ``lengths``.

        Returns
        -------
        Output
            ``embedding`` (B, E): the backbone's pooled vector (512 of resnet18, 2048 of resnet50, a ViT's class token), or the
            last of ``dense``.
        """
        embedding = self.dense(self.backbone(picture(batch, self.n_frames)))  # (B, E)
        return Output(self.classes(self.dropout(embedding)), embedding)
