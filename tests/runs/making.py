"""Runs for tests: small ones made by hand, and changes to a run's files by somebody who knows how."""

import hashlib
import json

from featurekit.data import Fold, Split
from featurekit.runs import FoldRecord, Prediction, RunRecord, RunSettings, TrainSettings
from featurekit.runs.checksums import Checksums, write_checksums
from featurekit.runs.schema import FORMAT, SplitStamp
from featurekit.store import ColumnInfo

COLUMN = ColumnInfo("luo2019/rms", "0" * 64, "frames", 1, hop_s=0.01, start_s=0.0, spec="rms")


def make_split():
    folds = (
        Fold("a", ("u1", "u2"), ("u3",), ("u4", "u5")),
        Fold("b", ("u4", "u5"), ("u3",), ("u1", "u2")),
    )
    return Split("loso", folds, {"task": "emotion"}, "manifest", False, "1" * 64)


def make_record(**changed):
    split = make_split()
    fields = {
        "format": FORMAT,
        "settings": RunSettings("cache/x", "logistic"),
        "training": TrainSettings(),
        "corpus": "x",
        "store_digest": "2" * 64,
        "contents": "3" * 64,
        "columns": (COLUMN,),
        "level": None,
        "task": "emotion",
        "kind": "classes",
        "classes": ("angry", "sad"),
        "outputs": ("angry", "sad"),
        "scale": None,
        "context": 1,
        "folds": ("a", "b"),
        "verdict": "speaker-disjoint",
        "split": SplitStamp(split.kind, split.digest, "speaker-disjoint"),
        "reads_text": False,
        "reference": {"training_counts": {"a": {"angry": 1, "sad": 1}, "b": {"angry": 2, "sad": 0}}, "human": None},
        "versions": {"python": "3.11"},
    }
    return RunRecord(**fields | changed)


def make_predictions(fold, ids):
    return [Prediction(name, fold, "angry", "sad", "s1", "female", [0.25, 0.75]) for name in ids]


def write_fold(fold, weights=b"weights"):
    record = FoldRecord(fold.name, {"n_classes": 2}, {"mean": [0.0]}, hashlib.sha256(weights).hexdigest(), ({"epoch": 1},))
    fold.write(weights, record, make_predictions(fold.name, fold.split.test))


def rewrite(path, value):
    """Write JSON into a file of a run, and its checksum."""
    path.write_text(json.dumps(value))
    seal(path.parent)


def seal(folder):
    """Make the checksums those of the files as they are now."""
    write_checksums(folder, list(Checksums.of(folder).sums))
