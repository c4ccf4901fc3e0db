"""A graph as the bytes of an ONNX or a TorchScript file, with as many free axes as it answers rightly at."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.inference.export.graph import Examples, Whole

TOLERANCE = 1e-3  # of probabilities and embedding; more is a fault of the export

Answer = Callable[[tuple[Tensor, ...]], Sequence[np.ndarray]]


def needs_onnx() -> None:
    """Refuse where what writes ONNX is not installed.

    Raises
    ------
    MissingDependencyError
        Without onnx or onnxscript.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        raise MissingDependencyError("ONNX needs onnx and onnxscript; pip install 'featurekit[export]'") from None


def write_onnx(whole: Whole, examples: Examples, facts: dict[str, Any]) -> tuple[bytes, list[str], Answer | None]:
    """The file, its free axes, and what runs it, where onnxruntime is installed.

    Raises
    ------
    MissingDependencyError
        Without onnx or onnxscript.
    ParameterError
        When torch cannot write the model.
    """
    needs_onnx()
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


def write_torchscript(whole: Whole, examples: Examples, facts: dict[str, Any]) -> tuple[bytes, list[str], Answer]:
    """The file, its free axes, and what runs it.

    Raises
    ------
    ParameterError
        When torch cannot write the model.
    """
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


def _runs(whole: Whole, answer: Answer, examples: Examples, free: Sequence[str]) -> bool:
    """Whether a file answers rightly at other sizes than it was written at."""
    try:
        return difference_to(whole, answer, examples, free) <= TOLERANCE
    except Exception:  # each runtime has its own
        return False


def difference_to(whole: Whole, answer: Answer, examples: Examples, free: Sequence[str]) -> float:
    """The largest difference of answers over several sizes, and windows with an empty slot."""
    worst = 0.0
    for seed, (batch, steps) in enumerate(((1, examples.steps), (3, examples.steps // 2 + 1), (1, 2 * examples.steps + 1))):
        sizes = batch if "batch" in free else 1, steps if "time" in free else examples.steps
        inputs = examples.make(*sizes, seed, holes=bool(seed % 2))
        with torch.inference_mode():
            wanted = [value.numpy() for value in whole(*inputs)]
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(answer(inputs), wanted, strict=True)))
    return worst


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
