"""SBCNN: the spectrum-based branch of AFF-ACRNN (Luo, Xu, Chen 2019).

A CNN turns the 512 x 512 spectrogram image of each utterance into one vector; a BiLSTM runs over the vectors of the
utterances in the window; its state at an utterance is that one's CASV; Dense K. Each image goes through the CNN once.

The CNN is LeNet, AlexNet, VGG16, ZFNet, ResNet18, ResNet50 or ResNet152 without its class layer: torchvision's where it has
one. The paper fine-tunes from ImageNet: ``weights = "imagenet"``; at random without, since that file may not be there.
The printed lr 1e-3 belongs to that. From random weights the ResNets learn the demo with it, ZFNet with 1e-4. **With its recipe
``sbcnn-alexnet`` does not learn from random weights**: on EMO-DB dev UA stays at chance for four epochs. It learns with lr
1e-4, ``backbone_lr`` 1e-5 (VGG16 3e-5), since Adam moves all 4096 weights of a unit at once, and ``cnn_dropout`` 0: its random
features of two pictures differ by a seventh of their size, and dropout twice makes ten times that (docs/models.md). Whether
the recipe learns from ImageNet's weights nobody has tried here.

Where the paper is silent we chose: one gray channel; 100 units a direction, so that CASV and LASV are of one size;
dropout 0.5 before the class layer; the epoch by development UA; Adam of "Adam or SGD"; no attention, which the paper's
discussion gives to "both branches" and its method to the other one only. LeNet and ZFNet are pooled to the 5 x 5 and 6 x 6
maps they had on their own pictures, so that their dense layers do not depend on the image's size; ReLU and maximum pooling
stand for LeNet's sigmoids and sums, and ZFNet's contrast normalisation is left out, as torchvision's AlexNet leaves out its
own.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from featurekit.errors import ParameterError
from featurekit.models import Inputs, Output, model
from featurekit.models.backbones import Backbone, at_least, keep_variance
from featurekit.models.layers import MaskedLSTM, back_to_slots, each_present, over_context, target_slot

_RECIPE = {"lr": 1e-3, "epochs": 200, "batch_size": 20, "optimizer": "adam"}
_PAPER = "Luo, Xu, Chen 2019: Utterance-Based Audio Sentiment Analysis Learned by a Parallel Combination of CNN and LSTM"


class LeNet(nn.Module):
    """LeNet-5 (LeCun et al. 1998) without its class layer: (N, 1, H, W) → (N, 84)."""

    dims_out = 84

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(5)
        )
        self.dense = nn.Sequential(nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU())
        keep_variance(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """One vector a picture."""
        return self.dense(self.features(at_least(pictures, 32)).flatten(1))


class ZFNet(nn.Module):
    """ZFNet (Zeiler and Fergus 2014) without its class layer: (N, 1, H, W) → (N, 4096)."""

    dims_out = 4096

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 96, 7, stride=2, padding=1), nn.ReLU(), pool),
            *(nn.Conv2d(96, 256, 5, stride=2), nn.ReLU(), pool),
            *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), pool),
            nn.AdaptiveAvgPool2d(6),
        )
        self.dense = nn.Sequential(
            *(nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
        )
        keep_variance(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """One vector a picture."""
        return self.dense(self.features(at_least(pictures, 32)).flatten(1))


_OURS: dict[str, type[LeNet] | type[ZFNet]] = {"lenet": LeNet, "zfnet": ZFNet}
_WITH_DROPOUT = ("alexnet", "vgg16", "zfnet")


class SBCNN(nn.Module):
    """A CNN on each utterance's image, a BiLSTM over the utterances of the window.

    Parameters
    ----------
    n_classes : int
        K.
    variant : str
        lenet, zfnet, or a name of torchvision's.
    units : int
        Of the BiLSTM, a direction.
    dropout : float
        Before the class layer.
    cnn_dropout : float
        After each of the two dense layers of AlexNet, VGG16 and ZFNet.
    weights : str
        Initial weights of :class:`~featurekit.models.backbones.Backbone`: "", "imagenet" or a file.
    train : {"all", "last", "head"}
        What of the CNN is trained.

    Raises
    ------
    ParameterError
        When the weights are missing or of another network.
    """

    def __init__(
        self,
        *,
        n_classes: int,
        variant: str,
        units: int = 100,
        dropout: float = 0.5,
        cnn_dropout: float = 0.5,
        weights: str = "",
        train: str = "all",
    ) -> None:
        super().__init__()
        self.cnn: Backbone | LeNet | ZFNet = (
            _OURS[variant]() if variant in _OURS else Backbone(variant, weights=weights, train=train)
        )
        for module in self.cnn.modules():
            if isinstance(module, nn.Dropout):
                module.p = nn.Dropout(cnn_dropout).p  # which refuses what is no probability
        self.lstm = MaskedLSTM(self.cnn.dims_out, units, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(self.lstm.dims_out, n_classes)

    def forward(self, batch: Inputs) -> Output:
        """Classify the middle utterance of each window.

        Parameters
        ----------
        batch : Inputs
            ``images`` (B, C, H, W), ``present``.

        Returns
        -------
        Output
            ``embedding`` (B, 200) is the CASV.
        """
        casv = target_slot(self.vectors(batch))  # (B, 200)
        return Output(self.classes(self.dropout(casv)), casv)

    def vectors(self, batch: Inputs) -> Tensor:
        """CASV of every utterance of the window.

        Returns
        -------
        tensor (B, C, 200)
            0 where a slot is empty.

        Raises
        ------
        ParameterError
            When the batch has no images.
        """
        if batch.images is None:
            raise ParameterError("SBCNN reads images, and this batch has none; add an image column, as luo2019-image is")
        pictures = each_present(batch.images, batch.present)[:, None]  # (N, 1, H, W): empty slots cost nothing
        return over_context(self.lstm, back_to_slots(self.cnn(pictures), batch.present), batch.present)


for _variant in ("lenet", "alexnet", "vgg16", "zfnet", "resnet18", "resnet50", "resnet152"):
    _fixed: dict[str, Any] = {"variant": _variant, **({"weights": "", "train": "all"} if _variant in _OURS else {})}
    _fixed |= {} if _variant in _WITH_DROPOUT else {"cnn_dropout": 0.0}
    model(
        f"sbcnn-{_variant}",
        reads=("images",),
        context=3,
        recipe=_RECIPE,
        paper=_PAPER,
        features="luo2019-image",
        fixed=_fixed,
    )(SBCNN)
