"""A run applied: new audio in, class and probabilities out, by the features and the normalisers the run used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from featurekit import audio, training
from featurekit.data.collate import Batch, collate
from featurekit.errors import AudioError, FeaturekitError
from featurekit.extraction import sounds
from featurekit.inference import speed
from featurekit.inference.heard import Ear, Heard
from featurekit.inference.runs import FoldNetwork, audio_columns, load_fold
from featurekit.notebook import Shown
from featurekit.runs import finished_run
from featurekit.training.devices import choose_device
from featurekit.whole_float32 import whole_float32

SAMPLES = "samples"  # what a prediction names where there is no file


@dataclass(frozen=True, repr=False)
class Prediction(Shown):
    """One utterance judged: the likeliest class, and each class's probability; or its ratings. The mean over the run's folds.

    Where a run rates, ``values`` has a number a rating; where its model only orders classes, ``scores`` has a number a class;
    else ``probabilities`` has. The others are empty, and so is ``predicted`` of a rating.

    Parameters
    ----------
    path : str
        The file; ``-`` for a stream, ``samples`` for an array.
    utterance : str
        What was taken for one: ``file``, ``samples``, or ``chunk 3``.
    predicted, probabilities, scores, values
        The judgement.
    start_s, end_s : float
        Where it lies in the file or stream.
    neighbours : int
        Utterances before it that the model heard too.
    notes : tuple of str
        What was odd about the audio.
    sample_rate : int
        Of the audio as it came, in Hz; 0 where it is not known.
    """

    path: str
    utterance: str
    predicted: str
    probabilities: dict[str, float]
    scores: dict[str, float]
    values: dict[str, float]
    start_s: float
    end_s: float
    neighbours: int
    notes: tuple[str, ...]
    sample_rate: int = 0

    def _shown_facts(self) -> dict[str, Any]:
        of_classes = self.probabilities or self.scores
        likeliest = dict(sorted(of_classes.items(), key=lambda item: -item[1]))
        return {"path": self.path, "predicted": self.predicted, "of": likeliest or self.values, "notes": self.notes}


@dataclass(frozen=True)
class Refused:
    """An utterance that could not be judged.

    Parameters
    ----------
    path, utterance, start_s, end_s
        As in :class:`Prediction`; of a file no times are known.
    error : str
        Why.
    """

    path: str
    utterance: str
    error: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Listened:
    """A file whose features are there, and that is not judged yet."""

    path: str
    heard: Heard
    duration_s: float
    original_rate: int
    notes: tuple[str, ...]


class Predictor(Shown):
    """A finished run, ready for new audio.

    Parameters
    ----------
    run : path or RunResult
        A run's folder, as ``featurekit train`` printed it.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where to compute; features are computed on the CPU.
    precision : {"fp32", "bf16"}
        Of torchvision's networks (:mod:`featurekit.inference.speed`).

    Raises
    ------
    ParameterError
        When the folder is no finished run, one of another version, of features this version computes otherwise, or of
        inputs that audio alone does not give.
    """

    def __init__(self, run: str | Path, *, device: str = "auto", precision: str = "fp32") -> None:
        stored = finished_run(run)
        self.run, self.record = Path(run), stored.record
        self.classes = list(self.record.classes)
        self.context = self.record.context
        names, level = self.record.column_names, self.record.level
        self.ear = Ear(
            audio_columns(self.record),
            names,
            trim_db=self.record.training.trim_db,
            level=level.name if level else None,
        )
        self.device = choose_device(device)
        self._folds = [load_fold(fold, self.device) for fold in stored.folds]
        for fold in self._folds:
            speed.ready(fold.model, precision)

    def _shown_facts(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "model": self.record.settings.model,
            "classes": self.classes,
            "features": self.record.column_names,
            "folds": len(self._folds),
            "on": str(self.device),
        }

    def __call__(
        self, source: str | Path | np.ndarray, sample_rate: float | None = None, *, sr: float | None = None
    ) -> Prediction:
        """Classify, or rate, one recording as one utterance.

        A model of conversations reads it alone: the slots of its neighbours are marked absent.

        Parameters
        ----------
        source : path or array
            An audio file; or mono samples, as :func:`featurekit.extract` takes them.
        sample_rate, sr : number
            Of the samples, in Hz; two words for one thing. A file has its own.

        Raises
        ------
        AudioError
            When the file is not usable audio, with its status.
        ParameterError
            When samples cannot be used, or come without their rate.
        """
        signal = sounds.heard(source, sample_rate, sr)
        one = self.ear(signal.samples, signal.sample_rate)
        path, utterance = (str(source), "file") if isinstance(source, (str, Path)) else (SAMPLES, SAMPLES)
        notes = signal.notes + one.notes
        answers, times_s = self.judge([self.alone(one)])[0], (0.0, signal.duration_s)
        return self.prediction(answers, path, utterance, times_s, notes, sample_rate=signal.original_rate)

    def files(self, paths: Iterable[str | Path] | str | Path, *, batch_size: int = 16) -> Iterator[Prediction | Refused]:
        """Judge files, several at a time: the numbers are those of one at a time, but for the last bits.

        Parameters
        ----------
        paths : iterable of path, or path
            Each file is one utterance.
        batch_size : int
            Files that go through the network together.

        Yields
        ------
        Prediction or Refused
            In the order of the paths.
        """
        waiting: list[Listened | Refused] = []
        for path in [paths] if isinstance(paths, (str, Path)) else paths:
            waiting.append(self._listened(str(path)))
            if len(waiting) >= batch_size:
                yield from self._told(waiting)
                waiting = []
        yield from self._told(waiting)

    def alone(self, heard: Heard) -> list[Heard | None]:
        """The window of an utterance without neighbours."""
        return self.window([], heard)

    def window(self, before: Sequence[Heard | None], heard: Heard) -> list[Heard | None]:
        """The window of an utterance whose latest predecessors are known, and nothing that follows it."""
        half = self.context // 2
        earlier = [None] * half + list(before)
        return [*earlier[len(earlier) - half :], heard, *[None] * half]

    def judge(self, windows: Sequence[Sequence[Heard | None]]) -> np.ndarray:
        """Probabilities, or ratings, of the utterance in the middle of each window: (n, K), the mean over the folds."""
        return np.mean([self._by_fold(fold, windows) for fold in self._folds], axis=0)

    def prediction(
        self,
        answers: np.ndarray,
        path: str,
        utterance: str,
        times_s: tuple[float, float],
        notes: Sequence[str] = (),
        neighbours: int = 0,
        sample_rate: int = 0,
    ) -> Prediction:
        """What :meth:`judge` answered for one utterance (K,), with its names."""
        told = {name: float(value) for name, value in zip(self.record.outputs, answers, strict=True)}
        kind = "values" if self._rates else "scores" if self._orders else "probabilities"
        return Prediction(
            path=path,
            utterance=utterance,
            predicted="" if self._rates else self.classes[int(answers.argmax())],
            **{name: told if name == kind else {} for name in ("probabilities", "scores", "values")},
            start_s=times_s[0],
            end_s=times_s[1],
            neighbours=neighbours,
            notes=tuple(notes),
            sample_rate=sample_rate,
        )

    def batch(self, windows: Sequence[Sequence[Heard | None]], fold: FoldNetwork) -> Batch:
        """The windows as the network of a fold reads them."""
        n_frames = self.record.training.n_frames
        samples = [self.ear.sample(window, fold.normaliser, n_frames) for window in windows]
        return collate(samples, columns=self.ear.layout.slices)

    def _by_fold(self, fold: FoldNetwork, windows: Sequence[Sequence[Heard | None]]) -> np.ndarray:
        batch = self.batch(windows, fold).to(self.device)
        speed.look_up(fold.model, [heard.memory for window in windows for heard in window if heard is not None])
        with torch.inference_mode(), whole_float32():
            logits = fold.model(batch).logits.float()
        if self._rates:
            centre, half = training.centre_and_half(self.record.scale)
            return centre + half * logits.cpu().numpy()
        return logits.softmax(-1).cpu().numpy()

    def _listened(self, path: str) -> Listened | Refused:
        try:
            read = audio.load_at_rates(path, self.ear.plan.sample_rates)
            heard = self.ear.of_signals(read.samples, read.original_rate)
            return Listened(path, heard, read.duration_s, read.original_rate, read.notes + heard.notes)
        except AudioError as error:
            return Refused(path, "file", str(error))
        except OSError as error:
            return Refused(path, "file", str(error) if isinstance(error, FeaturekitError) else error.strerror or str(error))

    def _told(self, waiting: Sequence[Listened | Refused]) -> Iterator[Prediction | Refused]:
        heard = [item.heard for item in waiting if not isinstance(item, Refused)]
        answers = iter(self.judge([self.alone(one) for one in heard])) if heard else iter(())
        for item in waiting:
            if isinstance(item, Refused):
                yield item
            else:
                times_s = (0.0, item.duration_s)
                yield self.prediction(next(answers), item.path, "file", times_s, item.notes, sample_rate=item.original_rate)

    @property
    def _orders(self) -> bool:
        return bool(getattr(self._folds[0].model, "order_by", ""))

    @property
    def _rates(self) -> bool:
        return bool(self.record.kind == "values")
