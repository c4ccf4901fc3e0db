"""Parts of a model that start from finished runs: the branches of a fusion, say, each trained on its own before.

A part is a submodule that is itself a registered network (:mod:`featurekit.models`). Each fold takes the state of the same
fold of the finished run. Where the splits differ, a fold takes the one of the same name (or the only one), and is refused
when what that was trained or chosen on meets this fold's test part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurekit import training
from featurekit.data import Fold, Split
from featurekit.errors import ParameterError, SplitError
from featurekit.models.backbones import first_difference
from featurekit.runs import StoredFold, finished_run


@dataclass(frozen=True)
class Initial:
    """Which checkpoint each part of each fold starts from.

    Parameters
    ----------
    folds : dict
        Part → per fold the finished one it starts from.
    """

    folds: Mapping[str, Sequence[StoredFold]]

    @classmethod
    def of(cls, parts: Mapping[str, str], split: Split, keys: Sequence[str]) -> Initial:
        """Find them.

        Parameters
        ----------
        parts : mapping
            Part → folder of a finished run.
        split : Split
            Of the run that is to be trained.
        keys : sequence of str
            Keys of the columns it reads.

        Raises
        ------
        ParameterError
            When a folder is no finished run, or read columns that this run does not.
        SplitError
            When a finished run trained on what is to be tested here.
        """
        return cls({part: _checkpoints(part, Path(folder), split, keys) for part, folder in parts.items()})

    @property
    def digests(self) -> dict[str, list[str]]:
        """Digest of every state: they belong to what the run is."""
        return {part: [fold.record.tensors_sha256 for fold in folds] for part, folds in self.folds.items()}

    def load_into(self, model: Any, number: int) -> None:
        """Put the states of one fold into the parts of a model.

        Raises
        ------
        ParameterError
            When the model has no such part, or the state is of another network.
        """
        for part, folds in self.folds.items():
            fold = folds[number]
            state = training.tensors_of(fold.weights, fold.path)
            try:
                network = model.get_submodule(part)
            except AttributeError:
                known = ", ".join(name for name, _ in model.named_children())
                raise ParameterError(f"{type(model).__name__} has no part {part!r}; its parts are {known}") from None
            if hasattr(network, "used_of"):
                state = network.used_of(state)
            unlike = first_difference(state, network.state_dict())
            if unlike:
                raise ParameterError(
                    f"{fold.path} does not fit part {part!r}: {unlike}; train it with the same model, features and task"
                )
            network.load_state_dict(state)


def _checkpoints(part: str, folder: Path, split: Split, keys: Sequence[str]) -> list[StoredFold]:
    run = finished_run(folder)
    theirs = run.split
    strange = [column.name for column in run.record.columns if column.key not in keys]
    if strange:
        raise ParameterError(
            f"{folder}, for part {part!r}, read {', '.join(strange)}, which this run does not; name that in --features too"
        )
    if theirs.digest == split.digest:
        return run.folds
    return [run.fold(_alike(part, folder, fold, theirs)) for fold in split.folds]


def _alike(part: str, folder: Path, fold: Fold, theirs: Split) -> int:
    names = [other.name for other in theirs.folds]
    if fold.name not in names and len(names) > 1:
        raise SplitError(
            f"{folder}, for part {part!r}, has another split and no fold {fold.name} (it has {', '.join(names[:20])}); "
            "train it on the split of this run"
        )
    number = names.index(fold.name) if fold.name in names else 0
    seen = {*theirs.folds[number].train, *theirs.folds[number].dev}
    met = sorted(seen & set(fold.test))
    if met:
        raise SplitError(
            f"{folder}, for part {part!r}, was trained on {len(met)} utterances that fold {fold.name} tests on: "
            f"{', '.join(met[:3])}; train it on the split of this run"
        )
    return number
