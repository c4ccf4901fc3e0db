"""What a run makes of every utterance of a store, written back as columns: LASV, CASV or ASV; logits; attention.

A column's key is made of the networks (digests of weights and normalisers), of the columns they read and of how
utterances are dealt out to the folds (:mod:`featurekit.inference.shares`); no path enters it. Shards are committed one by
one, so an interrupted command goes on where it was, and a second one finds everything there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from featurekit import store
from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError, StoreError
from featurekit.inference.applied import Applied
from featurekit.manifest import Utterance
from featurekit.models import Output
from featurekit.notebook import Shown
from featurekit.runs import StoredFold
from featurekit.settings import digest
from featurekit.training.devices import choose_device

WHAT = ("embedding", "logits", "attention")
VERSION = 1  # of the numbers: part of every key
SHARD_UTTERANCES = 512
_BATCH = 32
_TIME = ("frames", "blocks")  # names of attention whose last axis is time; of others it is the window
_SLOTS = ("before", "target", "after")


@dataclass(frozen=True, repr=False)
class Embedded(Shown):
    """What :func:`embed` did.

    Parameters
    ----------
    store : Path
    columns : list of str
        Their names in the store.
    utterances : int
        Of the store.
    computed : int
        How many of them were computed now; 0 when all was there.
    failed : dict
        Id → why it has no values.
    folds : dict
        Fold → how many utterances its network judged.
    trained_on : int
        How many utterances of this corpus the networks have seen.
    there : bool
        Whether the store had all of it before.
    """

    store: Path
    columns: list[str]
    utterances: int
    computed: int
    failed: dict[str, str] = field(default_factory=dict)
    folds: dict[str, int] = field(default_factory=dict)
    trained_on: int = 0
    there: bool = False

    def _shown_facts(self) -> dict[str, Any]:
        counts = {"computed": f"{self.computed:,}", "failed": f"{len(self.failed):,}", "trained on": f"{self.trained_on:,}"}
        return {"store": self.store, "columns": self.columns, "utterances": self.utterances, **counts}


def embed(
    run: str | Path,
    path: str | Path,
    *,
    what: str = "embedding",
    fold: str | None = None,
    device: str = "auto",
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Embedded:
    """Write columns of a run's networks into a store.

    Parameters
    ----------
    run : path
        A finished run.
    path : path
        A store with the run's columns, of its own corpus or another one.
    what : {"embedding", "logits", "attention"}
        The vector before the class layer; the class layer's output; the attention weights, a column each.
    fold : str, optional
        The fold whose network judges every utterance. By default each is judged by the one that tests it.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where to compute; in float32.
    dry_run : bool
        Only say what would be done.
    progress : callable, optional
        Called with the utterances done and how many there are.

    Returns
    -------
    Embedded

    Raises
    ------
    ParameterError
        When the run or its columns cannot be used here, or the model has no attention.
    UnknownNameError
        For a fold the run does not have.
    StoreError
        When the store cannot be written, or somebody changed it meanwhile.
    """
    if what not in WHAT:
        raise ParameterError(f"what is {what!r}; expected {', '.join(WHAT)}")
    applied = Applied(Path(run), store.open_store(path), fold, choose_device(device))
    new = _Columns(applied, what)
    there, done = new.are_live, 0
    if not (there or dry_run):
        done = _commit(Path(path), new, progress or (lambda done, total: None))
    return Embedded(
        store=Path(path),
        columns=[info.name for info in new.infos],
        utterances=len(applied.opened),
        computed=done,
        failed=applied.failed,
        folds=applied.folds,
        trained_on=len(applied.trained_on),
        there=there,
    )


def attention_of(
    run: str | Path, path: str | Path, utterance_id: str, *, device: str = "auto"
) -> list[tuple[store.ColumnInfo, np.ndarray]]:
    """Attention weights of one utterance, computed now, each with its description, as :func:`embed` would write them.

    Raises
    ------
    ParameterError
        As :func:`embed`, and when the utterance has no values in a column the run reads.
    UnknownNameError
        For an utterance the store does not have.
    """
    opened = store.open_store(path)
    item = opened.manifest[opened.ids[opened.index(utterance_id)]]
    applied = Applied(Path(run), opened, None, choose_device(device))
    if item.id in applied.failed:
        raise ParameterError(f"{item.id} has no values in what the run reads: {applied.failed[item.id]}")
    new = _Columns(applied, "attention")
    return list(zip(new.infos, new.values([item])[item.id], strict=True))


def _commit(path: Path, new: _Columns, progress: Callable[[int, int], None]) -> int:
    manifest, there = new.applied.opened.manifest, store.committed(path)
    store.check_writable(path, len(manifest) * sum(info.row_bytes for info in new.infos))
    keys, done, computed = [], 0, 0
    for start in range(0, len(manifest), SHARD_UTTERANCES):
        utterances = manifest.utterances[start : start + SHARD_UTTERANCES]
        pairs = [(item.id, item.fingerprint) for item in utterances]
        keys.append(store.shard_key([info.key for info in new.infos], pairs))
        if keys[-1] not in there:
            store.commit_shard(path, new.content(keys[-1], utterances))
            computed += len(utterances)
        done += len(utterances)
        progress(done, len(manifest))
    store.publish_head(path, manifest, lambda latest: new.beside(latest, keys))
    store.build_index(path, manifest)
    return computed


class _Columns:
    """The columns that a run adds to a store."""

    def __init__(self, applied: Applied, what: str) -> None:
        self.applied, self.what = applied, what
        fold = [] if applied.fold is None else [f"fold-{applied.fold}"]
        self.prefix = "/".join([applied.run.resolve().name, *fold])

    @cached_property
    def infos(self) -> list[store.ColumnInfo]:
        """Their descriptions. Sizes are read off what the network says of the longest utterance."""
        n_frames, output = self.applied.longest()
        return [self._info(name, values, n_frames) for name, values in self._named(output).items()]

    @property
    def are_live(self) -> bool:
        """Whether the store's latest generation has them."""
        live = self.applied.opened.columns
        return all(info.name in live and live[info.name].key == info.key for info in self.infos)

    def content(self, key: str, utterances: Sequence[Utterance]) -> store.ShardContent:
        """Compute one shard."""
        values = self.values(utterances)
        return store.ShardContent(
            key=key,
            # Whom the networks have seen stands in the head, once, not in every shard.
            columns=tuple(replace(info, trained_on=()) for info in self.infos),
            ids=[item.id for item in utterances],
            fingerprints=[item.fingerprint for item in utterances],
            results={
                info.name: [self._result(item.id, values, place) for item in utterances]
                for place, info in enumerate(self.infos)
            },
        )

    def values(self, utterances: Sequence[Utterance]) -> dict[str, list[np.ndarray]]:
        """Id → one array a column, of those that can be judged."""
        found: dict[str, list[np.ndarray]] = {}
        # Weights over time have no batch-mates: their number is that of the utterance's own frames.
        batch_size = 1 if self.what == "attention" else _BATCH
        for ids, output in self.applied.outputs({item.id for item in utterances}, batch_size):
            every = [values.float().cpu().numpy() for values in self._named(output).values()]
            for row, name in enumerate(ids):
                rows = [_rows(info, values[row]) for info, values in zip(self.infos, every, strict=True)]
                found[name] = [self._in_place(info, array, name) for info, array in zip(self.infos, rows, strict=True)]
        return found

    def beside(self, latest: store.Head | None, keys: Sequence[str]) -> list[store.GroupInfo]:
        """What the next generation holds: the columns there are, and these in place of any of their names."""
        opened = self.applied.opened
        if latest is None or latest.manifest_digest != opened.head.manifest_digest:
            raise StoreError(f"somebody changed the utterances of {opened.path} meanwhile; run the same command again")
        kept = list(latest.groups)
        for info in self.infos:
            kept = [group.without(info.name) for group in kept]
        return [*(group for group in kept if group.columns), store.GroupInfo(tuple(self.infos), tuple(keys))]

    def _named(self, output: Output) -> dict[str, Tensor]:
        if self.what != "attention":
            return {self.what: getattr(output, self.what)}
        if not output.attention:
            raise ParameterError(
                f"{self.applied.record.settings.model} has no attention to write; rnn-attention, ub-bilstm and "
                "aff-acrnn have some"
            )
        return {f"attention/{name}": values for name, values in sorted(output.attention.items())}

    def _in_place(self, info: store.ColumnInfo, weights: np.ndarray, utterance_id: str) -> np.ndarray:
        """Weights over time with 0 before them where silence was cut, so that each stands at its time."""
        cut = self.applied.begins(utterance_id) if info.kind == "frames" else 0
        clock = _clock(self.applied.view)
        if not cut or clock is None or info.hop_s is None:
            return weights
        hop_s, _ = clock
        return np.concatenate([np.zeros((round(cut * hop_s / info.hop_s), info.dims), weights.dtype), weights])

    def _info(self, name: str, values: Tensor, n_frames: int) -> store.ColumnInfo:
        record, view = self.applied.record, self.applied.view
        shape: dict[str, Any] = {"kind": "vector", "dims": values.shape[-1]}
        if name == "logits":
            shape["dim_names"] = tuple(record.outputs)
        elif name.rpartition("/")[2] in _TIME:
            shape = _of_frames(values, n_frames, view)
        elif name != "embedding" and values.shape[-1] == len(_SLOTS):
            shape["dim_names"] = _SLOTS
        return store.ColumnInfo(
            name=f"{self.prefix}/{name}",
            key=self._key(name),
            unit="share" if self.what == "attention" else "",
            sample_rate=next((column.sample_rate for column in view.columns.values()), 0),
            spec=f"{name} of {self.prefix}",
            settings={
                "model": record.settings.model,
                "task": record.task,
                "fold": self.applied.fold or "",
                "inputs": list(view.columns),
            },
            engine=self.applied.device.type,
            versions={"torch": torch.__version__.split("+")[0]},
            of_run=self.applied.run.resolve().name,
            trained_on=self.applied.trained_on,
            **shape,
        )

    def _key(self, name: str) -> str:
        """Identity of the values: given an utterance's id and input, it says what they are."""
        applied, record = self.applied, self.applied.record
        manifest = applied.opened.manifest
        trim_db = record.training.trim_db
        trimmed = [] if trim_db is None else [trim_db]
        # In a window or recording, or normalised by speaker, values depend on others: then the whole manifest is the input.
        others = record.context != 1 or record.is_by_speaker
        around = [[item.id, item.recording, item.position, item.speaker, item.fingerprint] for item in manifest]
        return digest(
            {
                "version": VERSION,
                "name": name,
                "engine": applied.device.type,
                "model": record.settings.model,
                "networks": [_network(applied.stored.fold(number)) for number in applied.numbers],
                "split": record.split.digest if len(applied.numbers) > 1 else "",
                "corpus": applied.opened.corpus if len(applied.numbers) > 1 else "",
                "inputs": [info.key for info in applied.view.columns.values()],
                "window": [record.context, record.settings.context_of, record.training.n_frames, *trimmed],
                "around": around if others else [],
                "shares": [list(share.ids) for share in applied.shares] if record.context != 1 else [],
                "text": [[item.id, item.text] for item in manifest] if applied.reads_text else [],
            }
        )

    def _result(self, name: str, values: Mapping[str, list[np.ndarray]], place: int) -> store.UtteranceResult:
        if name not in values:
            return store.UtteranceResult(status=1, error=self.applied.failed[name])
        array = values[name][place]
        if not np.isfinite(array).all():
            return store.UtteranceResult(status=1, error="NONFINITE: the network's output is not finite")
        return store.UtteranceResult(status=0, array=np.ascontiguousarray(array, np.float32))


def _network(fold: StoredFold) -> dict[str, Any]:
    """What makes the numbers of a fold's network."""
    made = fold.record
    return {"weights": made.tensors_sha256, "build": made.build, "normaliser": made.normaliser}


def _rows(info: store.ColumnInfo, values: np.ndarray) -> np.ndarray:
    """(E,) → (1, E); weights over time (T,) → (T, 1), of heads (H, T) → (T, H)."""
    return values.reshape(info.dims, -1).T if info.kind == "frames" else values.reshape(1, -1)


def _clock(view: StoreView) -> tuple[float, float] | None:
    """``hop_s`` and ``start_s`` of the model's frames."""
    return next(((info.hop_s, info.start_s or 0.0) for info in view.columns.values() if info.hop_s), None)


def _of_frames(values: Tensor, n_frames: int, view: StoreView) -> dict[str, Any]:
    """Kind, heads and clock of weights (1, T) or (1, H, T); one weight may stand for several frames."""
    clock = _clock(view)
    if clock is None:
        raise ParameterError("the run's columns have no clock, so that its attention has no times; embed its vectors instead")
    hop_s, start_s = clock
    stride = max(1, round(n_frames / values.shape[-1]))
    heads = values.shape[1] if values.ndim == 3 else 1
    return {
        "kind": "frames",
        "dims": heads,
        "dim_names": tuple(f"head {number}" for number in range(1, heads + 1)) if heads > 1 else ("weight",),
        "hop_s": hop_s * stride,
        "start_s": start_s + hop_s * (stride - 1) / 2,
    }
