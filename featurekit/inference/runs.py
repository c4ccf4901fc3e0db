"""A finished run as it lies on disk: its record, its columns, the network of each fold."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from featurekit import features, models, training
from featurekit.data import Normaliser
from featurekit.data.columns import holding
from featurekit.data.layout import Layout
from featurekit.data.views.renamed import RenamedStore
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.extraction.advice import command_that_adds
from featurekit.features import Column, cuda
from featurekit.runs import RunRecord, StoredFold, StoredRun, finished_run
from featurekit.store import ColumnInfo, Store
from featurekit.training.devices import place

_logger = logging.getLogger(__name__)

# A network that asks for more numbers than its file has is of another record; what is fitted to data may be a little larger.
_LARGER, _SMALL = 2, 1_000_000


@dataclass(frozen=True)
class FoldNetwork:
    """What one fold of a run learnt.

    Parameters
    ----------
    model : module
        In evaluation mode, on its device.
    normaliser : Normaliser
        Fitted on the fold's training ids.
    """

    model: torch.nn.Module
    normaliser: Normaliser


def layout_of(record: RunRecord) -> Layout:
    """How a run's columns are stacked."""
    return Layout.of({column.name: column for column in record.columns})


def load_fold(fold: StoredFold, device: torch.device) -> FoldNetwork:
    """The network of one fold and the normaliser of its inputs.

    Raises
    ------
    ParameterError
        When the checkpoint is missing, damaged or of another network.
    """
    run, facts = fold.run.record, fold.record
    state = training.tensors_of(fold.weights, fold.path)

    def built() -> torch.nn.Module:
        return models.rebuild(run.settings.model, columns=layout_of(run).slices, **facts.build)

    try:
        with torch.device("meta"):  # sizes without memory: those of a damaged record may be any
            size = sum(value.numel() for value in built().state_dict().values())
        there = sum(value.numel() for value in state.values())
        if size > _LARGER * there + _SMALL:
            raise ParameterError(f"its record asks for {size} numbers, and its weights are {there}")
        model = built()
        model.load_state_dict(state)
    except UnknownNameError:
        raise
    except Exception as error:  # whatever a network says to sizes that are not its own
        why = " ".join(str(error).split())[:200]
        raise ParameterError(f"{fold.path} is of another version of its model; remove the run and train again: {why}") from None
    return FoldNetwork(place(model, device).eval(), Normaliser.from_dict(facts.normaliser))


def kernels_of(run: str | Path, fold: str | None = None) -> dict[int, np.ndarray]:
    """What the kernels of a fold's network look for: width in frames → array (kernels, width, dims).

    Parameters
    ----------
    run : path
        A finished run.
    fold : str, optional
        Which fold's network; the first one by default.

    Raises
    ------
    ParameterError
        When the folder is no finished run, or its model has no such kernels.
    UnknownNameError
        For a fold the run does not have.
    """
    stored = finished_run(run)
    model: Any = load_fold(stored.fold(0 if fold is None else fold), torch.device("cpu")).model
    if not hasattr(model, "kernels"):
        raise ParameterError(
            f"{stored.record.settings.model} has no kernels to draw; sae-cnn-blstm and sae-cnn-blstm-attention have some, and "
            f"attention is drawn for an utterance: featurekit show STORE UTTERANCE {run}"
        )
    return {width: found.numpy() for width, found in model.kernels().items()}


def precision_note(run: str | Path, precision: str = "fp32") -> str:
    """A sentence where a run's networks are applied in another precision than they were trained and tested in; else empty.

    Parameters
    ----------
    run : path
        A run.
    precision : {"fp32", "bf16"}
        In what they are applied.
    """
    trained = StoredRun(run).fold(0).record.precision
    if trained in ("", precision):  # a run of before did not say
        return ""
    return (
        f"the run was trained and tested in {trained} and is applied in {precision} here: numbers differ by what {trained} "
        "rounds, and a score of the one is not exactly that of the other"
    )


def audio_columns(record: RunRecord) -> list[Column]:
    """The run's columns, and the one it trims by, as this version computes them from audio, under the run's names.

    Raises
    ------
    ParameterError
        When one of them was written by a run, or by another version of its feature; when the run needs more than audio:
        transcripts, speakers.
    """
    model = record.settings.model
    if models.MODELS.get(model).reads == ("text",):
        raise ParameterError(
            f"{model} reads transcripts alone: name a manifest that has texts, featurekit predict RUN FILE.jsonl"
        )
    if "text" in models.MODELS.get(model).reads:
        raise ParameterError(
            f"{model} reads transcripts, which audio alone does not have; extract the audio into a store whose manifest "
            "has texts, and use `featurekit embed RUN STORE --what logits`"
        )
    if record.is_by_speaker:
        raise ParameterError(
            "the run normalises by speaker, over all utterances of each, and audio alone does not say whose it is; extract "
            "the audio into a store whose manifest has speakers, and use `featurekit embed RUN STORE --what logits`"
        )
    return [_audio_column(info) for info in record.read_columns]


def _audio_column(info: ColumnInfo) -> Column:
    if info.of_run:
        raise ParameterError(
            f"the run reads {info.name}, which `featurekit embed` wrote: a network's output, not a feature of audio; "
            "extract the audio into a store, embed it with both runs: featurekit embed RUN STORE --what logits"
        )
    try:
        column = features.parse(info.spec)[0].renamed(info.name)
    except UnknownNameError as error:
        raise ParameterError(f"the run's column {info.name} cannot be computed here: {error}") from None
    # What a GPU computed for the run is computed here on the CPU, the same within a tolerance.
    stored = cuda.as_stored(column, info.key) if info.engine == "cuda" else column
    if stored.key != info.key:
        raise ParameterError(
            f"the run's column {info.name} was computed by another version of its feature; extract and train again"
        )
    return column


def columns_of_run(opened: Store, record: RunRecord) -> RenamedStore:
    """The columns that a run reads, found in a store by their keys, under the run's names.

    So a store of another corpus, or with other names, will do.

    Parameters
    ----------
    opened : Store
    record : RunRecord

    Raises
    ------
    ParameterError
        When the store lacks a column, with the command that adds it.
    """
    wanted = record.read_columns
    names = {info.name: holding(opened.columns, info.key, info.spec, info.engine) or "" for info in wanted}
    lacking = [info for info in wanted if not names[info.name]]
    if lacking:
        raise ParameterError(_how_to_add(opened, lacking))
    return RenamedStore(opened, names)


def _how_to_add(store: Store, lacking: Sequence[ColumnInfo]) -> str:
    names = ", ".join(info.name for info in lacking)
    problem = f"{store.path} lacks what the run reads, {names} (it has {', '.join(sorted(store.columns))})"
    learnt = next((info.of_run for info in lacking if info.of_run), "")
    if learnt:
        return f"{problem}; the run {learnt} makes it: featurekit embed {learnt} {store.path}"
    other = next((info.name for info in lacking if any(info.spec == own.spec for own in store.columns.values())), "")
    if other:
        return f"{problem}: another version of its feature, or other weights, computed {other} there; extract and train again"
    return f"{problem}; add it: {command_that_adds(store, ','.join(info.spec for info in lacking))}"


def audio_files(paths: Iterable[str | Path]) -> list[Path]:
    """Files as they are; folders as the audio files below them, sorted, without those that a dot hides.

    Raises
    ------
    ParameterError
        For a path that does not exist, or a folder without audio.
    """
    from featurekit import audio

    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            named = (item for item in path.rglob("*") if audio.is_audio_name(item.name) and not _hidden(item, path))
            inside = sorted(item for item in named if item.is_file() or item.is_symlink())  # a link to nothing is told as such
            twins = audio.beside_their_audio(map(str, inside))
            if twins:
                text = "%d videos in %s lie beside audio of the same name, which is read in their place"
                _logger.warning(text, len(twins), path)
            inside = [item for item in inside if str(item) not in twins]
            if not inside:
                raise ParameterError(f"there is no audio file in {str(path)!r}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise ParameterError(f"there is no file {str(path)!r}")
    return found


def _hidden(item: Path, folder: Path) -> bool:
    """Whether a file below a folder is passed over, as by the recipes: macOS leaves a ``._x.wav`` beside ``x.wav``."""
    return any(part.startswith(".") or part == "__MACOSX" for part in item.relative_to(folder).parts)
