"""Dataset: one part of a split as samples of numpy arrays.

No torch here: a Dataset is a plain sequence that ``torch.utils.data.DataLoader`` takes, and pickles. Its samples become a
:class:`~featurekit.data.collate.Batch` without a ``collate_fn``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from featurekit.data.columns import named_columns
from featurekit.data.ids import speakers_of
from featurekit.data.layout import Layout
from featurekit.data.normalise import Normaliser
from featurekit.data.packed import Packed
from featurekit.data.splits.folds import Fold, Split
from featurekit.data.stacked import Stacked
from featurekit.data.tasks import Task, get_task, labelled
from featurekit.data.usable import refuse_unusable, usable_ids
from featurekit.data.views.store_view import StoreOrPath, StoreView, opened
from featurekit.data.windows import WHOLE, as_recordings, context_windows, whole_recordings
from featurekit.data.words import word_numbers
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.manifest import Utterance, position
from featurekit.notebook import Shown

_PRELOAD_BYTES = 1 << 30


@dataclass(frozen=True, repr=False)
class Sample(Shown):
    """One target utterance with its context, C slots of which the middle one is the target, or the one at ``place``.

    Parameters
    ----------
    id : str
        The target's id.
    label : int or float32 array (K,)
        Its class number; shares or ratings where the task has these.
    present : bool array (C,)
        Which slots exist.
    frames : list of float32 arrays (T_c, D), or None
        One a slot; (0, D) where the slot is empty. None when no frame column is read.
    images : list of float32 arrays (H, W), or None
        One a slot; zeros where the slot is empty.
    text : list of int64 arrays (L_c,), or None
        Word numbers of the transcript, one a slot; (0,) where the slot is empty. None when text is not read.
    place : int, or None
        Slot of the target in its whole recording; None in a window, where it is the middle one.
    """

    id: str
    label: int | np.ndarray
    present: np.ndarray
    frames: list[np.ndarray] | None
    images: list[np.ndarray] | None
    text: list[np.ndarray] | None = None
    place: int | None = None

    def _shown_facts(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name) for name in ("frames", "images", "text")}
        shapes = {name: [np.shape(slot) for slot in slots] for name, slots in arrays.items() if slots is not None}
        return {"id": self.id, "label": str(self.label), **shapes}


class Samples(list[Sample]):
    """Samples of one dataset, which know where its columns lie: what becomes a batch."""

    def __init__(self, samples: Iterable[Sample], columns: dict[str, slice]) -> None:
        super().__init__(samples)
        self.columns = columns


class Dataset(Shown):
    """One part of a split, ready for batches: ``torch.utils.data.DataLoader(dataset, batch_size=8)`` yields them.

    Parameters
    ----------
    store : StoreView or path
        Where the columns are.
    features : str or sequence of str
        Columns, features or presets (``"luo2019"``), stacked in this order; frame columns must share one clock; at most one
        image column.
    split : Split or Fold, optional
        Without one, all usable labelled utterances (``part`` then only names them).
    part : {"train", "dev", "test"}
        Which part.
    fold : str or int, optional
        Which fold of a split that has several.
    task : str or Task
        Label scheme.
    context : int
        Slots in a window, odd; 1 is the utterance alone, 0 its whole recording (:func:`whole_recordings`).
    context_of : {"same_speaker", "any_speaker"}
        Whose utterances are context in a dialogue.
    n_frames : int, optional
        Cut utterances to their first frames; shorter ones are padded by ``collate`` and masked by lengths.
    normaliser : Normaliser, optional
        Fitted on training ids.
    text : bool
        Read the manifest's transcripts too, as word numbers.
    augment : callable, optional
        Batch → Batch, applied by the training loop; only where ``part`` is train.
    drop_unlabelled : bool
        Leave out utterances without the raw label instead of an error.
    preload : bool, optional
        Read and normalise everything now, into one packed array; by default when that takes less than 1 GiB.

    Attributes
    ----------
    ids, speakers, genders : list of str
        Of the targets. Where the corpus names no speaker, the recording stands in.
    labels : int64 array (n,), or float32 array (n, K)
        What is learnt: class numbers, or shares or ratings where the task has these.
    class_numbers : int64 array (n,)
        Class of each target whatever the task; where it rates, the stratum.
    slots : int64 array (n, C)
        Places of each target's window among the rows that are read; -1 where a slot is empty.
    places : int64 array (n,), or None
        Slot of each target where its window is its whole recording.
    dims, image_shape, columns
        D of the stacked frames (0 without), (H, W) or None, column → slice of D.

    Raises
    ------
    UnknownNameError
        For a column, task, part or fold that does not exist.
    ParameterError
        When columns cannot be stacked, labels are missing, or an utterance of the part failed in a column.
    """

    def __init__(
        self,
        store: StoreOrPath,
        features: Sequence[str] | str,
        split: Split | Fold | None = None,
        part: str = "train",
        *,
        fold: str | int | None = None,
        task: str | Task = "emotion",
        context: int = 1,
        context_of: str = "same_speaker",
        n_frames: int | None = None,
        normaliser: Normaliser | None = None,
        text: bool = False,
        augment: Callable[..., Any] | None = None,
        drop_unlabelled: bool = False,
        preload: bool | None = None,
    ) -> None:
        if augment is not None and part != "train":
            raise ParameterError(f"augmentation is for the training part only; this is {part!r}")
        if n_frames is not None and n_frames < 1:
            raise ParameterError(f"n_frames is {n_frames}; expected at least 1 frame, or None to keep all")
        store = opened(store)
        self.store, self.part, self.context, self.n_frames = store, part, context, n_frames
        self.normaliser, self.augment = normaliser, augment
        self.features = named_columns(store, features, or_none=text)
        self.task = get_task(task, store.manifest)
        self._stacked = Stacked(store, Layout.of(store.columns, self.features), normaliser, n_frames)
        members = _members(store, self.features, split, part, fold)
        labels = labelled(store.manifest, self.task, members, drop_unlabelled=drop_unlabelled)
        self.ids = list(labels)
        self.class_numbers = np.array([self.task.number(label) for label in labels.values()], dtype=np.int64)
        self.labels = self.class_numbers if self.task.kind == "classes" else _targets(store, self.task, self.ids)
        self.places: np.ndarray | None = None
        if context == WHOLE:
            self._windows, self.places = whole_recordings(store.manifest, members, context_of, targets=self.ids)
        else:
            self._windows = context_windows(store.manifest, members, context, context_of, targets=self.ids)
        self._rows = np.unique(self._windows[self._windows >= 0])
        self.slots = np.where(self._windows >= 0, np.searchsorted(self._rows, self._windows), -1)
        self._stacked.check_lengths(self._rows)
        self._words = {int(row): word_numbers(store.manifest.utterances[row].text) for row in self._rows} if text else None
        if self._words is not None and not any(map(len, self._words.values())):
            raise ParameterError("the model reads transcripts and no utterance of this part has one; add text to the manifest")
        now = self.nbytes <= _PRELOAD_BYTES if preload is None else preload
        self._packed: Packed | None = None
        self._packed = self.packed() if now else None

    def _shown_facts(self) -> dict[str, Any]:
        counts = np.bincount(self.class_numbers, minlength=len(self.classes)).tolist()
        return {
            "part": self.part,
            "utterances": len(self),
            "features": self.features,
            "dims": self.dims,
            "image": self.image_shape,
            "context": "" if self.context == 1 else f"{self.context} utterances" if self.context else "whole recordings",
            "task": self.task.name,
            "classes": dict(zip(self.classes, counts, strict=True)),
            "normalised": "yes" if self.normaliser else "no",
        }

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int | str) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Samples: ...

    def __getitem__(self, index: int | str | slice) -> Sample | Samples:
        """One sample by its position or its id; by a slice of positions, several."""
        if isinstance(index, slice):
            return self.__getitems__(range(len(self))[index])
        if isinstance(index, str):
            if index not in self.ids:
                raise UnknownNameError(f"utterance of part {self.part}:", index, self.ids)
            index = self.ids.index(index)
        return self._sample(position(index, len(self)))

    def _sample(self, index: int) -> Sample:
        whole = self._packed
        packed, slots = (whole, self.slots[index]) if whole is not None else self.packed_for([index])
        places = slots.reshape(-1).tolist()
        frames = None if packed.frames is None else [packed.frame(place) for place in places]
        images = None if packed.images is None else [packed.image(place) for place in places]
        text = None if packed.words is None else [packed.words[place] for place in places]
        label = self.labels[index] if self.labels.ndim > 1 else int(self.labels[index])
        place = None if self.places is None else int(self.places[index])
        return Sample(self.ids[index], label, self._windows[index] >= 0, frames, images, text, place)

    def __getitems__(self, indices: Sequence[int]) -> Samples:
        """Several at once: what a plain ``DataLoader(dataset, batch_size=8)`` asks for, which then yields batches."""
        if "torch" in sys.modules:
            importlib.import_module("featurekit.data.collate")  # it says to torch how samples become a Batch
        return Samples([self[index] for index in indices], self.columns)

    @property
    def nbytes(self) -> int:
        """Bytes that all rows take in memory, context included."""
        return self._stacked.nbytes(self._rows)

    @property
    def levels(self) -> np.ndarray | None:
        """Normalised value of each that a stored pixel can have, float32; None where there is no such list."""
        return self._stacked.levels

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and deviation of frames that stay float16 in memory, float64 (D,); None for others."""
        return self._stacked.moments

    def packed(self) -> Packed:
        """All rows in memory; read now, unless they were preloaded. ``slots`` says which are whose."""
        return self._packed or self._read(self._rows)

    def packed_for(self, indices: Sequence[int]) -> tuple[Packed, np.ndarray]:
        """Only the rows of these targets, read in the order they are stored, and their slots among them."""
        windows = self._windows[list(indices)]
        rows = np.unique(windows[windows >= 0])
        return self._read(rows), np.where(windows >= 0, np.searchsorted(rows, windows), -1)

    @cached_property
    def recordings(self) -> list[list[int]] | None:
        """Targets of each recording in its order, where the context is the whole recording; None for windows."""
        if self.places is None:
            return None
        together: dict[int, list[int]] = {}
        for index in np.argsort(self.places, kind="stable").tolist():
            together.setdefault(int(self._windows[index, 0]), []).append(index)
        return [together[first] for first in dict.fromkeys(self._windows[:, 0].tolist())]

    def placed(self, indices: Sequence[int], slots: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Slots (B, C) of these targets as a batch has them, and where the targets are if that is not the middle."""
        return (slots, None) if self.places is None else as_recordings(slots, self.places[list(indices)])

    def _read(self, rows: np.ndarray) -> Packed:
        return Packed.read(self._stacked, rows.tolist(), self._words)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by number."""
        return self.task.classes

    @property
    def dims(self) -> int:
        """D of the stacked frame columns; 0 when only an image is read."""
        return self._stacked.layout.dims

    @property
    def columns(self) -> dict[str, slice]:
        """Frame column → its slice of D."""
        return dict(self._stacked.layout.slices)

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """(H, W) of the image column; None when none is read."""
        return self._stacked.layout.image_shape

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each target's longest slot, (n,) int64: what a batch is padded to. 0 when only an image is read."""
        every = self._stacked.lengths
        return np.where(self._windows >= 0, every[self._windows], 0).max(axis=1)

    @property
    def utterances(self) -> list[Utterance]:
        """The targets."""
        return [self.store.manifest[name] for name in self.ids]

    @property
    def speakers(self) -> list[str]:
        """Speaker of each target: empty where unknown beside known ones, the recording where the corpus names none."""
        return speakers_of(self.store, self.ids)

    @property
    def genders(self) -> list[str]:
        """Gender of each target's speaker; empty where unknown."""
        return [item.gender for item in self.utterances]


def _targets(store: StoreView, task: Task, ids: Sequence[str]) -> np.ndarray:
    found = [task.target_of(store.manifest[name]) for name in ids] if task.target_of else []
    return np.array(found, dtype=np.float32).reshape(len(ids), len(task.outputs))


def _members(
    store: StoreView, features: Sequence[str], split: Split | Fold | None, part: str, fold: str | int | None
) -> list[str]:
    if split is None:
        return usable_ids(store, features)
    if not isinstance(split, (Fold, Split)):
        raise ParameterError(
            f"expected a split, as make_split('speaker-disjoint', store.manifest, task) makes it or Split.read(path) reads it; "
            f"got {split!r:.60}"
        )
    chosen = split if isinstance(split, Fold) else split.fold(fold)
    return refuse_unusable(store, features, list(chosen.part(part)))
