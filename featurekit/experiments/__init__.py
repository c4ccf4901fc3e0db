"""Runs: settings × store → trained folds, predictions and metrics.

``Run`` needs torch and is imported when first asked for, so that scores and run files are read without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurekit.experiments.options import RunProgress, RunResult
    from featurekit.experiments.resolve import stored_columns
    from featurekit.experiments.run import Run
    from featurekit.runs import RunSettings

_LAZY = {
    "Run": "experiments.run",
    "RunProgress": "experiments.options",
    "RunResult": "experiments.options",
    "RunSettings": "runs",
    "stored_columns": "experiments.resolve",
}

__all__ = ["Run", "RunProgress", "RunResult", "RunSettings", "stored_columns"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'featurekit.experiments' has no attribute {name!r}")
    return getattr(importlib.import_module(f"featurekit.{_LAZY[name]}"), name)
