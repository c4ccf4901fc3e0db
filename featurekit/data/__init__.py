"""What a model sees: tasks, splits, context windows, normalisation, datasets, batches.

The names below are imported when they are first used: ``Batch`` and the augmentations need torch, and whoever asks for a
split or a task need not wait for the rest. The function ``collate`` is in the module ``collate``, whose name it shares.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurekit.data.arrays import as_arrays, as_frame, feature_names
    from featurekit.data.audit import Audit, audit_split, training_ids
    from featurekit.data.augment import VTLP, Compose, Mixup, RandomCrop, SpecAugment, Tempo, TimeShift, make_augment
    from featurekit.data.collate import Batch
    from featurekit.data.dataset import Dataset, Sample
    from featurekit.data.normalise import Normaliser
    from featurekit.data.splits import make_split, predefined
    from featurekit.data.splits.folds import Fold, Split
    from featurekit.data.tasks import Task, get_task, labelled
    from featurekit.data.usable import usable_ids
    from featurekit.data.views.joined import JoinedStore
    from featurekit.data.views.speaker_normalised import SpeakerNormalisedStore
    from featurekit.data.views.trimmed import TrimmedStore
    from featurekit.data.windows import context_windows

_MODULE_OF = {
    "Audit": "audit",
    "Batch": "collate",
    "Compose": "augment",
    "Dataset": "dataset",
    "Fold": "splits.folds",
    "JoinedStore": "views.joined",
    "Mixup": "augment",
    "Normaliser": "normalise",
    "RandomCrop": "augment",
    "Sample": "dataset",
    "SpeakerNormalisedStore": "views.speaker_normalised",
    "SpecAugment": "augment",
    "Split": "splits.folds",
    "Task": "tasks",
    "Tempo": "augment",
    "TimeShift": "augment",
    "TrimmedStore": "views.trimmed",
    "VTLP": "augment",
    "as_arrays": "arrays",
    "as_frame": "arrays",
    "audit_split": "audit",
    "context_windows": "windows",
    "feature_names": "arrays",
    "get_task": "tasks",
    "labelled": "tasks",
    "make_augment": "augment",
    "make_split": "splits",
    "predefined": "splits",
    "training_ids": "audit",
    "usable_ids": "usable",
}

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
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'featurekit.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"featurekit.data.{_MODULE_OF[name]}"), name)
