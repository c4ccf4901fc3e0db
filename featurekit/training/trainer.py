"""One pass over the training part: batches, gradients, updates; what goes wrong in a step is said with its batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from featurekit.data.collate import Batch
from featurekit.data.dataset import Dataset
from featurekit.errors import TrainingError
from featurekit.page_locked import PageLockedMemoryError
from featurekit.runs import TrainSettings
from featurekit.training.batches import Batches, in_order, shuffled
from featurekit.training.devices import Forward, precision, random_state, restore_random_state
from featurekit.training.losses import frame_counts, make_loss
from featurekit.training.residency import Residency
from featurekit.training.resume import Standing
from featurekit.training.updates import Updates

# Reading a loss makes the host wait for a GPU; on a CPU it costs nothing, and the weights stay good.
_LOOK_EVERY = 32

OnBatch = Callable[[int, int, int], None]  # epoch, batch, batches in an epoch


class _Judged(NamedTuple):
    """A batch's mean loss, how many it got right, and, where losses are summed, how often each utterance counts."""

    loss: Tensor
    right: Tensor
    counts: Tensor | None


class Trainer:
    """A model, its training batches, its loss and its updates.

    Parameters
    ----------
    model : module
        On its device.
    train : Dataset
        The training part.
    settings : TrainSettings
        How.
    device : torch.device
        Where.
    residency : Residency
        Where the values lie.
    on_note : callable
        Told what a person should know.
    """

    def __init__(
        self,
        model: nn.Module,
        train: Dataset,
        settings: TrainSettings,
        device: torch.device,
        residency: Residency,
        on_note: Callable[[str], None],
    ) -> None:
        self.model, self.train, self.settings, self.device = model, train, settings, device
        self._forward = Forward(model, settings, device, train=train, on_note=on_note)
        self._loss = make_loss(settings, train, device)
        self._batches = Batches(train, device, residency=residency.kind, workers=residency.workers)
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._updates: Updates | None = None

    def begin(self, standing: Standing | None) -> None:
        """What the model fits before its first step (:mod:`featurekit.models`), or everything as it stood."""
        hook = getattr(self.model, "prepare", None)
        if standing is not None:
            self.model.load_state_dict(standing.tensors["model"])
        elif hook is not None:
            order = in_order(len(self.train), self.settings.batch_size, self.train.recordings)
            speakers = dict(zip(self.train.ids, self.train.speakers, strict=True))
            hook(lambda: self._batches.of(order), self._generator, speakers=speakers)
        if any(parameter.requires_grad for parameter in self.model.parameters()):
            batches = len(shuffled(*self._drawn, 0, self.train.recordings))
            self._updates = Updates(self.model, self.settings, math.ceil(batches / self.settings.accumulate))
        if standing is not None:
            if self._updates is not None:
                self._updates.load(standing.tensors.get("optimizer", {}), standing.updates)
            random = dict(standing.tensors["random"])
            self._generator.set_state(random.pop("augmentation"))
            restore_random_state(random, self.device)

    @property
    def trainable(self) -> bool:
        """Whether there is anything to learn by gradients."""
        return self._updates is not None

    @property
    def lr(self) -> float:
        """Learning rate of the next update."""
        return self._updates.lr if self._updates is not None else 0.0

    def standing(self) -> Standing:
        """Where training stands, but for best state and history."""
        tensors = {"model": dict(self.model.state_dict()), "random": random_state(self.device)}
        tensors["random"]["augmentation"] = self._generator.get_state()
        if self._updates is None:
            return Standing(tensors)
        return Standing(tensors | {"optimizer": self._updates.state()}, updates=self._updates.done)

    def epoch(self, number: int, on_batch: OnBatch | None = None) -> dict[str, float]:
        """One pass: ``train_loss``, the mean loss per utterance, and of classes ``train_wa``, the share that was right.

        Both are of the batches as they were learnt from: augmented, with dropout, before their own update. Of mixed labels the
        larger share counts.

        Parameters
        ----------
        number : int
            Of the epoch, from 1.
        on_batch : callable, optional
            Called after each batch with the epoch, the number of the batch, from 1, and how many there are.

        Raises
        ------
        TrainingError
            When a loss is not finite, or a batch does not fit into the memory of the GPU.
        """
        self.model.train()
        order = shuffled(*self._drawn, number, self.train.recordings)
        losses: list[Tensor] = []
        right: list[Tensor] = []
        looked = 0
        for place, batch in enumerate(self._batches.of(order)):
            judged = self._step(batch, place, order, number)
            losses.append(judged.loss)
            right.append(judged.right)
            if on_batch is not None:
                on_batch(number, place + 1, len(order))
            if len(losses) - looked >= _LOOK_EVERY or place + 1 == len(order):
                self._look(losses[looked:], order[looked : place + 1], number)
                looked = len(losses)
        sizes = torch.tensor([len(batch) for batch in order], dtype=torch.float64)
        means, hits = torch.stack([torch.stack(losses).double(), torch.stack(right).double()]).cpu()
        row = {"train_loss": float((means * sizes).sum() / len(self.train))}
        return row if self._rates else {**row, "train_wa": float(hits.sum() / len(self.train))}

    @property
    def _rates(self) -> bool:
        return self.train.task.kind == "values"

    def _learn(self, loss: Tensor, counts: Tensor | None, place: int, order: Sequence[Sequence[int]]) -> None:
        """Gradient of a batch; an update where its group ends."""
        many = self.settings.accumulate
        if counts is not None:
            loss = loss * counts.sum()
        elif many > 1:
            start = place - place % many
            loss = loss * (len(order[place]) / sum(len(batch) for batch in order[start : start + many]))
        loss.backward()  # type: ignore[no-untyped-call]
        if self._updates is not None and ((place + 1) % many == 0 or place + 1 == len(order)):
            self._updates.step()

    def _step(self, batch: Batch, place: int, order: Sequence[Sequence[int]], number: int) -> _Judged:
        """A batch judged and learnt from; or what to say when it does not fit."""
        try:
            return self._learnt(batch, place, order, number)
        except PageLockedMemoryError:
            raise  # a smaller batch on the GPU would not help
        except torch.OutOfMemoryError:
            del batch  # and the search below must not run in the handler: the exception's frames hold the tensors
        raise self._too_much(order[place], number)

    def _learnt(self, batch: Batch, place: int, order: Sequence[Sequence[int]], number: int) -> _Judged:
        judged = self._judged(batch)
        if self.device.type == "cpu":
            self._look([judged.loss.detach()], [order[place]], number)
        if self._updates is not None:
            self._learn(judged.loss, judged.counts, place, order)
        return judged._replace(loss=judged.loss.detach())

    def _judged(self, batch: Batch) -> _Judged:
        if self.train.augment is not None and self._updates is not None:
            batch = self.train.augment(batch, self._generator)
        with precision(self.settings, self.device), torch.set_grad_enabled(self._updates is not None):
            logits = self._forward(batch).logits
        counts = frame_counts(batch) if self.settings.reduction == "sum" else None
        return _Judged(self._loss(logits, batch.labels, counts), self._right(logits.detach(), batch.labels), counts)

    def _right(self, logits: Tensor, labels: Tensor) -> Tensor:
        """How many of a batch got their own class, on the device; 0 of ratings."""
        if self._rates:
            return torch.zeros((), dtype=torch.int64, device=logits.device)
        classes = labels.argmax(-1) if labels.dim() > 1 else labels
        return (logits.argmax(-1) == classes).sum()

    def _look(self, losses: Sequence[Tensor], order: Sequence[Sequence[int]], number: int) -> None:
        for value, indices in zip(torch.stack(list(losses)).tolist(), order, strict=True):
            if not math.isfinite(value):
                ids = ", ".join(self.train.ids[index] for index in indices)
                raise TrainingError(
                    f"the loss is {value} in epoch {number} on the batch of {ids}; look at these utterances' "
                    "features (a normaliser replaces what is not finite), lower lr, or set gradient_clip"
                )

    def _too_much(self, indices: Sequence[int], number: int) -> TrainingError:
        """What to say when a batch did not fit: the largest half of a half that does, found by trying."""
        pieces = self._pieces(indices)
        size = len(pieces)
        while size > 1:
            size //= 2
            self.model.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            if self._fits([index for piece in pieces[:size] for index in piece]):
                way = f"a batch of {size} fits: use --batch-size {size}"
                many = math.ceil(self.settings.batch_size / size) * self.settings.accumulate
                way += f", and accumulate = {many} in [training] for the same updates"
                break
        else:
            one = "utterance" if self.train.recordings is None else "recording"
            way = f"not even one {one} fits: use a smaller model or shorter utterances (n_frames)"
        return TrainingError(f"out of memory on {self.device.type} in epoch {number} with a batch of {len(pieces)}; {way}")

    def _pieces(self, indices: Sequence[int]) -> list[list[int]]:
        """What a batch is made of: utterances, or recordings."""
        if self.train.recordings is None:
            return [[index] for index in indices]
        wanted = set(indices)
        return [recording for recording in self.train.recordings if wanted.issuperset(recording)]

    @property
    def _drawn(self) -> tuple[int, int, int]:
        return len(self.train), self.settings.batch_size, self.settings.seed

    def _fits(self, indices: Sequence[int]) -> bool:
        try:
            loss = self._judged(next(self._batches.of([list(indices)]))).loss
            if self._updates is not None:
                loss.backward()  # type: ignore[no-untyped-call]
        except (torch.OutOfMemoryError, ValueError):  # batch normalisation refuses a batch of one
            return False
        return True
