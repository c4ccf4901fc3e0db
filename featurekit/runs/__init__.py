"""What a run is on disk: its settings, its record, its folds, and the one place that reads and writes them."""

from __future__ import annotations

from featurekit.runs.schema import FoldRecord, Prediction, RunRecord
from featurekit.runs.settings import RunSettings, TrainSettings
from featurekit.runs.stored import StoredFold, StoredRun, finished_run

__all__ = ["FoldRecord", "Prediction", "RunRecord", "RunSettings", "StoredFold", "StoredRun", "TrainSettings", "finished_run"]
