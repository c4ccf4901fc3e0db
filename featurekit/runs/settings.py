"""What a run is: what was asked for (:class:`RunSettings`), and how it is trained (:class:`TrainSettings`)."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, fields
from typing import Any

from featurekit.device_names import parse_device
from featurekit.errors import ParameterError
from featurekit.notebook import Shown

_CHOICES = {
    "optimizer": ("adam", "adamw", "sgd", "rmsprop"),
    "schedule": ("constant", "cosine"),
    "loss": ("auto", "cross-entropy", "mse", "ccc"),
    "reduction": ("mean", "sum"),
    "precision": ("auto", "fp32", "bf16"),
    "residency": ("auto", "device", "pinned", "stream"),
    "compile": ("auto", "off", "on"),
    "normalise": ("training", "neutral", "speaker"),
    "monitor": ("auto", "ua", "wa", "loss", "ccc", "mae"),
}
_POSITIVE = ("lr", "epochs", "batch_size", "accumulate", "improvement_epochs")
_NOT_NEGATIVE = ("weight_decay", "momentum", "warmup_epochs", "seed")
_POSITIVE_OR_NONE = ("backbone_lr", "gradient_clip", "patience", "improvement", "threads", "n_frames", "trim_db")


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one fit.

    Parameters
    ----------
    lr : float
        Learning rate, the highest one of a schedule.
    backbone_lr : float or None
        Learning rate of the model's backbones (:mod:`featurekit.models.backbones`); None is ``lr`` for all.
    epochs : int
        At most so many passes over the training part.
    batch_size : int
        Targets in a batch.
    accumulate : int
        Batches whose gradients make one update: the gradient is the mean over all their utterances.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}
        Adam's weight decay is L2 in the gradient, AdamW's is decoupled; SGD uses ``momentum``; RMSprop is Keras's.
    weight_decay, momentum : float
        For the optimizer.
    gradient_clip : float or None
        Largest norm of the whole gradient.
    loss : {"auto", "cross-entropy", "mse", "ccc"}
        ``auto`` is cross-entropy for classes and shares, the squared error for ratings; ``ccc`` is 1 - concordance.
    reduction : {"mean", "sum"}
        How the losses of a batch become one: their mean, or their sum, in which each utterance counts once for each of its
        frames, as where every frame has the utterance's label and gradients are added up. The gradient then grows with the
        batch and with the utterances, so that ``lr`` must be hundreds of times smaller.
    label_smoothing : float
        Share of the target spread over all classes, in [0, 1).
    class_weights : bool
        Weigh classes by inverse frequency in training, mean 1 over the utterances.
    schedule : {"constant", "cosine"}
        After the warmup.
    warmup_epochs : int
        Linear rise from 0.
    monitor : {"auto", "ua", "wa", "loss", "ccc", "mae"}
        What of the development part chooses the epoch that is kept: UA, WA or the loss of classes; CCC, MAE or the squared
        error ("loss") of ratings. ``auto`` is UA, of ratings CCC. The test part never takes part.
    patience : int or None
        Stop after so many epochs that were no better by the monitor; None runs all epochs. The best is kept either way.
    improvement : float or None
        Stop when the mean of the monitor over the last ``improvement_epochs`` epochs is better by less than this, in its own
        unit, than over as many before; 0.01 over 10 is the rule of Banerjee et al. 2021. None does not look.
    improvement_epochs : int
        Epochs of such a mean.
    precision : {"auto", "fp32", "bf16"}
        ``auto`` is bf16 autocast on a GPU that has it, fp32 on a CPU.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        ``auto`` is the GPU when there is one, ``cuda:1`` the second of several.
    residency : {"auto", "device", "pinned", "stream"}
        Where the values lie while training (:mod:`featurekit.training.residency`).
    compile : {"auto", "off", "on"}
        ``torch.compile``; ``auto`` where it pays: convolutions of a million images or more on a GPU, without context.
    deterministic : bool
        The same bits on a GPU at each run, for slower kernels; a CPU with as many threads gives them anyway.
    threads : int or None
        CPU threads of torch while fitting and predicting; None leaves them. Where other work runs on the same cores
        recurrent layers slow down several times, since their threads wait for each other in every step: the command line
        sets GOMP_SPINCOUNT=500, which makes the least of it.
    workers : int or None
        Processes that read streamed batches, 0 reads them in place; None is one a core, at most 8, on a GPU and 0 else.
    seed : int
        Of initial weights, order, dropout and augmentation.
    n_frames : int or None
        Frames of an utterance that count: longer ones are cut, and a model of pictures pads shorter ones to it. None keeps
        all, and pictures are as wide as the model's recipe says.
    trim_db : float or None
        Leave out the frames at both ends of an utterance that lie more than this below its loudest one, by the store's
        column ``rms`` (:mod:`featurekit.data.views.trimmed`); applied wherever the run is. None keeps all.
    normalise : {"training", "neutral", "speaker"}
        What the normaliser is fitted on: the training part, or its utterances labelled neutral; a fold without such takes
        the whole training part, says so, and its record has it as ``normalised_by``. With "speaker" each speaker's values
        are standardised before, by all of its utterances (:mod:`featurekit.data.views.speaker_normalised`): results are
        transductive and say so, and what has no speaker, a file or a stream, cannot be predicted.

    Raises
    ------
    ParameterError
        For a value out of range.
    """

    lr: float = 1e-3
    backbone_lr: float | None = None
    epochs: int = 100
    batch_size: int = 32
    accumulate: int = 1
    optimizer: str = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.9
    gradient_clip: float | None = None
    loss: str = "auto"
    reduction: str = "mean"
    label_smoothing: float = 0.0
    class_weights: bool = False
    schedule: str = "constant"
    warmup_epochs: int = 0
    monitor: str = "auto"
    patience: int | None = None
    improvement: float | None = None
    improvement_epochs: int = 10
    precision: str = "auto"
    device: str = "auto"
    residency: str = "auto"
    compile: str = "auto"
    deterministic: bool = False
    threads: int | None = None
    workers: int | None = None
    seed: int = 0
    n_frames: int | None = None
    trim_db: float | None = None
    normalise: str = "training"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ParameterError(f"{name} is {getattr(self, name)!r}; expected {', '.join(choices)}")
        parse_device(self.device)
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ParameterError(f"{name} is {getattr(self, name)}; expected a value above 0")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise ParameterError(f"{name} is {getattr(self, name)}; expected 0 or more")
        for name in _POSITIVE_OR_NONE:
            if getattr(self, name) is not None and not 0 < getattr(self, name) < math.inf:
                raise ParameterError(f"{name} is {getattr(self, name)}; expected a value above 0, or None")
        if self.workers is not None and self.workers < 0:
            raise ParameterError(f"workers is {self.workers}; expected 0 or more, or None")
        if not 0 <= self.label_smoothing < 1:
            raise ParameterError(f"label_smoothing is {self.label_smoothing}; expected a share in [0, 1)")


@dataclass(frozen=True, repr=False)
class RunSettings(Shown):
    """What a run is. A TOML file has these keys; ``[training]`` and ``[hyper]`` are tables.

    Parameters
    ----------
    store : str
        Folder of the store; an open store is taken as its folder.
    model : str
        As in ``list models``.
    features : str
        Columns of the store, or features and presets whose columns it has; what the model's paper reads when empty.
    split : str
        As in ``list splits``, with settings where wanted: ``"speaker-kfold(k=5)"``; or a file that ``featurekit split``
        wrote, a CSV of ids, or a folder of EmoBox's folds.
    task : str
        Label scheme, as in ``list tasks``; the corpus's own when empty.
    context : int or None
        Utterances in a window; by default the model's own where the corpus has conversations, else 1. 0 is the whole
        recording, for models that read these.
    context_of : str
        ``"same_speaker"`` or ``"any_speaker"``.
    seed : int
        Of the split, the initial weights and the order of batches.
    speaker_from : str
        ``"manifest"``, or ``"recording"`` where the corpus names no speakers.
    allow_speaker_overlap : bool
        Needed by splits that share speakers; stamped on the result.
    drop_unlabelled : bool
        Leave out utterances without a label for the task instead of refusing.
    shuffle_labels : bool
        Control: permute the labels among all utterances, by the training seed. The result must fall to chance. The split
        is that of the run without it.
    augment : tuple of str or None
        As in ``list augmentations``, with settings where wanted: ``"specaugment(time_width=40)"``; on training batches
        only. None is what the model's paper does.
    test_store : str
        Folder of a second store, of another corpus: train on the first, test on all of this one. ``split`` is then
        cross-corpus and only its dev counts.
    test_task : str
        Label scheme of that corpus; its own when empty.
    map : str
        Class map, as in ``list maps``, or a TOML file of one (:mod:`featurekit.data.tasks.class_maps`). With a second store
        ``canonical`` when empty; ``"none"`` leaves both corpora their own words.
    common_classes : bool
        With a second store: leave out of both what only one of them has, instead of refusing.
    positive : str
        A class whose own F1 is scored beside macro and weighted F1, as papers on two classes print it; for the report alone,
        so that the run is the same one with another.
    training : mapping
        Fields of :class:`featurekit.training.TrainSettings`; they override the model's recipe.
    hyper : mapping
        The model's own hyper-parameters. One that names a file counts by the file's content. A model that is trained in
        stages has a table for each, here and in ``training`` (:mod:`featurekit.experiments.stages`).
    init : mapping
        Part of the model → folder of a finished run whose states it starts from (:mod:`featurekit.experiments.initial`).
    """

    store: str
    model: str
    features: str = ""
    split: str = "speaker-disjoint"
    task: str = ""
    context: int | None = None
    context_of: str = "same_speaker"
    seed: int = 0
    speaker_from: str = "manifest"
    allow_speaker_overlap: bool = False
    drop_unlabelled: bool = False
    shuffle_labels: bool = False
    augment: tuple[str, ...] | None = None
    test_store: str = ""
    test_task: str = ""
    map: str = ""
    common_classes: bool = False
    positive: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    hyper: dict[str, Any] = field(default_factory=dict)
    init: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("store", "split", "test_store"):  # a path, or an open store, which is one too
            value = getattr(self, name)
            if not isinstance(value, (str, os.PathLike)):
                then = "; write a split to a file, as by split.write('split.json'), and name that" if name == "split" else ""
                raise ParameterError(f"{name} is named by text or by its path; got {type(value).__name__}{then}")
            object.__setattr__(self, name, os.fspath(value))

    def _shown_facts(self) -> dict[str, Any]:
        said = {item.name: getattr(self, item.name) for item in fields(self)}
        default = RunSettings("", "")
        return {name: str(value) for name, value in said.items() if value != getattr(default, name)}
