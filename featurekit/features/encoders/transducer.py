"""The encoder of Lu et al.'s RNN transducer as a frozen encoder: where its weights lie, what their shapes say, its states.

Two kinds of folders hold one. A fold's folder of a run of ``rnnt-attention`` on ``lu2020``: ``model.safetensors``, and in
``model.json`` the normaliser that belongs to it. Or a folder for weights from elsewhere: a ``config.json`` whose ``model_type``
is ``rnnt-encoder``, with ``mean`` and ``std`` of the 80 bands where wanted, and one ``.safetensors``. The tensors have the
names of the run's: of macro layer m, BiLSTM layer l and a direction d, ``forwards`` or ``backwards``,

    encoder.macros.<m>.conv.conv.weight (512, 80 or 1536, 5) and .bias
    encoder.macros.<m>.lstms.<l>.<d>.weight_ih_l0, .weight_hh_l0, .bias_ih_l0, .bias_hh_l0, as torch's LSTM has them
    encoder.macros.<m>.projections.<l>.weight (1536, 1024) and .bias

The sizes are those of the tensors. What lies in a folder is read without torch but for the states.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.fbank import fbank
from featurekit.features.requests import parse
from featurekit.settings import digest

FAMILY = "rnnt-encoder"
SAMPLE_RATE, HOP_LENGTH = 16000, 160  # of fbank's defaults, which lu2020 has
_CONVOLUTION = re.compile(r"encoder\.macros\.(\d+)\.conv\.conv\.weight")


class Weights(NamedTuple):
    """Where an encoder's tensors are, what the log-mel is normalised by, and a digest of both and of the log-mel."""

    file: Path
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str


def is_one(folder: Path) -> bool:
    """Whether a folder is meant to hold a transducer's encoder."""
    if (folder / "model.json").is_file() and not (folder / "config.json").is_file():
        return True
    config = folder / "config.json"
    return config.is_file() and _json(config).get("model_type") == FAMILY


def weights(folder: Path) -> Weights:
    """Find the tensors and the normaliser of a folder.

    Raises
    ------
    ParameterError
        When the folder lacks something, or its run is of another model or other features.
    """
    seen = sorted(path for path in [*folder.iterdir(), _run_of(folder)] if path.suffix in (".json", ".safetensors"))
    return _weights(folder, tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in seen if path.is_file()))


@functools.lru_cache(maxsize=16)
def _weights(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> Weights:
    """Sizes and times only say when to look again; they are in no digest."""
    if (folder / "config.json").is_file():
        config, tensors = _json(folder / "config.json"), sorted(folder.glob("*.safetensors"))
        if len(tensors) != 1:
            raise ParameterError(f"{folder} has {len(tensors)} .safetensors; a transducer's encoder is one file")
        mean, std = (tuple(map(float, config.get(name, ()))) for name in ("mean", "std"))
        file = tensors[0]
    else:
        file = folder / "model.safetensors"
        mean, std = _normaliser(folder)
    if not file.is_file():
        raise ParameterError(f"{folder} has no {file.name}; give the folder of a finished fold, as in RUN/folds/0")
    with open(file, "rb") as opened:
        contents = hashlib.file_digest(opened, "sha256").hexdigest()
    # The log-mel is computed in here: other numbers of it are another encoder's.
    return Weights(file, mean, std, digest([contents, mean, std, parse("lu2020")[0].key]))


def sizes(found: Weights) -> dict[str, int]:
    """What an encoder's description needs: ``dims`` and ``hop_length`` (samples), by the shapes of its tensors.

    Raises
    ------
    ParameterError
        When the tensors are none of such an encoder; the message names the first that is missing.
    """
    shapes = _shapes(found.file)
    macros = sorted(int(match[1]) for match in map(_CONVOLUTION.fullmatch, shapes) if match)
    last = f"encoder.macros.{len(macros) - 1}.projections.0.weight"
    if macros != list(range(len(macros))) or not macros or last not in shapes:
        lacking = "encoder.macros.0.conv.conv.weight" if 0 not in macros else last
        raise ParameterError(f"{found.file} lacks {lacking}; these are no weights of rnnt-attention's encoder")
    bands = shapes["encoder.macros.0.conv.conv.weight"][1]
    for name, values in (("mean", found.mean), ("std", found.std)):
        if values and len(values) != bands:
            raise ParameterError(f"{found.file.parent}: {name} has {len(values)} numbers and the encoder reads {bands} bands")
    return {"dims": shapes[last][0], "hop_length": HOP_LENGTH * 2 ** len(macros)}


def encode(found: Weights, signal: np.ndarray, device: str, mask: Any = None) -> np.ndarray:
    """States of one signal at 16 kHz [shape=(1, dims, frames)]; ``mask`` changes the log-mel before it is normalised."""
    import torch
    from torch.nn import functional as F

    network = _load(found, device)
    log_mel = fbank(signal, SAMPLE_RATE, n_mels=network.n_mels)
    log_mel = (log_mel if mask is None else mask(log_mel)).astype(np.float64)
    if found.mean:
        log_mel = log_mel - np.array(found.mean)[:, None]
    if found.std:
        log_mel = log_mel / np.array(found.std)[:, None]
    with torch.inference_mode():
        x = torch.from_numpy(log_mel.astype(np.float32)[None]).to(device)  # (1, bands, T)
        for macro in network.macros:
            x = F.conv1d(x, *macro.convolution, padding=macro.convolution[0].shape[2] // 2).relu()
            x = F.max_pool1d(x, 2, ceil_mode=True).transpose(1, 2)
            for lstm, projection in macro.layers:
                x = F.linear(lstm(x)[0], *projection)
            x = x.transpose(1, 2)
        return np.ascontiguousarray(x.cpu().numpy())


class _Macro(NamedTuple):
    convolution: tuple[Any, Any]
    layers: list[tuple[Any, tuple[Any, Any]]]


class _Network(NamedTuple):
    n_mels: int
    macros: list[_Macro]


@functools.lru_cache(maxsize=2)
def _load(found: Weights, device: str) -> _Network:
    from safetensors.torch import load_file

    state = {name: value.float() for name, value in load_file(found.file, device=device).items() if name.startswith("encoder.")}
    macros = []
    for number in range(sum(_CONVOLUTION.fullmatch(name) is not None for name in state)):
        at = f"encoder.macros.{number}"
        layers = sum(re.fullmatch(rf"{re.escape(at)}\.projections\.\d+\.weight", name) is not None for name in state)
        try:
            convolution = state[f"{at}.conv.conv.weight"], state[f"{at}.conv.conv.bias"]
            macros.append(_Macro(convolution, [_layer(state, at, layer, device) for layer in range(layers)]))
        except KeyError as error:
            raise ParameterError(f"{found.file} lacks {error}; these are no weights of rnnt-attention's encoder") from None
    return _Network(int(state["encoder.macros.0.conv.conv.weight"].shape[1]), macros)


def _layer(state: Mapping[str, Any], at: str, layer: int, device: str) -> tuple[Any, tuple[Any, Any]]:
    from torch import nn

    units, inputs = (state[f"{at}.lstms.{layer}.forwards.{name}"].shape[1] for name in ("weight_hh_l0", "weight_ih_l0"))
    lstm = nn.LSTM(inputs, units, batch_first=True, bidirectional=True, device="meta").to_empty(device=device).eval()
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    for direction, suffix in (("forwards", ""), ("backwards", "_reverse")):
        for name in names:
            getattr(lstm, name + suffix).data.copy_(state[f"{at}.lstms.{layer}.{direction}.{name}"])
    return lstm, (state[f"{at}.projections.{layer}.weight"], state[f"{at}.projections.{layer}.bias"])


def _normaliser(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of a fold's log-mel, whose run must be of this model on what is computed here."""
    run = _run_of(folder)
    if not run.is_file():
        raise ParameterError(f"{folder} holds model.json, but is no fold of a run; give RUN/folds/0 with its run.json beside")
    record, (wanted,) = _json(run), parse("lu2020")
    model, columns = record.get("settings", {}).get("model"), record.get("columns", [])
    if model != "rnnt-attention":
        raise ParameterError(f"{run.parent} is a run of {model}; the encoder that can be frozen is that of rnnt-attention")
    if [column.get("spec") for column in columns] != [wanted.spec]:
        read = ", ".join(str(column.get("spec")) for column in columns)
        raise ParameterError(f"{run.parent} read {read}; a frozen encoder computes {wanted.spec}: train it on lu2020")
    if record.get("training", {}).get("normalise") == "speaker":
        raise ParameterError(f"{run.parent} normalised each speaker by itself, which a frozen encoder cannot; train it without")
    (fitted,) = _json(folder / "model.json")["normaliser"]["columns"].values()
    return tuple(fitted["mean"]), tuple(fitted["std"])


def _run_of(fold: Path) -> Path:
    return fold.resolve().parent.parent / "run.json"


def _shapes(file: Path) -> dict[str, list[int]]:
    """Names and shapes of the tensors: the head of a safetensors file is its length and JSON."""
    with open(file, "rb") as opened:
        head = opened.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        try:
            if length > file.stat().st_size:
                raise ValueError("it is longer than the file")
            found = json.loads(opened.read(length))
        except ValueError as error:
            raise ParameterError(f"the head of {file} is not that of a safetensors file ({error})") from None
    return {name: facts["shape"] for name, facts in found.items() if name != "__metadata__"}


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ParameterError(f"{path} is not a JSON object ({error})") from None
