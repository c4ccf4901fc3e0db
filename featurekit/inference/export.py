"""A fold's network as one file for other programs: ONNX, or TorchScript; its normaliser is part of the graph.

The graph takes what a store holds, not audio: ``frames`` (B, C, T, D) float32 with ``lengths`` (B, C) int64, ``images``
(B, C, H, W) uint8, and for windows of several utterances ``present`` (B, C) bool. It gives ``probabilities`` (B, K), or
``values`` where the run rates, and ``embedding`` (B, E). Names of columns, classes and axes are in the file's metadata.

After writing, the file is loaded and run on random input beside the network it was made from.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from featurekit import training
from featurekit.data.columns import Layout
from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.inference.runs import FoldNetwork, by_speaker, fold_identity, fold_number, layout_of, load_fold, read_run
from featurekit.models import MODELS
from featurekit.models.classical import Classical
from featurekit.settings import replace_file

FORMATS = {".onnx": "ONNX", ".pt": "TorchScript"}
TOLERANCE = 1e-3  # of probabilities and embedding; more is a fault of the export
_FRAMES = 256  # of a file whose time axis is fixed, where neither the run nor its model cuts
_POWER_FLOOR = 1e-10

Inputs = dict[str, Tensor]


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


class _Whole(nn.Module):
    """Normaliser, network and softmax: raw columns in, answers out."""

    mean: Tensor
    deviation: Tensor
    power: Tensor

    def __init__(self, network: FoldNetwork, layout: Layout, record: Mapping[str, Any]) -> None:
        super().__init__()
        self.model, self.context, self.n_frames = network.model, int(record["context"]), record["training"]["n_frames"]
        self.rates = record["kind"] == "values"
        self.centre, self.half_width = training.centre_and_half(record["scale"]) if self.rates else (0.0, 1.0)
        columns = network.normaliser.columns
        parts = [columns[name] for name in layout.slices]
        widths = [part.stop - part.start for part in layout.slices.values()]
        for name, values in {
            "mean": [value for part in parts for value in part["mean"]],
            "deviation": [value for part in parts for value in part["std"]],
        }.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32))
        power = [part["scale"] == "power_to_db" for part, width in zip(parts, widths, strict=True) for _ in range(width)]
        self.register_buffer("power", torch.tensor(power, dtype=torch.bool))
        self.pixel = columns[layout.image] if layout.image else None
        self.names = [*(("frames", "lengths") if layout.slices else ()), *(("images",) if layout.image else ())]
        self.names += ["present"] if self.context > 1 else []

    def forward(self, *values: Tensor) -> tuple[Tensor, Tensor]:
        """The tensors that ``names`` names, in their order."""
        given = dict(zip(self.names, values, strict=True))
        first = values[0]
        present = given.get("present", torch.ones(first.shape[:2], dtype=torch.bool, device=first.device))
        frames, lengths = None, present.to(torch.int64)
        if "frames" in given:
            frames, lengths = self._frames(given["frames"], given["lengths"].masked_fill(~present, 0))
        batch = SimpleNamespace(
            frames=frames,
            lengths=lengths,
            images=self._images(given["images"], present) if "images" in given else None,
            text=None,
            text_lengths=None,
            present=present,
        )
        output = self.model(batch)
        answers = self.centre + self.half_width * output.logits if self.rates else output.logits.softmax(-1)
        return answers, output.embedding

    def _frames(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.n_frames:
            frames, lengths = frames[:, :, : self.n_frames], lengths.clamp(max=self.n_frames)
        decibels = 10.0 * torch.log10(frames.clamp(min=_POWER_FLOOR))
        frames = (torch.where(self.power, decibels, frames) - self.mean) / self.deviation
        frames = torch.nan_to_num(frames, nan=0.0, posinf=0.0, neginf=0.0)
        outside = torch.arange(frames.shape[2], device=frames.device) >= lengths[..., None]  # (B, C, T)
        frames = frames.masked_fill(outside[..., None], 0.0)
        wanted = getattr(self.model, "n_frames", None)
        if wanted:  # a picture of so many columns, whatever T is: then T may be anything
            spare = frames.new_zeros(frames.shape[0], frames.shape[1], wanted, frames.shape[3])
            frames, lengths = torch.cat([frames, spare], dim=2)[:, :, :wanted], lengths.clamp(max=wanted)
        return frames, lengths

    def _images(self, images: Tensor, present: Tensor) -> Tensor:
        pixel = self.pixel or {}
        scaled = (images.to(torch.float32) / 255.0 - pixel["mean"][0]) / pixel["std"][0]
        return scaled.masked_fill(~present[..., None, None], 0.0)


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
    path, record = Path(path), read_run(run)
    if path.suffix not in FORMATS:
        raise ParameterError(f"{path.name!r} ends in neither {' nor '.join(FORMATS)}; the ending says what to write")
    number = _chosen(record, fold)
    network, layout = load_fold(run, record, number, torch.device("cpu")), layout_of(record)
    _refuse_what_is_no_graph(record, network.model)
    whole = _Whole(network, layout, record).eval().requires_grad_(False)
    examples = _Examples(record, layout, whole)
    facts = _facts(record, layout, whole, fold_identity(run, number)["weights"], Path(run).resolve().name)
    write = _write_onnx if path.suffix == ".onnx" else _write_torchscript
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters warn of their own parts
        data, free, answer = write(whole, examples, facts)
        difference = None if answer is None else _difference(whole, answer, examples, free)
    if difference is not None and not difference <= TOLERANCE:
        raise ParameterError(
            f"the file would answer otherwise than the network, by {difference:.2g}; {record['settings']['model']} cannot be "
            f"written as {FORMATS[path.suffix]} by this torch ({torch.__version__})"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
    axes = {name: examples.axes(name, free) for name in whole.names}
    return Exported(path, FORMATS[path.suffix], axes, facts["outputs"], difference, len(data), facts["silence"])


class _Examples:
    """Random inputs of any size, like those the run was trained on."""

    def __init__(self, record: Mapping[str, Any], layout: Layout, whole: _Whole) -> None:
        self.whole, self.layout, self.context = whole, layout, int(record["context"])
        self.image_shape = next((entry["image_shape"] for entry in record["columns"] if entry["image_shape"]), None)
        self.steps = int(getattr(whole.model, "n_frames", None) or record["training"]["n_frames"] or _FRAMES)

    def make(self, batch: int, steps: int, seed: int = 0, *, holes: bool = False) -> tuple[Tensor, ...]:
        """Inputs in the order of their names: raw values around the normaliser's mean."""
        random = torch.Generator().manual_seed(seed)
        slots = (batch, self.context)
        present = torch.ones(slots, dtype=torch.bool)
        if holes:
            present[:, 0] = self.context == 1
        made: Inputs = {"present": present}
        if self.layout.slices:
            noise = torch.randn(*slots, steps, self.layout.dims, generator=random)
            decibels = self.whole.mean + self.whole.deviation * noise
            made["frames"] = torch.where(self.whole.power, 10 ** (decibels / 10), decibels)
            made["lengths"] = torch.randint(max(1, steps // 2), steps + 1, slots, generator=random)
            made["lengths"][0] = steps
        if self.image_shape:
            made["images"] = torch.randint(0, 256, (*slots, *self.image_shape), generator=random, dtype=torch.uint8)
        return tuple(made[name] for name in self.whole.names)

    def axes(self, name: str, free: Sequence[str]) -> list[int | str]:
        """Sizes of an input; a name where any size will do."""
        batch: int | str = "batch" if "batch" in free else 1
        steps: int | str = "time" if "time" in free else self.steps
        shape = {"frames": [steps, self.layout.dims], "images": list(self.image_shape or ())}.get(name, [])
        return [batch, self.context, *shape]

    def dynamic(self, free: Sequence[str]) -> tuple[tuple[dict[int, Any], ...]]:
        """What torch.export is told: the free axes of each input of ``forward(*values)``."""
        kind = torch.export.Dim.DYNAMIC
        axes = [{**({0: kind} if "batch" in free else {}), **({2: kind} if "time" in free and name == "frames" else {})}
                for name in self.whole.names]  # fmt: skip
        return (tuple(axes),)

    def attempts(self) -> list[list[str]]:
        """Which axes may be free, the most first; recurrent layers hold the batch they were traced with."""
        time = ["time"] if self.layout.slices else []
        recurrent = any(isinstance(module, nn.RNNBase) for module in self.whole.modules())
        wanted = [[*time], []] if recurrent else [["batch", *time], [*time], []]
        return [free for place, free in enumerate(wanted) if free not in wanted[:place]]


Answer = Callable[[tuple[Tensor, ...]], Sequence[np.ndarray]]


def _write_onnx(whole: _Whole, examples: _Examples, facts: dict[str, Any]) -> tuple[bytes, list[str], Answer | None]:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        raise MissingDependencyError("ONNX needs onnx and onnxscript; pip install 'featurekit[export]'") from None
    failure: Exception | None = None
    for free in examples.attempts():
        example = examples.make(2 if "batch" in free else 1, examples.steps if "time" not in free else 37)
        # While it exports, torch has another LSTM, whose time is free, and forgets that its dispatcher remembers the last one.
        torch.ops.aten.lstm.input._dispatch_cache.clear()
        try:
            program: Any = torch.onnx.export(
                whole,
                example,
                dynamo=True,
                dynamic_shapes=examples.dynamic(free),
                input_names=whole.names,
                output_names=facts["outputs"],
                verbose=False,
            )
        except Exception as error:  # whatever one of the exporter's many passes raises: the next attempt asks for less
            failure = error
            continue
        axes = {name: examples.axes(name, free) for name in whole.names}
        program.model.metadata_props["featurekit"] = json.dumps(facts | {"inputs": axes})
        data = program.model_proto.SerializeToString()
        answer = _by_onnxruntime(data, whole.names)
        # The exporter may take a free axis and still write down the size it saw.
        if not free or (answer is not None and _runs(whole, answer, examples, free)):
            return data, free, answer
    raise _not_written(facts, "ONNX", failure)


def _by_onnxruntime(data: bytes, names: Sequence[str]) -> Answer | None:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def answer(inputs: tuple[Tensor, ...]) -> Sequence[np.ndarray]:
        found: Sequence[np.ndarray] = session.run(
            None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        )
        return found

    return answer


def _write_torchscript(whole: _Whole, examples: _Examples, facts: dict[str, Any]) -> tuple[bytes, list[str], Answer]:
    try:
        traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
            whole, examples.make(1, examples.steps), check_trace=False
        )
    except Exception as error:
        raise _not_written(facts, "TorchScript", error) from None

    def answer(inputs: tuple[Tensor, ...]) -> Sequence[np.ndarray]:
        return [value.numpy() for value in traced(*inputs)]

    free = next(free for free in examples.attempts() if not free or _runs(whole, answer, examples, free))
    file = io.BytesIO()
    axes = {name: examples.axes(name, free) for name in whole.names}
    torch.jit.save(traced, file, _extra_files={"featurekit.json": json.dumps(facts | {"inputs": axes})})
    return file.getvalue(), free, answer


def _runs(whole: _Whole, answer: Answer, examples: _Examples, free: Sequence[str]) -> bool:
    """Whether a file answers rightly at other sizes than it was written at."""
    try:
        return _difference(whole, answer, examples, free) <= TOLERANCE
    except Exception:  # each runtime has its own
        return False


def _difference(whole: _Whole, answer: Answer, examples: _Examples, free: Sequence[str]) -> float:
    """The largest difference of answers over several sizes, and windows with an empty slot."""
    worst = 0.0
    for seed, (batch, steps) in enumerate(((1, examples.steps), (3, examples.steps // 2 + 1), (1, 2 * examples.steps + 1))):
        sizes = batch if "batch" in free else 1, steps if "time" in free else examples.steps
        inputs = examples.make(*sizes, seed, holes=bool(seed % 2))
        with torch.inference_mode():
            wanted = [value.numpy() for value in whole(*inputs)]
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(answer(inputs), wanted, strict=True)))
    return worst


def _chosen(record: Mapping[str, Any], fold: str | None) -> int:
    if fold is None and len(record["folds"]) > 1:
        names = ", ".join(record["folds"][:20])
        raise ParameterError(f"the run has {len(record['folds'])} folds, each a network: say which by --fold ({names})")
    return fold_number(record, fold or record["folds"][0])


def _refuse_what_is_no_graph(record: Mapping[str, Any], model: nn.Module) -> None:
    name = record["settings"]["model"]
    if "text" in MODELS.get(name).reads:
        raise ParameterError(
            f"{name} reads transcripts, whose words are numbered by featurekit: it cannot be a file of its own"
        )
    if by_speaker(record):
        raise ParameterError(
            "the run normalises by speaker, over all utterances of each, which a file that judges one cannot know"
        )
    if isinstance(model, Classical):
        raise ParameterError(f"{name} is no network but what scikit-learn or hmmlearn fitted; apply it by `featurekit predict`")


def _not_written(facts: Mapping[str, Any], kind: str, error: Exception | None) -> ParameterError:
    cause = error
    while cause is not None and isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    why = " ".join(str(cause).split())[:200]
    other = "FILE.pt may do, else " if kind == "ONNX" else ""
    return ParameterError(
        f"torch {torch.__version__} cannot write {facts['model']} as {kind}: {type(cause).__name__}: {why}; "
        f"{other}apply it by `featurekit predict`"
    )


def _facts(record: Mapping[str, Any], layout: Layout, whole: _Whole, weights: str, run: str) -> dict[str, Any]:
    """What the file says about itself."""
    described = {entry["name"]: entry for entry in record["columns"]}
    return {
        "run": run,
        "model": record["settings"]["model"],
        "weights_sha256": weights,
        "task": record["task"],
        "verdict": record["verdict"],
        "outputs": ["values" if whole.rates else "probabilities", "embedding"],
        "classes": record["outputs"],
        "columns": [
            {"name": name, "dims": [part.start, part.stop], **_computed(described[name])}
            for name, part in layout.slices.items()
        ],
        "image": {"name": layout.image, "spec": described[layout.image]["spec"]} if layout.image else None,
        "context": record["context"],
        "n_frames": record["training"]["n_frames"],
        "trim_db": record["training"].get("trim_db"),
        "level": _computed(record["level"]) if record.get("level") else None,
        "silence": _silence(record),
    }


def _silence(record: Mapping[str, Any]) -> str:
    """What a graph cannot do, since the level is no input of it (:mod:`featurekit.data.trimmed`)."""
    trim_db = record["training"].get("trim_db")
    if trim_db is None:
        return ""
    return (
        f"the run cut silence: give only the frames from the first to the last one at whose time (the nearest, by start_s and "
        f"hop_s) {record['level']['spec']} is at most {trim_db:g} dB below its loudest"
    )


def _computed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """How a column is computed from audio, and when its frames are."""
    return {name: entry[name] for name in ("spec", "hop_s", "start_s")}
