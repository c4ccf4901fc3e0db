"""One fold of a run: fit it, choose the epoch on dev, predict its test part once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from featurekit import data, training
from featurekit.data import augment
from featurekit.experiments import begun, transcripts
from featurekit.files import json_bytes
from featurekit.runs import FoldRecord, Prediction, StoredRun
from featurekit.runs.schema import VOCABULARY
from featurekit.settings import digest
from featurekit.training.devices import choose_device, cpu_threads, precision_name

if TYPE_CHECKING:
    from featurekit.experiments.run import Run

History = list[dict[str, Any]]  # one row per epoch


def train_fold(
    run: Run,
    number: int,
    *,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    on_batch: Callable[[int, int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    sharing: int = 1,
) -> History:
    """Fit one fold and predict its test part, which the training never sees; ``predictions.jsonl`` is written last.

    Parameters
    ----------
    run : Run
        The run; its folder is there.
    number : int
        Which fold.
    on_epoch, on_batch, on_note : callable, optional
        As :func:`featurekit.training.fit` calls them.
    sharing : int
        Folds that are trained at once.

    Returns
    -------
    list of dict
        The history of the fit.
    """
    started, begun_at = time.perf_counter(), begun.now()
    fold, stored = run.split.folds[number], StoredRun(run.folder).fold(number)
    model, train, dev, normaliser = prepared(run, number, on_note)
    fitted = training.fit(
        model,
        train,
        dev,
        run.training,
        folder=stored.path,
        on_epoch=on_epoch,
        on_batch=on_batch,
        on_note=on_note,
        sharing=sharing,
    )
    device = choose_device(run.training.device)
    seconds = round(time.perf_counter() - started, 3)
    weights = training.bytes_of(fitted.state)
    record = FoldRecord(
        fold=fold.name,
        build={
            "n_classes": len(run.task.outputs),
            "dims": train.dims or None,
            "image_shape": train.image_shape,
            "n_frames": run.training.n_frames,
            **run.settings.hyper,
        },
        normaliser=normaliser.to_dict(),
        tensors_sha256=hashlib.sha256(weights).hexdigest(),
        history=tuple(fitted.history),
        best_epoch=fitted.best_epoch,
        normalised_by=_normalised_by(run, fold)[0],
        device=str(device),
        threads=run.training.threads or cpu_threads(),
        precision=precision_name(run.training, device),
        parameters=parameters(model),
        train_s=seconds,
        **begun_at,
    )
    words = {VOCABULARY: json_bytes(transcripts.training_words(run.store, train.ids))} if transcripts.alone(run.model) else {}
    test = _dataset(run, fold, "test", normaliser)
    rows = training.records(test, training.predict(model, test, run.training), fold.name)
    stored.write(weights, record, [Prediction(**row) for row in rows], words)
    return fitted.history


def prepared(
    run: Run, number: int, on_note: Callable[[str], None] | None = None, *, initial: Any = None
) -> tuple[Any, data.Dataset, data.Dataset | None, data.Normaliser]:
    """What the fit of a fold begins with: the model in its initial state, training and development part, normaliser."""
    fold = run.split.folds[number]
    by, ids = _normalised_by(run, fold)
    if on_note is not None and by != run.training.normalise:
        on_note(
            f"fold {fold.name}: no training utterance is labelled neutral in task {run.task.name}, so the values are "
            "normalised by the whole training part"
        )
    normaliser = (
        data.Normaliser.fit(run.view, run.columns, ids) if run.columns else data.Normaliser({}, digest(sorted(ids)), len(ids))
    )
    train = _dataset(run, fold, "train", normaliser)
    settings, how = run.settings, run.training
    model = training.build_for(settings.model, train, seed=how.seed, n_frames=how.n_frames, **settings.hyper)
    (initial or run.initial).load_into(model, number)
    return model, train, _dataset(run, fold, "dev", normaliser) if fold.dev else None, normaliser


def parameters(model: Any) -> dict[str, int]:
    """How many numbers a network has, ``all``, and how many of them are learnt by gradients, ``trained``."""
    sizes = [(value.numel(), value.requires_grad) for value in model.parameters()]
    return {"all": sum(size for size, _ in sizes), "trained": sum(size for size, learns in sizes if learns)}


def _normalised_by(run: Run, fold: data.Fold) -> tuple[str, Sequence[str]]:
    """What the normaliser is fitted on, as ``normalise`` of the settings says it, and the ids of that.

    Where it asks for the neutral speech of the training part and there is none, that is the whole training part.
    """
    asked = run.training.normalise
    if asked != "neutral":
        return asked, fold.train
    labels = data.labelled(run.store.manifest, run.task, fold.train, drop_unlabelled=run.settings.drop_unlabelled)
    found = data.normalise.neutral_ids(labels)
    return (asked, found) if found else ("training", fold.train)


def _dataset(run: Run, fold: data.Fold, part: str, normaliser: data.Normaliser) -> data.Dataset:
    # Tempo, shifts and crops bring in frames from further on: then a model that makes pictures cuts them itself, afterwards.
    whole = part == "train" and run.augment and run.model.makes_pictures
    return data.Dataset(
        run.view,
        run.columns,
        fold,
        part,
        task=run.task,
        context=run.context,
        context_of=run.settings.context_of,
        n_frames=None if whole else run.training.n_frames,
        normaliser=normaliser,
        text="text" in run.model.reads,
        augment=augment.make_augment(run.augment, len(run.task.outputs)) if part == "train" else None,
        drop_unlabelled=run.settings.drop_unlabelled,
        preload=False,  # the training decides where the values lie
    )
