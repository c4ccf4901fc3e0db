"""A run's networks over the utterances of a store: who is judged by which fold, and what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch

from featurekit import models, store
from featurekit.data import Dataset, Fold, SpeakerNormalisedStore, Task, TrimmedStore, usable_ids
from featurekit.data.collate import collate
from featurekit.data.views.store_view import StoreView
from featurekit.data.windows import WHOLE
from featurekit.data.words import words_of
from featurekit.errors import ParameterError
from featurekit.inference import speed
from featurekit.inference.runs import FoldNetwork, columns_of_run, load_fold
from featurekit.inference.shares import Share, shares
from featurekit.models import Output
from featurekit.runs import finished_run
from featurekit.training.batches import Batches
from featurekit.whole_float32 import whole_float32

_NETWORKS = 4  # folds whose networks are kept in memory
_ANY = Task("any", ("any",), lambda utterance: "any", "every utterance, whatever its label")


class Applied:
    """A run applied to a store.

    Parameters
    ----------
    run : Path
        A finished run.
    opened : Store
        With the run's columns, of its own corpus or another one.
    fold : str or None
        The fold whose network judges every utterance; by default as :func:`featurekit.inference.shares.shares` deals.
    device : torch.device
        Where to compute; in float32.

    Raises
    ------
    ParameterError
        When the run or the store's columns cannot be used, or no utterance has values.
    UnknownNameError
        For a fold the run does not have.
    """

    def __init__(self, run: Path, opened: store.Store, fold: str | None, device: torch.device) -> None:
        self.run, self.opened, self.fold, self.device = run, opened, fold, device
        self.stored = finished_run(run)
        self.record = self.stored.record
        self.view = columns_of_run(opened, self.record)
        self.names = self.record.column_names
        trim_db = self.record.training.trim_db
        level = self.record.level
        self._trimmed = None if trim_db is None or level is None else TrimmedStore(self.view, trim_db, level.name)
        self.read: StoreView = self._trimmed or self.view
        if self.record.is_by_speaker:
            self.read = SpeakerNormalisedStore(self.read, self.record.settings.speaker_from)
        usable = usable_ids(self.view, list(self.view.columns)) if self.names else _with_words(opened)
        if not usable:
            what = f"values in {', '.join(self.view.columns)}" if self.names else "a transcript"
            raise ParameterError(f"no utterance of {opened.path} has {what}")
        only = None if fold is None else self.stored.fold(fold).number
        self.numbers = [*range(len(self.record.folds))] if only is None else [only]
        self.shares = shares(self.stored.folds_of(opened.corpus), usable, only)
        self._network = lru_cache(_NETWORKS)(self._load)
        self._dataset = lru_cache(None)(self._gather)

    @cached_property
    def failed(self) -> dict[str, str]:
        """Id → why it cannot be judged."""
        fine = {name for share in self.shares for name in share.ids}
        ids = enumerate(self.opened.ids)
        return {name: self._why_unusable(index) for index, name in ids if name not in fine}

    def _why_unusable(self, index: int) -> str:
        for name, own in self.view.names.items():
            if self.opened.status(own)[index]:
                return f"{name}: {self.opened.errors(own)[index]}"
        return "no frames" if self.names else "no transcript"

    def begins(self, utterance_id: str) -> int:
        """Frames of silence that were cut before an utterance."""
        if self._trimmed is None:
            return 0
        frames = next(name for name in self.names if self.view.columns[name].kind == "frames")
        return int(self._trimmed.spans(frames)[self.opened.manifest.index(utterance_id), 0])

    @property
    def folds(self) -> dict[str, int]:
        """Fold → how many utterances it judges."""
        counts: Counter[str] = Counter()
        for share in self.shares:
            counts[share.fold.name] += len(share.ids)
        return dict(counts)

    @cached_property
    def trained_on(self) -> tuple[str, ...]:
        """Ids of this corpus that any of the networks has seen, or the networks whose outputs they read."""
        seen = {name for share in self.shares for name in share.seen}
        return tuple(sorted(seen.union(*(info.trained_on for info in self.view.columns.values()))))

    @property
    def reads_text(self) -> bool:
        """Whether the model reads the manifest's transcripts."""
        return "text" in models.MODELS.get(self.record.settings.model).reads

    def outputs(self, wanted: set[str], batch_size: int) -> Iterator[tuple[list[str], Output]]:
        """Ids and what the networks say of them, a batch at a time; of a whole recording all that is wanted at once."""
        for number, share in enumerate(self.shares):
            places = [place for place, name in enumerate(share.ids) if name in wanted]
            if self.record.context == WHOLE:
                yield from self._recordings(share, self._dataset(number), set(places))
                continue
            memory: dict[int, dict[Any, Any]] = {}
            for start in range(0, len(places), batch_size):
                batch = places[start : start + batch_size]
                yield [share.ids[place] for place in batch], self._forward(share, self._dataset(number), batch, memory)

    def _recordings(self, share: Share, dataset: Dataset, wanted: set[int]) -> Iterator[tuple[list[str], Output]]:
        model = self._network(share.number).model
        every = [[place for place in recording if place in wanted] for recording in dataset.recordings or ()]
        for batch in Batches(dataset, self.device, residency="stream").of([places for places in every if places]):
            with torch.inference_mode(), whole_float32():
                output: Output = model(batch)
            yield batch.ids, output

    def longest(self) -> tuple[int, Output]:
        """Frames of the first share's longest utterance (0 where only an image is read), and the output of it alone."""
        share = self.shares[0]
        names = [name for name in self.names if self.view.columns[name].kind != "image"]
        rows = [self.opened.manifest.index(name) for name in share.ids]
        lengths = self.read.lengths(names[0])[rows] if names else [0] * len(rows)
        place = max(range(len(rows)), key=lambda place: lengths[place])
        alone = Share(share.fold, share.number, share.ids[place : place + 1])
        dataset = self._of(alone)
        return int(dataset.lengths[0]), self._forward(alone, dataset, [0], {})

    def _forward(self, share: Share, dataset: Dataset, places: Sequence[int], memory: dict[int, dict[Any, Any]]) -> Output:
        model = self._network(share.number).model
        batch = collate([dataset[place] for place in places], columns=dataset.columns).to(self.device)
        slots = dataset.slots[list(places)].reshape(-1).tolist()
        speed.look_up(model, [memory.setdefault(slot, {}) for slot in slots if slot >= 0])
        with torch.inference_mode(), whole_float32():
            output: Output = model(batch)
        return output

    def _load(self, number: int) -> FoldNetwork:
        network = load_fold(self.stored.fold(number), self.device)
        speed.ready(network.model, "fp32")
        return network

    def _gather(self, number: int) -> Dataset:
        return self._of(self.shares[number])

    def _of(self, share: Share) -> Dataset:
        return Dataset(
            self.read,
            self.names,
            Fold(share.fold.name, (), (), share.ids),
            "test",
            task=_ANY,
            context=self.record.context,
            context_of=self.record.settings.context_of,
            n_frames=self.record.training.n_frames,
            normaliser=self._network(share.number).normaliser,
            text=self.reads_text,
            preload=False,
        )


def _with_words(opened: store.Store) -> list[str]:
    """Utterances that are something to a model of transcripts."""
    return [item.id for item in opened.manifest if words_of(item.text)]
