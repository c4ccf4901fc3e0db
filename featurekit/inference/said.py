"""A run that reads transcripts alone, applied to the utterances of a manifest: what they say is enough, no audio is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from featurekit.data import Sample
from featurekit.data.collate import collate
from featurekit.data.words import word_numbers
from featurekit.errors import ParameterError
from featurekit.inference.predictor import Prediction, Refused
from featurekit.inference.runs import load_fold
from featurekit.manifest import Manifest, Utterance
from featurekit.models import MODELS
from featurekit.runs import finished_run


def reads_text_alone(run: str | Path) -> bool:
    """Whether a finished run reads transcripts and nothing else.

    Raises
    ------
    ParameterError
        When the folder is no finished run.
    """
    return MODELS.get(finished_run(run).record.settings.model).reads == ("text",)


class Reader:
    """A finished run of a model of transcripts, ready for manifests.

    Parameters
    ----------
    run : path
        A run's folder.

    Raises
    ------
    ParameterError
        When the folder is no finished run, or its model reads audio.
    """

    def __init__(self, run: str | Path) -> None:
        if not reads_text_alone(run):
            raise ParameterError(f"{run} reads audio; name files or folders of it: featurekit predict {run} some.wav")
        stored = finished_run(run)
        self.run, self.record = Path(run), stored.record
        self._folds = [load_fold(fold, torch.device("cpu")) for fold in stored.folds]

    def utterances(self, manifest: Manifest, *, batch_size: int = 16) -> Iterator[Prediction | Refused]:
        """Judge the utterances of a manifest in its order; one without words is refused.

        Parameters
        ----------
        manifest : Manifest
            Its ``text`` counts.
        batch_size : int
            Utterances that are judged together.

        Yields
        ------
        Prediction or Refused
        """
        waiting = iter(manifest)
        while some := list(islice(waiting, batch_size)):
            numbers = {item.id: word_numbers(item.text) for item in some}
            spoken = [item for item in some if len(numbers[item.id])]
            answers = iter(self._judged([numbers[item.id] for item in spoken]))
            for item in some:
                if len(numbers[item.id]):
                    yield self._prediction(item, next(answers))
                else:
                    yield Refused(item.path, item.id, "it has no transcript: no word in its text", *_times_s(item))

    def _judged(self, numbers: list[np.ndarray]) -> np.ndarray:
        """Of each transcript the mean over the folds, (n, K)."""
        if not numbers:
            return np.zeros((0, len(self.record.classes)))
        batch = collate([Sample("said", 0, np.array([True]), None, None, [words]) for words in numbers])
        with torch.inference_mode():
            return np.mean([fold.model(batch).logits.float().softmax(-1).numpy() for fold in self._folds], axis=0)

    def _prediction(self, item: Utterance, answers: np.ndarray) -> Prediction:
        told = {name: float(value) for name, value in zip(self.record.outputs, answers, strict=True)}
        orders = bool(getattr(self._folds[0].model, "order_by", ""))
        start_s, end_s = _times_s(item)
        known: dict[str, Any] = {"probabilities": {} if orders else told, "scores": told if orders else {}, "values": {}}
        return Prediction(
            path=item.path,
            utterance=item.id,
            predicted=self.record.classes[int(answers.argmax())],
            **known,
            start_s=start_s,
            end_s=end_s,
            neighbours=0,
            notes=(),
        )


def _times_s(item: Utterance) -> tuple[float, float]:
    """Where an utterance lies in its file; 0 long where that is not known."""
    start_s = item.start or 0.0
    return start_s, item.end if item.end is not None else start_s + (item.duration_s or 0.0)
