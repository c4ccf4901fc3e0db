"""Runs: settings × store → trained folds, predictions and metrics."""

from featurekit.experiments.options import RunProgress, RunResult, RunSettings
from featurekit.experiments.resolve import stored_columns
from featurekit.experiments.run import Run

__all__ = ["Run", "RunProgress", "RunResult", "RunSettings", "stored_columns"]
