"""featurekit: from raw speech corpora to feature stores, and from stores to honest sentiment and emotion results.

The names below are loaded when they are first used, so that ``import featurekit`` is instant and never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurekit.corpora import read_corpus as read_corpus
    from featurekit.data import Dataset as Dataset
    from featurekit.data import Normaliser as Normaliser
    from featurekit.data import Split as Split
    from featurekit.data import Task as Task
    from featurekit.data import as_arrays as as_arrays
    from featurekit.data import as_frame as as_frame
    from featurekit.data import audit_split as audit_split
    from featurekit.data import feature_names as feature_names
    from featurekit.data import get_task as get_task
    from featurekit.data import make_split as make_split
    from featurekit.data import usable_ids as usable_ids
    from featurekit.data.collate import collate as collate
    from featurekit.evaluation import score as score
    from featurekit.experiments import Run as Run
    from featurekit.experiments import RunResult as RunResult
    from featurekit.experiments import RunSettings as RunSettings
    from featurekit.experiments import stored_columns as stored_columns
    from featurekit.extraction import build_store as build_store
    from featurekit.extraction.sounds import extract as extract
    from featurekit.inference import Predictor as Predictor
    from featurekit.inference import embed as embed
    from featurekit.manifest import Manifest as Manifest
    from featurekit.manifest import Utterance as Utterance
    from featurekit.store import open_store as open_store

__version__ = "0.1.0"

_ROOM_OF = {
    "Dataset": "data",
    "Manifest": "manifest",
    "Normaliser": "data",
    "Predictor": "inference",
    "Run": "experiments",
    "RunResult": "experiments",
    "RunSettings": "experiments",
    "Split": "data",
    "Task": "data",
    "Utterance": "manifest",
    "as_arrays": "data",
    "as_frame": "data",
    "audit_split": "data",
    "build_store": "extraction",
    "collate": "data.collate",
    "embed": "inference",
    "extract": "extraction.sounds",
    "feature_names": "data",
    "get_task": "data",
    "make_split": "data",
    "open_store": "store",
    "read_corpus": "corpora",
    "score": "evaluation",
    "stored_columns": "experiments",
    "usable_ids": "data",
}

__all__ = ["__version__", *sorted(_ROOM_OF)]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'featurekit' has no attribute {name!r}; it has {', '.join(_ROOM_OF)}")
    return getattr(importlib.import_module(f"featurekit.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
