"""How long a run will take, from a few of its batches on this machine."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

from featurekit import training
from featurekit.data.windows import WHOLE
from featurekit.experiments.fold import prepared
from featurekit.experiments.stages import Untrained

if TYPE_CHECKING:
    from featurekit.experiments.run import Run

BATCHES, SECONDS = 5, 2.0  # what is measured at least, and the time after which it is enough
_EPOCHS = 2  # where an epoch has few batches, so many epochs are enough
_DEV = 1 / 3  # time of an utterance of dev, which is only predicted, by one of training


class BatchTimer:
    """Seconds of a batch of training; the first one is left out, since it also pays for what is made once."""

    def __init__(self) -> None:
        self._started_s: float | None = None
        self._batches = 0

    def count(self) -> None:
        """Count a batch that has just ended."""
        if self._started_s is None:
            self._started_s = time.perf_counter()
        else:
            self._batches += 1
            self._elapsed_s = time.perf_counter() - self._started_s

    @property
    def is_enough(self) -> bool:
        """Whether the mean can be trusted."""
        return self._batches > 0 and (self._elapsed_s >= SECONDS or self._batches >= 10 * BATCHES) and self._batches >= BATCHES

    @property
    def batch_s(self) -> float | None:
        """Mean seconds of a batch; None before the second one has ended."""
        return self._elapsed_s / self._batches if self._batches else None


def seconds_of(run: Run, batch_s: float) -> float:
    """Seconds that the folds which are not done will take when all epochs run, one fold after the other.

    Parameters
    ----------
    run : Run
        The run.
    batch_s : float
        Seconds of a batch of training.
    """
    total = 0.0
    for number in run.pending:
        fold = run.split.folds[number]
        recordings = {run.store.manifest[name].recording for name in fold.train} if run.context == WHOLE else fold.train
        batches = math.ceil(len(recordings) / run.training.batch_size)
        total += batches * (1 + _DEV * len(fold.dev) / max(1, len(fold.train)))
    return total * run.training.epochs * batch_s


def measured(run: Run) -> float | None:
    """Seconds that a run will take, by training a few batches of its first fold that is not done; nothing is written.

    Of a model that is trained in stages, the last one: each of ``run.stages`` is a run that can be asked for its own.

    Returns
    -------
    float or None
        None where that cannot be known beforehand: the model has no batches, since it is fitted in one step, or the first
        epoch ends within a moment.
    """
    if not run.pending:
        return 0.0
    waits = any(stage.pending for stage in run.stages.values())
    model, train, dev, _ = prepared(run, run.pending[0], initial=Untrained(list(run.stages)) if waits else None)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return None
    timer = BatchTimer()

    def count(epoch: int, batch: int, batches: int) -> None:
        timer.count()
        if timer.is_enough or epoch > _EPOCHS:
            raise _Enough

    with contextlib.suppress(_Enough):
        training.fit(model, train, dev, run.training, on_batch=count)
    return None if timer.batch_s is None else seconds_of(run, timer.batch_s)


class _Enough(Exception):  # noqa: N818 - it ends the measurement and is no error
    """Enough batches were trained."""
