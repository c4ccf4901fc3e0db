"""Dataset: one part of a split as samples of numpy arrays; as_arrays: one row an utterance for scikit-learn.

No torch here: a Dataset is a plain sequence that ``torch.utils.data.DataLoader`` takes, and pickles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurekit.data.columns import Layout, check_names, usable_ids, usable_rows
from featurekit.data.folds import Fold, Split
from featurekit.data.normalise import Normaliser, StoreLike, scale_of, scaled, store_rows
from featurekit.data.packed import Packed
from featurekit.data.tasks import Task, get_task, labelled
from featurekit.data.windows import context_windows
from featurekit.data.words import word_numbers
from featurekit.errors import ParameterError
from featurekit.manifest import Utterance

_PRELOAD_BYTES = 1 << 30


@dataclass(frozen=True)
class Sample:
    """One target utterance with its context, C slots of which the middle one is the target.

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
    """

    id: str
    label: int | np.ndarray
    present: np.ndarray
    frames: list[np.ndarray] | None
    images: list[np.ndarray] | None
    text: list[np.ndarray] | None = None


class Dataset:
    """One part of a split, ready for batches (:func:`featurekit.data.collate.collate`).

    Parameters
    ----------
    store : Store
        Where the columns are.
    features : sequence of str
        Columns, stacked in this order; frame columns must share one clock; at most one image column.
    split : Split or Fold, optional
        Without one, all usable labelled utterances (``part`` then only names them).
    part : {"train", "dev", "test"}
        Which part.
    fold : str or int, optional
        Which fold of a split that has several.
    task : str or Task
        Label scheme.
    context : int
        Slots in a window, odd; 1 is the utterance alone.
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
        store: StoreLike,
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
        self.store, self.part, self.context, self.n_frames = store, part, context, n_frames
        self.normaliser, self.augment = normaliser, augment
        self.features = check_names(store, features)
        self.task = get_task(task, store.manifest) if isinstance(task, str) else task
        self._layout = Layout.of(store, self.features)
        members = _members(store, self.features, split, part, fold)
        labels = labelled(store.manifest, self.task, members, drop_unlabelled=drop_unlabelled)
        self.ids = list(labels)
        self.class_numbers = np.array([self.task.number(label) for label in labels.values()], dtype=np.int64)
        self.labels = self.class_numbers if self.task.kind == "classes" else _targets(store, self.task, self.ids)
        self._windows = context_windows(store.manifest, members, context, context_of, targets=self.ids)
        self._rows = np.unique(self._windows[self._windows >= 0])
        self.slots = np.where(self._windows >= 0, np.searchsorted(self._rows, self._windows), -1)
        self._layout.check_lengths(store, self._rows)
        self._words = {int(row): word_numbers(store.manifest.utterances[row].text) for row in self._rows} if text else None
        if self._words is not None and not any(map(len, self._words.values())):
            raise ParameterError("the model reads transcripts and no utterance of this part has one; add text to the manifest")
        now = self.nbytes <= _PRELOAD_BYTES if preload is None else preload
        self._packed: Packed | None = None
        self._packed = self.packed() if now else None

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        whole = self._packed
        packed, slots = (whole, self.slots[index]) if whole is not None else self.packed_for([index])
        places = slots.reshape(-1).tolist()
        frames = None if packed.frames is None else [packed.frames[place] for place in places]
        images = None if packed.images is None else [packed.image(place) for place in places]
        text = None if packed.words is None else [packed.words[place] for place in places]
        label = self.labels[index] if self.labels.ndim > 1 else int(self.labels[index])
        return Sample(self.ids[index], label, self._windows[index] >= 0, frames, images, text)

    @property
    def nbytes(self) -> int:
        """Bytes that all rows take in memory, context included."""
        return self._layout.nbytes(self.store, self._rows, self.n_frames)

    @property
    def levels(self) -> np.ndarray | None:
        """Normalised value of each value a stored byte of an image can have, (256,) float32; None without such images."""
        return self._layout.levels(self.store, self.normaliser)

    def packed(self) -> Packed:
        """All rows in memory; read now, unless they were preloaded. ``slots`` says which are whose."""
        return self._packed or self._read(self._rows)

    def packed_for(self, indices: Sequence[int]) -> tuple[Packed, np.ndarray]:
        """Only the rows of these targets, read in the order they are stored, and their slots among them."""
        windows = self._windows[list(indices)]
        rows = np.unique(windows[windows >= 0])
        return self._read(rows), np.where(windows >= 0, np.searchsorted(rows, windows), -1)

    def _read(self, rows: np.ndarray) -> Packed:
        how: dict[str, Any] = {"normaliser": self.normaliser, "n_frames": self.n_frames, "words": self._words}
        return Packed.read(self.store, self._layout, rows.tolist(), **how)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by number."""
        return self.task.classes

    @property
    def dims(self) -> int:
        """D of the stacked frame columns; 0 when only an image is read."""
        return self._layout.dims

    @property
    def columns(self) -> dict[str, slice]:
        """Frame column → its slice of D."""
        return dict(self._layout.slices)

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """(H, W) of the image column; None when none is read."""
        if self._layout.image is None:
            return None
        height, width = self.store.columns[self._layout.image].image_shape
        return int(height), int(width)

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each target's longest slot, (n,) int64: what a batch is padded to. 0 when only an image is read."""
        every = self._layout.lengths(self.store, self.n_frames)
        return np.where(self._windows >= 0, every[self._windows], 0).max(axis=1)

    @property
    def utterances(self) -> list[Utterance]:
        """The targets."""
        return [self.store.manifest[name] for name in self.ids]

    @property
    def speakers(self) -> list[str]:
        """Speaker of each target; the recording where the corpus names none."""
        return [item.speaker or item.recording for item in self.utterances]

    @property
    def genders(self) -> list[str]:
        """Gender of each target's speaker; empty where unknown."""
        return [item.gender for item in self.utterances]


def as_arrays(
    store: StoreLike,
    features: Sequence[str] | str,
    task: str | Task = "emotion",
    pool: Sequence[str] = ("mean", "std"),
    ids: Iterable[str] | None = None,
    *,
    drop_unlabelled: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row an utterance, for scikit-learn: frame columns pooled over time, vector columns as they are.

    Parameters
    ----------
    store : Store
        Where the columns are.
    features : sequence of str
        Frame and vector columns; clocks may differ, since time is pooled away. Power columns are taken to dB first.
    task : str or Task
        Label scheme.
    pool : sequence of {"mean", "std", "min", "max"}
        Statistics over frames, concatenated in this order for each column. Values that are not finite are left out;
        a dimension without any becomes 0.
    ids : iterable of str, optional
        Which utterances; all usable ones by default.
    drop_unlabelled : bool
        Leave out utterances without the raw label instead of an error.

    Returns
    -------
    X : float32 array (n, d)
    y : str array (n,)
        Class names.
    speakers : str array (n,)
        For grouped cross-validation; the recording where the corpus names no speaker.

    Raises
    ------
    ParameterError
        For an image column, an unknown statistic, or an utterance that failed in a column.
    UnknownNameError
        For a column or task that does not exist.
    """
    names = check_names(store, features)
    unknown = sorted(set(pool) - _POOLS.keys())
    if unknown or not pool:
        raise ParameterError(f"pool is {tuple(pool)}; expected some of {', '.join(_POOLS)}")
    images = [name for name in names if store.columns[name].kind == "image"]
    if images:
        raise ParameterError(f"{images[0]} is an image and has no time to pool; choose frame or vector columns")
    scheme = get_task(task, store.manifest) if isinstance(task, str) else task
    chosen = usable_ids(store, names) if ids is None else _refuse_failed(store, names, list(ids))
    labels = labelled(store.manifest, scheme, chosen, drop_unlabelled=drop_unlabelled)
    rows = store_rows(store, list(labels))
    X = np.array([np.concatenate([_pooled(store, name, int(row), pool) for name in names]) for row in rows], dtype=np.float32)
    items = [store.manifest[name] for name in labels]
    return X, np.array(list(labels.values())), np.array([item.speaker or item.recording for item in items])


_POOLS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": lambda values, finite, n: np.where(finite, values, 0.0).sum(axis=0) / n,
    "std": lambda values, finite, n: np.sqrt(
        np.where(finite, (values - np.where(finite, values, 0.0).sum(axis=0) / n) ** 2, 0.0).sum(axis=0) / n
    ),
    "min": lambda values, finite, n: np.where(finite.any(axis=0), np.where(finite, values, np.inf).min(axis=0), 0.0),
    "max": lambda values, finite, n: np.where(finite.any(axis=0), np.where(finite, values, -np.inf).max(axis=0), 0.0),
}


def _pooled(store: StoreLike, name: str, row: int, pool: Sequence[str]) -> np.ndarray:
    info = store.columns[name]
    values = scaled(np.asarray(store.read(name, row)), scale_of(info.kind, info.unit))
    finite = np.isfinite(values)
    if info.kind == "vector":
        return np.where(finite, values, 0.0).reshape(-1)
    n = np.maximum(finite.sum(axis=0), 1)
    return np.concatenate([_POOLS[statistic](values, finite, n) for statistic in pool])


def _targets(store: StoreLike, task: Task, ids: Sequence[str]) -> np.ndarray:
    found = [task.target_of(store.manifest[name]) for name in ids] if task.target_of else []
    return np.array(found, dtype=np.float32).reshape(len(ids), len(task.outputs))


def _members(
    store: StoreLike, features: Sequence[str], split: Split | Fold | None, part: str, fold: str | int | None
) -> list[str]:
    if split is None:
        return usable_ids(store, features)
    chosen = split if isinstance(split, Fold) else split.fold(fold)
    return _refuse_failed(store, features, list(chosen.part(part)))


def _refuse_failed(store: StoreLike, features: Sequence[str], ids: list[str]) -> list[str]:
    usable = usable_rows(store, features)
    failed = [name for name, row in zip(ids, store_rows(store, ids), strict=True) if not usable[row]]
    if failed:
        shown = ", ".join(failed[:3]) + (", …" if len(failed) > 3 else "")
        raise ParameterError(
            f"{len(failed)} utterances have no values in {', '.join(features)}: {shown}; make the split of usable ones "
            "(ids=usable_ids(store, features)), or mend the files and run the same `featurekit extract` again"
        )
    return ids
