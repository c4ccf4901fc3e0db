"""A fold's network as one file for other programs: ONNX, or TorchScript; its normaliser is part of the graph.

The graph takes what a store holds, not audio: ``frames`` (B, C, T, D) float32 with ``lengths`` (B, C) int64, ``images``
(B, C, H, W) uint8, and for windows of several utterances ``present`` (B, C) bool. It gives ``probabilities`` (B, K), or
``values`` where the run rates, and ``embedding`` (B, E). Names of columns, classes and axes are in the file's metadata.

After writing, the file is loaded and run on random input beside the network it was made from.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from featurekit.data.layout import Layout
from featurekit.errors import ParameterError
from featurekit.files import replace_file
from featurekit.inference.export.graph import Examples, Whole
from featurekit.inference.export.writers import TOLERANCE, difference_to, needs_onnx, write_onnx, write_torchscript
from featurekit.inference.runs import layout_of, load_fold
from featurekit.models import MODELS
from featurekit.models.classical import Classical
from featurekit.runs import RunRecord, StoredFold, StoredRun, finished_run
from featurekit.store import ColumnInfo

FORMATS = {".onnx": "ONNX", ".pt": "TorchScript"}


@dataclass(frozen=True)
class Exported:
    """What :func:`export_run` wrote.

    Parameters
    ----------
    path : Path
    format : str
        ``ONNX`` or ``TorchScript``.
    inputs : dict
        Name → its axes, a name for each that may have any size.
    outputs : list of str
    difference : float or None
        Largest difference to the network on random input; None where nothing could run the file.
    bytes : int
    silence : str
        What the caller has to leave out of the frames; empty where nothing.
    """

    path: Path
    format: str
    inputs: dict[str, list[int | str]]
    outputs: list[str]
    difference: float | None
    bytes: int
    silence: str


@dataclass(frozen=True)
class ExportForecast:
    """What :func:`export_run` would write.

    Parameters
    ----------
    path : Path
    format : str
    fold : str
        Whose network it is.
    bytes_of_weights : int
        The file has these, and the graph.
    """

    path: Path
    format: str
    fold: str
    bytes_of_weights: int


def forecast_export(run: str | Path, path: str | Path, *, fold: str | None = None) -> ExportForecast:
    """Say what :func:`export_run` would write; nothing is written.

    Parameters
    ----------
    run, path, fold
        As of :func:`export_run`.

    Raises
    ------
    FeaturekitError
        As :func:`export_run`, but for what is seen only in writing.
    """
    path, chosen = _checked(run, path, fold)
    network = load_fold(chosen, torch.device("cpu"))
    record = chosen.run.record
    _refuse_what_is_no_graph(record, network.model)
    if path.suffix == ".onnx":
        needs_onnx()
    weights = sum(value.nbytes for value in network.model.state_dict().values())
    return ExportForecast(path, FORMATS[path.suffix], chosen.name, weights)


def _checked(run: str | Path, path: str | Path, fold: str | None) -> tuple[Path, StoredFold]:
    """The file, and the fold whose network it gets."""
    path, stored = Path(path), finished_run(run)
    if path.suffix not in FORMATS:
        raise ParameterError(f"{path.name!r} ends in neither {' nor '.join(FORMATS)}; the ending says what to write")
    return path, _chosen(stored, fold)


def export_run(run: str | Path, path: str | Path, *, fold: str | None = None) -> Exported:
    """Write the network of a fold as ONNX (``.onnx``) or TorchScript (``.pt``).

    Parameters
    ----------
    run : path
        A finished run.
    path : path
        The file; its ending says the format.
    fold : str, optional
        Which fold's network; needed where the run has several.

    Returns
    -------
    Exported

    Raises
    ------
    ParameterError
        For another ending, a run of several folds without ``fold``, a model that cannot be written, or a file that does
        not answer as the network does.
    UnknownNameError
        For a fold the run does not have.
    MissingDependencyError
        Without onnx and onnxscript, for ONNX.
    """
    path, chosen = _checked(run, path, fold)
    record = chosen.run.record
    network, layout = load_fold(chosen, torch.device("cpu")), layout_of(record)
    _refuse_what_is_no_graph(record, network.model)
    whole = Whole(network, layout, record).eval().requires_grad_(False)
    examples = Examples(record, layout, whole)
    facts = _facts(record, layout, whole, chosen.record.tensors_sha256, Path(run).resolve().name)
    write = write_onnx if path.suffix == ".onnx" else write_torchscript
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters warn of their own parts
        data, free, answer = write(whole, examples, facts)
        difference = None if answer is None else difference_to(whole, answer, examples, free)
    if difference is not None and not difference <= TOLERANCE:
        raise ParameterError(
            f"the file would answer otherwise than the network, by {difference:.2g}; {record.settings.model} cannot be "
            f"written as {FORMATS[path.suffix]} by this torch ({torch.__version__})"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
    axes = {name: examples.axes(name, free) for name in whole.names}
    return Exported(path, FORMATS[path.suffix], axes, facts["outputs"], difference, len(data), facts["silence"])


def _chosen(run: StoredRun, fold: str | None) -> StoredFold:
    if fold is None and len(run.folds) > 1:
        names = ", ".join(run.record.folds[:20])
        raise ParameterError(f"the run has {len(run.folds)} folds, each a network: say which by --fold ({names})")
    return run.fold(fold or 0)


def _refuse_what_is_no_graph(record: RunRecord, model: nn.Module) -> None:
    name = record.settings.model
    if "text" in MODELS.get(name).reads:
        raise ParameterError(
            f"{name} reads transcripts, whose words are numbered by featurekit: it cannot be a file of its own"
        )
    if not record.context:
        raise ParameterError(f"{name} reads whole recordings of any number of utterances, and a graph has a window of one size")
    if record.is_by_speaker:
        raise ParameterError(
            "the run normalises by speaker, over all utterances of each, which a file that judges one cannot know"
        )
    if isinstance(model, Classical):
        raise ParameterError(f"{name} is no network but what scikit-learn or hmmlearn fitted; apply it by `featurekit predict`")


def _facts(record: RunRecord, layout: Layout, whole: Whole, weights: str, run: str) -> dict[str, Any]:
    """What the file says about itself."""
    described = {column.name: column for column in record.columns}
    return {
        "run": run,
        "model": record.settings.model,
        "weights_sha256": weights,
        "task": record.task,
        "verdict": record.verdict,
        "outputs": ["values" if whole.rates else "probabilities", "embedding"],
        "classes": list(record.outputs),
        "columns": [
            {"name": name, "dims": [part.start, part.stop], **_computed(described[name])}
            for name, part in layout.slices.items()
        ],
        "image": {"name": layout.image, "spec": described[layout.image].spec} if layout.image else None,
        "context": record.context,
        "n_frames": record.training.n_frames,
        "trim_db": record.training.trim_db,
        "level": _computed(record.level) if record.level else None,
        "silence": _silence(record),
    }


def _silence(record: RunRecord) -> str:
    """What a graph cannot do, since the level is no input of it (:mod:`featurekit.data.views.trimmed`)."""
    trim_db = record.training.trim_db
    if trim_db is None or record.level is None:
        return ""
    return (
        f"the run cut silence: give only the frames from the first to the last one at whose time (the nearest, by start_s and "
        f"hop_s) {record.level.spec} is at most {trim_db:g} dB below its loudest"
    )


def _computed(column: ColumnInfo) -> dict[str, Any]:
    """How a column is computed from audio, and when its frames are."""
    return {"spec": column.spec, "hop_s": column.hop_s, "start_s": column.start_s}
