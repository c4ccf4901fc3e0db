"""A run applied: judge new audio, files or a stream; write what a network makes of a store back into it; export it."""

from featurekit.inference.embedding import Embedded, attention_of, embed
from featurekit.inference.predictor import Prediction, Predictor, Refused
from featurekit.inference.runs import RUN_FORMAT, audio_files, fold_folder, kernels_of, read_record, read_run
from featurekit.inference.stream import judge_stream

__all__ = [
    "RUN_FORMAT",
    "Embedded",
    "Prediction",
    "Predictor",
    "Refused",
    "attention_of",
    "audio_files",
    "embed",
    "fold_folder",
    "judge_stream",
    "kernels_of",
    "read_record",
    "read_run",
]
