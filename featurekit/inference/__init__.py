"""A run applied: judge new audio, files or a stream; write what a network makes of a store back into it; export it.

All of it needs torch, and is imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurekit.inference.embedding import Embedded, attention_of, embed
    from featurekit.inference.predictor import Prediction, Predictor, Refused
    from featurekit.inference.runs import audio_files, kernels_of, precision_note
    from featurekit.inference.stream import judge_stream

_LAZY = {
    "Embedded": "embedding",
    "Prediction": "predictor",
    "Predictor": "predictor",
    "Refused": "predictor",
    "attention_of": "embedding",
    "audio_files": "runs",
    "embed": "embedding",
    "judge_stream": "stream",
    "kernels_of": "runs",
    "precision_note": "runs",
}

__all__ = [
    "Embedded",
    "Prediction",
    "Predictor",
    "Refused",
    "attention_of",
    "audio_files",
    "embed",
    "judge_stream",
    "kernels_of",
    "precision_note",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'featurekit.inference' has no attribute {name!r}")
    return getattr(importlib.import_module(f"featurekit.inference.{_LAZY[name]}"), name)
