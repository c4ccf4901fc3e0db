"""What a model sees: tasks, splits, context windows, normalisation, datasets, batches.

``Batch`` and the augmentations need torch and are imported when first asked for, so that splits and
:func:`~featurekit.data.arrays.as_arrays` work without it. The function ``collate`` is in the module ``collate``, whose
name it shares.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from featurekit.data.arrays import as_arrays, as_frame, feature_names
from featurekit.data.audit import Audit, audit_split, training_ids
from featurekit.data.by_speaker import SpeakerNormalisedStore
from featurekit.data.columns import usable_ids
from featurekit.data.dataset import Dataset, Sample
from featurekit.data.joined import JoinedStore
from featurekit.data.normalise import Normaliser
from featurekit.data.splits import make_split, predefined
from featurekit.data.splits.folds import Fold, Split
from featurekit.data.tasks import Task, get_task, labelled
from featurekit.data.trimmed import TrimmedStore
from featurekit.data.windows import context_windows

if TYPE_CHECKING:
    from featurekit.data.augment import VTLP, Compose, Mixup, RandomCrop, SpecAugment, Tempo, TimeShift, make_augment
    from featurekit.data.collate import Batch

_LAZY = {"Batch": "collate", "Compose": "augment", "RandomCrop": "augment"}
_LAZY |= {"SpecAugment": "augment", "TimeShift": "augment", "Mixup": "augment", "Tempo": "augment"}
_LAZY |= {"VTLP": "augment", "make_augment": "augment"}

__all__ = [
    "VTLP",
    "Audit",
    "Batch",
    "Compose",
    "Dataset",
    "Fold",
    "JoinedStore",
    "Mixup",
    "Normaliser",
    "RandomCrop",
    "Sample",
    "SpeakerNormalisedStore",
    "SpecAugment",
    "Split",
    "Task",
    "Tempo",
    "TimeShift",
    "TrimmedStore",
    "as_arrays",
    "as_frame",
    "audit_split",
    "context_windows",
    "feature_names",
    "get_task",
    "labelled",
    "make_augment",
    "make_split",
    "predefined",
    "training_ids",
    "usable_ids",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'featurekit.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"featurekit.data.{_LAZY[name]}"), name)
