"""Training: fit one fold on its training and development parts, predict, keep the best state."""

from __future__ import annotations

from featurekit.runs import TrainSettings
from featurekit.training.checkpoint import (
    bytes_of,
    checkpoint_record,
    is_checkpoint,
    load_checkpoint,
    save_checkpoint,
    tensors_of,
)
from featurekit.training.loop import FitResult, build_for, fit
from featurekit.training.losses import centre_and_half, check_loss, make_loss
from featurekit.training.monitor import resolved
from featurekit.training.options import NOT_IDENTITY, identity, settings_for
from featurekit.training.prediction import Predictions, predict, records

__all__ = [
    "NOT_IDENTITY",
    "FitResult",
    "Predictions",
    "TrainSettings",
    "build_for",
    "bytes_of",
    "centre_and_half",
    "check_loss",
    "checkpoint_record",
    "fit",
    "identity",
    "is_checkpoint",
    "load_checkpoint",
    "make_loss",
    "predict",
    "records",
    "resolved",
    "save_checkpoint",
    "settings_for",
    "tensors_of",
]
